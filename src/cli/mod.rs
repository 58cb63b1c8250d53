//! Words in, words out: parses the command line, runs one command, and tells how it ended.
//!
//! Keeps the promise that every invocation is in the ledger, between `run.start` and `run.end`.

mod approve;
pub mod args;
mod assume;
mod audit;
mod catalogue;
mod completions;
mod configure;
mod context;
mod credential_process;
mod deny;
mod end;
mod enrol;
mod exit;
mod failure;
mod hold;
mod hooks;
mod init;
mod list;
mod log;
mod lost;
mod man;
mod offered;
mod open;
mod out;
mod prompt;
mod qr;
mod reminder;
mod replay;
mod request;
mod requests;
mod review;
mod run;
mod runbook;
#[cfg(feature = "sandbox")]
mod sandbox;
mod shell;
mod show;
mod status;
mod step;
mod table;
mod whoami;
mod words;
mod yes;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Args, ColorChoice, Command, Hook, Plain};
use context::Context;
use exit::Exit;
use failure::Failure;
use hold::{Way, Work};
use out::Paint;
use words::Words;

use crate::host::harden;
use crate::host::holder;
use crate::host::hooks::telling;
use crate::host::watcher::{self, End, Side, Watcher};
use crate::model::session::Credentials;

/// Runs glass with the words it was called with.
pub fn main() -> ExitCode {
    let inherited = harden::at_start();
    let words: Vec<OsString> = std::env::args_os().collect();
    if let Some(exit) = served(&words) {
        return exit.into();
    }
    let Words { run, told } = Words::masked(words, inherited.as_ref());
    let exit = match Args::try_parse_from(run) {
        Ok(args) => watched(&args, &told, inherited),
        Err(error) if error.exit_code() == 0 => {
            report(out::written(error.print()).and(Ok(Exit::Done)), ColorChoice::Auto)
        }
        Err(error) => usage(&error, &told),
    };
    exit.into()
}

/// Serves a call of the AWS hook from a live session, if there is one: before anything else that takes time.
fn served(words: &[OsString]) -> Option<Exit> {
    if !words.iter().any(|word| word == run::HOOK) {
        return None;
    }
    let Args::<Hook> { command: Hook::CredentialProcess(hook), catalogue, color, .. } =
        Args::try_parse_from(words).ok()?;
    Some(report(credential_process::serve(&hook, catalogue.as_deref())?, color))
}

/// Runs a command that was understood. One that opens a session is run by a second process, and watched by this.
fn watched(args: &Args, words: &[OsString], inherited: Option<Credentials>) -> Exit {
    if !matches!(args.command, Command::Assume(_)) {
        return start(args, words, inherited, None);
    }
    match watcher::split() {
        Ok(Side::Supervisor(watcher)) => start(args, words, inherited, Some(watcher)),
        Ok(Side::Watcher(supervised)) => {
            drop(inherited);
            match supervised.watch() {
                End::Exit(code) => Exit::Child(code),
                End::Killed { signal, pid } => after_its_death(args, signal, pid),
            }
        }
        Err(error) => {
            let failure = Failure::new(Exit::Failed, "glass cannot start a second process to watch the first");
            report(Err(failure.caused_by(&error)), args.color)
        }
    }
}

/// Sees to the session of a supervisor that was killed.
fn after_its_death(args: &Args, signal: i32, supervisor: u32) -> Exit {
    let seen_to = Context::of(args, None, None).and_then(|context| {
        let lost = lost::see_to(&context);
        Ok(lost + lost::see_to_unmarked(&context, supervisor)?)
    });
    match seen_to {
        Ok(0) => Exit::Child(u8::try_from(128 + signal).unwrap_or(u8::MAX)),
        Ok(_) => Exit::Ended,
        Err(failure) => report(Err(failure), args.color),
    }
}

