//! Reading a ledger that is not appended to: this user's own, or a copy of anybody's.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::ahead::{self, Takes};
use super::before::{self, Before};
use super::closed::{Closed, Closes};
use super::contents::Contents;
use super::failed;
use super::folder::{Folder, Trust};
use super::machine::Machine;
use super::snapshot::Snapshot;
use super::verdict;
use crate::model::chain::entry::Entry;
use crate::model::chain::piece::Piece;
use crate::model::chain::signed::{Asked, Signatures};
use crate::model::chain::verify::Verifier;
use crate::model::chain::walk::{FirstBad, Integrity, Judgement, Walked};
use crate::model::note::key::VerifierKey;
use crate::model::tree::leaf;
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
    /// What is before them, if the ledger does not begin with its first entry here.
    pub before: Option<Before>,
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

    /// Whose ledger it says it is, before anything of it is verified; nothing where there is none.
    ///
    /// # Errors
    /// When the files cannot be read or trusted.
    pub fn origin(&self) -> Result<Option<String>, LedgerError> {
        let Some((_, snapshot)) = self.snapshot()? else { return Ok(None) };
        snapshot.origin()
    }

    /// The larger contents that its entries refer to; nothing where there is no ledger.
    ///
    /// # Errors
    /// When its folder cannot be trusted.
    pub fn contents(&self) -> Result<Option<Contents>, LedgerError> {
        Ok(self.folder()?.as_ref().map(Contents::of))
    }

    /// Reads everything from the first entry that is here; `each` sees every line that verifies.
    ///
    /// # Errors
    /// When the files cannot be read or trusted. A ledger that does not verify is no error here.
    pub fn read(&self, mut each: impl FnMut(&[u8], &Entry<'_>)) -> Result<Reading, LedgerError> {
        let each = |line: &[u8], entry: &Entry<'_>| {
            each(line, entry);
            ControlFlow::<Infallible>::Continue(())
        };
        let ControlFlow::Continue(reading) = self.read_until(each)?;
        Ok(reading)
    }

    /// The same, until `each` has seen enough.
    ///
    /// # Errors
    /// When the files cannot be read or trusted.
    pub fn read_until<B>(
        &self,
        each: impl FnMut(&[u8], &Entry<'_>) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B, Reading>, LedgerError> {
        let Some((folder, snapshot)) = self.snapshot()? else {
            return Ok(ControlFlow::Continue(Reading::of_nothing()));
        };
        let known = snapshot.head.as_ref().map(|head| head.known(&self.machine.boot));
        let mut walked = match snapshot.walk_until(known.as_ref(), each)? {
            ControlFlow::Continue(walked) => walked,
            ControlFlow::Break(why) => return Ok(ControlFlow::Break(why)),
        };
        self.judge(&folder, &snapshot, &mut walked)?;
        Reading::of(&snapshot, walked).map(ControlFlow::Continue)
    }

    /// Verifies everything, on all cores: lines, tree and signatures. Keeps a verdict that stops elevation where the
    /// ledger is this user's own. `each` sees every line whose event `is_told`.
    ///
    /// # Errors
    /// When the files cannot be read or trusted. A verdict that cannot be kept stands all the same.
    pub fn verify(
        &self,
        asked: Asked,
        is_told: impl Fn(&str) -> bool + Sync,
        each: impl FnMut(&[u8], &Entry<'_>),
    ) -> Result<Verified, LedgerError> {
        let Some((folder, snapshot)) = self.snapshot()? else {
            let (reading, signatures) = (Reading::of_nothing(), Signatures::new(asked));
            return Ok(Verified { reading, signatures, closed: Vec::new() });
        };
        let before = snapshot.before()?.map(|before| before.state.clone());
        let closes = Closes::after(before.clone());
        let signatures = match before {
            Some(state) => Signatures::after(state, asked),
            None => Signatures::new(asked),
        };
        let mut check = Check { signatures, closes, wrong: None, is_told: &is_told, each };
        let known = snapshot.head.as_ref().map(|head| head.known(&self.machine.boot));
        let ahead = ahead::verify(&snapshot, snapshot.verifier_at(0)?, known.as_ref(), &is_told, &mut check);
        let ahead = ahead.map_err(failed("read", &self.path))?;
        let mut walked = snapshot.walk_from(ahead, known.as_ref(), |line, entry| check.line(line, entry))?;
        let Check { signatures, closes, wrong, .. } = check;
        let closed = closes.held_against(&snapshot.segments);
        if let Some((seq, reason)) = wrong.or(closed.as_ref().err().cloned()) {
            walked.judgement =
                Judgement { integrity: Integrity::Broken, first_bad: Some(snapshot.place_of(seq, reason)) };
        }
        let reading = self.judged(&folder, &snapshot, walked)?;
        Ok(Verified { reading, signatures, closed: closed.unwrap_or_default() })
    }

    /// Judges what was walked over, and keeps a verdict that stops elevation.
    pub(super) fn judged(
        &self,
        folder: &Folder,
        snapshot: &Snapshot,
        mut walked: Walked,
    ) -> Result<Reading, LedgerError> {
        self.judge(folder, snapshot, &mut walked)?;
        let reading = Reading::of(snapshot, walked)?;
        if self.trust == Trust::Ours && reading.segments > 0 {
            // On a file system that cannot be written to there is no elevation anyway.
            drop(verdict::keep(folder, &reading.walked.judgement));
        }
        Ok(reading)
    }

    /// The id of this boot.
    pub(super) fn boot(&self) -> &str {
        &self.machine.boot
    }

    /// Judges what no line shows: whose ledger it is, and a verdict that was kept.
    fn judge(&self, folder: &Folder, snapshot: &Snapshot, walked: &mut Walked) -> Result<(), LedgerError> {
        if let Some(before) = snapshot.before()?.filter(|before| before.seq >= walked.verifier.next()) {
            // It is no entry of this ledger.
            let first = before.state.size();
            let first_bad = Some(snapshot.place_of(first, before::is_missing(first)));
            walked.judgement = Judgement { integrity: Integrity::Broken, first_bad };
        }
        if self.trust != Trust::Ours {
            return Ok(());
        }
        if let Err(LedgerError::Broken { segment, line, reason }) = snapshot.check_owner(&self.machine.owner) {
            let first_bad = Some(FirstBad { segment, line, reason });
            walked.judgement = Judgement { integrity: Integrity::Broken, first_bad };
        }
        if let (Integrity::Verified | Integrity::Torn, Some(kept)) =
            (walked.judgement.integrity, verdict::kept(folder)?)
        {
            walked.judgement = kept;
        }
        Ok(())
    }

    /// Reads what was appended since; what an append has not finished yet is left for the next time.
    ///
    /// # Errors
    /// When the files cannot be read or trusted. That it does not go on from what was read before is no error here.
    pub fn read_on(&self, since: Walked, each: impl FnMut(&[u8], &Entry<'_>)) -> Result<Walked, LedgerError> {
        let Some((_, snapshot)) = self.snapshot()? else { return Ok(since) };
        snapshot.walk_on(since, each)
    }

    fn folder(&self) -> Result<Option<Folder>, LedgerError> {
        match self.trust {
            Trust::Ours if !self.path.exists() => Ok(None),
            Trust::Ours => Folder::check(&self.path).map(Some),
            Trust::Anybodys => Folder::of_anybody(&self.path).map(Some),
        }
    }

    pub(super) fn snapshot(&self) -> Result<Option<(Folder, Snapshot)>, LedgerError> {
        let Some(folder) = self.folder()? else { return Ok(None) };
        let _still = folder.hold_still()?;
        Snapshot::take(&folder).map(|snapshot| Some((folder, snapshot)))
    }
}

/// A ledger that was verified.
#[derive(Debug)]
pub struct Verified {
    /// What was found in it.
    pub reading: Reading,
    /// What it has signed.
    pub signatures: Signatures,
    /// The segments that were closed by a `ledger.rotate`.
    pub closed: Vec<Closed>,
}

/// What is checked of entries that chain.
struct Check<T, F> {
    signatures: Signatures,
    closes: Closes,
    /// The first entry that says of the ledger what is not so, and what.
    wrong: Option<(u64, String)>,
    is_told: T,
    each: F,
}

impl<T: Fn(&str) -> bool, F: FnMut(&[u8], &Entry<'_>)> Check<T, F> {
    fn line(&mut self, line: &[u8], entry: &Entry<'_>) {
        self.entry(line, entry, None);
        self.signatures.push(leaf(line));
    }

    fn entry(&mut self, line: &[u8], entry: &Entry<'_>, signer: Option<&VerifierKey>) {
        if self.wrong.is_none() {
            let checked = self.signatures.check(entry, signer);
            let checked = checked.and_then(|()| self.closes.check(line, entry, &self.signatures));
            self.wrong = checked.err().map(|reason| (entry.seq, reason));
        }
        if (self.is_told)(entry.ev) {
            (self.each)(line, entry);
        }
    }
}

impl<T: Fn(&str) -> bool, F: FnMut(&[u8], &Entry<'_>)> Takes for Check<T, F> {
    fn take(&mut self, piece: &Piece) {
        piece.replay(|leaf, told| {
            if let Some((line, signer)) = told
                && let Ok(entry) = Entry::parse(line)
            {
                self.entry(line, &entry, signer);
            }
            self.signatures.push(leaf);
        });
    }

    fn key(&self) -> Option<&VerifierKey> {
        self.signatures.key()
    }
}

impl Reading {
    fn of(snapshot: &Snapshot, walked: Walked) -> Result<Self, LedgerError> {
        Ok(Reading { segments: snapshot.segments.len(), before: snapshot.before()?.cloned(), walked })
    }

    fn of_nothing() -> Self {
        let judgement = Judgement { integrity: Integrity::Verified, first_bad: None };
        Reading {
            segments: 0,
            before: None,
            walked: Walked { verifier: Verifier::new(), segment: 0, bytes: 0, judgement },
        }
    }
}
