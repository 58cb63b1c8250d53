//! The AssumeRole calls of glass as CloudTrail tells them: nobody on this machine can change those.
//!
//! Two forms of the same records are read: what `aws cloudtrail lookup-events` prints, where each event
//! holds its record as a text, and the log files that CloudTrail delivers to S3. Both are in AWS's
//! "CloudTrail record contents"; only what is compared with the ledger is taken from them.

pub mod compare;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde_json::Value;

use super::name::{Id, PersonName};
use super::time::Timestamp;

/// One AssumeRole whose session name is one of glass's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `eventTime`.
    pub time: Timestamp,
    /// `awsRegion`: where the STS endpoint is that was called.
    pub region: String,
    /// `requestParameters.roleSessionName`.
    pub name: SessionName,
    /// `requestParameters.roleArn`.
    pub role: String,
    /// `requestID`; absent from some events.
    pub request_id: Option<String>,
    /// `responseElements.credentials.accessKeyId`, if STS gave a session.
    pub access_key_id: Option<String>,
    /// `errorCode`, if it did not.
    pub error: Option<String>,
}

/// A session name of glass's: `<person>-<session>-<first 32 hex digits of the intent's hash>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionName {
    /// The person.
    pub person: PersonName,
    /// The session.
    pub session: Id,
    /// The first half of the hash of the `elevate.intent` entry, in hex.
    pub intent: String,
}

impl SessionName {
    /// Takes a session name apart; none if it is not one of glass's.
    pub fn parse(text: &str) -> Option<Self> {
        let (rest, intent) = text.rsplit_once('-')?;
        let (person, session) = rest.rsplit_once('-')?;
        let is_half_a_hash = intent.len() == 32 && intent.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_half_a_hash.then_some(())?;
        Some(SessionName {
            person: PersonName::parse(person).ok()?,
            session: Id::parse(session).ok()?,
            intent: intent.to_owned(),
        })
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.person, self.session, self.intent)
    }
}

/// What one file of events tells.
#[derive(Debug, Default)]
pub struct Trail {
    /// The calls of glass.
    pub calls: Vec<Call>,
    /// The other AssumeRole calls that gave a session, by the role.
    pub strangers: BTreeMap<String, Strangers>,
    /// How many events there are in all.
    pub events: u64,
    /// The time of the first and of the last of all events.
    pub span: Option<(Timestamp, Timestamp)>,
    /// The regions of all events.
    pub regions: BTreeSet<String>,
}

/// Calls for a role whose session names are not glass's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strangers {
    /// How many.
    pub calls: u64,
    /// The time of the last.
    pub time: Timestamp,
    /// Its session name.
    pub name: String,
}

/// Why a file is no file of CloudTrail events.
#[derive(Debug)]
pub struct TrailError(serde_json::Error);

impl fmt::Display for TrailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is neither what `aws cloudtrail lookup-events` prints nor a log file of CloudTrail")
    }
}

impl std::error::Error for TrailError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// Reads a file of events. What is not a call of glass is counted and not kept.
///
/// # Errors
/// When it is no file of events; one event that is malformed makes the whole file so.
pub fn read(from: impl Read) -> Result<Trail, TrailError> {
    let file: File = serde_json::from_reader(from).map_err(TrailError)?;
    Ok(file.trail)
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "Records", alias = "Events", deserialize_with = "gather")]
    trail: Trail,
}

/// One event: of a log file, or of `lookup-events`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Element {
    Record(Box<Record>),
    Event {
        #[serde(rename = "CloudTrailEvent")]
        record: String,
    },
}

/// One record, as far as it matters.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_time: String,
    event_source: String,
    event_name: String,
    aws_region: String,
    #[serde(rename = "requestID")]
    request_id: Option<String>,
    error_code: Option<String>,
    // Of other events these have any shape.
    #[serde(default)]
    request_parameters: Value,
    #[serde(default)]
    response_elements: Value,
}

/// Reads the events one after another: there may be far more than are kept.
fn gather<'de, D: Deserializer<'de>>(from: D) -> Result<Trail, D::Error> {
    struct Events;

    impl<'de> Visitor<'de> for Events {
        type Value = Trail;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of events")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut events: A) -> Result<Trail, A::Error> {
            let mut trail = Trail::default();
            while let Some(element) = events.next_element()? {
                trail.take(element).map_err(de::Error::custom)?;
            }
            Ok(trail)
        }
    }

    from.deserialize_seq(Events)
}

