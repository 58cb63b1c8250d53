//! What forbids an intent that uses a request, by the entries before it.
//!
//! Keeps the promises that a request is used once, and that of two overrides at the same moment one is refused where
//! another must be reviewed first: both are read under the lock under which the intent is appended.

use super::history::Spending;
use super::reviews::Reviews;
use super::sheet::Asked;
use crate::model::chain::entry::Entry;
use crate::model::name::{Id, PersonName};
use crate::model::policy::NoSignOff;

/// The use of a request, by the entries of the ledger from its making on, read in their order.
#[derive(Clone, Debug)]
pub struct Using {
    request: Id,
    from: u64,
    spending: Spending,
    /// The overrides that the ledger told of at a later moment.
    reviews: Reviews,
    /// The names under which none of them may be open.
    names: Vec<PersonName>,
}

impl Using {
    /// Begins where a request was made.
    pub fn of(asked: &Asked) -> Self {
        Using {
            request: asked.id.clone(),
            from: asked.ledger.size,
            spending: Spending::new(asked.id.clone()),
            reviews: Reviews::default(),
            names: Vec::new(),
        }
    }

    /// The same where no other override of somebody may be open, by all that the ledger told before or since.
    #[must_use]
    pub fn unless_open(self, reviews: Reviews, names: &[PersonName]) -> Self {
        Using { reviews, names: names.to_vec(), ..self }
    }

    /// The request.
    pub fn request(&self) -> &Id {
        &self.request
    }

    /// The number of the first entry that is read.
    pub fn from(&self) -> u64 {
        self.from
    }

    /// Takes the next entry.
    pub fn read(&mut self, entry: &Entry<'_>) {
        self.spending.read(entry);
        self.reviews.read(entry);
    }

    /// What forbids it.
    pub fn against(&self) -> Option<NoSignOff> {
        if let Some(session) = self.spending.used() {
            return Some(NoSignOff::Used { request: self.request.clone(), session: session.clone() });
        }
        // An override's session has its request's id.
        let others = self.reviews.open().filter(|one| one.session != self.request);
        let theirs = others.filter(|one| self.names.iter().any(|name| one.may_be_of(name)));
        let sessions: Vec<Id> = theirs.map(|one| one.session.clone()).collect();
        (!sessions.is_empty()).then_some(NoSignOff::OpenReviews(sessions))
    }
}
