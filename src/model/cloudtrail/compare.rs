//! CloudTrail held against a ledger, both ways.
//!
//! Keeps the promise that an elevation cannot be taken out of the ledger, nor put into it, without
//! being found: the session name of every AssumeRole commits to the ledger up to its intent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;

use super::{Call, Known, SessionName, Trail};
use crate::model::chain::entry::Entry;
use crate::model::completeness::{Answer, Held, Kind};
use crate::model::name::{Digest, Id, PersonName};
use crate::model::time::Timestamp;

/// How long CloudTrail may take to tell of a call: it names 15 minutes as usual, and no limit.
pub const PENDING: Duration = Duration::from_secs(30 * 60);

/// What a ledger says of its elevations.
#[derive(Debug, Default)]
pub struct Elevations {
    /// The names of all who are in the ledger, or should be.
    people: BTreeSet<String>,
    sent: BTreeMap<SessionName, Elevation>,
    /// The last intent of each session: the one whose outcome comes next.
    open: BTreeMap<String, SessionName>,
}

/// One AssumeRole, as the ledger has it.
#[derive(Debug)]
struct Elevation {
    seq: u64,
    time: Timestamp,
    intent: Intent,
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

#[derive(Debug, Deserialize)]
struct Intent {
    region: String,
    role: String,
    duration: u64,
    caller_arn: String,
    policy_sha256: Option<String>,
}

impl Elevations {
    /// Takes an entry that was verified; `line` are its stored bytes.
    pub fn take(&mut self, line: &[u8], entry: &Entry<'_>) {
        self.expect(entry.who);
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

    /// Adds a person of whom the ledger should tell.
    pub fn expect(&mut self, person: &str) {
        if !person.is_empty() && !self.people.contains(person) {
            self.people.insert(person.to_owned());
        }
    }

    /// What events are to be looked through for.
    pub fn known(&self) -> Known {
        let intents = || self.sent.values().map(|elevation| &elevation.intent);
        Known {
            people: self.people.clone(),
            callers: intents().map(|intent| intent.caller_arn.clone()).collect(),
            roles: intents().map(|intent| intent.role.clone()).collect(),
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
        let known = trail.calls().filter_map(|call| Some((self.sent.get(&call.name)?.seq, call)));
        let last = known.max_by_key(|(seq, _)| *seq);
        let sessions: BTreeSet<_> = self.sent.keys().map(|name| &name.session).collect();
        let answer = |call: &Call| {
            let is_there = sessions.contains(&call.name.session);
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
        let intent = serde_json::from_str(entry.d).ok()?;
        let time = Timestamp::parse(entry.ts).ok()?;
        Some((name, Elevation { seq: entry.seq, time, intent, outcome: Outcome::Unknown }))
    }
}

/// What the comparison found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many calls are in both, and say the same.
    pub agree: usize,
    /// Calls by this ledger's people of which it says nothing: they were taken out of it, or made with another.
    pub unknown: Vec<Call>,
    /// Calls that the ledger has otherwise, with what differs.
    pub differ: Vec<(Call, String)>,
    /// Sessions that AWS gave although glass had no answer: it is not known who has their credentials.
    pub orphans: Vec<Call>,
    /// Sessions of the ledger that CloudTrail should tell of and does not.
    pub missing: Vec<SessionName>,
    /// Sessions that are too young to be told of.
    pub pending: Vec<SessionName>,
    /// Sessions outside of the time or the regions that the events are of.
    pub outside: Vec<SessionName>,
    /// What that comes to: the last call whose intent the ledger has, and each whose intent it has not.
    pub held: Vec<Held>,
}

impl Findings {
    /// Whether nothing contradicts the ledger.
    pub fn is_clean(&self) -> bool {
        self.unknown.is_empty() && self.differ.is_empty() && self.missing.is_empty()
    }
}

/// Holds the events, which were looked through for this ledger, against it; `now` tells which sessions are too young
/// to be among them.
pub fn compare(elevations: &Elevations, trail: &Trail, now: Timestamp) -> Findings {
    let mut findings = Findings::default();
    let mut told = BTreeSet::new();
    let mut orphans = BTreeMap::new();
    for call in trail.calls() {
        told.insert(&call.name);
        let Some(elevation) = elevations.sent.get(&call.name) else {
            findings.unknown.push(call.clone());
            continue;
        };
        let key = call.access_key_id.as_deref().filter(|_| matches!(elevation.outcome, Outcome::Unknown));
        let first = key.map(|key| *orphans.entry(&call.name).or_insert(key));
        match elevation.differs_from(call) {
            Some(difference) => findings.differ.push((call.clone(), difference)),
            None if first != key => findings.differ.push((call.clone(), second(first, key))),
            None if first.is_some() => findings.orphans.push(call.clone()),
            None => findings.agree += 1,
        }
    }
    findings.held = elevations.held(&findings.unknown, trail);
    for (name, elevation) in &elevations.sent {
        // Only of a session that was given is it certain that AWS was called.
        if !matches!(elevation.outcome, Outcome::Given(_)) || told.contains(name) {
            continue;
        }
        let within = trail.span.is_some_and(|(first, last)| (first..=last).contains(&elevation.time));
        let list = if now.since(elevation.time) < PENDING {
            &mut findings.pending
        } else if within && trail.regions.contains(&elevation.intent.region) {
            &mut findings.missing
        } else {
            &mut findings.outside
        };
        list.push(name.clone());
    }
    findings
}

/// What differs when the ledger has one elevation without an outcome, and AWS gave two sessions.
fn second(first: Option<&str>, key: Option<&str>) -> String {
    let [first, key] = [first, key].map(Option::unwrap_or_default);
    format!("AWS gave {first} under this name, and {key} as well")
}

impl Elevation {
    /// What a call of the same name has otherwise.
    fn differs_from(&self, call: &Call) -> Option<String> {
        let differ = |what: &str, ours: &str, theirs: &str| {
            (ours != theirs).then(|| format!("the {what} is {ours} in the ledger and {theirs} in CloudTrail"))
        };
        let Intent { role, duration, caller_arn, policy_sha256, region: _ } = &self.intent;
        let asked = [
            differ("role", role, &call.role),
            call.caller.as_deref().and_then(|caller| differ("caller", caller_arn, caller)),
            call.duration.and_then(|theirs| differ("duration", &format!("{duration} s"), &format!("{theirs} s"))),
            call.policy_sha256.and_then(|theirs| {
                differ("session policy", policy_sha256.as_deref().unwrap_or("none"), &theirs.to_string())
            }),
        ];
        let key = call.access_key_id.as_deref().unwrap_or("none");
        let answered = match &self.outcome {
            Outcome::Unknown => None,
            Outcome::Nothing => differ("access key", "none", key),
            Outcome::Given(given) => differ("access key", &given.access_key_id, key)
                .or_else(|| differ("request", &given.request_id, call.request_id.as_deref()?)),
        };
        let all: Vec<_> = asked.into_iter().chain([answered]).flatten().collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let intent = r#"{"region":"eu-west-1","role":"arn:aws:iam::1:role/r","duration":900,"caller_arn":"arn:aws:iam::1:user/alice","policy_sha256":null}"#;
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

    fn found(elevations: &Elevations, records: &[String], now: Timestamp) -> Findings {
        let mut trail = Trail::of(elevations.known());
        trail.read(format!(r#"{{"Records":[{}]}}"#, records.join(",")).as_bytes()).unwrap();
        compare(elevations, &trail, now)
    }

    /// A record with something more in its request.
    fn asking(record: &str, parameter: &str) -> String {
        record.replace(r#""roleArn""#, &format!(r#"{parameter},"roleArn""#))
    }

    #[test]
    fn what_both_tell_the_same_of_agrees() {
        let (elevations, names) = elevations(&[("aaaaaaaa", 0, OK.0, OK.1)]);
        let findings = found(&elevations, &[record(&names[0], 1, "ASIA1")], at(HOUR));
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
        let findings = found(&elevations, &[record(&names[0], 1, "ASIA1"), record(&altered, 2, "ASIA2")], at(HOUR));
        assert_eq!(findings.unknown[0].access_key_id.as_deref(), Some("ASIA2"));
        assert!(!findings.is_clean());
    }

    #[test]
    fn another_key_or_a_session_after_a_refusal_differs() {
        for (ev, d) in [OK, ("elevate.fail", r#"{"sent":"refused"}"#), ("elevate.fail", r#"{"sent":"no"}"#)] {
            let (elevations, names) = elevations(&[("aaaaaaaa", 0, ev, d)]);
            let findings = found(&elevations, &[record(&names[0], 1, "ASIA9")], at(HOUR));
            assert!(findings.differ[0].1.ends_with("ASIA9 in CloudTrail"), "{findings:?}");
        }
    }

    #[test]
    fn a_session_whose_answer_was_lost_is_an_orphan_and_no_contradiction() {
        let (elevations, names) = elevations(&[("aaaaaaaa", 0, "elevate.fail", r#"{"sent":"maybe"}"#)]);
        let findings = found(&elevations, &[record(&names[0], 1, "ASIA9")], at(HOUR));
        assert_eq!(findings.orphans.len(), 1);
        assert!(findings.is_clean());
    }

    #[test]
    fn what_cloudtrail_does_not_tell_of_is_missing_pending_or_outside_of_what_was_exported() {
        let of = [("aaaaaaaa", 0, OK.0, OK.1), ("bbbbbbbb", HOUR, OK.0, OK.1), ("cccccccc", 3 * HOUR, OK.0, OK.1)];
        let (elevations, names) = elevations(&of);
        let events = [record("somebody", 1, "-"), record("somebody", 2 * HOUR, "-")];
        let findings = found(&elevations, &events, at(3 * HOUR + 60));
        let [outside, missing, pending] = [&findings.outside, &findings.missing, &findings.pending];
        for (list, name) in [(outside, &names[0]), (missing, &names[1]), (pending, &names[2])] {
            assert_eq!(list.iter().map(ToString::to_string).collect::<Vec<_>>(), [name.as_str()]);
        }
    }

    #[test]
    fn what_was_asked_for_otherwise_than_the_intent_says_differs() {
        let (elevations, names) = elevations(&[("aaaaaaaa", 0, OK.0, OK.1)]);
        let true_one = record(&names[0], 1, "ASIA1");
        let policy = format!("the session policy is none in the ledger and {} in CloudTrail", Digest::of(b"{}"));
        for (record, expected) in [
            (asking(&true_one, r#""durationSeconds":900"#), None),
            (asking(&true_one, r#""policy":null"#), None),
            (
                true_one.replace("role/r", "role/R"),
                Some("the role is arn:aws:iam::1:role/r in the ledger and arn:aws:iam::1:role/R in CloudTrail"),
            ),
            (
                asking(&true_one, r#""durationSeconds":3600"#),
                Some("the duration is 900 s in the ledger and 3600 s in CloudTrail"),
            ),
            (asking(&true_one, r#""policy":"{}""#), Some(policy.as_str())),
            (
                true_one
                    .replace(r#""requestID""#, r#""userIdentity":{"arn":"arn:aws:iam::1:user/mallory"},"requestID""#),
                Some(
                    "the caller is arn:aws:iam::1:user/alice in the ledger and arn:aws:iam::1:user/mallory in CloudTrail",
                ),
            ),
        ] {
            let findings = found(&elevations, &[record], at(HOUR));
            assert_eq!(findings.differ.first().map(|(_, difference)| difference.as_str()), expected);
            assert_eq!(findings.is_clean(), expected.is_none());
        }
    }

    #[test]
    fn a_second_session_under_a_name_without_an_outcome_differs() {
        let (elevations, names) = elevations(&[("aaaaaaaa", 0, "elevate.fail", r#"{"sent":"maybe"}"#)]);
        let calls = [record(&names[0], 1, "ASIA7"), record(&names[0], 2, "ASIA8"), record(&names[0], 3, "ASIA9")];
        let findings = found(&elevations, &calls, at(HOUR));
        assert_eq!((findings.orphans.len(), findings.agree), (1, 0));
        let expected = ["ASIA8", "ASIA9"].map(|key| format!("AWS gave ASIA7 under this name, and {key} as well"));
        assert_eq!(findings.differ.into_iter().map(|(_, difference)| difference).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_session_beside_the_one_that_the_ledger_tells_of_differs() {
        let (elevations, names) = elevations(&[("aaaaaaaa", 0, OK.0, OK.1)]);
        let findings = found(&elevations, &[record(&names[0], 0, "ASIA0"), record(&names[0], 1, "ASIA1")], at(HOUR));
        assert_eq!((findings.agree, findings.differ.len()), (1, 1));
    }

    #[test]
    fn who_is_in_any_entry_or_should_be_is_this_ledgers() {
        let of_bob = record(&format!("bobby-aaaaaaaa-{}", "0".repeat(32)), 1, "ASIA1");
        let mut elevations = Elevations::default();
        assert!(found(&elevations, std::slice::from_ref(&of_bob), at(HOUR)).is_clean());
        let ts = at(0).to_micros_text();
        let entry = Entry { seq: 0, prev: "", ts: &ts, pid: 1, who: "bobby", ev: "run.start", session: "", d: "{}" };
        elevations.take(b"", &entry);
        assert_eq!(found(&elevations, std::slice::from_ref(&of_bob), at(HOUR)).unknown.len(), 1);
        let mut begun_anew = Elevations::default();
        begun_anew.expect("bobby");
        let findings = found(&begun_anew, &[of_bob], at(HOUR));
        assert_eq!((findings.unknown.len(), findings.held[0].answer), (1, Answer::Cut));
    }
}
