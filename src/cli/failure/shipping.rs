//! What to say of a ledger that cannot be sent at all.

use super::Failure;
use crate::cli::exit::Exit;
use crate::host::ship::ShipError;
use crate::world::anchor::NotAnchored;

impl From<ShipError> for Failure {
    fn from(error: ShipError) -> Failure {
        match error {
            ShipError::Ledger(error) => error.into(),
            ShipError::Contradicted(_) => Failure::of(Exit::Evidence, &error),
            ShipError::Archive(_)
            | ShipError::Witness(_)
            | ShipError::Stale(_)
            | ShipError::Recording(_)
            | ShipError::Spoilt(_)
            | ShipError::File { .. } => {
                Failure::of(Exit::Failed, &error).hint("mend its cause and try again: nothing is lost meanwhile")
            }
        }
    }
}

impl From<NotAnchored> for Failure {
    fn from(error: NotAnchored) -> Failure {
        let hint = match &error {
            NotAnchored::Unsigned(_) => "unlock the keyring that has the ledger's key; the code is still good",
            NotAnchored::Nowhere(_) => {
                "the profile's level demands an anchor before each session: look why its places cannot be reached, or \
                 take a profile of another level; the code is still good"
            }
            NotAnchored::Contradicted { .. } => {
                "keep the ledger's folder as it is, and have whoever owns that place look into it"
            }
        };
        Failure::of(Exit::Evidence, &error).hint(hint)
    }
}
