//! SSH signatures, as `ssh-keygen -Y sign` makes them and `ssh-keygen -Y verify` checks them.
//!
//! Keeps the promise that a signature counts only for the words, the purpose and the key that it was made for, and
//! that whatever else it is, it is refused by its own name. The format is OpenSSH's PROTOCOL.sshsig; of what that
//! leaves open only SHA-512 is accepted, and nothing in the reserved field, because no signature covers it.

mod check;

use std::{error, fmt};

use base64ct::{Base64, Base64Unpadded, Encoding};
use sha2::{Digest as _, Sha512};

use super::catalogue::SshKey;
use super::name::Digest;
use super::ssh_wire::{Reader, WireError, strings};
use super::text::escaped;

/// The largest signature that is read, in characters: one of an RSA key of 16,384 bits has less than half of it.
const LARGEST: usize = 16 * 1024;

/// The lines around it.
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";

/// How many characters `ssh-keygen` puts on a line.
const COLUMNS: usize = 70;

/// What it and what it signs begin with.
const MAGIC: &[u8] = b"SSHSIG";
/// The only version of the format.
const VERSION: u32 = 1;
/// The hash that the message goes through.
const HASH: &str = "sha512";

/// Why a signature does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureError {
    /// It has more characters than any that glass accepts.
    TooLarge(usize),
    /// Its lines are not those of a signature.
    Armour(&'static str),
    /// It ends before it is complete.
    Cut,
    /// So many bytes follow where it should end.
    Trailing(usize),
    /// It is of another version.
    Version(u32),
    /// It was made for another purpose.
    Namespace(String),
    /// It has something in the reserved field.
    Reserved,
    /// The message went through another hash than SHA-512.
    Hash(String),
    /// An RSA key with so many bits made it: too few.
    ShortRsa(usize),
    /// Another key made it; its fingerprint.
    OtherKey(String),
    /// Its algorithm is not one of this key that glass accepts.
    Algorithm(String),
    /// It rests on SHA-1.
    Sha1,
    /// Nobody touched the security key for it.
    NotTouched,
    /// It is not of this text, or not made by the key that it names.
    Bad,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SignatureError::TooLarge(size) => {
                write!(f, "the signature has {size} characters, and at most {LARGEST} are read")
            }
            SignatureError::Armour(why) => write!(f, "it is no SSH signature: {why}"),
            SignatureError::Cut => f.write_str("the signature is cut short"),
            SignatureError::Trailing(count) => write!(f, "{count} bytes follow the signature's end"),
            SignatureError::Version(found) => write!(f, "the signature is of version {found}, and only 1 is known"),
            SignatureError::Namespace(found) => {
                write!(f, "the signature was made for another purpose, \"{}\"", escaped(found))
            }
            SignatureError::Reserved => f.write_str("the signature's reserved field is not empty"),
            SignatureError::Hash(found) => {
                write!(f, "the signature is of a \"{}\" hash, and must be of sha512", escaped(found))
            }
            SignatureError::ShortRsa(bits) => {
                write!(f, "the signature was made by an RSA key of {bits} bits, and 3072 are the least")
            }
            SignatureError::OtherKey(fingerprint) => write!(f, "the signature was made by another key, {fingerprint}"),
            SignatureError::Algorithm(found) => {
                write!(f, "the algorithm \"{}\" is not accepted of the key that made the signature", escaped(found))
            }
            SignatureError::Sha1 => f.write_str("the signature rests on SHA-1"),
            SignatureError::NotTouched => f.write_str("the security key was not touched for the signature"),
            SignatureError::Bad => f.write_str("the signature is not one of this text by the key that it names"),
        }
    }
}

impl error::Error for SignatureError {}

impl From<WireError> for SignatureError {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Cut => SignatureError::Cut,
            WireError::Trailing(count) => SignatureError::Trailing(count),
            WireError::Negative => SignatureError::Bad,
        }
    }
}

