//! What glass asks of the ledger: to keep an entry, or to say plainly that it could not.

use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, io};

use crate::model::chain::Said;
use crate::model::chain::entry::Entry;
use crate::model::chain::origin::Origin;
use crate::model::event::Event;
use crate::model::identity::Store;
use crate::model::name::{Digest, Id, PersonName};
use crate::model::note::key::VerifierKey;
use crate::model::policy::NoSignOff;
use crate::model::sign_off::growth::Step;
use crate::model::sign_off::using::Using;
use crate::model::time::Timestamp;
use crate::world::machine::VaultError;

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

/// A checkpoint that was appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpointed {
    /// Whose ledger it is.
    pub origin: Origin,
    /// How many entries it is of.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Digest,
    /// The signed note.
    pub note: String,
    /// The key, if it took the place of one that is lost.
    pub new_key: Option<VerifierKey>,
}

/// What a ledger comes to at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Whose ledger it is.
    pub origin: Origin,
    /// How many entries it has.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Digest,
}

/// The ledger as it was when it was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// Whose it is.
    pub origin: Origin,
    /// The number of the first entry that is here.
    pub first: u64,
    /// How many entries it has.
    pub size: u64,
    /// The latest time of those that were read.
    pub latest: Option<Timestamp>,
}

/// The hash-chained ledger of this user on this machine.
pub trait Ledger: Sync {
    /// Appends one entry; a gate entry is on the disk for good when this returns.
    ///
    /// # Errors
    /// When it is not certain that the entry was kept. Nothing that depends on it may happen then.
    fn append(&self, record: &Record) -> Result<Appended, LedgerError>;

    /// Appends the entries with which a request is used, all or none of them and by one write, unless what is before them
    /// forbids it; gives that then. Between the look and the append nothing else is appended.
    ///
    /// # Errors
    /// As for [`Ledger::append`], and when the ledger is shorter than it was when the request was made.
    fn append_once(&self, records: &[Record], using: Using) -> Result<Result<Vec<Appended>, NoSignOff>, LedgerError>;

    /// Reads the entries from one on, in their order. Those before the first that is here are passed over.
    ///
    /// # Errors
    /// When they cannot be read, or are none.
    fn read_back(&self, from: u64, each: &mut dyn FnMut(&Entry<'_>)) -> Result<Past, LedgerError>;

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

    /// Signs what the ledger holds, and appends that; nobody is asked for the key.
    ///
    /// # Errors
    /// When there is no key that can be used now, or it is not certain that the checkpoint was kept.
    fn checkpoint(&self, who: Option<&PersonName>, session: Option<&Id>) -> Result<Checkpointed, Unsigned>;

    /// Tells what the ledger comes to, unsigned.
    ///
    /// # Errors
    /// When it cannot be read, or contradicts what it has signed before.
    fn measure(&self) -> Result<Measure, LedgerError>;

    /// The ledger as it was with so many entries each time, and the path from that to what it was with `to`. One of which
    /// the entries are not here any more is left out.
    ///
    /// # Errors
    /// When the entries cannot be read, or are none.
    fn growth(&self, from: &[u64], to: u64) -> Result<Vec<Step>, LedgerError>;

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

/// Why there is no checkpoint.
#[derive(Debug)]
pub enum Unsigned {
    /// The key cannot be used now.
    Key(KeyFault),
    /// The ledger does not take it.
    Ledger(LedgerError),
}

/// Why a ledger's key cannot be used.
#[derive(Debug)]
pub enum KeyFault {
    /// The keyring that keeps it is locked, or not there, and nobody is to be asked now.
    Closed(Store),
    /// The keyring failed.
    Vault(VaultError),
    /// Its file cannot be read or written.
    File {
        /// What was being done, e.g. `read`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What is kept is not this ledger's key.
    Damaged(PathBuf),
}

impl From<LedgerError> for Unsigned {
    fn from(error: LedgerError) -> Self {
        Unsigned::Ledger(error)
    }
}

impl From<KeyFault> for Unsigned {
    fn from(fault: KeyFault) -> Self {
        Unsigned::Key(fault)
    }
}

impl fmt::Display for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unsigned::Key(fault) => fault.fmt(f),
            Unsigned::Ledger(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Unsigned {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Unsigned::Key(fault) => fault.source(),
            Unsigned::Ledger(error) => error.source(),
        }
    }
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyFault::Closed(store) => {
                write!(f, "the ledger's key is in the keyring `{}`, which is locked or not there", store.name())
            }
            KeyFault::Vault(_) => f.write_str("the keyring does not give the ledger's key"),
            KeyFault::File { doing, path, .. } => write!(f, "cannot {doing} the ledger's key {}", path.display()),
            KeyFault::Damaged(path) => write!(f, "{} does not hold this ledger's key", path.display()),
        }
    }
}

impl std::error::Error for KeyFault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            KeyFault::Vault(source) => Some(source),
            KeyFault::File { source, .. } => Some(source),
            KeyFault::Closed(_) | KeyFault::Damaged(_) => None,
        }
    }
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
    /// Something else lies under the hash of a content.
    Spoilt(PathBuf),
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
            LedgerError::Spoilt(path) => {
                write!(f, "{} is not the content that its name is the hash of", path.display())
            }
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
            | LedgerError::Spoilt(_)
            | LedgerError::Busy(_)
            | LedgerError::TooLong(_)
            | LedgerError::Interrupted => None,
        }
    }
}
