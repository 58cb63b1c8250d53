//! Recordings: what a session's terminal showed, and when.
//!
//! The format is asciicast v2, so that others can play them too: a line with the header, then a line for each
//! event, `[seconds,"kind","text"]`, all of it JSON. Section 3 of `docs/formats.md`.

pub mod chunks;
mod escapes;
pub mod harmless;
pub mod plain;
pub mod proof;
pub mod read;
pub mod recorder;
pub mod span;

use serde::{Deserialize, Serialize};

/// The version of the format.
pub const VERSION: u8 = 2;

/// How many bytes a line has at most, with its LF; so a chunk of [`chunks::LONGEST`] has whole lines.
pub const LONGEST_LINE: usize = 64 * 1024;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`VERSION`].
    pub version: u8,
    /// How wide the terminal is, in columns.
    pub width: u16,
    /// How high it is, in rows.
    pub height: u16,
    /// When the session began, in seconds since 1970.
    pub timestamp: i64,
    /// Which session it is.
    pub title: String,
}

/// What kind of event a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The terminal showed this text.
    Output,
    /// The person typed it.
    Input,
    /// The terminal has this size from here on: columns, `x`, rows.
    Size,
    /// A place to find again, by this name.
    Marker,
}

impl Kind {
    /// Its code in a line.
    pub fn code(self) -> char {
        match self {
            Kind::Output => 'o',
            Kind::Input => 'i',
            Kind::Size => 'r',
            Kind::Marker => 'm',
        }
    }
}

/// Where output comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// The session's own terminal.
    Terminal,
    /// The standard output, where it is no terminal.
    Output,
    /// The standard error, where it is no terminal.
    Errors,
}
