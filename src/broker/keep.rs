//! Keeps a live session: decides what is done about what happens in it, and writes it down.
//!
//! The one [`Keeper`] of a session. It holds the session, and with it the credentials. Keeps the promise that
//! of a session that is traced no program runs that is not written down, and that one that is to be recorded is, or
//! ends.

mod api;
mod commands;
mod evidence;
mod exec;
mod record;
mod serve;

use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use self::api::ApiLog;
use self::commands::{CommandLog, Noted};
use self::evidence::Evidence;
use self::exec::Programs;
use self::record::Recording;
use super::handover::HandoverError;
use crate::model::event::{Cause, Event};
use crate::model::live::{Answer, Ask, Live};
use crate::model::mask::Mask;
use crate::model::time::BootTime;
use crate::world::keeping::{Asker, Happening, Keeper, Then};
use crate::world::machine::Watched;
use crate::world::recording::RecordingError;
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
    programs: Programs,
    recording: Option<Recording>,
    /// Why the session cannot be recorded any more.
    unrecorded: Option<RecordingError>,
    /// Whether its end was begun.
    ending: bool,
}

/// What is left to say of a session that is over.
pub(super) struct Kept {
    /// How many clients told of their API calls, if these are logged.
    pub(super) api_clients: Option<u64>,
    /// Whether the ledger and the recording have all that was to be in them.
    pub(super) evidence: Result<(), HandoverError>,
}

impl<'a> Keep<'a> {
    /// Begins to keep a session, of which `live` is told.
    ///
    /// # Errors
    /// When it is to be recorded, and cannot be.
    pub fn begin(world: World<'a>, session: &'a Session, watched: Watched, live: Live) -> Result<Self, RecordingError> {
        let (mask, now) = (Rc::new(Mask::of(session.credentials())), world.clock.boot());
        let evidence = Evidence::new(world, session, watched);
        let api = ApiLog::new(&session.credentials().access_key_id, Rc::clone(&mask), now);
        let commands = CommandLog::new(Rc::clone(&mask), watched.commands, now);
        let record = || Recording::begin(world, session, Rc::clone(&mask));
        let (recording, unrecorded) = (watched.recording.then(record).transpose()?, None);
        let (programs, ending) = (Programs::default(), false);
        Ok(Keep {
            world,
            session,
            live,
            watched,
            evidence,
            api,
            commands,
            mask,
            programs,
            recording,
            unrecorded,
            ending,
        })
    }

    /// Records something, if the session is recorded, and writes down what there is to say of it.
    fn record(&mut self, what: impl FnOnce(&mut Recording, BootTime) -> Result<Vec<Event>, RecordingError>) -> Then {
        let Some(recording) = &mut self.recording else { return Then::GoOn };
        match what(recording, self.world.clock.boot()) {
            Ok(events) => self.evidence.write(events),
            Err(error) => self.without_recording(error),
        }
    }

    /// Marks a place in the recording.
    fn mark(&mut self, name: &str) -> Then {
        self.record(|recording, now| recording.mark(now, name))
    }

    /// The session cannot be recorded any more.
    fn without_recording(&mut self, error: RecordingError) -> Then {
        self.recording = None;
        let cause = error.source().map_or_else(String::new, |source| format!(": {source}"));
        let line = format!("glass: {error}{cause}; a session that is not recorded must end");
        self.unrecorded = Some(error);
        self.evidence.write(vec![record::loss()]).or(Then::TellAndEnd(line, Cause::End))
    }

    /// Writes down that the person is warned, and tells them what they can do.
    fn warn(&mut self, left: Duration) -> Then {
        let granted = self.session.grant().granted();
        let minutes = left.as_secs().div_ceil(60);
        let line = format!(
            "glass: {} ends in {minutes} min; to go on: `glass assume {0} --incident '{}'` in another terminal",
            granted.profile, granted.incident
        );
        let written = self.evidence.write(vec![Event::SessionWarn { seconds_left: left.as_secs() }]);
        self.mark(&format!("{minutes} min left")).or(written).or(Then::Tell(line))
    }

    /// Writes down what is known of command lines, and tells the person what they must know.
    fn note(&mut self, noted: Noted) -> Then {
        let marked = noted.began.iter().fold(Then::GoOn, |then, line| self.mark(line).or(then));
        let told = noted.tell.map_or(Then::GoOn, |line| Then::Tell(line.to_owned()));
        marked.or(self.evidence.write(noted.events)).or(told)
    }

    /// Writes down what is left to say when nothing of the session runs any more.
    pub(super) fn finish(mut self) -> Kept {
        let mut left = self.commands.left();
        left.extend(self.api.left());
        match self.recording.take().map(|recording| recording.finish(self.world.clock.boot())) {
            Some(Ok(events)) => left.extend(events),
            Some(Err(error)) => {
                left.push(record::loss());
                self.unrecorded = Some(error);
            }
            None => {}
        }
        let evidence = match (self.evidence.finish(left), self.unrecorded) {
            (Err(error), _) => Err(HandoverError::Ledger(error)),
            (Ok(()), Some(error)) => Err(HandoverError::Recording(error)),
            (Ok(()), None) => Ok(()),
        };
        Kept { api_clients: self.watched.api_log.then(|| self.api.clients()), evidence }
    }
}

impl Keeper for Keep<'_> {
    fn happened(&mut self, what: Happening<'_>) -> Then {
        match what {
            Happening::Tick => {
                let now = self.world.clock.boot();
                let mut noted = self.commands.ticked(now);
                noted.events.extend(self.api.ticked(now));
                self.record(Recording::ticked).or(self.note(noted))
            }
            Happening::TimeLeft(left) => self.warn(left),
            Happening::Shown(stream, bytes) => self.record(|recording, now| recording.shown(now, stream, bytes)),
            Happening::Typed(bytes) if self.watched.input => self.record(|recording, now| recording.typed(now, bytes)),
            Happening::Typed(_) => Then::GoOn,
            Happening::Resized(columns, rows) => self.record(|recording, now| recording.resized(now, columns, rows)),
            Happening::ApiCalls(heard) => self.evidence.write(self.api.heard(heard)),
            Happening::Ending => {
                self.ending = true;
                Then::GoOn
            }
            Happening::Started(started) => {
                let clock = self.world.clock;
                let event = self.programs.started(started, clock.now(), clock.boot(), &self.mask);
                self.evidence.write_first(event)
            }
            Happening::Finished { pid, code } => {
                let event = self.programs.finished(pid, code, self.world.clock.boot());
                self.evidence.write(event.into_iter().collect())
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
        let recording = self.recording.as_ref().and_then(Recording::due);
        self.evidence.due().into_iter().chain(recording).min()
    }
}
