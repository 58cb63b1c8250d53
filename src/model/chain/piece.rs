//! Lines from the middle of a ledger, verified by themselves, so that many can be at work at once.

use memchr::memchr;

use super::entry::Entry;
use super::signed::Signatures;
use super::verify::Verifier;
use crate::model::checkpoint::Checkpoint;
use crate::model::name::Digest;
use crate::model::note::key::VerifierKey;
use crate::model::tree::leaf;

/// Lines that chain among themselves.
#[derive(Debug)]
pub struct Piece {
    /// The number of its first entry, and what that says the hash of the line before is; nothing before the first of all.
    pub(super) first: u64,
    pub(super) prev: Option<Digest>,
    /// What was verified of it.
    pub(super) verifier: Verifier,
    leaves: Vec<Digest>,
    told: Vec<Told>,
}

/// An entry of a piece that says something to somebody.
#[derive(Debug)]
struct Told {
    /// Which line of the piece it is.
    place: usize,
    line: Vec<u8>,
    /// Of a checkpoint, the key that its note was verified with.
    signer: Option<VerifierKey>,
}

impl Piece {
    /// Verifies whole lines. Kept are the entries whose event `is_told`, and those that concern the
    /// signatures; checkpoints are held against the key, if it is known.
    ///
    /// Nothing when a line does not chain: a walk over them says which, and why.
    pub fn read(lines: &[u8], is_told: impl Fn(&str) -> bool, key: Option<&VerifierKey>) -> Option<Piece> {
        let first = Entry::parse(lines.get(..=memchr(b'\n', lines)?)?).ok()?;
        let prev = Digest::parse(first.prev)?;
        let mut piece = match first.seq {
            0 => Piece::new(0, None, Verifier::new()),
            seq => Piece::new(seq, Some(prev), Verifier::after(seq, prev)),
        };
        // Lines of one event are about as long as each other.
        piece.leaves.reserve(lines.len() / memchr(b'\n', lines)?.max(1) + 1);
        let mut rest = lines;
        while let Some(lf) = memchr(b'\n', rest) {
            let (line, after) = rest.split_at(lf + 1);
            let entry = piece.verifier.accept(line).ok()?;
            if Signatures::concerns(entry.ev) || is_told(entry.ev) {
                let signer = key.filter(|key| is_signed_by(&entry, key)).cloned();
                piece.told.push(Told { place: piece.leaves.len(), line: line.to_vec(), signer });
            }
            piece.leaves.push(leaf(line));
            rest = after;
        }
        rest.is_empty().then_some(piece)
    }

    fn new(first: u64, prev: Option<Digest>, verifier: Verifier) -> Self {
        Piece { first, prev, verifier, leaves: Vec::new(), told: Vec::new() }
    }

    /// Whether an entry is in it.
    pub fn has(&self, seq: u64) -> bool {
        (self.first..self.verifier.next()).contains(&seq)
    }

    /// Goes through its lines: each leaf, and the line where that was kept, with the key that is known to have signed it.
    pub fn replay(&self, mut each: impl FnMut(Digest, Option<(&[u8], Option<&VerifierKey>)>)) {
        let mut told = self.told.iter().peekable();
        for (place, leaf) in self.leaves.iter().enumerate() {
            let kept = told.next_if(|told| told.place == place);
            each(*leaf, kept.map(|told| (told.line.as_slice(), told.signer.as_ref())));
        }
    }
}

fn is_signed_by(entry: &Entry<'_>, key: &VerifierKey) -> bool {
    entry.ev == "ledger.checkpoint"
        && Signatures::note(entry)
            .is_some_and(|note| Checkpoint::open(note.as_bytes(), std::slice::from_ref(key)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::chain::{Said, Stamp, genesis, line};
    use crate::model::event::Event;
    use crate::model::time::{BootTime, Timestamp};
    use crate::model::tree::Growing;

    fn ledger(entries: u64) -> Vec<Vec<u8>> {
        let origin = "glass/-/laptop/alice/0123abcd".to_owned();
        let mut prev = genesis(&origin);
        let mut lines = Vec::new();
        for seq in 0..entries {
            let event = match seq {
                0 => Event::LedgerOpen {
                    origin: origin.clone(),
                    machine: Digest::of(b"m"),
                    version: "0".into(),
                    previous: None,
                },
                _ => Event::RunEnd { code: 0, ms: seq },
            };
            let stamp = Stamp {
                at: Timestamp::from_micros(1_769_825_580_000_042),
                mono: BootTime(seq),
                boot: "b".into(),
                host: "laptop".into(),
                pid: 1,
                uid: 0,
            };
            let line = line(seq, prev, &stamp, Said { who: None, session: None, event: &event }).expect("short");
            prev = Digest::of(&line);
            lines.push(line);
        }
        lines
    }

    #[test]
    fn pieces_that_follow_each_other_are_the_whole() {
        let lines = ledger(40);
        let mut alone = Verifier::new();
        lines.iter().for_each(|line| assert!(alone.accept(line).is_ok()));
        for cut in 1..40 {
            let (mut joined, mut tree) = (Verifier::new(), Growing::new());
            for part in lines.chunks(cut) {
                let piece = Piece::read(&part.concat(), |_| false, None).expect("it chains");
                assert!(joined.join(&piece));
                piece.replay(|leaf, _| tree.push(leaf));
            }
            assert_eq!((joined.next(), joined.last()), (alone.next(), alone.last()), "{cut}");
            assert_eq!(tree.size(), 40);
        }
    }

    #[test]
    fn a_piece_follows_only_what_it_followed() {
        let (lines, others) = (ledger(20), ledger(21));
        let mut joined = Verifier::new();
        let piece = |lines: &[Vec<u8>]| Piece::read(&lines.concat(), |_| false, None);
        assert!(!joined.join(&piece(&lines[5..10]).expect("it chains")));
        assert!(joined.join(&piece(&lines[..5]).expect("it chains")));
        assert!(!joined.join(&piece(&lines[6..10]).expect("it chains")));
        assert!(joined.join(&piece(&lines[5..10]).expect("it chains")));
        let mut changed = others[9..12].to_vec();
        changed[0] = changed[0].iter().map(|byte| if *byte == b'9' { b'8' } else { *byte }).collect();
        assert!(piece(&changed).is_none_or(|piece| !joined.join(&piece)));
        assert!(piece(&[lines[3].clone(), lines[5].clone()]).is_none());
        assert!(Piece::read(b"", |_| false, None).is_none());
        assert!(Piece::read(lines[3].strip_suffix(b"\n").expect("a line"), |_| false, None).is_none());
        assert!(Piece::read(&[&lines[3][..], b"x"].concat(), |_| false, None).is_none());
    }

    #[test]
    fn what_is_told_comes_at_its_place() {
        let lines = ledger(10);
        let piece = Piece::read(&lines[2..9].concat(), |ev| ev == "run.end", None).expect("it chains");
        let mut seen = Vec::new();
        piece.replay(|leaf, told| seen.push((told.map(|(line, _)| line.to_vec()), leaf)));
        let expected: Vec<_> = lines[2..9].iter().map(|line| (Some(line.clone()), leaf(line))).collect();
        assert_eq!(seen, expected);
        assert!(piece.has(2) && piece.has(8) && !piece.has(9) && !piece.has(1));
    }
}
