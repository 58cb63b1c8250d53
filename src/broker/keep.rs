//! Keeps a live session: decides what is done about what happens in it, and writes it down.
//!
//! The one [`Keeper`] of a session. It holds the session, and with it the credentials.

use std::time::Duration;

use super::handover::append;
use crate::model::event::Event;
use crate::world::keeping::{Happening, Keeper, Then};
use crate::world::{Session, World};

/// The keeper of one session.
pub struct Keep<'a> {
    world: World<'a>,
    session: &'a Session,
}

impl<'a> Keep<'a> {
    /// Begins to keep a session.
    pub fn new(world: World<'a>, session: &'a Session) -> Self {
        Keep { world, session }
    }

    /// Writes down that the person is warned, and tells them what they can do.
    fn warn(&self, left: Duration) -> Then {
        let granted = self.session.grant().granted();
        let line = format!(
            "glass: {} ends in {} min; to go on: `glass assume {0} --incident '{}'` in another terminal",
            granted.profile,
            left.as_secs().div_ceil(60),
            granted.incident
        );
        Then::Tell(match append(self.world, self.session, Event::SessionWarn { seconds_left: left.as_secs() }) {
            Ok(()) => line,
            Err(error) => format!("{line}; {error}"),
        })
    }
}

impl Keeper for Keep<'_> {
    fn happened(&mut self, what: Happening) -> Then {
        match what {
            Happening::Tick => Then::GoOn,
            Happening::TimeLeft(left) => self.warn(left),
        }
    }
}
