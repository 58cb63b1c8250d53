//! The keys of signed notes: `name+id+key` to verify, `PRIVATE+KEY+name+id+seed` to sign. Ed25519 only.
//!
//! Keeps the promise that a key signs for one purpose: a log's is none for cosignatures, nor a witness's for
//! checkpoints, since the kind is part of the type.

use std::fmt;

use base64ct::{Base64, Encoding};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::model::name::Digest;
use crate::model::secret::Secret;
use crate::model::text::escaped;
use crate::model::time::Timestamp;

/// Ed25519 over a text.
const OF_LOG: u8 = 1;

/// Ed25519 over a text and a time.
const OF_WITNESS: u8 = 4;

/// The last second that has a text in RFC 3339.
const LATEST: i64 = 253_402_300_799;

/// What a key that signs begins with.
const PRIVATE: &str = "PRIVATE+KEY+";

/// A key that signatures are held against; `KIND` is the byte that stands for it in C2SP's signed-note.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey<const KIND: u8> {
    name: String,
    id: [u8; 4],
    key: [u8; 32],
}

/// The key of a log: what it signs are checkpoints.
pub type VerifierKey = PublicKey<OF_LOG>;

/// The key of a witness: what it signs are others' checkpoints, with the time.
pub type WitnessKey = PublicKey<OF_WITNESS>;

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
    /// It is not Ed25519, or for another purpose: this byte does not stand before 32 bytes of key.
    Kind(u8),
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
            KeyError::Kind(kind) => write!(f, "it must be an Ed25519 key: 32 bytes after a {kind}"),
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

impl<const KIND: u8> PublicKey<KIND> {
    /// Reads `name+id+key`: id in 8 lower-case hex digits, key in base64.
    ///
    /// # Errors
    /// When it is anything else, or its id is another key's.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let (name, id, key) = parts(text, KIND, KeyError::Form("<name>+<8 hex digits>+<base64>"))?;
        let made = PublicKey::new(name, *key);
        if made.hex_id() == id { Ok(made) } else { Err(KeyError::Id { expected: made.hex_id(), found: id.to_owned() }) }
    }

    fn new(name: &str, key: [u8; 32]) -> Self {
        let hashed = [name.as_bytes(), &[b'\n', KIND], &key].concat();
        let mut id = [0; 4];
        id.copy_from_slice(&Digest::of(&hashed).bytes()[..4]);
        PublicKey { name: name.to_owned(), id, key }
    }

    /// The name: of a ledger's key, the ledger's origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first 4 bytes of SHA-256 over name and key.
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    fn has_signed(&self, text: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.key).verify(text.as_bytes(), signature).is_ok()
    }

    fn hex_id(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.id))
    }
}

impl VerifierKey {
    /// Whether a signature is one of this key over a text.
    pub fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        self.has_signed(text, signature)
    }
}

impl WitnessKey {
    /// The time of a cosignature, if it is one of this key over a text: 8 bytes of time, and what Ed25519 makes of
    /// both.
    pub fn time_of(&self, text: &str, cosignature: &[u8]) -> Option<Timestamp> {
        let (time, signature) = cosignature.split_first_chunk()?;
        let seconds = u64::from_be_bytes(*time);
        let at = i64::try_from(seconds).ok().filter(|seconds| (1..=LATEST).contains(seconds))?;
        let signed = format!("cosignature/v1\ntime {seconds}\n{text}");
        self.has_signed(&signed, signature).then(|| Timestamp::from_seconds(at))
    }
}

impl<const KIND: u8> fmt::Display for PublicKey<KIND> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[KIND][..], &self.key].concat();
        write!(f, "{}+{}+{}", self.name, self.hex_id(), Base64::encode_string(&key))
    }
}

impl<const KIND: u8> fmt::Debug for PublicKey<KIND> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<const KIND: u8> serde::Serialize for PublicKey<KIND> {
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
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(|_| KeyError::Kind(OF_LOG))?;
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
        let rest = text.expose().strip_prefix(PRIVATE).ok_or(form.clone())?;
        let (name, id, seed) = parts(rest, OF_LOG, form)?;
        let made = SigningKey::of_seed(name, seed)?;
        if made.verifier.hex_id() == id {
            Ok(made)
        } else {
            Err(KeyError::Id { expected: made.verifier.hex_id(), found: id.to_owned() })
        }
    }

    /// The text that [`SigningKey::parse`] reads.
    pub fn to_secret(&self) -> Secret {
        let key = Zeroizing::new([&[OF_LOG][..], &*self.seed].concat());
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

/// Name, id and bytes of a key's text; `form` is what is wrong with one that has other parts.
fn parts(text: &str, kind: u8, form: KeyError) -> Result<(&str, &str, Zeroizing<[u8; 32]>), KeyError> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else { return Err(form) };
    // One more than there should be, to see that there is no more.
    let mut bytes = Zeroizing::new([0; 34]);
    let (true, Ok(decoded)) = (is_name(name), Base64::decode(key, &mut *bytes)) else { return Err(form) };
    let of_key = decoded.strip_prefix(&[kind]).and_then(|key| <[u8; 32]>::try_from(key).ok());
    Ok((name, id, Zeroizing::new(of_key.ok_or(KeyError::Kind(kind))?)))
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

    // The key of a public witness.
    const WITNESS: &str = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";

    #[test]
    fn the_key_of_a_witness_is_none_of_a_log_nor_the_other_way_round() {
        assert_eq!(WitnessKey::parse(WITNESS).expect("a key").to_string(), WITNESS);
        assert_eq!(VerifierKey::parse(WITNESS), Err(KeyError::Kind(1)));
        assert_eq!(WitnessKey::parse(VERIFIER), Err(KeyError::Kind(4)));
        // The same bytes under another kind have another id.
        let other = WITNESS.replace("+BOvN", "+AevN");
        assert!(matches!(VerifierKey::parse(&other), Err(KeyError::Id { .. })));
        let post_quantum = format!("w.example+7118e8f9+{}", Base64::encode_string(&[6; 1313]));
        assert!(WitnessKey::parse(&post_quantum).is_err());
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
