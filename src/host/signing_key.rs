//! The key that a person signs with: in the ssh agent if that has it, else in its file.
//!
//! Keeps the promise that a key in a file is its owner's alone, as ssh demands it, that it is in memory for one
//! signature only, and that nothing is handed out that would not count.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ring::rand::SystemRandom;
use rustix::fs::OFlags;
use ssh_key::PublicKey;
use ssh_key::public::KeyData;
use zeroize::Zeroizing;

use super::agent::Agent;
use crate::model::catalogue::SshKey;
use crate::model::private_key::{KeyFile, KeyFileError, PrivateKey};
use crate::model::sshsig;
use crate::model::text::escaped;
use crate::world::machine::Terminal;
use crate::world::signing::{AgentError, Keys, Signer, SigningError};

/// The largest file that is read; one of an RSA key of 16,384 bits has less than a fifth of it.
const LARGEST: usize = 64 * 1024;

/// How often a passphrase is asked for.
const ATTEMPTS: usize = 3;

/// The keys of this user.
pub struct HostKeys<'t> {
    agent: Option<PathBuf>,
    terminal: &'t dyn Terminal,
}

impl<'t> HostKeys<'t> {
    /// The keys in files, and in the agent that listens at a socket; the person is asked on a terminal.
    pub fn new(agent: Option<PathBuf>, terminal: &'t dyn Terminal) -> Self {
        HostKeys { agent, terminal }
    }

    /// A key that the agent has.
    fn in_agent<'k>(&self, wanted: &'k [SshKey]) -> Result<(&Path, &'k SshKey), AgentError> {
        let socket = self.agent.as_deref().ok_or(AgentError::NoAgent)?;
        let held = Agent::reach(socket)?.keys()?;
        let found = wanted.iter().find(|key| held.iter().any(|held| held == key.blob()));
        found.map(|key| (socket, key)).ok_or(AgentError::Absent)
    }
}

impl Keys for HostKeys<'_> {
    fn find<'k>(&'k self, file: Option<&Path>, accepted: &'k [SshKey]) -> Result<Box<dyn Signer + 'k>, SigningError> {
        let in_agent = |wanted| {
            let (socket, key) = self.in_agent(wanted)?;
            Ok(Box::new(InAgent { socket, key, terminal: self.terminal }))
        };
        let Some(path) = file else { return Ok(in_agent(accepted).map_err(SigningError::NoKey)?) };
        let public = named(path)?;
        let stranger =
            || SigningError::NotAccepted { path: path.to_owned(), fingerprint: sshsig::fingerprint(&public) };
        let key = accepted.iter().find(|key| key.blob() == public).ok_or_else(stranger)?;
        match in_agent(std::slice::from_ref(key)) {
            Ok(signer) => Ok(signer),
            Err(AgentError::Interrupted) => Err(SigningError::Agent(AgentError::Interrupted)),
            Err(agent) => Ok(Box::new(InFile::open(path, key, agent, self.terminal)?)),
        }
    }
}

/// The public key of a file, which may be that or a private one.
fn named(path: &Path) -> Result<Vec<u8>, SigningError> {
    let text = match read(path) {
        // The private half may be in the agent alone.
        Err(error) if error.kind() == ErrorKind::NotFound => read(&with_suffix(path)).map_err(|_| error),
        read => read,
    };
    let (text, _) = text.map_err(|source| SigningError::Unreadable { path: path.to_owned(), source })?;
    if let Some(public) = public(&text) {
        return Ok(public);
    }
    let wrong = |source| SigningError::KeyFile { path: path.to_owned(), source };
    match KeyFile::parse(&text) {
        Ok(file) => Ok(file.public().to_vec()),
        // Of a form that is not read here, what ssh-keygen has put beside it tells; the agent may have it.
        Err(error) => {
            let beside = read(&with_suffix(path)).ok().and_then(|(text, _)| public(&text));
            beside.ok_or_else(|| wrong(error))
        }
    }
}

/// The key of a line as `id_….pub` has it.
fn public(text: &str) -> Option<Vec<u8>> {
    PublicKey::from_openssh(text.trim()).ok()?.to_bytes().ok()
}

