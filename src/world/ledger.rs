//! What glass asks of the ledger: to keep an entry, or to say plainly that it could not.

use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, io};

use crate::model::chain::Said;
use crate::model::event::Event;
use crate::model::name::{Digest, Id, PersonName};

/// What the caller knows of an entry; the ledger adds the rest.
#[derive(Clone, Debug)]
pub struct Record {
    /// Who, once that is known.
    pub who: Option<PersonName>,
    /// The session it belongs to.
    pub session: Option<Id>,
    /// What happened.
    pub event: Event,
}

impl Record {
    /// The same as the chain takes it.
    pub fn said(&self) -> Said<'_> {
        Said { who: self.who.as_ref(), session: self.session.as_ref(), event: &self.event }
    }
}

/// The place of an entry that was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its number, from 0.
    pub seq: u64,
    /// SHA-256 of its line with the LF.
    pub hash: Digest,
}

/// The hash-chained ledger of this user on this machine.
pub trait Ledger: Sync {
    /// Appends one entry; a gate entry is on the disk for good when this returns.
    ///
    /// # Errors
    /// When it is not certain that the entry was kept. Nothing that depends on it may happen then.
    fn append(&self, record: &Record) -> Result<Appended, LedgerError>;

    /// Appends entries about a live session, all or none of them. Those that are no gates wait for [`Ledger::sync`], or
    /// for the append with which more than 64 KiB would wait. Another process may hold the lock so long.
    ///
    /// # Errors
    /// When it is not certain that they were kept.
    fn append_all(&self, records: &[Record], longest: Duration) -> Result<(), LedgerError>;

    /// Makes durable what was appended. Another process may hold the lock so long.
    ///
    /// # Errors
    /// When it is not certain that it is.
    fn sync(&self, longest: Duration) -> Result<(), LedgerError>;

    /// Verifies the current segment from its first line to its head.
    ///
    /// # Errors
    /// When it does not verify, or cannot be read.
    fn verify(&self) -> Result<(), LedgerError>;

    /// Keeps a larger content that entries refer to by its hash.
    ///
    /// # Errors
    /// When it is not certain that it was kept.
    fn keep(&self, content: &[u8]) -> Result<Digest, LedgerError>;
}

/// Why the ledger does not take an entry, or is not believed.
#[derive(Debug)]
pub enum LedgerError {
    /// A line does not chain, parse, or match the head.
    Broken {
        /// The segment's file name.
        segment: String,
        /// The line in it, from 1.
        line: u64,
        /// What was expected and what was found.
        reason: String,
    },
    /// The ledger is shorter than it was known to be.
    RolledBack {
        /// The segment's file name.
        segment: String,
        /// What was expected and what was found.
        reason: String,
    },
    /// The ledger belongs to somebody else, or others could change it.
    Untrusted {
        /// What is wrong with it.
        reason: String,
    },
    /// Another process held the lock for too long.
    Busy(PathBuf),
    /// An entry would be longer than a line may be.
    TooLong(usize),
    /// An earlier append of this process failed half-way; the next process sees to what it left.
    Interrupted,
    /// A file could not be read or written.
    File {
        /// What was being done, e.g. `append to`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LedgerError::Broken { segment, line, reason } => {
                write!(f, "the ledger is broken at {segment} line {line}: {reason}")
            }
            LedgerError::RolledBack { segment, reason } => {
                write!(f, "the ledger was rolled back at {segment}: {reason}")
            }
            LedgerError::Untrusted { reason } => write!(f, "the ledger cannot be trusted: {reason}"),
            LedgerError::Busy(path) => write!(f, "another process holds the ledger's lock {}", path.display()),
            LedgerError::TooLong(bytes) => {
                write!(f, "an entry of {bytes} bytes is too long for the ledger (65535 at most)")
            }
            LedgerError::Interrupted => f.write_str("an earlier append of this process to the ledger failed"),
            LedgerError::File { doing, path, .. } => write!(f, "cannot {doing} {}", path.display()),
        }
    }
}

impl std::error::Error for LedgerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LedgerError::File { source, .. } => Some(source),
            LedgerError::Broken { .. }
            | LedgerError::RolledBack { .. }
            | LedgerError::Untrusted { .. }
            | LedgerError::Busy(_)
            | LedgerError::TooLong(_)
            | LedgerError::Interrupted => None,
        }
    }
}
