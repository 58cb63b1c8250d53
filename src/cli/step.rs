//! `glass step`: runs a step of the runbook within the live session of its profile.

use super::args;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::broker::{self, BreakError, Environment, Inside};
use crate::host::places::variable;
use crate::model::policy::Rule;

/// Runs the command.
pub fn run(args: &args::Step, context: &Context) -> Result<Exit, Failure> {
    let Some((session, credentials)) = context.inside_with_credentials() else {
        return Err(Failure::new(Exit::Refused, "this is no shell of a live session")
            .hint("from outside it is `glass assume PROFILE --step NAME`"));
    };
    let catalogue = context.catalogue()?;
    let profile = broker::find(&catalogue, &context.profile_of_session().unwrap_or_default())?;
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
