//! Somebody else than the identity file says is calling AWS.

use std::fmt;

use crate::model::name::{PersonArn, PersonName};
use crate::model::text::escaped;

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
