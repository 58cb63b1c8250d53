//! `glass step`: runs a step of the runbook within the live session of its profile.

use serde::Deserialize;

use super::args;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::broker::{self, BreakError, Environment, Inside};
use crate::host::ledger::reader::Reader;
use crate::host::places::variable;
use crate::model::name::Id;
use crate::model::policy::Rule;

/// What the ledger says of how a session was opened; the environment could say anything.
#[derive(Default, Deserialize)]
struct Intent {
    profile: String,
    catalogue: String,
}

/// Runs the command.
pub fn run(args: &args::Step, context: &Context) -> Result<Exit, Failure> {
    let Some((session, credentials)) = context.inside_with_credentials() else {
        return Err(Failure::new(Exit::Refused, "this is no shell of a live session")
            .hint("from outside it is `glass assume PROFILE --step NAME`"));
    };
    let catalogue = context.catalogue()?;
    let intent = intent_of(context, &session)?;
    if intent.catalogue != catalogue.digest().to_string() {
        return Err(Failure::new(Exit::Refused, "the catalogue has changed since this session was opened")
            .hint("what was approved is the text of then: open another session for the text of now"));
    }
    let profile = broker::find(&catalogue, &intent.profile)?;
    let Some(step) = profile.steps.get(args.name.as_str()) else {
        let rule = Rule::step(&args.name, profile);
        return Err(BreakError::Refused { profile: profile.name.to_string(), rules: vec![rule] }.into());
    };
    let inherited = |name: &str| variable(name)?.into_string().ok();
    let environment = Environment::inherited(&credentials, &catalogue, &inherited);
    let inside = Inside { session, person: context.person(), environment };
    let ended = broker::run_step(context.world(), inside, step)?;
    Ok(Exit::Child(ended.code))
}

fn intent_of(context: &Context, session: &Id) -> Result<Intent, Failure> {
    let mut intent = Intent::default();
    Reader::of_own(&context.places().ledger())?.read(|_, entry| {
        if entry.ev == "elevate.intent" && entry.session == session.as_str() {
            // An intent that cannot be read names no profile, and so no step.
            intent = serde_json::from_str(entry.d).unwrap_or_default();
        }
    })?;
    Ok(intent)
}
