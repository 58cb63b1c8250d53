//! Recordings held against the ledger: what was changed, cut, prolonged, replaced or deleted.

use std::fs;
use std::os::unix::fs::symlink;

use glass::model::name::Digest;
use serde_json::{Value, json};

use super::{SEGMENT, home, ledger, text, verdict};
use crate::support::Home;

/// Three chunks of one line each.
const LINES: [&str; 3] = ["{\"version\":2,\"width\":80,\"height\":24}\n", "[0.1,\"o\",\"a\"]\n", "[0.2,\"o\",\"b\"]\n"];

/// A ledger with entries about recordings, as glass writes them.
struct Ground {
    home: Home,
}

impl Ground {
    fn new() -> Ground {
        let home = home();
        home.glass(&["list"]).exits(0);
        Ground { home }
    }

    fn path(session: &str) -> String {
        format!(".local/state/glass/recordings/{session}.cast")
    }

    /// Writes a recording and what the ledger has of it.
    fn record(&self, session: &str) {
        self.home.write(&Ground::path(session), &LINES.concat());
        let mut from = 0;
        for line in LINES {
            let d = json!({"from": from, "bytes": line.len(), "sha256": Digest::of(line.as_bytes())});
            self.append("recording.chunk", session, &d);
            from += line.len();
        }
    }

    fn end(&self, session: &str) {
        let all = LINES.concat();
        let d = json!({"bytes": all.len(), "sha256": Digest::of(all.as_bytes()), "seconds": 1});
        self.append("recording.end", session, &d);
    }

    /// Appends an entry that follows the last.
    fn append(&self, event: &str, session: &str, d: &Value) {
        let before = text(&self.home);
        let last = before.split_inclusive('\n').next_back().unwrap();
        let seq = before.lines().count();
        let prev = Digest::of(last.as_bytes());
        let entry = format!(
            "{{\"v\":1,\"seq\":{seq},\"prev\":\"{prev}\",\"ts\":\"2026-01-31T02:13:00.000042Z\",\"mono\":\"1\",\"boot\":\"b\",\
             \"host\":\"h\",\"pid\":1,\"uid\":0,\"who\":\"alice\",\"ev\":\"{event}\",\"session\":\"{session}\",\"d\":{d}}}\n"
        );
        fs::write(ledger(&self.home).join(SEGMENT), before + &entry).unwrap();
    }

    /// A session's recording by the verdict in JSON, and the exit code.
    #[track_caller]
    fn state(&self, session: &str) -> (i32, Value) {
        let (code, found) = verdict(&self.home);
        assert_eq!(found["integrity"], "verified", "{found}");
        let recordings = found["recordings"].as_array().unwrap();
        let mut of = recordings.iter().filter(|recording| recording["session"] == session);
        (code, of.next().unwrap_or_else(|| panic!("{session} is not in {found}")).clone())
    }
}

#[test]
fn recordings_are_held_against_the_ledger() {
    let ground = Ground::new();
    assert_eq!(verdict(&ground.home).1["recordings"], json!([]));
    for session in ["0000000a", "0000000b", "0000000c", "0000000d", "0000000f"] {
        ground.record(session);
    }
    for session in ["0000000a", "0000000b", "0000000c"] {
        ground.end(session);
    }
    ground.home.write(&Ground::path("0000000e"), "anything");
    fs::remove_file(ground.home.path(Ground::path("0000000c"))).unwrap();
    let begun = LINES.concat() + "[0.3,\"o\"";
    ground.home.write(&Ground::path("0000000f"), LINES[0]);
    ground.home.write(&Ground::path("0000000d"), &begun);
    ground.record("0000000g");
    ground.append("loss", "0000000d", &json!({"what": "reports of commands not understood", "count": 1}));
    ground.append("loss", "0000000g", &json!({"what": "recording", "count": 1}));
    let all = LINES.concat().len();
    let recording = |session, state, bytes, more| json!({"session": session, "state": state, "bytes": bytes, "more": more, "first_bad": null});
    let expected = json!([
        recording("0000000a", "verified", all, 0),
        recording("0000000b", "verified", all, 0),
        recording("0000000c", "missing", all, 0),
        recording("0000000d", "unfinished", all, 8),
        recording("0000000e", "unknown", 0, 8),
        {"session": "0000000f", "state": "cut", "bytes": all, "more": 0,
            "first_bad": {"chunk": 2, "from": 37, "bytes": 14, "reason": "the recording ends at byte 37"}},
        recording("0000000g", "unfinished", all, 0),
    ]);
    let (code, found) = verdict(&ground.home);
    assert_eq!((code, &found["recordings"]), (0, &expected));
    let told = ground.home.glass(&["audit", "verify"]).exits(0).stdout;
    let lines = "recordings  2 verified, 2 unfinished, 1 cut, 1 missing, 1 unknown\n\
                 cut         0000000f: chunk 2, bytes 37 to 50: the recording ends at byte 37\n\
                 unfinished  0000000d: the session was lost, 8 bytes more than the ledger has\n\
                 unfinished  0000000g: it could not be recorded to its end, 0 bytes more than the ledger has\n\
                 missing     0000000c: not there\n\
                 unknown     0000000e: the ledger has nothing of it\n";
    assert!(told.ends_with(lines), "{told}");
}

