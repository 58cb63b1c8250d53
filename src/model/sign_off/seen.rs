//! What an approver remembers of the ledgers of those who ask: the largest that was seen of each.
//!
//! Keeps the promise that an approver is a witness: a ledger that lost entries, or has others in their place, is told.
//! That a longer one goes on from what was seen is not proved by this.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::sheet::{Asked, Extent};
use crate::model::chain::origin::Origin;
use crate::model::name::PersonName;
use crate::model::time::Timestamp;

/// The largest ledger of an origin that a signed request told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Whose ledger it is.
    pub origin: Origin,
    /// Who asked.
    pub person: PersonName,
    /// When.
    pub made: Timestamp,
    /// What the ledger held.
    pub ledger: Extent,
}

impl Seen {
    /// What a request tells.
    pub fn of(asked: &Asked) -> Seen {
        Seen { origin: asked.origin.clone(), person: asked.person.clone(), made: asked.made, ledger: asked.ledger }
    }

    /// Finds out what a request of the same ledger contradicts.
    ///
    /// # Errors
    /// When it does.
    pub fn check(&self, asked: &Asked) -> Result<(), Contradiction> {
        let (seen, told) = (self.ledger, asked.ledger);
        if told.size == seen.size && told.root != seen.root {
            return Err(Contradiction::Forked(told.size));
        }
        let (before, after) = if asked.made < self.made { (told.size, seen.size) } else { (seen.size, told.size) };
        if before > after { Err(Contradiction::Shorter { before, after }) } else { Ok(()) }
    }

    /// What is remembered when a request was signed: the larger of both.
    pub fn or_larger(self, asked: &Asked) -> Seen {
        if asked.ledger.size > self.ledger.size { Seen::of(asked) } else { self }
    }
}

/// What two requests of one ledger cannot both say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// The later one tells of fewer entries.
    Shorter {
        /// What the earlier one tells.
        before: u64,
        /// What the later one tells.
        after: u64,
    },
    /// They tell of as many entries, and not of the same.
    Forked(u64),
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Contradiction::Shorter { before, after } => {
                write!(f, "the requester's ledger got shorter: it had {before} entries, and then {after}")
            }
            Contradiction::Forked(size) => {
                write!(f, "the requester's ledger was rewritten: its {size} entries are not the ones seen before")
            }
        }
    }
}

impl std::error::Error for Contradiction {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name::Digest;
    use crate::model::sign_off::tests::people::{after, sheet};

    fn told(minute: i64, size: u64, root: &[u8]) -> Asked {
        let ledger = Extent { size, root: Digest::of(root) };
        Asked { made: after(60 * minute), ledger, ..sheet().asked().clone() }
    }

    #[test]
    fn a_ledger_only_grows_whichever_request_is_seen_first() {
        let seen = Seen::of(&told(10, 42, b"root"));
        let shorter = |before, after| Err(Contradiction::Shorter { before, after });
        assert_eq!(seen.check(&told(10, 42, b"root")), Ok(()));
        assert_eq!(seen.check(&told(11, 43, b"other")), Ok(()));
        assert_eq!(seen.check(&told(9, 41, b"other")), Ok(()));
        assert_eq!(seen.check(&told(11, 41, b"other")), shorter(42, 41));
        assert_eq!(seen.check(&told(9, 43, b"other")), shorter(43, 42));
        assert_eq!(seen.check(&told(9, 42, b"other")), Err(Contradiction::Forked(42)));
        assert_eq!(seen.check(&told(11, 42, b"other")), Err(Contradiction::Forked(42)));
    }

    #[test]
    fn the_largest_is_remembered() {
        let seen = Seen::of(&told(10, 42, b"root"));
        assert_eq!(seen.clone().or_larger(&told(9, 41, b"other")), seen);
        assert_eq!(seen.clone().or_larger(&told(11, 43, b"other")), Seen::of(&told(11, 43, b"other")));
    }
}
