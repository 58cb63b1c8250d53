//! Hands a session's credentials to a shell, to a command, or to the caller of the AWS hook.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use super::keep::{Keep, Kept};
use super::step::Start;
use crate::model::catalogue::{Catalogue, Profile, Step};
use crate::model::environment;
use crate::model::event::{Cause, Event, SessionKind};
use crate::model::live::{Handed, Live};
use crate::model::name::{Id, PersonName};
use crate::model::secret::Secret;
use crate::model::session::Credentials;
use crate::world::keeping::Commands;
use crate::world::ledger::{Checkpointed, LedgerError, Record, Unsigned};
use crate::world::machine::{Child, ChildError, Command, Ended, Watched};
use crate::world::recording::RecordingError;
use crate::world::{Session, World, variables};

/// The exit code of a session that glass ended.
const ENDED_BY_GLASS: u8 = 124;

/// The exit code of a session that is not, or not to its end, in the ledger and in its recording.
const WITHOUT_EVIDENCE: u8 = 4;

/// The variables of a session's child, by name.
pub struct Environment {
    set: BTreeMap<&'static str, Secret>,
    keeps: fn(&str) -> bool,
    watched: Watched,
}

impl Environment {
    /// Credentials for every AWS tool, and what a prompt needs to show. A step has nothing of the caller's.
    pub fn of(session: &Session, catalogue: &Catalogue) -> Environment {
        let granted = session.grant().granted();
        let plain = |text: &str| Secret::new(text.to_owned());
        let expires = session.expires();
        let set = BTreeMap::from([
            ("AWS_CREDENTIAL_EXPIRATION", plain(&expires.to_seconds_text())),
            ("AWS_REGION", plain(granted.region.as_str())),
            ("AWS_DEFAULT_REGION", plain(granted.region.as_str())),
            ("AWS_VAULT", Secret::new(format!("glass:{}", granted.profile))),
            (variables::PROFILE, plain(granted.profile.as_str())),
            (variables::LEVEL, plain(session.grant().level().as_str())),
            (variables::SESSION, plain(session.id().as_str())),
            (variables::EXPIRATION, plain(&expires.to_seconds_text())),
            (variables::EXPIRATION_EPOCH, Secret::new(expires.seconds().to_string())),
            (variables::INCIDENT, plain(granted.incident.as_str())),
            (variables::PERSON, plain(session.grant().person().as_str())),
        ]);
        let watched = catalogue.profile(granted.profile.as_str()).map_or(Watched::default(), watched);
        let environment = Environment { watched, ..Environment::new(set, session.credentials(), catalogue) };
        if session.grant().step().is_some() { environment.of_step() } else { environment }
    }

