//! The ledger held against CloudTrail, also by an attacker who has every file of this machine.

use std::fs;
use std::path::{Path, PathBuf};

use glass::model::checkpoint::Checkpoint;
use glass::model::name::Digest;
use glass::model::note::key::SigningKey;
use glass::model::secret::Secret;
use glass::model::tree::{Growing, leaf};
use serde_json::{Value, json};

use crate::support::{Outcome, Practice, tool};

/// A night with two elevations.
fn night() -> Practice {
    let practice = Practice::new();
    practice.assume(&["--", "/bin/true"]).exits(0);
    practice.assume(&["--", "/bin/true"]).exits(0);
    practice
}

/// CloudTrail's records of the practice's elevations, as AWS would have them.
fn records(practice: &Practice) -> Vec<Value> {
    let entries = practice.entries();
    let given: Vec<&Value> = entries.iter().filter(|entry| entry["ev"] == "elevate.ok").collect();
    let record = |ok: &&Value| {
        let intent = entries.iter().find(|entry| entry["ev"] == "elevate.intent" && entry["session"] == ok["session"]);
        json!({
            "eventVersion": "1.08",
            "userIdentity": {"type": "IAMUser", "userName": "alice"},
            "eventTime": format!("{}Z", ok["ts"].as_str().unwrap().split_once('.').unwrap().0),
            "eventSource": "sts.amazonaws.com",
            "eventName": "AssumeRole",
            "awsRegion": intent.unwrap()["d"]["region"],
            "requestID": ok["d"]["request_id"],
            "requestParameters": {"roleArn": intent.unwrap()["d"]["role"], "roleSessionName": ok["d"]["session_name"]},
            "responseElements": {"credentials": {"accessKeyId": ok["d"]["access_key_id"], "expiration": "…"}},
        })
    };
    given.iter().map(record).collect()
}

/// The records as `aws cloudtrail lookup-events` prints them.
fn looked_up(practice: &Practice, records: &[Value]) -> PathBuf {
    let event = |record: &Value| json!({"EventName": "AssumeRole", "CloudTrailEvent": record.to_string()});
    let events: Vec<Value> = records.iter().map(event).collect();
    practice.home.write("events.json", &json!({ "Events": events }).to_string());
    practice.home.path("events.json")
}

fn verify(practice: &Practice, file: &Path) -> Outcome {
    practice.home.glass(&["audit", "verify", "--json", "--cloudtrail", file.to_str().unwrap()])
}

#[test]
fn a_true_ledger_agrees_with_cloudtrail_in_both_forms() {
    let practice = night();
    let records = records(&practice);
    let outcome = verify(&practice, &looked_up(&practice, &records)).exits(0);
    assert_eq!(outcome.json()["cloudtrail"]["agree"], 2, "{}", outcome.stdout);
    let last = practice.entries().into_iter().rfind(|entry| entry["ev"] == "elevate.intent").unwrap();
    let anchored = &outcome.json()["anchored"];
    assert_eq!(
        (&anchored["kind"], anchored["size"].as_u64()),
        (&json!("cloudtrail"), last["seq"].as_u64().map(|seq| seq + 1))
    );
    practice.home.write("log.json", &json!({ "Records": records }).to_string());
    let log = practice.home.path("log.json");
    Outcome::of(practice.home.command(tool("gzip")).arg(&log), "").exits(0);
    let outcome = verify(&practice, &log.with_extension("json.gz")).exits(0);
    assert_eq!(outcome.json()["cloudtrail"]["agree"], 2, "{}", outcome.stdout);
}

#[test]
fn a_history_without_an_elevation_is_contradicted_by_cloudtrail() {
    let practice = night();
    let events = looked_up(&practice, &records(&practice));
    // Everything is gone from the second elevation on, and the head with it: a shorter ledger that chains.
    let segment = practice.ledger().join(super::SEGMENT);
    let text = fs::read_to_string(&segment).unwrap();
    let second = text.match_indices("\"elevate.intent\"").nth(1).unwrap().0;
    fs::write(&segment, &text[..text[..second].rfind('\n').unwrap() + 1]).unwrap();
    fs::remove_file(practice.ledger().join("head.json")).unwrap();
    practice.home.glass(&["audit", "verify"]).exits(0);
    let outcome = verify(&practice, &events).exits(4);
    assert_eq!(outcome.json()["integrity"], "verified");
    assert_eq!(outcome.json()["cloudtrail"]["unknown"].as_array().unwrap().len(), 1, "{}", outcome.stdout);
    assert_eq!(outcome.json()["completeness"]["state"], "cut", "{}", outcome.stdout);
}

