//! `glass audit verify --cloudtrail`: the ledger held against what CloudTrail tells of its sessions.

use std::fmt::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::host::trail;
use crate::model::cloudtrail::compare::{Elevations, Findings, compare};
use crate::model::cloudtrail::{Call, SessionName, Strangers, Trail};
use crate::model::completeness::Held;
use crate::model::text::escaped;
use crate::model::time::Timestamp;

/// The events of some files, and what they say of a ledger.
pub struct Compared {
    trail: Trail,
    findings: Findings,
}

/// Reads the files; none if none are named.
pub fn read(files: &[PathBuf]) -> Result<Option<Trail>, Failure> {
    let mut whole: Option<Trail> = None;
    for file in files {
        let read = trail::read(file).map_err(|error| {
            Failure::of(Exit::Failed, &error)
                .hint("export them by `aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=AssumeRole` in the region of the STS endpoint")
        })?;
        match &mut whole {
            Some(whole) => whole.join(read),
            None => whole = Some(read),
        }
    }
    Ok(whole)
}

impl Compared {
    /// Holds the events against a ledger's elevations.
    pub fn of(trail: Trail, elevations: &Elevations, now: Timestamp) -> Compared {
        let findings = compare(elevations, &trail, now);
        Compared { trail, findings }
    }

    /// Whether CloudTrail contradicts the ledger.
    pub fn contradicts(&self) -> bool {
        !self.findings.is_clean()
    }

    /// What that says of the ledger as a whole.
    pub fn held(&self) -> &[Held] {
        &self.findings.held
    }

    /// What it found, for people.
    pub fn described(&self) -> String {
        let mut text = String::new();
        let Findings { agree, unknown, differ, orphans, missing, pending, outside, strangers, held: _ } =
            &self.findings;
        let mut line = |what: &str, about: &str| writeln!(text, "{what:<11} {about}").expect(WRITES);
        let verdict = if self.contradicts() { "contradicts the ledger" } else { "agrees with the ledger" };
        let calls = if *agree == 1 { "1 call is".to_owned() } else { format!("{agree} calls are") };
        line("cloudtrail", &format!("{verdict}: {calls} in both; {}", self.extent()));
        for call in unknown {
            line("unknown", &format!("{}: CloudTrail tells of it, this ledger does not", shown(call)));
        }
        for (name, difference) in differ {
            line("differs", &format!("{name}: {}", escaped(difference)));
        }
        for call in orphans {
            line("orphan", &format!("{}: AWS gave a session, and glass had no answer", shown(call)));
        }
        for name in missing {
            line("missing", &format!("{name}: the ledger tells of it, CloudTrail does not"));
        }
        for name in pending {
            line("pending", &format!("{name}: too young for CloudTrail to tell of"));
        }
        for name in outside {
            line("not covered", &format!("{name}: the files are of another time or region"));
        }
        for (role, Strangers { calls, time, name }) in strangers {
            let last = format!("the last as {} at {time}", escaped(name));
            line("not glass", &format!("{}: {calls} sessions, {last}", escaped(role)));
        }
        text
    }

    fn extent(&self) -> String {
        let events = self.trail.events;
        match self.trail.span {
            None => "the files hold no event".to_owned(),
            Some((first, last)) => {
                let regions: Vec<String> = self.trail.regions.iter().map(|region| escaped(region)).collect();
                format!("{events} events from {first} to {last}, {}", regions.join(", "))
            }
        }
    }

    /// The same as JSON.
    pub fn as_json(&self) -> Value {
        let Findings { agree, unknown, differ, orphans, missing, pending, outside, strangers, held: _ } =
            &self.findings;
        let names = |list: &[SessionName]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let calls = |list: &[Call]| list.iter().map(|call| call.name.to_string()).collect::<Vec<_>>();
        json!({
            "agree": agree,
            "unknown": calls(unknown),
            "differ": differ.iter().map(|(name, difference)| json!({"session_name": name.to_string(), "reason": difference})).collect::<Vec<_>>(),
            "orphans": calls(orphans),
            "missing": names(missing),
            "pending": names(pending),
            "not_covered": names(outside),
            "not_by_glass": strangers.iter().map(|(role, others)| json!({"role": role, "sessions": others.calls, "last": {"session_name": others.name, "at": others.time}})).collect::<Vec<_>>(),
        })
    }
}

const WRITES: &str = "writing to a String cannot fail";

fn shown(call: &Call) -> String {
    let outcome = match (&call.access_key_id, &call.error) {
        (Some(key), _) => format!("gave {}", escaped(key)),
        (None, Some(error)) => format!("refused, {}", escaped(error)),
        (None, None) => "gave no session".to_owned(),
    };
    format!("{} at {} in {} ({outcome})", call.name, call.time, escaped(&call.region))
}
