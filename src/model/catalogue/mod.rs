//! The catalogue: the team's file that says who may break which glass, and when.
//!
//! Text in, checked values out. Every mistake is found in one run, with its place.
//! One that is confined to a profile stops that profile only; one anywhere else
//! stops everything. Every key and its rules: docs/catalogue.md.

mod approval;
mod aws;
mod digest;
pub mod document;
mod file;
mod hook;
mod ledger;
mod level;
pub mod mistake;
mod network;
mod overriding;
mod person;
mod profile;
pub mod reader;
mod session_policy;
mod step;
mod store;
mod tags;
mod trace;
mod trigger;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

pub use approval::{ApprovalRule, LONGEST_WAIT};
pub use aws::{Aws, Endpoint};
pub use digest::Parts;
use digest::RestsOn;
pub use document::DocumentError;
pub use file::{Beside, NamedFile};
pub use hook::{Hook, HookCall, can_be_told};
pub use ledger::Shipping;
pub use level::{AnchorDemand, Level, MfaDemand, OpenReviews};
pub use mistake::Mistake;
pub use network::Network;
pub use overriding::OverrideRule;
pub use person::{Audience, Person, SshKey};
pub use profile::Profile;
pub use step::Step;
pub use store::{ApprovalStore, ShorterLedger, SignOffRules};
pub use tags::SessionTags;
pub use trace::TraceDemand;
pub use trigger::{Confirm, Trigger};

use document::Document;
use file::Files;
use mistake::quoted;
use profile::Ground;
use reader::{Entry, Flaws, Section, Value};

use super::name::{Digest, Environment, Organisation, PersonName, ProfileName, Region, TriggerName};
use super::note::key::VerifierKey;

/// The largest catalogue that is read, in bytes.
const LARGEST_CATALOGUE: usize = 1024 * 1024;

/// A catalogue without mistakes, but for those that are confined to single profiles.
#[derive(Debug)]
pub struct Catalogue {
    organisation: Organisation,
    aws: Aws,
    shipping: Shipping,
    sign_off: SignOffRules,
    hooks: Vec<Hook>,
    triggers: BTreeMap<TriggerName, Trigger>,
    people: BTreeMap<PersonName, Person>,
    profiles: BTreeMap<ProfileName, Profile>,
    broken: Vec<BrokenProfile>,
    /// The programs of triggers that cannot be run here.
    unfit: Vec<Mistake>,
    files: Vec<Arc<NamedFile>>,
    text: String,
    digest: Digest,
    /// The parts that were computed already: a store may have thousands of requests for them.
    parts: Mutex<BTreeMap<RestsOn, Parts>>,
}

/// A profile that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenProfile {
    /// Its name as it is written; not necessarily a valid one.
    pub name: String,
    /// Everything that is wrong with it.
    pub mistakes: Vec<Mistake>,
}

impl Catalogue {
    /// Reads a catalogue.
    ///
    /// `path` is the catalogue's own: what it names is looked for `beside` it.
    ///
    /// # Errors
    /// All mistakes that are not confined to a profile, together with those that are.
    pub fn load(path: &Path, bytes: &[u8], beside: Beside<'_>) -> Result<Catalogue, DocumentError> {
        // Never empty: a program without a slash would be looked for in `PATH`.
        let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        let mut files = Files::new(folder, beside);
        let (mut broken, mut unfit) = (Vec::new(), Vec::new());
        let document = Document::parse(path, bytes, LARGEST_CATALOGUE)?;
        let loaded = document.read(|section, source| {
            let loaded = walk(section, folder, &mut files, &mut |name, flaws| {
                broken.push(BrokenProfile { name, mistakes: flaws.into_mistakes(source) });
            });
            unfit = files.take_unfit().into_mistakes(source);
            loaded
        });
        match loaded {
            Ok(loaded) => Ok(Catalogue {
                organisation: loaded.organisation,
                aws: loaded.aws,
                shipping: loaded.shipping,
                sign_off: loaded.sign_off,
                hooks: loaded.hooks,
                triggers: loaded.triggers,
                people: loaded.people,
                profiles: loaded.profiles,
                broken,
                unfit,
                files: files.into_files(),
                text: document.text().to_owned(),
                digest: Digest::of(bytes),
                parts: Mutex::default(),
            }),
            Err(error) => Err(error.with(broken.into_iter().flat_map(|profile| profile.mistakes).chain(unfit))),
        }
    }

