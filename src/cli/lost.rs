//! Sessions whose glass was killed: what is left of them is ended, and the ledger says that they were lost.

use super::context::Context;
use super::exit::Exit;
use super::out;
use crate::host::ledger::reader::Reader;
use crate::host::live::{self, Lost, Marked};
use crate::model::event::{Cause, Event};
use crate::world::ledger::{LedgerError, Record};

/// Sees to every session that was lost; the answer is how many there were. What the ledger does not take
/// now is left to the next run.
pub fn see_to(context: &Context) -> usize {
    let lost = live::lost(context.places().state());
    let count = lost.len();
    for session in lost {
        end(context, session);
    }
    count
}

fn end(context: &Context, lost: Lost) {
    let killed = lost.kill();
    let marked = &lost.marked;
    match write_down(context, marked) {
        Ok(()) => {
            out::say(&format!(
                "glass: session {} was lost: glass was killed; what was left of it was ended too ({killed} found by name)",
                marked.session
            ));
            lost.forget();
        }
        Err(error) => out::say(&format!("glass: warning: session {} was lost: {error}", marked.session)),
    }
}

fn write_down(context: &Context, marked: &Marked) -> Result<(), LedgerError> {
    if has_ended(context, marked)? {
        return Ok(());
    }
    let world = context.world();
    let event = Event::SessionEnd {
        cause: Cause::Lost,
        code: Exit::Ended.code(),
        seconds: world.clock.now().since(marked.began).as_secs(),
        valid_until: marked.valid_until,
        api_clients: None,
    };
    let record = Record { who: Some(marked.person.clone()), session: Some(marked.session.clone()), event };
    world.ledger.append(&record).map(drop)
}

/// Whether its end is in the ledger: glass may have been killed after it had written it.
fn has_ended(context: &Context, marked: &Marked) -> Result<bool, LedgerError> {
    let mut ended = false;
    Reader::of_own(&context.places().ledger())?.read(|_, entry| {
        ended |= entry.session == marked.session.as_str() && entry.ev == "session.end";
    })?;
    Ok(ended)
}
