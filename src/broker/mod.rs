//! The steps of breaking glass, as one pipeline: ask, judge, prove, write down, assume.
//!
//! Everything in it is data in and out over the [`World`]; the order of the steps is fixed.

pub mod approve;
mod ask;
pub mod enrol;
mod handover;
mod keep;
mod prove;
pub mod request;
mod step;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::model::catalogue::{Catalogue, Profile, Trigger};
use crate::model::event::{Event, Sent, SessionKind};
use crate::model::identity::Identity;
use crate::model::mfa::NotACode;
use crate::model::name::{Id, Incident, PersonName, ProfileName};
use crate::model::policy::{self, Case, Grant, Rule, SignOff, Standing, Verdict};
use crate::model::request::{Request, Wish};
use crate::model::sign_off::sheet::SheetError;
use crate::world::anchor::{Anchoring, NotAnchored};
use crate::world::archive::Sender;
use crate::world::aws::{AwsError, Daily, Place, SourceError};
use crate::world::ledger::{LedgerError, Record, Unsigned};
use crate::world::machine::{AskError, CodesError, ProgramError, VaultError};
use crate::world::recording::RecordingError;
use crate::world::{NotWritten, Session, World};

pub use handover::{Environment, HandoverError, Work, abandon, give_to_child, give_to_hook, hold, sign};
pub use step::{Inside, run_step};

/// How long the program of a trigger may take to confirm an incident.
const CONFIRM_TIME: Duration = Duration::from_secs(10);

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
}

