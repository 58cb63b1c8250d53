//! The judgement: who may break which glass, for which emergency, for how long.

use std::fmt;

use super::event::Granted;
use super::name::{Digest, Id, LevelName, PersonArn, PersonName};
use super::session::Order;
use super::text::escaped;

/// The right to one elevation, made by the judgement alone.
#[must_use]
#[derive(Debug)]
pub struct Grant {
    person: PersonName,
    arn: PersonArn,
    session: Id,
    level: LevelName,
    order: Order,
    granted: Granted,
    approvals: Vec<Digest>,
}

impl Grant {
    /// Who may elevate.
    pub fn person(&self) -> &PersonName {
        &self.person
    }

    /// The session this will be.
    pub fn session(&self) -> &Id {
        &self.session
    }

    /// The level of the profile.
    pub fn level(&self) -> &LevelName {
        &self.level
    }

    /// What may be asked of STS.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// What was allowed, as the ledger tells it.
    pub fn granted(&self) -> &Granted {
        &self.granted
    }

    /// The approvals that count for it.
    pub fn approvals(&self) -> &[Digest] {
        &self.approvals
    }

    /// Checks that AWS says it is this person who calls.
    ///
    /// # Errors
    /// When it is somebody else.
    pub fn recognise(&self, caller: &str) -> Result<Recognised, Stranger> {
        if self.arn.admits(caller) {
            Ok(Recognised { arn: caller.to_owned() })
        } else {
            Err(Stranger { person: self.person.clone(), expected: self.arn.clone(), found: caller.to_owned() })
        }
    }
}

/// A caller of whom AWS and the catalogue say the same.
#[derive(Debug)]
pub struct Recognised {
    arn: String,
}

impl Recognised {
    /// The caller's ARN as AWS answered it.
    pub fn arn(&self) -> &str {
        &self.arn
    }
}

/// AWS says that somebody else is calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranger {
    /// Who the identity file says it is.
    pub person: PersonName,
    /// Their ARN in the catalogue.
    pub expected: PersonArn,
    /// The ARN that AWS answered.
    pub found: String,
}

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AWS says that {} is calling, and not {} ({})", escaped(&self.found), self.person, self.expected)
    }
}

impl std::error::Error for Stranger {}
