//! `glass approve`, and what `glass deny` has in common with it: one screen, a clear yes, a signature, and a block to send back.
//!
//! Keeps the promise that nobody signs what they were not shown.

pub(super) mod screen;

use std::io::{self, IsTerminal};
use std::path::Path;

use super::args;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::offered::{handed_over, name_of};
use super::out::{self, Paint};
use super::qr;
use super::table::Table;
use super::yes::is_yes;
use crate::broker::approve::{self, Answered, Approver, Case, Handed};
use crate::host::seen::HostMemory;
use crate::model::catalogue::Catalogue;
use crate::model::name::Id;
use crate::model::sign_off::approval::{Answer, LONGEST_REMARK};
use crate::model::sign_off::block::{self, Kind};
use crate::model::sign_off::gather::Gathered;
use crate::model::text::{escaped, is_hostile};
use crate::world::desk::Trouble;

/// Whether a person is asked before anything is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Consent {
    /// They must be, and if nobody can be it is an error.
    Asked,
    /// They are if there is a terminal: what they gave on the command line says enough.
    AskedIfThere,
    /// They have said so already.
    Given,
}

/// What is to be said to a request.
pub(super) struct Wanted<'a> {
    /// Its id, a file with it, or `-`.
    pub request: &'a str,
    /// Yes or no.
    pub answer: Answer,
    /// What is signed with it.
    pub remark: &'a str,
    /// Whether a person is asked.
    pub consent: Consent,
    /// Whether the answer is shown for a camera too.
    pub qr: bool,
}

/// Runs `glass approve`.
pub fn run(args: &args::Approve, context: &Context) -> Result<Exit, Failure> {
    let remark = args.reason.as_deref().unwrap_or_default();
    let consent = if args.yes { Consent::Given } else { Consent::Asked };
    say(&Wanted { request: &args.request, answer: Answer::Approve, remark, consent, qr: args.qr }, context)
}

/// Shows a request, asks, and says yes or no to it.
pub(super) fn say(wanted: &Wanted<'_>, context: &Context) -> Result<Exit, Failure> {
    check_remark(wanted.remark)?;
    let (catalogue, identity) = (context.catalogue()?, context.identity()?);
    let key = context.places().signing_key(&identity);
    let memory = HostMemory::new(context.places().state());
    let approver = Approver { catalogue: &catalogue, identity: &identity, key: key.as_deref(), memory: &memory };
    let handed = hand_over(wanted.request, &|gathered| !gathered.sheets.is_empty())?;
    if let (Handed::Papers(Gathered { sheets, .. }), Answer::Deny) = (&handed, wanted.answer)
        && sheets.is_empty()
    {
        let fact = format!("{} has no request", name_of(Path::new(wanted.request)));
        return Err(Failure::new(Exit::Usage, fact).hint("hand over the request that is to be denied"));
    }
    let case = approve::look(context.world(), approver, &handed)?;
    if let Handed::Papers(Gathered { sheets, approvals, .. }) = &handed
        && sheets.is_empty()
    {
        for answered in approve::take_in(context.world(), approver, &case, approvals)? {
            give(&answered, &catalogue, context)?;
            show_code(wanted, &answered, context);
        }
        return Ok(Exit::Done);
    }
    match wanted.answer {
        Answer::Approve => approve::check_yes(approver, &case)?,
        Answer::Deny => approve::check(approver, &case)?,
    }
    out::say(screen::of(&catalogue, &case, &handed, table(context)).trim_end());
    if !is_wanted(wanted, &case, context)? {
        out::say("glass: nothing was signed");
        return Ok(Exit::Failed);
    }
    let answered = approve::answer(context.world(), approver, &case, wanted.answer, wanted.remark)?;
    give(&answered, &catalogue, context)?;
    show_code(wanted, &answered, context);
    Ok(Exit::Done)
}

