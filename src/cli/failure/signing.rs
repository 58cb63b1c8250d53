//! What to say when nothing is signed.

use std::path::Path;

use super::Failure;
use crate::cli::exit::Exit;
use crate::model::private_key::KeyFileError;
use crate::model::sshsig::SignatureError;
use crate::world::machine::AskError;
use crate::world::signing::{AgentError, SigningError};

impl From<SigningError> for Failure {
    fn from(error: SigningError) -> Failure {
        let exit = if matches!(error, SigningError::NotAccepted { .. }) { Exit::Refused } else { Exit::Failed };
        Failure::of(exit, &error).hint_if_any(hint(&error))
    }
}

fn hint(error: &SigningError) -> Option<String> {
    let hint = match error {
        SigningError::NoKey(AgentError::Interrupted) => return None,
        SigningError::NoKey(_) => {
            "name the key in the identity file (`signing_key = \"~/.ssh/id_ed25519\"`), or `ssh-add` it"
        }
        SigningError::Unreadable { .. } => "mend `signing_key` in the identity file",
        SigningError::Open { path, .. } => return Some(format!("chmod 600 {}", path.display())),
        SigningError::NotAccepted { .. } => {
            "name another key in the identity file's `signing_key`, or have this one added to your `keys` in the catalogue"
        }
        SigningError::NotInAgent { path, file, .. } | SigningError::KeyFile { path, source: file } => {
            return Some(hint_for_file(path, file));
        }
        SigningError::NotAsked { path, source: AskError::NoTerminal } => {
            return Some(format!("`ssh-add {}` beforehand, or run it in a terminal", path.display()));
        }
        SigningError::NotAsked { .. } => return None,
        SigningError::Agent(AgentError::Refused | AgentError::Silent) => {
            "touch the security key when it blinks, or confirm what the agent asks; `ssh-add -l` shows whether it works"
        }
        SigningError::Agent(AgentError::Interrupted) => return None,
        SigningError::Agent(_) => "look with `ssh-add -l` whether the agent works",
        SigningError::WouldNotCount(SignatureError::NotTouched) => {
            "a security key must be touched for each signature: make one without `no-touch-required`"
        }
        SigningError::WouldNotCount(_) => "the agent does not sign as OpenSSH's does: use that one, or the key's file",
    };
    Some(hint.to_owned())
}

fn hint_for_file(path: &Path, error: &KeyFileError) -> String {
    let path = path.display();
    match error {
        KeyFileError::NoKey | KeyFileError::OtherKey | KeyFileError::Unusable(_) => {
            format!("`ssh-add` the private key, or name its file in `signing_key` in place of {path}")
        }
        KeyFileError::InSecurityKey => format!("plug the security key in, then `ssh-add {path}`"),
        KeyFileError::Older => format!("`ssh-keygen -p -f {path}` writes it anew in OpenSSH's own form"),
        KeyFileError::Encryption => format!("`ssh-keygen -p -Z aes256-ctr -f {path}` encrypts it anew"),
        KeyFileError::WrongPassphrase => format!("try again; `ssh-add {path}` has the agent remember it"),
        KeyFileError::Damaged => format!("look with `ssh-keygen -y -f {path}` whether ssh can read it"),
    }
}
