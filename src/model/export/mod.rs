//! The ledger in forms that others take: a table, events of OCSF, a log's tiles.
//!
//! The entries as they are stored stay the evidence: each of these forms leads back to them by number and hash.

pub mod csv;
pub mod ocsf;
pub mod tiles;

use std::borrow::Cow;

use serde::Deserialize;

use super::chain::entry::Entry;

/// A form in which entries are given out one after another.
#[derive(Debug)]
pub enum Form {
    /// The lines as they are stored.
    Lines,
    /// A table, RFC 4180.
    Table,
    /// Events of OCSF, one a line.
    Events(ocsf::Translator),
}

impl Form {
    /// What stands before the first entry.
    pub fn header(&self) -> &'static str {
        match self {
            Form::Table => csv::HEADER,
            Form::Lines | Form::Events(_) => "",
        }
    }

    /// Sees an entry that may not be given out: what comes after it may depend on it.
    pub fn follow(&mut self, entry: &Entry<'_>) {
        match self {
            Form::Events(translator) => translator.follow(entry),
            Form::Lines | Form::Table => {}
        }
    }

    /// An entry in this form.
    pub fn shown(&self, line: &[u8], entry: &Entry<'_>) -> Vec<u8> {
        match self {
            Form::Lines => line.to_vec(),
            Form::Table => csv::row(line, entry).into_bytes(),
            Form::Events(translator) => translator.event(line, entry).into_bytes(),
        }
    }
}

/// Where an entry was written: what [`Entry`] leaves out.
#[derive(Deserialize)]
struct Place<'a> {
    #[serde(borrow)]
    mono: Cow<'a, str>,
    boot: Cow<'a, str>,
    host: Cow<'a, str>,
    uid: u64,
}

impl<'a> Place<'a> {
    fn of(line: &'a [u8]) -> Place<'a> {
        serde_json::from_slice(line).unwrap_or_default()
    }
}

impl Default for Place<'_> {
    fn default() -> Self {
        Place { mono: "".into(), boot: "".into(), host: "".into(), uid: 0 }
    }
}
