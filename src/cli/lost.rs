//! Sessions whose glass was killed: what is left of them is ended, and the ledger says that they were lost.

use serde::Deserialize;

use super::context::Context;
use super::exit::Exit;
use super::out;
use crate::broker::sign;
use crate::host::ledger::reader::Reader;
use crate::host::live::{self, Lost};
use crate::model::chain::entry::Entry;
use crate::model::event::{Cause, Event};
use crate::model::live::Live;
use crate::model::name::{Id, PersonName};
use crate::model::time::Timestamp;
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

/// What the ledger says of a session that AWS gave.
#[derive(Deserialize)]
struct Given {
    expires: String,
}

/// Sees to the sessions that AWS gave to a process that was killed before it had marked them: nothing ran in them
/// yet. The answer is how many there were.
pub fn see_to_unmarked(context: &Context, killed: u32) -> usize {
    match unmarked(context, killed).and_then(|records| {
        records.iter().try_for_each(|record| context.world().ledger.append(record).map(drop)).map(|()| records.len())
    }) {
        Ok(count) => count,
        Err(error) => {
            out::say(&format!("glass: warning: glass was killed, and what it did last is not known: {error}"));
            0
        }
    }
}

/// The ends of the sessions that the ledger has of a process, and no end of them.
fn unmarked(context: &Context, killed: u32) -> Result<Vec<Record>, LedgerError> {
    let mut records = Vec::new();
    Reader::of_own(&context.places().ledger())?.read(|_, entry| match entry.ev {
        "elevate.ok" if entry.pid == u64::from(killed) => records.extend(given(entry)),
        "session.end" => records
            .retain(|record: &Record| record.session.as_ref().is_none_or(|session| session.as_str() != entry.session)),
        _ => {}
    })?;
    Ok(records)
}

fn given(entry: &Entry<'_>) -> Option<Record> {
    let given: Given = serde_json::from_str(entry.d).ok()?;
    let valid_until = Timestamp::parse(&given.expires).ok()?;
    let session = Some(Id::parse(entry.session).ok()?);
    let (cause, code) = (Cause::Lost, Exit::Ended.code());
    let event = Event::SessionEnd { cause, code, seconds: 0, valid_until, api_clients: None };
    Some(Record { who: PersonName::parse(entry.who).ok(), session, event })
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
    world.ledger.append(&record)?;
    sign(world, &live.person, &live.session)
}

/// Whether its end is in the ledger: glass may have been killed after it had written it.
fn has_ended(context: &Context, live: &Live) -> Result<bool, LedgerError> {
    let mut ended = false;
    Reader::of_own(&context.places().ledger())?.read(|_, entry| {
        ended |= entry.session == live.session.as_str() && entry.ev == "session.end";
    })?;
    Ok(ended)
}