#[test]
fn a_recording_that_was_changed_is_named_with_its_chunk_and_is_broken_evidence() {
    let ground = Ground::new();
    ground.record("0000000a");
    ground.end("0000000a");
    let (path, whole) = (Ground::path("0000000a"), LINES.concat());
    let (second, third) = (LINES[0].len(), LINES[0].len() + LINES[1].len());
    let cases = [
        (whole.replace("\"a\"", "\"x\""), json!(2), second, LINES[1].len(), "the ledger's is another"),
        (whole.replace("\"b\"", "\"x\""), json!(3), third, LINES[2].len(), "the ledger's is another"),
        (whole.replace("80", "81").replace("\"b\"", "\"x\""), json!(1), 0, second, "the ledger's is another"),
        (whole[..whole.len() - 1].to_owned(), json!(3), third, LINES[2].len(), "the recording ends at byte 64"),
        (whole.clone() + "[9,\"o\",\"\"]\n", json!(null), whole.len(), 11, "they were added after its end"),
        (String::new(), json!(1), 0, second, "the recording ends at byte 0"),
    ];
    for (changed, chunk, from, bytes, reason) in cases {
        ground.home.write(&path, &changed);
        let (code, found) = ground.state("0000000a");
        let bad = &found["first_bad"];
        assert_eq!((code, &found["state"]), (4, &json!("differs")), "{found}");
        assert_eq!([&bad["chunk"], &bad["from"], &bad["bytes"]], [&chunk, &json!(from), &json!(bytes)], "{found}");
        assert!(bad["reason"].as_str().unwrap().ends_with(reason), "{found}");
        // It is the recording that differs: the ledger is whole and goes on.
        ground.home.glass(&["list"]).exits(0);
    }
    ground.home.write(&path, &whole.replace("\"a\"", "\"x\""));
    let told = ground.home.glass(&["audit", "verify"]).exits(4).stdout;
    assert!(
        told.contains("\nrecordings  1 differs\ndiffers     0000000a: chunk 2, bytes 37 to 50: its SHA-256 is "),
        "{told}"
    );
    fs::rename(ground.home.path(&path), ground.home.path("elsewhere")).unwrap();
    ground.home.write("elsewhere", &whole);
    symlink(ground.home.path("elsewhere"), ground.home.path(&path)).unwrap();
    let (code, found) = ground.state("0000000a");
    assert_eq!((code, &found["state"]), (4, &json!("differs")), "{found}");
    assert!(found["first_bad"]["reason"].as_str().unwrap().ends_with("is a link to somewhere else"), "{found}");
}

#[test]
fn the_recordings_beside_a_copy_of_a_ledger_are_held_against_it() {
    let ground = Ground::new();
    ground.record("0000000a");
    ground.end("0000000a");
    let copy = ground.home.path("copy");
    fs::create_dir(&copy).unwrap();
    fs::create_dir(copy.join("ledger")).unwrap();
    fs::copy(ledger(&ground.home).join(SEGMENT), copy.join("ledger").join(SEGMENT)).unwrap();
    let verify = ["audit", "verify", "--json", "--ledger", "copy/ledger"];
    assert_eq!(ground.home.glass(&verify).exits(0).json()["recordings"][0]["state"], "missing");
    fs::create_dir(copy.join("recordings")).unwrap();
    let recording = copy.join("recordings/0000000a.cast");
    fs::copy(ground.home.path(Ground::path("0000000a")), &recording).unwrap();
    assert_eq!(ground.home.glass(&verify).exits(0).json()["recordings"][0]["state"], "verified");
    fs::write(&recording, LINES[0]).unwrap();
    assert_eq!(ground.home.glass(&verify).exits(4).json()["recordings"][0]["state"], "differs");
}
