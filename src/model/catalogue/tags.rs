//! `session_tags`: what the session carries for the eyes of AWS's own policies and logs.

use std::collections::{BTreeMap, BTreeSet};

use super::mistake::quoted;
use super::reader::{Entry, Value};
use crate::model::name::{Id, Incident, TriggerName};

/// The tags that glass adds to a session, when its profile has `session_tags`.
const ADDED_TAGS: [&str; 3] = ["glass:incident", "glass:trigger", "glass:session"];

/// The most tags that STS takes for a session.
const MOST_TAGS: usize = 50;

/// The tags of a profile's sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionTags(BTreeMap<String, String>);

impl SessionTags {
    /// The profile's own tags, by key.
    pub fn own(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// All tags of one session: the profile's own, and those that glass adds.
    pub fn of_session(&self, incident: &Incident, trigger: &TriggerName, session: &Id) -> Vec<(String, String)> {
        let added = ADDED_TAGS.into_iter().zip([incident.as_str(), trigger.as_str(), session.as_str()]);
        let own = self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        own.chain(added).map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }
}

/// Reads `session_tags`; `profile` is the name of the profile's section.
pub(super) fn read(value: Value<'_>, profile: &str) -> Option<SessionTags> {
    let entries = value.section(format!("{profile}.session_tags"))?.entries();
    if entries.len() > MOST_TAGS - ADDED_TAGS.len() {
        let (count, added) = (entries.len(), ADDED_TAGS.len());
        return value
            .wrong(format!("`session_tags` has {count} tags; STS takes {MOST_TAGS}, of which glass adds {added}"));
    }
    let mut seen = BTreeSet::new();
    // Every tag is read before the first failure counts, so that all mistakes are noted.
    let tags: Vec<_> = entries.into_iter().map(|entry| (tag_key(entry, &mut seen), tag_value(entry.value))).collect();
    tags.into_iter().map(|(key, value)| Some((key?, value?))).collect::<Option<_>>().map(SessionTags)
}

/// Checks a key; `seen` are the keys so far, in lower case.
fn tag_key(entry: Entry<'_>, seen: &mut BTreeSet<String>) -> Option<String> {
    let key = entry.key;
    let folded = key.to_lowercase();
    if !(1..=128).contains(&key.chars().count()) || !key.chars().all(is_tag_character) {
        return entry.wrong("a tag's key has 1 to 128 letters, digits, spaces and _.:/=+-@");
    }
    if folded.starts_with("aws:") || ADDED_TAGS.contains(&folded.as_str()) {
        return entry.wrong(format!("the tag {} is not yours to set", quoted(key)));
    }
    if !seen.insert(folded) {
        return entry
            .wrong(format!("the tag {} is there in another spelling; STS does not tell case apart", quoted(key)));
    }
    Some(key.to_owned())
}

fn tag_value(value: Value<'_>) -> Option<String> {
    let text = value.text()?;
    if text.chars().count() > 256 || !text.chars().all(is_tag_character) {
        return value.wrong("a tag's value has at most 256 letters, digits, spaces and _.:/=+-@");
    }
    Some(text.to_owned())
}

/// `[\p{L}\p{Z}\p{N}_.:/=+\-@]` as STS has it, but for letters and digits beyond what Rust counts as such.
fn is_tag_character(character: char) -> bool {
    character.is_alphanumeric() || character == ' ' || "_.:/=+-@".contains(character)
}
