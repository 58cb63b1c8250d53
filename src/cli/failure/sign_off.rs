//! What to do when sign-off is not what a profile takes.

use std::borrow::Cow;

use crate::model::name::Id;
use crate::model::policy::NoSignOff;

/// What to do about a sign-off that is not what a profile takes.
pub(super) fn hint(no: &NoSignOff, profile: &str) -> Cow<'static, str> {
    let hint = match no {
        NoSignOff::Approvals { request, .. } => return hint_for_approvals(request.as_ref(), profile).into(),
        NoSignOff::TooFewSigners { .. } => "have the catalogue's owners name more people in `from`",
        NoSignOff::OtherPerson { .. }
        | NoSignOff::OtherLedger { .. }
        | NoSignOff::NotMadeHere { .. }
        | NoSignOff::Used { .. }
        | NoSignOff::Expired { .. }
        | NoSignOff::Void { .. }
        | NoSignOff::Denied { .. } => "a new request is needed",
        NoSignOff::Differs { .. } => "leave it away, or make a new request",
        NoSignOff::NoOverride | NoSignOff::OverrideNotForPerson { .. } => {
            "`glass show PROFILE` tells who may override, and who may approve"
        }
        NoSignOff::OverrideReason { .. } => "say in one line of 40 to 500 characters why nobody could be asked",
        NoSignOff::OverrideTooLong { .. } => {
            "ask for less, or leave --duration away; durations are never shortened silently"
        }
        NoSignOff::OverrideNotConfirmed(_) => {
            "run it in a terminal, and type the profile's name when you are asked for it"
        }
        NoSignOff::OpenReviews(_) => "`glass review` tells who can review it; that can be done over any channel",
    };
    hint.into()
}

fn hint_for_approvals(request: Option<&Id>, profile: &str) -> String {
    match request {
        Some(id) => format!(
            "`glass assume {profile} --request {id} --wait` waits for it, `glass requests` tells who may still sign"
        ),
        None => format!("`glass request {profile}` asks for approval, `glass assume {profile} --wait` asks and waits"),
    }
}
