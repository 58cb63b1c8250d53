//! Appends that are killed between any two system calls, that meet errors, and that all come at once.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::json;

use super::{REFUSED, SEGMENT, by_script, events, home, ledger, text, verdict};
use crate::support::{Home, Outcome, Practice, tool};

/// The system calls that leave something behind, or stand between two that do.
const CHANGING: [&str; 10] =
    ["mkdir", "flock", "lseek", "write", "fdatasync", "pwrite64", "ftruncate", "fchmod", "fsync", "rename"];

/// Those that happen all the time; only what concerns the ledger's own files is looked at.
const COMMON: [&str; 3] = ["openat", "statx", "close"];

/// glass with these words, under strace, which does this at a system call for one of these files; and the call at which
/// it did, if there was one.
fn traced(home: &Home, words: &[&str], files: &[&str], inject: &str) -> (Outcome, Option<String>) {
    let (mut command, told) = (home.command(tool("strace")), home.path("strace"));
    command.args(["--follow-forks", "--trace", inject.split(':').next().unwrap(), "--inject", inject, "--output"]);
    command.arg(&told);
    for file in files {
        command.arg("--trace-path").arg(ledger(home).join(file));
    }
    let outcome = Outcome::of(command.arg(env!("CARGO_BIN_EXE_glass")).args(words), "");
    let calls = fs::read_to_string(told).unwrap();
    let met = calls.lines().find(|call| call.contains("(INJECTED)") || call.contains("killed by SIGKILL"));
    (outcome, met.map(str::to_owned))
}

/// A home with a copy of the ledger of another, if there is one.
fn copied(from: &Home) -> Home {
    let to = home();
    if ledger(from).exists() {
        let state = to.path(".local/state/glass");
        fs::create_dir_all(&state).unwrap();
        assert!(Command::new(tool("cp")).arg("-a").arg(ledger(from)).arg(state).status().unwrap().success());
    }
    to
}

/// A home whose ledger has a few entries.
pub fn begun() -> Home {
    let home = home();
    home.glass(&REFUSED).exits(3);
    home
}

/// Checks that the next run finds a ledger that verifies, but for a torn end, and mends and continues it.
#[track_caller]
fn goes_on(home: &Home, before: &str, what: &str) {
    let (code, found) = verdict(home);
    assert_eq!(code, 0, "{what}: {found}");
    let torn = found["integrity"] == json!("torn");
    let (code, found) = verdict(home);
    assert_eq!((code, &found["integrity"]), (0, &json!("verified")), "{what}: {found}");
    assert!(text(home).starts_with(before), "{what}: an entry is lost");
    assert!(!torn || events(home).contains(&"ledger.recover".to_owned()), "{what}: nothing says that it was torn");
}

/// Kills glass with these words at the first, second, third … time that it makes each system call, until it comes through.
pub fn killed_everywhere(begin: &Home, before: &str, words: &[&str], done: i32, next: &str) {
    let files = ["", "lock", "head.json", "verdict.json", SEGMENT, next];
    let everywhere = CHANGING.map(|call| (call, &files[..0])).into_iter().chain(COMMON.map(|call| (call, &files[..])));
    let mut kills = 0;
    for (call, files) in everywhere {
        for time in 1.. {
            let home = copied(begin);
            let (outcome, met) = traced(&home, words, files, &format!("{call}:signal=KILL:when={time}"));
            assert_eq!(outcome.code, if met.is_some() { 137 } else { done }, "{call} {time}");
            goes_on(&home, before, &format!("killed at {call} {time}"));
            if met.is_none() {
                break;
            }
            kills += 1;
        }
    }
    assert!(kills > 40, "only {kills} kills");
}

#[test]
fn a_kill_at_any_call_leaves_a_ledger_that_is_begun_later() {
    killed_everywhere(&home(), "", &REFUSED, 3, SEGMENT);
}

#[test]
fn a_kill_at_any_call_leaves_a_ledger_that_goes_on() {
    let begin = begun();
    killed_everywhere(&begin, &text(&begin), &REFUSED, 3, SEGMENT);
}

#[test]
fn a_kill_at_any_call_of_a_recovery_leaves_a_ledger_that_is_recovered() {
    let begin = begun();
    let before = text(&begin);
    fs::write(ledger(&begin).join(SEGMENT), before.clone() + &"torn ".repeat(200)).unwrap();
    killed_everywhere(&begin, &before, &REFUSED, 3, SEGMENT);
}

