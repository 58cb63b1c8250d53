//! Which ledger is meant: this user's own, or a copy that was named.

use std::path::Path;

use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::host::ledger::reader::{Reader, Reading};
use crate::world::ledger::LedgerError;

/// A ledger to be read.
pub struct Source<'a> {
    /// What reads it.
    pub reader: Reader,
    copy: Option<&'a Path>,
}

impl<'a> Source<'a> {
    /// The copy, or this user's own ledger if none was named.
    ///
    /// # Errors
    /// When the system does not say which boot this is.
    pub fn of(copy: Option<&'a Path>, context: &Context) -> Result<Self, Failure> {
        let reader = match copy {
            None => Reader::of_own(&context.places().ledger())?,
            Some(folder) => Reader::of_copy(folder)?,
        };
        Ok(Source { reader, copy })
    }

    /// Whether it is a copy.
    pub fn is_copy(&self) -> bool {
        self.copy.is_some()
    }

    /// What was read. That a copy cannot be is no fault of this user's ledger.
    ///
    /// # Errors
    /// When it was not.
    pub fn found<R>(&self, reading: Result<R, LedgerError>) -> Result<R, Failure> {
        reading.map_err(|error| match self.copy {
            Some(_) => Failure::of(Exit::Failed, &error),
            None => error.into(),
        })
    }

    /// Checks that there is something in the copy that was named.
    ///
    /// # Errors
    /// When there is nothing.
    pub fn is_there(&self, reading: &Reading) -> Result<(), Failure> {
        match self.copy {
            Some(folder) if reading.segments == 0 => Err(nothing_in(folder)),
            Some(_) | None => Ok(()),
        }
    }
}

/// There is no ledger in a folder that was named.
pub fn nothing_in(folder: &Path) -> Failure {
    let fact = format!("there is no ledger in {}", folder.display());
    Failure::new(Exit::Failed, fact).hint("name the folder that log-….jsonl is in")
}