    /// The same of the session that glass is in, by what it inherited.
    pub fn inherited(
        credentials: &Credentials,
        catalogue: &Catalogue,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Environment {
        let told = INHERITED.iter().filter_map(|name| Some((*name, Secret::new(variable(name)?))));
        let mut set: BTreeMap<_, _> = told.collect();
        // These two glass drops at its start, as it drops the credentials.
        if let Some(expires) = variable(variables::EXPIRATION) {
            set.insert("AWS_CREDENTIAL_EXPIRATION", Secret::new(expires));
        }
        if let Some(profile) = variable(variables::PROFILE) {
            set.insert("AWS_VAULT", Secret::new(format!("glass:{profile}")));
        }
        if let (Some(port), Some(id)) = (variable(environment::CSM_PORT), variable(environment::CSM_CLIENT_ID)) {
            set.extend(environment::monitored(&port, &id).map(|(name, value)| (name, Secret::new(value))));
        }
        Environment::new(set, credentials, catalogue)
    }

    fn new(mut set: BTreeMap<&'static str, Secret>, credentials: &Credentials, catalogue: &Catalogue) -> Environment {
        let plain = |text: &str| Secret::new(text.to_owned());
        set.insert("AWS_ACCESS_KEY_ID", plain(&credentials.access_key_id));
        set.insert("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key.duplicate());
        set.insert("AWS_SESSION_TOKEN", credentials.session_token.duplicate());
        if let Some(endpoint) = &catalogue.aws().endpoint {
            set.insert("AWS_ENDPOINT_URL", plain(endpoint.as_str()));
        }
        if let Some(bundle) = &catalogue.aws().ca_bundle {
            set.insert("AWS_CA_BUNDLE", Secret::new(bundle.path.to_string_lossy().into_owned()));
        }
        Environment { set, keeps: environment::keeps, watched: Watched::default() }
    }

    /// These variables, and what every step has, for a step.
    pub(super) fn of_step(mut self) -> Environment {
        self.set.extend(environment::OF_STEP.map(|(name, value)| (name, Secret::new(value.to_owned()))));
        Environment { keeps: environment::keeps_nothing, ..self }
    }

    /// A command that has it.
    pub(super) fn command(self, argv: Vec<OsString>) -> Command {
        Command { argv, set: self.set, keeps: self.keeps, watched: self.watched }
    }

    /// Says whether what has it reports command lines.
    pub fn watch_commands(&mut self, commands: Commands) {
        self.watched.commands = commands;
    }

    /// Sets another variable.
    pub fn set(&mut self, name: &'static str, value: String) {
        self.set.insert(name, Secret::new(value));
    }
}

/// What of a profile's sessions is watched.
pub(super) fn watched(profile: &Profile) -> Watched {
    let Profile { recording, record_input: input, api_log, trace, .. } = *profile;
    Watched { recording, input, api_log, trace, commands: Commands::None }
}

/// What of a session is in the environment of all that runs in it, and is not secret.
const INHERITED: [&str; 9] = [
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    variables::PROFILE,
    variables::LEVEL,
    variables::SESSION,
    variables::EXPIRATION,
    variables::EXPIRATION_EPOCH,
    variables::INCIDENT,
    variables::PERSON,
];

/// What is run with a session.
pub struct Work {
    /// A shell, or a command.
    pub kind: SessionKind,
    /// Program and arguments.
    pub argv: Vec<OsString>,
    /// The same for the ledger, without what the caller wants out of it.
    pub logged: Vec<String>,
}

impl Work {
    /// A step of the runbook, word for word.
    pub fn of_step(step: &Step) -> Work {
        Work {
            kind: SessionKind::Command,
            argv: step.argv().iter().map(Into::into).collect(),
            logged: step.argv().to_vec(),
        }
    }
}

/// Runs a shell or command with a session, of which `live` is told, to its end or to the deadline.
///
/// # Errors
/// When it cannot be started, or the ledger does not take its start or end.
pub fn give_to_child(
    world: World<'_>,
    session: Session,
    live: Live,
    environment: Environment,
    work: Work,
) -> Result<Ended, HandoverError> {
    let began = Start::now(world);
    let command = environment.command(work.argv);
    let mut keep = match Keep::begin(world, &session, command.watched, live) {
        Ok(keep) => keep,
        Err(error) => {
            abandon(world, session).map_err(HandoverError::Ledger)?;
            return Err(HandoverError::Recording(error));
        }
    };
    let child = match world.children.start(&command) {
        Ok(child) => child,
        Err(error) => {
            let code = if matches!(error, ChildError::NotFound(_)) { 127 } else { 126 };
            let ended = Ended { cause: Cause::Exit, code, left_behind: 0 };
            let kept = keep.finish();
            end(world, &session, ended, Duration::ZERO, None).map_err(HandoverError::Ledger)?;
            kept.evidence?;
            return Err(HandoverError::Child(error));
        }
    };
    drop(command);
    let started = start(world, &session, work.kind, work.logged, child.pid());
    // Without its start in the ledger the child does not go on.
    let deadline = if started.is_ok() { session.deadline() } else { world.clock.boot() };
    let ended = child.wait(deadline, &mut keep);
    started.map_err(HandoverError::Ledger)?;
    let kept = keep.finish();
    let ended = with_code(ended, &kept);
    let step = session.grant().step();
    let written = step
        .map_or(Ok(()), |step| append(world, &session, began.ran(world, step, ended)))
        .and_then(|()| end(world, &session, ended, began.lasted(world), kept.api_clients));
    // What failed first says why.
    kept.evidence.and(written.map_err(HandoverError::Ledger))?;
    drop(session);
    Ok(ended)
}

/// Holds a session for the AWS hook, to its end or to the deadline. `ready` is called when it is to be served.
///
/// # Errors
/// When the ledger does not take its start or end, or nobody can be told that it is ready.
pub fn hold<E: From<HandoverError>>(
    world: World<'_>,
    session: Session,
    live: Live,
    holder: Box<dyn Child>,
    ready: impl FnOnce() -> Result<(), E>,
) -> Result<(), E> {
    let began = Start::now(world);
    let mut keep = Keep::begin(world, &session, Watched::default(), live).map_err(HandoverError::Recording)?;
    start(world, &session, SessionKind::Hook, Vec::new(), holder.pid()).map_err(HandoverError::Ledger)?;
    let ready = ready();
    // Without somebody who waits for it there is nothing to hold.
    let deadline = if ready.is_ok() { session.deadline() } else { world.clock.boot() };
    let ended = holder.wait(deadline, &mut keep);
    let kept = keep.finish();
    let ended = with_code(ended, &kept);
    let written = end(world, &session, ended, began.lasted(world), None);
    kept.evidence.and(written.map_err(HandoverError::Ledger))?;
    drop(session);
    ready
}

/// The same with the code that glass answers with.
fn with_code(ended: Ended, kept: &Kept) -> Ended {
    let code = match ended.cause {
        _ if kept.evidence.is_err() => WITHOUT_EVIDENCE,
        Cause::Deadline | Cause::End => ENDED_BY_GLASS,
        Cause::Exit | Cause::Signal | Cause::Lost => ended.code,
    };
    Ended { code, ..ended }
}

/// Hands a session to the caller of the AWS hook by `give`. glass keeps nothing of it.
///
/// # Errors
/// When the ledger does not take it: then nothing is handed over.
pub fn give_to_hook<E>(world: World<'_>, session: Session, give: impl FnOnce(Handed) -> Result<(), E>) -> Result<(), E>
where
    E: From<LedgerError>,
{
    start(world, &session, SessionKind::Hook, Vec::new(), 0)?;
    end(world, &session, Ended { cause: Cause::Exit, code: 0, left_behind: 0 }, Duration::ZERO, None)?;
    give(handed(&session))?;
    drop(session);
    Ok(())
}

/// What a caller of the AWS hook gets of a session.
pub(super) fn handed(session: &Session) -> Handed {
    Handed { credentials: session.credentials().duplicate(), expires: session.expires() }
}

fn start(
    world: World<'_>,
    session: &Session,
    kind: SessionKind,
    argv: Vec<String>,
    pid: u32,
) -> Result<(), LedgerError> {
    let left = session.deadline().since(world.clock.boot());
    let deadline = world.clock.now().plus(left);
    append(world, session, Event::SessionStart { kind, argv, pid, deadline })
}

/// Ends a session that could be handed to nobody; its credentials are wiped.
///
/// # Errors
/// When the ledger does not take its end.
pub fn abandon(world: World<'_>, session: Session) -> Result<(), LedgerError> {
    world.recordings.discard(session.id());
    end(world, &session, Ended { cause: Cause::Lost, code: 1, left_behind: 0 }, Duration::ZERO, None)?;
    drop(session);
    Ok(())
}

fn end(
    world: World<'_>,
    session: &Session,
    ended: Ended,
    lasted: Duration,
    api_clients: Option<u64>,
) -> Result<(), LedgerError> {
    let event = Event::SessionEnd {
        cause: ended.cause,
        code: ended.code,
        seconds: lasted.as_secs(),
        valid_until: session.expires(),
        api_clients,
    };
    append(world, session, event)?;
    sign(world, session.grant().person(), session.id())
}

/// Has the ledger sign what it holds at the end of a session. Without a key it does not, and that is told; the
/// session is over all the same.
///
/// # Errors
/// When it is not certain that the ledger took it.
pub fn sign(world: World<'_>, person: &PersonName, session: &Id) -> Result<(), LedgerError> {
    match world.ledger.checkpoint(Some(person), Some(session)) {
        Ok(Checkpointed { new_key: None, .. }) => {}
        Ok(Checkpointed { new_key: Some(key), .. }) => {
            world.terminal.say(&format!("glass: the ledger's key was lost; it signs with another now: {key}"));
        }
        Err(Unsigned::Ledger(error)) => return Err(error),
        Err(Unsigned::Key(fault)) => world.terminal.warn(&format_args!("the ledger is not signed: {fault}")),
    }
    Ok(())
}

fn append(world: World<'_>, session: &Session, event: Event) -> Result<(), LedgerError> {
    let who = Some(session.grant().person().clone());
    world.ledger.append(&Record { who, session: Some(session.id().clone()), event }).map(drop)
}

/// Why a session was not handed over, or not to its end.
#[derive(Debug)]
pub enum HandoverError {
    /// The child could not be started.
    Child(ChildError),
    /// The ledger did not take the start or the end.
    Ledger(LedgerError),
    /// The session must be recorded and cannot be.
    Recording(RecordingError),
}

impl fmt::Display for HandoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HandoverError::Child(error) => write!(f, "{error}"),
            HandoverError::Ledger(error) => write!(f, "{error}"),
            HandoverError::Recording(error) => write!(f, "{error}"),
        }
    }
}

impl Error for HandoverError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            HandoverError::Child(error) => error.source(),
            HandoverError::Ledger(error) => error.source(),
            HandoverError::Recording(error) => error.source(),
        }
    }
}
