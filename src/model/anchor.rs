//! Anchors: what of a ledger was sent away, and what the place that took it says.
//!
//! Keeps the promise that a ledger names every place by which it can be held to what it was.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::chain::state::State;
use super::destination::Destination;
use super::name::{Digest, Id};
use super::note::key::WitnessKey;
use super::time::Timestamp;
use super::web_address::WebAddress;

/// A place outside of this machine that the ledger can be held to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnchorPlace {
    /// It keeps what it is sent.
    Archive(Destination),
    /// It cosigns checkpoints, and keeps none of them but the last.
    Witness {
        /// What its `add-checkpoint` lies below.
        address: WebAddress,
        /// The keys that it may cosign with.
        keys: Vec<WitnessKey>,
    },
}

/// One thing that was sent to one place.
#[derive(Clone, Debug, Serialize)]
pub struct Anchor {
    /// How many entries the checkpoint has that was sent; with a segment, how many there are up to its end; with a
    /// recording, how many the last checkpoint has.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Digest,
    /// What kind of place it is: `folder`, `s3` or `witness`.
    pub kind: &'static str,
    /// The place, as the catalogue names it.
    pub to: String,
    /// What the place says of it.
    pub receipt: AnchorReceipt,
    /// The segment that was sent.
    pub segment: Option<SentSegment>,
    /// The recording that was sent.
    pub recording: Option<SentRecording>,
}

/// What a place says of what it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum AnchorReceipt {
    /// What an archive has.
    Archive(Receipt),
    /// What a witness has cosigned.
    Witness {
        /// The checkpoint's note with the cosignatures.
        note: String,
        /// How many entries it had cosigned before, as far as is known here, if it says that they were fewer.
        forgot: Option<u64>,
    },
}

/// What an archive says it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The name in full: an object's key, a file's path.
    pub name: String,
    /// The object's version.
    pub version: Option<String>,
    /// Until when it cannot be deleted.
    pub retained_until: Option<Timestamp>,
}

/// A content before it was packed, by its length and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// How long it is.
    pub bytes: u64,
    /// SHA-256 of it.
    pub sha256: Digest,
}

/// A closed segment.
#[derive(Clone, Debug, Serialize)]
pub struct SentSegment {
    /// Its file's name.
    pub name: String,
    /// What it was before it was packed.
    #[serde(flatten)]
    pub measure: Measure,
    /// What the ledger came to at its end: all that a verifier needs where the segment is not here any more.
    pub state: State,
}

/// The recording of a session that has ended.
#[derive(Clone, Debug, Serialize)]
pub struct SentRecording {
    /// The session.
    pub session: Id,
    /// What it was before it was packed.
    #[serde(flatten)]
    pub measure: Measure,
}

impl AnchorPlace {
    /// What an anchor there is called.
    pub fn kind(&self) -> &'static str {
        match self {
            AnchorPlace::Archive(destination) => destination.kind(),
            AnchorPlace::Witness { .. } => "witness",
        }
    }
}

impl AnchorReceipt {
    /// Whether the place has lost what it had of the ledger: then nobody held it against that.
    pub fn is_of_one_that_forgot(&self) -> bool {
        matches!(self, AnchorReceipt::Witness { forgot: Some(_), .. })
    }
}

impl fmt::Display for AnchorPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AnchorPlace::Archive(destination) => destination.fmt(f),
            AnchorPlace::Witness { address, .. } => address.fmt(f),
        }
    }
}

impl Destination {
    /// What an anchor there is called.
    pub fn kind(&self) -> &'static str {
        match self {
            Destination::Folder(_) => "folder",
            Destination::Bucket { .. } => "s3",
        }
    }
}
