//! What glass asks of the machine: clock, chance, keyring, terminal, programs, children.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;
use std::{error, fmt, io};

use crate::model::catalogue::TraceDemand;
use crate::model::event::Cause;
use crate::model::identity::Store;
use crate::model::mfa::UsedCodes;
use crate::model::name::{Id, MfaSerial};
use crate::model::secret::Secret;
use crate::model::time::{BootTime, Timestamp};
use crate::world::keeping::{Commands, Keeper};

pub use super::ask_error::AskError;

/// The clocks.
pub trait Clock: Sync {
    /// The wall clock.
    fn now(&self) -> Timestamp;

    /// The clock since boot, sleep included.
    fn boot(&self) -> BootTime;

    /// Waits.
    fn wait(&self, length: Duration);
}

/// Randomness.
pub trait Chance: Sync {
    /// A new id of a session or a request.
    fn id(&self) -> Id;

    /// What makes a new request unlike any other.
    fn nonce(&self) -> crate::model::sign_off::sheet::Nonce;
}

/// The system keyring; entries are named by what they hold and whose it is.
pub trait Vault: Sync {
    /// Reads a secret.
    ///
    /// # Errors
    /// When the store cannot be reached, is locked, or has no such entry.
    fn read(&self, store: Store, entry: &str) -> Result<Secret, VaultError>;

    /// Writes a secret, over an older one.
    ///
    /// # Errors
    /// When it is not certain that it was kept.
    fn write(&self, store: Store, entry: &str, secret: &Secret) -> Result<(), VaultError>;

    /// Removes a secret; one that is not there is removed.
    ///
    /// # Errors
    /// When it may still be there.
    fn remove(&self, store: Store, entry: &str) -> Result<(), VaultError>;

    /// The stores that work on this machine now, the best first.
    fn stores(&self) -> Vec<Store>;
}

/// Why the keyring gave nothing.
#[derive(Debug)]
pub enum VaultError {
    /// There is no such store here.
    Unavailable {
        /// The store.
        store: Store,
        /// What it said.
        message: String,
    },
    /// The store is there and has no such entry.
    Missing {
        /// The store.
        store: Store,
        /// The entry.
        entry: String,
    },
    /// The store failed.
    Failed {
        /// The store.
        store: Store,
        /// What it said.
        message: String,
    },
}

impl fmt::Display for VaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VaultError::Unavailable { store, message } => {
                write!(f, "the keyring `{store}` is not available here: {}", crate::model::text::escaped(message))
            }
            VaultError::Missing { store, entry } => write!(f, "the keyring `{store}` has no entry `{entry}`"),
            VaultError::Failed { store, message } => {
                write!(f, "the keyring `{store}` failed: {}", crate::model::text::escaped(message))
            }
        }
    }
}

impl error::Error for VaultError {}

/// The person at the terminal. Questions go to `/dev/tty`, talk goes to stderr.
pub trait Terminal: Sync {
    /// Whether somebody can be asked.
    fn is_there(&self) -> bool;

    /// How many columns and rows it has, if there is one.
    fn size(&self) -> Option<(u16, u16)>;

    /// Asks for one line. The question is shown as given, so it ends with `: `.
    ///
    /// # Errors
    /// When there is nobody to ask, or the person gave up.
    fn ask(&self, question: &str) -> Result<String, AskError>;

    /// Asks for one line that is not shown: a mark for each character.
    ///
    /// # Errors
    /// When there is nobody to ask, or the person gave up.
    fn ask_secret(&self, question: &str) -> Result<Secret, AskError>;

    /// Listens for what is typed or pasted, at most so long; nothing if nothing came. It is shown as it is typed, and comes
    /// line by line.
    ///
    /// # Errors
    /// When there is nobody to listen to, or the person gave up.
    fn hear(&self, longest: Duration) -> Result<Option<String>, AskError>;

    /// Forgets what was typed or pasted and nobody has heard: it is no answer to what comes next.
    fn forget_unread(&self);

    /// Says one line on stderr.
    fn say(&self, line: &str);

    /// Says what is not as it should be, and stops nothing.
    fn warn(&self, fact: &dyn fmt::Display) {
        self.say(&format!("glass: warning: {fact}"));
    }

    /// Waits with a countdown that is seen on a terminal.
    ///
    /// # Errors
    /// When the person gave up.
    fn count_down(&self, what: &str, length: Duration) -> Result<(), AskError>;
}

/// Small programs that glass asks: `confirm` of a trigger, `code` of an identity. Never a shell.
pub trait Programs: Sync {
    /// Runs a program to its end, at most `limit` long, then kills it with its children.
    ///
    /// # Errors
    /// When it could not be run, did not end in time, wrote more than it may (64 KiB), or glass was asked to end.
    fn run(&self, argv: &[String], limit: Duration) -> Result<Ran, ProgramError>;

    /// Checks that nobody but the caller and root can have written a program: one that decides something.
    ///
    /// # Errors
    /// When somebody else can have, or it is not there.
    fn check_writers(&self, program: &str) -> Result<(), ProgramError>;
}

/// How a program ended.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; 128+n when it died of signal n.
    pub code: i32,
    /// What it wrote to stdout.
    pub stdout: Secret,
    /// What it wrote to stderr, shortened.
    pub stderr: String,
}

