//! The rules of sign-off: what each says when it says no.

use std::fmt;
use std::time::Duration;

use crate::model::chain::origin::Origin;
use crate::model::name::{Id, PersonName};
use crate::model::sign_off::count::NotCounted;
use crate::model::sign_off::objection::Difference;
use crate::model::text::escaped;
use crate::model::time::{Timestamp, show_duration};

/// The least characters of an override's reason.
pub const LEAST_OVERRIDE_REASON: usize = 40;

/// Why a sign-off is not what a profile takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoSignOff {
    /// The profile needs approvals, and there are not enough.
    Approvals {
        /// The request that is to have them, if there is one.
        request: Option<Id>,
        /// How many it needs.
        needed: u32,
        /// Whose count.
        counted: Vec<PersonName>,
        /// Whose do not, and why.
        others: Vec<NotCounted>,
    },
    /// Fewer people than the profile needs can sign what this person asks for.
    TooFewSigners {
        /// How many it needs.
        needed: u32,
        /// How many there are.
        others: usize,
    },
    /// The request is somebody else's.
    OtherPerson {
        /// The request.
        request: Id,
        /// Whose it is.
        person: PersonName,
    },
    /// The request is for another machine or ledger.
    OtherLedger {
        /// The request.
        request: Id,
        /// The ledger that it is for.
        origin: Origin,
    },
    /// The request is said to be of this ledger, which has not made it: somebody else wrote it.
    NotMadeHere {
        /// The request.
        request: Id,
    },
    /// The request was used.
    Used {
        /// The request.
        request: Id,
        /// The session that has used it.
        session: Id,
    },
    /// The request's time is over.
    Expired {
        /// The request.
        request: Id,
        /// When it was over.
        at: Timestamp,
    },
    /// The request does not fit the catalogue.
    Void {
        /// The request.
        request: Id,
        /// All that does not fit.
        why: Vec<Difference>,
    },
    /// What is asked for is not what the request says.
    Differs {
        /// The request.
        request: Id,
        /// What differs, by its flag.
        what: &'static str,
        /// What is asked for.
        asked: String,
        /// What the request says.
        signed: String,
    },
    /// Somebody who is asked for approval said no.
    Denied {
        /// Who.
        by: PersonName,
        /// Why, in their words; may be empty.
        remark: String,
    },
    /// The profile permits no override.
    NoOverride,
    /// The profile permits no override by this person.
    OverrideNotForPerson {
        /// Who asked.
        person: PersonName,
        /// The groups and people it is permitted to.
        audience: Vec<String>,
    },
    /// The reason of an override says too little.
    OverrideReason {
        /// How many characters it has.
        found: usize,
    },
    /// An override is asked for longer than the profile permits one.
    OverrideTooLong {
        /// What was asked for.
        asked: Duration,
        /// The most there is.
        most: Duration,
    },
    /// Nobody has confirmed an override: what was typed instead of the profile's name, if there was a terminal.
    OverrideNotConfirmed(Option<String>),
    /// Nobody has reviewed these sessions yet, and the level permits no override until somebody does.
    OpenReviews(Vec<Id>),
}

impl NoSignOff {
    /// The rule's word in the ledger.
    pub fn name(&self) -> &'static str {
        match self {
            NoSignOff::Approvals { .. } | NoSignOff::TooFewSigners { .. } => "approvals",
            NoSignOff::OtherPerson { .. }
            | NoSignOff::OtherLedger { .. }
            | NoSignOff::NotMadeHere { .. }
            | NoSignOff::Used { .. }
            | NoSignOff::Expired { .. }
            | NoSignOff::Void { .. }
            | NoSignOff::Differs { .. } => "request",
            NoSignOff::Denied { .. } => "denied",
            NoSignOff::NoOverride
            | NoSignOff::OverrideNotForPerson { .. }
            | NoSignOff::OverrideReason { .. }
            | NoSignOff::OverrideNotConfirmed(_) => "override",
            NoSignOff::OverrideTooLong { .. } => "duration",
            NoSignOff::OpenReviews(_) => "review",
        }
    }
}

impl fmt::Display for NoSignOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoSignOff::Approvals { needed, counted, others, .. } => show_approvals(f, *needed, counted, others),
            NoSignOff::TooFewSigners { needed, others } => {
                write!(f, "it needs {needed} approvals, and {others} of the people whom it asks can sign yours")
            }
            NoSignOff::OtherPerson { request, person } => write!(f, "the request {request} is {person}'s"),
            NoSignOff::OtherLedger { request, origin } => {
                write!(f, "the request {request} was made for another machine or ledger, {origin}")
            }
            NoSignOff::NotMadeHere { request } => {
                write!(f, "the request {request} was not made by this ledger: somebody else wrote it")
            }
            NoSignOff::Used { request, session } => {
                write!(f, "the request {request} was used by the session {session}")
            }
            NoSignOff::Expired { request, at } => write!(f, "the request {request} expired at {at}"),
            NoSignOff::Void { request, why } => {
                let why: Vec<String> = why.iter().map(ToString::to_string).collect();
                write!(f, "the request {request} is void: {}", why.join("; "))
            }
            NoSignOff::Differs { request, what, asked, signed } => {
                let (asked, signed) = (escaped(asked), escaped(signed));
                write!(f, "{what} is `{asked}`, and the request {request} is for `{signed}`")
            }
            NoSignOff::Denied { by, remark } if remark.is_empty() => write!(f, "{by} said no"),
            NoSignOff::Denied { by, remark } => write!(f, "{by} said no: {}", escaped(remark)),
            NoSignOff::NoOverride => f.write_str("it permits no override"),
            NoSignOff::OverrideNotForPerson { person, audience } => {
                write!(f, "it permits an override to {}, not to {person}", audience.join(", "))
            }
            NoSignOff::OverrideReason { found } => {
                write!(f, "the reason of an override has at least {LEAST_OVERRIDE_REASON} characters, this one {found}")
            }
            NoSignOff::OverrideTooLong { asked, most } => {
                write!(f, "{} is over its maximum of {} for an override", show_duration(*asked), show_duration(*most))
            }
            NoSignOff::OverrideNotConfirmed(None) => {
                f.write_str("an override is confirmed on a terminal, and there is none")
            }
            NoSignOff::OverrideNotConfirmed(Some(typed)) => {
                let typed: String = typed.chars().take(80).collect();
                write!(f, "the override was not confirmed: `{}` is not the profile's name", escaped(&typed))
            }
            NoSignOff::OpenReviews(sessions) => {
                let sessions: Vec<&str> = sessions.iter().map(Id::as_str).collect();
                write!(f, "the override of {} is not reviewed yet", sessions.join(", "))
            }
        }
    }
}

fn show_approvals(
    f: &mut fmt::Formatter<'_>,
    needed: u32,
    counted: &[PersonName],
    others: &[NotCounted],
) -> fmt::Result {
    match needed {
        1 => f.write_str("it needs an approval")?,
        _ => write!(f, "it needs {needed} approvals")?,
    }
    if !counted.is_empty() {
        let names: Vec<&str> = counted.iter().map(PersonName::as_str).collect();
        write!(f, ", and has {}: {}", names.len(), names.join(", "))?;
    }
    for NotCounted { person, why, .. } in others {
        write!(f, "; {person}'s does not count: {why}")?;
    }
    Ok(())
}
