//! What stands around every command: `run.start` before it, `run.end` after it.

use std::error::Error;
use std::ffi::OsString;

use super::args::{AuditAction, Command};
use super::audit;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::hooks;
use super::lost;
use super::out::{self, Paint};
use crate::model::event::Event;
use crate::model::text::stored_bytes;
use crate::model::time::BootTime;
use crate::world::ledger::{LedgerError, Record};

/// The most characters of one argument that go into the ledger.
const LONGEST_ARGUMENT: usize = 1024;

/// The most bytes of a command line that go into the ledger; an entry has 65,535 at most.
const LONGEST_COMMAND: usize = 40_000;

/// The command whose failures an SDK shows as its own, in one line.
pub const HOOK: &str = "credential-process";

/// What stands in the ledger for something secret.
const REDACTED: &str = "***";

/// A command line as the ledger tells it.
#[derive(Debug)]
pub struct Invocation {
    command: &'static str,
    args: Vec<String>,
    goes_on: bool,
}

/// Describes a command line that was understood; `None` if it is not for the ledger.
pub fn describe(command: &Command, words: &[OsString]) -> Option<Invocation> {
    // Where the ledger takes no entry goes on what looks into that, what tells what is to be done, and what ends sessions.
    let (name, goes_on, redact): (_, _, &[usize]) = match command {
        Command::Approve(_) => ("approve", false, &[]),
        Command::Deny(_) => ("deny", false, &[]),
        Command::Review(_) => ("review", false, &[]),
        Command::Assume(args) => ("assume", false, &args.redact),
        Command::Configure(_) => ("configure", false, &[]),
        Command::CredentialProcess(_) => (HOOK, false, &[]),
        Command::Request(_) => ("request", false, &[]),
        Command::Requests(_) => ("requests", false, &[]),
        Command::Status(_) => ("status", true, &[]),
        Command::End(_) => ("end", true, &[]),
        Command::Audit(audit) => match audit.action {
            AuditAction::Verify(_)
            | AuditAction::Show(_)
            | AuditAction::Tail(_)
            | AuditAction::Export(_)
            | AuditAction::Acknowledge(_) => ("audit", true, &[]),
            AuditAction::Checkpoint(_)
            | AuditAction::Rotate(_)
            | AuditAction::Key(_)
            | AuditAction::Prove(_)
            | AuditAction::CheckProof(_)
            | AuditAction::Ship(_) => ("audit", false, &[]),
        },
        Command::Enrol(_) => ("enrol", false, &[]),
        Command::Hooks(_) => ("hooks", false, &[]),
        Command::Plain(_) => return None,
        #[cfg(feature = "sandbox")]
        Command::Sandbox(_) => return None,
        Command::Whoami(_) => ("whoami", false, &[]),
        Command::List(_) => ("list", true, &[]),
        Command::Replay(_) => ("replay", true, &[]),
        Command::Runbook(_) => ("runbook", true, &[]),
        Command::Show(_) => ("show", true, &[]),
        Command::Step(_) => ("step", false, &[]),
        Command::Catalogue(_) => ("catalogue check", false, &[]),
    };
    let (own, given) = split(words);
    let args = own.iter().map(lossy).chain(given.map(|given| redacted(given, redact)).into_iter().flatten());
    Some(Invocation { command: name, args: shortened(args), goes_on })
}

/// Describes a command line that was not understood; what stands behind `--` may be anybody's secret.
/// It goes on where the ledger takes no entry, to be told what is wrong with it: or a slip of the pen in
/// `audit acknowledge` would be answered with the advice to run `audit acknowledge`.
pub fn describe_unknown(words: &[OsString]) -> Invocation {
    let (own, given) = split(words);
    let args = own.iter().map(lossy).chain(given.map(|_| REDACTED.to_owned()));
    Invocation { command: "", args: shortened(args), goes_on: true }
}

/// The words before and behind `--`, without the program's own name.
fn split(words: &[OsString]) -> (&[OsString], Option<&[OsString]>) {
    let words = words.get(1..).unwrap_or_default();
    match words.iter().position(|word| word == "--") {
        Some(place) => (&words[..=place], Some(&words[place + 1..])),
        None => (words, None),
    }
}

fn lossy(word: &OsString) -> String {
    word.to_string_lossy().into_owned()
}

/// A command's words as the ledger tells them; `redact` counts from 1. A number that is no word's
/// was meant for one of them, so then none is told.
pub fn redacted(command: &[OsString], redact: &[usize]) -> Vec<String> {
    let missed = redact.iter().any(|number| !(1..=command.len()).contains(number));
    let words = command.iter().enumerate();
    let hidden = |place: usize| missed || redact.contains(&(place + 1));
    shortened(words.map(|(place, word)| if hidden(place) { REDACTED.to_owned() } else { lossy(word) }))
}