#[test]
fn a_history_that_was_written_anew_is_contradicted_by_cloudtrail() {
    let practice = night();
    let events = looked_up(&practice, &records(&practice));
    // Another reason in the first intent, and every hash after it made to fit.
    let segment = practice.ledger().join(super::SEGMENT);
    let text = fs::read_to_string(&segment).unwrap().replacen("lost its writer", "was a bit slow.", 1);
    let text = unsigned(&text);
    fs::write(&segment, rechained(&practice, &text)).unwrap();
    fs::remove_file(practice.ledger().join("head.json")).unwrap();
    practice.home.glass(&["audit", "verify"]).exits(0);
    let outcome = verify(&practice, &events).exits(4);
    assert_eq!(outcome.json()["cloudtrail"]["unknown"].as_array().unwrap().len(), 2, "{}", outcome.stdout);
    assert_eq!(outcome.json()["completeness"]["state"], "rewritten", "{}", outcome.stdout);
}

/// The attacker has the ledger's key as well: every checkpoint of the new history is signed by it, as the first one's were.
#[test]
fn a_history_that_was_written_anew_and_signed_again_with_the_ledgers_key_is_contradicted_by_cloudtrail() {
    let practice = night();
    let events = looked_up(&practice, &records(&practice));
    let key = practice.home.glass(&["audit", "key"]).exits(0).stdout.trim().to_owned();
    let segment = practice.ledger().join(super::SEGMENT);
    let text = fs::read_to_string(&segment).unwrap();
    fs::write(&segment, resigned(&practice, &text.replacen("lost its writer", "was a bit slow.", 1))).unwrap();
    fs::remove_file(practice.ledger().join("head.json")).unwrap();
    let by_itself = practice.home.glass(&["audit", "verify", "--json", "--key", &key]).exits(0).json();
    assert_eq!((&by_itself["integrity"], &by_itself["signed"]["key"]), (&json!("verified"), &json!(key)));
    assert_eq!(by_itself["entries"].as_u64().unwrap(), text.lines().count() as u64);
    let found = verify(&practice, &events).exits(4).json();
    assert_eq!(found["cloudtrail"]["unknown"].as_array().unwrap().len(), 2, "{found}");
    assert_eq!(found["completeness"]["state"], "rewritten", "{found}");
}

/// The same lines in a new chain, each checkpoint with the root that these have, signed by the key that lies beside the
/// ledger.
fn resigned(practice: &Practice, text: &str) -> String {
    let origin = practice.told("ledger.open")[0]["origin"].as_str().unwrap().to_owned();
    let file = practice.ledger().with_file_name("keys").join(origin.rsplit_once('/').unwrap().1);
    let key: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let key = SigningKey::parse(&Secret::new(key["secret"].as_str().unwrap().to_owned())).unwrap();
    let (mut tree, mut prev, mut signed) = (Growing::new(), None, String::new());
    for line in text.lines() {
        let mut entry: Value = serde_json::from_str(line).unwrap();
        if let Some(prev) = prev {
            entry["prev"] = json!(prev);
        }
        if entry["ev"] == "ledger.checkpoint" {
            let (origin, size, root) = (key.verifier().name().to_owned(), tree.size(), tree.root());
            let note = Checkpoint { origin, size, root, extensions: Vec::new() }.sign(&key).unwrap();
            entry["d"] = json!({ "size": size, "root": root, "note": note });
        }
        let line = format!("{entry}\n");
        prev = Some(Digest::of(line.as_bytes()));
        tree.push(leaf(line.as_bytes()));
        signed += &line;
    }
    signed
}

/// What glass says so many minutes later.
fn verify_after(practice: &Practice, minutes: u32, file: &Path) -> Outcome {
    let mut command = practice.home.command(tool("faketime"));
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").args(["-f", &format!("+{minutes}m"), env!("CARGO_BIN_EXE_glass")]);
    Outcome::of(command.args(["audit", "verify", "--json", "--cloudtrail"]).arg(file), "")
}