    /// Whose catalogue this is.
    pub fn organisation(&self) -> &Organisation {
        &self.organisation
    }

    /// How AWS is reached.
    pub fn aws(&self) -> &Aws {
        &self.aws
    }

    /// Where the ledger is sent; nowhere, if the catalogue does not say.
    pub fn shipping(&self) -> &Shipping {
        &self.shipping
    }

    /// Where requests and approvals are left; nowhere if they are pasted and handed over as files.
    pub fn store(&self) -> Option<&ApprovalStore> {
        self.sign_off.store.as_ref()
    }

    /// What an approver's glass does with a request whose ledger got shorter or was rewritten.
    pub fn shorter_ledger(&self) -> ShorterLedger {
        self.sign_off.shorter_ledger
    }

    /// Who is told of what happens.
    pub fn hooks(&self) -> &[Hook] {
        &self.hooks
    }

    /// The profile of a name, if there is one without mistakes.
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    /// All profiles without mistakes, by name.
    pub fn profiles(&self) -> impl ExactSizeIterator<Item = &Profile> {
        self.profiles.values()
    }

    /// The profiles that cannot be used, by name.
    pub fn broken(&self) -> &[BrokenProfile] {
        &self.broken
    }

    /// All mistakes that keep nobody from using the rest: those of profiles, and the programs of triggers that cannot be
    /// run here, so that their triggers do not count.
    pub fn mistakes(&self) -> impl Iterator<Item = &Mistake> {
        self.broken.iter().flat_map(|profile| &profile.mistakes).chain(&self.unfit)
    }

    /// The trigger of a name.
    pub fn trigger(&self, name: &str) -> Option<&Trigger> {
        self.triggers.get(name)
    }

    /// The person of a name.
    pub fn person(&self, name: &str) -> Option<&Person> {
        self.people.get(name)
    }

    /// Everybody, by name.
    pub fn people(&self) -> impl ExactSizeIterator<Item = &Person> {
        self.people.values()
    }

    /// The keys of everybody's ledgers.
    pub fn ledger_keys(&self) -> impl Iterator<Item = &VerifierKey> {
        self.people().flat_map(|person| &person.ledger_keys)
    }

    /// The files that the catalogue names, each once.
    pub fn files(&self) -> &[Arc<NamedFile>] {
        &self.files
    }