/// Cuts what would not fit into one entry, and says so.
fn shortened(args: impl Iterator<Item = String>) -> Vec<String> {
    let args: Vec<String> = args
        .map(|arg| match arg.char_indices().nth(LONGEST_ARGUMENT) {
            Some((cut, _)) => format!("{}… ({} bytes in all)", &arg[..cut], arg.len()),
            None => arg,
        })
        .collect();
    let mut left = LONGEST_COMMAND;
    let fitting = args.iter().take_while(|arg| {
        let needed = bytes_of(arg);
        left = left.saturating_sub(needed);
        left > 0
    });
    let fitting = fitting.count();
    let more = (fitting < args.len()).then(|| format!("… ({} in all)", args.len()));
    args.into_iter().take(fitting).chain(more).collect()
}

/// How many bytes an argument takes in an entry at the most: with its quotes and comma, and escaped.
fn bytes_of(arg: &str) -> usize {
    arg.chars().map(stored_bytes).sum::<usize>() + 3
}

/// Runs a command between `run.start` and `run.end`.
///
/// When the ledger takes no entry some commands go on with a warning, everything else ends with 4; that also beats a
/// command's own exit code.
pub fn logged(context: &Context, invocation: &Invocation, work: impl FnOnce() -> Result<Exit, Failure>) -> Exit {
    let began = context.world().clock.boot();
    let start = || Event::RunStart { command: invocation.command.to_owned(), args: invocation.args.clone() };
    let paint = Paint::for_stderr(context.color());
    let opened = append(context, start());
    lost::see_to(context);
    match opened {
        Err(error) if !invocation.goes_on => return invocation.tell(error.into(), paint),
        Err(ref error) => warn(error),
        Ok(()) => {}
    }
    let exit = work().unwrap_or_else(|failure| invocation.tell(failure, paint));
    let opened = match opened {
        // One that was acknowledged has another in its place now.
        Err(LedgerError::Broken { .. } | LedgerError::RolledBack { .. }) => append(context, start()),
        opened => opened,
    };
    if opened.is_ok() { finished(context, invocation, began, exit) } else { exit }
}

/// Writes down how a command ended, and sees to what waits for the end of a run.
fn finished(context: &Context, invocation: &Invocation, began: BootTime, exit: Exit) -> Exit {
    let ms = u64::try_from(context.world().clock.boot().since(began).as_millis()).unwrap_or(u64::MAX);
    let ended = append(context, Event::RunEnd { code: exit.code(), ms });
    if !hooks::see_to(context) {
        audit::see_to(context);
    }
    match ended {
        Ok(()) => exit,
        // It was told already, by the command itself.
        Err(_) if exit == Exit::Evidence => exit,
        Err(error) if invocation.goes_on => {
            warn(&error);
            exit
        }
        Err(error) => invocation.tell(error.into(), Paint::for_stderr(context.color())),
    }
}

fn warn(error: &LedgerError) {
    let cause = error.source().map_or_else(String::new, |source| format!(": {source}"));
    out::warn(&format_args!("{error}{cause}"));
}

fn append(context: &Context, event: Event) -> Result<(), LedgerError> {
    context.world().ledger.append(&Record { who: context.person(), session: context.inside(), event }).map(drop)
}

impl Invocation {
    fn tell(&self, failure: Failure, paint: Paint) -> Exit {
        let failure = if self.command == HOOK { failure.in_one_line() } else { failure };
        out::say(failure.show(paint).trim_end());
        failure.exit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_of_any_size_fits_into_an_entry() {
        for letter in ["x", "é", "\u{1f5dd}", "\u{202e}", "\u{e0041}", "\n", "\"", "\\"] {
            let words = vec![OsString::from(letter.repeat(3000)); 500];
            let kept = redacted(&words, &[]);
            let stored: usize = kept.iter().map(|arg| bytes_of(arg)).sum();
            assert!(stored <= LONGEST_COMMAND + 100 && kept.len() > 2, "{letter:?}: {stored}");
            assert_eq!(kept.last().map(String::as_str), Some("… (500 in all)"));
        }
    }

    #[test]
    fn a_secret_word_is_not_kept() {
        let words = ["psql", "--password", "hunter2"].map(OsString::from);
        assert_eq!(redacted(&words, &[3]), ["psql", "--password", "***"]);
    }
}
