//! Segments that are closed: on demand and by themselves, whatever happens meanwhile; and old ones that are gone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use glass::host::ledger::HostLedger;
use glass::model::event::Event;
use glass::model::name::Digest;
use glass::world::ledger::{Ledger, Record};
use serde_json::{Value, json};

use super::faults::{begun, failed_everywhere, killed_everywhere};
use super::ship::shared;
use super::{REFUSED, SEGMENT, by_script, events, home, ledger, segments, text, verdict};
use crate::support::{Home, Outcome, tool};

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
    let rotations = home.glass(&["audit", "show", "--event", "ledger.rotate"]).exits(0).stdout;
    assert_eq!(rotations.matches("  alice  ").count(), 4, "{rotations}");
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

/// Segments are opened while they are read, so however many there are, a few open files are enough.
#[test]
fn a_ledger_of_many_segments_needs_few_open_files() {
    let home = home();
    home.glass(&REFUSED).exits(3);
    let writer = HostLedger::new(ledger(&home), None).unwrap();
    (0..60).for_each(|_| drop(writer.rotate(None).unwrap()));
    home.glass(&["audit", "checkpoint"]).exits(0);
    let copy = home.path("copy");
    fs::create_dir(&copy).unwrap();
    for file in segments(&ledger(&home)) {
        fs::copy(&file, copy.join(file.file_name().unwrap())).unwrap();
    }
    let own: [&[&str]; 7] = [
        &["audit", "verify"],
        &["audit", "verify", "--since-checkpoint"],
        &["audit", "show"],
        &["audit", "export"],
        &["audit", "rotate"],
        &["audit", "checkpoint"],
        &["audit", "prove", "1"],
    ];
    for words in own.into_iter().chain([&["audit", "verify", "--ledger", copy.to_str().unwrap()][..]]) {
        let mut glass = home.command(tool("prlimit"));
        Outcome::of(glass.args(["--nofile=24", env!("CARGO_BIN_EXE_glass")]).args(words), "").exits(0);
    }
    assert_eq!(verdict(&home).1["segments"], json!(62));
}

/// A ledger of some blocks of the tree, with a checkpoint and what follows it.
fn signed() -> Home {
    let home = home();
    home.glass(&REFUSED).exits(3);
    let event = Event::RunEnd { code: 0, ms: 1 };
    let batch = vec![Record { who: None, session: None, event }; 300];
    HostLedger::new(ledger(&home), None).unwrap().append_all(&batch, Duration::from_secs(60)).unwrap();
    home.glass(&ROTATE).exits(0);
    home.glass(&["audit", "checkpoint"]).exits(0);
    home.glass(&REFUSED).exits(3);
    home
}

fn since_checkpoint(home: &Home, more: &[&str]) -> (i32, Value, String) {
    let outcome = home.glass(&[&["audit", "verify", "--json", "--since-checkpoint"], more].concat());
    (outcome.code, outcome.json(), outcome.stderr.clone())
}

#[test]
fn the_fast_way_reads_what_follows_the_last_checkpoint_and_says_so() {
    let home = signed();
    let (code, found, said) = since_checkpoint(&home, &[]);
    assert_eq!((code, &found["integrity"], said.as_str()), (0, &json!("verified"), ""));
    let checkpoints = home.glass(&["audit", "show", "--json", "--event", "ledger.checkpoint", "--last", "1"]).exits(0);
    assert_eq!(found["since"], checkpoints.json()["d"]["size"]);
    assert_eq!((&found["signed"]["size"], &found["contents"]), (&found["since"], &Value::Null));
    let plain = home.glass(&["audit", "verify", "--since-checkpoint"]).exits(0).stdout;
    assert!(plain.contains("since       a checkpoint of ") && plain.contains("were not read"), "{plain}");
    // As a copy, so that no verdict is kept: what is before is not read, what follows is.
    let copy = home.path("copy");
    let change = |file: &PathBuf, from: &str, to: &str| {
        drop(fs::remove_dir_all(&copy));
        fs::create_dir(&copy).unwrap();
        for from in segments(&ledger(&home)).into_iter().chain([ledger(&home).join("tree")]) {
            fs::copy(&from, copy.join(from.file_name().unwrap())).unwrap();
        }
        let file = copy.join(file.file_name().unwrap());
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{text}");
        fs::remove_file(&file).unwrap();
        fs::write(&file, text.replacen(from, to, 1)).unwrap();
        let (code, found, _) = since_checkpoint(&home, &["--ledger", copy.to_str().unwrap()]);
        (code, found["since"].is_u64())
    };
    let files = segments(&ledger(&home));
    assert_eq!(change(&files[0], "run.start", "run.start"), (0, true));
    assert_eq!(change(&files[0], "\"ms\":1", "\"ms\":2"), (0, true), "it was not read");
    let full = home.glass(&["audit", "verify", "--ledger", copy.to_str().unwrap()]);
    assert_eq!(full.code, 4, "the full check reads it");
    assert_eq!(change(files.last().unwrap(), "\"elevate.refused\"", "\"elevate.refusee\""), (4, true));
}

