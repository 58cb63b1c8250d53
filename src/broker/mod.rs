//! The steps of breaking glass, as one pipeline: ask, judge, prove, write down, assume.
//!
//! Everything in it is data in and out over the [`World`]; the order of the steps is fixed.

pub mod approve;
mod ask;
mod break_error;
pub mod calling;
pub mod enrol;
mod handover;
mod keep;
mod obtain;
mod overriding;
mod prove;
pub mod request;
pub mod review;
pub mod sign_off;
mod step;
mod wait;

use std::error::Error;
use std::time::Duration;

use crate::model::catalogue::{Catalogue, Profile, Trigger};
use crate::model::event::{Event, Sent, SessionKind};
use crate::model::identity::Identity;
use crate::model::name::{Id, Incident, PersonName};
use crate::model::policy::{self, Case, Grant, Rule, SignOff, Standing, Verdict};
use crate::model::request::{Request, Wish};
use crate::model::sign_off::papers::Bundle;
use crate::world::anchor::Anchoring;
use crate::world::archive::Sender;
use crate::world::aws::{Daily, Place, SourceError};
use crate::world::ledger::{LedgerError, Record};
use crate::world::machine::ProgramError;
use crate::world::{Conditions, Session, World};

pub use break_error::{BreakError, CodeError};
use calling::calling;
pub use handover::{Environment, HandoverError, Work, abandon, give_to_child, give_to_hook, hold, sign};
pub use obtain::obtain;
pub use overriding::override_approvals;
pub use step::{Inside, run_step};

/// How long the program of a trigger may take to confirm an incident.
const CONFIRM_TIME: Duration = Duration::from_secs(10);

/// As much of the name of a profile that there is not as goes into the ledger, in characters.
const LONGEST_WANTED: usize = 128;

/// Who breaks the glass, and by which rules.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// The catalogue.
    pub catalogue: &'a Catalogue,
    /// The person's identity file.
    pub identity: &'a Identity,
    /// What the session is for.
    pub kind: SessionKind,
    /// The live session this happens in, if any.
    pub inside: Option<&'a Id>,
    /// The request that is to be used, if there is one.
    pub bundle: Option<&'a Bundle>,
}

impl<'a> Setting<'a> {
    /// The same before a profile.
    fn standing(self, profile: &'a Profile, wish: &'a Wish, sign_off: SignOff<'a>) -> Standing<'a> {
        Standing {
            catalogue: self.catalogue,
            profile,
            person: &self.identity.person,
            kind: self.kind,
            inside: self.inside,
            step: wish.step.as_deref(),
            sign_off,
            overriding: None,
        }
    }
}

/// Breaks the glass: from a wish to a session that is in the ledger.
///
/// # Errors
/// When anything on the way says no; whatever was refused or failed is in the ledger too.
pub fn break_glass(world: World<'_>, setting: Setting<'_>, wish: &Wish) -> Result<Session, BreakError> {
    let request = setting.bundle.map(|bundle| &bundle.sheet.asked().id);
    let profile = find_wanted(world, setting.catalogue, &setting.identity.person, &wish.profile, request)?;
    let counted = setting.bundle.map(|bundle| sign_off::counted(world, setting.catalogue, bundle)).transpose()?;
    let sign_off = counted.as_ref().map_or(SignOff::Nothing, sign_off::Counted::sign_off);
    let standing = setting.standing(profile, wish, sign_off);
    let request = ask::complete(world, standing, wish)?;
    let grant = judge(world, standing, &request)?;
    let session = elevate_granted(world, setting, profile, grant)?;
    if let Some(bundle) = setting.bundle {
        sign_off::mark_used(world, setting, bundle, session.id());
    }
    Ok(session)
}

fn elevate_granted(
    world: World<'_>,
    setting: Setting<'_>,
    profile: &Profile,
    grant: Grant,
) -> Result<Session, BreakError> {
    keep_evidence(world, setting, &grant).map_err(BreakError::Ledger)?;
    let session = elevate_recorded(world, setting, profile, grant)?;
    world.hooks.start(setting.catalogue.hooks());
    Ok(session)
}

fn elevate_recorded(
    world: World<'_>,
    setting: Setting<'_>,
    profile: &Profile,
    grant: Grant,
) -> Result<Session, BreakError> {
    if !profile.recording {
        return elevate(world, setting, grant);
    }
    let session = grant.session().clone();
    let made = world.recordings.make(&session);
    made.map_err(|error| give_up(world, &grant, "NotRecorded", BreakError::Recording(error)))?;
    elevate(world, setting, grant).inspect_err(|_| world.recordings.discard(&session))
}

fn elevate(world: World<'_>, setting: Setting<'_>, grant: Grant) -> Result<Session, BreakError> {
    let daily = sign_in(world, setting, &grant)?;
    let shipping = setting.catalogue.shipping();
    let place = place_of(setting.catalogue, shipping.region());
    let sender = Sender {
        person: &setting.identity.person,
        source: shipping.source.as_ref().or(setting.identity.source.as_ref()),
        place: &place,
        retain_days: shipping.retain_days,
    };
    let anchoring = Anchoring { places: &shipping.ship, sender };
    let calling = calling(setting.catalogue, setting.identity, &place);
    prove::elevate(world, setting, Conditions { anchoring, calling }, daily, grant)
}

/// Finds the profile of a name.
///
/// # Errors
/// When there is none, or it has mistakes.
pub fn find<'a>(catalogue: &'a Catalogue, name: &str) -> Result<&'a Profile, BreakError> {
    if let Some(profile) = catalogue.profile(name) {
        return Ok(profile);
    }
    if let Some(broken) = catalogue.broken().iter().find(|broken| broken.name == name) {
        let mistakes = broken.mistakes.iter().map(ToString::to_string).collect();
        return Err(BreakError::BrokenProfile { name: name.to_owned(), mistakes });
    }
    let nearest = policy::nearest_profile(catalogue, name).map(str::to_owned);
    Err(BreakError::UnknownProfile { name: name.to_owned(), nearest })
}

