//! How far each hook was told: a note beside the ledger, which itself is the queue.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::name::HookName;

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
        let mut options = OpenOptions::new();
        let lock = self.folder.join(format!(".{}.lock", self.name));
        let lock = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(lock)?;
        lock.lock().map(|()| lock)
    }

    /// What is known; nothing of a hook that is new, or whose note is lost or damaged.
    pub fn read(&self) -> Option<Progress> {
        let mut text = Vec::new();
        File::open(self.path()).ok()?.take(LARGEST).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Keeps what is known.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, progress: &Progress) -> io::Result<()> {
        let unfinished = self.folder.join(format!(".{}.unfinished", self.name));
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        let mut text = serde_json::to_vec(progress)?;
        text.push(b'\n');
        file.write_all(&text)?;
        fs::rename(unfinished, self.path())
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }
}
