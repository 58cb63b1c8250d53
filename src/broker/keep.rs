//! Keeps a live session: decides what is done about what happens in it, and writes it down.
//!
//! The one [`Keeper`] of a session. It holds the session, and with it the credentials. Keeps the promise that
//! of a session that is traced no program runs that is not written down.

mod api;
mod evidence;
mod exec;
mod serve;

use std::time::Duration;

use self::api::ApiLog;
use self::evidence::Evidence;
use crate::model::event::Event;
use crate::model::live::{Answer, Ask, Live};
use crate::model::mask::Mask;
use crate::model::time::BootTime;
use crate::world::keeping::{Asker, Happening, Keeper, Then};
use crate::world::ledger::LedgerError;
use crate::world::machine::Watched;
use crate::world::{Session, World};

/// The keeper of one session.
pub struct Keep<'a> {
    world: World<'a>,
    session: &'a Session,
    live: Live,
    watched: Watched,
    evidence: Evidence<'a>,
    api: ApiLog,
    mask: Mask,
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
        let evidence = Evidence::new(world, session, watched);
        let api = ApiLog::new(session.credentials(), world.clock.boot());
        let mask = Mask::of(session.credentials());
        Keep { world, session, live, watched, evidence, api, mask, ending: false }
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
        match self.evidence.write(vec![Event::SessionWarn { seconds_left: left.as_secs() }]) {
            Then::GoOn => Then::Tell(line),
            other => other,
        }
    }

    /// Writes down what is left to say when nothing of the session runs any more.
    pub(super) fn finish(mut self) -> Kept {
        let evidence = self.evidence.finish(self.api.left());
        Kept { api_clients: self.watched.api_log.then(|| self.api.clients()), evidence }
    }
}

impl Keeper for Keep<'_> {
    fn happened(&mut self, what: Happening) -> Then {
        match what {
            Happening::Tick => self.evidence.write(self.api.ticked(self.world.clock.boot())),
            Happening::TimeLeft(left) => self.warn(left),
            Happening::ApiCalls(heard) => self.evidence.write(self.api.heard(heard)),
            Happening::Ending => {
                self.ending = true;
                Then::GoOn
            }
            Happening::Started(started) => {
                let event = exec::started(started, self.world.clock.now(), &|text| self.mask.text(text));
                self.evidence.write_first(event)
            }
            Happening::Unseen => self.evidence.write_first(exec::unseen()),
        }
    }

    fn asked(&mut self, ask: Ask, by: &Asker) -> Answer {
        self.answer(ask, by)
    }

    fn due(&self) -> Option<BootTime> {
        self.evidence.due()
    }
}
