//! What was sent to a place already: a note beside the ledger, so that not everything is looked at each time.
//!
//! It is a cache. Who loses it sends again, and finds what is there; who forges it deceives nobody but themselves:
//! what a place has is asked there.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ShipError;
use crate::host::clock::HostClock;
use crate::host::private;
use crate::model::name::Digest;
use crate::world::machine::Clock;

/// The largest note that is read; a real one has a few hundred bytes.
const LARGEST: u64 = 64 * 1024;

/// How far one place is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The place, as the catalogue names it.
    pub to: String,
    /// All that the entries before this one call for is there.
    pub seq: u64,
    /// The size of the newest checkpoint that is there; 0 if none is.
    pub checkpoint: u64,
    /// Why the last attempt failed, if it did.
    pub failed: Option<FailedAttempt>,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAttempt {
    /// When, RFC 3339.
    pub at: String,
    /// Why.
    pub why: String,
}

impl FailedAttempt {
    /// Notes what has just failed.
    pub fn now(error: &ShipError) -> Self {
        FailedAttempt { at: HostClock.now().to_string(), why: error.in_one_line() }
    }
}

/// The folder of these notes.
pub struct SentNotes {
    folder: PathBuf,
}

impl SentNotes {
    /// Those of a ledger; the folder is made when something is kept in it.
    pub fn of(ledger: &Path) -> Self {
        SentNotes { folder: ledger.join("sent") }
    }

    /// Makes the folder, and takes the lock: one process sends at a time. Nothing if another does, and that is not
    /// to be waited for.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn hold(&self, waiting: Waiting) -> io::Result<Option<File>> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let lock = private::to_lock(&self.path("lock"))?;
        match waiting {
            Waiting::Allowed => lock.lock().map(|()| Some(lock)),
            Waiting::Never => match lock.try_lock() {
                Ok(()) => Ok(Some(lock)),
                Err(fs::TryLockError::WouldBlock) => Ok(None),
                Err(fs::TryLockError::Error(error)) => Err(error),
            },
        }
    }

    /// The path of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What is known of a place; nothing was sent, as far as a lost or damaged note tells.
    pub fn of_place(&self, to: &str) -> Sent {
        let text = private::read(&self.path_of(to), LARGEST).ok().flatten();
        let found = text.and_then(|text| serde_json::from_slice::<Sent>(&text).ok()).filter(|sent| sent.to == to);
        found.unwrap_or_else(|| Sent { to: to.to_owned(), seq: 0, checkpoint: 0, failed: None })
    }

    /// Keeps what is known of a place.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, sent: &Sent) -> io::Result<()> {
        let mut text = serde_json::to_vec(sent)?;
        text.push(b'\n');
        private::replace(&self.path_of(&sent.to), &text)
    }

    fn path_of(&self, to: &str) -> PathBuf {
        self.path(&Digest::of(to.as_bytes()).to_string()[..16])
    }
}

/// Whether another process that sends is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Until it has done.
    Allowed,
    /// It does what there is to do.
    Never,
}
