//! `glass end`: ends live sessions now, and says what it cannot end.

use std::mem;
use std::time::Duration;

use super::args;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::out::{self, Paint};
use super::status::alive;
use crate::host::live::{self, Marked};
use crate::host::signals;
use crate::host::socket;
use crate::model::live::{Answer, Ask, Live};
use crate::model::name::Id;
use crate::model::text::escaped;

/// How long a session has to answer.
const PATIENCE: Duration = Duration::from_secs(6);

/// How long a session may take to end: its processes are killed after 7 s.
const LONGEST_END: Duration = Duration::from_secs(15);

/// Runs the command.
pub fn run(args: &args::End, context: &Context) -> Result<Exit, Failure> {
    let inside = context.inside();
    let is_own = |marked: &Marked| inside.as_ref() == Some(&marked.live.session);
    let (own, others): (Vec<Marked>, Vec<Marked>) =
        choose(args, inside.as_ref(), alive(context))?.into_iter().partition(is_own);
    // The session that this runs in takes this along. What has to be said and written down comes first, and the
    // last of it after this.
    mem::forget(signals::hold().map_err(|error| Failure::of(Exit::Failed, &error))?);
    let asked: Vec<_> = others.iter().map(ask).collect();
    let waited = others.iter().zip(asked).map(|(marked, asked)| asked.and_then(|()| wait(context, marked)));
    let ended: Vec<_> = waited.chain(own.iter().map(ask)).collect();
    let mut failures = Vec::new();
    for (marked, ended) in others.iter().chain(&own).zip(ended) {
        match ended {
            Ok(()) => tell(marked, if is_own(marked) { "is ending" } else { "has ended" }),
            Err(failure) => failures.push(failure),
        }
    }
    let Some(last) = failures.pop() else { return Ok(Exit::Done) };
    for failure in failures {
        out::say(failure.show(Paint::for_stderr(context.color())).trim_end());
    }
    Err(last)
}

/// The sessions that are meant, of those that are alive.
fn choose(args: &args::End, inside: Option<&Id>, mut alive: Vec<Marked>) -> Result<Vec<Marked>, Failure> {
    let ids =
        |alive: &[Marked]| alive.iter().map(|marked| marked.live.session.to_string()).collect::<Vec<_>>().join(" ");
    if args.all {
        if alive.is_empty() {
            out::say("glass: no session is alive");
        }
        return Ok(alive);
    }
    if let Some(unknown) = args.sessions.iter().find(|id| alive.iter().all(|marked| marked.live.session != **id)) {
        let hint = if alive.is_empty() { "no session is".to_owned() } else { format!("these are: {}", ids(&alive)) };
        return Err(Failure::new(Exit::Failed, format!("no session {unknown} is alive")).hint(hint));
    }
    if args.sessions.is_empty() {
        if let Some(own) = inside.and_then(|own| alive.iter().position(|marked| marked.live.session == *own)) {
            return Ok(vec![alive.swap_remove(own)]);
        }
        return match alive.len() {
            0 => Err(Failure::new(Exit::Failed, "no session is alive")),
            1 => Ok(alive),
            count => Err(Failure::new(Exit::Usage, format!("{count} sessions are alive, and none is named"))
                .hint(format!("name those to end, or --all: {}", ids(&alive)))),
        };
    }
    alive.retain(|marked| args.sessions.contains(&marked.live.session));
    Ok(alive)
}

/// Asks a session to end.
fn ask(marked: &Marked) -> Result<(), Failure> {
    let failed = Failure::new(Exit::Failed, format!("session {} is not known to end", marked.live.session))
        .hint(format!("`kill {}` ends it too", marked.live.pid));
    match socket::ask(&marked.socket, Ask::End, PATIENCE) {
        Ok(Answer::Ending(_)) => Ok(()),
        Ok(Answer::No(why)) => Err(failed.because(escaped(&why))),
        Ok(Answer::Status(..) | Answer::Credentials(_)) => Err(failed.because("it answers something else")),
        Err(error) => Err(failed.caused_by(&error)),
    }
}

/// Waits until a session has ended.
fn wait(context: &Context, marked: &Marked) -> Result<(), Failure> {
    if live::ends_within(context.places().state(), &marked.live.session, LONGEST_END) {
        return Ok(());
    }
    let fact = format!("session {} was asked to end and has not", marked.live.session);
    Err(Failure::new(Exit::Failed, fact).hint(format!("`kill -9 {}` ends it too", marked.live.pid)))
}

fn tell(marked: &Marked, what: &str) {
    let Live { session, profile, expires, .. } = &marked.live;
    out::say(&format!("glass: session {session} ({profile}) {what}"));
    out::say(&format!("glass: a copy of its credentials would work in AWS until {expires}"));
}