/// T6: whatever the kernel refuses, glass ends with 4, says what failed, and the next run goes on.
#[test]
fn an_error_at_any_call_ends_with_4_and_leaves_a_ledger_that_goes_on() {
    let torn = begun();
    fs::write(ledger(&torn).join(SEGMENT), text(&torn) + &"torn ".repeat(200)).unwrap();
    let everything = ["", "lock", "head.json", SEGMENT];
    let faults: [(&Home, &[&str], &str); 20] = [
        (&begun(), &[SEGMENT], "pwrite64:error=ENOSPC"),
        (&begun(), &[SEGMENT], "pwrite64:retval=10"),
        (&begun(), &[SEGMENT], "pwrite64:retval=0"),
        (&begun(), &[SEGMENT], "fdatasync:error=EIO"),
        (&begun(), &["head.json"], "pwrite64:error=EIO"),
        (&begun(), &["head.json"], "pwrite64:retval=10"),
        (&begun(), &["head.json"], "pread64:error=EIO"),
        (&begun(), &["lock"], "flock:error=ENOLCK"),
        (&begun(), &everything, "openat:error=EMFILE"),
        (&begun(), &[""], "getdents64:error=EIO"),
        (&torn, &[SEGMENT], "ftruncate:error=EIO"),
        (&torn, &[SEGMENT], "pread64:error=EIO"),
        (&home(), &["", "head.json"], "fsync:error=EIO"),
        // A signal in the middle of a call: gone through again, or told like any other failure.
        (&begun(), &everything, "pwrite64:error=EINTR"),
        (&begun(), &everything, "flock:error=EINTR"),
        (&begun(), &everything, "fdatasync:error=EINTR"),
        (&begun(), &everything, "openat:error=EINTR"),
        (&begun(), &everything, "getdents64:error=EINTR"),
        (&torn, &everything, "pread64:error=EINTR"),
        (&home(), &everything, "fsync:error=EINTR"),
    ];
    for (begin, files, fault) in faults {
        let before = if ledger(begin).exists() { text(begin).replace("torn ", "") } else { String::new() };
        failed_everywhere(begin, &before, &REFUSED, 3, files, fault);
    }
}

/// Lets glass meet an error at the first, second, third … of these calls, until there is none any more.
pub fn failed_everywhere(begin: &Home, before: &str, words: &[&str], done: i32, files: &[&str], fault: &str) {
    for time in 1.. {
        let home = copied(begin);
        let (outcome, met) = traced(&home, words, files, &format!("{fault}:when={time}"));
        let what = format!("{fault} {time}: {met:?} {}", outcome.stderr);
        goes_on(&home, before, &what);
        let Some(call) = met else {
            assert!(time > 1 && outcome.code == done, "{what}: it never happened");
            break;
        };
        // What was read to save time is read anew, with all the rest; and a lock that is not let go goes with its process.
        let was_to_read = fault.starts_with("pread64") || call.contains("O_RDONLY");
        let may_go_on = was_to_read || fault.ends_with("EINTR") || call.contains("LOCK_UN");
        if outcome.code != done || !may_go_on {
            assert_eq!(outcome.code, 4, "{what}");
            assert!(outcome.stderr.contains("caused by: ") && outcome.stderr.contains("hint: "), "{what}");
        }
    }
}

#[test]
fn after_an_append_that_failed_the_process_appends_nothing_more() {
    let home = begun();
    let before = events(&home).len();
    traced(&home, &REFUSED, &[SEGMENT], "fdatasync:error=EIO").0.exits(4);
    assert_eq!(events(&home)[before..], ["run.start", "elevate.refused"], "no run.end");
    let head = fs::read_to_string(ledger(&home).join("head.json")).unwrap();
    assert!(head.contains(&format!("\"seq\":{before},")) && head.contains("\"synced_seq\":2,"), "{head}");
    goes_on(&home, "", "a sync that failed");
}

/// T6: the result is not on the disk, so the credentials are not handed over.
#[test]
fn a_result_that_is_not_synced_is_not_handed_over() {
    let practice = Practice::new();
    practice.home.glass(&["audit", "verify"]).exits(0);
    let mut command = practice.home.command(tool("strace"));
    command.args(["--follow-forks", "--output=/dev/null", "--inject", "fdatasync:error=EIO:when=2", "--trace-path"]);
    command.arg(practice.ledger().join(SEGMENT)).arg(env!("CARGO_BIN_EXE_glass"));
    let outcome = Outcome::of(command.args(practice.words(&["--", "/bin/echo", "elevated"])), "").exits(4);
    assert_eq!(outcome.stdout, "");
    let events: Vec<_> = practice.entries().into_iter().map(|entry| entry["ev"].clone()).collect();
    assert_eq!(events[events.len() - 2..], ["elevate.intent", "elevate.ok"], "{events:?}");
}

/// T7: many processes at once make one chain, and nothing is lost.
#[test]
fn sixteen_processes_at_once_make_one_chain() {
    let home = home();
    for round in 1..=3 {
        let start = |_| {
            let mut command = home.command(env!("CARGO_BIN_EXE_glass"));
            command.args(REFUSED).stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        };
        let children: Vec<_> = (0..16).map(start).collect();
        for mut child in children {
            assert_eq!(child.wait().unwrap().code(), Some(3));
        }
        let events = events(&home);
        for event in ["run.start", "elevate.refused", "run.end"] {
            assert_eq!(events.iter().filter(|found| *found == event).count(), 16 * round, "{event}");
        }
        assert_eq!(events.len(), 16 * round * 3 + 1);
    }
    by_script(&home, &ledger(&home)).exits(0);
    assert_eq!(verdict(&home).1["entries"], 145);
}
