//! Why an approval does not count, and why a request is void: each reason by itself, in plain words.

use std::fmt;
use std::time::Duration;

use crate::model::name::{Organisation, PersonName, ProfileName, RoleArn, TriggerName};
use crate::model::sshsig::SignatureError;
use crate::model::time::{Timestamp, show_duration};

/// Why an approval does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objection {
    /// It is of another request, or of another version of this one.
    OtherRequest,
    /// Its signature is none.
    Forged(SignatureError),
    /// Its security key was not touched.
    NotTouched,
    /// Its key is nobody's, or nobody's any more; the fingerprint.
    UnknownKey(String),
    /// Its key is this other person's.
    KeyOf(PersonName),
    /// It is the requester's own.
    Requester,
    /// The profile does not ask the person.
    NotAsked(Vec<String>),
    /// The person has signed already.
    PersonTwice,
    /// The key has signed already.
    KeyTwice,
    /// It was signed after the request had expired.
    Late(Timestamp),
    /// It was signed before the request was made.
    Early(Timestamp),
    /// It was signed in a future that is too far.
    Ahead(Duration),
    /// The session that it is of went on until this moment.
    NotOver(Timestamp),
}

impl Objection {
    /// Its word for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Objection::OtherRequest => "other-request",
            Objection::Forged(_) => "forged",
            Objection::NotTouched => "not-touched",
            Objection::UnknownKey(_) => "unknown-key",
            Objection::KeyOf(_) => "key-of-another",
            Objection::Requester => "requester",
            Objection::NotAsked(_) => "not-asked",
            Objection::PersonTwice => "person-twice",
            Objection::KeyTwice => "key-twice",
            Objection::Late(_) => "late",
            Objection::Early(_) => "early",
            Objection::Ahead(_) => "ahead",
            Objection::NotOver(_) => "not-over",
        }
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Objection::OtherRequest => f.write_str("it is of another request"),
            Objection::Forged(error) => write!(f, "it is not genuine: {error}"),
            Objection::NotTouched => f.write_str("the security key was not touched"),
            Objection::UnknownKey(key) => write!(f, "its key {key} is not, or not any more, in the catalogue"),
            Objection::KeyOf(owner) => write!(f, "its key is {owner}'s"),
            Objection::Requester => f.write_str("who asks does not count"),
            Objection::NotAsked(asked) if asked.is_empty() => f.write_str("nobody is asked to approve this profile"),
            Objection::NotAsked(asked) => write!(f, "it takes one of {}", asked.join(", ")),
            Objection::PersonTwice => f.write_str("one person counts once"),
            Objection::KeyTwice => f.write_str("one key counts once"),
            Objection::Late(expired) => write!(f, "it was signed too late: the request had expired at {expired}"),
            Objection::Early(made) => write!(f, "it was signed before the request was made, at {made}"),
            Objection::Ahead(by) => {
                let by = show_duration(Duration::from_secs(by.as_secs()));
                write!(f, "it was signed {by} in the future: a clock is wrong")
            }
            Objection::NotOver(over) => write!(f, "it was signed before the session was over, at {over}"),
        }
    }
}

/// Why a request is void, however many have signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It is of another organisation than the catalogue.
    Organisation {
        /// The request's.
        there: Organisation,
        /// The catalogue's.
        here: Organisation,
    },
    /// The catalogue has no such profile, or one with mistakes.
    NoProfile(ProfileName),
    /// The catalogue has no such trigger.
    NoTrigger(TriggerName),
    /// The catalogue has no such person.
    NoPerson(PersonName),
    /// The profile names another role.
    Role {
        /// The request's.
        there: RoleArn,
        /// The catalogue's.
        here: RoleArn,
    },
    /// These parts of the catalogue are not what they were.
    Parts(Vec<&'static str>),
    /// It stands longer than the catalogue allows.
    StandsTooLong(Duration),
    /// It was made in a future that is too far.
    Ahead(Duration),
    /// Its approvals were counted by another catalogue than the one that judges.
    Catalogue,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Organisation { there, here } => write!(f, "it is of {there}, the catalogue is of {here}"),
            Difference::NoProfile(profile) => write!(f, "the catalogue has no good profile `{profile}`"),
            Difference::NoTrigger(trigger) => write!(f, "the catalogue has no trigger `{trigger}`"),
            Difference::NoPerson(person) => write!(f, "the catalogue has no person `{person}`"),
            Difference::Role { there, here } => write!(f, "it is for the role {there}, the catalogue has {here}"),
            Difference::Parts(parts) => {
                write!(f, "the catalogue is not what it was made by: {} changed", parts.join(", "))
            }
            Difference::StandsTooLong(most) => {
                write!(f, "it stands for longer than the {} that the catalogue allows", show_duration(*most))
            }
            Difference::Ahead(by) => {
                let by = show_duration(Duration::from_secs(by.as_secs()));
                write!(f, "it was made {by} in the future: a clock is wrong")
            }
            Difference::Catalogue => f.write_str("its approvals were counted by another catalogue"),
        }
    }
}
