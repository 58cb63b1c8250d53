//! The ledger as events of the Open Cybersecurity Schema Framework (OCSF), version 1.8.0, with its profile `host`.
//!
//! Keeps the promise that every entry becomes a valid event of that schema, whatever its details hold, and leads back:
//! `metadata.uid` names ledger and entry, `raw_data_hash` is the hash of its line, `unmapped` has the details as they
//! are. Which event becomes what is in `mapping`, and as a table in `docs/ocsf.md`.

mod class;
mod mapping;

use serde_json::{Map, Value, json};

use super::Place;
use crate::model::chain::entry::Entry;
use crate::model::name::Digest;
use crate::model::time::Timestamp;
use mapping::{Details, Mapped};

/// The version of the schema.
const VERSION: &str = "1.8.0";

/// Translates the entries of one ledger.
#[derive(Debug, Default)]
pub struct Translator {
    origin: String,
}

impl Translator {
    /// Sees the next entry: the first of a ledger says whose it is.
    pub fn follow(&mut self, entry: &Entry<'_>) {
        if let Some(opened) = entry.opened() {
            self.origin = opened.origin;
        }
    }

    /// The event that an entry is, on one line.
    pub fn event(&self, line: &[u8], entry: &Entry<'_>) -> String {
        let details = details(entry.d);
        let place = Place::of(line);
        let uid = format!("{}#{}", self.origin, entry.seq);
        let mapped = mapping::of(&Details { entry, of: &details, uid: &uid, host: &place.host, origin: &self.origin });
        let mut event = match meaning(self.common(entry, &place, &uid, &mapped)) {
            Some(Value::Object(common)) => common,
            _ => Map::new(),
        };
        event.extend(mapped.more.into_iter().filter_map(|(name, value)| Some((name, meaning(value)?))));
        event.insert("raw_data_hash".to_owned(), sha256(&Digest::of(line).to_string()));
        event.insert("raw_data_size".to_owned(), line.len().into());
        event.insert("unmapped".to_owned(), Value::Object(details));
        format!("{}\n", Value::Object(event))
    }

    /// What every event has.
    fn common(&self, entry: &Entry<'_>, place: &Place<'_>, uid: &str, mapped: &Mapped) -> Value {
        let Mapped { class, activity, severity, status, .. } = mapped;
        let who = Some(entry.who).filter(|who| !who.is_empty());
        let session = Some(entry.session).filter(|session| !session.is_empty());
        json!({
            "class_uid": class.uid,
            "class_name": class.name,
            "category_uid": class.category.0,
            "category_name": class.category.1,
            "activity_id": activity.0,
            "activity_name": activity.1,
            "type_uid": class.uid * 100 + activity.0,
            "type_name": format!("{}: {}", class.name, if activity.0 == 99 { "Other" } else { activity.1 }),
            "severity_id": severity.0,
            "severity": severity.1,
            "status_id": status.map(|status| status.0),
            "status": status.map(|status| status.1),
            "time": moment(entry.ts).unwrap_or_default(),
            "metadata": {
                "version": VERSION,
                "profiles": ["host"],
                "product": { "name": "glass", "vendor_name": "glass" },
                "uid": uid,
                "sequence": entry.seq,
                "event_code": entry.ev,
                "log_name": self.origin,
                "original_time": entry.ts,
                "correlation_uid": session,
            },
            "actor": {
                "user": { "name": who, "uid": place.uid.to_string() },
                "process": { "name": "glass", "pid": entry.pid },
                "session": { "uid": session },
            },
            "device": { "hostname": place.host, "type_id": 0 },
        })
    }
}

/// The details of an entry; as a text, if they have a number that nothing holds.
fn details(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_else(|_| Map::from_iter([("d".to_owned(), text.into())]))
}

/// A SHA-256 as the schema has it.
fn sha256(hex: &str) -> Value {
    json!({ "algorithm_id": 3, "algorithm": "SHA-256", "value": hex })
}

/// Milliseconds since 1970.
fn moment(text: &str) -> Option<i64> {
    Timestamp::parse(text).ok().map(|moment| moment.micros() / 1000)
}

/// What is left of a value without that which says nothing.
fn meaning(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(fields) => {
            let fields: Map<_, _> =
                fields.into_iter().filter_map(|(name, value)| Some((name, meaning(value)?))).collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        Value::Array(items) => Some(items.into_iter().filter_map(meaning).collect()),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(value),
    }
}
