//! Marks of live sessions: a file each, locked as long as the process that keeps the session lives.
//!
//! The kernel gives the lock back however that process ends, so a mark is never stale.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::model::name::Id;

/// A session that lives as long as this value.
pub struct Mark {
    path: PathBuf,
    _locked: File,
}

impl Mark {
    /// Marks a session as alive, below the state folder.
    ///
    /// # Errors
    /// When the file cannot be made or locked.
    pub fn set(state: &Path, session: &Id) -> io::Result<Mark> {
        let path = path_of(state, session);
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Mark { path, _locked: file })
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        // A mark that stays is unlocked, and so counts for nothing.
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether a session is alive: whether somebody holds the lock of its mark.
pub fn is_alive(state: &Path, session: &Id) -> bool {
    let Ok(file) = File::open(path_of(state, session)) else { return false };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(rustix::io::Errno::WOULDBLOCK) => true,
        Ok(()) | Err(_) => false,
    }
}

fn path_of(state: &Path, session: &Id) -> PathBuf {
    state.join("run").join(format!("{session}.live"))
}
