//! Segments that are closed: on demand and by themselves, whatever happens meanwhile; and old ones that are gone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use glass::host::ledger::HostLedger;
use glass::model::event::Event;
use glass::world::ledger::{Ledger, Record};
use serde_json::{Value, json};

use super::faults::{begun, failed_everywhere, killed_everywhere};
use super::{REFUSED, SEGMENT, by_script, events, home, ledger, segments, text, verdict};
use crate::support::Home;

const ROTATE: [&str; 2] = ["audit", "rotate"];

/// The segment that a rotation of this ledger makes.
fn next(home: &Home) -> String {
    format!("log-{:016}.jsonl", text(home).lines().count() + 2)
}

fn last_event(segment: &PathBuf) -> Value {
    let text = fs::read_to_string(segment).unwrap();
    serde_json::from_str::<Value>(text.lines().last().unwrap()).unwrap()["ev"].clone()
}

#[test]
fn a_segment_is_closed_on_demand_and_the_next_begins_with_a_checkpoint() {
    let home = home();
    home.glass(&REFUSED).exits(3);
    let names: Vec<String> = (0..3).map(|_| home.glass(&ROTATE).exits(0).stdout.trim_end().to_owned()).collect();
    let files = segments(&ledger(&home));
    assert_eq!(files.len(), 4);
    for (name, file) in names.iter().zip(&files) {
        assert_eq!(
            (name.as_str(), last_event(file)),
            (file.file_name().unwrap().to_str().unwrap(), json!("ledger.rotate"))
        );
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o7777, 0o400);
    }
    let begins = fs::read_to_string(&files[1]).unwrap();
    let ledger_key_and_checkpoint = begins.lines().take(2).map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert_eq!(
        ledger_key_and_checkpoint.map(|entry| entry["ev"].clone()).collect::<Vec<_>>(),
        ["ledger.key", "ledger.checkpoint"]
    );
    let told = home.glass(&["audit", "rotate", "--json"]).exits(0).json();
    assert_eq!(told["segment"], files[3].file_name().unwrap().to_str().unwrap());
    assert!(events(&home).contains(&"ledger.rotate".to_owned()));
    let (code, found) = verdict(&home);
    assert_eq!((code, &found["integrity"], &found["segments"]), (0, &json!("verified"), &json!(5)));
    by_script(&home, &ledger(&home)).exits(0);
    assert_eq!(home.glass(&["audit", "show", "--event", "ledger.rotate"]).exits(0).stdout.lines().count(), 4);
}

#[test]
fn at_64_mib_a_segment_is_closed_by_itself() {
    let home = home();
    home.glass(&REFUSED).exits(3);
    let long = Event::RunStart { command: "x".repeat(65_000), args: vec![] };
    let batch = vec![Record { who: None, session: None, event: long }; 100];
    let writer = HostLedger::new(ledger(&home), None).unwrap();
    for _ in 0..11 {
        writer.append_all(&batch, Duration::from_secs(60)).unwrap();
    }
    let files = segments(&ledger(&home));
    assert_eq!((files.len(), last_event(&files[0])), (2, json!("ledger.rotate")));
    let length = fs::metadata(&files[0]).unwrap().len();
    assert!(((60 << 20)..(64 << 20) + 1000).contains(&length), "{length}");
    home.glass(&REFUSED).exits(3);
    let (code, found) = verdict(&home);
    assert_eq!((code, &found["integrity"], &found["segments"]), (0, &json!("verified"), &json!(2)));
}

#[test]
fn a_kill_at_any_call_of_a_rotation_leaves_a_ledger_that_goes_on() {
    let begin = begun();
    killed_everywhere(&begin, &text(&begin), &ROTATE, 0, &next(&begin));
}

#[test]
fn a_kill_at_any_call_after_an_interrupted_rotation_leaves_a_ledger_that_goes_on() {
    let begin = begun();
    begin.glass(&ROTATE).exits(0);
    // The rotation was written, and nothing else happened: neither the mode nor the next segment.
    let files = segments(&ledger(&begin));
    let next = files[1].file_name().unwrap().to_str().unwrap().to_owned();
    fs::remove_file(&files[1]).unwrap();
    fs::set_permissions(&files[0], fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(ledger(&begin).join("head.json")).unwrap();
    killed_everywhere(&begin, &text(&begin), &REFUSED, 3, &next);
}

#[test]
fn an_error_at_any_call_of_a_rotation_ends_with_4_and_leaves_a_ledger_that_goes_on() {
    let begin = begun();
    let next = next(&begin);
    let faults: [(&[&str], &str); 10] = [
        (&[SEGMENT], "pwrite64:error=ENOSPC"),
        (&[SEGMENT], "pwrite64:retval=10"),
        (&[SEGMENT], "fdatasync:error=EIO"),
        (&[SEGMENT], "fchmod:error=EPERM"),
        (&["head.json"], "pwrite64:error=EIO"),
        (&[SEGMENT], "fsync:error=EIO"),
        (&[SEGMENT, &next], "openat:error=EMFILE"),
        (&[&next], "openat:error=ENOSPC"),
        (&[""], "fsync:error=EIO"),
        (&[&next], "pwrite64:error=ENOSPC"),
    ];
    for (files, fault) in faults {
        failed_everywhere(&begin, &text(&begin), &ROTATE, 0, files, fault);
    }
}
