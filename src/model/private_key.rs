//! Private keys in the files of OpenSSH: read, unlocked by a passphrase, and made to sign.
//!
//! Keeps the promise that what is secret of them is wiped, and that nothing but OpenSSH's own form
//! (`openssh-key-v1`) is read. Whose key it is can be seen without the passphrase.

mod lock;
mod sign;

use std::{error, fmt};

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use super::secret::Secret;
use super::ssh_wire::{Reader, WireError};
use lock::Lock;

/// The lines around a key, and around keys that older programs write.
const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";
const OLDER: [&str; 4] = ["RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"];

/// What the content begins with.
const MAGIC: &[u8] = b"openssh-key-v1\0";

/// A file with a private key.
pub struct KeyFile {
    public: Vec<u8>,
    private: Zeroizing<Vec<u8>>,
    lock: Option<Lock>,
}

/// A private key that can sign.
pub struct PrivateKey(Zeroizing<Vec<u8>>);

/// Why a file with a key gives no signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyFileError {
    /// It has no private key in it.
    NoKey,
    /// It has one in an older form.
    Older,
    /// It has another private key than the public one.
    OtherKey,
    /// It is damaged.
    Damaged,
    /// Its encryption is not known.
    Encryption,
    /// The passphrase is not this file's.
    WrongPassphrase,
    /// The key itself is in a security key.
    InSecurityKey,
    /// Its key cannot be used here, and why.
    Unusable(String),
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyFileError::NoKey => "it has no private key in it",
            KeyFileError::Older => "its private key is not in OpenSSH's own form",
            KeyFileError::OtherKey => "its private key belongs to another public one",
            KeyFileError::Damaged => "it is damaged",
            KeyFileError::Encryption => "it is encrypted in a way that is not known",
            KeyFileError::WrongPassphrase => "the passphrase is wrong",
            KeyFileError::InSecurityKey => "the key itself is in a security key, which only an ssh agent reaches",
            KeyFileError::Unusable(why) => return write!(f, "its key cannot be used without an ssh agent: {why}"),
        })
    }
}

impl error::Error for KeyFileError {}

impl From<WireError> for KeyFileError {
    fn from(_: WireError) -> Self {
        KeyFileError::Damaged
    }
}

impl KeyFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it is not one key in OpenSSH's own form.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        let mut lines = text.trim_end().lines();
        let first = lines.next().unwrap_or_default();
        if OLDER.iter().any(|kind| first == format!("-----BEGIN {kind}-----")) {
            return Err(KeyFileError::Older);
        }
        if first != BEGIN || lines.next_back() != Some(END) {
            return Err(KeyFileError::NoKey);
        }
        // Never grows, so no copy is left behind in freed memory.
        let mut base64 = Zeroizing::new(String::with_capacity(text.len()));
        lines.for_each(|line| base64.push_str(line));
        let bytes = Base64::decode_vec(&base64).map_err(|_| KeyFileError::Damaged)?;
        KeyFile::read(&Zeroizing::new(bytes))
    }

    fn read(bytes: &[u8]) -> Result<Self, KeyFileError> {
        let mut rest = Reader::new(bytes);
        if rest.take(MAGIC.len())? != MAGIC {
            return Err(KeyFileError::Damaged);
        }
        let (cipher, derivation, options) = (rest.name()?, rest.name()?, rest.string()?);
        let count = rest.number()?;
        let (public, private) = (rest.string()?, rest.string()?);
        if count != 1 {
            return Err(KeyFileError::Damaged);
        }
        let lock = match (cipher.as_str(), derivation.as_str()) {
            ("none", "none") => None,
            (cipher, "bcrypt") => Some(Lock::read(cipher, options)?),
            _ => return Err(KeyFileError::Encryption),
        };
        rest.end()?;
        Ok(KeyFile { public: public.to_vec(), private: Zeroizing::new(private.to_vec()), lock })
    }

    /// The public key, in SSH's form.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The private key, if no passphrase is needed for it.
    ///
    /// # Errors
    /// When it is damaged, or of a kind that cannot be used here.
    pub fn unlocked(&self) -> Result<Option<PrivateKey>, KeyFileError> {
        match self.lock {
            None => self.checked(&self.private, KeyFileError::Damaged).map(Some),
            Some(_) => Ok(None),
        }
    }

    /// The private key, by a passphrase.
    ///
    /// # Errors
    /// When it is not the right one, or the key is of a kind that cannot be used here.
    pub fn unlock(&self, passphrase: &Secret) -> Result<PrivateKey, KeyFileError> {
        let mut private = self.private.clone();
        if let Some(lock) = &self.lock {
            lock.open(passphrase, &mut private)?;
        }
        self.checked(&private, KeyFileError::WrongPassphrase)
    }

    /// The key, if its two check numbers agree: they do not after a wrong passphrase.
    fn checked(&self, private: &[u8], otherwise: KeyFileError) -> Result<PrivateKey, KeyFileError> {
        let mut rest = Reader::new(private);
        if rest.number()? != rest.number()? {
            return Err(otherwise);
        }
        let key = PrivateKey(Zeroizing::new(rest.rest().to_vec()));
        // Of another key it would sign, and nobody would know the signature.
        if key.public()? == self.public { Ok(key) } else { Err(KeyFileError::OtherKey) }
    }
}

#[cfg(test)]
mod tests;
