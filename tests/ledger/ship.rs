//! The ledger is sent away: what a place has stays, and whoever rewrites the ledger is told by it.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{REFUSED, events, home, ledger};
use crate::support::{Home, Outcome, Practice, commands_below, tool};

/// A home whose ledger is sent to a folder `share`, but not by itself, so soon after an attempt.
pub(super) fn shared() -> Home {
    let home = home();
    let catalogue = home.read(".config/glass/profiles.toml") + "[ledger]\nship = [\"../../share\"]\n";
    home.write(".config/glass/profiles.toml", &catalogue);
    home.write("share/.keep", "");
    home.write(".local/state/glass/ledger/tried", "");
    home
}

/// The same with an entry in the ledger, and a checkpoint of it.
fn shipping() -> Home {
    let home = shared();
    home.glass(&REFUSED).exits(3);
    home.glass(&["audit", "checkpoint"]).exits(0);
    home
}

pub(super) fn ship(home: &Home) -> Outcome {
    home.glass(&["audit", "ship"])
}

/// The files of the share, by their names below it.
pub(super) fn kept(home: &Home) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![home.path("share")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.file_name().unwrap().to_str().unwrap().starts_with('.') {
                found.push(path.strip_prefix(home.path("share")).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// The one checkpoint that the share has.
fn checkpoint(home: &Home) -> PathBuf {
    let names = kept(home);
    let [only] = names.as_slice() else { panic!("{names:?}") };
    home.path("share").join(only)
}

pub(super) fn count(home: &Home, event: &str) -> usize {
    events(home).iter().filter(|one| *one == event).count()
}

pub(super) fn last(home: &Home, event: &str) -> Value {
    let shown = home.glass(&["audit", "show", "--json", "--event", event, "--last", "1"]).exits(0);
    shown.json()["d"].clone()
}

#[test]
fn a_checkpoint_is_sent_once_and_its_receipt_is_in_the_ledger() {
    let home = shipping();
    let sent = ship(&home).exits(0);
    let place = checkpoint(&home);
    assert_eq!(sent.stdout, format!("sent  {}/../../share/{}\n", home.path(".config/glass").display(), kept(&home)[0]));
    let (signed, anchor) = (last(&home, "ledger.checkpoint"), last(&home, "ledger.anchor"));
    assert_eq!(json!(fs::read_to_string(&place).unwrap()), signed["note"]);
    assert_eq!(
        (&anchor["size"], &anchor["root"], &anchor["kind"]),
        (&signed["size"], &signed["root"], &json!("folder"))
    );
    assert!(anchor["receipt"]["name"].as_str().unwrap().ends_with(&kept(&home)[0]), "{anchor}");
    assert_eq!((&anchor["segment"], &anchor["recording"]), (&Value::Null, &Value::Null));

    let again = ship(&home).exits(0);
    assert_eq!((again.stdout.as_str(), again.stderr.as_str()), ("", "glass: nothing is left to send\n"));
    assert_eq!((count(&home, "ledger.anchor"), kept(&home).len()), (1, 1));
    home.glass(&["audit", "verify"]).exits(0);

    home.glass(&["audit", "checkpoint"]).exits(0);
    let more = home.glass(&["audit", "ship", "--json"]).exits(0).json();
    assert_eq!((more[0]["sent"].as_array().unwrap().len(), &more[0]["failed"]), (1, &Value::Null));
    assert_eq!((count(&home, "ledger.anchor"), kept(&home).len()), (2, 2));
}

#[test]
fn who_has_no_note_of_what_was_sent_finds_it_there() {
    let home = shipping();
    ship(&home).exits(0);
    fs::remove_dir_all(ledger(&home).join("sent")).unwrap();
    assert_eq!(ship(&home).exits(0).stdout, "");
    assert_eq!((count(&home, "ledger.anchor"), kept(&home).len()), (1, 1));
    let mut notes = fs::read_dir(ledger(&home).join("sent")).unwrap().map(|entry| entry.unwrap().path());
    let note = notes.find(|path| path.file_name().is_some_and(|name| name != "lock")).unwrap();
    for damaged in ["", "{}", "{\"to\":\"elsewhere\",\"seq\":0,\"checkpoint\":0,\"failed\":null}", "\0\0"] {
        fs::write(&note, damaged).unwrap();
        assert_eq!(ship(&home).exits(0).stdout, "", "{damaged}");
    }
    assert_eq!(count(&home, "ledger.anchor"), 1);
}

/// What was put and has no receipt, because glass was killed in between, gets one.
#[test]
fn what_is_there_without_a_receipt_gets_one() {
    let home = shipping();
    let copy = home.path("copy");
    copy_folder(&ledger(&home), &copy);
    ship(&home).exits(0);
    fs::remove_dir_all(ledger(&home)).unwrap();
    fs::rename(copy, ledger(&home)).unwrap();
    assert_eq!(ship(&home).exits(0).stdout, "");
    assert_eq!((count(&home, "ledger.anchor"), kept(&home).len()), (1, 1));
}

pub(super) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap().path();
        fs::copy(&entry, to.join(entry.file_name().unwrap())).unwrap();
    }
}

/// T3: whoever has the machine, with every file and key of the ledger, cuts it or writes it anew, and signs that.
#[test]
fn a_ledger_that_was_cut_or_rewritten_and_signed_again_is_told_by_the_place() {
    let honest = shipping();
    let before = honest.path("before");
    copy_folder(&ledger(&honest), &before);
    for _ in 0..3 {
        honest.glass(&REFUSED).exits(3);
    }
    honest.glass(&["audit", "checkpoint"]).exits(0);
    ship(&honest).exits(0);

    // Cut: the ledger as it was before, with its key, and nothing of what was sent.
    fs::remove_dir_all(ledger(&honest)).unwrap();
    copy_folder(&before, &ledger(&honest));
    honest.glass(&["audit", "checkpoint"]).exits(0);
    honest.glass(&["audit", "verify"]).exits(0);
    let told = ship(&honest).exits(4);
    assert!(told.stderr.contains("contradicts this ledger") && told.stderr.contains("cut off"), "{}", told.stderr);
    assert_eq!(count(&honest, "ledger.anchor"), 0, "a place that contradicts gives no receipt");

    // Rewritten: from there on another history, longer than the first, and signed with the same key.
    for _ in 0..6 {
        honest.glass(&["assume", "prod-db-emergency", "--trigger", "outage", "--incident", "INC-2", "--reason", "x"]);
    }
    honest.glass(&["audit", "checkpoint"]).exits(0);
    honest.glass(&["audit", "verify"]).exits(0);
    let told = ship(&honest).exits(4);
    assert!(told.stderr.contains("this ledger was rewritten"), "{}", told.stderr);
    let told = honest.glass(&["audit", "ship", "--json"]).exits(4).json();
    assert_eq!(told[0]["contradicts"], json!(true));
    assert_eq!(kept(&honest).len(), 1);
}

#[test]
fn something_else_in_the_place_of_a_checkpoint_is_told_and_not_overwritten() {
    for other in ["", "something else\n", "x\n1\nq\n\n— x AAAAAAAA\n"] {
        let home = shipping();
        ship(&home).exits(0);
        let place = checkpoint(&home);
        fs::write(&place, other).unwrap();
        let told = ship(&home).exits(4);
        assert!(told.stderr.contains("something else as"), "{}", told.stderr);
        assert_eq!(fs::read_to_string(&place).unwrap(), other);
    }
    // One that is not newer stands in the way of nobody, and names that are none of glass's are passed over.
    let home = shipping();
    ship(&home).exits(0);
    let folder = checkpoint(&home).parent().unwrap().to_owned();
    for name in ["README", "00000000000000010", "000000000000000x", "zzz"] {
        fs::write(folder.join(name), "x").unwrap();
    }
    ship(&home).exits(0);
    fs::write(folder.join("9999999999999999"), "x").unwrap();
    ship(&home).exits(4);
}

#[test]
fn a_place_that_is_gone_is_waited_for() {
    let home = shipping();
    fs::rename(home.path("share"), home.path("away")).unwrap();
    let told = ship(&home).exits(1);
    assert!(
        told.stderr.contains("does not have all of this ledger") && told.stderr.contains("cannot open"),
        "{told:?}"
    );
    assert!(!home.path("share").exists(), "what is not mounted is not made");
    home.glass(&REFUSED).exits(3);
    fs::rename(home.path("away"), home.path("share")).unwrap();
    ship(&home).exits(0);
    assert_eq!((count(&home, "ledger.anchor"), kept(&home).len()), (1, 1));
}

/// T6: a share that is full, or cannot be written to. What it lacks is sent when it can be.
#[test]
fn a_place_that_takes_nothing_now_gets_it_later() {
    for mount in [
        "mount -t tmpfs -o size=4k none \"$1\" && ! head -c 1M /dev/zero >\"$1/filler\" 2>/dev/null",
        "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\"",
    ] {
        let home = shipping();
        let share = home.path("share");
        let line = format!("{mount} && shift && exec \"$@\"");
        let mut command = home.command(tool("unshare"));
        command.args(["--map-root-user", "--mount", "/bin/sh", "-c", &line, "sh"]).arg(&share);
        let told = Outcome::of(command.arg(env!("CARGO_BIN_EXE_glass")).args(["audit", "ship"]), "").exits(1);
        assert!(told.stderr.contains("does not have all of this ledger"), "{mount}: {}", told.stderr);
        assert_eq!((count(&home, "ledger.anchor"), kept(&home)), (0, Vec::new()), "{mount}");
        ship(&home).exits(0);
        assert_eq!((count(&home, "ledger.anchor"), kept(&home).len()), (1, 1), "{mount}");
    }
}

#[test]
fn a_place_that_lost_everything_gets_it_again() {
    let home = shipping();
    ship(&home).exits(0);
    let had = kept(&home);
    fs::remove_dir_all(home.path("share/glass")).unwrap();
    let told = ship(&home).exits(0);
    assert!(told.stderr.contains("has lost what it had of this ledger"), "{}", told.stderr);
    assert_eq!((kept(&home), count(&home, "ledger.anchor")), (had, 2));
    ship(&home).exits(0);
    assert_eq!(count(&home, "ledger.anchor"), 2);
}

#[test]
fn a_place_that_takes_nothing_does_not_keep_others_from_it() {
    let home = shipping();
    let catalogue =
        home.read(".config/glass/profiles.toml").replace("[\"../../share\"]", "[\"/dev/null\", \"../../share\"]");
    home.write(".config/glass/profiles.toml", &catalogue);
    let told = home.glass(&["audit", "ship", "--json"]).exits(1).json();
    assert_eq!((&told[0]["failed"], &told[1]["failed"]), (&json!("/dev/null is no folder"), &Value::Null));
    assert_eq!(kept(&home).len(), 1);
}

/// A practice whose ledger is sent to a folder beside its catalogue.
fn practice() -> (Practice, PathBuf) {
    let practice = Practice::new();
    let shipped = "[ledger]\nship = [\"share\"]\n\n[levels.emergency]";
    let practice = practice.edited("profiles.toml", "[levels.emergency]", shipped);
    let share = PathBuf::from(practice.file("share"));
    fs::create_dir(&share).unwrap();
    (practice, share)
}

/// Waits until the ledger has an entry of an event that was not there before.
fn wait_for(practice: &Practice, event: &str, before: usize) {
    let mut tail = practice.home.command(env!("CARGO_BIN_EXE_glass"));
    let state = practice.ledger().ancestors().nth(2).unwrap().to_owned();
    let mut tail =
        tail.env("XDG_STATE_HOME", state).args(["audit", "tail", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let pid = Pid::from_child(&tail);
    for _ in lines.map(Result::unwrap).take_while(|_| practice.told(event).len() <= before) {}
    kill_process(pid, Signal::TERM).unwrap();
    tail.wait().unwrap();
}

#[test]
fn a_session_is_sent_when_it_has_ended_and_nobody_waits_for_it() {
    let (practice, share) = practice();
    practice.assume(&["--", "/bin/echo", "it is back"]).exits(0);
    wait_for(&practice, "ledger.anchor", 1);
    let end = practice.told("recording.end").pop().unwrap();
    let anchors = practice.told("ledger.anchor");
    let recording = &anchors[1]["recording"];
    assert_eq!((&recording["bytes"], &recording["sha256"]), (&end["bytes"], &end["sha256"]));
    let packed = fs::read(anchors[1]["receipt"]["name"].as_str().unwrap()).unwrap();
    let mut unpacked = String::new();
    MultiGzDecoder::new(packed.as_slice()).read_to_string(&mut unpacked).unwrap();
    let session = recording["session"].as_str().unwrap();
    let kept = practice.ledger().with_file_name("recordings").join(format!("{session}.cast"));
    assert_eq!(unpacked, fs::read_to_string(kept).unwrap());

    let origin = practice.told("ledger.open")[0]["origin"].as_str().unwrap().to_owned();
    let mut blobs = names(&practice.ledger().join("blobs"));
    blobs.iter_mut().for_each(|name| name.push_str(".gz"));
    assert_eq!((names(&share.join(origin).join("blob")), blobs.is_empty()), (blobs, false));

    // What is sent already is not sent again.
    let again = practice.home.glass(&["audit", "ship"]).exits(0);
    assert_eq!((again.stdout.as_str(), practice.told("ledger.anchor").len()), ("", 2));
}

/// What was sent of the ledger's beginning can be deleted, and the rest verifies by what its receipt says.
#[test]
fn a_closed_segment_is_sent_and_may_be_gone_then() {
    let home = shipping();
    for _ in 0..2 {
        home.glass(&["audit", "rotate"]).exits(0);
        home.glass(&REFUSED).exits(3);
    }
    ship(&home).exits(0);
    let segments: Vec<_> = names(&ledger(&home)).into_iter().filter(|name| name.ends_with(".jsonl")).collect();
    assert_eq!(segments.len(), 3);
    let sent: Vec<_> = kept(&home).into_iter().filter(|name| name.contains("/segment/")).collect();
    for (name, sent) in segments.iter().zip(&sent) {
        let mut unpacked = Vec::new();
        MultiGzDecoder::new(fs::File::open(home.path("share").join(sent)).unwrap()).read_to_end(&mut unpacked).unwrap();
        assert!(sent.ends_with(&format!("/{name}.gz")) && fs::read(ledger(&home).join(name)).unwrap() == unpacked);
    }
    assert_eq!(sent.len(), 2);
    home.glass(&["audit", "verify"]).exits(0);
    for gone in &segments[..2] {
        fs::remove_file(ledger(&home).join(gone)).unwrap();
        home.glass(&["audit", "verify"]).exits(0);
        assert_eq!(ship(&home).exits(0).stdout, "");
    }
    home.glass(&["audit", "checkpoint"]).exits(0);
    assert_eq!(ship(&home).exits(0).stdout.lines().count(), 1);
    home.glass(&["audit", "verify", "--against", home.path("share").to_str().unwrap()]).exits(0);
}

/// An auditor who has nothing but the archive, and does what the guide says, with the real gunzip.
#[test]
fn what_an_archive_has_is_unpacked_and_verifies_as_a_ledger() {
    let (practice, share) = practice();
    practice.assume(&["--", "/bin/echo", "it is back"]).exits(0);
    practice.home.glass(&["audit", "rotate"]).exits(0);
    practice.assume(&["--", "/bin/true"]).exits(0);
    practice.home.glass(&["audit", "rotate"]).exits(0);
    practice.home.glass(&["audit", "ship"]).exits(0);
    let key = practice.home.glass(&["audit", "key"]).exits(0).stdout;
    let closed = fs::read_dir(practice.ledger()).unwrap().map(|entry| entry.unwrap().path());
    let closed = closed.filter(|path| path.metadata().unwrap().permissions().mode() & 0o777 == 0o400);
    let entries: usize = closed.map(|path| fs::read_to_string(path).unwrap().lines().count()).sum();
    let origin = practice.told("ledger.open")[0]["origin"].as_str().unwrap().to_owned();

    let auditor = home();
    let block = commands_below("### From an archive").replace("/srv/share/glass/", &format!("{}/", share.display()));
    let block = block.replace("glass/acme/laptop/alice/62rp5vxh", &origin).replace("KEY", key.trim());
    let block = block.replace("glass audit verify", &format!("{} audit verify --json", env!("CARGO_BIN_EXE_glass")));
    let mut shell = auditor.command("/bin/sh");
    let found = Outcome::of(shell.env("PATH", "/usr/bin:/bin").args(["-euc", &block]), "").exits(0).json();
    assert_eq!((&found["integrity"], &found["entries"]), (&json!("verified"), &json!(entries)), "{found}");
    assert_eq!((&found["signed"]["key"], &found["from"]), (&json!(key.trim()), &Value::Null), "{found}");
    let recordings = found["recordings"].as_array().unwrap();
    assert_eq!(recordings.len(), 2);
    assert!(recordings.iter().all(|recording| recording["state"] == "verified"), "{found}");

    // One that is another is found there as in any ledger.
    let segment = auditor.path("copy/ledger").join(super::SEGMENT);
    let text = fs::read_to_string(&segment).unwrap();
    fs::remove_file(&segment).unwrap();
    fs::write(&segment, text.replacen("INC-4711", "INC-4712", 1)).unwrap();
    auditor.glass(&["audit", "verify", "--ledger", auditor.path("copy/ledger").to_str().unwrap()]).exits(4);
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// What failed is seen, is tried again by later runs, and holds nobody up.
#[test]
fn a_place_that_is_gone_is_told_by_status_and_does_not_hold_up_a_session() {
    let (practice, share) = practice();
    fs::remove_dir(&share).unwrap();
    practice.assume(&["--", "/bin/true"]).exits(0);
    wait_for(&practice, "run.end", 1);
    let told = practice.home.glass(&["status"]).exits(0);
    assert!(told.stderr.contains("share does not have all of the ledger"), "{}", told.stderr);
    fs::create_dir(&share).unwrap();
    practice.home.glass(&["audit", "ship"]).exits(0);
    assert_eq!(practice.told("ledger.anchor").len(), 2);
    let told = practice.home.glass(&["status"]).exits(0);
    assert!(!told.stderr.contains("share"), "{}", told.stderr);
}

/// A practice whose emergencies need an anchor before they begin.
fn anchored() -> (Practice, PathBuf) {
    let (practice, share) = practice();
    (practice.edited("profiles.toml", "[levels.emergency]", "[levels.emergency]\nanchor = \"required\""), share)
}

#[test]
fn where_it_is_required_the_intent_is_outside_of_this_machine_before_aws_is_asked() {
    let (practice, share) = anchored();
    practice.assume(&["--", "/bin/true"]).exits(0);
    let events: Vec<_> = practice.entries().iter().map(|entry| entry["ev"].as_str().unwrap().to_owned()).collect();
    let at = |event: &str| events.iter().position(|one| one == event).unwrap();
    let order = ["elevate.intent", "ledger.checkpoint", "ledger.anchor", "elevate.ok", "session.end"].map(at);
    assert!(order.is_sorted(), "{events:?}");
    let anchor = &practice.entries()[order[2]];
    assert!(anchor["d"]["size"].as_u64().unwrap() > order[0] as u64 && anchor["session"] != json!(""), "{anchor}");
    let note = fs::read_to_string(anchor["d"]["receipt"]["name"].as_str().unwrap()).unwrap();
    assert_eq!(note, practice.told("ledger.checkpoint")[0]["note"]);

    fs::rename(&share, share.with_file_name("away")).unwrap();
    let told = practice.assume(&["--", "/bin/echo", "elevated"]).exits(4);
    assert!(told.stdout.is_empty() && told.stderr.contains("no place outside of this machine"), "{told:?}");
    assert!(told.stderr.contains("share: cannot open"), "{}", told.stderr);
    let fail = practice.told("elevate.fail").pop().unwrap();
    assert_eq!((&fail["sent"], &fail["code"]), (&json!("no"), &json!("NotAnchored")));
    assert_eq!(practice.told("elevate.ok").len(), 1);
    practice.home.glass(&["audit", "verify"]).exits(0);
}

/// A recording that lies there already, and is another one, is told.
#[test]
fn another_recording_in_the_place_of_a_sessions_is_told() {
    let (practice, share) = practice();
    fs::rename(&share, share.with_file_name("away")).unwrap();
    practice.assume(&["--", "/bin/true"]).exits(0);
    wait_for(&practice, "run.end", 1);
    fs::rename(share.with_file_name("away"), &share).unwrap();
    let origin = practice.told("ledger.open")[0]["origin"].as_str().unwrap().to_owned();
    let session = practice.entries().iter().find(|entry| entry["ev"] == "session.end").unwrap()["session"].clone();
    let place = share.join(origin).join("recording").join(format!("{}.cast.gz", session.as_str().unwrap()));
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    // No gzip, and one of a content without an end.
    let mut zeros = GzEncoder::new(Vec::new(), Compression::fast());
    zeros.write_all(&vec![0; 50_000_000]).unwrap();
    for other in [b"something else".to_vec(), zeros.finish().unwrap()] {
        fs::write(&place, &other).unwrap();
        let told = practice.home.glass(&["audit", "ship"]).exits(4);
        assert!(told.stderr.contains("something else as"), "{}", told.stderr);
        assert_eq!(fs::read(&place).unwrap(), other);
    }
    fs::remove_file(&place).unwrap();
    practice.home.glass(&["audit", "ship"]).exits(0);
}

#[test]
fn without_a_place_there_is_nothing_to_do() {
    let home = home();
    home.glass(&REFUSED).exits(3);
    let told = ship(&home).exits(2);
    assert!(told.stderr.contains("names no place"), "{}", told.stderr);
}

/// A ledger that takes no receipt is told, and what was sent gets its receipt later.
#[test]
fn a_broken_ledger_is_not_sent() {
    let home = shipping();
    let segment = ledger(&home).join(super::SEGMENT);
    let text = fs::read_to_string(&segment).unwrap();
    fs::write(&segment, text.replacen("outage", "outagf", 1)).unwrap();
    home.glass(&["audit", "verify"]).exits(4);
    ship(&home).exits(4);
    assert_eq!(kept(&home), [""; 0]);
}