/// Runs a command.
fn start(args: &Args, words: &[OsString], inherited: Option<Credentials>, watcher: Option<Watcher>) -> Exit {
    let color = args.color;
    if matches!(args.command, Command::CredentialProcess(_)) {
        holder::close_inherited();
    }
    if let Err(failure) = log::start(args.verbose) {
        return report(Err(failure), color);
    }
    if let Command::Plain(plain) = &args.command {
        return report(at_once(plain, color), color);
    }
    if let Command::Hooks(hooks) = &args.command
        && hooks.is_go_between()
    {
        let started = telling::start(args.catalogue.as_deref());
        return if started.is_ok() { Exit::Done } else { Exit::Failed };
    }
    let context = match Context::of(args, inherited, watcher) {
        Ok(context) => context,
        Err(failure) => return report(Err(failure), color),
    };
    let verdict = audit::verdict(&args.command, &context);
    let mut work: Work<'_> = Box::new(|| match verdict {
        Some(verdict) => audit::tell(&verdict?, &context),
        None => dispatch(&args.command, &context),
    });
    if let Command::CredentialProcess(hook) = &args.command {
        match hold::way(hook, &context) {
            Some(Way::Over(outcome)) => return report(outcome, color),
            Some(Way::Work(held)) => work = held,
            None => {}
        }
    }
    match run::describe(&args.command, words) {
        Some(invocation) => run::logged(&context, &invocation, work),
        None => work().unwrap_or_else(|failure| report(Err(failure), color)),
    }
}

fn dispatch(command: &Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Approve(args) => approve::run(args, context),
        Command::Deny(args) => deny::run(args, context),
        Command::Review(args) => review::run(args, context),
        Command::Assume(args) => assume::run(args, context),
        Command::Configure(args) => configure::run(args, context),
        Command::CredentialProcess(args) => credential_process::run(args, context),
        Command::Request(args) => request::run(args, context),
        Command::Requests(args) => requests::run(args, context),
        Command::Status(args) => status::run(args, context),
        Command::End(args) => end::run(args, context),
        Command::Audit(args) => audit::run(args, context),
        Command::Enrol(args) => enrol::run(args, context),
        Command::Hooks(args) => hooks::run(args, context),
        Command::Plain(plain) => at_once(plain, context.color()),
        #[cfg(feature = "sandbox")]
        Command::Sandbox(args) => sandbox::run(args, context),
        Command::Whoami(args) => whoami::run(args, context),
        Command::List(args) => list::run(args, context),
        Command::Replay(args) => replay::run(args, context),
        Command::Runbook(args) => runbook::run(args, context),
        Command::Show(args) => show::run(args, context),
        Command::Step(args) => step::run(args, context),
        Command::Catalogue(args) => catalogue::run(args, context),
    }
}

/// Runs a command that needs no context: a prompt must not fail for want of a ledger.
fn at_once(plain: &Plain, color: ColorChoice) -> Result<Exit, Failure> {
    match plain {
        Plain::Completions(args) => completions::run(args),
        Plain::Init(args) => init::run(args),
        Plain::Man => man::run(),
        Plain::Prompt => prompt::run(color),
    }
}

/// Tells a wrong command line, and writes it down too.
fn usage(error: &clap::Error, words: &[OsString]) -> Exit {
    let mut said = error.render().to_string();
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        said.insert_str(0, "a command is missing\n\n");
    }
    let wrong = || Err(Failure::of_usage(&said));
    match Context::without_options() {
        Ok(context) => run::logged(&context, &run::describe_unknown(words), wrong),
        Err(_) => report(wrong(), ColorChoice::Auto),
    }
}

/// Shows a failure, if there is one.
fn report(result: Result<Exit, Failure>, color: ColorChoice) -> Exit {
    match result {
        Ok(exit) => exit,
        Err(failure) => {
            out::say(failure.show(Paint::for_stderr(color)).trim_end());
            failure.exit()
        }
    }
}
