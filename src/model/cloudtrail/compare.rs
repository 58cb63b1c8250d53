//! CloudTrail held against a ledger, both ways.
//!
//! Keeps the promise that an elevation cannot be taken out of the ledger, nor put into it, without
//! being found: the session name of every AssumeRole commits to the ledger up to its intent.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::{Call, SessionName, Strangers, Trail};
use crate::model::chain::entry::Entry;
use crate::model::completeness::{Answer, Held, Kind};
use crate::model::name::{Digest, Id, PersonName};
use crate::model::time::Timestamp;

/// How long CloudTrail may take to tell of a call: it names 15 minutes as usual, and no limit.
pub const PENDING: Duration = Duration::from_secs(30 * 60);

/// What a ledger says of its elevations.
#[derive(Debug, Default)]
pub struct Elevations {
    sent: BTreeMap<SessionName, Elevation>,
    /// The last intent of each session: the one whose outcome comes next.
    open: BTreeMap<String, SessionName>,
}

/// One AssumeRole, as the ledger has it.
#[derive(Debug)]
struct Elevation {
    seq: u64,
    time: Timestamp,
    region: String,
    role: String,
    outcome: Outcome,
}

/// How it came out, as far as glass knows.
#[derive(Debug)]
enum Outcome {
    /// glass was killed, or had no answer.
    Unknown,
    /// AWS said no, or nothing was sent.
    Nothing,
    /// AWS gave a session.
    Given(Given),
}

#[derive(Debug, Deserialize)]
struct Given {
    access_key_id: String,
    request_id: String,
}

#[derive(Deserialize)]
struct Failure {
    sent: String,
}

#[derive(Deserialize)]
struct Intent {
    region: String,
    role: String,
}

impl Elevations {
    /// Whether entries of an event are for this.
    pub fn takes(event: &str) -> bool {
        ["elevate.intent", "elevate.ok", "elevate.fail"].contains(&event)
    }

    /// Takes an entry that was verified; `line` are its stored bytes.
    pub fn take(&mut self, line: &[u8], entry: &Entry<'_>) {
        match entry.ev {
            "elevate.intent" => {
                if let Some((name, elevation)) = Self::sent(line, entry) {
                    self.open.insert(entry.session.to_owned(), name.clone());
                    self.sent.insert(name, elevation);
                }
            }
            "elevate.ok" => self.came_out(entry, serde_json::from_str(entry.d).ok().map(Outcome::Given)),
            "elevate.fail" => {
                let failure: Option<Failure> = serde_json::from_str(entry.d).ok();
                self.came_out(entry, failure.filter(|failure| failure.sent != "maybe").map(|_| Outcome::Nothing));
            }
            _ => {}
        }
    }

    /// What the calls say of the ledger as a whole: each name commits to all entries up to its intent.
    fn held(&self, unknown: &[Call], trail: &Trail) -> Vec<Held> {
        let held = |call: &Call, size, answer| Held {
            kind: Kind::CloudTrail,
            place: call.name.to_string(),
            size,
            at: Some(call.time),
            answer,
        };
        let known = trail.calls.iter().filter_map(|call| Some((self.sent.get(&call.name)?.seq, call)));
        let last = known.max_by_key(|(seq, _)| *seq);
        let answer = |call: &Call| {
            let is_there = self.sent.keys().any(|name| name.session == call.name.session);
            let is_later = last.is_none_or(|(_, last)| last.time < call.time);
            if is_later && !is_there { Answer::Cut } else { Answer::Rewritten }
        };
        let agrees = last.map(|(seq, call)| held(call, Some(seq + 1), Answer::Agrees));
        agrees.into_iter().chain(unknown.iter().map(|call| held(call, None, answer(call)))).collect()
    }

    fn came_out(&mut self, entry: &Entry<'_>, outcome: Option<Outcome>) {
        let elevation = self.open.remove(entry.session).and_then(|name| self.sent.get_mut(&name));
        if let (Some(elevation), Some(outcome)) = (elevation, outcome) {
            elevation.outcome = outcome;
        }
    }

    fn sent(line: &[u8], entry: &Entry<'_>) -> Option<(SessionName, Elevation)> {
        let name = SessionName {
            person: PersonName::parse(entry.who).ok()?,
            session: Id::parse(entry.session).ok()?,
            intent: format!("{:.32}", Digest::of(line).to_string()),
        };
        let Intent { region, role } = serde_json::from_str(entry.d).ok()?;
        let time = Timestamp::parse(entry.ts).ok()?;
        Some((name, Elevation { seq: entry.seq, time, region, role, outcome: Outcome::Unknown }))
    }
}

