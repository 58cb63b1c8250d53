//! A session that is open: known to be alive, and listening.

use std::process;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::broker;
use crate::host::live::{self, Mark};
use crate::host::memory;
use crate::host::socket::Listening;
use crate::model::event::SessionKind;
use crate::model::live::{Kept, Live};
use crate::world::Session;

/// A session, what is told of it, and its mark.
pub struct Open {
    /// The session.
    pub session: Session,
    /// What is told of it.
    pub live: Live,
    /// Its mark, to be held until its end is in the ledger.
    pub mark: Mark,
    /// Its socket, for its supervisor to listen to.
    pub listening: Listening,
}

/// Marks a session as alive, and opens its socket. A session for which this cannot be done is ended.
pub fn open(context: &Context, session: Session, kind: SessionKind) -> Result<Open, Failure> {
    let kept = Kept {
        catalogue: context.catalogue_name().unwrap_or_default(),
        kind,
        pid: process::id(),
        began: context.world().clock.now(),
        expires: session.expires(),
    };
    let live = Live::of(session.grant(), kept);
    memory::keep(session.credentials());
    match live::begin(context.places(), &live) {
        Ok((mark, listening)) => Ok(Open { session, live, mark, listening }),
        Err(error) => {
            broker::abandon(context.world(), session)?;
            Err(Failure::new(Exit::Failed, "the session cannot be marked as alive, so it was not opened")
                .caused_by(&error)
                .hint("mend that folder, or remove it: it must be yours alone"))
        }
    }
}
