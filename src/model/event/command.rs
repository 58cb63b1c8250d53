//! What the ledger says of a command: of a step, of a program, of a line of a shell.

use serde::Serialize;

use crate::model::name::{Digest, StepName};
use crate::model::program::Whole;
use crate::model::time::Timestamp;

/// The fields of `command` for a step.
#[derive(Clone, Debug, Serialize)]
pub struct RanStep {
    /// Who saw it: glass, which started it.
    pub source: CommandSource,
    /// The step.
    pub step: StepName,
    /// The digest of its words, by which the catalogue's can be held against them.
    pub sha256: Digest,
    /// The program.
    pub path: String,
    /// The program again and its arguments.
    pub argv: Vec<String>,
    /// The folder in which it was started.
    pub cwd: String,
    /// When it was started.
    pub start: Timestamp,
    /// How long it ran, in seconds.
    pub seconds: u64,
    /// Its exit code; 128+n when it died of signal n.
    pub code: u8,
}

/// The fields of `command` for a program that was started in the session, whoever started it.
#[derive(Clone, Debug, Serialize)]
pub struct RanProgram {
    /// Who saw it: the kernel.
    pub source: CommandSource,
    /// The program's file; for a script its interpreter's. None where it may not be known.
    pub path: Option<String>,
    /// The program's word for itself and its arguments; long ones cut.
    pub argv: Vec<String>,
    /// The folder in which it was started. None where it may not be known.
    pub cwd: Option<String>,
    /// When it was started.
    pub start: Timestamp,
    /// How long it ran: none, since this is written down before it does.
    pub seconds: Option<u64>,
    /// Its exit code: none as well.
    pub code: Option<u8>,
    /// Its process.
    pub pid: u32,
    /// The parent of that process.
    pub parent: u32,
    /// What all of `argv` comes to, if something of it was cut.
    pub whole: Option<Whole>,
}

/// The fields of `command` for a line of a shell, as the shell reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommandLine {
    /// Who saw it: the shell.
    pub source: CommandSource,
    /// The line, cut.
    pub line: String,
    /// The folder in which it was run.
    pub cwd: String,
    /// When it began.
    pub start: Timestamp,
    /// How long it ran, in seconds; none if its end was not reported.
    pub seconds: Option<u64>,
    /// Its exit code; none if its end was not reported.
    pub code: Option<u8>,
    /// The process id of the shell.
    pub shell: u32,
    /// Whether it is as it was typed. Otherwise it is the commands that were run, one a line.
    pub typed: bool,
    /// What it was, if that is more than `line` shows.
    pub whole: Option<WholeText>,
}

/// A text that is not shown in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WholeText {
    /// How long it is.
    pub bytes: u64,
    /// Its digest, with the session's own values masked; none if it is so long that glass has not kept it.
    pub sha256: Option<Digest>,
}

/// Who saw a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CommandSource {
    /// The kernel, which started it.
    Kernel,
    /// glass started it, as a step of the runbook.
    Step,
    /// A shell of the session, by its own word.
    Shell,
}