/// Finds the key, of those given, that has signed a message for a purpose, the `namespace`.
///
/// # Errors
/// When none of them has, or the signature is not of a kind that glass accepts.
pub fn verify<'k>(
    armoured: &str,
    namespace: &str,
    message: &[u8],
    keys: impl IntoIterator<Item = &'k SshKey>,
) -> Result<&'k SshKey, SignatureError> {
    let blob = dearmoured(armoured)?;
    let parts = Parts::read(&blob)?;
    if parts.namespace != namespace {
        return Err(SignatureError::Namespace(parts.namespace));
    }
    let key = keys.into_iter().find(|key| key.blob() == parts.key).ok_or_else(|| stranger(parts.key))?;
    check::check(key, parts.signature, &to_sign(namespace, message))?;
    Ok(key)
}

/// What a key has to sign for a message and a purpose.
pub fn to_sign(namespace: &str, message: &[u8]) -> Vec<u8> {
    let parts: [&[u8]; 4] = [namespace.as_bytes(), b"", HASH.as_bytes(), &Sha512::digest(message)];
    [MAGIC, &strings(&parts)].concat()
}

/// Puts a key's signature, in SSH's form, over [`to_sign`] into the form of a file that ends with LF.
pub fn armoured(key: &SshKey, namespace: &str, signature: &[u8]) -> String {
    let parts: [&[u8]; 5] = [key.blob(), namespace.as_bytes(), b"", HASH.as_bytes(), signature];
    let text = Base64::encode_string(&[MAGIC, &VERSION.to_be_bytes(), &strings(&parts)].concat());
    let mut lines = vec![BEGIN];
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(COLUMNS.min(rest.len()));
        lines.push(line);
        rest = more;
    }
    lines.push(END);
    lines.join("\n") + "\n"
}

/// A signature as it is written down.
struct Parts<'b> {
    key: &'b [u8],
    namespace: String,
    signature: &'b [u8],
}

impl<'b> Parts<'b> {
    fn read(blob: &'b [u8]) -> Result<Self, SignatureError> {
        let mut rest = Reader::new(blob);
        if rest.take(MAGIC.len())? != MAGIC {
            return Err(SignatureError::Armour("its content does not begin with SSHSIG"));
        }
        match rest.number()? {
            VERSION => {}
            other => return Err(SignatureError::Version(other)),
        }
        let (key, namespace, reserved) = (rest.string()?, rest.name()?, rest.string()?);
        let (hash, signature) = (rest.name()?, rest.string()?);
        rest.end()?;
        if !reserved.is_empty() {
            return Err(SignatureError::Reserved);
        }
        if hash != HASH {
            return Err(SignatureError::Hash(hash));
        }
        Ok(Parts { key, namespace, signature })
    }
}

/// The bytes between the two lines. Lines may end with CR LF, and be of any length.
fn dearmoured(armoured: &str) -> Result<Vec<u8>, SignatureError> {
    if armoured.len() > LARGEST {
        return Err(SignatureError::TooLarge(armoured.len()));
    }
    let mut lines = armoured.lines();
    if lines.next() != Some(BEGIN) {
        return Err(SignatureError::Armour("its first line is not BEGIN SSH SIGNATURE"));
    }
    if lines.next_back() != Some(END) {
        return Err(SignatureError::Armour("its last line is not END SSH SIGNATURE"));
    }
    Base64::decode_vec(&lines.collect::<String>()).map_err(|_| SignatureError::Armour("its content is no base64"))
}

/// Why the key of a signature is none of those that are asked for.
fn stranger(blob: &[u8]) -> SignatureError {
    match rsa_bits(blob) {
        Some(bits) if bits < SshKey::LEAST_RSA_BITS => SignatureError::ShortRsa(bits),
        Some(_) | None => SignatureError::OtherKey(fingerprint(blob)),
    }
}

/// `SHA256:…` of whatever is said to be a key.
pub fn fingerprint(blob: &[u8]) -> String {
    format!("SHA256:{}", Base64Unpadded::encode_string(&Digest::of(blob).bytes()[..]))
}

/// The size of an RSA key, in bits; nothing of any other key.
fn rsa_bits(blob: &[u8]) -> Option<usize> {
    let mut rest = Reader::new(blob);
    let (name, _exponent) = (rest.name().ok()?, rest.natural().ok()?);
    let modulus = rest.natural().ok().filter(|_| name == "ssh-rsa")?;
    let unused = modulus.first().map_or(0, |first| first.leading_zeros() as usize);
    Some(modulus.len() * 8 - unused)
}

#[cfg(test)]
mod tests;
