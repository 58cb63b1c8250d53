//! What glass asks of the place where recordings are kept.

use std::path::PathBuf;
use std::{error, fmt, io};

use crate::model::name::Id;

/// The recordings of this user on this machine.
pub trait Recordings: Sync {
    /// Makes the empty file of a session's recording; never one that was there.
    ///
    /// # Errors
    /// When it cannot be made: then there is no session.
    fn make(&self, session: &Id) -> Result<(), RecordingError>;

    /// Opens the file that was made for a session, as long as it is empty.
    ///
    /// # Errors
    /// When it is not as it was made.
    fn open(&self, session: &Id) -> Result<Box<dyn RecordingFile>, RecordingError>;

    /// Removes the file that was made for a session that there is not, as long as it is empty.
    fn discard(&self, session: &Id);
}

/// The file of a session's recording.
pub trait RecordingFile {
    /// Adds whole lines to its end.
    ///
    /// # Errors
    /// When they are not all there.
    fn add(&mut self, lines: &[u8]) -> Result<(), RecordingError>;

    /// Checks that the file is still in its place with all that was added to it, and nothing else.
    ///
    /// # Errors
    /// When it is not.
    fn check(&self) -> Result<(), RecordingError>;

    /// Has what was added on the disk for good.
    ///
    /// # Errors
    /// When it may not be.
    fn sync(&self) -> Result<(), RecordingError>;
}

/// Why something cannot be recorded.
#[derive(Debug)]
pub struct RecordingError {
    /// What was being done, e.g. `write to`.
    pub doing: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said, or what is wrong with it.
    pub source: io::Error,
}

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} the recording {}", self.doing, self.path.display())
    }
}

impl error::Error for RecordingError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.source)
    }
}
