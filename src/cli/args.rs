//! The words of the command line: types for clap, and nothing else.

mod approve;
mod audit;
mod hooks;
mod replay;
mod request;
mod set_up;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgAction, Args as Group, Parser, Subcommand, ValueEnum};

use crate::model::name::Id;
use crate::model::time::parse_duration;
pub use approve::{Approve, Deny, Review};
pub use audit::{
    Audit, AuditAcknowledge, AuditAction, AuditCheckProof, AuditCheckpoint, AuditExport, AuditFilter, AuditKey,
    AuditProve, AuditRotate, AuditShip, AuditShow, AuditTail, AuditVerify, ExportFormat, KnownKey,
};
pub use hooks::{Hooks, HooksAction, HooksSecret, HooksSend, HooksTest};
pub use replay::Replay;
pub use request::{Request, Requests};
pub use set_up::{Completions, Configure, Enrol, Init, Plain, Snippet};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Break-glass access to AWS: approved, time-boxed, and in a ledger that can be verified
#[derive(Debug, Parser)]
#[command(name = "glass", version, styles = STYLES, disable_help_subcommand = true, arg_required_else_help = true)]
pub struct Args<C: Subcommand = Command> {
    /// The catalogue of profiles [default: $GLASS_CATALOGUE, ~/.config/glass/profiles.toml, /etc/glass/profiles.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub catalogue: Option<PathBuf>,

    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,

    /// Tell what is being done, on stderr; twice for more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,

    /// What to do
    #[command(subcommand)]
    pub command: C,
}

/// The AWS hook alone: the description of all the others takes longer than an answer to it.
#[derive(Debug, Subcommand)]
pub enum Hook {
    /// The hook.
    CredentialProcess(CredentialProcess),
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Break the glass: open an elevated shell, or run one command
    Assume(Assume),
    /// Answer the AWS CLI and SDKs as their `credential_process`
    CredentialProcess(CredentialProcess),
    /// Ask for the approvals that a profile takes
    Request(Request),
    /// List the requests there are, who has signed them, and who still may
    Requests(Requests),
    /// Show the live sessions
    Status(Status),
    /// End live sessions now
    End(End),
    /// Read what somebody asks for, and sign it with your SSH key
    Approve(Approve),
    /// Say no to what somebody asks for, and end it
    Deny(Deny),
    /// List what was done without approvals and nobody has reviewed, and review it
    Review(Review),
    /// Verify and read the ledger
    Audit(Audit),
    /// Put profiles for the AWS CLI and SDKs into ~/.aws/config
    Configure(Configure),
    /// Put your daily identity in place
    Enrol(Enrol),
    /// Show who is told of what happens, and whether they hear it
    Hooks(Hooks),
    /// What needs neither files nor the ledger.
    #[command(flatten)]
    Plain(Plain),
    /// Practise on an AWS inside glass: no account, no configuration
    #[cfg(feature = "sandbox")]
    Sandbox(Sandbox),
    /// Show who AWS says you are
    Whoami(Whoami),
    /// List the profiles there are, and mark those that are for you
    List(List),
    /// Show what a profile is for and everything it demands
    Show(Show),
    /// Show the runbook of a profile: what to do
    Runbook(Runbook),
    /// Show what happened in a session
    Replay(Replay),
    /// Run a step of the runbook within a session
    Step(Step),
    /// Look after the catalogue of profiles
    Catalogue(Catalogue),
}

/// What every elevation needs.
#[derive(Clone, Debug, Group)]
pub struct Elevation {
    /// The profile, see `glass list`
    #[arg(value_name = "PROFILE")]
    pub profile: String,

    /// Which kind of emergency it is; not needed if the profile has only one
    #[arg(long, value_name = "TRIGGER")]
    pub trigger: Option<String>,

    /// The reference to the incident
    #[arg(long, value_name = "REFERENCE")]
    pub incident: Option<String>,

    /// Why, in 10 to 500 characters on one line
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,

    /// For how long: 900s, 15m, 1h; more than the profile's maximum is refused
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub duration: Option<Duration>,
}

/// `glass assume`.
#[derive(Debug, Group)]
#[command(after_help = "\
Whatever is missing is asked on the terminal. Without a command $SHELL is opened.
If the profile takes approvals and no request of yours fits, one is made; it goes on as soon as enough have signed.

Examples:
  glass assume prod-db-emergency
  glass assume prod-db-emergency --incident INC-4711 --reason 'orders database lost its writer' -- aws sts get-caller-identity")]
pub struct Assume {
    /// What is asked for.
    #[command(flatten)]
    pub elevation: Elevation,

    /// Another region of the profile's
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,

    /// The number of a word of the command, from 1, that is a secret and not for the ledger
    #[arg(long, value_name = "N", requires = "command")]
    pub redact: Vec<usize>,