/// Why a program gave no answer.
#[derive(Debug)]
pub enum ProgramError {
    /// It could not be started.
    NotStarted {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// Others can have written it.
    Untrusted {
        /// The program.
        program: String,
        /// What is wrong with it, or with a folder on the way to it.
        why: String,
    },
    /// It did not end in time.
    TimedOut {
        /// The program.
        program: String,
        /// The time it had.
        limit: Duration,
    },
    /// It wrote too much.
    TooMuch {
        /// The program.
        program: String,
    },
    /// glass was asked to end meanwhile.
    Interrupted {
        /// The program.
        program: String,
    },
}

impl fmt::Display for ProgramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProgramError::NotStarted { program, .. } => write!(f, "{program} cannot be started"),
            ProgramError::Untrusted { program, why } => write!(f, "{program} is not run: {why}"),
            ProgramError::TimedOut { program, limit } => {
                write!(f, "{program} did not end within {} s and was killed", limit.as_secs())
            }
            ProgramError::TooMuch { program } => write!(f, "{program} wrote more than 64 KiB and was killed"),
            ProgramError::Interrupted { program } => write!(f, "{program} was interrupted"),
        }
    }
}

impl error::Error for ProgramError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            ProgramError::NotStarted { source, .. } => Some(source),
            ProgramError::Untrusted { .. }
            | ProgramError::TimedOut { .. }
            | ProgramError::TooMuch { .. }
            | ProgramError::Interrupted { .. } => None,
        }
    }
}

/// The memory, shared by all processes, of MFA codes that were sent.
pub trait Codes: Sync {
    /// Takes the device for one attempt; other processes wait until the hold is dropped.
    ///
    /// # Errors
    /// When the memory cannot be read or locked: then no code is sent.
    fn hold(&self, serial: &MfaSerial) -> Result<Box<dyn Hold>, CodesError>;
}

/// A device that is held for one attempt.
pub trait Hold {
    /// What is known of its codes.
    fn used(&self) -> &UsedCodes;

    /// Remembers what was sent. Called before sending (as uncertain) and after the answer.
    ///
    /// # Errors
    /// When it is not certain that it was kept: then no code is sent.
    fn remember(&mut self, used: UsedCodes) -> Result<(), CodesError>;
}

/// Why the memory of codes cannot be used.
#[derive(Debug)]
pub struct CodesError {
    /// What was being done, e.g. `lock`.
    pub doing: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl fmt::Display for CodesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} the memory of used codes {}", self.doing, self.path.display())
    }
}

impl error::Error for CodesError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Starts the shell or command that works with a session.
pub trait Children: Sync {
    /// Looks whether a program is there to be started, before anything is spent for it.
    ///
    /// # Errors
    /// When it is not.
    fn find(&self, program: &OsStr) -> Result<(), ChildError>;

    /// Looks whether all that a session demands to be watched can be watched, before anything is spent for it.
    ///
    /// # Errors
    /// When something of it cannot.
    fn check(&self, watched: Watched) -> Result<(), ChildError>;

    /// Starts a child in a process group of its own, in the terminal's foreground.
    ///
    /// # Errors
    /// When it cannot be started.
    fn start(&self, command: &Command) -> Result<Box<dyn Child>, ChildError>;

    /// The folder in which children are started.
    fn folder(&self) -> String;
}

/// What is started. Its environment holds secrets: no `Debug`.
pub struct Command {
    /// Program and arguments; the program is found in `PATH`.
    pub argv: Vec<OsString>,
    /// Variables that are set.
    pub set: BTreeMap<&'static str, Secret>,
    /// Whether a variable of the caller's reaches the child.
    pub keeps: fn(&str) -> bool,
    /// What of it is watched.
    pub watched: Watched,
}

/// What of a session is watched, besides its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// What is shown at its terminal.
    pub recording: bool,
    /// And what is typed there.
    pub input: bool,
    /// Its API calls, as far as SDKs tell of them.
    pub api_log: bool,
    /// Which of its programs.
    pub trace: TraceDemand,
    /// Its command lines.
    pub commands: Commands,
}

/// A child that runs.
pub trait Child {
    /// Its process id.
    fn pid(&self) -> u32;

    /// Waits until it and all that descends from it ended, and ends them at the deadline: SIGHUP, SIGTERM after
    /// 2 s, SIGKILL after 5 s more. The keeper is told what happens meanwhile, and may end it sooner.
    fn wait(self: Box<Self>, deadline: BootTime, keeper: &mut dyn Keeper) -> Ended;
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Why.
    pub cause: Cause,
    /// Its exit code; 128+n when it died of signal n.
    pub code: u8,
    /// How many processes it left behind, which were ended.
    pub left_behind: usize,
}

/// Why a child could not be started.
#[derive(Debug)]
pub enum ChildError {
    /// There is no such program.
    NotFound(OsString),
    /// The program cannot be run.
    CannotRun(OsString, io::Error),
    /// What it starts cannot be traced, which its session demands.
    CannotTrace(io::Error),
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChildError::NotFound(program) => write!(f, "{} is not found", program.display()),
            ChildError::CannotRun(program, _) => write!(f, "{} cannot be run", program.display()),
            ChildError::CannotTrace(_) => f.write_str("the programs of a session cannot be traced here"),
        }
    }
}

impl error::Error for ChildError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            ChildError::CannotRun(_, source) | ChildError::CannotTrace(source) => Some(source),
            ChildError::NotFound(_) => None,
        }
    }
}