#[test]
fn where_there_is_no_fast_way_everything_is_verified_and_that_is_said() {
    let home = signed();
    let other = signed().glass(&["audit", "key"]).exits(0).stdout;
    let (code, found, said) = since_checkpoint(&home, &["--key", other.trim_end()]);
    assert_eq!((code, &found["since"]), (4, &Value::Null));
    assert!(said.contains("everything is verified: the last checkpoint is by none of the keys"), "{said}");
    let tree = fs::read(ledger(&home).join("tree")).unwrap();
    let without: [(&str, &[u8]); 2] = [("no tree is kept", b""), ("not the one that was signed", &forged(&tree))];
    for (why, tree) in without {
        fs::write(ledger(&home).join("tree"), tree).unwrap();
        let (code, found, said) = since_checkpoint(&home, &[]);
        assert_eq!((code, &found["integrity"], &found["since"]), (0, &json!("verified"), &Value::Null), "{why}");
        assert!(said.contains("glass: everything is verified: ") && said.contains(why), "{why}: {said}");
    }
}

/// A file of the tree with another hash for a block, and its own hash right.
fn forged(tree: &[u8]) -> Vec<u8> {
    let (head, records) = tree.split_at(tree.iter().position(|byte| *byte == b'\n').unwrap() + 1);
    let mut forged = records.to_vec();
    forged[0] ^= 1;
    let [old, new] = [records, forged.as_slice()].map(|records| Digest::of(records).to_string());
    [String::from_utf8(head.to_vec()).unwrap().replace(&old, &new).as_bytes(), &forged].concat()
}

/// What is read-only is so for whoever is no root: the ledger is appended to, closed, signed, sent and verified all the same.
#[test]
fn an_ordinary_user_goes_on_after_segments_that_are_closed() {
    let home = shared();
    home.glass(&REFUSED).exits(3);
    let mut user = home.command("/bin/sh");
    if rustix::process::geteuid().is_root() {
        // The ledger is that of another user then, whose own this makes.
        fs::remove_dir_all(home.path(".local")).unwrap();
        let line = "chown -R nobody \"$HOME\" && exec 7<\"$1\" && \
                    exec setpriv --reuid=nobody --clear-groups --no-new-privs /bin/sh -euc \"$2\" sh /proc/self/fd/7";
        user.args(["-c", line, "sh"]);
    } else {
        user.args(["-c", "exec /bin/sh -euc \"$2\" sh \"$1\"", "sh"]);
    }
    let script = "glass() { \"$GLASS\" \"$@\"; }; GLASS=$1; id -u\n\
                  mkdir -p -m 0700 ~/.local/state/glass/ledger; : >~/.local/state/glass/ledger/tried\n\
                  for round in 1 2 3; do glass whoami 2>/dev/null || echo $?; glass audit rotate >/dev/null; done\n\
                  ! sh -c ': >>~/.local/state/glass/ledger/log-0000000000000000.jsonl' 2>/dev/null\n\
                  glass audit checkpoint >/dev/null; glass audit ship | wc -l\n\
                  rm -f ~/.local/state/glass/ledger/log-0000000000000000.jsonl\n\
                  glass audit ship >&2; glass audit verify --json --against ~/share";
    let outcome = Outcome::of(user.arg(env!("CARGO_BIN_EXE_glass")).arg(script), "");
    let lines: Vec<_> = outcome.stdout.lines().collect();
    assert!(outcome.code == 0 && lines.len() == 6 && lines[0] != "0", "{outcome:?}");
    assert_eq!(lines[4], "4", "a checkpoint and three segments: {outcome:?}");
    let found: Value = serde_json::from_str(lines[5]).unwrap();
    assert_eq!(
        (&found["integrity"], &found["completeness"]["state"], &found["segments"]),
        (&json!("verified"), &json!("complete"), &json!(3))
    );
}
