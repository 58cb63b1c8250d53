//! The ledger as it lies in its files at one moment: opened, walked, judged, never touched.

use std::cell::OnceCell;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;

use super::ahead::Ahead;
use super::before::{self, Before};
use super::folder::{Folder, Use};
use super::held::{Held, Lines};
use super::{failed, tree};
use crate::model::chain::entry::Entry;
use crate::model::chain::head::{HEAD_BYTES, Head, Known};
use crate::model::chain::origin::Owner;
use crate::model::chain::verify::Verifier;
use crate::model::chain::walk::{
    FirstBad, Integrity, Judgement, Segment, Walked, segment_first, segment_name, walk, walk_until,
};
use crate::model::name::Digest;
use crate::world::ledger::LedgerError;

/// How many of the last segments are kept open: these are appended to, or read more than once.
const KEPT_OPEN: usize = 4;

/// The files of a ledger, opened under its lock; what is appended later is not seen.
pub(super) struct Snapshot {
    pub(super) folder: Folder,
    pub(super) head: Option<Head>,
    /// The head's file, if there is one.
    pub(super) head_file: Option<File>,
    /// What `ledger.recover` says of the head: `ok`, `missing` or `unreadable`.
    pub(super) head_is: &'static str,
    /// The numbers of the first entries of segments that were not opened.
    older: Vec<u64>,
    pub(super) segments: Vec<Held>,
    before: OnceCell<Option<Before>>,
}

impl Snapshot {
    /// Opens all files. The caller holds the lock.
    pub(super) fn take(folder: &Folder) -> Result<Self, LedgerError> {
        Snapshot::of(folder, Use::Read, |_, _| 0)
    }

    /// Opens the files at the end alone, so that it takes no longer the more there are: the segment that the head speaks
    /// of, the one before, and those after. The head is opened to be written as well if that is the purpose.
    pub(super) fn take_end(folder: &Folder, purpose: Use, boot: &str) -> Result<Self, LedgerError> {
        let snapshot = Snapshot::of(folder, purpose, |head, firsts| {
            let of_head = head.and_then(|head| segment_first(&head.known(boot).segment));
            let place = of_head.and_then(|first| firsts.iter().position(|one| *one == first));
            place.unwrap_or_default().saturating_sub(1)
        })?;
        // What is before need not be looked for with every append; who verifies everything does.
        if let Some(first) = snapshot.first().filter(|first| *first > 0)
            && let Some(before) = tree::before(folder).filter(|before| before.state.size() == first)
        {
            drop(snapshot.before.set(Some(before)));
        }
        Ok(snapshot)
    }

    fn of(
        folder: &Folder,
        purpose: Use,
        begin: impl FnOnce(Option<&Head>, &[u64]) -> usize,
    ) -> Result<Self, LedgerError> {
        let head_file = folder.open_if_there("head.json", purpose)?;
        let (head, head_is) = match &head_file {
            Some(file) => read_head(file).map_err(failed("read", &folder.file("head.json")))?,
            None => (None, "missing"),
        };
        let mut older = folder.segments()?;
        let firsts = older.split_off(begin(head.as_ref(), &older));
        let seldom_read = firsts.len().saturating_sub(KEPT_OPEN);
        let held = |(place, first): (usize, &u64)| match place {
            place if place < seldom_read => Held::look_at(folder, *first),
            _ => Held::open(folder, *first, Use::Read),
        };
        let segments = firsts.iter().enumerate().map(held).collect::<Result<_, _>>()?;
        let (folder, before) = (folder.clone(), OnceCell::new());
        Ok(Snapshot { folder, head, head_file, head_is, older, segments, before })
    }

    /// What is not here any more, if the ledger does not begin with its first entry and says what came before.
    ///
    /// # Errors
    /// When the segments cannot be read.
    pub(super) fn before(&self) -> Result<Option<&Before>, LedgerError> {
        if self.before.get().is_none() {
            drop(self.before.set(self.found_before()?));
        }
        Ok(self.before.get().and_then(Option::as_ref))
    }

    fn found_before(&self) -> Result<Option<Before>, LedgerError> {
        match self.older.as_slice() {
            [] => before::find(&self.segments).map_err(failed("read", &self.folder.file(""))),
            [0, ..] => Ok(None),
            _ => Snapshot::take(&self.folder)?.found_before(),
        }
    }

