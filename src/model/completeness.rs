//! Completeness: what lies outside of a ledger, held against what the ledger is.
//!
//! Keeps the promise that a ledger which was cut, or written anew by somebody who has every file and key of its machine,
//! is told from the true one wherever a signed size and root of that have left the machine. All that a place has is held
//! against the ledger, not the newest alone: who writes a ledger anew and sends that away as well is found by what was
//! sent before.

pub mod passage;
pub mod receipt;

use std::collections::BTreeSet;

use serde::Serialize;

use super::chain::signed::Signatures;
use super::chain::walk::Integrity;
use super::checkpoint::{Checkpoint, CheckpointError};
use super::name::Digest;
use super::note::key::{VerifierKey, WitnessKey};
use super::note::{Note, NoteError};
use super::time::Timestamp;

/// What keeps something of a ledger outside of its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A bucket of S3.
    S3,
    /// A folder.
    Folder,
    /// A witness, by its cosignature.
    Witness,
    /// A note that somebody kept.
    File,
    /// CloudTrail, by the names of sessions.
    CloudTrail,
}

/// A note that was found somewhere.
#[derive(Clone, Debug)]
pub struct Found {
    /// What keeps it.
    pub kind: Kind,
    /// Where it lies, for people.
    pub place: String,
    /// Its bytes.
    pub note: Vec<u8>,
    /// The size that its name says it is of.
    pub named: Option<u64>,
    /// When it was put there.
    pub at: Option<Timestamp>,
}

/// Notes that say of a ledger how it was.
#[derive(Debug, Default)]
pub struct Claims {
    origin: String,
    claims: Vec<Claim>,
    foreign: Vec<Foreign>,
}

/// One of them.
#[derive(Debug)]
struct Claim {
    found: Found,
    size: u64,
    root: Digest,
}

/// Something that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Foreign {
    /// What has it.
    pub kind: Kind,
    /// Where it lies.
    #[serde(rename = "from")]
    pub place: String,
    /// Why it does not count.
    pub reason: String,
}

/// What the ledger is to something that was said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// It has these entries.
    Agrees,
    /// It has fewer.
    Cut,
    /// It has others in their place.
    Rewritten,
    /// It cannot be said: they are not here any more, or behind a place where the ledger is broken.
    Unseen,
}

/// Something that was said of the ledger, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// What says it.
    pub kind: Kind,
    /// Where.
    #[serde(rename = "from")]
    pub place: String,
    /// How many entries there were; not known of an elevation that the ledger does not have.
    pub size: Option<u64>,
    /// When that was said.
    pub at: Option<Timestamp>,
    /// What came of it.
    pub answer: Answer,
}

/// Whether a ledger is all that it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing outside of it says how long it should be.
    Unknown,
    /// It is, up to the newest that was said of it.
    Complete,
    /// It was longer.
    Cut,
    /// It was another.
    Rewritten,
}

/// What all that was found comes to.
#[derive(Debug, Default)]
pub struct Completeness {
    /// What was said of the ledger, the least size first.
    pub held: Vec<Held>,
    /// What does not count.
    pub foreign: Vec<Foreign>,
}

impl Claims {
    /// Nothing as yet, of a ledger.
    pub fn of(origin: &str) -> Claims {
        Claims { origin: origin.to_owned(), ..Claims::default() }
    }

    /// Takes a note, and gives the root that it says; of one that is not of this ledger it is kept why.
    pub fn take(&mut self, found: Found) -> Option<Digest> {
        match self.claim(&found) {
            Ok((size, root)) => {
                self.claims.push(Claim { found, size, root });
                Some(root)
            }
            Err(reason) => {
                self.foreign.push(found.is_foreign(reason));
                None
            }
        }
    }

    /// What a note says, before anybody's signature is looked at.
    fn claim(&self, found: &Found) -> Result<(u64, Digest), String> {
        let note = Note::parse(&found.note).map_err(|error| error.to_string())?;
        let checkpoint = Checkpoint::parse(note.unverified_text()).map_err(|error| error.to_string())?;
        if checkpoint.origin != self.origin {
            return Err(format!("it is of another ledger, {}", checkpoint.origin));
        }
        match found.named {
            Some(named) if named != checkpoint.size => Err(format!("it is of {} entries", checkpoint.size)),
            Some(_) | None => Ok((checkpoint.size, checkpoint.root)),
        }
    }

    /// The sizes at which the ledger's roots have to be known.
    pub fn sizes(&self) -> BTreeSet<u64> {
        self.claims.iter().map(|claim| claim.size).collect()
    }