/// What the comparison found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many calls are in both, and say the same.
    pub agree: usize,
    /// Calls by this ledger's people of which it says nothing: they were taken out of it, or made with another.
    pub unknown: Vec<Call>,
    /// What is in both and differs, with what differs.
    pub differ: Vec<(SessionName, String)>,
    /// Sessions that AWS gave although glass had no answer: nobody has their credentials.
    pub orphans: Vec<Call>,
    /// Sessions of the ledger that CloudTrail should tell of and does not.
    pub missing: Vec<SessionName>,
    /// Sessions that are too young to be told of.
    pub pending: Vec<SessionName>,
    /// Sessions outside of the time or the regions that the events are of.
    pub outside: Vec<SessionName>,
    /// Sessions of this ledger's roles that nobody had by glass: that is allowed, or it is not.
    pub strangers: Vec<(String, Strangers)>,
    /// What that comes to: the last call whose intent the ledger has, and each whose intent it has not.
    pub held: Vec<Held>,
}

impl Findings {
    /// Whether nothing contradicts the ledger.
    pub fn is_clean(&self) -> bool {
        self.unknown.is_empty() && self.differ.is_empty() && self.missing.is_empty()
    }
}

/// Holds the events against the ledger; `now` tells which sessions are too young to be among them.
///
/// Calls of people who are not in the ledger at all are other people's, and are left out.
pub fn compare(elevations: &Elevations, trail: &Trail, now: Timestamp) -> Findings {
    let mut findings = Findings::default();
    let is_ours = |call: &Call| elevations.sent.keys().any(|name| name.person == call.name.person);
    for call in trail.calls.iter().filter(|call| is_ours(call)) {
        match elevations.sent.get(&call.name) {
            None => findings.unknown.push(call.clone()),
            Some(elevation) => match elevation.differs_from(call) {
                Some(difference) => findings.differ.push((call.name.clone(), difference)),
                None if elevation.is_orphan(call) => findings.orphans.push(call.clone()),
                None => findings.agree += 1,
            },
        }
    }
    let is_of_ours = |role: &str| elevations.sent.values().any(|elevation| elevation.role == role);
    let strangers = trail.strangers.iter().filter(|(role, _)| is_of_ours(role));
    findings.strangers = strangers.map(|(role, others)| (role.clone(), others.clone())).collect();
    findings.held = elevations.held(&findings.unknown, trail);
    for (name, elevation) in &elevations.sent {
        // Only of a session that was given is it certain that AWS was called.
        let is_told = trail.calls.iter().any(|call| call.name == *name);
        if !matches!(elevation.outcome, Outcome::Given(_)) || is_told {
            continue;
        }
        let within = trail.span.is_some_and(|(first, last)| (first..=last).contains(&elevation.time));
        let list = if now.since(elevation.time) < PENDING {
            &mut findings.pending
        } else if within && trail.regions.contains(&elevation.region) {
            &mut findings.missing
        } else {
            &mut findings.outside
        };
        list.push(name.clone());
    }
    findings
}

impl Elevation {
    /// Whether AWS gave a session and glass does not know.
    fn is_orphan(&self, call: &Call) -> bool {
        matches!(self.outcome, Outcome::Unknown) && call.access_key_id.is_some()
    }