impl Trail {
    fn take(&mut self, element: Element) -> Result<(), String> {
        let record = match element {
            Element::Record(record) => record,
            Element::Event { record } => serde_json::from_str(&record).map_err(|error| error.to_string())?,
        };
        let time = Timestamp::parse(&record.event_time).map_err(|error| format!("eventTime: {error}"))?;
        self.events += 1;
        self.span = Some(self.span.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
        match record.call(time) {
            Some(call) => self.calls.push(call),
            None => self.strange(&record, time),
        }
        self.regions.insert(record.aws_region);
        Ok(())
    }

    fn strange(&mut self, record: &Record, time: Timestamp) {
        if let Some((role, name)) = record.of_others() {
            self.meet(role, Strangers { calls: 1, time, name: name.to_owned() });
        }
    }

    fn meet(&mut self, role: &str, others: Strangers) {
        match self.strangers.get_mut(role) {
            Some(known) => {
                let calls = known.calls + others.calls;
                let last = if others.time < known.time { known.clone() } else { others };
                *known = Strangers { calls, ..last };
            }
            None => drop(self.strangers.insert(role.to_owned(), others)),
        }
    }

    /// Adds what another file tells. A call that both tell of is told once.
    pub fn join(&mut self, other: Trail) {
        self.events += other.events;
        self.span = match (self.span, other.span) {
            (Some(ours), Some(theirs)) => Some((ours.0.min(theirs.0), ours.1.max(theirs.1))),
            (ours, theirs) => ours.or(theirs),
        };
        self.regions.extend(other.regions);
        other.strangers.into_iter().for_each(|(role, others)| self.meet(&role, others));
        for call in other.calls {
            if !self.calls.contains(&call) {
                self.calls.push(call);
            }
        }
    }
}

impl Record {
    /// Role and session name of an AssumeRole that gave a session.
    fn of_others(&self) -> Option<(&str, &str)> {
        let given =
            self.event_source == "sts.amazonaws.com" && self.event_name == "AssumeRole" && self.error_code.is_none();
        let text = |name| self.request_parameters[name].as_str().filter(|_| given);
        text("roleArn").zip(text("roleSessionName"))
    }

    /// The call of glass that it tells of, if it does.
    fn call(&self, time: Timestamp) -> Option<Call> {
        if self.event_source != "sts.amazonaws.com" || self.event_name != "AssumeRole" {
            return None;
        }
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Some(Call {
            time,
            region: self.aws_region.clone(),
            name: SessionName::parse(self.request_parameters["roleSessionName"].as_str()?)?,
            role: text(&self.request_parameters["roleArn"])?,
            request_id: self.request_id.clone(),
            access_key_id: text(&self.response_elements["credentials"]["accessKeyId"]),
            error: self.error_code.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "alice-0123abcd-00112233445566778899aabbccddeeff";

    fn record(parameters: &str) -> String {
        format!(
            r#"{{"eventVersion":"1.08","eventTime":"2026-01-02T03:04:05Z","eventSource":"sts.amazonaws.com",
            "eventName":"AssumeRole","awsRegion":"eu-west-1","requestID":"r","requestParameters":{parameters}}}"#
        )
    }

    fn of_glass() -> String {
        record(&format!(r#"{{"roleArn":"arn:aws:iam::111122223333:role/r","roleSessionName":"{NAME}"}}"#))
    }

    #[test]
    fn both_forms_tell_the_same() {
        let log_file = format!(r#"{{"Records":[{}]}}"#, of_glass());
        let looked_up = serde_json::json!({"Events": [{"EventId": "e", "CloudTrailEvent": of_glass()}]}).to_string();
        for text in [log_file, looked_up] {
            let trail = read(text.as_bytes()).unwrap();
            assert_eq!(trail.calls[0].name.to_string(), NAME);
            assert_eq!(trail.calls[0].role, "arn:aws:iam::111122223333:role/r");
            assert_eq!((trail.events, trail.regions.len()), (1, 1));
        }
    }

    #[test]
    fn what_is_no_call_of_glass_is_counted_and_not_kept() {
        let others = [
            record("null"),
            record(r#"{"roleSessionName":"alice","roleArn":"arn:aws:iam::1:role/r"}"#),
            record(r#"["a list"]"#),
            of_glass().replace("AssumeRole\"", "AssumeRoleWithSAML\""),
            of_glass().replace("00112233", "0011223G"),
        ];
        let trail = read(format!(r#"{{"Records":[{}]}}"#, others.join(",")).as_bytes()).unwrap();
        assert_eq!((trail.calls.len(), trail.events), (0, 5));
        let strangers: Vec<_> =
            trail.strangers.iter().map(|(role, one)| (role.as_str(), one.calls, one.name.as_str())).collect();
        let role = "arn:aws:iam::111122223333:role/r";
        let mangled = NAME.replace("00112233", "0011223G");
        assert_eq!(strangers, [(role, 1, mangled.as_str()), ("arn:aws:iam::1:role/r", 1, "alice")]);
    }

    #[test]
    fn what_is_no_export_is_refused_whole() {
        let deep = format!(r#"{{"Records":{}"#, "[".repeat(100_000));
        for text in [
            "",
            "[]",
            "{}",
            r#"{"Records":{}}"#,
            r#"{"Records":[1]}"#,
            r#"{"Records":[],"Events":[]}"#,
            r#"{"Events":[{"CloudTrailEvent":"{"}]}"#,
            &deep,
            &format!(r#"{{"Records":[{}"#, of_glass()),
            &format!(r#"{{"Records":[{}]}}"#, of_glass().replace("03:04:05Z", "never")),
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text:.60}");
        }
    }

    #[test]
    fn files_are_joined_and_one_call_is_told_once() {
        let of = |text: String| read(format!(r#"{{"Records":[{text}]}}"#).as_bytes()).unwrap();
        let mut trail = of(of_glass());
        trail.join(of(of_glass()));
        trail.join(of(of_glass().replace("2026-01-02", "2026-01-03")));
        assert_eq!((trail.calls.len(), trail.events), (2, 3));
        let (first, last) = trail.span.unwrap();
        assert_eq!(last.since(first).as_secs(), 86_400);
    }
}
