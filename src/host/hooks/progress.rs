//! How far each hook was told: a note beside the ledger, which itself is the queue.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::HookError;
use crate::host::private;
use crate::model::name::HookName;
use crate::model::time::Timestamp;

/// The largest note that is read; a real one has a few hundred bytes.
const LARGEST: u64 = 64 * 1024;

/// How far a hook was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// It was told of everything before this entry, or will never be.
    pub seq: u64,
    /// What is known since it failed, if it was not told of anything after that.
    pub failing: Option<Failing>,
}

/// A hook that fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// Since when, RFC 3339.
    pub since: String,
    /// Why, the last time.
    pub why: String,
    /// How many times.
    pub tries: u64,
    /// How many entries it will never be told of.
    pub passed_over: u64,
}

impl Failing {
    /// One that has not failed yet, and does from now on.
    pub fn since(now: Timestamp) -> Self {
        Failing { since: now.to_string(), why: String::new(), tries: 0, passed_over: 0 }
    }
}

/// The note of one hook.
pub struct Note {
    folder: PathBuf,
    name: String,
}

impl Note {
    /// That of a hook beside a ledger.
    pub fn of(ledger: &Path, hook: &HookName) -> Self {
        Note { folder: ledger.join("told"), name: hook.to_string() }
    }

    /// Makes the folder, and takes the lock: one process tells a hook at a time.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn hold(&self) -> io::Result<File> {
        match DirBuilder::new().mode(0o700).create(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let lock = private::to_lock(&self.folder.join(format!(".{}.lock", self.name)))?;
        lock.lock().map(|()| lock)
    }

    /// What is known; nothing of a hook that is new.
    ///
    /// # Errors
    /// When there is something, and it says nothing that can be believed.
    pub fn read(&self) -> Result<Option<Progress>, HookError> {
        let path = self.path();
        let Some(text) = private::read(&path, LARGEST).map_err(HookError::file("read", &path))? else {
            return Ok(None);
        };
        serde_json::from_slice(&text).map(Some).map_err(|_| HookError::BadNote(path))
    }

    /// Keeps what is known, for good.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, progress: &Progress) -> io::Result<()> {
        let mut text = serde_json::to_vec(progress)?;
        text.push(b'\n');
        private::replace(&self.path(), &text)
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }
}
