//! What an approver remembers of the ledgers of those who ask: the largest that was seen of each.
//!
//! Keeps the promise that an approver is a witness: a ledger that lost entries, or has others in their place, is told,
//! and so is one of which nothing shows that it goes on from what was seen.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::growth::Growth;
use super::sheet::{Asked, Extent, Sheet};
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

    /// Finds out whether a request of the same ledger goes on from what was seen, by what claims to show that.
    ///
    /// # Errors
    /// When it contradicts what was seen.
    pub fn check(&self, sheet: &Sheet, growths: &[Growth]) -> Result<Going, Contradiction> {
        let asked = sheet.asked();
        let (seen, told) = (self.ledger, asked.ledger);
        if told.size == seen.size && told.root != seen.root {
            return Err(Contradiction::Forked(told.size));
        }
        let (before, after) = if asked.made < self.made { (told.size, seen.size) } else { (seen.size, told.size) };
        if before > after {
            return Err(Contradiction::Shorter { before, after });
        }
        if told.size < seen.size {
            return Ok(Going::Earlier(seen.size));
        }
        if told.size == seen.size {
            return Ok(Going::On);
        }
        let of_it = growths.iter().filter(|growth| growth.request() == sheet.digest());
        match of_it.filter_map(|growth| growth.goes_on(seen, told)).next() {
            Some(true) => Ok(Going::On),
            Some(false) => Err(Contradiction::Forked(seen.size)),
            None => Ok(Going::Unknown(seen.size)),
        }
    }

    /// What is remembered when a request was signed: the larger of both.
    pub fn or_larger(self, asked: &Asked) -> Seen {
        if asked.ledger.size > self.ledger.size { Seen::of(asked) } else { self }
    }
}

/// What an approver remembers that concerns a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The ledger of the request, as this person's.
    pub ledger: Option<Seen>,
    /// Whether a request of the person was signed before, of any ledger.
    pub person: bool,
    /// Another person whose ledger it was.
    pub other: Option<PersonName>,
}

impl Known {
    /// Finds it among all that is remembered.
    pub fn among(all: Vec<Seen>, asked: &Asked) -> Known {
        let mut known = Known::default();
        for seen in all {
            let (is_theirs, is_it) = (seen.person == asked.person, seen.origin == asked.origin);
            known.person |= is_theirs;
            match (is_theirs, is_it) {
                (true, true) => known.ledger = Some(seen),
                (false, true) => known.other = Some(seen.person),
                (_, false) => {}
            }
        }
        known
    }
}

/// Whether a ledger goes on from what was seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    /// It does.
    On,
    /// It says that it is from before what was seen, which nothing shows; how many entries were seen.
    Earlier(u64),
    /// Nothing shows that; how many entries were seen.
    Unknown(u64),
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
    use crate::model::sign_off::growth::Step;
    use crate::model::sign_off::tests::people::{after, sheet};

    fn told(minute: i64, size: u64, root: &[u8]) -> Sheet {
        let ledger = Extent { size, root: Digest::of(root) };
        Sheet::write(&Asked { made: after(60 * minute), ledger, ..sheet().asked().clone() }).expect("a sheet")
    }

    #[test]
    fn a_ledger_only_grows_whichever_request_is_seen_first() {
        let seen = Seen::of(told(10, 42, b"root").asked());
        let check = |sheet: &Sheet| seen.check(sheet, &[]);
        let shorter = |before, after| Err(Contradiction::Shorter { before, after });
        assert_eq!(check(&told(10, 42, b"root")), Ok(Going::On));
        assert_eq!(check(&told(11, 43, b"other")), Ok(Going::Unknown(42)));
        assert_eq!(check(&told(9, 41, b"other")), Ok(Going::Earlier(42)));
        assert_eq!(check(&told(11, 41, b"other")), shorter(42, 41));
        assert_eq!(check(&told(9, 43, b"other")), shorter(43, 42));
        assert_eq!(check(&told(9, 42, b"other")), Err(Contradiction::Forked(42)));
        assert_eq!(check(&told(11, 42, b"other")), Err(Contradiction::Forked(42)));
    }

    #[test]
    fn a_proof_counts_for_its_request_and_its_ledger_alone() {
        // The tree of one leaf, and of two of which that is the first: the path is the other leaf.
        let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
        let both = crate::model::tree::node(&one, &two);
        let sheet = |root| {
            let ledger = Extent { size: 2, root };
            Sheet::write(&Asked { ledger, ..told(11, 2, b"").asked().clone() }).expect("a sheet")
        };
        let seen = |root| Seen { ledger: Extent { size: 1, root }, ..Seen::of(told(10, 1, b"").asked()) };
        let from = |root| Step { from: Extent { size: 1, root }, path: vec![two] };
        let (sheet, other) = (sheet(both), sheet(two));
        let proof = Growth::write(sheet.digest(), &[from(one)]);
        assert_eq!(seen(one).check(&sheet, std::slice::from_ref(&proof)), Ok(Going::On));
        assert_eq!(seen(two).check(&sheet, std::slice::from_ref(&proof)), Err(Contradiction::Forked(1)));
        assert_eq!(seen(one).check(&other, &[proof]), Ok(Going::Unknown(1)));
        // What anybody may have laid there neither shows it nor contradicts it.
        let made_up = Growth::write(sheet.digest(), &[from(two)]);
        assert_eq!(seen(one).check(&sheet, &[made_up]), Ok(Going::Unknown(1)));
    }

    /// Nobody makes another's ledger look shorter by naming it as theirs, and a new one is told.
    #[test]
    fn a_ledger_is_remembered_for_the_person_who_said_that_it_is_theirs() {
        let [mine, later] = [(10, 42), (11, 43)].map(|(minute, size)| told(minute, size, b"root"));
        let mallorys = Seen { person: PersonName::parse("mallory").expect("a name"), ..Seen::of(later.asked()) };
        let all = vec![Seen::of(mine.asked()), mallorys.clone()];
        let known = Known::among(all.clone(), later.asked());
        assert_eq!(known.ledger, Some(Seen::of(mine.asked())));
        assert_eq!((known.person, known.other), (true, Some(mallorys.person.clone())));
        let origin = Origin::parse("glass/acme/laptop/alice/00000000").expect("an origin");
        let anew = Known::among(all, &Asked { origin, ..later.asked().clone() });
        assert_eq!(anew, Known { person: true, ..Known::default() });
        assert_eq!(
            Known::among(vec![mallorys.clone()], later.asked()),
            Known { other: Some(mallorys.person), ..Known::default() }
        );
    }

    #[test]
    fn the_largest_is_remembered() {
        let [seen, smaller, larger] = [(10, 42), (9, 41), (11, 43)].map(|(minute, size)| told(minute, size, b"root"));
        let kept = Seen::of(seen.asked());
        assert_eq!(kept.clone().or_larger(smaller.asked()), kept);
        assert_eq!(kept.or_larger(larger.asked()), Seen::of(larger.asked()));
    }
}
