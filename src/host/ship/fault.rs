//! Why something was not sent; and what is worse, that a place has something else.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use crate::host::files::FileError;
use crate::host::witness::WitnessError;
use crate::model::name::Digest;
use crate::model::text::escaped;
use crate::model::time::Timestamp;
use crate::world::archive::ArchiveError;
use crate::world::ledger::LedgerError;

/// Why something was not sent.
#[derive(Debug)]
pub enum ShipError {
    /// The place does not take it, or cannot be asked.
    Archive(ArchiveError),
    /// The witness does not cosign, or cannot be asked.
    Witness(WitnessError),
    /// The witness has cosigned what somebody waits for, but as of a time before that.
    Stale(Timestamp),
    /// What the place has is not of this ledger.
    Contradicted(Contradiction),
    /// The ledger cannot be read, or does not take the receipt.
    Ledger(LedgerError),
    /// A recording cannot be trusted or opened.
    Recording(FileError),
    /// A content beside the ledger is not the one that its name says.
    Spoilt(Digest),
    /// A file on this machine cannot be read or written.
    File {
        /// What was being done, e.g. `pack`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What a place has that this ledger cannot have made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// A checkpoint of more entries than there are.
    Longer {
        /// Its name.
        name: String,
        /// How many entries the ledger has.
        size: u64,
    },
    /// Something else under a name of the ledger's.
    Other(String),
    /// A witness has cosigned more entries than there are.
    Ahead {
        /// As many.
        known: u64,
        /// How many entries the ledger has.
        size: u64,
    },
    /// The first so many entries, which a witness has cosigned, were others.
    Refuted(u64),
}

impl ShipError {
    /// Makes an error of what the system said of a file.
    pub fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ShipError {
        let path = path.to_owned();
        move |source| ShipError::File { doing, path, source }
    }

    /// The fact and its causes in one line.
    pub fn in_one_line(&self) -> String {
        let mut line = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            line += &format!(": {error}");
            cause = error.source();
        }
        line
    }
}

impl fmt::Display for ShipError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ShipError::Archive(error) => error.fmt(f),
            ShipError::Witness(error) => error.fmt(f),
            ShipError::Stale(at) => write!(f, "the witness has cosigned as of {at}, which is too long ago"),
            ShipError::Contradicted(contradiction) => contradiction.fmt(f),
            ShipError::Ledger(error) => error.fmt(f),
            ShipError::Recording(error) => error.fmt(f),
            ShipError::Spoilt(digest) => write!(f, "the content {digest} beside the ledger is another by now"),
            ShipError::File { doing, path, .. } => write!(f, "cannot {doing} {}", path.display()),
        }
    }
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Contradiction::Longer { name, size } => write!(
                f,
                "it has {}, and this ledger has no more than {size} entries: its end was cut off, or it was replaced",
                escaped(name)
            ),
            Contradiction::Other(name) => write!(
                f,
                "it has something else as {}: this ledger was rewritten, or somebody else put that there",
                escaped(name)
            ),
            Contradiction::Ahead { known, size } => write!(
                f,
                "it has cosigned {known} entries, and this ledger has no more than {size}: its end was cut off, or it \
                 was replaced"
            ),
            Contradiction::Refuted(known) => write!(
                f,
                "the {known} entries that it has cosigned are not the beginning of this ledger: this ledger was rewritten"
            ),
        }
    }
}

impl Error for ShipError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ShipError::Archive(error) => error.source(),
            ShipError::Witness(error) => error.source(),
            ShipError::Ledger(error) => error.source(),
            ShipError::Recording(error) => error.source(),
            ShipError::File { source, .. } => Some(source),
            ShipError::Stale(_) | ShipError::Contradicted(_) | ShipError::Spoilt(_) => None,
        }
    }
}

impl From<ArchiveError> for ShipError {
    fn from(error: ArchiveError) -> Self {
        ShipError::Archive(error)
    }
}

impl From<WitnessError> for ShipError {
    fn from(error: WitnessError) -> Self {
        match error {
            WitnessError::Ahead { known, size } => ShipError::Contradicted(Contradiction::Ahead { known, size }),
            WitnessError::Refuted { known } => ShipError::Contradicted(Contradiction::Refuted(known)),
            error @ (WitnessError::Refused { .. }
            | WitnessError::Overtaken
            | WitnessError::Web(_)
            | WitnessError::Reply(_)
            | WitnessError::Checkpoint(_)
            | WitnessError::NoProof(_)) => ShipError::Witness(error),
        }
    }
}

impl From<LedgerError> for ShipError {
    fn from(error: LedgerError) -> Self {
        ShipError::Ledger(error)
    }
}
