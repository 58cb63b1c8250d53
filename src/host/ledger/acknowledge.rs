//! Closing a ledger that does not verify, and beginning one that says so.
//!
//! Keeps the promise that a broken ledger is never repaired: it is put aside as it is, and the new one
//! commits to what of it verifies, and to the bytes of what does not.

use std::fs::{self, Permissions};
use std::io::{self, BufRead, ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::Digest as _;

use super::beginning::Beginning;
use super::folder::{Folder, LONGEST_WAIT, next_to, sync};
use super::snapshot::{Snapshot, stop};
use super::tail;
use super::{HostLedger, failed, verdict};
use crate::model::chain::entry::Entry;
use crate::model::chain::origin::Origin;
use crate::model::chain::walk::Walked;
use crate::model::chain::{LONGEST_LINE, genesis};
use crate::model::event::Previous;
use crate::model::name::{Digest, PersonName, Reason};
use crate::model::sign_off::reviews::Reviews;
use crate::world::ledger::LedgerError;

impl HostLedger {
    /// Closes a ledger that is broken, rolled back or somebody else's, and begins a new one that refers to it.
    ///
    /// Gives the folder that the old one lies in now; nothing happens, and none is given, where nothing is
    /// wrong with it. The first entry of the new one names `who` did so.
    ///
    /// # Errors
    /// When it is not certain that the new ledger was begun.
    pub fn acknowledge(&self, reason: &Reason, who: Option<&PersonName>) -> Result<Option<PathBuf>, LedgerError> {
        let (folder, _lock) = Folder::hold(&self.path, LONGEST_WAIT)?;
        let snapshot = Snapshot::take(&folder)?;
        let known = snapshot.head.as_ref().map(|head| head.known(&self.machine.boot));
        let mut origin = snapshot.before()?.map(|before| before.state.origin.clone());
        let mut reviews = Reviews::default();
        let walked = snapshot.walk_all(known.as_ref(), |_, entry| {
            origin = origin.take().or_else(|| entry.opened().map(|opened| opened.origin));
            reviews.read(entry);
        })?;
        let sound = stop(&walked.judgement).is_ok()
            && verdict::refuse_kept(&folder).is_ok()
            && snapshot.check_owner(&self.machine.owner).is_ok();
        if sound {
            return Ok(None);
        }
        let origin = origin.unwrap_or_default();
        read_rest(&snapshot, &walked, &mut reviews).map_err(failed("read", &self.path))?;
        let previous = Previous {
            size: walked.verifier.next(),
            hash: walked.verifier.last().unwrap_or_else(|| genesis(&origin)),
            bad_sha256: rest(&snapshot, &walked).map_err(failed("read", &self.path))?,
            origin,
            reason: reason.as_str().to_owned(),
            reviews: reviews.carried(),
        };
        let closed = closed_name(&self.path, &previous.origin);
        self.begin_beside(previous, who)?;
        self.change_over(&closed)?;
        Ok(Some(closed))
    }

    /// Prepares the new ledger whole, so that it takes the old one's place by its name alone.
    fn begin_beside(&self, previous: Previous, who: Option<&PersonName>) -> Result<(), LedgerError> {
        let next = next_to(&self.path);
        match fs::remove_dir_all(&next) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed("remove", &next)(error)),
            Ok(()) | Err(_) => {}
        }
        let folder = Folder::make(&next)?;
        let beginning = Beginning { organisation: self.organisation.as_ref(), who, previous: Some(previous) };
        tail::find(&folder, &self.machine)?.settle(&self.machine, beginning).map(drop)
    }

    fn change_over(&self, closed: &Path) -> Result<(), LedgerError> {
        fs::rename(&self.path, closed).map_err(failed("rename", &self.path))?;
        let next = next_to(&self.path);
        match fs::rename(&next, &self.path) {
            // Another process found no ledger, and has put the new one in its place already.
            Err(error) if error.kind() == ErrorKind::NotFound && self.path.exists() => {}
            renamed => renamed.map_err(failed("rename", &next))?,
        }
        self.path.parent().map_or(Ok(()), sync)?;
        make_read_only(closed).map_err(failed("make read-only", closed))
    }
}

/// SHA-256 of everything after the last line that verifies, segment after segment.
fn rest(snapshot: &Snapshot, walked: &Walked) -> io::Result<Digest> {
    let mut hasher = sha2::Sha256::new();
    for segment in snapshot.segments.iter().filter(|segment| segment.first >= walked.segment) {
        let from = if segment.first == walked.segment { walked.bytes } else { 0 };
        hasher.update(&segment.window(from, segment.bytes)?);
    }
    Ok(Digest::from_bytes(hasher.finalize().into()))
}

/// Reads what is still an entry of what follows the last line that verifies: who damages a ledger gets rid of no review.
fn read_rest(snapshot: &Snapshot, walked: &Walked, reviews: &mut Reviews) -> io::Result<()> {
    for segment in snapshot.segments.iter().filter(|segment| segment.first >= walked.segment) {
        let from = if segment.first == walked.segment { walked.bytes } else { 0 };
        let mut lines = segment.lines(from);
        let mut line = Vec::new();
        while lines.by_ref().take(LONGEST_LINE as u64 + 1).read_until(b'\n', &mut line)? > 0 {
            if let Ok(entry) = Entry::parse(&line) {
                reviews.read_unverified(&entry);
            }
            line.clear();
        }
    }
    Ok(())
}

/// `ledger-<last part of its origin>-closed`, with a number where there is one already.
fn closed_name(path: &Path, origin: &str) -> PathBuf {
    let origin = Origin::parse(origin);
    let id = origin.as_ref().map_or("unknown", Origin::id);
    let name = format!("ledger-{id}-closed");
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut free = std::iter::once(name.clone()).chain(numbered).map(|name| path.with_file_name(name));
    free.find(|path| !path.exists()).unwrap_or_else(|| path.with_file_name(name))
}

fn make_read_only(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_read_only(&entry.path())?;
        } else if entry.file_type()?.is_file() {
            fs::set_permissions(entry.path(), Permissions::from_mode(0o400))?;
        }
    }
    fs::set_permissions(folder, Permissions::from_mode(0o500))
}
