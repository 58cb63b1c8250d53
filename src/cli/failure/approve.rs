//! What to say when a request is not answered.

use super::Failure;
use crate::broker::approve::ApproveError;
use crate::cli::exit::Exit;
use crate::model::sign_off::objection::Difference;

impl From<ApproveError> for Failure {
    fn from(error: ApproveError) -> Failure {
        match error {
            ApproveError::Signing(error) => error.into(),
            ApproveError::Ledger(error) => error.into(),
            ApproveError::Twins { ref sheets, .. } => {
                let failure = Failure::of(Exit::Refused, &error).hint(
                    "neither can be used: have a new request made; for a review have the block sent that `glass review ID` \
                     prints to who overrode, and give `-` instead of the id",
                );
                sheets.iter().fold(failure, |failure, sheet| failure.because(format!("one has the hash {sheet}")))
            }
            ApproveError::Void { ref differences, .. } => {
                let failure = Failure::of(Exit::Refused, &error).hint(hint_for_void(differences));
                differences.iter().fold(failure, |failure, difference| failure.because(difference.to_string()))
            }
            error => {
                let (exit, hint) = hint(&error);
                Failure::of(exit, &error).hint_if_any(hint)
            }
        }
    }
}

fn hint_for_void(differences: &[Difference]) -> &'static str {
    match differences.first() {
        Some(Difference::Organisation { .. }) => "name the catalogue of that organisation with --catalogue",
        Some(Difference::Ahead(_)) => "set the clocks of both machines right",
        Some(_) | None => "you both need the same catalogue: bring yours up to date, or have a new request made",
    }
}

fn hint(error: &ApproveError) -> (Exit, Option<&'static str>) {
    let (exit, hint) = match error {
        ApproveError::Absent(_) => (
            Exit::Failed,
            "have the block sent that `glass request` printed, or `glass review ID` prints, and give `-` instead of the id to paste it",
        ),
        ApproveError::AnswerToUnknown(_) => (Exit::Failed, "hand over the request with it, as a file or a paste"),
        ApproveError::Several(_) => (Exit::Usage, "hand over one alone"),
        ApproveError::UnknownPerson(_) => {
            (Exit::Refused, "check `person` in the identity file, or have the catalogue's owners add you")
        }
        ApproveError::NoKeys(_) => (Exit::Refused, "have the catalogue's owners add your public key to your `keys`"),
        ApproveError::Own => (Exit::Refused, "`glass show PROFILE` tells who may approve it"),
        ApproveError::NotAsked { .. } => (Exit::Refused, "`glass show PROFILE` tells who may approve it"),
        ApproveError::Denied { .. } | ApproveError::Expired(_) => (Exit::Refused, "a new request is needed"),
        ApproveError::Approval(_) => (Exit::Usage, "say it on one line"),
        ApproveError::Ledgers(_) => (
            Exit::Refused,
            "have it looked into with `glass audit verify --against`; what was seen is in ~/.local/state/glass/seen",
        ),
        ApproveError::Memory(_) => {
            (Exit::Failed, "mend the file or remove it: without it nobody knows which ledgers were seen")
        }
        ApproveError::Override(_) => (Exit::Refused, "`glass review ID` shows it, and signs that it was reviewed"),
        ApproveError::NotAnOverride(_) => (Exit::Refused, "`glass approve ID` and `glass deny ID` answer it"),
        ApproveError::OwnOverride(_) => (Exit::Refused, "have them call `glass review -` and paste the block"),
        ApproveError::NotUsed(_) => (
            Exit::Refused,
            "once it is, its mark lies where it lies; or have a copy of their ledger sent, and give it with --ledger",
        ),
        ApproveError::NotOver(_) => {
            (Exit::Refused, "review it when it is over, with a copy of the ledger as it is then")
        }
        ApproveError::NotOpenHere(_) => (Exit::Refused, "`glass review` lists what is open"),
        ApproveError::Reviewed(_) | ApproveError::Signed(_) | ApproveError::WouldNotCount { .. } => {
            return (Exit::Refused, None);
        }
        ApproveError::Twins { .. } | ApproveError::Void { .. } => return (Exit::Refused, None),
        ApproveError::Signing(_) => return (Exit::Failed, None),
        ApproveError::Ledger(_) => return (Exit::Evidence, None),
    };
    (exit, Some(hint))
}
