//! The signature of a private key, in SSH's form (RFC 4253, 5656, 8332, 8709).

use std::fmt;

use ring::rand::SecureRandom;
use ring::rsa::{KeyPairComponents, PublicKeyComponents};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA512, RsaKeyPair};
use zeroize::Zeroizing;

use super::{KeyFileError, PrivateKey};
use crate::model::ssh_wire::{Reader, natural, strings};

const ED25519: &str = "ssh-ed25519";
const ECDSA: &str = "ecdsa-sha2-nistp256";
const RSA: &str = "ssh-rsa";

/// What a private key is made of.
enum Numbers<'b> {
    Ed25519 { point: &'b [u8], seed: &'b [u8] },
    Ecdsa { point: &'b [u8], scalar: &'b [u8] },
    Rsa { n: &'b [u8], e: &'b [u8], d: &'b [u8], inverse: &'b [u8], p: &'b [u8], q: &'b [u8] },
}

impl PrivateKey {
    /// Signs some bytes.
    ///
    /// # Errors
    /// When the key is of a kind or size that cannot be used here.
    pub fn sign(&self, message: &[u8], chance: &dyn SecureRandom) -> Result<Vec<u8>, KeyFileError> {
        // ring does not wipe its copies of the numbers: they live for one signature.
        match self.numbers()? {
            Numbers::Ed25519 { point, seed } => {
                let pair = Ed25519KeyPair::from_seed_and_public_key(seed, point).map_err(unusable)?;
                Ok(strings(&[ED25519.as_bytes(), pair.sign(message).as_ref()]))
            }
            Numbers::Ecdsa { point, scalar } => {
                let mut whole = Zeroizing::new([0; 32]);
                let from = whole.len().checked_sub(scalar.len()).ok_or(KeyFileError::Damaged)?;
                whole[from..].copy_from_slice(scalar);
                let form = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let pair = EcdsaKeyPair::from_private_key_and_public_key(form, &whole[..], point, chance);
                let signature = pair.map_err(unusable)?.sign(chance, message).map_err(unusable)?;
                let (r, s) = signature.as_ref().split_at(32);
                Ok(strings(&[ECDSA.as_bytes(), &strings(&[&natural(r), &natural(s)])]))
            }
            Numbers::Rsa { n, e, d, inverse, p, q } => {
                let (for_p, for_q) = (exponent(d, p), exponent(d, q));
                let public_key = PublicKeyComponents { n, e };
                let pair = RsaKeyPair::from_components(&KeyPairComponents {
                    public_key,
                    d,
                    p,
                    q,
                    dP: &for_p,
                    dQ: &for_q,
                    qInv: inverse,
                });
                let pair = pair.map_err(unusable)?;
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA512, chance, message, &mut signature).map_err(unusable)?;
                Ok(strings(&[b"rsa-sha2-512", &signature]))
            }
        }
    }

    /// The public key that belongs to it, in SSH's form.
    pub(super) fn public(&self) -> Result<Vec<u8>, KeyFileError> {
        Ok(match self.numbers()? {
            Numbers::Ed25519 { point, .. } => strings(&[ED25519.as_bytes(), point]),
            Numbers::Ecdsa { point, .. } => strings(&[ECDSA.as_bytes(), b"nistp256", point]),
            Numbers::Rsa { n, e, .. } => strings(&[RSA.as_bytes(), &natural(e), &natural(n)]),
        })
    }

    fn numbers(&self) -> Result<Numbers<'_>, KeyFileError> {
        let mut rest = Reader::new(&self.0);
        match rest.name()?.as_str() {
            ED25519 => {
                let (point, seed) = (rest.string()?, rest.string()?);
                // The point comes once more after the seed.
                Ok(Numbers::Ed25519 { point, seed: seed.get(..32).ok_or(KeyFileError::Damaged)? })
            }
            ECDSA => {
                let _curve = rest.string()?;
                Ok(Numbers::Ecdsa { point: rest.string()?, scalar: rest.natural()? })
            }
            RSA => {
                let mut next = || rest.natural();
                let (n, e, d) = (next()?, next()?, next()?);
                Ok(Numbers::Rsa { n, e, d, inverse: next()?, p: next()?, q: next()? })
            }
            kind if kind.starts_with("sk-") => Err(KeyFileError::InSecurityKey),
            kind => Err(KeyFileError::Unusable(format!("it is of the kind {kind}"))),
        }
    }
}

fn unusable(error: impl fmt::Display) -> KeyFileError {
    KeyFileError::Unusable(error.to_string())
}

/// `d` modulo `prime - 1`, which OpenSSH's form leaves out and a signature needs.
///
/// How long it takes depends on the numbers: it is done once, on the machine that has the key.
fn exponent(d: &[u8], prime: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut modulus = Zeroizing::new(prime.to_vec());
    // A prime is odd, so nothing is borrowed.
    modulus.iter_mut().next_back().into_iter().for_each(|last| *last &= !1);
    let mut remainder = Zeroizing::new(vec![0_u8; prime.len() + 1]);
    for bit in d.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)) {
        let mut carried = bit;
        for byte in remainder.iter_mut().rev() {
            (*byte, carried) = (*byte << 1 | carried, *byte >> 7);
        }
        if remainder[0] > 0 || remainder[1..] >= modulus[..] {
            subtract(&mut remainder, &modulus);
        }
    }
    remainder.remove(0);
    remainder
}

/// Takes a number from a larger one, both with the greatest byte first.
fn subtract(larger: &mut [u8], smaller: &[u8]) {
    let mut borrowed = false;
    let padded = smaller.iter().rev().chain(std::iter::repeat(&0));
    for (byte, taken) in larger.iter_mut().rev().zip(padded) {
        let (less, first) = byte.overflowing_sub(*taken);
        let (less, second) = less.overflowing_sub(borrowed.into());
        (*byte, borrowed) = (less, first || second);
    }
}
