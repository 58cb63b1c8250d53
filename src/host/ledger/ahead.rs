//! Verifies a whole ledger on all cores, as far as it is sound; the walk over the lines judges the rest.
//!
//! Pieces of the files go to threads in turn and come back in turn, so that what is in memory at once does not
//! depend on how large the ledger is.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use memchr::memrchr;

use super::snapshot::Snapshot;
use crate::model::chain::head::Known;
use crate::model::chain::piece::Piece;
use crate::model::chain::verify::Verifier;
use crate::model::chain::walk::segment_name;
use crate::model::note::key::VerifierKey;

/// How much of a file is one piece, in bytes.
const PIECE: u64 = 512 * 1024;

/// The most threads: more of them wait for the memory.
const MOST_THREADS: usize = 8;

/// How far was verified: the next line is at `offset` of the segment at `place`.
pub(super) struct Ahead {
    pub(super) place: usize,
    pub(super) offset: u64,
    pub(super) verifier: Verifier,
}

/// Who takes what was verified.
pub(super) trait Takes {
    /// Takes a piece that continues the chain.
    fn take(&mut self, piece: &Piece);

    /// The key that checkpoints are signed with, as far as is known.
    fn key(&self) -> Option<&VerifierKey>;
}

/// Bytes that are to be verified: whole lines.
struct Task {
    place: usize,
    offset: u64,
    lines: Vec<u8>,
    key: Option<VerifierKey>,
}

/// What became of them.
struct Outcome {
    place: usize,
    offset: u64,
    /// The same memory, to be used again.
    lines: Vec<u8>,
    piece: Option<Piece>,
}

/// Where the next bytes are taken from.
struct Source<'s> {
    snapshot: &'s Snapshot,
    /// The last segment that may be read.
    last: usize,
    place: usize,
    offset: u64,
}

/// Verifies pieces from the first entry that is here on, before which the verifier stands, up to the one that has the entry which the head speaks of.
///
/// # Errors
/// When the files cannot be read.
pub(super) fn verify(
    snapshot: &Snapshot,
    verifier: Verifier,
    known: Option<&Known>,
    is_told: impl Fn(&str) -> bool + Sync,
    takes: &mut impl Takes,
) -> io::Result<Ahead> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let mut ahead = Ahead { place: 0, offset: 0, verifier };
    thread::scope(|scope| {
        let hands: Vec<_> = (0..threads)
            .map(|_| {
                let (give, tasks) = sync_channel::<Task>(1);
                let (done, take) = sync_channel(1);
                let is_told = &is_told;
                scope.spawn(move || work(&tasks, &done, is_told));
                (give, take)
            })
            .collect();
        let mut source = Source::of(snapshot, known);
        let mut spare = Vec::new();
        let (mut given, mut taken) = (0, 0);
        loop {
            // Two pieces for each thread: one at work, one in waiting.
            while given < taken + 2 * threads {
                let Some(mut task) = source.next(spare.pop().unwrap_or_default())? else { break };
                task.key = takes.key().cloned();
                if hands[given % threads].0.send(task).is_err() {
                    return Ok(());
                }
                given += 1;
            }
            if taken == given {
                return Ok(());
            }
            let Ok(outcome) = hands[taken % threads].1.recv() else { return Ok(()) };
            taken += 1;
            if !ahead.take(snapshot, known, &outcome, takes) {
                return Ok(());
            }
            spare.push(outcome.lines);
        }
    })
    .map(|()| ahead)
}

fn work(tasks: &Receiver<Task>, done: &SyncSender<Outcome>, is_told: &impl Fn(&str) -> bool) {
    for Task { place, offset, lines, key } in tasks {
        let piece = Piece::read(&lines, is_told, key.as_ref());
        // Nobody takes it any more: the rest is for the walk.
        if done.send(Outcome { place, offset, lines, piece }).is_err() {
            return;
        }
    }
}

impl Ahead {
    /// Takes a piece, if it continues the chain and nothing in it is to be judged.
    fn take(&mut self, snapshot: &Snapshot, known: Option<&Known>, outcome: &Outcome, takes: &mut impl Takes) -> bool {
        let (place, offset) = (outcome.place, outcome.offset);
        let begins = offset > 0 || snapshot.segments[place].first == self.verifier.next();
        let piece = outcome.piece.as_ref().filter(|piece| known.is_none_or(|known| !piece.has(known.seq)));
        let Some(piece) = piece.filter(|piece| begins && self.verifier.join(piece)) else { return false };
        takes.take(piece);
        (self.place, self.offset) = (place, offset + outcome.lines.len() as u64);
        true
    }
}

impl<'s> Source<'s> {
    fn of(snapshot: &'s Snapshot, known: Option<&Known>) -> Self {
        let segments = &snapshot.segments;
        let of_head = known.and_then(|known| segments.iter().position(|s| segment_name(s.first) == known.segment));
        let last = of_head.unwrap_or(segments.len().saturating_sub(1));
        Source { snapshot, last, place: 0, offset: 0 }
    }

    /// The next whole lines; nothing at the end, or where no line ends within a piece.
    fn next(&mut self, mut lines: Vec<u8>) -> io::Result<Option<Task>> {
        while let Some(segment) = self.snapshot.segments.get(self.place).filter(|_| self.place <= self.last) {
            if self.offset == segment.bytes {
                (self.place, self.offset) = (self.place + 1, 0);
                continue;
            }
            let length = usize::try_from((segment.bytes - self.offset).min(PIECE)).unwrap_or(usize::MAX);
            lines.resize(length, 0);
            segment.read(&mut lines, self.offset)?;
            let Some(lf) = memrchr(b'\n', &lines) else { return Ok(None) };
            lines.truncate(lf + 1);
            let task = Task { place: self.place, offset: self.offset, lines, key: None };
            self.offset += lf as u64 + 1;
            return Ok(Some(task));
        }
        Ok(None)
    }
}
