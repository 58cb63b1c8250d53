//! People: who may break the glass, and with which keys they sign.

use std::collections::{BTreeMap, BTreeSet};

use ssh_key::public::{EcdsaPublicKey, KeyData};
use ssh_key::{Fingerprint, HashAlg, PublicKey};

use super::Catalogue;
use super::mistake::quoted;
use super::reader::{Entry, Value};
use crate::model::name::{GroupName, MfaSerial, PersonArn, PersonName};
use crate::model::note::key::VerifierKey;
use crate::model::text::escaped;

/// Somebody whom the catalogue names.
#[derive(Clone, Debug)]
pub struct Person {
    /// The name, which is also the source identity in AWS.
    pub name: PersonName,
    /// What AWS must answer when asked who is calling; needed to elevate.
    pub arn: Option<PersonArn>,
    /// The MFA device, if the catalogue says which.
    pub mfa: Option<MfaSerial>,
    /// The groups that the person belongs to.
    pub groups: Vec<GroupName>,
    /// The keys that the person signs approvals with.
    pub keys: Vec<SshKey>,
    /// How to reach the person.
    pub contact: Option<String>,
    /// The keys of the person's ledgers, each named for its ledger's origin.
    pub ledger_keys: Vec<VerifierKey>,
}

impl Person {
    /// Whether the person goes by a name, or by another that is the same to AWS.
    pub fn is_one_with(&self, name: &PersonName, catalogue: &Catalogue) -> bool {
        let arn = catalogue.person(name.as_str()).and_then(|named| named.arn.as_ref());
        self.name == *name || self.arn.as_ref().zip(arn).is_some_and(|(one, other)| one.is_one_with(other))
    }

    /// All names by which the person goes.
    pub fn names(&self, catalogue: &Catalogue) -> Vec<PersonName> {
        let own = catalogue.people().filter(|one| one.is_one_with(&self.name, catalogue));
        own.map(|one| one.name.clone()).collect()
    }
}

/// Some of the people: a list of names of groups and of persons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience(Vec<String>);

impl Audience {
    /// The names as the catalogue has them.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// Whether the person is meant, by name or by group.
    pub fn includes(&self, person: &Person) -> bool {
        let meant = |name: &str| self.0.iter().any(|one| one == name);
        meant(person.name.as_str()) || person.groups.iter().any(|group| meant(group.as_str()))
    }
}

/// A public key that approvals can be signed with.
#[derive(Clone, Debug)]
pub struct SshKey {
    key: PublicKey,
    blob: Vec<u8>,
}

impl SshKey {
    /// The least size of an RSA key, in bits.
    pub const LEAST_RSA_BITS: usize = 3072;
    /// The largest size of an RSA key whose signatures can be checked, in bits.
    pub const MOST_RSA_BITS: usize = 8192;

    /// Reads a line as `authorized_keys` has it: kind, base64, comment.
    ///
    /// # Errors
    /// When it is no such line, or a kind or size of key that glass does not accept.
    pub fn parse(line: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("{} is not a key that glass accepts: {why}", quoted(line));
        let key = PublicKey::from_openssh(line).map_err(|error| wrong(&escaped(&error.to_string())))?;
        match key.key_data() {
            KeyData::Ed25519(_) | KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_) => {}
            KeyData::Ecdsa(EcdsaPublicKey::NistP256(_)) => {}
            KeyData::Rsa(rsa) => {
                let modulus = rsa.n.as_positive_bytes().unwrap_or_default();
                let unused = modulus.first().map_or(0, |first| first.leading_zeros() as usize);
                let bits = modulus.len() * 8 - unused;
                if !(Self::LEAST_RSA_BITS..=Self::MOST_RSA_BITS).contains(&bits) {
                    return Err(wrong("an RSA key has 3072 to 8192 bits"));
                }
            }
            _ => return Err(wrong("it must be ed25519, ecdsa-nistp256, rsa, or an sk- key of the first two")),
        }
        let blob = key.to_bytes().map_err(|error| wrong(&escaped(&error.to_string())))?;
        Ok(SshKey { key, blob })
    }

    /// The key itself, by which keys are compared: kind and numbers, without comment.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// `SHA256:…`, as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> Fingerprint {
        self.key.fingerprint(HashAlg::Sha256)
    }

    /// The parsed key, for verifying signatures.
    pub fn public_key(&self) -> &PublicKey {
        &self.key
    }
}

/// Reads `[people.<name>]`; adds the groups to those that exist.
pub(super) fn read<'a>(
    entry: Entry<'a>,
    groups: &mut BTreeSet<String>,
    used: &mut BTreeMap<Vec<u8>, String>,
) -> Option<Person> {
    let name = entry.name(PersonName::parse);
    let mut section = entry.value.section(format!("people.{}", entry.key))?;
    let of_groups = section.required("groups").and_then(|value| value.list(|item| item.parsed(GroupName::parse)));
    groups.extend(of_groups.iter().flatten().map(|group| group.as_str().to_owned()));
    let arn = section.optional("arn").map_or(Some(None), |value| value.parsed(PersonArn::parse).map(Some));
    let mfa = section.optional("mfa").map_or(Some(None), |value| value.parsed(MfaSerial::parse).map(Some));
    let keys = section.optional("keys").map_or(Some(Vec::new()), |value| value.list(|item| key(item, entry.key, used)));
    let contact = section.optional("contact").map_or(Some(None), |value| value.line().map(Some));
    let ledger_keys =
        section.optional("ledger_keys").map_or(Some(Vec::new()), |value| value.list(|item| item.parsed(ledger_key)));
    section.close();
    Some(Person {
        name: name?,
        arn: arn?,
        mfa: mfa?,
        groups: of_groups?,
        keys: keys?,
        contact: contact?,
        ledger_keys: ledger_keys?,
    })
}

/// Reads a list of groups and people, all of whom must be among `known`.
pub(super) fn audience(value: Value<'_>, known: &BTreeSet<String>) -> Option<Audience> {
    let names = value.list(|item| match item.text()? {
        name if known.contains(name) => Some(name.to_owned()),
        name => item.unknown("group or person", name, known.iter().map(String::as_str)),
    });
    names.map(Audience)
}

/// Reads a key; `used` are the keys that were read so far, each with its owner.
fn key(value: Value<'_>, owner: &str, used: &mut BTreeMap<Vec<u8>, String>) -> Option<SshKey> {
    let key = value.parsed(SshKey::parse)?;
    if let Some(other) = used.get(key.blob()) {
        let whom =
            if other == owner { "is listed twice".to_owned() } else { format!("belongs to {} already", quoted(other)) };
        return value.wrong(format!("the key {} {whom}", key.fingerprint()));
    }
    used.insert(key.blob().to_vec(), owner.to_owned());
    Some(key)
}

fn ledger_key(text: &str) -> Result<VerifierKey, String> {
    VerifierKey::parse(text).map_err(|why| format!("{} is not a ledger's key: {why}", quoted(text)))
}
