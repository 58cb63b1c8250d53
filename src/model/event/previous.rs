//! What a ledger says of the one that was acknowledged, and that it follows.

use serde::Serialize;

use crate::model::name::Digest;
use crate::model::sign_off::reviews::Reviews;

/// The closed ledger that a new one follows.
#[derive(Clone, Debug, Serialize)]
pub struct Previous {
    /// Its origin.
    pub origin: String,
    /// How many entries of it verify.
    pub size: u64,
    /// The hash of the last of them.
    pub hash: Digest,
    /// SHA-256 of what follows them.
    pub bad_sha256: Digest,
    /// Why it was closed.
    pub reason: String,
    /// The overrides in it that nobody has reviewed.
    #[serde(skip_serializing_if = "Reviews::is_empty")]
    pub reviews: Reviews,
}