    /// Holds them against a ledger that was verified, with this verdict on what is in it.
    /// A note counts that the ledger's key has signed, or one of the witnesses has cosigned.
    pub fn judge(self, signatures: &Signatures, witnesses: &[WitnessKey], integrity: Integrity) -> Completeness {
        let Claims { origin, claims, foreign } = self;
        let mut judged = Completeness { held: Vec::new(), foreign };
        let pinned = signatures.pinned();
        let keys = pinned.as_deref().unwrap_or(signatures.keys());
        for Claim { found, size, root } in claims {
            let answer = answer(signatures, integrity, size, root);
            let contradicts = matches!(answer, Answer::Cut | Answer::Rewritten);
            let cosigned = match believed(&found.note, keys, witnesses) {
                Ok(cosigned) => cosigned,
                // Whose word for the ledger's key is better, its own or that of this note, only a key from elsewhere
                // could tell.
                Err(CheckpointError::Note(NoteError::Unknown(names)))
                    if pinned.is_none() && contradicts && names.contains(&origin) =>
                {
                    None
                }
                Err(error) => {
                    judged.foreign.push(found.is_foreign(error.to_string()));
                    continue;
                }
            };
            let at = cosigned.or_else(|| put_at(&found, signatures.made_at(size)));
            judged.held.push(Held { kind: found.kind, place: found.place, size: Some(size), at, answer });
        }
        judged.held.sort_by_key(|held| held.size);
        judged
    }
}

impl Found {
    fn is_foreign(&self, reason: String) -> Foreign {
        Foreign { kind: self.kind, place: self.place.clone(), reason }
    }
}

/// When a note was put where it was found. Whoever writes into a folder can set its times, but a checkpoint was not there
/// long after it was made: without this an old one would look fresh.
fn put_at(found: &Found, made: Option<Timestamp>) -> Option<Timestamp> {
    match found.kind {
        Kind::Folder => found.at.map(|at| made.map_or(at, |made| at.min(made))),
        Kind::S3 | Kind::Witness | Kind::File | Kind::CloudTrail => found.at,
    }
}

/// When a witness cosigned a note last; nothing if none has, and the ledger's key has signed it. A witness has seen to it
/// that it did.
fn believed(note: &[u8], keys: &[VerifierKey], witnesses: &[WitnessKey]) -> Result<Option<Timestamp>, CheckpointError> {
    let cosigned = Note::parse(note)?.cosignatures(witnesses)?.iter().map(|cosignature| cosignature.at).max();
    match cosigned {
        Some(at) => Ok(Some(at)),
        None => Checkpoint::open(note, keys).map(|_| None),
    }
}

fn answer(signatures: &Signatures, integrity: Integrity, size: u64, root: Digest) -> Answer {
    match signatures.root_at(size) {
        Some(found) if found == root => Answer::Agrees,
        Some(_) => Answer::Rewritten,
        None if size < signatures.begins() => Answer::Unseen,
        None => match integrity {
            Integrity::Verified | Integrity::Torn | Integrity::RolledBack => Answer::Cut,
            Integrity::Broken => Answer::Unseen,
        },
    }
}

impl Completeness {
    /// Adds what was said otherwise than by notes.
    pub fn join(&mut self, held: &[Held]) {
        self.held.extend_from_slice(held);
        self.held.sort_by_key(|held| held.size);
    }

    /// The verdict.
    pub fn state(&self) -> State {
        let any = |answer| self.held.iter().any(|held| held.answer == answer);
        match () {
            () if any(Answer::Rewritten) => State::Rewritten,
            () if any(Answer::Cut) => State::Cut,
            () if any(Answer::Agrees) => State::Complete,
            () => State::Unknown,
        }
    }

    /// Whether the ledger is not what it was.
    pub fn contradicts(&self) -> bool {
        matches!(self.state(), State::Cut | State::Rewritten)
    }

    /// The largest that agrees, and is not of more entries than one that says there were others; of several the last
    /// that was said.
    pub fn newest(&self) -> Option<&Held> {
        let others = self.held.iter().filter(|held| held.answer == Answer::Rewritten).find_map(|held| held.size);
        let agrees = self
            .held
            .iter()
            .filter(|held| held.answer == Answer::Agrees && others.is_none_or(|least| held.size < Some(least)));
        agrees.max_by_key(|held| (held.size, held.at))
    }

