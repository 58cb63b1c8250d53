//! Asks for what a wish leaves open, or says at once all that is missing.

use super::{About, BreakError, refuse};
use crate::model::catalogue::Profile;
use crate::model::event::SessionKind;
use crate::model::name::{Incident, TriggerName};
use crate::model::policy::{self, Standing};
use crate::model::request::{Request, Wish};
use crate::model::text::{escaped, one_line};
use crate::world::World;

/// How often a question is asked before the answer goes to the judgement as it is.
const TRIES: usize = 3;

/// Makes a wish complete.
pub fn complete(world: World<'_>, standing: Standing<'_>, wish: &Wish) -> Result<Request, BreakError> {
    let profile = standing.profile;
    let only_trigger = match profile.triggers.as_slice() {
        [only] => Some(only.to_string()),
        [] | [_, ..] => None,
    };
    let trigger = wish.trigger.clone().or(only_trigger);
    let mut missing = Vec::new();
    let given = [
        ("--trigger", trigger.is_some()),
        ("--incident", wish.incident.is_some()),
        ("--reason", wish.reason.is_some()),
    ];
    missing.extend(given.into_iter().filter(|(_, given)| !given).map(|(flag, _)| flag));
    if !missing.is_empty() {
        let no = policy::foregone(standing);
        // A hook is configured once, so it says rather that nothing helps than what would not.
        let is_hopeless = !no.is_empty() && standing.kind == SessionKind::Hook;
        if !is_hopeless && !world.terminal.is_there() {
            return Err(BreakError::Missing(missing));
        }
        // Nobody is asked for what would be refused anyway.
        if !no.is_empty() {
            return Err(refuse(world, About::standing(standing), no));
        }
        world.terminal.say(&format!("{}: {}", profile.name, escaped(&profile.summary)));
    }
    let question = |question: &str, fits: &dyn Fn(&str) -> Result<(), String>| ask(world, question, fits);
    Ok(Request {
        profile: profile.name.to_string(),
        trigger: match trigger {
            Some(trigger) => trigger,
            None => ask_trigger(world, profile)?,
        },
        incident: match &wish.incident {
            Some(incident) => incident.trim().to_owned(),
            None => question("Incident: ", &|text| Incident::parse(text).map(drop).map_err(|error| error.to_string()))?,
        },
        reason: match &wish.reason {
            Some(reason) => one_line(reason),
            None => one_line(&question("Reason: ", &|text| {
                policy::judge_reason(standing, &one_line(text)).map(drop).map_err(|rule| rule.to_string())
            })?),
        },
        duration: wish.duration,
        region: wish.region.clone(),
    })
}

fn ask_trigger(world: World<'_>, profile: &Profile) -> Result<String, BreakError> {
    let known: Vec<&str> = profile.triggers.iter().map(TriggerName::as_str).collect();
    let question = format!("Trigger ({}): ", known.join(", "));
    ask(world, &question, &|text| {
        if known.contains(&text) { Ok(()) } else { Err(format!("it is one of {}", known.join(", "))) }
    })
}

/// Asks for the word that confirms an override; nothing where nobody can be asked.
pub fn confirmation(world: World<'_>, profile: &Profile) -> Result<Option<String>, BreakError> {
    if !world.terminal.is_there() {
        return Ok(None);
    }
    let name = profile.name.as_str();
    let fits = |typed: &str| if typed == name { Ok(()) } else { Err(format!("it is `{name}`")) };
    ask(world, "Type the profile's name to go on without approvals: ", &fits).map(Some)
}

fn ask(world: World<'_>, question: &str, fits: &dyn Fn(&str) -> Result<(), String>) -> Result<String, BreakError> {
    let mut answer = String::new();
    for _ in 0..TRIES {
        answer = world.terminal.ask(question).map_err(BreakError::Ask)?.trim().to_owned();
        match fits(&answer) {
            Ok(()) => break,
            Err(why) => world.terminal.say(&why),
        }
    }
    Ok(answer)
}