    /// The number of the first entry that is here.
    fn first(&self) -> Option<u64> {
        self.older.first().copied().or(self.segments.first().map(|segment| segment.first))
    }

    /// Whose ledger the first entry, or what came before it, says that it is, if that can be read.
    pub(super) fn origin(&self) -> Result<Option<String>, LedgerError> {
        if let Some(before) = self.before()? {
            return Ok(Some(before.state.origin.clone()));
        }
        let Some(segment) = self.segments.first() else { return Ok(None) };
        let line = segment.first_line().map_err(|error| self.unread(segment, error))?;
        Ok(line.and_then(|line| Some(Entry::parse(&line).ok()?.opened()?.origin)))
    }

    /// Checks that the ledger is of this user and machine.
    pub(super) fn check_owner(&self, owner: &Owner) -> Result<(), LedgerError> {
        let Some(first) = self.first() else { return Ok(()) };
        let broken = |reason| LedgerError::Broken { segment: segment_name(first), line: 1, reason };
        if first > 0 {
            let before = self.before()?.ok_or_else(|| broken(before::is_missing(first)))?;
            return before.state.check_owner(owner).map_err(broken);
        }
        let opened = if self.older.is_empty() { None } else { Some(Held::open(&self.folder, first, Use::Read)?) };
        let Some(segment) = opened.as_ref().or(self.segments.first()) else { return Ok(()) };
        let line = segment.first_line().map_err(|error| self.unread(segment, error))?;
        let Some(line) = line.filter(|_| segment.bytes > 0) else { return Ok(()) };
        let entry = Entry::parse(&line).map_err(|error| broken(error.to_string()))?;
        let opened = entry.opened().ok_or_else(|| broken("the first entry is no ledger.open".to_owned()))?;
        owner.check(&opened).map_err(broken)
    }