    /// The catalogue as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The hash of the catalogue as it was read.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// What the walk through a catalogue makes.
struct Loaded {
    organisation: Organisation,
    aws: Aws,
    shipping: Shipping,
    sign_off: SignOffRules,
    hooks: Vec<Hook>,
    triggers: BTreeMap<TriggerName, Trigger>,
    people: BTreeMap<PersonName, Person>,
    profiles: BTreeMap<ProfileName, Profile>,
}

fn walk(
    mut top: Section<'_>,
    folder: &Path,
    files: &mut Files<'_>,
    broken: &mut dyn FnMut(String, Flaws),
) -> Option<Loaded> {
    top.required("version").and_then(Value::version)?;
    let organisation = top.required("organisation").and_then(|value| value.parsed(Organisation::parse));
    let aws = top.optional("aws").map_or(Some(Aws::default()), |value| aws::read(value, files));
    let common = common_region(&top);
    let shipping =
        top.optional("ledger").map_or(Some(Shipping::default()), |value| ledger::read(value, folder, common.as_ref()));
    let sign_off = top
        .optional("approvals")
        .map_or(Some(SignOffRules::default()), |value| store::read(value, folder, common.as_ref()));
    let hooks = top.optional("hooks").map_or(Some(Vec::new()), |value| hook::read(value, folder));
    let environments = top.required("naming").and_then(environments);
    let levels = named(&mut top, "levels", |entry| level::read(entry, shipping.as_ref()));
    let triggers = named(&mut top, "triggers", |entry| trigger::read(entry, files));
    let (mut names, mut keys) = (BTreeSet::new(), BTreeMap::new());
    let people = named(&mut top, "people", |entry| person::read(entry, &mut names, &mut keys));
    names.extend(people.keys().cloned());
    let ground = Ground { environments, levels, triggers: triggers.keys().cloned().collect(), people, names };
    let profiles = profiles(&mut top, &ground, files, broken);
    top.close();
    let triggers = triggers.into_values().map(|trigger| trigger.map(|trigger| (trigger.name.clone(), trigger)));
    let people = ground.people.into_values().map(|person| person.map(|person| (person.name.clone(), person)));
    Some(Loaded {
        organisation: organisation?,
        aws: aws?,
        shipping: shipping?,
        sign_off: sign_off?,
        hooks: hooks?,
        triggers: triggers.collect::<Option<_>>()?,
        people: people.collect::<Option<_>>()?,
        profiles,
    })
}

/// The region that all profiles have in common, if there is one.
fn common_region(top: &Section<'_>) -> Option<Region> {
    let mut regions = top.texts_below("profiles", "region").into_iter();
    let first = regions.next()?;
    regions.all(|region| region == first).then(|| Region::parse(first).ok())?
}

fn environments(value: Value<'_>) -> Option<Vec<Environment>> {
    let mut section = value.section("naming".to_owned())?;
    let written = section.required("environments");
    let environments = written.and_then(|value| value.list(|item| item.parsed(Environment::parse)));
    section.close();
    let environments = environments?;
    if environments.is_empty() {
        return written?.wrong("`environments` must name at least one");
    }
    Some(environments)
}

/// Reads a table of named things, of which there must be at least one; `None` for one with mistakes.
fn named<'a, T>(
    top: &mut Section<'a>,
    key: &'static str,
    mut read: impl FnMut(Entry<'a>) -> Option<T>,
) -> BTreeMap<String, Option<T>> {
    let entries = entries(top, key);
    entries.into_iter().map(|entry| (entry.key.to_owned(), read(entry))).collect()
}

fn entries<'a>(top: &mut Section<'a>, key: &'static str) -> Vec<Entry<'a>> {
    let Some(value) = top.required(key) else { return Vec::new() };
    let Some(section) = value.section(key.to_owned()) else { return Vec::new() };
    let entries = section.entries();
    if entries.is_empty() {
        value.wrong::<()>(format!("`{key}` must have at least one entry"));
    }
    entries
}

/// Reads the profiles; one with mistakes is handed to `broken` and left out.
fn profiles(
    top: &mut Section<'_>,
    ground: &Ground,
    files: &mut Files<'_>,
    broken: &mut dyn FnMut(String, Flaws),
) -> BTreeMap<ProfileName, Profile> {
    let entries = entries(top, "profiles");
    let mut of_role: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for entry in &entries {
        if let Some(role) = entry.value.text_of("role") {
            of_role.entry(role).or_default().push(entry.key);
        }
    }
    let mut profiles = BTreeMap::new();
    for entry in entries {
        let flaws = Flaws::default();
        let entry = entry.noting_in(&flaws);
        let sharing = entry.value.text_of("role").and_then(|role| of_role.get(role));
        let sharing = sharing.into_iter().flatten().find(|name| **name != entry.key);
        let profile = profile_name(entry, ground)
            .and_then(|name| profile::read(entry.value, name, ground, sharing.copied(), files));
        match profile {
            Some(profile) if flaws.is_empty() => drop(profiles.insert(profile.name.clone(), profile)),
            Some(_) | None => broken(entry.key.to_owned(), flaws),
        }
    }
    profiles
}

/// Checks that a profile's name says where it reaches and how much it may do.
fn profile_name(entry: Entry<'_>, ground: &Ground) -> Option<ProfileName> {
    let name = entry.name(ProfileName::parse)?;
    let known = ground.environments.as_ref().is_none_or(|all| all.iter().any(|one| one.as_str() == name.environment()));
    if !known {
        let all = ground.environments.iter().flatten().map(Environment::as_str).collect::<Vec<_>>().join(", ");
        let hint = format!("the first word of a name is one of naming.environments: {all}");
        entry.wrong_because::<()>(format!("`{}` is not an environment", name.environment()), hint);
    }
    if !ground.levels.is_empty() && !ground.levels.contains_key(name.level()) {
        let all = ground.levels.keys().map(|level| quoted(level)).collect::<Vec<_>>().join(", ");
        entry.wrong_because::<()>(
            format!("there is no level `{}`", name.level()),
            format!("the last word of a name is a level: {all}"),
        );
    }
    Some(name)
}

#[cfg(test)]
mod example;
#[cfg(test)]
mod tests;
