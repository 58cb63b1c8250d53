//! What of a ledger is not here any more: segments that were shipped, and then deleted by their owner.
//!
//! Keeps the promise that a beginning can only be missing if the rest of the ledger says what it came to: a
//! `ledger.anchor` holds the state at just that place. Where none does, the ledger is broken.

use std::io::{self, BufRead, Read};

use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::held::Held;
use crate::model::chain::LONGEST_LINE;
use crate::model::chain::entry::Entry;
use crate::model::chain::state::State;

/// The beginning of a ledger that is not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// What it came to; its size is the number of the first entry that is here.
    pub state: State,
    /// Where it was shipped to, by the entry that says so.
    pub to: String,
    /// The number of that entry.
    pub seq: u64,
}

/// The details of `ledger.anchor`, as far as they are of a segment.
#[derive(Deserialize)]
struct Anchored {
    to: String,
    segment: Option<Shipped>,
}

#[derive(Deserialize)]
struct Shipped {
    state: State,
}

/// What a `ledger.anchor` says that the ledger came to at the end of a segment that was shipped, and where that is.
pub(super) fn shipped(entry: &Entry<'_>) -> Option<(State, String)> {
    if entry.ev != "ledger.anchor" {
        return None;
    }
    let Anchored { to, segment } = serde_json::from_str(entry.d).ok()?;
    segment.map(|Shipped { state }| (state, to))
}

/// What is wrong with a ledger whose beginning is missing.
pub(super) fn is_missing(first: u64) -> String {
    format!("expected entry 0, the segment begins with {first}, and no ledger.anchor tells of what is before it")
}

/// Looks through segments for what the entries before the first of them come to.
///
/// # Errors
/// When they cannot be read.
pub(super) fn find(segments: &[Held]) -> io::Result<Option<Before>> {
    let Some(first) = segments.first().map(|segment| segment.first).filter(|first| *first > 0) else { return Ok(None) };
    for segment in segments {
        let mut lines = segment.lines(0);
        let mut line = Vec::new();
        while lines.by_ref().take(LONGEST_LINE as u64 + 1).read_until(b'\n', &mut line)? > 0 {
            if let Some(before) = in_line(&line).filter(|before| before.state.size() == first) {
                return Ok(Some(before));
            }
            line.clear();
        }
    }
    Ok(None)
}

fn in_line(line: &[u8]) -> Option<Before> {
    memmem::find(line, b"\"ev\":\"ledger.anchor\"")?;
    let entry = Entry::parse(line).ok()?;
    let (state, to) = shipped(&entry)?;
    Some(Before { state, to, seq: entry.seq })
}
