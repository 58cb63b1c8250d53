//! SSH keys in software: an ordinary one, and security keys that are touched or not as a test wants it.

use glass::model::catalogue::SshKey;
use glass::model::name::Digest;
use glass::model::ssh_wire::{natural, strings};
use glass::model::sshsig;

use base64ct::{Base64, Encoding};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

const APPLICATION: &[u8] = b"ssh:";

/// What kind of key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ed25519,
    SkEd25519,
    SkEcdsa,
}

/// A key whose private half is in the test's memory.
pub struct SoftKey {
    kind: Kind,
    ed25519: Ed25519KeyPair,
    ecdsa: EcdsaKeyPair,
    /// What a security key says of a signature: 1 when it was touched.
    pub flags: u8,
}

impl SoftKey {
    /// A new key; a security key that is touched.
    pub fn new(kind: Kind) -> SoftKey {
        let (form, chance) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let ecdsa = EcdsaKeyPair::generate_pkcs8(form, &chance).unwrap();
        SoftKey {
            kind,
            ed25519: Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&chance).unwrap().as_ref()).unwrap(),
            ecdsa: EcdsaKeyPair::from_pkcs8(form, ecdsa.as_ref(), &chance).unwrap(),
            flags: 1,
        }
    }

    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Ed25519 => "ssh-ed25519",
            Kind::SkEd25519 => "sk-ssh-ed25519@openssh.com",
            Kind::SkEcdsa => "sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    /// The line that a catalogue and `allowed_signers` have of it.
    pub fn line(&self) -> String {
        let (name, ed25519, ecdsa) =
            (self.name().as_bytes(), self.ed25519.public_key().as_ref(), self.ecdsa.public_key().as_ref());
        let blob = match self.kind {
            Kind::Ed25519 => strings(&[name, ed25519]),
            Kind::SkEd25519 => strings(&[name, ed25519, APPLICATION]),
            Kind::SkEcdsa => strings(&[name, b"nistp256", ecdsa, APPLICATION]),
        };
        format!("{} {}", self.name(), Base64::encode_string(&blob))
    }

    /// Its public half.
    pub fn public(&self) -> SshKey {
        SshKey::parse(&self.line()).unwrap()
    }

    /// Its signature over some bytes, in SSH's form.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let counter = 7_u32.to_be_bytes();
        let (application, hash) = (Digest::of(APPLICATION), Digest::of(bytes));
        let touched = [&application.bytes()[..], &[self.flags], &counter, &hash.bytes()[..]].concat();
        let signed = if self.kind == Kind::Ed25519 { bytes } else { &touched };
        let signature = match self.kind {
            Kind::Ed25519 | Kind::SkEd25519 => self.ed25519.sign(signed).as_ref().to_vec(),
            Kind::SkEcdsa => {
                let both = self.ecdsa.sign(&SystemRandom::new(), signed).unwrap();
                let (r, s) = both.as_ref().split_at(32);
                strings(&[&natural(r), &natural(s)])
            }
        };
        let plain = strings(&[self.name().as_bytes(), &signature]);
        if self.kind == Kind::Ed25519 { plain } else { [&plain[..], &[self.flags], &counter].concat() }
    }

    /// An armoured signature over a message for a purpose.
    pub fn approve(&self, namespace: &str, message: &[u8]) -> String {
        sshsig::armoured(&self.public(), namespace, &self.sign(&sshsig::to_sign(namespace, message)))
    }
}