    /// Walks over everything from the first entry that is here.
    pub(super) fn walk_all(
        &self,
        known: Option<&Known>,
        each: impl FnMut(&[u8], &Entry<'_>),
    ) -> Result<Walked, LedgerError> {
        self.walk(0, 0, self.verifier_at(0)?, known, each)
    }

    /// The same, until `each` has seen enough.
    pub(super) fn walk_until<B>(
        &self,
        known: Option<&Known>,
        each: impl FnMut(&[u8], &Entry<'_>) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B, Walked>, LedgerError> {
        let walked = walk_until(self.segments_from(0, 0), 0, self.verifier_at(0)?, known, each);
        walked.map_err(failed("read", &self.folder.file("")))
    }

    /// Walks on from where the ledger was verified already.
    pub(super) fn walk_from(
        &self,
        ahead: Ahead,
        known: Option<&Known>,
        each: impl FnMut(&[u8], &Entry<'_>),
    ) -> Result<Walked, LedgerError> {
        self.walk(ahead.place, ahead.offset, ahead.verifier, known, each)
    }

    /// Walks over the last segment from its first entry; over the one that the head speaks of as well, if that is another.
    pub(super) fn walk_current(&self, known: Option<&Known>) -> Result<Walked, LedgerError> {
        let last = self.segments.len().saturating_sub(1);
        let place = known.and_then(|known| self.place(known)).unwrap_or(last);
        self.walk(place, 0, self.verifier_at(place)?, known, |_, _| ())
    }

    /// Walks over what follows the entry that the head vouches for, once that entry is found in its place.
    pub(super) fn walk_after(&self, known: &Known) -> Result<Walked, LedgerError> {
        let place = self.place(known);
        let Some((place, segment)) =
            place.map(|place| (place, &self.segments[place])).filter(|(_, s)| s.bytes >= known.bytes)
        else {
            // The walk from the first entry gives the verdict its words.
            return self.walk_current(Some(known));
        };
        let line = segment.line_before(known.bytes).map_err(|error| self.unread(segment, error))?;
        let wrong = match Entry::parse(&line) {
            Ok(entry) if entry.seq != known.seq => {
                Some(format!("expected entry {}, found entry {}", known.seq, entry.seq))
            }
            Ok(_) => known.differs(&line, known.bytes),
            Err(error) => Some(error.to_string()),
        };
        if let Some(reason) = wrong {
            let line = known.seq.saturating_sub(segment.first) + 1;
            return Err(LedgerError::Broken { segment: known.segment.clone(), line, reason });
        }
        let verifier = Verifier::after(known.seq + 1, Digest::of(&line));
        self.walk(place, known.bytes, verifier, Some(known), |_, _| ())
    }

    /// Walks over what was appended since another walk.
    pub(super) fn walk_on(&self, since: Walked, each: impl FnMut(&[u8], &Entry<'_>)) -> Result<Walked, LedgerError> {
        let place = self.segments.iter().position(|s| s.first == since.segment && s.bytes >= since.bytes);
        match place {
            Some(place) => self.walk(place, since.bytes, since.verifier, None, each),
            None if self.segments.is_empty() && since.bytes == 0 => Ok(since),
            None => {
                let line = since.verifier.next() - since.segment + 1;
                let reason = format!("it had {} bytes a moment ago", since.bytes);
                let first_bad = Some(FirstBad { segment: segment_name(since.segment), line, reason });
                Ok(Walked { judgement: Judgement { integrity: Integrity::RolledBack, first_bad }, ..since })
            }
        }
    }

    /// Which of the segments the head speaks of.
    fn place(&self, known: &Known) -> Option<usize> {
        self.segments.iter().position(|segment| segment_name(segment.first) == known.segment)
    }

    /// Stands before the first entry of a segment.
    pub(super) fn verifier_at(&self, place: usize) -> Result<Verifier, LedgerError> {
        let Some(before) = place.checked_sub(1).and_then(|before| self.segments.get(before)) else {
            let before = self.before()?.map(|before| &before.state);
            return Ok(before.map_or_else(Verifier::new, |state| Verifier::after(state.size(), state.hash)));
        };
        let line = before.line_before(before.bytes).map_err(|error| self.unread(before, error))?;
        Ok(Verifier::after(self.segments[place].first, Digest::of(&line)))
    }

    fn walk(
        &self,
        place: usize,
        offset: u64,
        verifier: Verifier,
        known: Option<&Known>,
        each: impl FnMut(&[u8], &Entry<'_>),
    ) -> Result<Walked, LedgerError> {
        let walked = walk(self.segments_from(place, offset), offset, verifier, known, each);
        walked.map_err(failed("read", &self.folder.file("")))
    }

    fn segments_from(&self, place: usize, offset: u64) -> Vec<Segment<Lines<'_>>> {
        let segments = self.segments.iter().skip(place).enumerate();
        segments
            .map(|(index, held)| {
                let lines = held.lines(if index == 0 { offset } else { 0 });
                Segment { first: held.first, bytes: held.bytes, lines }
            })
            .collect()
    }

    /// Where an entry is, with what is wrong with it.
    pub(super) fn place_of(&self, seq: u64, reason: String) -> FirstBad {
        let first = self.segments.iter().map(|segment| segment.first).rfind(|first| *first <= seq).unwrap_or(0);
        FirstBad { segment: segment_name(first), line: seq - first + 1, reason }
    }

    fn unread(&self, segment: &Held, error: io::Error) -> LedgerError {
        failed("read", &self.folder.file(&segment_name(segment.first)))(error)
    }
}

/// Makes an error of a verdict that stops everything; a torn end does not.
pub(super) fn stop(judgement: &Judgement) -> Result<(), LedgerError> {
    let Some(FirstBad { segment, line, reason }) = judgement.first_bad.clone() else { return Ok(()) };
    match judgement.integrity {
        Integrity::Verified | Integrity::Torn => Ok(()),
        Integrity::Broken => Err(LedgerError::Broken { segment, line, reason }),
        Integrity::RolledBack => Err(LedgerError::RolledBack { segment, reason }),
    }
}

/// Reads the head, and says what `ledger.recover` says of it.
fn read_head(file: &File) -> io::Result<(Option<Head>, &'static str)> {
    // One byte more than a head has, so that a longer file is none.
    let mut bytes = [0; HEAD_BYTES + 1];
    let length = file.read_at(&mut bytes, 0)?;
    Ok(Head::parse(&bytes[..length]).map_or((None, "unreadable"), |head| (Some(head), "ok")))
}
