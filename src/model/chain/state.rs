//! All that a verifier has to know of a ledger's beginning in order to go on after it as if it had read it.
//!
//! Keeps the promise that a segment which was sent away can be missing here without anything going unseen: what follows
//! it must continue this very chain and this very tree. Form: `docs/formats.md`, *Rotation*.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::origin::{Origin, Owner};
use crate::model::name::{Digest, Id};
use crate::model::note::key::VerifierKey;
use crate::model::tree::Growing;

/// What the lines before a place in the ledger come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct State {
    /// Whose ledger it is.
    pub origin: String,
    /// SHA-256 of the id of its machine.
    pub machine: Digest,
    /// The tree over the lines; its size is the number of the next entry.
    pub tree: Growing,
    /// The hash of the last line.
    pub hash: Digest,
    /// The key that was made known last.
    pub key: Option<VerifierKey>,
    /// The sessions of elevations that were begun and have no outcome yet.
    pub unresolved: BTreeSet<String>,
}

/// Why something is no state of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateError(&'static str);

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not as it must be", self.0)
    }
}

impl std::error::Error for StateError {}

impl State {
    /// How many lines there are, and so the number of the next entry.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The root of the tree over them.
    pub fn root(&self) -> Digest {
        self.tree.root()
    }

    /// Checks that the ledger is this owner's.
    ///
    /// # Errors
    /// With what was expected and what was found, when it is somebody else's.
    pub fn check_owner(&self, owner: &Owner) -> Result<(), String> {
        owner.check_of(&self.origin, Some(self.machine))
    }
}

/// The fields as they are stored, in their order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    origin: String,
    machine: String,
    size: u64,
    hash: String,
    /// The roots of the tree's perfect parts, the largest first.
    peaks: Vec<String>,
    // A key that is left out is no state, other than one that is null.
    #[serde(deserialize_with = "Option::deserialize")]
    key: Option<String>,
    unresolved: Vec<String>,
}

impl From<State> for Stored {
    fn from(state: State) -> Self {
        Stored {
            machine: state.machine.to_string(),
            size: state.size(),
            hash: state.hash.to_string(),
            peaks: state.tree.parts().iter().map(ToString::to_string).collect(),
            key: state.key.map(|key| key.to_string()),
            unresolved: state.unresolved.into_iter().collect(),
            origin: state.origin,
        }
    }
}

impl TryFrom<Stored> for State {
    type Error = StateError;

    fn try_from(stored: Stored) -> Result<Self, StateError> {
        let Stored { origin, machine, size, hash, peaks, key, unresolved } = stored;
        Origin::parse(&origin).ok_or(StateError("origin"))?;
        let parts = peaks.iter().map(|peak| Digest::parse(peak)).collect::<Option<_>>();
        let key = key.map(|key| VerifierKey::parse(&key).ok().filter(|key| key.name() == origin));
        let rising = unresolved.is_sorted_by(|one, other| one < other);
        Ok(State {
            machine: Digest::parse(&machine).ok_or(StateError("machine"))?,
            tree: parts.filter(|_| size > 0).and_then(|p| Growing::of(size, p)).ok_or(StateError("peaks"))?,
            hash: Digest::parse(&hash).ok_or(StateError("hash"))?,
            key: key.map(|key| key.ok_or(StateError("key"))).transpose()?,
            unresolved: match rising && unresolved.iter().all(|id| Id::parse(id).is_ok()) {
                true => unresolved.into_iter().collect(),
                false => return Err(StateError("unresolved")),
            },
            origin,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tree::leaf;

    const ORIGIN: &str = "glass/-/laptop/alice/0123abcd";

    fn state(size: u64) -> State {
        let mut tree = Growing::new();
        (0..size).for_each(|number| tree.push(leaf(&number.to_be_bytes())));
        State {
            origin: ORIGIN.into(),
            machine: Digest::of(b"m"),
            tree,
            hash: Digest::of(b"last"),
            key: None,
            unresolved: ["0a", "1b"].map(|start| format!("{start}234567")).into(),
        }
    }

    #[test]
    fn a_state_is_read_as_it_was_written_and_goes_on_to_the_same_root() {
        for size in [1, 2, 3, 255, 256, 1000] {
            let mut state = state(size);
            let text = serde_json::to_string(&state).expect("text and numbers");
            let start =
                format!("{{\"origin\":\"{ORIGIN}\",\"machine\":\"{}\",\"size\":{size},\"hash\":\"", state.machine);
            assert!(text.starts_with(&start), "{text}");
            let mut read: State = serde_json::from_str(&text).expect("a state");
            assert_eq!(read, state);
            [&mut read, &mut state].into_iter().for_each(|state| state.tree.push(leaf(b"next")));
            assert_eq!((read.size(), read.root()), (size + 1, state.root()));
        }
    }

    #[test]
    fn what_is_not_exactly_a_state_is_none() {
        let text = serde_json::to_string(&state(6)).expect("text and numbers");
        let hash = Digest::of(b"last").to_string();
        for (from, to) in [
            (ORIGIN, "glass/-/laptop/alice"),
            (hash.as_str(), "0"),
            ("\"size\":6", "\"size\":7"),
            ("\"size\":6", "\"size\":0"),
            ("\"size\":6", "\"size\":-6"),
            ("\"size\":6", "\"size\":6,\"size\":6"),
            ("\"peaks\":[\"", "\"peaks\":[\"0"),
            ("\"key\":null,", ""),
            ("\"key\":null", "\"key\":\"x\""),
            ("\"key\":null", "\"key\":\"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\""),
            ("0a234567", "2a234567"),
            ("0a234567", "\\u001b[2J"),
            ("\"origin\"", "\"x\":1,\"origin\""),
        ] {
            let wrong = text.replacen(from, to, 1);
            assert_ne!(wrong, text, "{from}");
            assert!(serde_json::from_str::<State>(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_state_is_of_one_user_and_machine() {
        let owner = |user: &str, machine: &[u8]| Owner { user: user.into(), machine: Digest::of(machine) };
        assert_eq!(state(3).check_owner(&owner("alice", b"m")), Ok(()));
        assert!(state(3).check_owner(&owner("mallory", b"m")).is_err());
        assert!(state(3).check_owner(&owner("alice", b"another")).is_err());
    }
}
