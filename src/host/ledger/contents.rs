//! Larger contents, below the ledger's folder: `blobs/<sha256>`.
//!
//! Keeps the promise that what lies under a hash has it, or that this is told and nothing is built on it.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};

use sha2::{Digest as _, Sha256};

use super::failed;
use super::folder::{Folder, Use};
use crate::model::name::Digest;
use crate::world::ledger::LedgerError;

/// The folder below the ledger's.
const BELOW: &str = "blobs";

/// How much of a content is read at once.
const PIECE: usize = 1 << 16;

/// The contents of a ledger.
pub struct Contents(Folder);

impl Contents {
    pub(super) fn of(folder: &Folder) -> Self {
        Contents(folder.clone())
    }

    /// Keeps a content under its hash.
    pub(super) fn keep(&self, content: &[u8]) -> Result<Digest, LedgerError> {
        let digest = Digest::of(content);
        self.0.put(&name(&digest), content).map(|()| digest)
    }

    /// The hashes under which something lies; nothing where there is no folder of them.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn list(&self) -> Result<Option<Vec<Digest>>, LedgerError> {
        let folder = self.0.file(BELOW);
        let unlisted = |error| failed("list", &folder)(error);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            entries => entries.map_err(unlisted)?,
        };
        let mut found = Vec::new();
        for entry in entries {
            found.extend(entry.map_err(unlisted)?.file_name().to_str().and_then(Digest::parse));
        }
        Ok(Some(found))
    }

    /// Opens what lies under a hash.
    ///
    /// # Errors
    /// When it cannot be opened, or others could have written it.
    pub fn open(&self, digest: &Digest) -> Result<File, LedgerError> {
        self.0.open(&name(digest), Use::Read)
    }

    /// The hash of what lies under one.
    ///
    /// # Errors
    /// When it cannot be read, or others could have written it.
    pub fn hash(&self, digest: &Digest) -> Result<Digest, LedgerError> {
        let mut file = self.open(digest)?;
        let (mut hash, mut piece) = (Sha256::new(), vec![0; PIECE]);
        loop {
            match file.read(&mut piece) {
                Ok(0) => return Ok(Digest::from_bytes(hash.finalize().into())),
                Ok(count) => hash.update(&piece[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failed("read", &self.0.file(&name(digest)))(error)),
            }
        }
    }
}

fn name(digest: &Digest) -> String {
    format!("{BELOW}/{digest}")
}
