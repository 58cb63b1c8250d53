//! Hooks that must hear of an intent before anything is sent to AWS for it.

use std::fmt;

use crate::model::catalogue::Hook;
use crate::model::identity::Source;
use crate::model::name::{HookName, PersonName};
use crate::model::text::escaped;
use crate::world::aws::Place;
use crate::world::ledger::Appended;

/// Tells others of what is in the ledger.
pub trait Hooks: Sync {
    /// Tells every required hook of an intent that was just appended, all at the same time, and waits for that.
    ///
    /// # Errors
    /// When one of them does not take it in time.
    fn confirm(&self, intent: &Appended, calling: Calling<'_>) -> Result<(), NotTold>;

    /// Has hooks told of what is in the ledger by now, by somebody who outlives what comes next; nobody waits for that,
    /// and nothing depends on it: the next run of glass has it done otherwise.
    fn start(&self, hooks: &[Hook]);
}

/// Who is told, and who tells.
#[derive(Clone, Copy)]
pub struct Calling<'a> {
    /// The hooks of the catalogue.
    pub hooks: &'a [Hook],
    /// The person of the identity file.
    pub person: &'a PersonName,
    /// Where the credentials come from for what is AWS's.
    pub source: Option<&'a Source>,
    /// How AWS is reached, and whose certificates are trusted; the region is the topic's.
    pub place: &'a Place,
}

/// The required hooks that have not heard, each with why.
#[derive(Debug)]
pub struct NotTold(pub Vec<(HookName, String)>);

impl fmt::Display for NotTold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a hook that must hear of it first does not")?;
        self.0.iter().try_for_each(|(hook, why)| write!(f, "; {hook}: {}", escaped(why)))
    }
}

impl std::error::Error for NotTold {}