    /// What contradicts the ledger, the least size first.
    pub fn contradictions(&self) -> impl Iterator<Item = &Held> {
        self.held.iter().filter(|held| matches!(held.answer, Answer::Cut | Answer::Rewritten))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use zeroize::Zeroizing;

    use super::*;
    use crate::model::chain::signed::{Asked, Believed};
    use crate::model::chain::state::State as Before;
    use crate::model::note::key::SigningKey;
    use crate::model::tree::{Growing, leaf};

    const ORIGIN: &str = "glass/-/laptop/alice/0123abcd";

    fn key(seed: u8) -> SigningKey {
        SigningKey::of_seed(ORIGIN, Zeroizing::new([seed; 32])).expect("a name")
    }

    fn tree(history: u8, size: u64) -> Growing {
        let mut tree = Growing::new();
        (0..size).for_each(|number| tree.push(leaf(&[history, u8::try_from(number).expect("few")])));
        tree
    }

    /// A note of so many entries of a history, by a key.
    fn note(history: u8, size: u64, by: u8) -> Found {
        let checkpoint =
            Checkpoint { origin: ORIGIN.into(), size, root: tree(history, size).root(), extensions: Vec::new() };
        let note = checkpoint.sign(&key(by)).expect("a text").into_bytes();
        Found { kind: Kind::Folder, place: format!("{size}"), note, named: Some(size), at: None }
    }

    /// What comes of notes, held against a ledger of ten entries of history 1, of which the first four are not here.
    fn judged(notes: Vec<Found>, believed: Believed, integrity: Integrity) -> Completeness {
        let mut claims = Claims::of(ORIGIN);
        for note in notes {
            claims.take(note);
        }
        let before = Before {
            origin: ORIGIN.into(),
            machine: Digest::of(b"m"),
            tree: tree(1, 4),
            hash: Digest::of(b"last"),
            key: Some(key(1).verifier().clone()),
            unresolved: BTreeSet::new(),
        };
        let mut signatures = Signatures::after(before, Asked { believed, sizes: claims.sizes() });
        (4..10).for_each(|number| signatures.push(leaf(&[1, number])));
        claims.judge(&signatures, &[], integrity)
    }

    fn answers(judged: &Completeness) -> Vec<(u64, Answer)> {
        judged.held.iter().map(|held| (held.size.expect("of a note"), held.answer)).collect()
    }

    #[test]
    fn every_size_is_held_against_what_is_here() {
        let all = || [12, 10, 7, 4, 3].map(|size| note(1, size, 1)).to_vec();
        let found = judged(all(), Believed::default(), Integrity::Verified);
        let expected =
            [(3, Answer::Unseen), (4, Answer::Agrees), (7, Answer::Agrees), (10, Answer::Agrees), (12, Answer::Cut)];
        assert_eq!((answers(&found), found.state()), (expected.to_vec(), State::Cut));
        // What is behind a place where the ledger is broken is not missing.
        let found = judged(all(), Believed::default(), Integrity::Broken);
        assert_eq!((found.held[4].answer, found.state()), (Answer::Unseen, State::Complete));
        let found = judged(vec![note(1, 3, 1)], Believed::default(), Integrity::Verified);
        assert_eq!((found.state(), found.newest()), (State::Unknown, None));
    }

    #[test]
    fn what_agrees_after_something_that_differs_vouches_for_nothing() {
        let found =
            judged(vec![note(1, 10, 1), note(2, 8, 1), note(1, 6, 1)], Believed::default(), Integrity::Verified);
        assert_eq!(found.state(), State::Rewritten);
        assert_eq!(found.newest().and_then(|held| held.size), Some(6));
    }

    #[test]
    fn an_unknown_key_contradicts_only_where_no_key_is_known() {
        let (ours, theirs) = (key(1).verifier().clone(), key(2).verifier().clone());
        let state = |of: Found, believed| {
            let found = judged(vec![of], believed, Integrity::Verified);
            (found.state(), found.foreign.len())
        };
        for (history, size, expected) in
            [(2, 8, (State::Rewritten, 0)), (1, 12, (State::Cut, 0)), (1, 8, (State::Unknown, 1))]
        {
            assert_eq!(state(note(history, size, 2), Believed::default()), expected);
            for pinned in [Believed::Only(vec![ours.clone()]), Believed::Known(vec![ours.clone()])] {
                assert_eq!(state(note(history, size, 2), pinned), (State::Unknown, 1));
            }
        }
        assert_eq!(state(note(2, 8, 2), Believed::Only(vec![theirs.clone()])), (State::Rewritten, 0));
        assert_eq!(state(note(1, 8, 1), Believed::Only(vec![theirs])), (State::Unknown, 1));
    }
}
