//! `[ledger]`: the places outside of this machine that keep what the ledger is.

use std::path::Path;

use super::mistake::quoted;
use super::reader::Value;
use crate::model::destination::Destination;
use crate::model::identity::Source;
use crate::model::name::Region;

/// Where the ledger is sent.
#[derive(Clone, Debug, Default)]
pub struct Shipping {
    /// The places, each once.
    pub ship: Vec<Destination>,
    /// The region of the buckets among them.
    pub region: Option<Region>,
    /// The AWS CLI profile that sends to them; none for the source of the daily identity.
    pub source: Option<Source>,
    /// For how many days a bucket is asked to keep what it gets; none leaves that to the bucket.
    pub retain_days: Option<u32>,
}

/// The longest that a bucket is asked to keep anything: a century, as long as S3 does.
const LONGEST_RETENTION: u32 = 36_500;

/// Reads `[ledger]`; a relative folder is beside the catalogue.
pub(super) fn read(value: Value<'_>, folder: &Path) -> Option<Shipping> {
    let mut section = value.section("ledger".to_owned())?;
    let written = section.required("ship");
    let ship = written.and_then(|value| value.list(|item| item.parsed(|text| Destination::parse(text, folder))));
    let region = section.optional("region").map_or(Some(None), |value| value.parsed(Region::parse).map(Some));
    let days = section.optional("retain_days");
    let days = days.map_or(Some(None), |value| value.number(1, LONGEST_RETENTION).map(Some));
    let profile = section.optional("profile");
    let source = profile.map_or(Some(None), |value| value.line().map(Source::Profile).map(Some));
    section.not_built(&["witness_keys"]);
    section.close();
    let ship = ship?;
    if ship.is_empty() {
        return written?.wrong("`ship` must name at least one place");
    }
    let twice = |(place, one): &(usize, &Destination)| ship[..*place].contains(one);
    if let Some((_, one)) = ship.iter().enumerate().find(twice) {
        return written?.wrong(format!("{} is named twice", quoted(&one.to_string())));
    }
    let has_bucket = ship.iter().any(|place| matches!(place, Destination::Bucket { .. }));
    let (region, source, retain_days) = (region?, source?, days?);
    if has_bucket && region.is_none() {
        return written?.wrong_because("the region of a bucket is missing", "name it with `region` in [ledger]");
    }
    if !has_bucket && (region.is_some() || source.is_some() || retain_days.is_some()) {
        return written?.wrong("`region`, `profile` and `retain_days` are for buckets, and `ship` names none");
    }
    Some(Shipping { ship, region, source, retain_days })
}
