//! Whether a signature is one of a key: the arithmetic is `ring`'s, what is signed in which form is SSH's.
//!
//! Keeps the promise that each kind of key has the algorithms that are named here and no other, and that a
//! security key was touched. Forms: RFC 4253, 5656, 8332, 8709, and OpenSSH's PROTOCOL.u2f.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};
use ssh_key::public::{EcdsaPublicKey, KeyData, RsaPublicKey};

use super::SignatureError;
use crate::model::catalogue::SshKey;
use crate::model::name::Digest;
use crate::model::ssh_wire::Reader;

/// The flag of a security key that says that somebody touched it.
const TOUCHED: u8 = 1;

/// Checks a signature, in SSH's form, over some bytes.
///
/// # Errors
/// When it is not one of this key, in an algorithm that glass accepts.
pub(super) fn check(key: &SshKey, signature: &[u8], signed: &[u8]) -> Result<(), SignatureError> {
    let mut rest = Reader::new(signature);
    let (algorithm, bytes) = (rest.name()?, rest.string()?);
    let expect = |name: &str| if algorithm == name { Ok(()) } else { Err(other(&algorithm)) };
    match key.public_key().key_data() {
        KeyData::Ed25519(point) => {
            expect("ssh-ed25519")?;
            rest.end()?;
            verify(&ED25519, &point.0, signed, bytes)
        }
        KeyData::Ecdsa(EcdsaPublicKey::NistP256(point)) => {
            expect("ecdsa-sha2-nistp256")?;
            rest.end()?;
            verify(&ECDSA_P256_SHA256_FIXED, point.as_bytes(), signed, &fixed(bytes)?)
        }
        KeyData::Rsa(key) => {
            rest.end()?;
            verify_rsa(key, &algorithm, signed, bytes)
        }
        KeyData::SkEd25519(key) => {
            expect("sk-ssh-ed25519@openssh.com")?;
            let touch = Touch::read(rest)?;
            verify(&ED25519, &key.public_key().0, &touch.signed(key.application(), signed), bytes)?;
            touch.demand()
        }
        KeyData::SkEcdsaSha2NistP256(key) => {
            expect("sk-ecdsa-sha2-nistp256@openssh.com")?;
            let touch = Touch::read(rest)?;
            let signed = touch.signed(key.application(), signed);
            verify(&ECDSA_P256_SHA256_FIXED, key.ec_point().as_bytes(), &signed, &fixed(bytes)?)?;
            touch.demand()
        }
        // No `SshKey` is made of any other kind.
        _ => Err(other(&algorithm)),
    }
}

/// What a security key adds: its flags, and how often it has signed.
struct Touch {
    flags: u8,
    counter: u32,
}

impl Touch {
    fn read(mut rest: Reader<'_>) -> Result<Self, SignatureError> {
        let touch = Touch { flags: rest.byte()?, counter: rest.number()? };
        rest.end()?;
        Ok(touch)
    }

    /// What the security key has signed in place of `signed`.
    fn signed(&self, application: &str, signed: &[u8]) -> Vec<u8> {
        let (application, signed) = (Digest::of(application.as_bytes()), Digest::of(signed));
        [&application.bytes()[..], &[self.flags], &self.counter.to_be_bytes(), &signed.bytes()[..]].concat()
    }

    fn demand(&self) -> Result<(), SignatureError> {
        if self.flags & TOUCHED == 0 { Err(SignatureError::NotTouched) } else { Ok(()) }
    }
}

fn verify(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    signed: &[u8],
    bytes: &[u8],
) -> Result<(), SignatureError> {
    UnparsedPublicKey::new(algorithm, key).verify(signed, bytes).map_err(|_| SignatureError::Bad)
}

fn verify_rsa(key: &RsaPublicKey, algorithm: &str, signed: &[u8], bytes: &[u8]) -> Result<(), SignatureError> {
    let parameters = match algorithm {
        "rsa-sha2-512" => &RSA_PKCS1_2048_8192_SHA512,
        "rsa-sha2-256" => &RSA_PKCS1_2048_8192_SHA256,
        "ssh-rsa" => return Err(SignatureError::Sha1),
        _ => return Err(other(algorithm)),
    };
    let n = key.n.as_positive_bytes().ok_or(SignatureError::Bad)?;
    let e = key.e.as_positive_bytes().ok_or(SignatureError::Bad)?;
    // Some signers leave out zeros at the beginning (RFC 8332, section 3).
    let missing = n.len().checked_sub(bytes.len()).ok_or(SignatureError::Bad)?;
    let whole = [&vec![0; missing], bytes].concat();
    RsaPublicKeyComponents { n, e }.verify(parameters, signed, &whole).map_err(|_| SignatureError::Bad)
}

/// The two numbers of an ECDSA signature, 32 bytes each.
fn fixed(bytes: &[u8]) -> Result<[u8; 64], SignatureError> {
    let mut rest = Reader::new(bytes);
    let mut fixed = [0; 64];
    for half in fixed.chunks_exact_mut(32) {
        let number = rest.natural()?;
        let from = half.len().checked_sub(number.len()).ok_or(SignatureError::Bad)?;
        half[from..].copy_from_slice(number);
    }
    rest.end()?;
    Ok(fixed)
}

fn other(algorithm: &str) -> SignatureError {
    SignatureError::Algorithm(algorithm.to_owned())
}
