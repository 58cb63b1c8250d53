//! The real ledger: files under a lock, and an append that is certain or has failed.
//!
//! Keeps the promise that nothing is handed over that is not in the ledger first. An append holds the
//! lock, checks the tail against the head, writes once, syncs what a later step depends on, and then
//! overwrites the head: section 1 of `docs/formats.md`. Whatever fails on the way is not tried again by
//! this process; the next one finds what was left and says so.

mod acknowledge;
mod ahead;
mod before;
mod beginning;
mod closed;
pub mod contents;
mod folder;
mod growth;
mod held;
mod key;
mod left;
mod machine;
mod past;
mod prove;
pub mod reader;
mod rotate;
mod seal;
mod since;
mod snapshot;
pub mod spool;
mod tail;
mod tree;
mod verdict;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::model::chain::entry::Entry;
use crate::model::name::{Digest, Id, Organisation, PersonName};
use crate::model::policy::NoSignOff;
use crate::model::sign_off::growth::Step;
use crate::model::sign_off::using::Using;
use crate::world::ledger::{Appended, Checkpointed, Ledger, LedgerError, Measure, Past, Record, Unsigned};

pub use before::Before;
pub use closed::Closed;
pub use key::Asking;
pub use prove::{ProveError, prove_from_copy};
pub use rotate::Rotated;
pub use seal::LedgerKey;
pub use since::Since;

use beginning::Beginning;
use contents::Contents;
use folder::{Folder, LONGEST_WAIT, Use};
use left::{Held, Left};
use machine::Machine;
use rotate::{LIMITS, Limits};
use snapshot::Snapshot;
use tail::{ANY, Tail, Unsynced};

/// How many bytes of a live session's entries wait for a sync at the most.
const LIVE_UNSYNCED: Unsynced = 64 * 1024;

/// The ledger in a folder of this machine.
pub struct HostLedger {
    path: PathBuf,
    organisation: Option<Organisation>,
    machine: Machine,
    limits: Limits,
    done: Mutex<Done>,
    first: Arc<OnceLock<u64>>,
    observer: Option<Observer>,
}

/// Somebody who is shown what was appended, once it is certain.
pub type Observer = Box<dyn Fn(&[Record]) + Send + Sync>;

/// What this process has done to the ledger.
#[derive(Default)]
struct Done {
    /// Whether an append failed half-way.
    interrupted: bool,
    /// The last entry; a ledger that ends before it was rolled back meanwhile.
    last: Option<u64>,
    /// The end, as this process left it.
    left: Option<Left>,
}

impl HostLedger {
    /// The ledger in a folder, which is made when the first entry is written; the organisation is
    /// that of a ledger that has to be begun.
    ///
    /// # Errors
    /// When the system does not say which boot this is.
    pub fn new(path: PathBuf, organisation: Option<Organisation>) -> Result<Self, LedgerError> {
        Ok(HostLedger {
            path,
            organisation,
            machine: Machine::here()?,
            limits: LIMITS,
            done: Mutex::default(),
            first: Arc::default(),
            observer: None,
        })
    }

    /// The same, with somebody who is shown what is appended.
    pub fn observed_by(self, observer: Observer) -> Self {
        HostLedger { observer: Some(observer), ..self }
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of the first entry that this process appends, once it has.
    pub fn first(&self) -> Arc<OnceLock<u64>> {
        Arc::clone(&self.first)
    }

    fn show(&self, records: &[Record]) {
        if let Some(observer) = &self.observer {
            observer(records);
        }
    }

    /// Does something at the end of the ledger, under its lock.
    fn at_the_end<T>(
        &self,
        longest: Duration,
        work: impl FnOnce(&mut Tail) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        if done.interrupted {
            return Err(LedgerError::Interrupted);
        }
        let worked = self.reach(&mut done, longest).and_then(|mut held| {
            let result = work(&mut held.tail)?;
            done.last = Some(held.tail.last_seq());
            let _ = self.first.set(held.tail.last_seq());
            done.left = held.leave();
            Ok(result)
        });
        if let Err(error) = &worked {
            done.interrupted = matches!(error, LedgerError::File { .. });
        }
        worked
    }

    /// Takes the lock, and the end: as this process left it, or else found anew.
    fn reach(&self, done: &mut Done, longest: Duration) -> Result<Held, LedgerError> {
        if let Some(left) = done.left.take()
            && let Some(held) = left.take_up(longest)?
        {
            return Ok(held);
        }
        let (folder, lock) = Folder::hold(&self.path, longest)?;
        verdict::refuse_kept(&folder)?;
        let beginning = Beginning { organisation: self.organisation.as_ref(), who: None, previous: None };
        let found = tail::find(&folder, &self.machine)?;
        found.reaches(done.last)?;
        Ok(Held::new(found.settle(&self.machine, beginning)?, lock))
    }
}

impl Ledger for HostLedger {
    fn append(&self, record: &Record) -> Result<Appended, LedgerError> {
        let records = std::slice::from_ref(record);
        let (room, appended) = self.at_the_end(LONGEST_WAIT, |tail| {
            let room = self.make_room(tail, records)?;
            Ok((room, tail.append(&self.machine, records, ANY)?))
        })?;
        self.settle_in(room);
        self.show(records);
        Ok(appended[0])
    }

    fn append_once(&self, records: &[Record], using: Using) -> Result<Result<Vec<Appended>, NoSignOff>, LedgerError> {
        self.append_unless_forbidden(records, using)
    }

    fn read_back(&self, from: u64, each: &mut dyn FnMut(&Entry<'_>)) -> Result<Past, LedgerError> {
        self.look_back(from, each)
    }

    fn append_all(&self, records: &[Record], longest: Duration) -> Result<(), LedgerError> {
        self.at_the_end(longest, |tail| {
            // Nobody waits for more here: a signature, or a segment that is overdue, is left to the next command.
            self.make_room(tail, records)?;
            tail.append(&self.machine, records, LIVE_UNSYNCED).map(drop)
        })?;
        self.show(records);
        Ok(())
    }

    fn sync(&self, longest: Duration) -> Result<(), LedgerError> {
        self.at_the_end(longest, |tail| tail.sync(&self.machine))
    }

    fn checkpoint(&self, who: Option<&PersonName>, session: Option<&Id>) -> Result<Checkpointed, Unsigned> {
        self.seal(Asking::Never, who, session)
    }

    fn measure(&self) -> Result<Measure, LedgerError> {
        self.measured()
    }

    fn growth(&self, from: &[u64], to: u64) -> Result<Vec<Step>, LedgerError> {
        self.steps(from, to)
    }

    fn verify(&self) -> Result<(), LedgerError> {
        let folder = Folder::check(&self.path)?;
        verdict::refuse_kept(&folder)?;
        let snapshot = {
            let _still = folder.hold_still()?;
            Snapshot::take_end(&folder, Use::Read, &self.machine.boot)?
        };
        snapshot.check_owner(&self.machine.owner)?;
        let known = snapshot.head.as_ref().map(|head| head.known(&self.machine.boot));
        let walked = snapshot.walk_current(known.as_ref())?;
        verdict::keep(&folder, &walked.judgement)
    }

    fn keep(&self, content: &[u8]) -> Result<Digest, LedgerError> {
        Contents::of(&Folder::make(&self.path)?).keep(content)
    }
}

/// Makes an error of what the system said.
fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LedgerError {
    let path = path.to_owned();
    move |source| LedgerError::File { doing, path, source }
}

#[cfg(test)]
mod tests;
