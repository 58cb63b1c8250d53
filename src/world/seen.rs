//! The memory of an approver: the ledgers that signed requests told of.

use std::path::PathBuf;
use std::{error, fmt, io};

use crate::model::sign_off::seen::Seen;

/// Remembers the largest ledger of each origin, for each person who said that it is theirs.
pub trait Memory: Sync {
    /// All that is remembered.
    ///
    /// # Errors
    /// When the memory cannot be read: then nobody knows what was seen.
    fn all(&self) -> Result<Vec<Seen>, MemoryError>;

    /// Remembers a ledger in place of what was remembered of its origin and person, durably.
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
