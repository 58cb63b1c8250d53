//! `glass request`: asks others to sign what one wants to do.

use serde::Serialize;

use super::args;
use super::assume::wish;
use super::catalogue::warn_of_broken;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::out;
use super::qr;
use crate::broker::request::{Made, make_request};
use crate::model::catalogue::{ApprovalRule, Catalogue};
use crate::model::name::Id;
use crate::model::request::Wish;
use crate::model::sign_off::block::Kind;
use crate::model::sign_off::sheet::Sheet;
use crate::model::text::escaped;
use crate::model::time::{Timestamp, show_duration};

/// A request as the JSON document tells it.
#[derive(Serialize)]
struct Told<'a> {
    id: &'a Id,
    expires: Timestamp,
    needed: u32,
    from: &'a [String],
}

/// Runs the command.
pub fn run(args: &args::Request, context: &Context) -> Result<Exit, Failure> {
    let catalogue = context.catalogue()?;
    warn_of_broken(&catalogue, Some(&args.elevation.profile));
    let identity = context.identity()?;
    let wish = Wish { step: args.step.clone(), ..wish(&args.elevation, None) };
    let Made { bundle, troubles } = make_request(context.world(), &catalogue, &identity, &wish)?;
    if !args.json {
        // The block fills a screen, so what is read comes below it.
        out::print(&bundle.to_paste())?;
        show_code(args, &bundle.sheet, context);
    }
    for trouble in &troubles {
        out::warn(&trouble);
    }
    let asked = bundle.sheet.asked();
    let profile = catalogue.profile(asked.profile.as_str());
    let Some((profile, rule)) = profile.and_then(|profile| Some((profile, profile.approval.as_ref()?))) else {
        return Ok(Exit::Done);
    };
    let told = Told { id: &asked.id, expires: asked.expires, needed: profile.approvals(), from: rule.from.names() };
    if args.json {
        out::print_json(&told)?;
        show_code(args, &bundle.sheet, context);
        return Ok(Exit::Done);
    }
    out::say(&format!(
        "glass: request {} for {}: {} of {} must sign it within {}, until {}",
        told.id,
        asked.profile,
        told.needed,
        told.from.join(", "),
        show_duration(rule.within),
        told.expires
    ));
    for line in signers(&catalogue, rule, &asked.person) {
        out::say(&line);
    }
    let is_stored = catalogue.store().is_some() && troubles.is_empty();
    out::say(&if is_stored {
        format!(
            "they call:  glass approve {}\nor, where they do not have it, `glass approve -` and paste the block",
            told.id
        )
    } else {
        "they call `glass approve -` and paste the block".to_owned()
    });
    Ok(Exit::Done)
}

fn show_code(args: &args::Request, sheet: &Sheet, context: &Context) {
    if args.qr {
        qr::show(Kind::Request, sheet.line().as_bytes(), context);
    }
}

/// Whom to ring.
fn signers<'a>(
    catalogue: &'a Catalogue,
    rule: &'a ApprovalRule,
    requester: &'a crate::model::name::PersonName,
) -> impl Iterator<Item = String> + 'a {
    rule.signers(catalogue, requester).map(|person| match &person.contact {
        Some(contact) => format!("  {}  {}", person.name, escaped(contact)),
        None => format!("  {}", person.name),
    })
}