fn with_suffix(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

/// Reads a file, with its permissions if they are its owner's to mend.
fn read(path: &Path) -> io::Result<(Zeroizing<String>, Option<u32>)> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > LARGEST as u64 {
        return Err(io::Error::new(ErrorKind::InvalidData, "it is no file, or larger than a key's"));
    }
    // Never grows, so no copy of a secret is left behind in freed memory.
    let mut text = Zeroizing::new(String::with_capacity(LARGEST + 1));
    file.take(LARGEST as u64).read_to_string(&mut text)?;
    let mine = metadata.uid() == rustix::process::getuid().as_raw();
    Ok((text, mine.then_some(metadata.mode() & 0o7777)))
}

/// A key that the agent has.
struct InAgent<'k> {
    socket: &'k Path,
    key: &'k SshKey,
    terminal: &'k dyn Terminal,
}

impl Signer for InAgent<'_> {
    fn key(&self) -> &SshKey {
        self.key
    }

    fn sign(&self, namespace: &str, message: &[u8]) -> Result<String, SigningError> {
        // From here on a Ctrl-C is heard.
        let mut agent = Agent::reach(self.socket).map_err(SigningError::Agent)?;
        if is_in_security_key(self.key) {
            self.terminal.say("Touch the security key when it blinks.");
        }
        let signature = agent.sign(self.key.blob(), &sshsig::to_sign(namespace, message));
        that_counts(self.key, namespace, message, &signature.map_err(SigningError::Agent)?)
    }
}

/// A key in a file.
struct InFile<'k> {
    path: PathBuf,
    file: KeyFile,
    key: &'k SshKey,
    terminal: &'k dyn Terminal,
}

impl<'k> InFile<'k> {
    /// Opens the private key that a file has, or that lies beside a public key.
    fn open(
        named: &Path,
        key: &'k SshKey,
        agent: AgentError,
        terminal: &'k dyn Terminal,
    ) -> Result<Self, SigningError> {
        let path = match named.extension() {
            Some(extension) if extension == "pub" => named.with_extension(""),
            Some(_) | None => named.to_owned(),
        };
        if is_in_security_key(key) {
            return Err(SigningError::NotInAgent { path, file: KeyFileError::InSecurityKey, agent });
        }
        let (text, mode) = match read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(SigningError::NotInAgent { path, file: KeyFileError::NoKey, agent });
            }
            read => read.map_err(|source| SigningError::Unreadable { path: path.clone(), source })?,
        };
        if let Some(mode) = mode.filter(|mode| mode & 0o077 != 0) {
            return Err(SigningError::Open { path, mode });
        }
        match KeyFile::parse(&text) {
            Ok(file) if file.public() == key.blob() => Ok(InFile { path, file, key, terminal }),
            Ok(_) => Err(SigningError::NotInAgent { path, file: KeyFileError::OtherKey, agent }),
            Err(file) => Err(SigningError::NotInAgent { path, file, agent }),
        }
    }

    fn private_key(&self) -> Result<PrivateKey, SigningError> {
        let wrong = |source| SigningError::KeyFile { path: self.path.clone(), source };
        if let Some(key) = self.file.unlocked().map_err(wrong)? {
            return Ok(key);
        }
        let question = format!("Passphrase of {}: ", self.path.display());
        for _ in 0..ATTEMPTS {
            let passphrase = self.terminal.ask_secret(&escaped(&question));
            let passphrase = passphrase.map_err(|source| SigningError::NotAsked { path: self.path.clone(), source })?;
            match self.file.unlock(&passphrase) {
                Err(KeyFileError::WrongPassphrase) => self.terminal.say("That is not its passphrase."),
                unlocked => return unlocked.map_err(wrong),
            }
        }
        Err(wrong(KeyFileError::WrongPassphrase))
    }
}

impl Signer for InFile<'_> {
    fn key(&self) -> &SshKey {
        self.key
    }

    fn sign(&self, namespace: &str, message: &[u8]) -> Result<String, SigningError> {
        let signature = self.private_key()?.sign(&sshsig::to_sign(namespace, message), &SystemRandom::new());
        let signature = signature.map_err(|source| SigningError::KeyFile { path: self.path.clone(), source })?;
        that_counts(self.key, namespace, message, &signature)
    }
}

/// The armoured signature, if it would count.
fn that_counts(key: &SshKey, namespace: &str, message: &[u8], signature: &[u8]) -> Result<String, SigningError> {
    let armoured = sshsig::armoured(key, namespace, signature);
    sshsig::verify(&armoured, namespace, message, [key]).map_err(SigningError::WouldNotCount)?;
    Ok(armoured)
}

fn is_in_security_key(key: &SshKey) -> bool {
    matches!(key.public_key().key_data(), KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_))
}
