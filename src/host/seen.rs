//! The memory of ledgers that requests told of: one small file for each, below the state folder.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::rewrite::{Rewrite, RewriteError};
use crate::model::name::Digest;
use crate::model::sign_off::seen::Seen;
use crate::world::seen::{Memory, MemoryError};

/// The largest file that is read; a real one has some hundred bytes.
const LARGEST: u64 = 64 * 1024;

/// The memory in a folder of its own.
pub struct HostMemory {
    folder: PathBuf,
}

impl HostMemory {
    /// The memory below the given state folder; nothing is made before something is remembered.
    pub fn new(state: &Path) -> Self {
        HostMemory { folder: state.join("seen") }
    }

    fn path(&self, seen: &Seen) -> PathBuf {
        let whose = Digest::of(format!("{}\n{}", seen.person, seen.origin).as_bytes());
        self.folder.join(format!("{:.16}.json", whose.to_string()))
    }
}

impl Memory for HostMemory {
    fn all(&self) -> Result<Vec<Seen>, MemoryError> {
        let failed = |source| MemoryError { doing: "read", path: self.folder.clone(), source };
        let files = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            files => files.map_err(failed)?,
        };
        let mut all = Vec::new();
        for file in files {
            let path = file.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                all.push(read(&path)?);
            }
        }
        Ok(all)
    }

    fn keep(&self, seen: &Seen) -> Result<(), MemoryError> {
        let path = self.path(seen);
        let text = serde_json::to_string(seen).expect("every field is text, a number, or an object of these");
        let replaced = Rewrite::open(&path).and_then(|file| file.replace(&format!("{text}\n")));
        replaced.map_err(|error| {
            let source = match error {
                RewriteError::File { source, .. } => source,
                error @ (RewriteError::Changed(_) | RewriteError::NotText(_)) => io::Error::other(error),
            };
            MemoryError { doing: "write", path, source }
        })
    }
}

/// Reads one file; what is no memory is no reason to forget.
fn read(path: &Path) -> Result<Seen, MemoryError> {
    let failed = |source| MemoryError { doing: "read", path: path.to_owned(), source };
    let mut text = String::new();
    File::open(path).map_err(failed)?.take(LARGEST).read_to_string(&mut text).map_err(failed)?;
    serde_json::from_str(&text).map_err(|error| failed(error.into()))
}
