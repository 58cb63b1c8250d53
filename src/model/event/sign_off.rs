//! What the ledger says of requests, of what people say to them, and of overrides.

use serde::Serialize;

use crate::model::name::{Digest, Id, PersonName, ProfileName, Reason};
use crate::model::sign_off::count::Signed;
use crate::model::sign_off::sheet::Sheet;

/// The fields of `request.made` and `request.used`.
#[derive(Clone, Debug, Serialize)]
pub struct NamedRequest {
    /// Its id.
    request: Id,
    /// The hash of its line, which approvals sign.
    request_sha256: Digest,
}

impl NamedRequest {
    /// Names a request.
    pub fn of(sheet: &Sheet) -> Self {
        NamedRequest { request: sheet.asked().id.clone(), request_sha256: sheet.digest() }
    }
}

/// The fields of `request.signed` and `request.denied`.
#[derive(Clone, Debug, Serialize)]
pub struct AnsweredRequest {
    /// The request.
    #[serde(flatten)]
    named: NamedRequest,
    /// Who answers.
    person: PersonName,
    /// The fingerprint of the key that signed the answer.
    key: String,
    /// The hash of the answer as it is stored.
    approval_sha256: Digest,
}

impl AnsweredRequest {
    /// Names a request and a signed answer to it.
    pub fn of(sheet: &Sheet, signed: &Signed) -> Self {
        let Signed { person, key, digest, .. } = signed.clone();
        AnsweredRequest { named: NamedRequest::of(sheet), person, key, approval_sha256: digest }
    }
}

/// The fields of `override.used`, whose entry has the session.
#[derive(Clone, Debug, Serialize)]
pub struct UsedOverride {
    /// The profile whose approvals were overridden.
    pub profile: ProfileName,
    /// Why, in the person's words.
    pub reason: Reason,
}

/// The fields of `review.closed`.
#[derive(Clone, Debug, Serialize)]
pub struct ClosedReview {
    /// The session of the override.
    session: Id,
    /// Who reviewed it.
    person: PersonName,
    /// The hash of their signed statement as it is stored.
    approval_sha256: Digest,
}

impl ClosedReview {
    /// Names the session of an override, and who has signed what of it.
    pub fn of(session: Id, signed: &Signed) -> Self {
        ClosedReview { session, person: signed.person.clone(), approval_sha256: signed.digest }
    }
}
