//! `[ledger]`: the places outside of this machine that keep what the ledger is.

use std::path::Path;

use super::mistake::quoted;
use super::reader::Value;
use crate::model::destination::Destination;

/// Where the ledger is sent.
#[derive(Clone, Debug, Default)]
pub struct Shipping {
    /// The places, each once.
    pub ship: Vec<Destination>,
}

/// Reads `[ledger]`; a relative folder is beside the catalogue.
pub(super) fn read(value: Value<'_>, folder: &Path) -> Option<Shipping> {
    let mut section = value.section("ledger".to_owned())?;
    let written = section.required("ship");
    let ship = written.and_then(|value| value.list(|item| destination(item, folder)));
    section.not_built(&["witness_keys", "retain_days", "region", "profile"]);
    section.close();
    let ship = ship?;
    if ship.is_empty() {
        return written?.wrong("`ship` must name at least one place");
    }
    let twice = |(place, one): &(usize, &Destination)| ship[..*place].contains(one);
    if let Some((_, one)) = ship.iter().enumerate().find(twice) {
        return written?.wrong(format!("{} is named twice", quoted(&one.to_string())));
    }
    Some(Shipping { ship })
}

fn destination(value: Value<'_>, folder: &Path) -> Option<Destination> {
    match value.parsed(|text| Destination::parse(text, folder))? {
        Destination::Bucket { .. } => value.wrong("buckets are not built in this version of glass"),
        folder @ Destination::Folder(_) => Some(folder),
    }
}