/// Finds the profile that somebody wants to use; that there is none is in the ledger too then.
///
/// # Errors
/// As [`find`].
pub fn find_wanted<'a>(
    world: World<'_>,
    catalogue: &'a Catalogue,
    person: &PersonName,
    name: &str,
    request: Option<&Id>,
) -> Result<&'a Profile, BreakError> {
    find(catalogue, name).map_err(|error| {
        let profile = name.chars().take(LONGEST_WANTED).collect();
        let event = Event::ElevateRefused { profile, rules: vec!["profile"], request: request.cloned() };
        match world.ledger.append(&Record { who: Some(person.clone()), session: None, event }) {
            Ok(_) => error,
            Err(error) => BreakError::Ledger(error),
        }
    })
}

fn judge(world: World<'_>, standing: Standing<'_>, request: &Request) -> Result<Grant, BreakError> {
    let Standing { profile, person, .. } = standing;
    let confirm = |trigger: &Trigger, incident: &Incident| confirm(world, profile, person, trigger, incident);
    let case = Case { standing, request, session: world.chance.id(), confirm: &confirm };
    match policy::judge(case) {
        Verdict::Allow(_) if let Some(why) = untraced(world, profile) => {
            let rules = vec![Rule::NotTraced(why)];
            Err(refuse(world, About::standing(standing), rules))
        }
        Verdict::Allow(grant) => {
            tracing::info!(profile = %profile.name, session = %grant.session(), "allowed");
            Ok(*grant)
        }
        Verdict::Refuse(rules) => Err(refuse(world, About::standing(standing), rules)),
    }
}

/// Why what the profile's sessions demand cannot be done here, before anything is spent for one.
fn untraced(world: World<'_>, profile: &Profile) -> Option<String> {
    let error = world.children.check(handover::watched(profile)).err()?;
    Some(error.source().map_or_else(|| error.to_string(), ToString::to_string))
}

/// Keeps what the intent refers to by hash: the catalogue, its files, the session policy as sent, what was signed.
fn keep_evidence(world: World<'_>, setting: Setting<'_>, grant: &Grant) -> Result<(), LedgerError> {
    let Setting { catalogue, bundle, .. } = setting;
    let files = catalogue.files().iter().map(|file| file.bytes.as_slice());
    let policy = grant.order().policy.iter().map(String::as_bytes);
    for content in std::iter::once(catalogue.text().as_bytes()).chain(files).chain(policy) {
        world.ledger.keep(content)?;
    }
    bundle.map_or(Ok(()), |bundle| sign_off::keep_evidence(world, bundle, grant))
}

