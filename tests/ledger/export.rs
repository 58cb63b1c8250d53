//! `glass audit export`: each form is what it says it is, by somebody else's reader, and nothing is left of half an export.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use glass::model::name::Digest;
use serde_json::{Value, json};

use super::{REFUSED, SEGMENT, home, ledger, text, vectors};
use crate::support::{DEADLINE, Home, Outcome, Practice, ends_within, python};

fn export(home: &Home, args: &[&str]) -> Outcome {
    home.glass(&[&["audit", "export"], args].concat())
}

/// Runs one of the Python programs beside this file.
fn by_python(home: &Home, program: &str, args: &[&str], input: &str) -> Outcome {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ledger").join(program);
    Outcome::of(home.command(python("python")).arg(program).args(args), input)
}

/// A copy of a ledger that was made up: what it has to say of a session, entry after entry.
fn made_up(home: &Home, entries: impl IntoIterator<Item = (String, Value)>) -> PathBuf {
    let origin = "glass/acme/laptop/alice/0123abcd";
    let opened = json!({ "origin": origin, "machine": "0".repeat(64), "version": "0", "previous": null });
    let mut prev = Digest::of(format!("glass-ledger-v1\n{origin}\n").as_bytes());
    let mut text = String::new();
    for (seq, (ev, d)) in [("ledger.open".to_owned(), opened)].into_iter().chain(entries).enumerate() {
        let (ts, host, session) = ("2026-01-31T02:13:00.000042Z", "=laptop", if seq == 0 { "" } else { "3f9qk2mz" });
        let line = format!(
            "{{\"v\":1,\"seq\":{seq},\"prev\":\"{prev}\",\"ts\":\"{ts}\",\"mono\":\"7\",\"boot\":\"b\",\"host\":\"{host}\",\
             \"pid\":{},\"uid\":1000,\"who\":\"alice\",\"ev\":\"{ev}\",\"session\":\"{session}\",\"d\":{d}}}\n",
            100 + seq
        );
        prev = Digest::of(line.as_bytes());
        text += &line;
    }
    home.write(&format!("copy/{SEGMENT}"), &text).parent().unwrap().to_owned()
}

#[test]
fn lines_are_exported_as_they_are_stored_and_verify_elsewhere() {
    let home = home();
    home.glass(&REFUSED).exits(3);
    let all = text(&home);
    let exported = export(&home, &[]).exits(0).stdout;
    assert!(exported.starts_with(&all));
    let copy = home.write(&format!("copy/{SEGMENT}"), &exported);
    home.glass(&["audit", "verify", "--ledger", copy.parent().unwrap().to_str().unwrap()]).exits(0);
    let refused = export(&home, &["--event", "elevate.refused"]).exits(0).stdout;
    assert_eq!(refused, all.split_inclusive('\n').nth(2).unwrap());
    assert_eq!(export(&home, &["--since", "2999-01-01T00:00:00Z"]).exits(0).stdout, "");
    let copied = export(&home, &["--ledger", copy.parent().unwrap().to_str().unwrap()]).exits(0).stdout;
    assert_eq!(copied, exported);
    export(&home, &["--format", "xml"]).exits(2);
}

#[test]
fn a_table_is_read_as_it_was_written_and_runs_nothing() {
    let home = Home::new();
    let hostile = json!({ "what": "a;=HYPERLINK(\"x\"),\n\"=1+1", "count": 1 });
    let copy = made_up(&home, [("loss".to_owned(), hostile.clone())]);
    let table = export(&home, &["--format", "csv", "--ledger", copy.to_str().unwrap()]).exits(0).stdout;
    assert_eq!(table.matches("\r\n").count(), table.matches('\n').count());
    let reader = "import csv, json, sys; print(json.dumps(list(csv.reader(sys.stdin, strict=True))))";
    let rows = Outcome::of(home.command(python("python")).args(["-c", reader]), &table).exits(0).json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(
        rows[0],
        json!(["seq", "ts", "who", "ev", "session", "host", "pid", "uid", "boot", "mono", "prev", "sha256", "d"])
    );
    let lines = fs::read_to_string(copy.join(SEGMENT)).unwrap();
    let hash = Digest::of(lines.split_inclusive('\n').nth(1).unwrap().as_bytes()).to_string();
    assert_eq!((&rows[2][0], &rows[2][5], &rows[2][11]), (&json!("1"), &json!("'=laptop"), &json!(hash)));
    assert_eq!(serde_json::from_str::<Value>(rows[2][12].as_str().unwrap()).unwrap(), hostile);
    for cell in table.lines().flat_map(|line| line.split([',', ';'])) {
        assert!(!cell.trim_matches('"').starts_with(['=', '+', '-', '@']), "{cell}");
    }
}

