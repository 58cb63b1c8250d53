//! Why somebody who was asked has not answered.

use std::{error, fmt, io};

/// Why a question has no answer.
#[derive(Debug)]
pub enum AskError {
    /// There is no terminal.
    NoTerminal,
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D, or the terminal went away.
    Closed,
    /// The terminal failed.
    Failed(io::Error),
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AskError::NoTerminal => "there is no terminal to ask on",
            AskError::Interrupted => "interrupted",
            AskError::Closed => "the question was left without an answer",
            AskError::Failed(_) => "the terminal cannot be used",
        })
    }
}

impl error::Error for AskError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            AskError::Failed(source) => Some(source),
            AskError::NoTerminal | AskError::Interrupted | AskError::Closed => None,
        }
    }
}
