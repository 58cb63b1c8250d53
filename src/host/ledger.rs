//! The real ledger: files under a lock, and an append that is certain or has failed.
//!
//! Keeps the promise that nothing is handed over that is not in the ledger first. An append holds the
//! lock, checks the tail against the head, writes once, syncs what a later step depends on, and then
//! overwrites the head: section 1 of `docs/formats.md`. Whatever fails on the way is not tried again by
//! this process; the next one finds what was left and says so.

mod acknowledge;
mod folder;
mod machine;
pub mod reader;
mod snapshot;
mod tail;
mod verdict;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::model::name::{Digest, Organisation};
use crate::world::ledger::{Appended, Ledger, LedgerError, Record};

use folder::{Folder, Use};
use machine::Machine;
use snapshot::Snapshot;
use tail::Beginning;

/// The ledger in a folder of this machine.
pub struct HostLedger {
    path: PathBuf,
    organisation: Option<Organisation>,
    machine: Machine,
    done: Mutex<Done>,
}

/// What this process has done to the ledger.
#[derive(Default)]
struct Done {
    /// Whether an append failed half-way.
    interrupted: bool,
    /// The last entry; a ledger that ends before it was rolled back meanwhile.
    last: Option<u64>,
}

impl HostLedger {
    /// The ledger in a folder, which is made when the first entry is written; the organisation is
    /// that of a ledger that has to be begun.
    ///
    /// # Errors
    /// When the system does not say which boot this is.
    pub fn new(path: PathBuf, organisation: Option<Organisation>) -> Result<Self, LedgerError> {
        Ok(HostLedger { path, organisation, machine: Machine::here()?, done: Mutex::default() })
    }

    fn append_under_lock(&self, record: &Record, last: Option<u64>) -> Result<Appended, LedgerError> {
        let (folder, _lock) = Folder::hold(&self.path)?;
        verdict::refuse_kept(&folder)?;
        let beginning = Beginning { organisation: self.organisation.as_ref(), previous: None };
        let found = tail::find(&folder, &self.machine)?;
        found.reaches(last)?;
        found.settle(&self.machine, beginning)?.append(record)
    }
}

impl Ledger for HostLedger {
    fn append(&self, record: &Record) -> Result<Appended, LedgerError> {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        if done.interrupted {
            return Err(LedgerError::Interrupted);
        }
        let appended = self.append_under_lock(record, done.last);
        match &appended {
            Ok(appended) => done.last = Some(appended.seq),
            Err(error) => done.interrupted = matches!(error, LedgerError::File { .. }),
        }
        appended
    }

    fn verify(&self) -> Result<(), LedgerError> {
        let folder = Folder::check(&self.path)?;
        verdict::refuse_kept(&folder)?;
        let snapshot = {
            let _still = folder.hold_still()?;
            Snapshot::take(&folder, Use::Read)?
        };
        snapshot.check_owner(&self.machine.owner)?;
        let known = snapshot.head.as_ref().map(|head| head.known(&self.machine.boot));
        let walked = snapshot.walk_current(known.as_ref())?;
        verdict::keep(&folder, &walked.judgement)
    }

    fn keep(&self, content: &[u8]) -> Result<Digest, LedgerError> {
        let digest = Digest::of(content);
        Folder::make(&self.path)?.put("blobs", &digest.to_string(), content)?;
        Ok(digest)
    }
}

/// Makes an error of what the system said.
fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LedgerError {
    let path = path.to_owned();
    move |source| LedgerError::File { doing, path, source }
}

#[cfg(test)]
mod tests;
