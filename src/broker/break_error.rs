//! Why the glass was not broken, each reason as one clause of fact.

use std::error::Error;
use std::fmt;

use crate::model::mfa::NotACode;
use crate::model::name::{Digest, Id, ProfileName};
use crate::model::policy::Rule;
use crate::model::sign_off::papers::MOST_ANSWERS;
use crate::model::sign_off::sheet::SheetError;
use crate::model::text::escaped;
use crate::world::NotWritten;
use crate::world::anchor::NotAnchored;
use crate::world::aws::{AwsError, SourceError};
use crate::world::hooks::NotTold;
use crate::world::ledger::LedgerError;
use crate::world::machine::{AskError, CodesError, ProgramError, VaultError};
use crate::world::recording::RecordingError;

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
    /// A hook must hear of the intent first, and has not.
    NotTold(NotTold),
    /// No request of this id is known here, or none whose approvals these are.
    NoRequest(Option<Id>),
    /// Several requests were handed over, and one can be used.
    SeveralRequests(Vec<Id>),
    /// There are requests of one id that are not the same, with these hashes.
    TwinRequests {
        /// The id.
        request: Id,
        /// The hashes.
        sheets: Vec<Digest>,
    },
    /// More answers to a request lie there than are looked at.
    Flooded(Id),
    /// Nobody waits for the approvals of a request any more, which can still be given.
    LeftOpen {
        /// The request.
        request: Id,
        /// What it is for.
        profile: ProfileName,
    },
    /// The ledger does not take an entry, or does not verify.
    Ledger(LedgerError),
}

impl From<NotWritten> for BreakError {
    fn from(error: NotWritten) -> Self {
        match error {
            NotWritten::Ledger(error) => BreakError::Ledger(error),
            NotWritten::NotAnchored(error) => BreakError::NotAnchored(error),
            NotWritten::NotTold(error) => BreakError::NotTold(error),
            NotWritten::Forbidden(profile, no) => {
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
        match self {
            BreakError::Missing(missing) => write!(f, "{} missing, and there is no terminal to ask on", list(missing)),
            BreakError::UnknownProfile { name, .. } => {
                let name: String = name.chars().take(80).collect();
                write!(f, "the catalogue has no profile `{}`", escaped(&name))
            }
            BreakError::BrokenProfile { name, .. } => write!(f, "the profile `{}` has mistakes", escaped(name)),
            BreakError::Refused { profile, .. } => write!(f, "{} is refused", escaped(profile)),
            BreakError::NeedsNoApproval(profile) => write!(f, "{profile} takes no approvals"),
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
            BreakError::NotTold(error) => write!(f, "{error}"),
            BreakError::LeftOpen { request, .. } => write!(f, "the request {request} is left open"),
            BreakError::NoRequest(Some(id)) => write!(f, "there is no request {id} here"),
            BreakError::NoRequest(None) => f.write_str("the request that was approved is not here"),
            BreakError::SeveralRequests(requests) => {
                let requests: Vec<&str> = requests.iter().map(Id::as_str).collect();
                write!(f, "several requests were handed over: {}", requests.join(", "))
            }
            BreakError::TwinRequests { request, sheets } => {
                let sheets: Vec<String> = sheets.iter().map(ToString::to_string).collect();
                write!(f, "there are requests {request} that are not the same: {}", sheets.join(", "))
            }
            BreakError::Flooded(request) => {
                write!(f, "more than {MOST_ANSWERS} answers to {request} lie there, and a no may be among the rest")
            }
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
            BreakError::NotTold(error) => error.source(),
            BreakError::Ledger(error) => error.source(),
            BreakError::NeedsNoApproval(_)
            | BreakError::Sheet(_)
            | BreakError::Missing(_)
            | BreakError::UnknownProfile { .. }
            | BreakError::BrokenProfile { .. }
            | BreakError::Refused { .. }
            | BreakError::NoSource
            | BreakError::NoDevice
            | BreakError::LeftOpen { .. }
            | BreakError::NoRequest(_)
            | BreakError::SeveralRequests(_)
            | BreakError::TwinRequests { .. }
            | BreakError::Flooded(_)
            | BreakError::Aws { .. } => None,
        }
    }
}

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodeError::Program(error) => write!(f, "{error}"),
            CodeError::ProgramSaidNo { program, code, stderr } => {
                write!(f, "{program} ended with {code}: {}", escaped(stderr))
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
