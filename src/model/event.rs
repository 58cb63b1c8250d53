//! What the ledger can say: one variant an event, its fields in the order they are stored.
//!
//! The shapes are section 1 of `docs/formats.md`. Nothing here can hold a secret.

mod command;
mod hook;
mod previous;
mod sign_off;

use serde::{Deserialize, Serialize};

use super::anchor::Anchor;
use super::api_call::ApiCall;
use super::name::{Digest, Id, Incident, MfaSerial, ProfileName, Reason, Region, RoleArn, StepName, TriggerName};
use super::note::key::VerifierKey;
use super::recording::chunks::{Chunk, Ended};
use super::time::Timestamp;

pub use command::{CommandLine, CommandSource, RanProgram, RanStep, WholeText};
pub use hook::{FailedHook, RecoveredHook};
pub use previous::Previous;
pub use sign_off::{AnsweredRequest, ClosedReview, NamedRequest, UsedOverride};

/// One event with its details, the `ev` and `d` of an entry.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Event {
    /// A command of glass began.
    RunStart {
        /// The subcommand's name.
        command: String,
        /// Its arguments, redacted as the caller asked.
        args: Vec<String>,
    },
    /// A command of glass ended.
    RunEnd {
        /// Its exit code.
        code: u8,
        /// How long it took, in milliseconds.
        ms: u64,
    },
    /// The first entry of a ledger.
    LedgerOpen {
        /// Whose ledger this is, fixed for its life.
        origin: String,
        /// SHA-256 of the machine id.
        machine: Digest,
        /// The version of glass that made it.
        version: String,
        /// The ledger it follows after an acknowledgement.
        previous: Option<Previous>,
    },
    /// What a torn tail left was cut off and kept aside.
    LedgerRecover {
        /// How many bytes were cut off.
        bytes: u64,
        /// Their hash, part of the file name they are kept under.
        sha256: Digest,
        /// What was wrong with the head file: `ok`, `missing` or `unreadable`.
        head: &'static str,
    },
    /// A key was made that signs this ledger's checkpoints from now on.
    LedgerKey {
        /// The key that they are held against.
        vkey: VerifierKey,
        /// Where the key that signs lies: `file`, or a keyring's name.
        store: &'static str,
        /// The key that signed until now, which is lost.
        previous: Option<VerifierKey>,
    },
    /// The ledger signed what it holds: everything before this entry.
    LedgerCheckpoint {
        /// How many entries that is, and so the number of this one.
        size: u64,
        /// The root of the tree over them.
        root: Digest,
        /// The signed note.
        note: String,
    },
    /// Something of the ledger was sent away.
    LedgerAnchor(Box<Anchor>),
    /// The last entry of a segment: the next one is in another.
    LedgerRotate {
        /// How many entries there are before this one, and so its number.
        size: u64,
        /// The root of the tree over them.
        root: Digest,
        /// Where in its segment this entry begins.
        bytes: u64,
    },
    /// An AssumeRole is about to be sent.
    ElevateIntent(Box<Intent>),
    /// AWS gave a session.
    ElevateOk {
        /// The session's access key id (not a secret; CloudTrail shows it too).
        access_key_id: String,
        /// `<role id>:<session name>`.
        assumed_role_id: String,
        /// When AWS lets it end.
        expires: Timestamp,
        /// AWS's id of the request.
        request_id: String,
        /// `RoleSessionName` as sent.
        session_name: String,
    },
    /// The AssumeRole of the last intent gave no usable session.
    ElevateFail {
        /// Whether the request reached AWS.
        sent: Sent,
        /// AWS's error code, or a word of glass's own.
        code: String,
        /// What was said, escaped.
        message: String,
        /// AWS's id of the request, if it answered.
        request_id: Option<String>,
    },
    /// glass said no.
    ElevateRefused {
        /// The profile as asked for; it may not exist.
        profile: String,
        /// Every rule that said no.
        rules: Vec<&'static str>,
        /// The request it concerned.
        request: Option<Id>,
    },
    /// A request was made.
    RequestMade(NamedRequest),
    /// Somebody approved a request.
    RequestSigned(AnsweredRequest),
    /// Somebody denied a request.
    RequestDenied(AnsweredRequest),
    /// A request was used.
    RequestUsed(NamedRequest),
    /// A session is opened without the approvals that it takes.
    OverrideUsed(UsedOverride),
    /// Somebody else has reviewed an override.
    ReviewClosed(ClosedReview),
    /// A hook begins to fail.
    HookFailed(FailedHook),
    /// A hook that failed was told of something again.
    HookRecovered(RecoveredHook),
    /// A child was started with the session's credentials.
    SessionStart {
        /// What kind of child.
        kind: SessionKind,
        /// Its arguments, redacted as the caller asked.
        argv: Vec<String>,
        /// Its process id; 0 where the credentials were printed instead.
        pid: u32,
        /// When it will be ended, by the wall clock.
        deadline: Timestamp,
    },
    /// A step of the runbook was run with the session's credentials, and has ended.
    Command(Box<RanStep>),
    /// A command line was run in a shell of the session.
    CommandLine(Box<CommandLine>),
    /// Something in the session says that it called AWS.
    Api(Box<ApiCall>),
    /// A program was started in the session.
    Program(Box<RanProgram>),
    /// A program that was started in the session has ended.
    ProgramEnd {
        /// Who saw it: the kernel.
        source: CommandSource,
        /// Its process.
        pid: u32,
        /// How long it ran, in seconds.
        seconds: u64,
        /// Its exit code; 128+n when it died of signal n.
        code: u8,
    },
    /// The person was warned that the session ends soon.
    SessionWarn {
        /// How soon.
        seconds_left: u64,
    },
    /// A piece of the session's recording is in its file.
    RecordingChunk(Chunk),
    /// The session's recording has come to its end.
    RecordingEnd(Ended),
    /// Something that should be in the ledger is not, and how often.
    Loss {
        /// What is missing, a few words of glass's own.
        what: &'static str,
        /// How many times.
        count: u64,
    },
    /// A caller of the AWS hook is about to be served from the session.
    SessionReissue {
        /// The process that asks; 0 where the system does not tell.
        pid: u32,
        /// Its program; empty where the system does not tell.
        exe: String,
        /// Its user.
        uid: u32,
        /// Whether what it does is recorded: it runs in a session that is.
        recorded: bool,
    },
    /// The session is over for glass.
    SessionEnd {
        /// Why.
        cause: Cause,
        /// The exit code glass answers with.
        code: u8,
        /// How long the session lasted, in seconds.
        seconds: u64,
        /// Until when a copy of the credentials works in AWS.
        valid_until: Timestamp,
        /// How many clients told of their API calls; none without a log of them, or when the session was lost.
        api_clients: Option<u64>,
    },
}

