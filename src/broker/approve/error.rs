//! Why a request is not answered, one variant for each reason.

use std::error::Error;
use std::fmt;

use crate::model::name::{Digest, Id, PersonName};
use crate::model::sign_off::approval::ApprovalError;
use crate::model::sign_off::count::Signed;
use crate::model::sign_off::objection::{Difference, Objection};
use crate::model::sign_off::seen::Contradiction;
use crate::model::text::escaped;
use crate::model::time::Timestamp;
use crate::world::ledger::LedgerError;
use crate::world::seen::MemoryError;
use crate::world::signing::SigningError;

/// Why a request is not answered.
#[derive(Debug)]
pub enum ApproveError {
    /// Nowhere is a request of this id.
    Absent(Id),
    /// There are several requests of this id.
    Twins {
        /// The id.
        id: Id,
        /// Their hashes.
        sheets: Vec<Digest>,
    },
    /// What was handed over has several requests; their ids.
    Several(Vec<Id>),
    /// What was handed over answers a request that is not known here.
    AnswerToUnknown(Digest),
    /// The catalogue does not have the person.
    UnknownPerson(PersonName),
    /// The catalogue has no key of the person.
    NoKeys(PersonName),
    /// The request does not fit this catalogue.
    Void {
        /// The request.
        id: Id,
        /// Everything that differs.
        differences: Vec<Difference>,
    },
    /// The person asks themself.
    Own,
    /// The request is of an override, which is reviewed and not approved.
    Override(Id),
    /// The request is for approvals, which leaves nothing to review.
    NotAnOverride(Id),
    /// The person has used this override themself.
    OwnOverride(Id),
    /// Somebody has reviewed the override already.
    Reviewed(Signed),
    /// Nothing says that the override was used.
    NotUsed(Id),
    /// By the ledger the session of the override is not over before this moment.
    NotOver(Timestamp),
    /// The ledger here has no open review under this request, which says that it is of this ledger.
    NotOpenHere(Id),
    /// The profile does not ask the person.
    NotAsked {
        /// The profile.
        profile: String,
        /// Whom it asks.
        from: Vec<String>,
    },
    /// The request was denied.
    Denied {
        /// Who denied it.
        by: PersonName,
        /// Why.
        remark: String,
    },
    /// The request's time is over.
    Expired(Timestamp),
    /// The request's ledger contradicts what was seen before.
    Ledgers(Contradiction),
    /// The memory of ledgers seen cannot be used.
    Memory(MemoryError),
    /// The person has signed it already.
    Signed(Signed),
    /// The reason cannot be signed.
    Approval(ApprovalError),
    /// Nothing was signed.
    Signing(SigningError),
    /// An answer does not count.
    WouldNotCount {
        /// Who is said to have signed it.
        person: PersonName,
        /// Why.
        why: Objection,
    },
    /// The ledger does not take it.
    Ledger(LedgerError),
}

impl fmt::Display for ApproveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ApproveError::Absent(id) => write!(f, "there is no request {id} where this glass looks"),
            ApproveError::Twins { id, .. } => write!(f, "there are two requests {id}, and they are not the same"),
            ApproveError::Several(ids) => {
                let ids: Vec<&str> = ids.iter().map(Id::as_str).collect();
                write!(f, "there are several requests in it: {}", ids.join(", "))
            }
            ApproveError::AnswerToUnknown(request) => {
                write!(f, "the request that it answers, {request}, is not known here")
            }
            ApproveError::UnknownPerson(person) => write!(f, "the catalogue has no person `{person}`"),
            ApproveError::NoKeys(person) => write!(f, "the catalogue has no key of {person}'s to sign with"),
            ApproveError::Void { id, .. } => {
                write!(f, "the request {id} does not fit your catalogue, and is not signed")
            }
            ApproveError::Own => f.write_str("it is your own request, and nobody approves their own"),
            ApproveError::Override(id) => {
                write!(f, "the request {id} is of an override: that is reviewed afterwards, and not approved")
            }
            ApproveError::NotAnOverride(id) => {
                write!(f, "the request {id} is for approvals: there is no override to review")
            }
            ApproveError::OwnOverride(id) => {
                write!(f, "the override {id} is yours, and somebody else reviews it")
            }
            ApproveError::Reviewed(signed) => {
                write!(f, "{} has reviewed it already, at {} with {}", signed.person, signed.at, signed.key)
            }
            ApproveError::NotUsed(id) => write!(f, "nothing says that the override {id} was used"),
            ApproveError::NotOver(over) => {
                write!(f, "its session goes on until {over}, and what is signed before closes no review")
            }
            ApproveError::NotOpenHere(id) => write!(f, "this ledger has no open review of {id} under this request"),
            ApproveError::NotAsked { profile, from } if from.is_empty() => {
                write!(f, "{profile} asks nobody to approve it")
            }
            ApproveError::NotAsked { profile, from } => {
                write!(f, "{profile} does not ask you: it takes one of {}", from.join(", "))
            }
            ApproveError::Denied { by, remark } if remark.is_empty() => write!(f, "{by} has denied it"),
            ApproveError::Denied { by, remark } => write!(f, "{by} has denied it: {}", escaped(remark)),
            ApproveError::Expired(at) => write!(f, "its time is over: it expired at {at}"),
            ApproveError::Ledgers(contradiction) => contradiction.fmt(f),
            ApproveError::Memory(error) => error.fmt(f),
            ApproveError::Signed(signed) => {
                write!(f, "you have signed it already, at {} with {}", signed.at, signed.key)
            }
            ApproveError::Approval(error) => error.fmt(f),
            ApproveError::Signing(error) => error.fmt(f),
            ApproveError::WouldNotCount { person, why } => write!(f, "what {person} signed does not count: {why}"),
            ApproveError::Ledger(error) => error.fmt(f),
        }
    }
}

impl Error for ApproveError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ApproveError::Signing(error) => error.source(),
            ApproveError::Ledger(error) => error.source(),
            ApproveError::Memory(error) => error.source(),
            ApproveError::Absent(_)
            | ApproveError::Twins { .. }
            | ApproveError::Several(_)
            | ApproveError::AnswerToUnknown(_)
            | ApproveError::UnknownPerson(_)
            | ApproveError::NoKeys(_)
            | ApproveError::Void { .. }
            | ApproveError::Own
            | ApproveError::Override(_)
            | ApproveError::NotAnOverride(_)
            | ApproveError::OwnOverride(_)
            | ApproveError::Reviewed(_)
            | ApproveError::NotUsed(_)
            | ApproveError::NotOver(_)
            | ApproveError::NotOpenHere(_)
            | ApproveError::NotAsked { .. }
            | ApproveError::Denied { .. }
            | ApproveError::Expired(_)
            | ApproveError::Ledgers(_)
            | ApproveError::Signed(_)
            | ApproveError::Approval(_)
            | ApproveError::WouldNotCount { .. } => None,
        }
    }
}
