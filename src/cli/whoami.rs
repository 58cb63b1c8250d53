//! `glass whoami`: who AWS says this is; in the shell of a live session, whose session it is.

use serde_json::json;

use super::args;
use super::context::Context;
use super::exit::Exit;
use super::failure::{Failure, hint_for_aws};
use super::out::{self, Paint, Style};
use crate::broker::{BreakError, place_of};
use crate::model::catalogue::{Catalogue, Profile};
use crate::model::identity::Identity;
use crate::model::text::escaped;
use crate::world::aws::{AwsError, Caller, Place};

/// A clock that is off by less needs no word: AWS accepts five minutes.
const NOTABLE_SECONDS: u64 = 60;

/// Runs the command.
pub fn run(args: &args::Whoami, context: &Context) -> Result<Exit, Failure> {
    let catalogue = context.catalogue()?;
    let identity = context.identity()?;
    let session = context.inside_with_credentials();
    let daily = match session {
        Some((session, credentials)) => {
            let profile = context.profile_of_session().and_then(|name| catalogue.profile(&name));
            let place = place(&catalogue, &identity, profile)?;
            context.world().aws.take(credentials, format!("session {session}"), &place)?
        }
        None => {
            let source = identity.source.as_ref().ok_or(BreakError::NoSource)?;
            context.world().aws.sign_in(&identity.person, source, &place(&catalogue, &identity, None)?)?
        }
    };
    let caller = daily.caller().map_err(|error| unknown(&error))?;
    let Caller { account, arn, user_id, .. } = &caller;
    if context.inside().is_none() {
        warn(&catalogue, &identity, &caller, Paint::for_stderr(context.color()));
    }
    if args.json {
        out::print_json(&json!({ "account": account, "arn": arn, "user_id": user_id }))?;
    } else {
        let [account, arn, user_id, how] = [account, arn, user_id, daily.how()].map(escaped);
        out::print(&format!("arn      {arn}\naccount  {account}\nuser id  {user_id}\nsource   {how}\n"))?;
    }
    Ok(Exit::Done)
}

/// Where AWS is asked: in the region of the session's profile, else of one that this person may use.
fn place(catalogue: &Catalogue, identity: &Identity, profile: Option<&Profile>) -> Result<Place, Failure> {
    let profile = profile.or_else(|| nearest_profile(catalogue, identity)).ok_or_else(|| {
        Failure::new(Exit::Usage, "every profile of the catalogue has mistakes")
            .hint("`glass catalogue check` shows them")
    })?;
    Ok(place_of(catalogue, profile.region.clone()))
}

/// A profile that this person may use, or any: its region says which STS is asked.
fn nearest_profile<'c>(catalogue: &'c Catalogue, identity: &Identity) -> Option<&'c Profile> {
    let person = catalogue.person(identity.person.as_str());
    let theirs = catalogue.profiles().find(|profile| person.is_some_and(|person| profile.audience.includes(person)));
    theirs.or_else(|| catalogue.profiles().next())
}

fn unknown(error: &AwsError) -> Failure {
    let failure = Failure::new(Exit::Failed, "cannot ask AWS who is calling").because(error.to_string());
    match error {
        AwsError::NotSent(_) | AwsError::MaybeSent(_) => {
            failure.hint("check the network, HTTPS_PROXY and the catalogue's `endpoint`")
        }
        AwsError::Refused { .. } | AwsError::NotBelieved { .. } => failure.hint_if_any(hint_for_aws(error)),
    }
}

/// Says what would stop an elevation.
fn warn(catalogue: &Catalogue, identity: &Identity, caller: &Caller, paint: Paint) {
    let warning = paint.paint(Style::Warn, "warning:");
    let person = catalogue.person(identity.person.as_str());
    match person.map(|person| &person.arn) {
        Some(Some(arn)) if !arn.admits(&caller.arn) => {
            out::say(&format!("glass: {warning} in the catalogue {} is {arn}", identity.person));
        }
        Some(Some(_)) => {}
        Some(None) => out::say(&format!("glass: {warning} the catalogue has no `arn` for {}", identity.person)),
        None => out::say(&format!("glass: {warning} the catalogue does not name {}", identity.person)),
    }
    if caller.clock_ahead.unsigned_abs() >= NOTABLE_SECONDS {
        let seconds = caller.clock_ahead.unsigned_abs();
        let where_to = if caller.clock_ahead < 0 { "behind" } else { "ahead of" };
        out::say(&format!("glass: {warning} this machine's clock is {seconds} s {where_to} AWS's"));
    }
}
