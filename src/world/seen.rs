//! The memory of an approver: the ledgers that signed requests told of.

use std::path::PathBuf;
use std::{error, fmt, io};

use crate::model::chain::origin::Origin;
use crate::model::name::PersonName;
use crate::model::sign_off::seen::Seen;

/// Remembers the largest ledger of each origin.
pub trait Memory: Sync {
    /// What is remembered of a ledger.
    ///
    /// # Errors
    /// When the memory cannot be read: then nobody knows what was seen.
    fn of(&self, origin: &Origin) -> Result<Option<Seen>, MemoryError>;

    /// Whether any request of a person is remembered.
    ///
    /// # Errors
    /// When the memory cannot be read.
    fn knows(&self, person: &PersonName) -> Result<bool, MemoryError>;

    /// Remembers a ledger in place of what was remembered of its origin, durably.
    ///
    /// # Errors
    /// When it is not certain that it is remembered.
    fn keep(&self, seen: &Seen) -> Result<(), MemoryError>;
}

/// A memory that cannot be used.
#[derive(Debug)]
pub struct MemoryError {
    /// What was being done, e.g. `read`.
    pub doing: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} the memory of ledgers seen, {}", self.doing, self.path.display())
    }
}

impl error::Error for MemoryError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.source)
    }
}
