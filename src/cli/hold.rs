//! The AWS hook when no session serves it yet: of many calls one asks the person, and a holder keeps the session
//! that comes of it for all of them.

use std::io;

use serde::{Deserialize, Serialize};

use super::args;
use super::assume::wish;
use super::context::Context;
use super::credential_process::{break_glass, serve};
use super::exit::Exit;
use super::failure::Failure;
use super::open::{Open, open};
use crate::broker::{self, BreakError};
use crate::host::holder::{self, Alone, Called, Holder, Side};
use crate::host::terminal::HookTerminal;
use crate::host::turn::Turn;
use crate::model::event::SessionKind;
use crate::world::machine::AskError;
use crate::world::{Session, World};

/// How a call goes on.
pub enum Way<'a> {
    /// It is over, and nothing is to be written down of it.
    Over(Result<Exit, Failure>),
    /// By this work, between `run.start` and `run.end`.
    Work(Work<'a>),
}

/// What is done for a command.
pub type Work<'a> = Box<dyn FnOnce() -> Result<Exit, Failure> + 'a>;

/// Finds the way of a call for a profile whose sessions are held; none for another profile. Waits until nobody else
/// asks for the same, and makes two processes of this one if it is to ask.
pub fn way<'a>(args: &'a args::CredentialProcess, context: &'a Context) -> Option<Way<'a>> {
    let name = turn_of(args, context)?;
    let fails = |failure| Some(Way::Work(Box::new(|| Err(failure))));
    let mut turn = match Turn::wait(context.places().state(), &name) {
        Ok(turn) => turn,
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            return fails(Failure::new(Exit::Failed, "another call of the hook asks for this, and has no answer yet"));
        }
        Err(error) => return fails(Failure::new(Exit::Failed, "no turn can be taken to ask").caused_by(&error)),
    };
    if let Some(served) = serve(args, context.named_by_flag()) {
        return Some(Way::Over(served));
    }
    let note = turn.left().and_then(|note| serde_json::from_str::<Note>(&note).ok());
    if let Some(note) = note.filter(|note| note.wish == told(args)) {
        return fails(note.failure());
    }
    match turn.leave("").and_then(|()| holder::split()) {
        Ok(Side::Called(called)) => Some(Way::Work(Box::new(move || ask(called, turn, args, context)))),
        Ok(Side::Holder(holder)) => {
            // The other process has it too, and gives it back.
            drop(turn);
            Some(Way::Over(hold(holder, args, context)))
        }
        Err(error) => {
            fails(Failure::new(Exit::Failed, "glass cannot start a process to hold the session").caused_by(&error))
        }
    }
}

/// The name by which calls for the same take turns; none if nothing is held for them.
fn turn_of(args: &args::CredentialProcess, context: &Context) -> Option<String> {
    let catalogue = context.catalogue().ok()?;
    let profile = catalogue.profile(&args.elevation.profile)?;
    let held = profile.hold && !profile.recording && !profile.only_steps;
    held.then(|| Some(format!("{}.{}.ask", context.person()?, profile.name))).flatten()
}

/// Has the holder ask, and serves the call from what it holds then.
fn ask(called: Called, mut turn: Turn, args: &args::CredentialProcess, context: &Context) -> Result<Exit, Failure> {
    let gone = |error: io::Error| {
        Failure::new(Exit::Failed, "the process that asked for the session is gone").caused_by(&error)
    };
    let report = called.wait().map_err(gone)?;
    if report.is_empty() {
        let nobody = || Failure::new(Exit::Failed, "the session that was opened does not answer");
        return serve(args, context.named_by_flag()).unwrap_or_else(|| Err(nobody()));
    }
    let note: Note = serde_json::from_str(&report).map_err(|error| gone(error.into()))?;
    if note.reach == Reach::All {
        // Who waits and cannot read it asks again: no harm is done.
        let _ = turn.leave(&report);
    }
    Err(note.failure())
}

/// The holder: opens a session, and keeps it to its end. Nobody hears of what goes wrong but by its report.
fn hold(mut holder: Holder, args: &args::CredentialProcess, context: &Context) -> Result<Exit, Failure> {
    if holder.begins()
        && let Err(note) = keep(&mut holder, args, context)
    {
        holder.fail(&serde_json::to_string(&note).expect("it has only texts, a number and a truth"));
    }
    Ok(Exit::Done)
}

fn keep(holder: &mut Holder, args: &args::CredentialProcess, context: &Context) -> Result<(), Note> {
    let shared = |failure: Failure| Note::of(failure, args, Reach::All);
    let system = |fact: &'static str| move |error: io::Error| Failure::new(Exit::Failed, fact).caused_by(&error);
    let world = World { terminal: &HookTerminal, ..context.world() };
    let session = elevate(world, args, context)?;
    let Open { session, live, mark, listening } = open(context, session, SessionKind::Hook).map_err(shared)?;
    let alone = match Alone::listening_to(Box::new(listening)) {
        Ok(alone) => alone,
        Err(error) => {
            broker::abandon(world, session).map_err(|error| shared(error.into()))?;
            return Err(shared(system("signals cannot be held")(error)));
        }
    };
    let ready = || holder.let_go().map_err(system("the terminal cannot be let go"));
    let held = broker::hold(world, session, live, Box::new(alone), ready);
    drop(mark);
    held.map_err(shared)
}

fn elevate(world: World<'_>, args: &args::CredentialProcess, context: &Context) -> Result<Session, Note> {
    let shared = |failure: Failure| Note::of(failure, args, Reach::All);
    let catalogue = context.catalogue().map_err(shared)?;
    let identity = context.identity().map_err(shared)?;
    break_glass(world, args, &catalogue, &identity).map_err(|error| {
        let nobody = matches!(error, BreakError::Missing(_) | BreakError::Ask(AskError::NoTerminal));
        Note::of(error.into(), args, if nobody { Reach::ThisTerminal } else { Reach::All })
    })
}

/// Why there is no session, for the process that was called and for those who wait for the same.
#[derive(Serialize, Deserialize)]
struct Note {
    code: u8,
    fact: String,
    /// What was wished for: it says nothing to who wishes for something else.
    wish: String,
    reach: Reach,
}

/// Whom a reason is told.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Reach {
    /// All who wait.
    All,
    /// Nobody else: another may have a terminal to ask on.
    ThisTerminal,
}

impl Note {
    fn of(failure: Failure, args: &args::CredentialProcess, reach: Reach) -> Note {
        let failure = failure.in_one_line();
        Note { code: failure.exit().code(), fact: failure.fact, wish: told(args), reach }
    }

    fn failure(self) -> Failure {
        Failure::new(Exit::Child(self.code), self.fact)
    }
}

/// What a call wishes for, so that it can be told apart from another.
fn told(args: &args::CredentialProcess) -> String {
    format!("{:?} {:?}", args.request, wish(&args.elevation, None))
}