/// Details as glass writes them, of every event that has any.
fn details() -> Vec<(String, Value)> {
    include_str!("details.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What no glass has written: every detail of another kind, and numbers that are too large.
fn spoilt(d: &Value, with: &Value) -> Value {
    d.as_object().unwrap().keys().map(|key| (key.clone(), with.clone())).collect()
}

#[test]
fn every_entry_is_a_valid_event_of_ocsf_whatever_is_in_it() {
    let home = Home::new();
    let others =
        [json!(null), json!(-1.5), json!(u64::MAX), json!(""), json!("\u{0}x"), json!([[]]), json!({ "serial": 1 })];
    let entries = details().into_iter().flat_map(|(ev, d)| {
        let spoilt = others.iter().map(|other| spoilt(&d, other)).collect::<Vec<_>>();
        [d, json!({})].into_iter().chain(spoilt).map(move |d| (ev.clone(), d))
    });
    let copy = made_up(&home, entries);
    let events = export(&home, &["--format", "ocsf", "--ledger", copy.to_str().unwrap()]).exits(0).stdout;
    let lines = fs::read_to_string(copy.join(SEGMENT)).unwrap();
    assert_eq!(events.lines().count(), lines.lines().count());
    for (event, line) in events.lines().zip(lines.split_inclusive('\n')) {
        let (event, entry): (Value, Value) =
            (serde_json::from_str(event).unwrap(), serde_json::from_str(line).unwrap());
        assert_eq!(event["raw_data_hash"]["value"], json!(Digest::of(line.as_bytes()).to_string()));
        assert_eq!((&event["metadata"]["sequence"], &event["unmapped"]), (&entry["seq"], &entry["d"]));
    }
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ocsf.md")).unwrap();
    for (ev, event) in details().iter().map(|(ev, _)| ev).zip(events.lines().skip(1).step_by(others.len() + 2)) {
        let event: Value = serde_json::from_str(event).unwrap();
        let [class, activity] = ["class_name", "activity_name"].map(|name| event[name].as_str().unwrap());
        let mut rows = page.lines().filter(|row| row.contains(&format!("`{ev}`")) || ev == "some.future");
        assert!(
            rows.any(|row| row.contains(&format!("| {class} |")) && row.contains(activity)),
            "{ev}: {class}, {activity}"
        );
    }
    let classes = by_python(&home, "ocsf.py", &[], &events).exits(0).json();
    assert_eq!(
        classes,
        json!([
            "API Activity",
            "Authentication",
            "Base Event",
            "Entity Management",
            "Event Log Activity",
            "File System Activity",
            "Process Activity",
            "Script Activity"
        ])
    );
}

#[test]
fn a_real_session_becomes_events_of_ocsf() {
    let practice = Practice::new();
    practice.assume(&["--", "/bin/true"]).exits(0);
    let folder = practice.ledger().display().to_string();
    let events = export(&practice.home, &["--format", "ocsf", "--ledger", &folder]).exits(0).stdout;
    by_python(&practice.home, "ocsf.py", &[], &events).exits(0);
    let of = |name: &str| {
        let event = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        event.into_iter().find(|event| event["metadata"]["event_code"] == name).unwrap()
    };
    let (ok, end) = (of("elevate.ok"), of("session.end"));
    assert_eq!((&ok["type_name"], &ok["status"]), (&json!("Authentication: Account Switch"), &json!("Success")));
    assert_eq!((&end["type_name"], &end["session"]["uid"]), (&json!("Authentication: Logoff"), &ok["session"]["uid"]));
    assert_eq!(ok["actor"]["user"]["name"], json!("alice"));
}

#[test]
fn tiles_come_to_the_root_that_is_signed() {
    let home = home();
    for _ in 0..140 {
        home.glass(&["list"]).exits(0);
    }
    home.glass(&["audit", "checkpoint"]).exits(0);
    let note = home.glass(&["audit", "checkpoint"]).exits(0).stdout;
    home.glass(&["list"]).exits(0);
    let size: usize = note.lines().nth(1).unwrap().parse().unwrap();
    assert!(size > 256, "a tile is full");
    let folder = home.path("log");
    export(&home, &["--format", "tiles", "--to", folder.to_str().unwrap()]).exits(0);
    assert_eq!(fs::read_to_string(folder.join("checkpoint")).unwrap(), note);
    let first: String = text(&home).split_inclusive('\n').take(size).collect();
    assert_eq!(by_python(&home, "tiles.py", &[folder.to_str().unwrap()], "").exits(0).stdout, first);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join("tile/0/000"))), (0o700, 0o600));
    // A copy whose end is broken has those of its last good checkpoint.
    let mut copied = text(&home);
    let at = copied.rfind("\"run.start\"").unwrap();
    copied.replace_range(at..at + 4, "\"ran");
    let copy = home.write(&format!("copy/{SEGMENT}"), &copied).parent().unwrap().display().to_string();
    let empty = home.path("empty");
    fs::create_dir(&empty).unwrap();
    let told = export(&home, &["--format", "tiles", "--to", empty.to_str().unwrap(), "--ledger", &copy]).exits(0);
    assert!(told.stderr.contains("does not verify there"), "{}", told.stderr);
    assert_eq!(fs::read_to_string(empty.join("checkpoint")).unwrap(), note);
}

