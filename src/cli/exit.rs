//! The exit codes of glass.

use std::process::ExitCode;

/// How glass ends; the numbers are in the guide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// AWS said no, or the network or a file failed.
    Failed,
    /// Wrong usage, or a mistake in the catalogue or the identity file.
    Usage,
    /// glass said no.
    Refused,
    /// The ledger cannot be written, or does not verify.
    Evidence,
    /// The ledger is not anchored as was asked.
    NotAnchored,
    /// glass ended the session.
    Ended,
    /// The command cannot be run.
    CannotRun,
    /// The command is not found.
    NotFound,
    /// The command's own.
    Child(u8),
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::Evidence => 4,
            Exit::NotAnchored => 5,
            Exit::Ended => 124,
            Exit::CannotRun => 126,
            Exit::NotFound => 127,
            Exit::Child(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        exit.code().into()
    }
}
