//! What a ledger says of a request: that it made it, and which session has used it.
//!
//! Keeps the promise that a request is used once: the rule is read from the ledger's own entries, so that an
//! auditor comes to the same without glass. Rules: section 2 of `docs/formats.md`.

use serde::Deserialize;

use crate::model::chain::entry::Entry;
use crate::model::mfa::says_wrong_code;
use crate::model::name::{Digest, Id};

/// Whether a request is used up, by the entries of the ledger, read in their order.
#[derive(Clone, Debug)]
pub struct Spending {
    request: Id,
    /// The sessions that have spent it; more than one only in a ledger that glass did not write.
    spent: Vec<Id>,
    /// The sessions whose last intent has no outcome yet.
    pending: Vec<Id>,
}

/// What of `elevate.intent` matters here.
#[derive(Deserialize)]
struct Intent {
    request: Option<String>,
}

/// What of `elevate.fail` matters here.
#[derive(Deserialize)]
struct Fail {
    sent: String,
    code: String,
    message: String,
}

/// What of `request.made` matters here.
#[derive(Deserialize)]
struct Made {
    request_sha256: String,
}

/// Whether an entry says that its ledger made the request of this hash.
pub fn is_making(entry: &Entry<'_>, sheet: Digest) -> bool {
    let is_of = |made: Made| Digest::parse(&made.request_sha256) == Some(sheet);
    entry.ev == "request.made" && serde_json::from_str(entry.d).is_ok_and(is_of)
}

impl Spending {
    /// Begins before the first entry.
    pub fn new(request: Id) -> Self {
        Spending { request, spent: Vec::new(), pending: Vec::new() }
    }

    /// Takes the next entry. An intent whose details cannot be read counts as one that spends.
    pub fn read(&mut self, entry: &Entry<'_>) {
        let Ok(session) = Id::parse(entry.session) else { return };
        match entry.ev {
            "elevate.intent" => {
                let names_it = |intent: Intent| intent.request.as_deref() == Some(self.request.as_str());
                if serde_json::from_str(entry.d).map_or(true, names_it) {
                    self.pending.push(session.clone());
                    self.spent.push(session);
                }
            }
            // Only what follows an intent tells how that went.
            "elevate.fail" if self.pending.contains(&session) => {
                self.pending.retain(|one| *one != session);
                if serde_json::from_str(entry.d).is_ok_and(|fail: Fail| fail.gives_back()) {
                    self.spent.retain(|one| *one != session);
                }
            }
            "elevate.ok" => self.pending.retain(|one| *one != session),
            _ => {}
        }
    }

    /// The session that has used it.
    pub fn used(&self) -> Option<&Id> {
        self.spent.first()
    }
}

impl Fail {
    /// Whether AWS cannot have given a session, and the request is there for another attempt.
    fn gives_back(&self) -> bool {
        self.sent == "no" || (self.sent == "refused" && says_wrong_code(&self.code, &self.message))
    }
}
