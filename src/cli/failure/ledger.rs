//! What to say of a ledger that takes nothing, or is not signed.

use super::Failure;
use crate::cli::exit::Exit;
use crate::world::ledger::{KeyFault, LedgerError, Unsigned};

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Failure {
        let hint = match &error {
            LedgerError::Broken { .. } | LedgerError::RolledBack { .. } => {
                "see `glass audit verify`; keep the folder as it is for whoever looks into it, then close it with \
                 `glass audit acknowledge --reason …`"
            }
            LedgerError::Untrusted { .. } => "the ledger's folder must be yours alone (0700) on a local disk",
            LedgerError::Spoilt(_) => {
                "somebody changed it, or the disk has lost it: keep it outside of the ledger for whoever looks into it; \
                 then glass puts what belongs there in its place"
            }
            LedgerError::Busy(_) => "try again; if it stays, look for a glass that hangs",
            LedgerError::Interrupted => "the first failure is told above; mend its cause and start again",
            LedgerError::TooLong(_) => "shorten the command line",
            LedgerError::File { .. } => {
                "nothing is elevated without a ledger: free the disk or mend the folder's rights"
            }
        };
        Failure::of(Exit::Evidence, &error).hint(hint)
    }
}

impl From<Unsigned> for Failure {
    fn from(error: Unsigned) -> Failure {
        let fault = match error {
            Unsigned::Ledger(error) => return error.into(),
            Unsigned::Key(fault) => fault,
        };
        let hint = match &fault {
            KeyFault::Closed(_) | KeyFault::Vault(_) => "unlock the keyring and try again",
            KeyFault::File { .. } => "mend the file's or the disk's fault and try again",
            KeyFault::Damaged(_) => {
                "put the file back; if it is lost, remove what is left, and glass makes another key and says so"
            }
        };
        Failure::of(Exit::Failed, &fault).hint(hint)
    }
}
