//! What an approval binds to: the digest of a profile and of all that it rests on.
//!
//! Follows docs/formats.md, "Request and approval": seven parts, each the SHA-256 of the
//! JSON of that piece of the catalogue, keys sorted, defaults filled in, no white space.
//! Values are taken as they are written (`"60m"` is not `"1h"`), so that an auditor can
//! compute the same from the TOML. A file's part is the SHA-256 of its bytes, that of no
//! bytes where there is no file.

use std::fmt::Write;
use std::sync::{Arc, PoisonError};

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value as Json, json};

use super::{Catalogue, NamedFile, Person, Profile, Trigger};
use crate::model::name::{Digest, PersonName, ProfileName, TriggerName};

/// The parts in their order.
const NAMES: [&str; 7] = ["profile", "trigger", "level", "aws", "people", "policy", "runbook"];

/// What a request rests on: a profile, a trigger, and who asks.
pub(super) type RestsOn = (ProfileName, TriggerName, PersonName);

/// The digests of the pieces of a catalogue that a request rests on, in the order of `NAMES`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts([Digest; 7]);

impl Parts {
    /// The parts in their order: profile, trigger, level, aws, people, policy, runbook.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Digest)> {
        NAMES.into_iter().zip(self.0)
    }

    /// The names of the parts that are not the same in both.
    pub fn differing(&self, other: &Parts) -> Vec<&'static str> {
        self.iter().zip(other.0).filter(|((_, mine), theirs)| mine != theirs).map(|((part, _), _)| part).collect()
    }

    /// `profile_sha256`: the hash over one line `<part> <sha256>` for each part.
    pub fn digest(&self) -> Digest {
        let mut lines = String::new();
        for (part, digest) in self.iter() {
            writeln!(lines, "{part} {digest}").expect("writing to a String cannot fail");
        }
        Digest::of(lines.as_bytes())
    }
}

impl Serialize for Parts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(NAMES.len()))?;
        for (part, digest) in self.iter() {
            map.serialize_entry(part, &digest)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Parts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut found = Map::deserialize(deserializer)?;
        let mut digests = Vec::with_capacity(NAMES.len());
        for part in NAMES {
            let digest = found.remove(part).as_ref().and_then(Json::as_str).and_then(Digest::parse);
            digests.push(digest.ok_or_else(|| serde::de::Error::custom(format!("the part `{part}` is no SHA-256")))?);
        }
        match digests.try_into() {
            Ok(digests) if found.is_empty() => Ok(Parts(digests)),
            Ok(_) | Err(_) => Err(serde::de::Error::custom("there are parts that this glass does not know")),
        }
    }
}

impl Catalogue {
    /// The parts that a request of `requester` for a profile, because of a trigger, rests on.
    pub fn parts(&self, profile: &Profile, trigger: &Trigger, requester: &Person) -> Parts {
        let rests_on = (profile.name.clone(), trigger.name.clone(), requester.name.clone());
        let mut known = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(rests_on).or_insert_with(|| self.compute(profile, trigger, requester)).clone()
    }

    fn compute(&self, profile: &Profile, trigger: &Trigger, requester: &Person) -> Parts {
        let top: Json = toml::from_str(&self.text).expect("the text was parsed as TOML when the catalogue was loaded");
        let level = of_level(&top["levels"][profile.level.name.as_str()]);
        let file = |file: &Option<Arc<NamedFile>>| file.as_ref().map_or(Digest::of(b""), |file| file.digest);
        Parts([
            of_json(of_profile(&top["profiles"][profile.name.as_str()], &level)),
            of_json(top["triggers"][trigger.name.as_str()].clone()),
            of_json(level),
            of_json(top.get("aws").cloned().unwrap_or_else(|| json!({}))),
            of_json(self.of_people(&top["people"], profile, requester)),
            file(&profile.policy),
            file(&profile.runbook),
        ])
    }

    /// Groups and keys of everybody who may sign, and the whole row of the requester.
    fn of_people(&self, rows: &Json, profile: &Profile, requester: &Person) -> Json {
        let signs = |person: &&Person| profile.approval.as_ref().is_some_and(|rule| rule.from.includes(person));
        let row = |person: &Person| filled(&rows[person.name.as_str()], &json!({ "keys": [], "ledger_keys": [] }));
        let signer = |row: Json| json!({ "groups": row["groups"], "keys": row["keys"] });
        let signers = self.people().filter(signs).map(|person| (person.name.to_string(), signer(row(person))));
        let mut people: Map<String, Json> = signers.collect();
        people.insert(requester.name.to_string(), row(requester));
        Json::Object(people)
    }
}

fn of_level(level: &Json) -> Json {
    let defaults = json!({
        "approvals": 0, "recording": true, "mfa": "fresh", "anchor": "later", "open_reviews": "remind",
    });
    let level = filled(level, &defaults);
    filled(&level, &json!({ "api_log": level["recording"] }))
}

fn of_profile(profile: &Json, level: &Json) -> Json {
    let defaults = json!({
        "recording": level["recording"], "api_log": level["api_log"], "source_identity": true, "hold": true,
        "only_steps": false, "record_input": false, "trace": "none",
    });
    let mut profile = filled(profile, &defaults);
    if let Some(approval) = profile.get_mut("approval") {
        *approval = filled(approval, &json!({ "within": "30m" }));
    }
    profile
}

/// An object with defaults for the keys that it does not have.
fn filled(object: &Json, defaults: &Json) -> Json {
    let mut object = object.as_object().cloned().unwrap_or_default();
    for (key, value) in defaults.as_object().into_iter().flatten() {
        object.entry(key).or_insert_with(|| value.clone());
    }
    Json::Object(object)
}

fn of_json(mut json: Json) -> Digest {
    json.sort_all_objects();
    Digest::of(json.to_string().as_bytes())
}