#[test]
fn tiles_need_a_folder_a_checkpoint_and_all_entries() {
    let home = home();
    let to = home.path("log").display().to_string();
    let says = |args: &[&str], code: i32, word: &str| {
        let told = export(&home, &[&["--format", "tiles"], args].concat()).exits(code);
        assert!(told.stderr.contains(word), "{}", told.stderr);
    };
    says(&[], 2, "--to");
    says(&["--to", &to, "--event", "loss"], 2, "all entries");
    says(&["--to", &to], 1, "nothing of the ledger is signed");
    home.write("log/mine", "x");
    home.glass(&["audit", "checkpoint"]).exits(0);
    says(&["--to", &to], 1, "already");
    assert_eq!(home.read("log/mine"), "x");
}

#[test]
fn a_ledger_that_does_not_verify_is_exported_as_far_as_it_does() {
    let home = home();
    home.glass(&REFUSED).exits(3);
    let broken = text(&home).replacen("\"short\"", "\"shorn\"", 1);
    fs::write(ledger(&home).join(SEGMENT), &broken).unwrap();
    home.glass(&["audit", "verify"]).exits(4);
    let told = export(&home, &[]).exits(0);
    assert_eq!(told.stdout, broken.split_inclusive('\n').take(2).collect::<String>());
    assert!(told.stderr.contains("warning") && told.stderr.contains("line 3 on are not exported"), "{}", told.stderr);
    assert_eq!(text(&home), broken);
    for (name, path, expected) in vectors() {
        let outcome = export(&home, &["--ledger", path.to_str().unwrap()]).exits(0);
        let gone = expected["from"]["entry"].as_u64().unwrap_or(0);
        let lines = u64::try_from(outcome.stdout.lines().count()).unwrap();
        assert_eq!(Some(gone + lines), expected["entries"].as_u64(), "{name}");
    }
}

#[test]
fn nobody_who_reads_on_is_no_failure() {
    let home = Home::new();
    let entries = (0..4000).map(|count| ("loss".to_owned(), json!({ "what": "x".repeat(60), "count": count })));
    let copy = made_up(&home, entries);
    let mut command = home.command(env!("CARGO_BIN_EXE_glass"));
    let command = command.args(["audit", "export", "--ledger"]).arg(&copy).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    assert!(ends_within(&child, DEADLINE));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_file_is_its_owners_alone_and_whole_or_not_there() {
    let home = home();
    home.glass(&REFUSED).exits(3);
    let file = home.path("out/ledger.csv");
    fs::create_dir(home.path("out")).unwrap();
    let to = file.to_str().unwrap();
    let told = export(&home, &["--format", "csv", "--to", to]).exits(0);
    assert_eq!(told.stdout, "");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let content = fs::read_to_string(&file).unwrap();
    let taken = export(&home, &["--to", to]).exits(1);
    assert!(taken.stderr.contains("already"), "{}", taken.stderr);
    export(&home, &["--ledger", home.path("run").to_str().unwrap(), "--to", home.path("out/none").to_str().unwrap()])
        .exits(1);
    export(&home, &["--to", "/nowhere/x"]).exits(1);
    assert_eq!(fs::read_to_string(&file).unwrap(), content);
    let left: Vec<_> = fs::read_dir(home.path("out")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["ledger.csv"]);
}

/// A file system that is full in the middle of it.
#[test]
fn an_export_that_finds_no_room_leaves_nothing() {
    let home = Home::new();
    let entries = (0..4000).map(|count| ("loss".to_owned(), json!({ "what": "x".repeat(60), "count": count })));
    let copy = made_up(&home, entries);
    fs::create_dir(home.path("out")).unwrap();
    let script = "ulimit -f 8; trap '' XFSZ; exec \"$0\" audit export --ledger \"$1\" --to out/all";
    let mut command = home.command("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_glass")]).arg(&copy);
    let told = Outcome::of(&mut command, "").exits(1);
    assert!(told.stderr.contains("too large"), "{}", told.stderr);
    assert_eq!(fs::read_dir(home.path("out")).unwrap().count(), 0);
}

/// As `audit export | head`: what is behind the place where nobody listens any more is not even read.
#[test]
fn an_export_that_nobody_listens_to_any_more_ends_at_once() {
    let home = home();
    let many = (0..3000).map(|_| ("run.end".to_owned(), json!({ "code": 0, "ms": 1 })));
    let copy = made_up(&home, many);
    let segment = copy.join(SEGMENT);
    let text = fs::read_to_string(&segment).unwrap() + "not read\n";
    fs::write(&segment, &text).unwrap();
    let told = export(&home, &["--ledger", copy.to_str().unwrap()]).exits(0);
    assert!(told.stderr.contains("log-0000000000000000.jsonl line 3002"), "{}", told.stderr);
    let line = "{ \"$1\" audit export --ledger \"$2\"; echo $? >code; } | head -n 1; cat code";
    let mut shell = home.command("/bin/sh");
    shell.args(["-c", line, "sh", env!("CARGO_BIN_EXE_glass")]).arg(&copy);
    let told = Outcome::of(&mut shell, "").exits(0);
    let first = text.split_inclusive('\n').next().unwrap();
    assert_eq!((told.stdout.as_str(), told.stderr.as_str()), (format!("{first}0\n").as_str(), ""));
}
