//! `glass review`: what was done without approvals and nobody has looked at yet, and the signature that closes it.
//!
//! Keeps the promise that nobody signs what they were not shown.

mod list;
mod screen;

use super::approve::{Consent, check_remark, consents, hand_over, table, tell, warn};
use super::args;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::out;
use crate::broker::approve::{ApproveError, Approver, Case, Handed};
use crate::broker::review::{self, Closed};
use crate::host::ledger::reader::Reader;
use crate::host::seen::HostMemory;
use crate::model::catalogue::Catalogue;
use crate::model::chain::walk::Integrity;
use crate::model::name::PersonName;
use crate::model::sign_off::block::{self, Kind};
use crate::model::sign_off::deeds::Deeds;
use crate::model::sign_off::gather::Gathered;
use crate::model::sign_off::reviews::Reviews;
use crate::model::text::escaped;

/// Runs the command.
pub fn run(args: &args::Review, context: &Context) -> Result<Exit, Failure> {
    match &args.session {
        Some(session) => run_one(args, session, context),
        None => list::run(args, context),
    }
}

fn run_one(args: &args::Review, session: &str, context: &Context) -> Result<Exit, Failure> {
    let remark = args.reason.as_deref().unwrap_or_default();
    check_remark(remark)?;
    let (catalogue, identity) = (context.catalogue()?, context.identity()?);
    let key = context.places().signing_key(&identity);
    let memory = HostMemory::new(context.places().state());
    let approver = Approver { catalogue: &catalogue, identity: &identity, key: key.as_deref(), memory: &memory };
    let handed = hand_over(session, &|_| true)?;
    let world = context.world();
    if let Handed::Id(id) = &handed
        && review::settle(world, &catalogue, &identity)?.closed.iter().any(|closed| closed.sheet.asked().id == *id)
    {
        return Ok(Exit::Done);
    }
    let case = review::look(world, approver, &handed)?;
    if let Handed::Papers(Gathered { approvals, .. }) = &handed
        && !approvals.is_empty()
    {
        for closed in review::take_in(world, approver, &case, approvals)? {
            give(&closed, &catalogue, &identity.person, context)?;
        }
        return Ok(Exit::Done);
    }
    if let Err(error) = review::check(approver, &case) {
        if let ApproveError::OwnOverride(_) = &error {
            out::print(&block::write(Kind::Request, case.tally().sheet().line().as_bytes()))?;
        }
        return Err(error.into());
    }
    // What was pasted came from somebody who can be asked, and a ledger says it itself.
    if matches!(handed, Handed::Id(_)) && args.ledger.is_none() {
        review::check_used(&case)?;
    }
    let deeds = args.ledger.as_deref().map(|copy| deeds(&Reader::of_copy(copy)?, &case)).transpose()?;
    out::say(screen::of(&catalogue, &case, deeds.as_ref(), table(context)).trim_end());
    let asked = case.tally().sheet().asked();
    let consent = if args.yes { Consent::Given } else { Consent::Asked };
    if !consents(consent, &format!("Close the review of {} by {}? [y/N]: ", asked.id, asked.person), context)? {
        out::say("glass: nothing was signed");
        return Ok(Exit::Failed);
    }
    let closed = review::answer(world, approver, &case, remark)?;
    give(&closed, &catalogue, &identity.person, context)?;
    Ok(Exit::Done)
}

/// What a copy of the ledger tells of the session, if it is that ledger and verifies.
fn deeds(copy: &Reader, case: &Case) -> Result<Deeds, Failure> {
    let asked = case.tally().sheet().asked();
    let origin = copy.origin()?;
    if origin.as_deref() != Some(asked.origin.to_string().as_str()) {
        let whose = origin.map_or_else(|| "is none".to_owned(), |origin| format!("is {origin}"));
        let fact = format!("the ledger that the override is in is {}, and this copy {whose}", asked.origin);
        return Err(Failure::new(Exit::Refused, fact).hint("have the copy of that one sent, or leave --ledger away"));
    }
    let (mut deeds, mut reviews) = (Deeds::of(asked.id.clone()), Reviews::default());
    let reading = copy.read(|_, entry| {
        deeds.read(entry);
        reviews.read(entry);
    })?;
    match reading.walked.judgement.integrity {
        Integrity::Verified | Integrity::Torn => {
            let open = reviews.open_under(case.tally().sheet());
            let open = open.ok_or_else(|| ApproveError::NotOpenHere(asked.id.clone()))?;
            open.goes_on_at(case.now).map_or(Ok(deeds), |over| Err(ApproveError::NotOver(over).into()))
        }
        Integrity::Broken | Integrity::RolledBack => {
            Err(Failure::new(Exit::Evidence, "the copy of the ledger does not verify")
                .hint("`glass audit verify --ledger DIR` tells where; what it says is not to be believed"))
        }
    }
}

/// Tells that a review is closed; the block of somebody else's override on stdout, to be sent to them.
fn give(closed: &Closed, catalogue: &Catalogue, own: &PersonName, context: &Context) -> Result<(), Failure> {
    let asked = closed.sheet.asked();
    tell(&format!("glass: {closed}"), context);
    warn(&closed.troubles);
    if asked.person == *own {
        return Ok(());
    }
    let contact = catalogue.person(asked.person.as_str()).and_then(|person| person.contact.as_deref());
    let reach = contact.map(|contact| format!(" ({})", escaped(contact))).unwrap_or_default();
    let stored = match catalogue.store() {
        Some(store) if closed.troubles.is_empty() => {
            format!("It lies in {} where {} looks; or s", escaped(&store.place.to_string()), asked.person)
        }
        Some(_) | None => "S".to_owned(),
    };
    tell(&format!("{stored}end this block back to {}{reach}, for `glass review -`:", asked.person), context);
    out::print(&block::write(Kind::Approval, closed.statement.stored().as_bytes()))
}