/// CloudTrail may take its time; after half an hour what it does not tell of is missing.
#[test]
fn a_session_that_aws_does_not_know_is_pending_first_and_missing_then() {
    let practice = night();
    let both = records(&practice);
    // Events of others before and after say that it would be among them.
    let mut around = both[0].clone();
    around["requestParameters"]["roleSessionName"] = json!("somebody-else");
    let [mut before, mut after] = [around.clone(), around];
    before["eventTime"] = json!("2026-01-01T00:00:00Z");
    after["eventTime"] = json!("2037-01-01T00:00:00Z");
    let without = looked_up(&practice, &[before, both[0].clone(), after]);
    let name = &both[1]["requestParameters"]["roleSessionName"];

    let found = verify(&practice, &without).exits(0).json()["cloudtrail"].clone();
    assert_eq!((&found["agree"], &found["pending"], &found["missing"]), (&json!(1), &json!([name]), &json!([])));
    let found = verify_after(&practice, 31, &without).exits(4).json()["cloudtrail"].clone();
    assert_eq!((&found["agree"], &found["pending"], &found["missing"]), (&json!(1), &json!([]), &json!([name])));
    // One that CloudTrail knows is neither, at any time.
    let found = verify_after(&practice, 31, &looked_up(&practice, &both)).exits(0).json()["cloudtrail"].clone();
    assert_eq!((&found["agree"], &found["missing"]), (&json!(2), &json!([])));
    // Where the events end before it, nothing is said of it.
    let found = verify_after(&practice, 31, &looked_up(&practice, &both[..1])).exits(0).json()["cloudtrail"].clone();
    assert_eq!((&found["missing"], &found["not_covered"]), (&json!([]), &json!([name])));
}

#[test]
fn a_call_that_says_something_else_than_its_entry_differs() {
    let practice = night();
    let records = records(&practice);
    for (pointer, other, what) in [
        ("/requestParameters/roleArn", "arn:aws:iam::444455556666:role/admin", "the role is "),
        ("/responseElements/credentials/accessKeyId", "ASIAOTHEROTHEROTHER0", "the access key is "),
        ("/requestID", "11111111-1111-1111-1111-111111111111", "the request is "),
    ] {
        let mut altered = records.clone();
        *altered[1].pointer_mut(pointer).unwrap() = json!(other);
        let found = verify(&practice, &looked_up(&practice, &altered)).exits(4).json()["cloudtrail"].clone();
        assert_eq!((&found["agree"], found["differ"].as_array().unwrap().len()), (&json!(1), 1), "{found}");
        let differs = &found["differ"][0];
        assert_eq!(differs["session_name"], records[1]["requestParameters"]["roleSessionName"]);
        let reason = differs["reason"].as_str().unwrap();
        assert!(reason.starts_with(what) && reason.ends_with(&format!("{other} in CloudTrail")), "{reason}");
    }
}

/// The same lines without what the ledger has signed: who writes it anew and has not its key leaves that out.
fn unsigned(text: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !line.contains("\"ev\":\"ledger.key\"") && !line.contains("\"ev\":\"ledger.checkpoint\""));
    let numbered = lines.enumerate().map(|(number, line)| {
        let (before, after) = line.split_once("\"seq\":").unwrap();
        format!("{before}\"seq\":{number}{}\n", &after[after.find(',').unwrap()..])
    });
    numbered.collect()
}

/// The same lines, each with the hash of the line before as `sha256sum` gives it.
fn rechained(practice: &Practice, text: &str) -> String {
    let mut chained = String::new();
    for line in text.lines() {
        let mut entry = line.to_owned();
        if let Some(before) = chained.lines().last() {
            let outcome = Outcome::of(&mut practice.home.command(tool("sha256sum")), &format!("{before}\n"));
            let at = line.find("\"prev\":\"").unwrap() + 8;
            entry.replace_range(at..at + 64, &outcome.stdout[..64]);
        }
        chained.push_str(&entry);
        chained.push('\n');
    }
    chained
}

#[test]
fn a_file_that_tells_nothing_is_named_and_nothing_is_said_of_the_ledger() {
    let practice = night();
    for (name, text) in [("not.json", "{"), ("other.json", r#"{"Buckets":[]}"#), ("packed", "\u{1f}\u{8b}")] {
        practice.home.write(name, text);
        let outcome = verify(&practice, &practice.home.path(name)).exits(1);
        assert!(outcome.stderr.contains(name) && outcome.stdout.is_empty(), "{}", outcome.stderr);
    }
    verify(&practice, Path::new("/no/such/file")).exits(1);
    let cut = practice.home.path("cut.gz");
    fs::write(&cut, [0x1f, 0x8b, 8, 0, 0]).unwrap();
    verify(&practice, &cut).exits(1);
}
