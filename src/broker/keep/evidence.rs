//! Writes down what happens in a live session, as fast as the ledger takes it and without waiting for it.
//!
//! Keeps the promises that an entry is synced soon, that nobody who holds the ledger's lock holds up the deadline,
//! and that the person is told, once, when the ledger takes nothing more. A session that must be recorded ends then.

use std::error::Error;
use std::time::Duration;

use crate::model::event::{Cause, Event};
use crate::model::time::BootTime;
use crate::world::keeping::Then;
use crate::world::ledger::{LedgerError, Record};
use crate::world::machine::Watched;
use crate::world::{Session, World};

/// How long an entry that is no gate waits for a sync at the most.
const LONGEST_UNSYNCED: Duration = Duration::from_millis(100);

/// How long another process may hold the ledger's lock.
const LONGEST_BUSY: Duration = Duration::from_secs(5);

/// How long to wait for it at a time, since the deadline waits for nobody.
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// How long where something is stopped until it is written down.
const LONGEST_STOP: Duration = Duration::from_secs(2);

/// How long to wait before a busy ledger is asked again.
const ANOTHER_TRY: Duration = Duration::from_millis(100);

/// What the ledger has, and has not yet, of a live session.
pub(super) struct Evidence<'a> {
    world: World<'a>,
    session: &'a Session,
    /// Whether the session does not go on without it.
    demanded: bool,
    /// What the ledger could not take yet.
    waiting: Vec<Record>,
    /// Since when another process holds the lock, and when to try again.
    busy: Option<(BootTime, BootTime)>,
    /// When the ledger is to be synced.
    sync_at: Option<BootTime>,
    /// Why the ledger takes nothing more, and whether the person was told.
    failed: Option<(LedgerError, bool)>,
}

impl<'a> Evidence<'a> {
    /// Begins when the start of the session is in the ledger, and not synced yet.
    pub(super) fn new(world: World<'a>, session: &'a Session, watched: Watched) -> Self {
        let sync_at = Some(world.clock.boot().plus(LONGEST_UNSYNCED));
        let demanded = watched.recording;
        Evidence { world, session, demanded, waiting: Vec::new(), busy: None, sync_at, failed: None }
    }

    /// Whether the ledger takes nothing more.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Notes that the ledger did not take something.
    pub(super) fn fail(&mut self, error: LedgerError) {
        self.failed.get_or_insert((error, false));
    }

    /// When there is something to do.
    pub(super) fn due(&self) -> Option<BootTime> {
        match (&self.failed, self.busy) {
            (Some(_), _) => None,
            (None, Some((_, again))) => Some(again),
            (None, None) => self.sync_at,
        }
    }

    /// Writes events down, and syncs what was not synced for long enough.
    pub(super) fn write(&mut self, events: Vec<Event>) -> Then {
        if self.failed.is_none() {
            let records: Vec<Record> = events.into_iter().map(|event| self.record(event)).collect();
            self.waiting.extend(records);
            self.keep_up();
        }
        self.tell()
    }

    /// Writes down what must be before something else happens; a session that this fails for is to end.
    pub(super) fn write_first(&mut self, event: Event) -> Then {
        if self.failed.is_none() {
            self.waiting.push(self.record(event));
            let written = self.append(LONGEST_STOP, self.world.clock.boot());
            written.unwrap_or_else(|error| self.fail(error));
        }
        match self.tell() {
            Then::Tell(line) => Then::TellAndEnd(line, Cause::End),
            Then::GoOn if self.has_failed() => Then::End(Cause::End),
            other => other,
        }
    }

    /// Writes down what must be before something is handed out; whether it is. A ledger that others hold for too long
    /// is asked again for the next.
    pub(super) fn write_or_refuse(&mut self, event: Event) -> bool {
        if self.has_failed() {
            return false;
        }
        self.waiting.push(self.record(event));
        match self.append(LONGEST_STOP, self.world.clock.boot()) {
            Ok(()) => true,
            Err(LedgerError::Busy(_)) => {
                self.waiting.pop();
                false
            }
            Err(error) => {
                self.fail(error);
                false
            }
        }
    }

    fn record(&self, event: Event) -> Record {
        let who = Some(self.session.grant().person().clone());
        Record { who, session: Some(self.session.id().clone()), event }
    }

    /// Appends what is waiting.
    fn append(&mut self, longest: Duration, now: BootTime) -> Result<(), LedgerError> {
        self.world.ledger.append_all(&self.waiting, longest)?;
        self.waiting.clear();
        self.sync_at.get_or_insert(now.plus(LONGEST_UNSYNCED));
        Ok(())
    }

    fn keep_up(&mut self) {
        let now = self.world.clock.boot();
        if self.busy.is_some_and(|(_, again)| now < again) {
            return;
        }
        let since = self.busy.map_or(now, |(since, _)| since);
        match self.catch_up(now) {
            Ok(()) => self.busy = None,
            Err(LedgerError::Busy(_)) if now.since(since) < LONGEST_BUSY => {
                self.busy = Some((since, now.plus(ANOTHER_TRY)));
            }
            Err(error) => self.fail(error),
        }
    }

    fn catch_up(&mut self, now: BootTime) -> Result<(), LedgerError> {
        if !self.waiting.is_empty() {
            self.append(LONGEST_WAIT, now)?;
        }
        if self.sync_at.is_some_and(|at| at <= now) {
            self.world.ledger.sync(LONGEST_WAIT)?;
            self.sync_at = None;
        }
        Ok(())
    }

    /// Tells the person when the ledger takes nothing more.
    fn tell(&mut self) -> Then {
        let Some((error, told @ false)) = &mut self.failed else { return Then::GoOn };
        *told = true;
        let cause = error.source().map_or_else(String::new, |source| format!(": {source}"));
        if self.demanded {
            Then::TellAndEnd(format!("glass: {error}{cause}; a session that is not written down must end"), Cause::End)
        } else {
            Then::Tell(format!("glass: {error}{cause}; what happens from now on is not written down"))
        }
    }

    /// Writes down what is left to say when nothing of the session runs any more. Nobody's deadline waits then, so
    /// another process may keep the lock for its time.
    ///
    /// # Errors
    /// When the ledger does not have all that was to be in it.
    pub(super) fn finish(mut self, events: Vec<Event>) -> Result<(), LedgerError> {
        self.write(events);
        let written = self.waiting.iter().try_for_each(|record| self.world.ledger.append(record).map(drop));
        self.failed.map_or(written, |(error, _)| Err(error))
    }
}
