//! Keeps a live session: decides what is done about what happens in it, and writes it down.
//!
//! The one [`Keeper`] of a session. It holds the session, and with it the credentials. Keeps the promise that
//! whoever works with a session is told when the ledger takes nothing any more, and that a session that must
//! be recorded does not go on without it. Of a session that is traced no program runs that is not written down.

mod api;
mod exec;
mod serve;

use std::time::Duration;

use self::api::ApiLog;
use crate::model::event::{Cause, Event};
use crate::model::live::{Answer, Ask, Live};
use crate::model::mask::Mask;
use crate::world::keeping::{Asker, Happening, Keeper, Then};
use crate::world::ledger::{LedgerError, Record};
use crate::world::machine::Watched;
use crate::world::{Session, World};

/// The keeper of one session.
pub struct Keep<'a> {
    world: World<'a>,
    session: &'a Session,
    live: Live,
    watched: Watched,
    api: ApiLog,
    mask: Mask,
    /// Why the ledger did not take something: then it is asked for nothing more while the session lives.
    failed: Option<LedgerError>,
    /// Whether its end was begun.
    ending: bool,
}

/// What is left to say of a session that is over.
pub(super) struct Kept {
    /// How many clients told of their API calls, if these are logged.
    pub(super) api_clients: Option<u64>,
    /// Whether the ledger has all that was to be in it.
    pub(super) evidence: Result<(), LedgerError>,
}

impl<'a> Keep<'a> {
    /// Begins to keep a session, of which `live` is told.
    pub fn new(world: World<'a>, session: &'a Session, watched: Watched, live: Live) -> Self {
        let api = ApiLog::new(session.credentials(), world.clock.boot());
        let mask = Mask::of(session.credentials());
        Keep { world, session, live, watched, api, mask, failed: None, ending: false }
    }

    /// Writes down that the person is warned, and tells them what they can do.
    fn warn(&mut self, left: Duration) -> Then {
        let granted = self.session.grant().granted();
        let line = format!(
            "glass: {} ends in {} min; to go on: `glass assume {0} --incident '{}'` in another terminal",
            granted.profile,
            left.as_secs().div_ceil(60),
            granted.incident
        );
        match self.write(vec![Event::SessionWarn { seconds_left: left.as_secs() }]) {
            Then::GoOn => Then::Tell(line),
            other => other,
        }
    }

    /// Writes events down.
    fn write(&mut self, events: Vec<Event>) -> Then {
        if events.is_empty() || self.failed.is_some() {
            return Then::GoOn;
        }
        let (who, session) = (self.session.grant().person(), self.session.id());
        let record = |event| Record { who: Some(who.clone()), session: Some(session.clone()), event };
        let records: Vec<Record> = events.into_iter().map(record).collect();
        match self.world.ledger.append_all(&records) {
            Ok(()) => Then::GoOn,
            Err(error) => self.without_evidence(error),
        }
    }

    /// Writes down what the session does not go on without.
    fn write_or_end(&mut self, event: Event) -> Then {
        let then = self.write(vec![event]);
        if self.failed.is_some() { Then::End(Cause::Lost) } else { then }
    }

    /// The ledger takes nothing any more.
    fn without_evidence(&mut self, error: LedgerError) -> Then {
        let then = format!("glass: {error}: what happens from now on is not written down");
        self.failed = Some(error);
        Then::Tell(then)
    }

    /// Writes down what is left to say when nothing of the session runs any more.
    pub(super) fn finish(mut self) -> Kept {
        let left = self.api.left();
        self.write(left);
        let api_clients = self.watched.api_log.then(|| self.api.clients());
        Kept { api_clients, evidence: self.failed.map_or(Ok(()), Err) }
    }
}

impl Keeper for Keep<'_> {
    fn happened(&mut self, what: Happening) -> Then {
        match what {
            Happening::Tick => {
                let events = self.api.ticked(self.world.clock.boot());
                self.write(events)
            }
            Happening::TimeLeft(left) => self.warn(left),
            Happening::ApiCalls(heard) => {
                let events = self.api.heard(heard);
                self.write(events)
            }
            Happening::Ending => {
                self.ending = true;
                Then::GoOn
            }
            Happening::Started(started) => {
                let event = exec::started(started, self.world.clock.now(), &|text| self.mask.text(text));
                self.write_or_end(event)
            }
            Happening::Unseen => self.write_or_end(exec::unseen()),
        }
    }

    fn asked(&mut self, ask: Ask, by: &Asker) -> Answer {
        self.answer(ask, by)
    }
}