/// Asks the trigger's own program; whatever is not a plain yes in time is a no.
fn confirm(
    world: World<'_>,
    profile: &Profile,
    person: &PersonName,
    trigger: &Trigger,
    incident: &Incident,
) -> Result<(), String> {
    let Some(confirm) = &trigger.confirm else { return Ok(()) };
    let argv = confirm.argv(incident, person, &profile.name);
    let program = argv.first().map_or("", String::as_str);
    match world.programs.check_writers(program).and_then(|()| world.programs.run(&argv, CONFIRM_TIME)) {
        Ok(ran) if ran.code == 0 => Ok(()),
        Ok(ran) if ran.stderr.is_empty() => Err(format!("{program} ended with {}", ran.code)),
        Ok(ran) => Err(format!("{program} ended with {}: {}", ran.code, ran.stderr)),
        Err(error) => Err(with_cause(&error)),
    }
}

fn with_cause(error: &ProgramError) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// What a refusal is about.
#[derive(Clone, Copy)]
struct About<'a> {
    person: &'a PersonName,
    session: Option<&'a Id>,
    profile: &'a str,
    request: Option<&'a Id>,
}

impl<'a> About<'a> {
    fn standing(standing: Standing<'a>) -> Self {
        let Standing { person, profile, .. } = standing;
        let request = standing.sign_off.sheet().map(|sheet| &sheet.asked().id);
        About { person, session: None, profile: profile.name.as_str(), request }
    }

    fn grant(grant: &'a Grant) -> Self {
        let granted = grant.granted();
        About {
            person: grant.person(),
            session: Some(grant.session()),
            profile: granted.profile.as_str(),
            request: granted.request.as_ref(),
        }
    }
}

/// Writes a refusal down and makes the error of it.
fn refuse(world: World<'_>, about: About<'_>, rules: Vec<Rule>) -> BreakError {
    let profile = about.profile.to_owned();
    let event = Event::ElevateRefused {
        profile: profile.clone(),
        rules: rules.iter().map(Rule::name).collect(),
        request: about.request.cloned(),
    };
    match world.ledger.append(&Record { who: Some(about.person.clone()), session: about.session.cloned(), event }) {
        Ok(_) => BreakError::Refused { profile, rules },
        Err(error) => BreakError::Ledger(error),
    }
}

/// Writes down that an elevation came to nothing before anything was sent to AWS for it.
fn give_up(world: World<'_>, grant: &Grant, code: &str, error: BreakError) -> BreakError {
    let message = error.to_string().chars().take(1024).collect();
    let event = Event::ElevateFail { sent: Sent::No, code: code.to_owned(), message, request_id: None };
    let record = Record { who: Some(grant.person().clone()), session: Some(grant.session().clone()), event };
    match world.ledger.append(&record) {
        Ok(_) => error,
        Err(error) => BreakError::Ledger(error),
    }
}

fn sign_in(world: World<'_>, setting: Setting<'_>, grant: &Grant) -> Result<Box<dyn Daily>, BreakError> {
    let Some(source) = &setting.identity.source else {
        return Err(give_up(world, grant, "NoSource", BreakError::NoSource));
    };
    let place = place_of(setting.catalogue, grant.granted().region.clone());
    tracing::info!(?source, ?place, "signing in");
    world.aws.sign_in(grant.person(), source, &place).map_err(|error| {
        if let SourceError::Refused(source) = error {
            return refuse(world, About::grant(grant), vec![Rule::Source(source)]);
        }
        give_up(world, grant, "NotSignedIn", BreakError::Source(error))
    })
}

/// Where AWS is reached for a region, by the catalogue's word.
pub fn place_of(catalogue: &Catalogue, region: crate::model::name::Region) -> Place {
    let aws = catalogue.aws();
    Place {
        region,
        endpoint: aws.endpoint.as_ref().map(ToString::to_string),
        ca_bundle: aws.ca_bundle.as_ref().map(|file| file.path.clone()),
    }
}
