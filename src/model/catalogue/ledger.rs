//! `[ledger]`: the places outside of this machine that keep what the ledger is.

use std::path::Path;

use super::mistake::quoted;
use super::reader::Value;
use crate::model::anchor::AnchorPlace;
use crate::model::destination::Destination;
use crate::model::identity::Source;
use crate::model::name::Region;
use crate::model::note::key::WitnessKey;
use crate::model::web_address::WebAddress;

/// Where the ledger is sent.
#[derive(Clone, Debug, Default)]
pub struct Shipping {
    /// The places, each once.
    pub ship: Vec<AnchorPlace>,
    /// The region of the buckets among them.
    pub region: Option<Region>,
    /// The AWS CLI profile that sends to them; none for the source of the daily identity.
    pub source: Option<Source>,
    /// For how many days a bucket is asked to keep what it gets; none leaves that to the bucket.
    pub retain_days: Option<u32>,
}

/// The longest that a bucket is asked to keep anything: a century, as long as S3 does.
const LONGEST_RETENTION: u32 = 36_500;

impl Shipping {
    /// The region of the buckets among the places; the others are in none.
    pub fn region(&self) -> Region {
        self.region.clone().unwrap_or_else(Region::any)
    }

    /// The keys that witnesses may cosign with.
    pub fn witness_keys(&self) -> &[WitnessKey] {
        let keys = self.ship.iter().find_map(|place| match place {
            AnchorPlace::Witness { keys, .. } => Some(keys.as_slice()),
            AnchorPlace::Archive(_) => None,
        });
        keys.unwrap_or_default()
    }
}

/// Reads `[ledger]`; a relative folder is beside the catalogue, `common` the region that all profiles have in common.
pub(super) fn read(value: Value<'_>, folder: &Path, common: Option<&Region>) -> Option<Shipping> {
    let mut section = value.section("ledger".to_owned())?;
    let written = section.required("ship");
    let known = section.optional("witness_keys");
    let keys = known.map_or(Some(Vec::new()), |value| value.list(|item| item.parsed(WitnessKey::parse)));
    let some_keys = keys.clone().unwrap_or_default();
    let ship = written.and_then(|value| value.list(|item| item.parsed(|text| place(text, folder, &some_keys))));
    let region = section.optional("region").map_or(Some(None), |value| value.parsed(Region::parse).map(Some));
    let days = section.optional("retain_days");
    let days = days.map_or(Some(None), |value| value.number(1, LONGEST_RETENTION).map(Some));
    let profile = section.optional("profile");
    let source = profile.map_or(Some(None), |value| value.line().map(Source::Profile).map(Some));
    section.close();
    let (ship, keys) = (ship?, keys?);
    if ship.is_empty() {
        return written?.wrong("`ship` must name at least one place");
    }
    let twice = |(place, one): &(usize, &AnchorPlace)| ship[..*place].contains(one);
    if let Some((_, one)) = ship.iter().enumerate().find(twice) {
        return written?.wrong(format!("{} is named twice", quoted(&one.to_string())));
    }
    let has_bucket = ship.iter().any(|place| matches!(place, AnchorPlace::Archive(Destination::Bucket { .. })));
    let has_witness = ship.iter().any(|place| matches!(place, AnchorPlace::Witness { .. }));
    let (mut region, source, retain_days) = (region?, source?, days?);
    if has_bucket {
        region = Some(bucket_region(written?, region, common, "ledger")?);
    }
    if !has_bucket && (region.is_some() || source.is_some() || retain_days.is_some()) {
        return written?.wrong("`region`, `profile` and `retain_days` are for buckets, and `ship` names none");
    }
    if has_witness && keys.is_empty() {
        return written?
            .wrong_because("the keys of a witness are missing", "name them with `witness_keys` in [ledger]");
    }
    if let (Some(known), false) = (known, has_witness) {
        return known.wrong("`witness_keys` is for witnesses, and `ship` names none");
    }
    Some(Shipping { ship, region, source, retain_days })
}

/// The region of a bucket: what its section names, or else what all profiles have in common.
pub(super) fn bucket_region(
    written: Value<'_>,
    named: Option<Region>,
    common: Option<&Region>,
    section: &str,
) -> Option<Region> {
    let region = named.or_else(|| common.cloned());
    region.or_else(|| {
        let hint = format!("name it with `region` in [{section}]");
        written.wrong_because("the region of a bucket is missing, and the profiles have none in common", hint)
    })
}

/// Reads the address of a witness, or of an archive.
fn place(text: &str, folder: &Path, keys: &[WitnessKey]) -> Result<AnchorPlace, String> {
    if text.starts_with("https://") || text.starts_with("http://") {
        let address = WebAddress::parse(text);
        let address = address.map_err(|why| format!("{} is no address of a witness: {why}", quoted(text)))?;
        return Ok(AnchorPlace::Witness { address, keys: keys.to_vec() });
    }
    let destination = Destination::parse(text, folder).map_err(|error| error.to_string())?;
    Ok(AnchorPlace::Archive(destination))
}