/// The fields of `elevate.intent`.
#[derive(Clone, Debug, Serialize)]
pub struct Intent {
    /// What was granted.
    #[serde(flatten)]
    pub granted: Granted,
    /// Who AWS says is calling.
    pub caller_arn: String,
    /// SHA-256 of each approval used.
    pub approvals: Vec<Digest>,
    /// The second factor.
    pub mfa: Mfa,
}

/// What the judgement allowed, and by which text of the catalogue.
#[derive(Clone, Debug, Serialize)]
pub struct Granted {
    /// The profile.
    pub profile: ProfileName,
    /// The role it names.
    pub role: RoleArn,
    /// The region of the STS endpoint, and of the child.
    pub region: Region,
    /// `DurationSeconds` as sent.
    pub duration: u64,
    /// Which kind of emergency.
    pub trigger: TriggerName,
    /// The reference to it.
    pub incident: Incident,
    /// Why, in the person's words.
    pub reason: Reason,
    /// The request whose approvals are used.
    pub request: Option<Id>,
    /// The runbook step that will be run.
    pub step: Option<StepName>,
    /// Whether the approvals were overridden.
    #[serde(rename = "override")]
    pub overridden: bool,
    /// SHA-256 of the catalogue's bytes.
    pub catalogue: Digest,
    /// Digest over the profile's parts, `docs/formats.md` section 2.
    pub profile_sha256: Digest,
    /// SHA-256 of the session policy as sent; absent without one.
    pub policy_sha256: Option<Digest>,
}

