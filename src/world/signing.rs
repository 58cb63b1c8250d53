//! The SSH keys that people sign with, wherever they are kept.

use std::path::{Path, PathBuf};
use std::{error, fmt, io};

use crate::model::catalogue::SshKey;
use crate::model::private_key::KeyFileError;
use crate::model::sshsig::SignatureError;
use crate::world::machine::AskError;

/// Finds the keys that people sign with.
pub trait Keys: Sync {
    /// Finds the key to sign with: that of a file, or without one what the ssh agent has. It must be one of those accepted.
    ///
    /// # Errors
    /// When there is none, it is not one of those, or nothing here can sign with it.
    fn find<'k>(&'k self, file: Option<&Path>, accepted: &'k [SshKey]) -> Result<Box<dyn Signer + 'k>, SigningError>;
}

/// A key that can sign.
pub trait Signer {
    /// The public key.
    fn key(&self) -> &SshKey;

    /// Signs a message for a purpose: an armoured SSH signature, which counts. The person may be asked for a
    /// passphrase or a touch.
    ///
    /// # Errors
    /// When there is no signature, or it would not count.
    fn sign(&self, namespace: &str, message: &[u8]) -> Result<String, SigningError>;
}

/// Why nothing is signed.
#[derive(Debug)]
pub enum SigningError {
    /// No key is named, and the agent has none of those that the catalogue has for this person.
    NoKey(AgentError),
    /// The file cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others can read the private key, by its file's mode.
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The key is none that the catalogue has for this person.
    NotAccepted {
        /// The file.
        path: PathBuf,
        /// The key's fingerprint.
        fingerprint: String,
    },
    /// The agent does not have the key, and the file does not either.
    NotInAgent {
        /// The file that was looked at for the private key.
        path: PathBuf,
        /// Why it gives none.
        file: KeyFileError,
        /// Why the agent gives none.
        agent: AgentError,
    },
    /// The file's key cannot sign.
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KeyFileError,
    },
    /// The passphrase was not given.
    NotAsked {
        /// The file.
        path: PathBuf,
        /// Why.
        source: AskError,
    },
    /// The agent did not sign.
    Agent(AgentError),
    /// What was signed would not count.
    WouldNotCount(SignatureError),
}

impl fmt::Display for SigningError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SigningError::NoKey(_) => f.write_str("there is no key to sign with"),
            SigningError::Unreadable { path, .. } => write!(f, "the signing key {} cannot be read", path.display()),
            SigningError::Open { path, mode } => {
                write!(f, "the private key {} is not its owner's alone: its mode is {mode:04o}", path.display())
            }
            SigningError::NotAccepted { path, fingerprint } => {
                write!(f, "the key {}, {fingerprint}, is not one that the catalogue has for you", path.display())
            }
            SigningError::NotInAgent { path, agent, .. } => {
                write!(f, "{agent}, and the key {} cannot sign by itself", path.display())
            }
            SigningError::KeyFile { path, .. } => write!(f, "the key {} cannot sign", path.display()),
            SigningError::NotAsked { path, .. } => write!(f, "the passphrase of {} was not given", path.display()),
            SigningError::Agent(_) => f.write_str("the ssh agent has not signed"),
            SigningError::WouldNotCount(_) => f.write_str("what was signed would not count"),
        }
    }
}

impl error::Error for SigningError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            SigningError::NoKey(source) | SigningError::Agent(source) => Some(source),
            SigningError::Unreadable { source, .. } => Some(source),
            SigningError::NotInAgent { file, .. } => Some(file),
            SigningError::KeyFile { source, .. } => Some(source),
            SigningError::NotAsked { source, .. } => Some(source),
            SigningError::WouldNotCount(source) => Some(source),
            SigningError::Open { .. } | SigningError::NotAccepted { .. } => None,
        }
    }
}

/// Why the ssh agent gave nothing.
#[derive(Debug)]
pub enum AgentError {
    /// No agent is named in the environment.
    NoAgent,
    /// It cannot be reached.
    Unreachable(io::Error),
    /// It does not have the key, or none that is accepted.
    Absent,
    /// It said no: not touched, not confirmed, locked.
    Refused,
    /// There was no answer in time.
    Silent,
    /// glass was asked to end meanwhile.
    Interrupted,
    /// Its answer is none, or too large.
    NotUnderstood,
}

impl fmt::Display for AgentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AgentError::NoAgent => "there is no ssh agent (SSH_AUTH_SOCK is not set)",
            AgentError::Unreachable(_) => "the ssh agent cannot be reached",
            AgentError::Absent => "the ssh agent does not have the key",
            AgentError::Refused => "the ssh agent refused",
            AgentError::Silent => "the ssh agent did not answer in time",
            AgentError::Interrupted => "interrupted",
            AgentError::NotUnderstood => "the ssh agent's answer is not understood",
        })
    }
}

impl error::Error for AgentError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            AgentError::Unreachable(source) => Some(source),
            AgentError::NoAgent
            | AgentError::Absent
            | AgentError::Refused
            | AgentError::Silent
            | AgentError::Interrupted
            | AgentError::NotUnderstood => None,
        }
    }
}
