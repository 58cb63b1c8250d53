//! The people of the tests: who asks, who signs, with which keys, by which catalogue.

use std::path::Path;

use base64ct::{Base64, Encoding};
use ring::signature::{Ed25519KeyPair, KeyPair};

use crate::model::catalogue::{Beside, Catalogue, SshKey};
use crate::model::chain::origin::Origin;
use crate::model::name::{Digest, Id, Incident, PersonName, Reason};
use crate::model::sign_off::approval::{Answer, Approval, NAMESPACE, Statement};
use crate::model::sign_off::sheet::{Asked, Extent, Nonce, Sheet};
use crate::model::ssh_wire as wire;
use crate::model::sshsig;
use crate::model::time::Timestamp;

/// The base of the catalogue's vectors with a profile that two of four must approve.
const CATALOGUE: &str = include_str!("../../../../tests/vectors/catalogue/base.toml");

pub(crate) const MADE: &str = "2026-01-31T02:13:00Z";

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// So many seconds after the request was made.
pub(crate) fn after(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(at(MADE).seconds() + seconds)
}

pub(crate) fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

/// Somebody's key, made of a number.
pub(crate) struct Pair {
    pub(crate) pair: Ed25519KeyPair,
    pub(crate) key: SshKey,
}

impl Pair {
    pub(crate) fn of(seed: u8) -> Pair {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let blob = wire::strings(&[b"ssh-ed25519", pair.public_key().as_ref()]);
        Pair { key: Pair::key(&blob, "ssh-ed25519"), pair }
    }

    pub(crate) fn key(blob: &[u8], kind: &str) -> SshKey {
        SshKey::parse(&format!("{kind} {}", Base64::encode_string(blob))).unwrap()
    }

    pub(crate) fn line(&self) -> String {
        self.key.public_key().to_openssh().unwrap()
    }

    pub(crate) fn signed(&self, namespace: &str, text: &str) -> String {
        let signature = self.pair.sign(&sshsig::to_sign(namespace, text.as_bytes()));
        sshsig::armoured(&self.key, namespace, &wire::strings(&[b"ssh-ed25519", signature.as_ref()]))
    }

    pub(crate) fn says(&self, statement: &Statement) -> Approval {
        Approval::new(statement, &self.signed(NAMESPACE, &statement.to_text().unwrap())).unwrap()
    }
}

/// alice is 1 (and asked herself), bob is 2 and 12, carol is 3, dave is 4; erin has no key, mallory is nobody.
pub(crate) fn text() -> String {
    let key = |seed| Pair::of(seed).line();
    let people = format!(
        "[people.bob]\ngroups = [\"leads\"]\nkeys = [\"{}\", \"{}\"]\n\
         [people.dave]\ngroups = [\"other\"]\nkeys = [\"{}\"]\n\
         [people.erin]\ngroups = [\"leads\"]\n\n[profiles.prod-db-emergency]\n\
         approval = {{ count = 2, from = [\"leads\", \"alice\"], within = \"30m\" }}\n",
        key(2),
        key(12),
        key(4),
    );
    let carols = CATALOGUE.find("keys = [\"ssh-ed25519").unwrap();
    let end = carols + CATALOGUE[carols..].find('\n').unwrap();
    let text = format!("{}keys = [\"{}\"]{}", &CATALOGUE[..carols], key(3), &CATALOGUE[end..]);
    text.replace("groups = [\"oncall\"]", &format!("groups = [\"oncall\"]\nkeys = [\"{}\"]", key(1)))
        .replace("[profiles.prod-db-emergency]\n", &people)
}

pub(crate) fn load(text: &str) -> Catalogue {
    let catalogue = Catalogue::load(
        Path::new("profiles.toml"),
        text.as_bytes(),
        Beside { read: &|_| Err("none".to_owned()), check: &|_| Ok(None) },
    )
    .unwrap();
    assert_eq!(catalogue.broken(), []);
    catalogue
}

pub(crate) fn asked(catalogue: &Catalogue) -> Asked {
    let profile = catalogue.profile("prod-db-emergency").unwrap();
    let (trigger, alice) = (catalogue.trigger("down").unwrap(), catalogue.person("alice").unwrap());
    Asked {
        id: id("0123abcd"),
        organisation: catalogue.organisation().clone(),
        origin: Origin::parse("glass/acme/laptop/alice/62rp5vxh").unwrap(),
        person: alice.name.clone(),
        profile: profile.name.clone(),
        parts: catalogue.parts(profile, trigger, alice),
        role: profile.role.clone(),
        trigger: trigger.name.clone(),
        incident: Incident::parse("INC-4711").unwrap(),
        reason: Reason::parse("orders \"database\" lost its writér \\o/").unwrap(),
        duration: 900,
        step: None,
        overrides: false,
        made: at(MADE),
        expires: after(1800),
        ledger: Extent { size: 42, root: Digest::of(b"root") },
        nonce: Nonce::from_random([7; 16]),
    }
}

pub(crate) fn sheet() -> Sheet {
    Sheet::write(&asked(&load(&text()))).unwrap()
}

pub(crate) fn statement(sheet: &Sheet, person: &str, at: Timestamp) -> Statement {
    Statement {
        answer: Answer::Approve,
        person: PersonName::parse(person).unwrap(),
        at,
        request: sheet.digest(),
        remark: String::new(),
    }
}

pub(crate) fn approval(sheet: &Sheet, person: &str, seed: u8, seconds: i64) -> Approval {
    Pair::of(seed).says(&statement(sheet, person, after(seconds)))
}

pub(crate) fn denial(sheet: &Sheet, person: &str, seed: u8, seconds: i64) -> Approval {
    let no =
        Statement { answer: Answer::Deny, remark: "not tonight".into(), ..statement(sheet, person, after(seconds)) };
    Pair::of(seed).says(&no)
}
