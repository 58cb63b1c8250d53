//! `glass audit`: the ledger's verdict, its entries, and the end of one that is broken.

mod against;
mod cloudtrail;
mod completeness;
mod contents;
mod export;
mod proofs;
mod recordings;
mod ship;
mod signing;
mod source;
mod verify;

use std::collections::VecDeque;
use std::time::Duration;

use super::args::{Audit, AuditAcknowledge, AuditAction, AuditFilter, AuditShow, AuditTail, Command};
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::out;
use crate::host::ledger::HostLedger;
use crate::host::ledger::reader::Reader;
use crate::host::watch::{Pause, Watch};
use crate::model::chain::entry::Entry;
use crate::model::chain::signed::Asked;
use crate::model::chain::walk::{Integrity, Judgement};
use crate::model::text::escaped;
use crate::model::time::Timestamp;
use source::Source;

pub use ship::{see_to, tell_of_failures};
pub use verify::{Verdict, tell};

/// How many entries `tail` begins with.
const LATEST: usize = 10;

/// How often `tail` looks for more.
const STEP: Duration = Duration::from_millis(250);

/// The verdict, if that is what is asked for. It comes before `run.start`: a ledger that turns out not to
/// verify is not appended to. So does the look at one that is to be closed.
pub fn verdict<'a>(command: &'a Command, context: &Context) -> Option<Result<Verdict<'a>, Failure>> {
    let Command::Audit(Audit { action }) = command else { return None };
    match action {
        AuditAction::Verify(args) => Some(verify::find(args, context)),
        AuditAction::Acknowledge(_) => {
            // Whatever keeps it from being read keeps it from being closed too, and is told then.
            drop(
                Reader::of_own(&context.places().ledger())
                    .and_then(|reader| reader.verify(Asked::default(), |_| false, |_, _| ())),
            );
            None
        }
        AuditAction::Show(_)
        | AuditAction::Tail(_)
        | AuditAction::Checkpoint(_)
        | AuditAction::Rotate(_)
        | AuditAction::Key(_)
        | AuditAction::Prove(_)
        | AuditAction::CheckProof(_)
        | AuditAction::Ship(_)
        | AuditAction::Export(_) => None,
    }
}

/// Runs the command.
pub fn run(args: &Audit, context: &Context) -> Result<Exit, Failure> {
    match &args.action {
        AuditAction::Verify(args) => verify::find(args, context).and_then(|verdict| tell(&verdict, context)),
        AuditAction::Show(args) => show(args, context),
        AuditAction::Tail(args) => tail(args, context),
        AuditAction::Checkpoint(args) => signing::checkpoint(args, context),
        AuditAction::Rotate(args) => signing::rotate(args, context),
        AuditAction::Key(args) => signing::key(args, context),
        AuditAction::Prove(args) => proofs::prove(args, context),
        AuditAction::CheckProof(args) => proofs::check(args, context),
        AuditAction::Ship(args) => ship::run(args, context),
        AuditAction::Acknowledge(args) => acknowledge(args, context),
        AuditAction::Export(args) => export::export(args, context),
    }
}

fn show(args: &AuditShow, context: &Context) -> Result<Exit, Failure> {
    let wanted = Wanted::of(&args.only);
    let shown: Way = if args.json { stored } else { readable };
    let mut kept = VecDeque::new();
    let source = Source::of(args.ledger.as_deref(), context)?;
    let reading = source.reader.read(|line, entry| {
        if wanted.takes(entry) {
            kept.push_back(shown(line, entry));
        }
        if args.last.is_some_and(|last| kept.len() > last) {
            kept.pop_front();
        }
    });
    let reading = source.found(reading)?;
    source.is_there(&reading)?;
    out::print(&Vec::from(kept).concat())?;
    tell_of_bad(&reading.walked.judgement, "shown");
    Ok(Exit::Done)
}

/// Which entries are meant.
struct Wanted<'a> {
    only: &'a AuditFilter,
    since: Option<String>,
}

impl<'a> Wanted<'a> {
    fn of(only: &'a AuditFilter) -> Self {
        Wanted { only, since: only.since.map(Timestamp::to_micros_text) }
    }

    fn takes(&self, entry: &Entry<'_>) -> bool {
        self.only.session.as_ref().is_none_or(|session| session.as_str() == entry.session)
            && self.only.event.as_ref().is_none_or(|event| event == entry.ev)
            && self.since.as_ref().is_none_or(|since| entry.ts >= since.as_str())
    }
}

/// Says from where on entries are not `told`, if the ledger does not verify; whether it did.
fn tell_of_bad(judgement: &Judgement, told: &str) -> bool {
    let Judgement { integrity: Integrity::Broken | Integrity::RolledBack, first_bad: Some(bad) } = judgement else {
        return false;
    };
    let place = format!("{} line {}", escaped(&bad.segment), bad.line);
    out::say(&format!("glass: entries from {place} on are not {told}: the ledger does not verify there"));
    true
}

/// How entries are printed: one after another, each with its LF.
type Way = fn(&[u8], &Entry<'_>) -> String;

fn stored(line: &[u8], _: &Entry<'_>) -> String {
    String::from_utf8_lossy(line).into_owned()
}

fn readable(_: &[u8], entry: &Entry<'_>) -> String {
    let Entry { seq, ts, who, ev, session, d, .. } = entry;
    let [who, session] = [who, session].map(|text| if text.is_empty() { "-" } else { text });
    format!("{seq:>6}  {ts}  {ev:<16} {session:<8}  {who}  {}\n", escaped(d))
}

fn tail(args: &AuditTail, context: &Context) -> Result<Exit, Failure> {
    let reader = Reader::of_own(&context.places().ledger())?;
    let watch =
        Watch::start().map_err(|error| Failure::new(Exit::Failed, "signals cannot be held").caused_by(&error))?;
    let shown: Way = if args.json { stored } else { readable };
    let mut lines = VecDeque::new();
    let mut walked = reader
        .read(|line, entry| {
            lines.push_back(shown(line, entry));
            if lines.len() > LATEST {
                lines.pop_front();
            }
        })?
        .walked;
    loop {
        out::print(&Vec::from(std::mem::take(&mut lines)).concat())?;
        if tell_of_bad(&walked.judgement, "shown") {
            return Ok(Exit::Done);
        }
        match watch.pause(STEP) {
            Pause::Over => {}
            Pause::Ended => return Ok(Exit::Done),
        }
        walked = reader.read_on(walked, |line, entry| lines.push_back(shown(line, entry)))?;
    }
}

/// This user's ledger, to be written to.
fn own(context: &Context) -> Result<HostLedger, Failure> {
    let organisation = context.catalogue().ok().map(|catalogue| catalogue.organisation().clone());
    Ok(HostLedger::new(context.places().ledger(), organisation)?)
}

fn acknowledge(args: &AuditAcknowledge, context: &Context) -> Result<Exit, Failure> {
    match own(context)?.acknowledge(&args.reason, context.person().as_ref())? {
        Some(closed) => out::print(&format!("{}\n", closed.display())).map(|()| Exit::Done),
        None => Err(Failure::new(Exit::Refused, "the ledger verifies: there is nothing to acknowledge")),
    }
}