    /// What a call of the same name has otherwise.
    fn differs_from(&self, call: &Call) -> Option<String> {
        let differ = |what: &str, ours: &str, theirs: &str| {
            (ours != theirs).then(|| format!("the {what} is {ours} in the ledger and {theirs} in CloudTrail"))
        };
        let key = call.access_key_id.as_deref().unwrap_or("none");
        differ("role", &self.role, &call.role).or_else(|| match &self.outcome {
            Outcome::Unknown => None,
            Outcome::Nothing => differ("access key", "none", key),
            Outcome::Given(given) => differ("access key", &given.access_key_id, key)
                .or_else(|| differ("request", &given.request_id, call.request_id.as_deref()?)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cloudtrail::read;

    const HOUR: i64 = 3600;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000 + seconds)
    }

    /// A ledger's elevations: each a session, a second, and the details of its outcome.
    fn elevations(of: &[(&str, i64, &str, &str)]) -> (Elevations, Vec<String>) {
        let mut elevations = Elevations::default();
        let mut names = Vec::new();
        for (session, second, outcome, d) in of {
            let ts = at(*second).to_micros_text();
            let intent = r#"{"region":"eu-west-1","role":"arn:aws:iam::1:role/r"}"#;
            let (prev, who) = ("", "alice");
            let line = format!("{session} {second}\n");
            let entry = Entry { seq: 0, prev, ts: &ts, pid: 1, who, ev: "elevate.intent", session, d: intent };
            elevations.take(line.as_bytes(), &entry);
            elevations.take(b"", &Entry { ev: outcome, d, ..entry });
            names.push(format!("alice-{session}-{:.32}", Digest::of(line.as_bytes()).to_string()));
        }
        (elevations, names)
    }

    const OK: (&str, &str) = ("elevate.ok", r#"{"access_key_id":"ASIA1","request_id":"r1"}"#);

    fn record(name: &str, second: i64, key: &str) -> String {
        format!(
            r#"{{"eventTime":"{}","eventSource":"sts.amazonaws.com","eventName":"AssumeRole","awsRegion":"eu-west-1",
            "requestID":"r1","requestParameters":{{"roleSessionName":"{name}","roleArn":"arn:aws:iam::1:role/r"}},
            "responseElements":{{"credentials":{{"accessKeyId":"{key}"}}}}}}"#,
            at(second).to_seconds_text()
        )
    }

    fn trail(records: &[String]) -> Trail {
        read(format!(r#"{{"Records":[{}]}}"#, records.join(",")).as_bytes()).unwrap()
    }

    #[test]
    fn what_both_tell_the_same_of_agrees() {
        let (elevations, names) = elevations(&[("aaaaaaaa", 0, OK.0, OK.1)]);
        let findings = compare(&elevations, &trail(&[record(&names[0], 1, "ASIA1")]), at(HOUR));
        let held = Held {
            kind: Kind::CloudTrail,
            place: names[0].clone(),
            size: Some(1),
            at: Some(at(1)),
            answer: Answer::Agrees,
        };
        assert_eq!(findings, Findings { agree: 1, held: vec![held], ..Findings::default() });
    }

    #[test]
    fn an_elevation_that_was_taken_out_or_altered_is_unknown() {
        let (elevations, names) = elevations(&[("aaaaaaaa", 0, OK.0, OK.1)]);
        let altered = names[0].replace(|last: char| last.is_ascii_digit(), "0");
        assert_ne!(altered, names[0]);
        let findings =
            compare(&elevations, &trail(&[record(&names[0], 1, "ASIA1"), record(&altered, 2, "ASIA2")]), at(HOUR));
        assert_eq!(findings.unknown[0].access_key_id.as_deref(), Some("ASIA2"));
        assert!(!findings.is_clean());
    }

    #[test]
    fn another_key_or_a_session_after_a_refusal_differs() {
        for (ev, d) in [OK, ("elevate.fail", r#"{"sent":"refused"}"#), ("elevate.fail", r#"{"sent":"no"}"#)] {
            let (elevations, names) = elevations(&[("aaaaaaaa", 0, ev, d)]);
            let findings = compare(&elevations, &trail(&[record(&names[0], 1, "ASIA9")]), at(HOUR));
            assert!(findings.differ[0].1.ends_with("ASIA9 in CloudTrail"), "{findings:?}");
        }
    }

    #[test]
    fn a_session_whose_answer_was_lost_is_an_orphan_and_no_contradiction() {
        let (elevations, names) = elevations(&[("aaaaaaaa", 0, "elevate.fail", r#"{"sent":"maybe"}"#)]);
        let findings = compare(&elevations, &trail(&[record(&names[0], 1, "ASIA9")]), at(HOUR));
        assert_eq!(findings.orphans.len(), 1);
        assert!(findings.is_clean());
    }

    #[test]
    fn what_cloudtrail_does_not_tell_of_is_missing_pending_or_outside_of_what_was_exported() {
        let of = [("aaaaaaaa", 0, OK.0, OK.1), ("bbbbbbbb", HOUR, OK.0, OK.1), ("cccccccc", 3 * HOUR, OK.0, OK.1)];
        let (elevations, names) = elevations(&of);
        let events = [record("somebody", 1, "-"), record("somebody", 2 * HOUR, "-")];
        let findings = compare(&elevations, &trail(&events), at(3 * HOUR + 60));
        let [outside, missing, pending] = [&findings.outside, &findings.missing, &findings.pending];
        for (list, name) in [(outside, &names[0]), (missing, &names[1]), (pending, &names[2])] {
            assert_eq!(list.iter().map(ToString::to_string).collect::<Vec<_>>(), [name.as_str()]);
        }
    }

    #[test]
    fn sessions_of_these_roles_that_glass_did_not_open_are_told_and_contradict_nothing() {
        let (elevations, names) = elevations(&[("aaaaaaaa", 0, OK.0, OK.1)]);
        let other = record("by-hand", 3, "ASIA2").replace("role/r", "role/other");
        let events =
            [record(&names[0], 1, "ASIA1"), record("console", 2, "ASIA3"), record("by-hand", 3, "ASIA2"), other];
        let findings = compare(&elevations, &trail(&events), at(HOUR));
        let expected = Strangers { calls: 2, time: at(3), name: "by-hand".to_owned() };
        assert_eq!(findings.strangers, [("arn:aws:iam::1:role/r".to_owned(), expected)]);
        assert!(findings.is_clean());
    }

    #[test]
    fn other_peoples_calls_are_left_out() {
        let (elevations, names) = elevations(&[("aaaaaaaa", 0, OK.0, OK.1)]);
        let theirs = record(&names[0].replace("alice", "bobby"), 1, "ASIA2");
        let findings = compare(&elevations, &trail(&[record(&names[0], 1, "ASIA1"), theirs]), at(HOUR));
        assert!(findings.is_clean() && findings.agree == 1);
    }
}
