//! What to say of a ledger that cannot be sent at all.

use super::Failure;
use crate::cli::exit::Exit;
use crate::host::ship::ShipError;

impl From<ShipError> for Failure {
    fn from(error: ShipError) -> Failure {
        match error {
            ShipError::Ledger(error) => error.into(),
            ShipError::Contradicted(_) => Failure::of(Exit::Evidence, &error),
            ShipError::Archive(_) | ShipError::Recording(_) | ShipError::Spoilt(_) | ShipError::File { .. } => {
                Failure::of(Exit::Failed, &error).hint("mend its cause and try again: nothing is lost meanwhile")
            }
        }
    }
}
