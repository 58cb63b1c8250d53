//! What a ledger tells of a session to somebody who reviews it: how long it lasted, and how much was done in it.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::model::chain::entry::Entry;
use crate::model::name::Id;
use crate::model::text::escaped;
use crate::model::time::show_duration;

/// What was done in a session, by the entries of its ledger, read in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deeds {
    session: Id,
    end: Option<End>,
    lines: u64,
    programs: u64,
    calls: u64,
}

/// What of `session.end` matters here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct End {
    cause: String,
    seconds: u64,
}

/// What of `command` matters here.
#[derive(Deserialize)]
struct Command {
    source: String,
}

impl Deeds {
    /// Begins before the first entry.
    pub fn of(session: Id) -> Self {
        Deeds { session, end: None, lines: 0, programs: 0, calls: 0 }
    }

    /// Takes the next entry.
    pub fn read(&mut self, entry: &Entry<'_>) {
        if entry.session != self.session.as_str() {
            return;
        }
        match entry.ev {
            "session.end" => self.end = serde_json::from_str(entry.d).ok(),
            "command" => match serde_json::from_str::<Command>(entry.d) {
                Ok(command) if command.source == "kernel" => self.programs += 1,
                Ok(_) | Err(_) => self.lines += 1,
            },
            "api" => self.calls += 1,
            _ => {}
        }
    }

    /// The session.
    pub fn session(&self) -> &Id {
        &self.session
    }

    /// How long it lasted, in seconds; nothing while its end is not in the ledger.
    pub fn seconds(&self) -> Option<u64> {
        self.end.as_ref().map(|end| end.seconds)
    }
}

impl fmt::Display for Deeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.end {
            Some(End { cause, seconds }) => {
                write!(f, "{} ({})", show_duration(Duration::from_secs(*seconds)), escaped(cause))?;
            }
            None => f.write_str("its end is not in the ledger")?,
        }
        for (count, one, many) in [
            (self.lines, "command line", "command lines"),
            (self.programs, "program", "programs"),
            (self.calls, "AWS call", "AWS calls"),
        ] {
            if count > 0 {
                write!(f, ", {count} {}", if count == 1 { one } else { many })?;
            }
        }
        Ok(())
    }
}
