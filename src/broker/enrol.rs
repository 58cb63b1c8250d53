//! The steps of putting a daily identity in place: keep it, read it back, ask AWS who it is.
//!
//! Keeps the promise that an enrolment is whole or has not happened: whatever it put into the
//! keyring before something said no is taken out again, and what was there before is put back.

use std::error::Error;
use std::fmt;

use super::place_of;
use crate::model::catalogue::{Catalogue, Person};
use crate::model::daily_key::DailyKey;
use crate::model::identity::{CodeSource, Identity, Source, Store};
use crate::model::name::{MfaSerial, PersonArn, PersonName, Region};
use crate::model::secret::Secret;
use crate::model::text::escaped;
use crate::model::totp::Seed;
use crate::world::World;
use crate::world::aws::{AwsError, Caller, Daily, Place, SourceError};
use crate::world::machine::{AskError, Vault, VaultError};

/// The daily identity that is put in place.
#[derive(Debug)]
pub struct Enrolment {
    /// Where the daily credentials come from.
    pub origin: Origin,
    /// The MFA devices, if they are known; else the catalogue's, else AWS is asked.
    pub mfa: Vec<MfaSerial>,
    /// The seed to compute codes from, and where it is kept.
    pub seed: Option<(Seed, Store)>,
}

/// Where the daily credentials come from.
#[derive(Debug)]
pub enum Origin {
    /// A profile of the AWS CLI.
    Profile(String),
    /// A long-lived key, and where it is kept.
    Key(DailyKey, Store),
}

/// What was put in place.
#[must_use]
pub struct Enrolled {
    /// The identity, for its file.
    pub identity: Identity,
    /// Who AWS says it is.
    pub caller: Caller,
    kept: Kept,
}

impl Enrolled {
    /// Takes everything back, since its file could not be written.
    pub fn take_back(self, world: World<'_>) {
        self.kept.take_back(world);
    }
}

/// Finds somebody whom the catalogue would let elevate.
///
/// # Errors
/// When it names nobody so, or has no ARN to compare AWS's word with.
pub fn candidate<'c>(catalogue: &'c Catalogue, name: &str) -> Result<(&'c Person, &'c PersonArn), EnrolError> {
    let person = catalogue.person(name).ok_or_else(|| EnrolError::UnknownPerson(name.to_owned()))?;
    let arn = person.arn.as_ref().ok_or_else(|| EnrolError::NoArn(person.name.clone()))?;
    Ok((person, arn))
}

/// The store that is used: the one that was named, else the best that works here.
///
/// # Errors
/// When none works.
pub fn choose_store(vault: &dyn Vault, named: Option<Store>) -> Result<Store, EnrolError> {
    named.or_else(|| vault.stores().first().copied()).ok_or(EnrolError::NoStore)
}

/// Puts a daily identity in place, and proves that it works.
///
/// # Errors
/// When anything on the way says no; then the keyring is as it was.
pub fn enrol(
    world: World<'_>,
    catalogue: &Catalogue,
    (person, arn): (&Person, &PersonArn),
    enrolment: Enrolment,
) -> Result<Enrolled, EnrolError> {
    let mut kept = Kept(Vec::new());
    match put_in_place(world, catalogue, (person, arn), enrolment, &mut kept) {
        Ok((identity, caller)) => Ok(Enrolled { identity, caller, kept }),
        Err(error) => {
            kept.take_back(world);
            Err(error)
        }
    }
}

fn put_in_place(
    world: World<'_>,
    catalogue: &Catalogue,
    (person, arn): (&Person, &PersonArn),
    enrolment: Enrolment,
    kept: &mut Kept,
) -> Result<(Identity, Caller), EnrolError> {
    let source = match enrolment.origin {
        Origin::Profile(name) => Source::Profile(name),
        Origin::Key(key, store) => {
            kept.keep(world.vault, store, &DailyKey::entry(&person.name), &key.format())?;
            Source::Keyring(store)
        }
    };
    let daily = world.aws.sign_in(&person.name, &source, &somewhere(catalogue)).map_err(EnrolError::Source)?;
    let caller = daily.caller().map_err(|error| EnrolError::Aws { doing: "ask AWS who this is", error })?;
    if !arn.admits(&caller.arn) {
        return Err(EnrolError::Stranger { arn: caller.arn, person: person.name.clone(), expected: arn.clone() });
    }
    if daily.is_temporary() && enrolment.seed.is_some() {
        return Err(EnrolError::UselessSeed);
    }
    let mfa = match (&person.mfa, daily.is_temporary()) {
        _ if !enrolment.mfa.is_empty() => enrolment.mfa,
        (None, false) => devices(world, daily.as_ref())?,
        (Some(_), _) | (None, true) => Vec::new(),
    };
    let code = match enrolment.seed {
        None => CodeSource::Ask,
        Some((seed, store)) => {
            kept.keep(world.vault, store, &Seed::entry(&person.name), &seed.format())?;
            CodeSource::Keyring(store)
        }
    };
    Ok((Identity { person: person.name.clone(), source: Some(source), mfa, code, signing_key: None }, caller))
}

/// Who is calling is the same in every region: that of any profile will do.
fn somewhere(catalogue: &Catalogue) -> Place {
    let region = catalogue.profiles().next().map(|profile| profile.region.clone());
    place_of(catalogue, region.unwrap_or_else(Region::any))
}

