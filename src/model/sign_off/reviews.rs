//! The overrides that a ledger tells of, and which of them nobody else has reviewed yet.
//!
//! Keeps the promise that a review is open from the moment on at which AWS may have given a session, and until somebody
//! else's signed statement is in the ledger: an attempt of which nothing can have come leaves none open. What cannot be
//! read closes nothing, and opens what it might; and nothing closes it that was signed before the session was over.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::count::SKEW;
use super::sheet::Sheet;
use crate::model::chain::entry::Entry;
use crate::model::name::{Digest, Id, PersonName, ProfileName, Reason};
use crate::model::time::{LONGEST_SESSION, Timestamp};

/// The most open reviews that a ledger is begun with, so that they find room in its first entry.
const MOST_CARRIED: usize = 20;

/// What is read where nothing verifies: it opens a review, or tells how long its session lasted.
const UNVOUCHED: [&str; 5] = ["ledger.open", "override.used", "elevate.intent", "request.used", "session.end"];

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
    /// When the session is over at the latest, as far as its entries can be read.
    over: Option<Timestamp>,
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
#[serde(rename_all = "lowercase")]
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

/// What of `ledger.open` matters here.
#[derive(Deserialize)]
struct Opened {
    previous: Option<Before>,
}

/// What of the ledger that it follows.
#[derive(Deserialize)]
struct Before {
    #[serde(default)]
    reviews: Reviews,
}

/// What of `elevate.intent` matters here.
#[derive(Deserialize)]
struct Intent {
    duration: u64,
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
            "ledger.open" => {
                let before = serde_json::from_str(entry.d).ok().and_then(|opened: Opened| opened.previous);
                before.into_iter().flat_map(|before| before.reviews.0).for_each(|one| self.add(one));
            }
            "override.used" => Override::announced(entry).into_iter().for_each(|one| self.add(one)),
            "elevate.intent" => {
                let lasts = serde_json::from_str(entry.d);
                let lasts = lasts.map_or(LONGEST_SESSION, |intent: Intent| Duration::from_secs(intent.duration));
                if let Some(one) = self.of_session(entry) {
                    one.over = moment(entry).map(|at| at.plus(lasts));
                }
            }
            "session.end" => {
                if let Some(one) = self.of_session(entry) {
                    one.over = one.over.into_iter().chain(moment(entry)).min();
                }
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

    /// Takes the next entry where nothing vouches for it: what would close a review is passed over.
    pub fn read_unverified(&mut self, entry: &Entry<'_>) {
        if UNVOUCHED.contains(&entry.ev) {
            self.read(entry);
        }
    }

    fn add(&mut self, one: Override) {
        if !self.knows(&one.session) {
            self.0.push(one);
        }
    }

    fn of_session(&mut self, entry: &Entry<'_>) -> Option<&mut Override> {
        self.0.iter_mut().find(|one| one.session.as_str() == entry.session)
    }

    fn turn(&mut self, entry: &Entry<'_>, asked: Asked) {
        if let Some(one) = self.of_session(entry) {
            one.asked = asked;
        }
    }

    /// Those that are open, for the ledger that follows; the oldest of them, if they are very many.
    pub fn carried(&self) -> Reviews {
        Reviews(self.open().take(MOST_CARRIED).cloned().collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those whose review is open, oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Override> {
        self.0.iter().filter(|one| one.asked != Asked::Not)
    }

    /// Whether there is an override of this session that is not reviewed, even one of which nothing can have come yet.
    pub fn knows(&self, session: &Id) -> bool {
        self.0.iter().any(|one| one.session == *session)
    }

    /// The override whose review is open under just this request.
    pub fn open_under(&self, sheet: &Sheet) -> Option<&Override> {
        self.open().find(|one| one.session == sheet.asked().id && one.asked == Asked::Under(sheet.digest()))
    }

    /// Whether the review is open under just this request.
    pub fn is_open_under(&self, sheet: &Sheet) -> bool {
        self.open_under(sheet).is_some()
    }

    /// The hash of the request under which the review of a session is open.
    pub fn request_of(&self, session: &Id) -> Option<Digest> {
        self.open().find(|one| one.session == *session).and_then(|one| match one.asked {
            Asked::Under(request) => Some(request),
            Asked::Not | Asked::Unknown => None,
        })
    }
}

impl Override {
    fn announced(entry: &Entry<'_>) -> Option<Override> {
        let over = moment(entry).map(|at| at.plus(LONGEST_SESSION));
        Some(Override { session: Id::parse(entry.session).ok()?, said: Said::by(entry), over, asked: Asked::Not })
    }

    /// When the session is over, if that is after a moment, however far two clocks may be apart.
    pub fn goes_on_at(&self, at: Timestamp) -> Option<Timestamp> {
        self.over.filter(|over| at.plus(SKEW) < *over)
    }

    /// Whether it is a person's, as far as that is known not to be somebody else's.
    pub fn may_be_of(&self, person: &PersonName) -> bool {
        self.said.as_ref().is_none_or(|said| said.person == *person)
    }
}

fn moment(entry: &Entry<'_>) -> Option<Timestamp> {
    Timestamp::parse(entry.ts).ok()
}

impl Said {
    fn by(entry: &Entry<'_>) -> Option<Said> {
        let Used { profile, reason } = serde_json::from_str(entry.d).ok()?;
        let (person, at) = (PersonName::parse(entry.who).ok()?, moment(entry)?);
        Some(Said { profile, person, at, reason })
    }
}
