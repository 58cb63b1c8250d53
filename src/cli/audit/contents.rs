//! The larger contents that a ledger's entries refer to, held against the hashes that they are named by.

use std::error::Error;
use std::fmt::Write;

use serde::Serialize;
use serde_json::{Value, json};

use super::source::Source;
use crate::cli::failure::Failure;
use crate::host::ledger::contents;
use crate::model::contents::Named;
use crate::model::name::Digest;
use crate::model::text::escaped;

/// How many of one sort are told to people; `--json` has them all.
const TOLD: usize = 5;

/// How they fare.
pub struct Contents {
    verified: usize,
    differ: Vec<Bad>,
    missing: Vec<Bad>,
    /// Whether it is a copy of a ledger that was made without any of them.
    left_out: bool,
}

/// One that is not as it was kept.
#[derive(Serialize)]
struct Bad {
    sha256: Digest,
    /// The first entry that names it; what only the catalogue names has none.
    entry: Option<u64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
}

impl Contents {
    /// Hashes all that there are, and looks for what is named and is not there.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn of(named: &Named, source: &Source<'_>) -> Result<Contents, Failure> {
        let contents = source.found(source.reader.contents())?;
        let listed = contents.as_ref().map(|contents| source.found(contents.list())).transpose()?.flatten();
        let left_out = listed.is_none() && source.is_copy();
        let mut found = listed.unwrap_or_default();
        found.sort_unstable();
        let missing = named.iter().filter(|(digest, _)| found.binary_search(digest).is_err());
        let missing = missing.map(|(sha256, seq)| Bad { sha256: *sha256, entry: Some(seq), reason: String::new() });
        let missing: Vec<Bad> = missing.collect();
        let differ = found.iter().filter_map(|digest| {
            let reason = wrong(contents.as_ref()?, digest)?;
            Some(Bad { sha256: *digest, entry: named.first(digest), reason })
        });
        let differ: Vec<Bad> = differ.collect();
        Ok(Contents { verified: found.len() - differ.len(), differ, missing, left_out })
    }

    /// Whether one is not what entries say. A copy may have none at all.
    pub fn contradict(&self) -> bool {
        !self.differ.is_empty() || !(self.missing.is_empty() || self.left_out)
    }

    /// For `--json`.
    pub fn as_json(&self) -> Value {
        let Contents { verified, differ, missing, left_out: _ } = self;
        json!({ "verified": verified, "differ": differ, "missing": missing })
    }

    /// The lines for people; none where there is nothing to tell.
    pub fn described(&self) -> String {
        let counts = [(self.verified, "verified"), (self.differ.len(), "differ"), (self.missing.len(), "missing")];
        let counts: Vec<String> =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        if counts.is_empty() {
            return String::new();
        }
        let why = if self.left_out && !self.missing.is_empty() { ": the copy has no folder `blobs`" } else { "" };
        let mut text = format!("contents    {}{why}\n", counts.join(", "));
        let missing = if self.left_out { &[] } else { self.missing.as_slice() };
        for (word, bad) in [("differs", self.differ.as_slice()), ("missing", missing)] {
            for Bad { sha256, entry, reason } in bad.iter().take(TOLD) {
                let of = entry.map_or(String::new(), |entry| format!(", of entry {entry}"));
                let reason = if reason.is_empty() { String::new() } else { format!(": {}", escaped(reason)) };
                writeln!(text, "{word:<11} blobs/{sha256}{of}{reason}").expect(WRITES);
            }
            if bad.len() > TOLD {
                writeln!(text, "{word:<11} and {} more", bad.len() - TOLD).expect(WRITES);
            }
        }
        text
    }
}

/// What is wrong with what lies under a hash.
fn wrong(contents: &contents::Contents, digest: &Digest) -> Option<String> {
    match contents.hash(digest) {
        Ok(hash) if hash == *digest => None,
        Ok(hash) => Some(format!("its SHA-256 is {hash}")),
        Err(error) => Some(error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))),
    }
}

const WRITES: &str = "writing to a String cannot fail";
