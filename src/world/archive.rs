//! Places outside of this machine that keep what they are sent.
//!
//! What an archive has under a name is never believed to be the only thing that anybody put there: whoever
//! owns the place can lay something on top. So it is written once, and read back as what came first.

use std::fmt;
use std::io::Write;
use std::path::Path;

use crate::model::destination::Destination;
use crate::model::identity::Source;
use crate::model::name::PersonName;
use crate::model::text::escaped;
use crate::model::time::Timestamp;
use crate::world::aws::{AwsError, Place, SourceError};

pub use crate::model::anchor::Receipt;

/// Opens archives.
pub trait Archives: Sync {
    /// Opens an archive; nothing in it need be there yet.
    ///
    /// # Errors
    /// When it cannot be reached as it is.
    fn open(&self, destination: &Destination, sender: &Sender<'_>) -> Result<Box<dyn Archive>, ArchiveError>;
}

/// Who sends, and how AWS is reached for it.
#[derive(Clone, Copy)]
pub struct Sender<'s> {
    /// The person of the identity file.
    pub person: &'s PersonName,
    /// Where the credentials come from; a folder needs none.
    pub source: Option<&'s Source>,
    /// Where AWS is reached; the region is the bucket's.
    pub place: &'s Place,
    /// For how many days an object may not be deleted, not even by its owner; none asks for no lock.
    pub retain_days: Option<u32>,
}

/// One archive: names of at most 512 characters of `a-z A-Z 0-9 . _ - /`, each with a content that stays.
pub trait Archive {
    /// Puts a content under a name that has none, durably.
    ///
    /// # Errors
    /// When it is not certain that it is there. Under [`ArchiveError::Taken`] the name has something already: it may
    /// be this very content, by an earlier try that nobody answered, so it has to be compared with the oldest.
    fn put(&self, name: &str, content: Content<'_>) -> Result<Receipt, ArchiveError>;

    /// Writes what was put under a name first, and says when that was, by the archive's own clock; nothing where nothing
    /// was put.
    ///
    /// # Errors
    /// When it cannot be read, or the writer fails.
    fn oldest(&self, name: &str, into: &mut dyn Write) -> Result<Option<Timestamp>, ArchiveError>;

    /// All names that begin with a folder's name and a slash, in order.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn names(&self, below: &str) -> Result<Vec<String>, ArchiveError>;

    /// Reads what was put under each of these names first; nothing for one that is not there, cannot be read, or is larger.
    ///
    /// # Errors
    /// When the archive gives nothing now.
    fn bring(&self, names: &[String], largest: usize) -> Result<Vec<Option<Brought>>, ArchiveError>;
}

/// What was put under a name first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brought {
    /// All of it.
    pub content: Vec<u8>,
    /// When it was put, by the archive's own clock.
    pub at: Timestamp,
}

/// What is put into an archive.
#[derive(Clone, Copy, Debug)]
pub enum Content<'c> {
    /// These bytes.
    Bytes(&'c [u8]),
    /// A file, which nobody changes meanwhile.
    File(&'c Path),
}

/// Why an archive does not keep, or not give, what it should.
#[derive(Debug)]
pub enum ArchiveError {
    /// Something has the name already.
    Taken,
    /// There are no credentials for it.
    Source(SourceError),
    /// The identity file names no source.
    NoSource,
    /// What AWS said of a bucket, or that it said nothing.
    Aws {
        /// What was being done, e.g. `put s3://bucket/checkpoint/7`.
        doing: String,
        /// What came of it.
        error: AwsError,
    },
    /// It cannot be reached.
    Unreachable {
        /// What was being done.
        doing: String,
        /// Why.
        message: String,
    },
    /// It is not as an archive must be, so that what is put there could be taken away again.
    Unfit(String),
}

impl ArchiveError {
    /// That a folder's file cannot be used.
    pub fn of_file(doing: &str, path: &Path, error: &std::io::Error) -> ArchiveError {
        ArchiveError::Unreachable { doing: format!("{doing} {}", path.display()), message: error.to_string() }
    }
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArchiveError::Taken => f.write_str("something has this name already"),
            ArchiveError::Source(error) => error.fmt(f),
            ArchiveError::NoSource => f.write_str("the identity file names no `source` of daily credentials"),
            ArchiveError::Aws { doing, error } => write!(f, "cannot {}: {error}", escaped(doing)),
            ArchiveError::Unreachable { doing, message } => {
                write!(f, "cannot {}: {}", escaped(doing), escaped(message))
            }
            ArchiveError::Unfit(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ArchiveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ArchiveError::Source(error) => error.source(),
            ArchiveError::Taken
            | ArchiveError::NoSource
            | ArchiveError::Aws { .. }
            | ArchiveError::Unreachable { .. }
            | ArchiveError::Unfit(_) => None,
        }
    }
}
