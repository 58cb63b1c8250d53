//! What to say of hooks that do not hear.

use super::{Failure, hint_for_aws};
use crate::cli::exit::Exit;
use crate::host::hooks::HookError;
use crate::model::text::escaped;
use crate::world::hooks::NotTold;

impl Failure {
    /// What came of a hook that does not hear.
    pub fn of_hook(fact: String, error: &HookError) -> Failure {
        let failure = Failure::new(exit(error), fact).caused_by(error);
        let said = if let HookError::Ended { stderr, .. } = error { escaped(stderr) } else { String::new() };
        let failure = if said.is_empty() { failure } else { failure.because(said) };
        failure.hint_if_any(hint(error))
    }
}

impl From<HookError> for Failure {
    fn from(error: HookError) -> Failure {
        Failure::of(exit(&error), &error).hint("try again: nothing is lost meanwhile")
    }
}

impl From<NotTold> for Failure {
    fn from(error: NotTold) -> Failure {
        Failure::of(Exit::Refused, &error).hint(
            "the catalogue demands that this hook hears of every elevation first: `glass hooks test NAME` tells more; the \
             code is still good",
        )
    }
}

fn exit(error: &HookError) -> Exit {
    if matches!(error, HookError::Ledger(_)) { Exit::Evidence } else { Exit::Failed }
}

fn hint(error: &HookError) -> Option<String> {
    let hint = match error {
        HookError::Aws(error) => return hint_for_aws(error),
        HookError::NoSecret => "`glass hooks secret NAME` keeps the one that the receiver knows",
        HookError::BadSecret { .. } => "put it right, or keep it anew with `glass hooks secret NAME`",
        HookError::Closed(_) | HookError::Vault(_) => "unlock the keyring, or keep the secret anew, elsewhere",
        HookError::Answered(401 | 403) => "see whether the receiver has the same secret, and this machine's clock",
        HookError::Source(_) | HookError::NoSource => "check the identity file's `source`, or the hook's `profile`",
        HookError::Program(_) => {
            "the program and the folders above it must be yours or root's, and nobody else's to write"
        }
        HookError::Web(_)
        | HookError::Answered(_)
        | HookError::Ended { .. }
        | HookError::Late(_)
        | HookError::BadNote(_)
        | HookError::Ledger(_)
        | HookError::File { .. } => return None,
    };
    Some(hint.to_owned())
}
