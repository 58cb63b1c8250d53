//! What to do when sign-off is not what a profile takes.

use crate::model::policy::NoSignOff;

/// What to do about a sign-off that is not what it takes.
pub(super) fn hint(no: &NoSignOff) -> &'static str {
    match no {
        NoSignOff::Approvals { .. } => "have it approved, and use that with `--request ID` or `--approval FILE`",
        NoSignOff::TooFewSigners { .. } => "have the catalogue's owners name more people in `from`",
        NoSignOff::OtherPerson { .. }
        | NoSignOff::OtherLedger { .. }
        | NoSignOff::Used { .. }
        | NoSignOff::Expired { .. }
        | NoSignOff::Void { .. }
        | NoSignOff::Denied { .. } => "a new request is needed",
        NoSignOff::Differs { .. } => "leave it away, or make a new request",
        NoSignOff::NoOverride | NoSignOff::OverrideNotForPerson { .. } => {
            "`glass show PROFILE` tells who may override, and who may approve"
        }
        NoSignOff::OverrideReason { .. } => "say in one line of 40 to 500 characters why nobody could be asked",
        NoSignOff::OpenReviews(_) => "have somebody else review what was done without approvals before",
    }
}
