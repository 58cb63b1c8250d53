//! `[approvals]`: the place where requests and approvals are left for each other. It is never believed.

use std::path::Path;

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

/// Reads `[approvals]`; a relative folder is beside the catalogue.
pub(super) fn read(value: Value<'_>, folder: &Path) -> Option<ApprovalStore> {
    let mut section = value.section("approvals".to_owned())?;
    let written = section.required("store");
    let place = written.and_then(|value| value.parsed(|text| Destination::parse(text, folder)));
    let region = section.optional("region");
    let parsed = region.map_or(Some(None), |value| value.parsed(Region::parse).map(Some));
    section.close();
    let place = place?;
    match (&place, region) {
        (Destination::Bucket { .. }, None) => written?.wrong("a bucket needs its `region` beside it"),
        (Destination::Folder(_), Some(region)) => region.wrong("a folder has no `region`"),
        (Destination::Bucket { .. }, Some(_)) | (Destination::Folder(_), None) => {
            Some(ApprovalStore { place, region: parsed? })
        }
    }
}