/// Breaks the glass: from a wish to a session that is in the ledger.
///
/// # Errors
/// When anything on the way says no; whatever was refused or failed is in the ledger too.
pub fn break_glass(world: World<'_>, setting: Setting<'_>, wish: &Wish) -> Result<Session, BreakError> {
    let profile = find(setting.catalogue, &wish.profile)?;
    let standing = Standing {
        catalogue: setting.catalogue,
        profile,
        person: &setting.identity.person,
        kind: setting.kind,
        inside: setting.inside,
        step: wish.step.as_deref(),
        sign_off: SignOff::Nothing,
        overriding: None,
    };
    let request = ask::complete(world, standing, wish)?;
    let grant = judge(world, standing, &request)?;
    keep_evidence(world, setting.catalogue, &grant).map_err(BreakError::Ledger)?;
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
    let region = shipping.region.as_ref().unwrap_or(&grant.granted().region);
    let place = place_of(setting.catalogue, region.clone());
    let sender = Sender {
        person: &setting.identity.person,
        source: shipping.source.as_ref().or(setting.identity.source.as_ref()),
        place: &place,
        retain_days: shipping.retain_days,
    };
    prove::elevate(world, setting, Anchoring { places: &shipping.ship, sender }, daily, grant)
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

fn judge(world: World<'_>, standing: Standing<'_>, request: &Request) -> Result<Grant, BreakError> {
    let Standing { profile, person, .. } = standing;
    let confirm = |trigger: &Trigger, incident: &Incident| confirm(world, profile, person, trigger, incident);
    let case = Case { standing, request, session: world.chance.id(), confirm: &confirm };
    match policy::judge(case) {
        Verdict::Allow(_) if let Some(why) = untraced(world, profile) => {
            let rules = vec![Rule::NotTraced(why)];
            Err(refuse(world, person, None, profile.name.as_str(), rules))
        }
        Verdict::Allow(grant) => {
            tracing::info!(profile = %profile.name, session = %grant.session(), "allowed");
            Ok(*grant)
        }
        Verdict::Refuse(rules) => Err(refuse(world, person, None, profile.name.as_str(), rules)),
    }
}

/// Why what the profile's sessions demand cannot be done here, before anything is spent for one.
fn untraced(world: World<'_>, profile: &Profile) -> Option<String> {
    let error = world.children.check(handover::watched(profile)).err()?;
    Some(error.source().map_or_else(|| error.to_string(), ToString::to_string))
}

/// Keeps what the intent refers to by hash: the catalogue, its files, the session policy as sent.
fn keep_evidence(world: World<'_>, catalogue: &Catalogue, grant: &Grant) -> Result<(), LedgerError> {
    let files = catalogue.files().iter().map(|file| file.bytes.as_slice());
    let policy = grant.order().policy.iter().map(String::as_bytes);
    for content in std::iter::once(catalogue.text().as_bytes()).chain(files).chain(policy) {
        world.ledger.keep(content)?;
    }
    Ok(())
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

/// Writes a refusal down and makes the error of it.
fn refuse(world: World<'_>, person: &PersonName, session: Option<&Id>, profile: &str, rules: Vec<Rule>) -> BreakError {
    let event = Event::ElevateRefused {
        profile: profile.to_owned(),
        rules: rules.iter().map(Rule::name).collect(),
        request: None,
    };
    match world.ledger.append(&Record { who: Some(person.clone()), session: session.cloned(), event }) {
        Ok(_) => BreakError::Refused { profile: profile.to_owned(), rules },
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
    world
        .aws
        .sign_in(grant.person(), source, &place)
        .map_err(|error| give_up(world, grant, "NotSignedIn", BreakError::Source(error)))
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

/// Why the glass was not broken.
#[derive(Debug)]
pub enum BreakError {
    /// Nobody can be asked for these.
    Missing(Vec<&'static str>),
    /// No profile has this name.
    UnknownProfile {
        /// The name.
        name: String,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// The profile has mistakes in the catalogue.
    BrokenProfile {
        /// The name.
        name: String,
        /// The mistakes, as they are shown.
        mistakes: Vec<String>,
    },
    /// glass says no.
    Refused {
        /// The profile.
        profile: String,
        /// Every rule that said no.
        rules: Vec<Rule>,
    },
    /// The profile takes no approvals.
    NeedsNoApproval(ProfileName),
    /// The ledger does not sign what a request is to rest on.
    Unsigned(Unsigned),
    /// What is asked for cannot be written down.
    Sheet(SheetError),
    /// The identity file names no source.
    NoSource,
    /// The source gives no daily identity.
    Source(SourceError),
    /// No MFA device is known, and AWS knows none either.
    NoDevice,
    /// The code's program or the keyring's seed gave no code.
    Code(CodeError),
    /// AWS gave no session.
    Aws {
        /// What was being done, e.g. `assume prod-db-emergency`.
        doing: String,
        /// What AWS said.
        error: AwsError,
    },
    /// A question has no answer.
    Ask(AskError),
    /// The keyring gives no seed.
    Vault(VaultError),
    /// The memory of used codes cannot be used.
    Codes(CodesError),
    /// The session must be recorded and cannot be.
    Recording(RecordingError),
    /// The level demands an anchor of the intent, and there is none.
    NotAnchored(NotAnchored),
    /// The ledger does not take an entry, or does not verify.
    Ledger(LedgerError),
}

impl From<NotWritten> for BreakError {
    fn from(error: NotWritten) -> Self {
        match error {
            NotWritten::Ledger(error) => BreakError::Ledger(error),
            NotWritten::NotAnchored(error) => BreakError::NotAnchored(error),
            NotWritten::Spent(profile, no) => {
                BreakError::Refused { profile: profile.to_string(), rules: vec![Rule::SignOff(*no)] }
            }
        }
    }
}

/// Why there is no code although nobody had to be asked.
#[derive(Debug)]
pub enum CodeError {
    /// The program failed to run.
    Program(ProgramError),
    /// The program ended with an error.
    ProgramSaidNo {
        /// The program.
        program: String,
        /// Its exit code.
        code: i32,
        /// What it said.
        stderr: String,
    },
    /// What came is no code.
    NotACode(NotACode),
    /// The seed in the keyring is no seed.
    Seed(String),
}

impl fmt::Display for BreakError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::model::text::escaped;
        match self {
            BreakError::Missing(missing) => write!(f, "{} missing, and there is no terminal to ask on", list(missing)),
            BreakError::UnknownProfile { name, .. } => {
                let name: String = name.chars().take(80).collect();
                write!(f, "the catalogue has no profile `{}`", escaped(&name))
            }
            BreakError::BrokenProfile { name, .. } => write!(f, "the profile `{}` has mistakes", escaped(name)),
            BreakError::Refused { profile, .. } => write!(f, "{} is refused", escaped(profile)),
            BreakError::NeedsNoApproval(profile) => write!(f, "{profile} takes no approvals"),
            BreakError::Unsigned(error) => write!(f, "{error}"),
            BreakError::Sheet(error) => write!(f, "{error}"),
            BreakError::NoSource => f.write_str("the identity file names no `source` of daily credentials"),
            BreakError::Source(error) => write!(f, "{error}"),
            BreakError::NoDevice => f.write_str("no MFA device is known"),
            BreakError::Code(_) => f.write_str("there is no MFA code"),
            BreakError::Aws { doing, error } => write!(f, "cannot {doing}: {error}"),
            BreakError::Ask(error) => write!(f, "{error}"),
            BreakError::Vault(error) => write!(f, "{error}"),
            BreakError::Codes(error) => write!(f, "{error}"),
            BreakError::Recording(error) => write!(f, "{error}"),
            BreakError::NotAnchored(error) => write!(f, "{error}"),
            BreakError::Ledger(error) => write!(f, "{error}"),
        }
    }
}

fn list(missing: &[&str]) -> String {
    match missing {
        [one] => format!("{one} is"),
        [] | [_, ..] => format!("{} are", missing.join(", ")),
    }
}

impl Error for BreakError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            BreakError::Code(error) => Some(error),
            BreakError::Source(error) => error.source(),
            BreakError::Ask(error) => error.source(),
            BreakError::Vault(error) => error.source(),
            BreakError::Codes(error) => error.source(),
            BreakError::Recording(error) => error.source(),
            BreakError::NotAnchored(error) => error.source(),
            BreakError::Ledger(error) => error.source(),
            BreakError::Unsigned(error) => error.source(),
            BreakError::NeedsNoApproval(_)
            | BreakError::Sheet(_)
            | BreakError::Missing(_)
            | BreakError::UnknownProfile { .. }
            | BreakError::BrokenProfile { .. }
            | BreakError::Refused { .. }
            | BreakError::NoSource
            | BreakError::NoDevice
            | BreakError::Aws { .. } => None,
        }
    }
}

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodeError::Program(error) => write!(f, "{error}"),
            CodeError::ProgramSaidNo { program, code, stderr } => {
                write!(f, "{program} ended with {code}: {}", crate::model::text::escaped(stderr))
            }
            CodeError::NotACode(error) => write!(f, "{error}, and something else came"),
            CodeError::Seed(why) => write!(f, "the seed in the keyring cannot be used: {why}"),
        }
    }
}

impl Error for CodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            CodeError::Program(error) => error.source(),
            CodeError::ProgramSaidNo { .. } | CodeError::NotACode(_) | CodeError::Seed(_) => None,
        }
    }
}
