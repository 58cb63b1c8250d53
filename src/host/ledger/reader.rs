//! Reading a ledger that is not appended to: this user's own, or a copy of anybody's.

use std::path::{Path, PathBuf};

use super::folder::{Folder, Trust, Use};
use super::machine::Machine;
use super::snapshot::{Snapshot, stop};
use super::verdict;
use crate::model::chain::entry::Entry;
use crate::model::chain::verify::Verifier;
use crate::model::chain::walk::{FirstBad, Integrity, Judgement, Walked};
use crate::world::ledger::LedgerError;

/// A ledger to be read.
pub struct Reader {
    path: PathBuf,
    trust: Trust,
    machine: Machine,
}

/// All that was found in a ledger.
#[derive(Debug)]
pub struct Reading {
    /// How many segments there are.
    pub segments: usize,
    /// What was verified, and the verdict.
    pub walked: Walked,
}

impl Reader {
    /// This user's own ledger, which must be nobody else's.
    ///
    /// # Errors
    /// When the system does not say which boot this is.
    pub fn of_own(path: &Path) -> Result<Self, LedgerError> {
        Ok(Reader { path: path.to_owned(), trust: Trust::Ours, machine: Machine::here()? })
    }

    /// A copy of anybody's ledger, wherever it lies.
    ///
    /// # Errors
    /// When the system does not say which boot this is.
    pub fn of_copy(path: &Path) -> Result<Self, LedgerError> {
        Ok(Reader { path: path.to_owned(), trust: Trust::Anybodys, machine: Machine::here()? })
    }

    /// Reads everything from the first entry; `each` sees every line that verifies.
    ///
    /// # Errors
    /// When the files cannot be read or trusted. A ledger that does not verify is no error here.
    pub fn read(&self, each: impl FnMut(&[u8], &Entry<'_>)) -> Result<Reading, LedgerError> {
        let Some((folder, snapshot)) = self.snapshot()? else { return Ok(Reading::of_nothing()) };
        let known = snapshot.head.as_ref().map(|head| head.known(&self.machine.boot));
        let mut walked = snapshot.walk_all(known.as_ref(), each)?;
        if self.trust == Trust::Ours {
            if let Err(LedgerError::Broken { segment, line, reason }) = snapshot.check_owner(&self.machine.owner) {
                let first_bad = Some(FirstBad { segment, line, reason });
                walked.judgement = Judgement { integrity: Integrity::Broken, first_bad };
            }
            if let (Integrity::Verified | Integrity::Torn, Some(kept)) =
                (walked.judgement.integrity, verdict::kept(&folder)?)
            {
                walked.judgement = kept;
            }
        }
        Ok(Reading { segments: snapshot.segments.len(), walked })
    }

    /// Reads everything, and keeps a verdict that stops elevation where the ledger is this user's own; `each`
    /// sees every line that verifies.
    ///
    /// # Errors
    /// When the files cannot be read or trusted. A verdict that cannot be kept stands all the same.
    pub fn verify(&self, each: impl FnMut(&[u8], &Entry<'_>)) -> Result<Reading, LedgerError> {
        let reading = self.read(each)?;
        if self.trust == Trust::Ours && reading.segments > 0 {
            // On a file system that cannot be written to there is no elevation anyway.
            drop(verdict::keep(&Folder::check(&self.path)?, &reading.walked.judgement));
        }
        Ok(reading)
    }

    /// Reads what was appended since; what an append has not finished yet is left for the next time.
    ///
    /// # Errors
    /// When it does not continue what was read before.
    pub fn read_on(&self, since: Walked, each: impl FnMut(&[u8], &Entry<'_>)) -> Result<Walked, LedgerError> {
        let Some((_, snapshot)) = self.snapshot()? else { return Ok(since) };
        let walked = snapshot.walk_on(since, each)?;
        stop(&walked.judgement).map(|()| walked)
    }

    fn snapshot(&self) -> Result<Option<(Folder, Snapshot)>, LedgerError> {
        if self.trust == Trust::Ours && !self.path.exists() {
            return Ok(None);
        }
        let folder = match self.trust {
            Trust::Ours => Folder::check(&self.path)?,
            Trust::Anybodys => Folder::of_anybody(&self.path)?,
        };
        let _still = folder.hold_still()?;
        Snapshot::take(&folder, Use::Read).map(|snapshot| Some((folder, snapshot)))
    }
}

impl Reading {
    fn of_nothing() -> Self {
        let judgement = Judgement { integrity: Integrity::Verified, first_bad: None };
        Reading { segments: 0, walked: Walked { verifier: Verifier::new(), segment: 0, bytes: 0, judgement } }
    }
}
