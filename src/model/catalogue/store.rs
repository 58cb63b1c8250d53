//! `[approvals]`: the place where requests and approvals are left for each other, which is never believed, and what an
//! approver's glass does when a requester's ledger got shorter.

use std::path::Path;

use super::ledger::bucket_region;
use super::reader::Value;
use crate::model::destination::Destination;
use crate::model::name::Region;

/// Where requests and approvals are left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalStore {
    /// The folder or bucket.
    pub place: Destination,
    /// The bucket's region; nothing for a folder.
    pub region: Option<Region>,
}

impl ApprovalStore {
    /// Its region; a folder is in none.
    pub fn region(&self) -> Region {
        self.region.clone().unwrap_or_else(Region::any)
    }
}

/// What `[approvals]` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignOffRules {
    /// Where requests and approvals are left; nowhere, if they are only pasted.
    pub store: Option<ApprovalStore>,
    /// What a ledger that got shorter or was rewritten does to a request.
    pub shorter_ledger: ShorterLedger,
}

/// What an approver's glass does with a request whose ledger got shorter or was rewritten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShorterLedger {
    /// It does not sign it.
    #[default]
    Refuse,
    /// It tells so, and asks.
    Warn,
}

/// Reads `[approvals]`; a relative folder is beside the catalogue, `common` the region that all profiles have in common.
pub(super) fn read(value: Value<'_>, folder: &Path, common: Option<&Region>) -> Option<SignOffRules> {
    let mut section = value.section("approvals".to_owned())?;
    let written = section.optional("store");
    let place = written.map_or(Some(None), |value| value.parsed(|text| Destination::parse(text, folder)).map(Some));
    let region = section.optional("region");
    let parsed = region.map_or(Some(None), |value| value.parsed(Region::parse).map(Some));
    let words = [("refuse", ShorterLedger::Refuse), ("warn", ShorterLedger::Warn)];
    let shorter = section.optional("shorter_ledger");
    let shorter_ledger = shorter.map_or(Some(ShorterLedger::Refuse), |value| value.one_of(&words));
    section.close();
    let (place, shorter_ledger) = (place?, shorter_ledger?);
    let region = match (&place, region) {
        (Some(Destination::Bucket { .. }), _) => Some(bucket_region(written?, parsed?, common, "approvals")?),
        (None | Some(Destination::Folder(_)), Some(region)) => return region.wrong("a folder has no `region`"),
        (None | Some(Destination::Folder(_)), None) => None,
    };
    let store = place.map(|place| ApprovalStore { place, region });
    Some(SignOffRules { store, shorter_ledger })
}
