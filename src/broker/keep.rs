//! Keeps a live session: decides what is done about what happens in it, and writes it down.
//!
//! The one [`Keeper`] of a session. It holds the session, and with it the credentials. Keeps the promise that
//! of a session that is traced no program runs that is not written down.

mod api;
mod commands;
mod evidence;
mod exec;
mod serve;

use std::rc::Rc;
use std::time::Duration;

use self::api::ApiLog;
use self::commands::{CommandLog, Noted};
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
    commands: CommandLog,
    mask: Rc<Mask>,
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
        let (mask, now) = (Rc::new(Mask::of(session.credentials())), world.clock.boot());
        let evidence = Evidence::new(world, session, watched);
        let api = ApiLog::new(&session.credentials().access_key_id, Rc::clone(&mask), now);
        let commands = CommandLog::new(Rc::clone(&mask), watched.commands, now);
        Keep { world, session, live, watched, evidence, api, commands, mask, ending: false }
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

    /// Writes down what is known of command lines, and tells the person what they must know.
    fn note(&mut self, noted: Noted) -> Then {
        match (self.evidence.write(noted.events), noted.tell) {
            (Then::GoOn, Some(line)) => Then::Tell(line.to_owned()),
            (then, _) => then,
        }
    }

    /// Writes down what is left to say when nothing of the session runs any more.
    pub(super) fn finish(mut self) -> Kept {
        let mut left = self.commands.left();
        left.extend(self.api.left());
        let evidence = self.evidence.finish(left);
        Kept { api_clients: self.watched.api_log.then(|| self.api.clients()), evidence }
    }
}

impl Keeper for Keep<'_> {
    fn happened(&mut self, what: Happening) -> Then {
        match what {
            Happening::Tick => {
                let now = self.world.clock.boot();
                let mut noted = self.commands.ticked(now);
                noted.events.extend(self.api.ticked(now));
                self.note(noted)
            }
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
            Happening::Commands(heard) => {
                let noted = self.commands.heard(heard, self.world.clock.now(), self.world.clock.boot());
                self.note(noted)
            }
        }
    }

    fn asked(&mut self, ask: Ask, by: &Asker) -> Answer {
        self.answer(ask, by)
    }

    fn due(&self) -> Option<BootTime> {
        self.evidence.due()
    }
}
