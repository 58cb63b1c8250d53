//! Sessions whose glass was killed: what is left of them is ended, and the ledger says that they were lost.

use super::context::Context;
use super::exit::Exit;
use super::out;
use crate::host::ledger::reader::Reader;
use crate::host::live::{self, Lost};
use crate::model::event::{Cause, Event};
use crate::model::live::Live;
use crate::world::ledger::{LedgerError, Record};

/// Sees to every session that was lost; the answer is how many there were. What the ledger does not take
/// now is left to the next run.
pub fn see_to(context: &Context) -> usize {
    let lost = live::lost(context.places().state());
    let count = lost.len();
    for session in lost {
        end(context, session);
    }
    for socket in live::clear_sockets(context.places()) {
        out::say(&format!("glass: nobody listened at {}, which was left behind and is cleared", socket.display()));
    }
    count
}

fn end(context: &Context, lost: Lost) {
    let killed = lost.kill();
    let live = &lost.marked.live;
    match write_down(context, live) {
        Ok(()) => {
            out::say(&format!(
                "glass: session {} was lost: glass was killed; what was left of it was ended too ({killed} found by name)",
                live.session
            ));
            lost.forget();
        }
        Err(error) => out::say(&format!("glass: warning: session {} was lost: {error}", live.session)),
    }
}

fn write_down(context: &Context, live: &Live) -> Result<(), LedgerError> {
    if has_ended(context, live)? {
        return Ok(());
    }
    let world = context.world();
    let event = Event::SessionEnd {
        cause: Cause::Lost,
        code: Exit::Ended.code(),
        seconds: world.clock.now().since(live.began).as_secs(),
        valid_until: live.expires,
        api_clients: None,
    };
    let record = Record { who: Some(live.person.clone()), session: Some(live.session.clone()), event };
    world.ledger.append(&record).map(drop)
}

/// Whether its end is in the ledger: glass may have been killed after it had written it.
fn has_ended(context: &Context, live: &Live) -> Result<bool, LedgerError> {
    let mut ended = false;
    Reader::of_own(&context.places().ledger())?.read(|_, entry| {
        ended |= entry.session == live.session.as_str() && entry.ev == "session.end";
    })?;
    Ok(ended)
}
