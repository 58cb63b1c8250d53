//! Anchors that must be there before an elevation: a place outside of this machine that has what the ledger holds.

use std::error::Error;
use std::fmt;

use crate::model::anchor::{Anchor, AnchorPlace};
use crate::model::text::escaped;
use crate::world::archive::Sender;
use crate::world::ledger::{Checkpointed, Unsigned};

/// Sends a checkpoint at once.
pub trait Anchors: Sync {
    /// Has places take a checkpoint that was just made, all at the same time, until one has; the others have it later.
    ///
    /// # Errors
    /// When none takes it in time, or one of them has another.
    fn confirm(&self, checkpoint: &Checkpointed, anchoring: Anchoring<'_>) -> Result<Vec<Anchor>, NotAnchored>;
}

/// Where a checkpoint is sent, and who sends it.
#[derive(Clone, Copy)]
pub struct Anchoring<'a> {
    /// The places that the catalogue names.
    pub places: &'a [AnchorPlace],
    /// Who sends.
    pub sender: Sender<'a>,
}

/// Why nothing outside of this machine has what the ledger holds.
#[derive(Debug)]
pub enum NotAnchored {
    /// There is no checkpoint to send.
    Unsigned(Unsigned),
    /// No place took it: each, and why.
    Nowhere(Vec<(String, String)>),
    /// A place has what is not of this ledger.
    Contradicted {
        /// The place.
        to: String,
        /// What it has.
        why: String,
    },
}

impl fmt::Display for NotAnchored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotAnchored::Unsigned(_) => f.write_str("the ledger is not signed, so no anchor can be had for it"),
            NotAnchored::Nowhere(failed) => {
                f.write_str("no place outside of this machine takes what the ledger holds")?;
                failed.iter().try_for_each(|(to, why)| write!(f, "; {}: {}", escaped(to), escaped(why)))
            }
            NotAnchored::Contradicted { to, why } => {
                write!(f, "{} contradicts this ledger: {}", escaped(to), escaped(why))
            }
        }
    }
}

impl Error for NotAnchored {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            NotAnchored::Unsigned(source) => Some(source),
            NotAnchored::Nowhere(_) | NotAnchored::Contradicted { .. } => None,
        }
    }
}