/// The second factor of an elevation.
#[derive(Clone, Debug, Serialize)]
pub struct Mfa {
    /// The device, unless the source vouches for the factor.
    pub serial: Option<MfaSerial>,
    /// Where the code comes from: `asked`, `command`, `keyring`, or `source` when none is sent.
    pub how: &'static str,
    /// How the daily identity was authenticated.
    pub source: String,
}

/// How far a request to AWS got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sent {
    /// Nothing left this machine.
    No,
    /// Something may have left it, and no usable answer came.
    Maybe,
    /// AWS answered no.
    Refused,
}

/// What the credentials of a session were handed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionKind {
    /// An interactive shell.
    Shell,
    /// One command.
    Command,
    /// The `credential_process` hook.
    Hook,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The child ended by itself.
    Exit,
    /// glass ended it at the deadline.
    Deadline,
    /// glass ended it before its time: it was asked to, or the session could not be kept as it must be.
    End,
    /// glass was told to end by a signal.
    Signal,
    /// Nobody watched over it any more: glass itself was killed.
    Lost,
}

impl Event {
    /// The name of the event, the `ev` of its entry.
    pub fn name(&self) -> &'static str {
        match self {
            Event::RunStart { .. } => "run.start",
            Event::RunEnd { .. } => "run.end",
            Event::LedgerOpen { .. } => "ledger.open",
            Event::LedgerRecover { .. } => "ledger.recover",
            Event::LedgerKey { .. } => "ledger.key",
            Event::LedgerCheckpoint { .. } => "ledger.checkpoint",
            Event::LedgerAnchor(_) => "ledger.anchor",
            Event::LedgerRotate { .. } => "ledger.rotate",
            Event::ElevateIntent(_) => "elevate.intent",
            Event::ElevateOk { .. } => "elevate.ok",
            Event::ElevateFail { .. } => "elevate.fail",
            Event::ElevateRefused { .. } => "elevate.refused",
            Event::RequestMade(_) => "request.made",
            Event::RequestSigned(_) => "request.signed",
            Event::RequestDenied(_) => "request.denied",
            Event::RequestUsed(_) => "request.used",
            Event::OverrideUsed(_) => "override.used",
            Event::ReviewClosed(_) => "review.closed",
            Event::HookFailed(_) => "hook.failed",
            Event::HookRecovered(_) => "hook.recovered",
            Event::SessionStart { .. } => "session.start",
            Event::Command(_) | Event::CommandLine(_) | Event::Program(_) => "command",
            Event::ProgramEnd { .. } => "command.end",
            Event::Api(_) => "api",
            Event::SessionWarn { .. } => "session.warn",
            Event::RecordingChunk(_) => "recording.chunk",
            Event::RecordingEnd(_) => "recording.end",
            Event::Loss { .. } => "loss",
            Event::SessionReissue { .. } => "session.reissue",
            Event::SessionEnd { .. } => "session.end",
        }
    }

    /// Whether the entry is on the disk for good before anything that depends on it happens.
    pub fn is_gate(&self) -> bool {
        match self {
            Event::LedgerOpen { .. }
            | Event::LedgerRecover { .. }
            | Event::LedgerKey { .. }
            | Event::LedgerCheckpoint { .. }
            | Event::LedgerAnchor(_)
            | Event::LedgerRotate { .. }
            | Event::ElevateIntent(_)
            | Event::ElevateOk { .. }
            | Event::ElevateFail { .. }
            | Event::ElevateRefused { .. }
            | Event::RequestMade(_)
            | Event::RequestSigned(_)
            | Event::RequestDenied(_)
            | Event::RequestUsed(_)
            | Event::OverrideUsed(_)
            | Event::ReviewClosed(_)
            | Event::RecordingEnd(_)
            | Event::SessionEnd { .. } => true,
            Event::RunStart { .. }
            | Event::RunEnd { .. }
            | Event::HookFailed(_)
            | Event::HookRecovered(_)
            | Event::SessionStart { .. }
            | Event::SessionWarn { .. }
            | Event::RecordingChunk(_)
            | Event::Loss { .. }
            | Event::SessionReissue { .. }
            | Event::Command(_)
            | Event::Program(_)
            | Event::CommandLine(_)
            | Event::ProgramEnd { .. }
            | Event::Api(_) => false,
        }
    }
}