    /// A step of the profile's runbook, run instead of a shell
    #[arg(long, value_name = "NAME", conflicts_with = "command")]
    pub step: Option<String>,

    /// The approved request to use: it says for what, and no flag has to
    #[arg(long, value_name = "ID", value_parser = Id::parse)]
    pub request: Option<Id>,

    /// Ask for approvals that are missing, and wait for them; the default on a terminal
    #[arg(long, overrides_with = "no_wait")]
    pub wait: bool,

    /// Neither ask for approvals nor wait for them: what there is must do
    #[arg(long)]
    pub no_wait: bool,

    /// Show the request that is waited for as a QR code too, for a camera
    #[arg(long)]
    pub qr: bool,

    /// A file with what approvers sent, or `-` for stdin
    #[arg(long, value_name = "FILE")]
    pub approval: Vec<PathBuf>,

    /// Go on without the approvals, where the profile permits it: shorter, with a reason of 40 characters at least, and
    /// with a review that stays open until somebody else closes it
    #[arg(long = "override", conflicts_with_all = ["request", "approval", "wait", "qr"])]
    pub overrides: bool,

    /// The command to run instead of a shell
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// `glass credential-process`.
#[derive(Debug, Group)]
#[command(after_help = "\
Put into ~/.aws/config by `glass configure`. Questions are asked on /dev/tty; without a terminal it fails at once.")]
pub struct CredentialProcess {
    /// What is asked for.
    #[command(flatten)]
    pub elevation: Elevation,

    /// The approved request to use: it says for what, and no flag has to
    #[arg(long, value_name = "ID", value_parser = Id::parse)]
    pub request: Option<Id>,
}

/// `glass status`.
#[derive(Debug, Group)]
pub struct Status {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `glass end`.
#[derive(Debug, Group)]
#[command(after_help = "\
Without a session it is the one that this is run in, or else the only one that is alive.
A copy of the credentials works in AWS until the end that is told: glass cannot call it back.")]
pub struct End {
    /// A session, see `glass status`
    #[arg(value_name = "SESSION", value_parser = Id::parse, conflicts_with = "all")]
    pub sessions: Vec<Id>,

    /// All that are alive
    #[arg(long)]
    pub all: bool,
}

/// `glass sandbox`.
#[cfg(feature = "sandbox")]
#[derive(Debug, Group)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Without a command it is a guided practice of a few minutes; without a terminal it walks by itself.
The practice has a catalogue, an identity and a ledger of its own, and touches nothing of yours. It is not AWS.

Examples:
  glass sandbox
  glass sandbox -- aws sts get-caller-identity"
)]
pub struct Sandbox {
    /// What to do with the practice AWS.
    #[command(subcommand)]
    pub action: Option<SandboxAction>,

    /// A command to run in the practice, instead of the guide
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// What `glass sandbox` can do besides.
#[cfg(feature = "sandbox")]
#[derive(Debug, Subcommand)]
pub enum SandboxAction {
    /// Serve the practice AWS, print where it is as JSON, end with stdin or at SIGTERM
    Serve,
    /// Print the code that the practice phone shows now
    Code,
    /// Print a key of the practice, as the `credential_process` of its AWS profiles
    #[command(hide = true)]
    Credentials {
        /// The practice's folder
        folder: PathBuf,
        /// The account
        account: String,
        /// The user
        user: String,
    },
}

/// `glass whoami`.
#[derive(Debug, Group)]
#[command(after_help = "The ARN is what the catalogue must have for you.")]
pub struct Whoami {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `glass list`.
#[derive(Debug, Group)]
pub struct List {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `glass show`.
#[derive(Debug, Group)]
pub struct Show {
    /// The profile, see `glass list`
    #[arg(value_name = "PROFILE")]
    pub profile: String,

    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `glass runbook`.
#[derive(Debug, Group)]
#[command(after_help = "On a terminal it is shown in $PAGER, or in less.")]
pub struct Runbook {
    /// The profile, see `glass list`
    #[arg(value_name = "PROFILE")]
    pub profile: String,

    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `glass step`.
#[derive(Debug, Group)]
#[command(after_help = "From outside a session it is `glass assume PROFILE --step NAME`.")]
pub struct Step {
    /// The step, see `glass show PROFILE`
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// `glass catalogue`.
#[derive(Debug, Group)]
pub struct Catalogue {
    /// What to do with it.
    #[command(subcommand)]
    pub command: CatalogueCommand,
}

/// What can be done with a catalogue.
#[derive(Debug, Subcommand)]
pub enum CatalogueCommand {
    /// Tell all mistakes of a catalogue, each with its place
    Check(CatalogueCheck),
}

/// `glass catalogue check`.
#[derive(Debug, Group)]
pub struct CatalogueCheck {
    /// The catalogue [default: the one that is in use]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}
