//! The keys of signed notes: `name+id+key` to verify, `PRIVATE+KEY+name+id+seed` to sign. Ed25519 only.

use std::fmt;

use base64ct::{Base64, Encoding};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::model::name::Digest;
use crate::model::secret::Secret;
use crate::model::text::escaped;

/// What stands for Ed25519 before a key's bytes.
const ED25519_KIND: u8 = 1;

/// What a key that signs begins with.
const PRIVATE: &str = "PRIVATE+KEY+";

/// A key that signatures are held against.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    key: [u8; 32],
}

/// A key that signs.
pub struct SigningKey {
    verifier: VerifierKey,
    // ring does not wipe it: whoever holds one drops it soon.
    pair: Ed25519KeyPair,
    seed: Zeroizing<[u8; 32]>,
}

/// Why a text is no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// It does not have the form.
    Form(&'static str),
    /// It is of another kind than Ed25519.
    Kind,
    /// Its id is not that of its name and key.
    Id {
        /// The id it should have.
        expected: String,
        /// The id it has.
        found: String,
    },
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::Form(form) => write!(f, "it must have the form {form}"),
            KeyError::Kind => f.write_str("it must be an Ed25519 key: 32 bytes after a 1"),
            KeyError::Id { expected, found } => {
                write!(f, "its id is {}, and that of this name and key is {expected}", escaped(found))
            }
        }
    }
}

impl std::error::Error for KeyError {}

/// Whether a text can be the name of a key: not empty, no white space, no `+`, nothing that steers a terminal.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

impl VerifierKey {
    /// Reads `name+id+key`: id in 8 lower-case hex digits, key in base64.
    ///
    /// # Errors
    /// When it is anything else, or its id is another key's.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let (name, id, key) = parts(text).ok_or(KeyError::Form("<name>+<8 hex digits>+<base64>"))?;
        let made = VerifierKey::new(name, *key);
        if made.hex_id() == id { Ok(made) } else { Err(KeyError::Id { expected: made.hex_id(), found: id.to_owned() }) }
    }

    fn new(name: &str, key: [u8; 32]) -> Self {
        let hashed = [name.as_bytes(), &[b'\n', ED25519_KIND], &key].concat();
        let mut id = [0; 4];
        id.copy_from_slice(&Digest::of(&hashed).bytes()[..4]);
        VerifierKey { name: name.to_owned(), id, key }
    }

    /// The name: of a ledger's key, the ledger's origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first 4 bytes of SHA-256 over name and key.
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// Whether a signature is one of this key over a text.
    pub fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.key).verify(text.as_bytes(), signature).is_ok()
    }

    fn hex_id(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.id))
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[ED25519_KIND][..], &self.key].concat();
        write!(f, "{}+{}+{}", self.name, self.hex_id(), Base64::encode_string(&key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for VerifierKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl SigningKey {
    /// The key of a seed of 32 random bytes, under a name.
    ///
    /// # Errors
    /// When that is no name of a key.
    pub fn of_seed(name: &str, seed: Zeroizing<[u8; 32]>) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Form("a name without white space or `+`"));
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(|_| KeyError::Kind)?;
        let mut key = [0; 32];
        key.copy_from_slice(pair.public_key().as_ref());
        Ok(SigningKey { verifier: VerifierKey::new(name, key), pair, seed })
    }

    /// Reads `PRIVATE+KEY+name+id+seed`.
    ///
    /// # Errors
    /// When it is anything else, or its id is another key's.
    pub fn parse(text: &Secret) -> Result<Self, KeyError> {
        let form = KeyError::Form("PRIVATE+KEY+<name>+<8 hex digits>+<base64>");
        let (name, id, seed) = text.expose().strip_prefix(PRIVATE).and_then(parts).ok_or(form)?;
        let made = SigningKey::of_seed(name, seed)?;
        if made.verifier.hex_id() == id {
            Ok(made)
        } else {
            Err(KeyError::Id { expected: made.verifier.hex_id(), found: id.to_owned() })
        }
    }

    /// The text that [`SigningKey::parse`] reads.
    pub fn to_secret(&self) -> Secret {
        let key = Zeroizing::new([&[ED25519_KIND][..], &*self.seed].concat());
        let key = Zeroizing::new(Base64::encode_string(&key));
        Secret::new(format!("{PRIVATE}{}+{}+{}", self.verifier.name, self.verifier.hex_id(), *key))
    }

    /// The key that its signatures are held against.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs a text.
    pub(super) fn sign(&self, text: &str) -> Vec<u8> {
        self.pair.sign(text.as_bytes()).as_ref().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifier)
    }
}

/// Name, id and bytes of a key's text.
fn parts(text: &str) -> Option<(&str, &str, Zeroizing<[u8; 32]>)> {
    let mut parts = text.splitn(3, '+');
    let (name, id, key) = (parts.next()?, parts.next()?, parts.next()?);
    let mut bytes = Zeroizing::new([0; 33]);
    let length = Base64::decode(key, &mut *bytes).ok()?.len();
    let mut of_key = Zeroizing::new([0; 32]);
    of_key.copy_from_slice(&bytes[1..]);
    (is_name(name) && length == 33 && bytes[0] == ED25519_KIND).then_some((name, id, of_key))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const SIGNER: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";

    fn signing(text: &str) -> Result<SigningKey, KeyError> {
        SigningKey::parse(&Secret::new(text.to_owned()))
    }

    #[test]
    fn keys_are_read_and_written_as_others_write_them() {
        assert_eq!(VerifierKey::parse(VERIFIER).expect("a key").to_string(), VERIFIER);
        let key = signing(SIGNER).expect("a key");
        assert_eq!(key.verifier().to_string(), VERIFIER);
        assert_eq!(key.to_secret().expose(), SIGNER);
        assert!(!format!("{key:?}").contains("AYEK"));
    }

    #[test]
    fn a_key_that_is_mangled_is_none() {
        for (text, is_key) in [
            (VERIFIER, (|text| VerifierKey::parse(text).is_ok()) as fn(&str) -> bool),
            (SIGNER, |text| signing(text).is_ok()),
        ] {
            assert!(is_key(text));
            for from in 0..text.len() {
                for to in from..=text.len() {
                    assert!((from, to) == (0, text.len()) || !is_key(&text[from..to]), "{from}..{to}");
                }
            }
            for at in 0..text.len() {
                let mut changed = text.as_bytes().to_vec();
                changed[at] += 1;
                assert!(!is_key(std::str::from_utf8(&changed).expect("ASCII")), "{at}");
            }
        }
        for wrong in [
            // The wrong length, and an unknown kind, each with the id that belongs to it.
            "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
            "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            " PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
        ] {
            assert!(VerifierKey::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_signature_is_of_one_key_and_one_text() {
        let key = signing(SIGNER).expect("a key");
        let other = SigningKey::of_seed("PeterNeumann", Zeroizing::new([7; 32])).expect("a name");
        let signature = key.sign("hi");
        assert!(key.verifier().verifies("hi", &signature));
        assert!(!key.verifier().verifies("ho", &signature));
        assert!(!other.verifier().verifies("hi", &signature));
        assert!(!key.verifier().verifies("hi", &signature[..63]));
        assert!(SigningKey::of_seed("a b", Zeroizing::new([7; 32])).is_err());
    }
}
