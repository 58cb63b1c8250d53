//! `glass audit verify --cloudtrail`: the ledger held against what CloudTrail tells of its sessions.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::host::trail;
use crate::model::cloudtrail::compare::{Elevations, Findings, compare};
use crate::model::cloudtrail::{Call, SessionName, Sessions, Trail};
use crate::model::completeness::Held;
use crate::model::text::escaped;
use crate::model::time::Timestamp;

/// The events of some files, and what they say of a ledger.
pub struct Compared {
    trail: Trail,
    findings: Findings,
}

impl Compared {
    /// Reads the files, and holds their events against a ledger's elevations.
    pub fn of(files: &[PathBuf], elevations: &Elevations, now: Timestamp) -> Result<Compared, Failure> {
        let mut trail = Trail::of(elevations.known());
        for file in files {
            trail::read(file, &mut trail).map_err(|error| {
                Failure::of(Exit::Failed, &error)
                    .hint("export them by `aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=AssumeRole` in the region of the STS endpoint")
            })?;
        }
        let findings = compare(elevations, &trail, now);
        Ok(Compared { trail, findings })
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
        let Findings { agree, unknown, differ, orphans, missing, pending, outside, held: _ } = &self.findings;
        let mut line = |what: &str, about: &str| writeln!(text, "{what:<11} {about}").expect(WRITES);
        let calls = if *agree == 1 { "1 call is".to_owned() } else { format!("{agree} calls are") };
        line("cloudtrail", &format!("{}: {calls} in both; {}", self.verdict(), self.extent()));
        for call in unknown {
            line("unknown", &format!("{}: CloudTrail tells of it, this ledger does not", shown(call)));
        }
        for (call, difference) in differ {
            line("differs", &format!("{}: {}", shown(call), escaped(difference)));
        }
        for call in orphans {
            line(
                "orphan",
                &format!(
                    "{}: AWS gave a session, and glass had no answer: somebody may hold its credentials",
                    shown(call)
                ),
            );
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
        for (role, sessions) in &self.trail.others {
            line("others", &format!("{}, of people who are not in this ledger", counted(role, sessions)));
        }
        for (role, sessions) in &self.trail.strangers {
            line("not glass", &counted(role, sessions));
        }
        if self.trail.left_out > 0 {
            let what = "of the AssumeRole calls were refused, or are for roles that this ledger has no session of";
            line("left out", &format!("{} {what}", self.trail.left_out));
        }
        text
    }

    fn verdict(&self) -> &'static str {
        match () {
            () if self.contradicts() => "contradicts the ledger",
            () if self.trail.calls().next().is_none() => "tells of no session of this ledger",
            () => "agrees with the ledger",
        }
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
        let Findings { agree, unknown, differ, orphans, missing, pending, outside, held: _ } = &self.findings;
        let names = |list: &[SessionName]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let calls = |list: &[Call]| list.iter().map(|call| call.name.to_string()).collect::<Vec<_>>();
        json!({
            "agree": agree,
            "unknown": calls(unknown),
            "differ": differ.iter().map(|(call, difference)| json!({"session_name": call.name.to_string(), "reason": difference})).collect::<Vec<_>>(),
            "orphans": calls(orphans),
            "missing": names(missing),
            "pending": names(pending),
            "not_covered": names(outside),
            "of_others": by_role(&self.trail.others),
            "not_by_glass": by_role(&self.trail.strangers),
            "left_out": self.trail.left_out,
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

/// Sessions of a role, counted for people.
fn counted(role: &str, Sessions { count, time, name }: &Sessions) -> String {
    let sessions = if *count == 1 { "session" } else { "sessions" };
    format!("{}: {count} {sessions}, the last as {} at {time}", escaped(role), escaped(name))
}

fn by_role(sessions: &BTreeMap<String, Sessions>) -> Vec<Value> {
    let shown = |(role, Sessions { count, time, name }): (&String, &Sessions)| json!({"role": role, "sessions": count, "last": {"session_name": name, "at": time}});
    sessions.iter().map(shown).collect()
}
