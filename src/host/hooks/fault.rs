//! Why a hook was not told.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, io};

use crate::host::web::WebError;
use crate::model::identity::Store;
use crate::model::text::escaped;
use crate::model::webhook::Reply;
use crate::world::aws::{AwsError, SourceError};
use crate::world::ledger::LedgerError;
use crate::world::machine::{ProgramError, VaultError};

/// Why a hook was not told.
#[derive(Debug)]
pub enum HookError {
    /// There is no secret to sign with.
    NoSecret,
    /// The secret cannot be used as it lies there.
    BadSecret {
        /// The file, or the keyring's name.
        place: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A keyring is locked, or not there, and nobody is to be asked now.
    Closed(Store),
    /// The keyring does not give the secret.
    Vault(VaultError),
    /// There is no whole answer.
    Web(WebError),
    /// The answer is no.
    Answered(u16),
    /// The program gave no answer.
    Program(ProgramError),
    /// The program says no.
    Ended {
        /// Its exit code.
        code: i32,
        /// What it wrote to stderr, which nobody but the person is shown.
        stderr: String,
    },
    /// There is no source of credentials.
    NoSource,
    /// The source gives no credentials.
    Source(SourceError),
    /// AWS does not take it.
    Aws(AwsError),
    /// It was not told in time.
    Late(Duration),
    /// What is noted of how far it was told cannot be: the note.
    BadNote(PathBuf),
    /// The ledger cannot be read.
    Ledger(LedgerError),
    /// A file on this machine cannot be read or written.
    File {
        /// What was being done, e.g. `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl HookError {
    /// Makes an error of what the system said of a file.
    pub fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> HookError {
        let path = path.to_owned();
        move |source| HookError::File { doing, path, source }
    }

    /// Whether it will be the same however often this entry is told.
    pub fn is_final(&self) -> bool {
        matches!(self, HookError::Answered(status) if Reply::of(*status) == Reply::NotThisOne)
    }

    /// The fact and its causes in one short line, escaped: what the ledger and others are told.
    pub fn in_one_line(&self) -> String {
        let mut line = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            line += &format!(": {error}");
            cause = error.source();
        }
        escaped(&line).chars().take(500).collect()
    }
}

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HookError::NoSecret => f.write_str("there is no secret to sign with"),
            HookError::BadSecret { place, why } => write!(f, "the secret in {place} cannot be used: {why}"),
            HookError::Closed(store) => write!(f, "the keyring `{store}` is locked or not there"),
            HookError::Vault(_) => f.write_str("the keyring does not give the secret"),
            HookError::Web(error) => error.fmt(f),
            HookError::Answered(status) => write!(f, "it answered {status}"),
            HookError::Program(error) => error.fmt(f),
            HookError::Ended { code, .. } => write!(f, "the program ended with {code}"),
            HookError::NoSource => f.write_str("the identity file names no source of credentials"),
            HookError::Source(error) => error.fmt(f),
            HookError::Aws(error) => error.fmt(f),
            HookError::Late(time) => write!(f, "it was not told within {} s", time.as_secs()),
            HookError::BadNote(path) => write!(f, "{} does not say how far it was told", path.display()),
            HookError::Ledger(error) => error.fmt(f),
            HookError::File { doing, path, .. } => write!(f, "cannot {doing} {}", path.display()),
        }
    }
}

impl Error for HookError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            HookError::Vault(source) => Some(source),
            HookError::Web(error) => error.source(),
            HookError::Program(error) => error.source(),
            HookError::Source(error) => error.source(),
            HookError::Aws(error) => error.source(),
            HookError::Ledger(error) => error.source(),
            HookError::File { source, .. } => Some(source),
            HookError::NoSecret
            | HookError::BadSecret { .. }
            | HookError::Closed(_)
            | HookError::Answered(_)
            | HookError::Ended { .. }
            | HookError::NoSource
            | HookError::Late(_)
            | HookError::BadNote(_) => None,
        }
    }
}

impl From<LedgerError> for HookError {
    fn from(error: LedgerError) -> Self {
        HookError::Ledger(error)
    }
}