/// The devices that AWS knows; the person is asked if AWS does not tell.
fn devices(world: World<'_>, daily: &dyn Daily) -> Result<Vec<MfaSerial>, EnrolError> {
    let error = match daily.mfa_devices() {
        Ok(devices) => {
            if devices.is_empty() {
                world.terminal.say("AWS knows no MFA device of this user that shows codes: register one in IAM");
            }
            return Ok(devices);
        }
        Err(error) => error,
    };
    world.terminal.say(&format!("AWS does not tell the MFA devices: {error}"));
    if !world.terminal.is_there() {
        return Err(EnrolError::Missing(vec!["--mfa"]));
    }
    loop {
        let answer = world.terminal.ask("ARN of the MFA device: ").map_err(EnrolError::Ask)?;
        match MfaSerial::parse(answer.trim()) {
            Ok(serial) => return Ok(vec![serial]),
            Err(error) => world.terminal.say(&error.to_string()),
        }
    }
}

/// What was put into keyrings, with what was there before.
struct Kept(Vec<(Store, String, Option<Secret>)>);

impl Kept {
    /// Puts a secret into a keyring, and reads it back.
    fn keep(&mut self, vault: &dyn Vault, store: Store, entry: &str, secret: &Secret) -> Result<(), EnrolError> {
        let before = match vault.read(store, entry) {
            Ok(before) => Some(before),
            Err(VaultError::Missing { .. }) => None,
            Err(error) => return Err(EnrolError::Vault(error)),
        };
        // Noted first: a write that failed may have happened.
        self.0.push((store, entry.to_owned(), before));
        vault.write(store, entry, secret).map_err(EnrolError::Vault)?;
        let back = vault.read(store, entry).map_err(EnrolError::Vault)?;
        if back.expose() == secret.expose() { Ok(()) } else { Err(EnrolError::NotKept(store)) }
    }

    fn take_back(self, world: World<'_>) {
        for (store, entry, before) in self.0 {
            let done = match before {
                Some(before) => world.vault.write(store, &entry, &before),
                None => world.vault.remove(store, &entry),
            };
            if let Err(error) = done {
                world.terminal.warn(&format_args!("`{entry}` may still be in the keyring: {error}"));
            }
        }
    }
}

/// Takes somebody's key and seed out of keyrings.
///
/// # Errors
/// When one may still be there.
pub fn remove(vault: &dyn Vault, person: &PersonName, stores: &[Store]) -> Result<(), EnrolError> {
    for store in stores {
        for entry in [DailyKey::entry(person), Seed::entry(person)] {
            vault.remove(*store, &entry).map_err(EnrolError::Vault)?;
        }
    }
    Ok(())
}

/// Why nobody was enrolled.
#[derive(Debug)]
pub enum EnrolError {
    /// Nobody can be asked for these.
    Missing(Vec<&'static str>),
    /// The catalogue does not name this person.
    UnknownPerson(String),
    /// The catalogue has no ARN of this person.
    NoArn(PersonName),
    /// No keyring works here.
    NoStore,
    /// The keyring gave back something else.
    NotKept(Store),
    /// The daily identity is temporary, and AWS takes no code from such.
    UselessSeed,
    /// AWS says it is somebody else.
    Stranger {
        /// Who AWS says it is.
        arn: String,
        /// Who it should be.
        person: PersonName,
        /// That person's ARN.
        expected: PersonArn,
    },
    /// A question has no answer.
    Ask(AskError),
    /// The keyring failed.
    Vault(VaultError),
    /// The source gives no credentials.
    Source(SourceError),
    /// AWS does not answer.
    Aws {
        /// What was being done.
        doing: &'static str,
        /// What AWS said.
        error: AwsError,
    },
}

impl fmt::Display for EnrolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EnrolError::Missing(missing) => {
                let are = if missing.len() == 1 { "is" } else { "are" };
                write!(f, "{} {are} missing, and there is no terminal to ask on", missing.join(", "))
            }
            EnrolError::UnknownPerson(name) => write!(f, "the catalogue names nobody `{}`", escaped(name)),
            EnrolError::NoArn(name) => write!(f, "the catalogue has no `arn` of {name}"),
            EnrolError::NoStore => f.write_str("no keyring works on this machine"),
            EnrolError::NotKept(store) => {
                write!(f, "the keyring `{store}` gives back something else than it was given")
            }
            EnrolError::UselessSeed => {
                f.write_str("AWS takes no code from temporary credentials, so the seed would lie there for nothing")
            }
            EnrolError::Stranger { arn, person, expected } => {
                write!(f, "AWS says that this is {}, and {person} is {expected}", escaped(arn))
            }
            EnrolError::Ask(error) => write!(f, "{error}"),
            EnrolError::Vault(error) => write!(f, "{error}"),
            EnrolError::Source(error) => write!(f, "{error}"),
            EnrolError::Aws { doing, error } => write!(f, "cannot {doing}: {error}"),
        }
    }
}

impl Error for EnrolError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            EnrolError::Ask(error) => error.source(),
            EnrolError::Vault(error) => error.source(),
            EnrolError::Source(error) => error.source(),
            EnrolError::Missing(_)
            | EnrolError::UnknownPerson(_)
            | EnrolError::NoArn(_)
            | EnrolError::NoStore
            | EnrolError::NotKept(_)
            | EnrolError::UselessSeed
            | EnrolError::Stranger { .. }
            | EnrolError::Aws { .. } => None,
        }
    }
}
