//! The overrides that a ledger tells of, and which of them nobody else has reviewed yet.
//!
//! Keeps the promise that a review is open from the moment on at which AWS may have given a session, and until somebody
//! else's signed statement is in the ledger: an attempt of which nothing can have come leaves none open. What cannot be
//! read closes nothing, and opens what it might.

use serde::{Deserialize, Serialize};

use super::sheet::Sheet;
use crate::model::chain::entry::Entry;
use crate::model::name::{Digest, Id, PersonName, ProfileName, Reason};
use crate::model::time::Timestamp;

/// The overrides of a ledger, by its entries, read in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reviews(Vec<Override>);

/// An override that nobody has reviewed yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// The session.
    pub session: Id,
    /// What its entry says; nothing where that cannot be read.
    pub said: Option<Said>,
    asked: Asked,
}

/// What a ledger says of an override.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// Whose approvals.
    pub profile: ProfileName,
    /// Who overrode.
    pub person: PersonName,
    /// When.
    pub at: Timestamp,
    /// Why, in their words.
    pub reason: Reason,
}

/// Whether AWS may have been asked, and under which request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Asked {
    /// Nothing can have come of it.
    Not,
    /// Under the request of this hash.
    Under(Digest),
    /// Under one whose entry cannot be read: nothing that is signed is known to be of it.
    Unknown,
}

/// What of `override.used` matters here.
#[derive(Deserialize)]
struct Used {
    profile: ProfileName,
    reason: Reason,
}

/// What of `request.used` matters here.
#[derive(Deserialize)]
struct Spent {
    request_sha256: Digest,
}

/// What of `elevate.fail` matters here.
#[derive(Deserialize)]
struct Fail {
    sent: String,
}

/// What of `review.closed` matters here.
#[derive(Deserialize)]
struct Closed {
    session: Id,
}

impl Reviews {
    /// Takes the next entry.
    pub fn read(&mut self, entry: &Entry<'_>) {
        match entry.ev {
            "override.used" => {
                let used = Override::announced(entry);
                self.0.extend(used.filter(|used| self.0.iter().all(|known| known.session != used.session)));
            }
            // The last that is written down before AWS is asked.
            "request.used" => {
                let under = serde_json::from_str(entry.d).map(|spent: Spent| Asked::Under(spent.request_sha256));
                self.turn(entry, under.unwrap_or(Asked::Unknown));
            }
            "elevate.fail" if serde_json::from_str(entry.d).is_ok_and(|fail: Fail| fail.sent != "maybe") => {
                self.turn(entry, Asked::Not);
            }
            "review.closed" => {
                if let Ok(closed) = serde_json::from_str::<Closed>(entry.d) {
                    self.0.retain(|one| one.session != closed.session);
                }
            }
            _ => {}
        }
    }

    fn turn(&mut self, entry: &Entry<'_>, asked: Asked) {
        if let Some(one) = self.0.iter_mut().find(|one| one.session.as_str() == entry.session) {
            one.asked = asked;
        }
    }

    /// Those whose review is open, oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Override> {
        self.0.iter().filter(|one| one.asked != Asked::Not)
    }

    /// Whether there is an override of this session that is not reviewed, even one of which nothing can have come yet.
    pub fn knows(&self, session: &Id) -> bool {
        self.0.iter().any(|one| one.session == *session)
    }

    /// Whether the review is open under just this request.
    pub fn is_open_under(&self, sheet: &Sheet) -> bool {
        self.open().any(|one| one.session == sheet.asked().id && one.asked == Asked::Under(sheet.digest()))
    }
}

impl Override {
    fn announced(entry: &Entry<'_>) -> Option<Override> {
        Some(Override { session: Id::parse(entry.session).ok()?, said: Said::by(entry), asked: Asked::Not })
    }

    /// Whether it is a person's, as far as that is known not to be somebody else's.
    pub fn may_be_of(&self, person: &PersonName) -> bool {
        self.said.as_ref().is_none_or(|said| said.person == *person)
    }
}

impl Said {
    fn by(entry: &Entry<'_>) -> Option<Said> {
        let Used { profile, reason } = serde_json::from_str(entry.d).ok()?;
        let (person, at) = (PersonName::parse(entry.who).ok()?, Timestamp::parse(entry.ts).ok()?);
        Some(Said { profile, person, at, reason })
    }
}