/// For a screen as wide as what stderr is shown on.
pub(super) fn table(context: &Context) -> Table {
    let size = context.world().terminal.size().filter(|_| io::stderr().is_terminal());
    Table::fitted(Paint::for_stderr(context.color()), size.map(|(columns, _)| columns.into()))
}

/// Says a sentence, whose words are not broken.
pub(super) fn tell(sentence: &str, context: &Context) {
    out::say(table(context).sentence(sentence).trim_end());
}

fn show_code(wanted: &Wanted<'_>, answered: &Answered, context: &Context) {
    if wanted.qr {
        qr::show(Kind::Approval, answered.approval.stored().as_bytes(), context);
    }
}

pub(super) fn check_remark(remark: &str) -> Result<(), Failure> {
    if remark.chars().count() <= LONGEST_REMARK && !remark.chars().any(is_hostile) {
        return Ok(());
    }
    let fact = format!("--reason is not one line of at most {LONGEST_REMARK} characters, no control characters");
    Err(Failure::new(Exit::Usage, fact))
}

/// What the person was handed: an id, a file, or a paste, which ends when it is enough.
pub(super) fn hand_over(request: &str, is_enough: &dyn Fn(&Gathered) -> bool) -> Result<Handed, Failure> {
    match Id::parse(request) {
        Ok(id) => Ok(Handed::Id(id)),
        Err(_) => Ok(Handed::Papers(handed_over(Path::new(request), is_enough)?)),
    }
}

/// Asks for a clear yes.
fn is_wanted(wanted: &Wanted<'_>, case: &Case, context: &Context) -> Result<bool, Failure> {
    let asked = case.tally().sheet().asked();
    let verb = match wanted.answer {
        Answer::Approve => "Approve",
        Answer::Deny => "Deny",
    };
    consents(wanted.consent, &format!("{verb} {} for {}? [y/N]: ", asked.profile, asked.person), context)
}

/// Asks, if there is anything to ask for.
pub(super) fn consents(consent: Consent, question: &str, context: &Context) -> Result<bool, Failure> {
    let terminal = context.world().terminal;
    match consent {
        Consent::Given => return Ok(true),
        Consent::AskedIfThere if !terminal.is_there() => return Ok(true),
        Consent::Asked if !terminal.is_there() => {
            return Err(Failure::new(Exit::Usage, "there is no terminal to ask on, and nothing was signed")
                .hint("read what is shown, and give --yes"));
        }
        Consent::Asked | Consent::AskedIfThere => {}
    }
    Ok(is_yes(&terminal.ask(question)?))
}

/// The block on stdout, and on stderr what to do with it.
fn give(answered: &Answered, catalogue: &Catalogue, context: &Context) -> Result<(), Failure> {
    let asked = answered.tally.sheet().asked();
    let said = match answered.approval.statement().answer {
        Answer::Approve => "approved",
        Answer::Deny => "denied",
    };
    let (by, missing) = (&answered.approval.statement().person, answered.tally.missing());
    let state = match (answered.tally.denied(), missing) {
        (Some(_), _) => "it is over".to_owned(),
        (None, 0) => "nobody else is needed".to_owned(),
        (None, more) => format!("{more} more to sign"),
    };
    tell(&format!("glass: request {} of {} is {said} by {by}: {state}", asked.id, asked.person), context);
    warn(&answered.troubles);
    let contact = catalogue.person(asked.person.as_str()).and_then(|person| person.contact.as_deref());
    let reach = contact.map(|contact| format!(" ({})", escaped(contact))).unwrap_or_default();
    let left = match catalogue.store() {
        Some(store) if answered.troubles.is_empty() => {
            format!(
                "It lies in {} where {} looks; or send this block back:",
                escaped(&store.place.to_string()),
                asked.person
            )
        }
        Some(_) | None => format!("Send this block back to {}{reach}:", asked.person),
    };
    tell(&left, context);
    out::print(&block::write(Kind::Approval, answered.approval.stored().as_bytes()))
}

pub(super) fn warn(troubles: &[Trouble]) {
    for trouble in troubles {
        out::warn(&trouble);
    }
}
