//! The practice world: people, keys, a phone and roles, enough for a convincing night.
//!
//! Alice is on call and has a virtual MFA device; Bob looks after the network and has none;
//! an administrator of each account can change it. The catalogue and identity that go with
//! it are files in `practice/`, beside this one.

use std::collections::BTreeMap;

use super::fault::Fault;
use super::state::{Rights, Role, State, User, VirtualDevice, random, random_id};
use super::totp::Device;
use super::trust::Trust;
use crate::model::time::Timestamp;

/// The account in which people have their daily users.
pub const PEOPLE: &str = "111122223333";

/// The production account.
pub const PRODUCTION: &str = "444455556666";

/// The staging account.
pub const STAGING: &str = "777788889999";

/// Alice's MFA device.
pub const ALICES_DEVICE: &str = "arn:aws:iam::111122223333:mfa/alice";

/// Alice's identity file; she reads the code off her phone and types it.
pub const IDENTITY: &str = include_str!("practice/identity.toml");

/// The files of the practice, by their names in its folder, but for the catalogue.
pub const FILES: [(&str, &str); 3] = [
    ("identity.toml", IDENTITY),
    ("orders-db.json", include_str!("practice/orders-db.json")),
    ("prod-db.md", include_str!("practice/prod-db.md")),
];

/// AWS profiles of the practice: name, account, user.
pub const PROFILES: [(&str, &str, &str); 5] = [
    ("practice-daily", PEOPLE, "alice"),
    ("practice-bob", PEOPLE, "bob"),
    ("practice-people", PEOPLE, "administrator"),
    ("practice-production", PRODUCTION, "administrator"),
    ("practice-staging", STAGING, "administrator"),
];

/// The catalogue of the practice, for a sandbox at this endpoint.
pub fn catalogue(endpoint: &str) -> String {
    include_str!("practice/profiles.toml").replace("http://127.0.0.1:4566", endpoint)
}

/// Only with a code just given, only in one's own name; for people of [`PEOPLE`].
const EMERGENCY: &str = include_str!("practice/trust-emergency.json");

/// With a code of the last hour; for people of [`PEOPLE`].
const READ: &str = include_str!("practice/trust-read.json");

const ROLES: [(&str, &str, &str, &str); 4] = [
    (PRODUCTION, "prod-db-emergency", "Write access to the orders database", EMERGENCY),
    (PRODUCTION, "prod-network-emergency", "Change routes and security groups", EMERGENCY),
    (PRODUCTION, "prod-db-read", "Read access to the orders database", READ),
    (STAGING, "staging-db-read", "Read access to the staging database", READ),
];

/// Makes the practice world, with new keys and seeds.
///
/// # Errors
/// When the machine has no random bytes.
pub(super) fn world(now: Timestamp) -> Result<State, Fault> {
    let mut state = State::default();
    for account in [PEOPLE, PRODUCTION, STAGING] {
        state.accounts.insert(account.to_owned(), super::state::Account::default());
        add_user(&mut state, account, "administrator", Rights::Administer, now)?;
    }
    for name in ["alice", "bob"] {
        add_user(&mut state, PEOPLE, name, Rights::Read, now)?;
    }
    if let Some(people) = state.accounts.get_mut(PEOPLE) {
        let device = VirtualDevice { device: Device::new(random()?), owner: Some(("alice".to_owned(), now)) };
        people.devices.insert(ALICES_DEVICE.to_owned(), device);
    }
    for (account, name, description, trust) in ROLES {
        let role = Role {
            path: "/glass/".to_owned(),
            id: random_id("AROA")?,
            created: now,
            description: Some(description.to_owned()),
            trust: Trust::parse(trust).expect("a test reads every trust policy of the practice"),
            max_session: 3600,
            policies: BTreeMap::new(),
        };
        state.accounts.entry(account.to_owned()).or_default().roles.insert(name.to_owned(), role);
    }
    Ok(state)
}

fn add_user(state: &mut State, account: &str, name: &str, rights: Rights, now: Timestamp) -> Result<(), Fault> {
    let user = User { path: "/".to_owned(), id: random_id("AIDA")?, created: now, rights };
    state.accounts.entry(account.to_owned()).or_default().users.insert(name.to_owned(), user);
    state.add_user_key(account, name, now).map(drop)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::catalogue::{Beside, Catalogue};
    use crate::model::identity::{Identity, Source};
    use crate::model::name::MfaSerial;

    #[test]
    fn the_world_has_what_its_catalogue_names() {
        let state = world(Timestamp::from_seconds(0)).expect("a world");
        let read = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let file = FILES.iter().find(|(known, _)| *known == name).ok_or("there is no such file")?;
            Ok(file.1.as_bytes().to_vec())
        };
        let catalogue = catalogue("http://127.0.0.1:1");
        let catalogue = Catalogue::load(
            Path::new("profiles.toml"),
            catalogue.as_bytes(),
            Beside { read: &read, check: &|_| Ok(None) },
        )
        .expect("a catalogue");
        assert_eq!(catalogue.broken(), []);
        assert_eq!(catalogue.profiles().len(), ROLES.len());
        for profile in catalogue.profiles() {
            let role = &state.accounts[profile.role.account()].roles[profile.role.role_name()];
            assert_eq!(role.arn(profile.role.account(), profile.role.role_name()), profile.role.as_str());
        }
        for person in catalogue.people() {
            let user = &state.accounts[PEOPLE].users[person.name.as_str()];
            assert!(person.arn.as_ref().expect("an ARN").admits(&user.arn(PEOPLE, person.name.as_str())));
        }
        for (profile, account, user) in PROFILES {
            assert!(state.accounts[account].users.contains_key(user), "{profile}");
        }
        let identity = Identity::load(Path::new("identity.toml"), IDENTITY.as_bytes()).expect("an identity");
        assert_eq!(identity.source, Some(Source::Profile(PROFILES[0].0.to_owned())));
        let alice = catalogue.person("alice").expect("Alice");
        assert_eq!(alice.mfa.as_ref().map(MfaSerial::as_str), Some(ALICES_DEVICE));
    }
}
