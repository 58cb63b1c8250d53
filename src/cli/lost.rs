//! Sessions whose glass was killed: what is left of them is ended, and the ledger says that they were lost.

use serde::Deserialize;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
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

/// A session that AWS gave, and of which the ledger has no end.
struct Unmarked {
    person: PersonName,
    session: Id,
    valid_until: Timestamp,
}

/// Sees to the sessions that AWS gave to a process that was killed before it had marked them: nothing ran in them
/// yet. The answer is how many there were.
///
/// # Errors
/// When the ledger cannot be read, or does not take their ends: it is not known what glass did last.
pub fn see_to_unmarked(context: &Context, killed: u32) -> Result<usize, Failure> {
    let (world, found) = (context.world(), unmarked(context, killed)?);
    for Unmarked { person, session, valid_until } in &found {
        let (cause, code) = (Cause::Lost, Exit::Ended.code());
        let event = Event::SessionEnd { cause, code, seconds: 0, valid_until: *valid_until, api_clients: None };
        world.ledger.append(&Record { who: Some(person.clone()), session: Some(session.clone()), event })?;
        sign(world, person, session)?;
    }
    Ok(found.len())
}

/// The sessions that the ledger has of a process, and no end of them.
fn unmarked(context: &Context, killed: u32) -> Result<Vec<Unmarked>, Failure> {
    let mut found = Vec::new();
    Reader::of_own(&context.places().ledger())?.read(|_, entry| match entry.ev {
        "elevate.ok" if entry.pid == u64::from(killed) => found.push((entry.session.to_owned(), given(entry))),
        "session.end" => found.retain(|(session, _)| session != entry.session),
        _ => {}
    })?;
    found.into_iter().map(|(_, given)| given).collect()
}

fn given(entry: &Entry<'_>) -> Result<Unmarked, Failure> {
    let read = || {
        let Given { expires } = serde_json::from_str(entry.d).ok()?;
        let valid_until = Timestamp::parse(&expires).ok()?;
        let (person, session) = (PersonName::parse(entry.who).ok()?, Id::parse(entry.session).ok()?);
        Some(Unmarked { person, session, valid_until })
    };
    read().ok_or_else(|| {
        let fact = format!("entry {} of the ledger is no elevate.ok that can be understood", entry.seq);
        Failure::new(Exit::Evidence, fact)
            .hint("a session was given by it, and glass was killed: see `glass audit show`")
    })
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
        Err(error) => out::warn(&format_args!("session {} was lost: {error}", live.session)),
    }
}

fn write_down(context: &Context, live: &Live) -> Result<(), LedgerError> {
    let world = context.world();
    if !has_ended(context, live)? {
        let event = Event::SessionEnd {
            cause: Cause::Lost,
            code: Exit::Ended.code(),
            seconds: world.clock.now().since(live.began).as_secs(),
            valid_until: live.expires,
            api_clients: None,
        };
        world.ledger.append(&Record { who: Some(live.person.clone()), session: Some(live.session.clone()), event })?;
    }
    // Also when it had written its end: it may have been killed before that was signed.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry that says of a session that AWS gave it, and until when.
    fn line(who: &str, d: &str) -> String {
        let prev = "b".repeat(64);
        format!(
            "{{\"v\":1,\"seq\":7,\"prev\":\"{prev}\",\"ts\":\"2026-01-31T02:13:00.000042Z\",\"mono\":\"7\",\"boot\":\"b\",\
             \"host\":\"h\",\"pid\":1,\"uid\":0,\"who\":\"{who}\",\"ev\":\"elevate.ok\",\"session\":\"0a1b2c3d\",\"d\":{d}}}\n"
        )
    }

    #[test]
    fn a_session_that_was_given_is_never_passed_over() {
        let expires = "{\"expires\":\"2026-01-31T03:13:00Z\"}";
        let of = |who, d| given(&Entry::parse(line(who, d).as_bytes()).expect("an entry"));
        let good = of("alice", expires).expect("it can be understood");
        assert_eq!(
            (good.session.as_str(), good.valid_until.to_string().as_str()),
            ("0a1b2c3d", "2026-01-31T03:13:00Z")
        );
        for (who, d) in [("alice", "{}"), ("alice", "{\"expires\":\"soon\"}"), ("", expires)] {
            let Err(failure) = of(who, d) else { panic!("{who}: {d}") };
            assert_eq!(failure.exit(), Exit::Evidence);
            assert!(failure.fact.contains("entry 7"), "{}", failure.fact);
        }
    }
}
