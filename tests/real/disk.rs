//! The ledger's disk on a bad night. Without evidence nothing is elevated: exit 4, and AWS hears nothing.

use std::fs;
use std::process::Command;

use crate::support::{Fate, Outcome, Practice, Proxy, tool};

/// A practice that counts what AWS hears.
fn watched() -> (Practice, Proxy) {
    let practice = Practice::new();
    let proxy = Proxy::start(&practice.sandbox.endpoint, |_| Fate::Pass);
    (practice.behind(&proxy), proxy)
}

/// Checks that glass said no with exit code 4, and that no code went to AWS.
#[track_caller]
fn no_evidence_no_elevation(outcome: Outcome, proxy: &Proxy) {
    let outcome = outcome.exits(4);
    assert!(!outcome.stdout.contains("elevated"), "{}", outcome.stdout);
    assert!(outcome.stderr.contains("hint: "), "{}", outcome.stderr);
    assert!(proxy.requests("Action=AssumeRole").is_empty());
}

/// `glass assume` in a mount namespace of its own, after this command line of `sh` with the folder of the state as `$1`.
fn with_mounts(practice: &Practice, mount: &str) -> Command {
    let state = practice.ledger().parent().unwrap().to_str().unwrap().to_owned();
    fs::create_dir_all(&state).unwrap();
    let mut command = practice.home.command(tool("unshare"));
    let line = format!("{mount} && shift && exec \"$@\"");
    command.args(["--map-root-user", "--mount", "/bin/sh", "-c", &line, "sh", &state]);
    command.arg(env!("CARGO_BIN_EXE_glass")).args(practice.words(&["--", "/bin/echo", "elevated"]));
    command
}

/// `glass assume` under strace, which makes these system calls fail.
fn with_faults(practice: &Practice, inject: &str) -> Command {
    let mut command = practice.home.command(tool("strace"));
    command.args(["--follow-forks", "--output=/dev/null", "--inject", inject]);
    command.arg(env!("CARGO_BIN_EXE_glass")).args(practice.words(&["--", "/bin/echo", "elevated"]));
    command
}

#[test]
fn the_disk_is_full() {
    let (practice, proxy) = watched();
    let fill = "mount -t tmpfs -o size=64k,mode=0700 none \"$1\" && ! head -c 1M /dev/zero >\"$1/filler\" 2>/dev/null";
    no_evidence_no_elevation(Outcome::of(&mut with_mounts(&practice, fill), ""), &proxy);
}

#[test]
fn the_disk_is_read_only() {
    let (practice, proxy) = watched();
    practice.home.glass(&["whoami"]).exits(0);
    let freeze = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\"";
    no_evidence_no_elevation(Outcome::of(&mut with_mounts(&practice, freeze), ""), &proxy);
}

#[test]
fn the_disk_does_not_take_what_was_written() {
    let (practice, proxy) = watched();
    no_evidence_no_elevation(Outcome::of(&mut with_faults(&practice, "fdatasync:error=EIO"), ""), &proxy);
}

#[test]
fn the_ledger_is_no_folder() {
    let (practice, proxy) = watched();
    fs::create_dir_all(practice.ledger().parent().unwrap()).unwrap();
    fs::write(practice.ledger(), "").unwrap();
    no_evidence_no_elevation(practice.assume(&["--", "/bin/echo", "elevated"]), &proxy);
}

#[test]
fn an_entry_was_edited() {
    let (practice, proxy) = watched();
    practice.home.glass(&["whoami"]).exits(0);
    let segment = practice.ledger().join("log-0000000000000000.jsonl");
    let text = fs::read_to_string(&segment).unwrap();
    fs::write(&segment, text.replacen("\"whoami\"", "\"nobody\"", 1)).unwrap();
    no_evidence_no_elevation(practice.assume(&["--", "/bin/echo", "elevated"]), &proxy);
    let verdict = practice.home.glass(&["audit", "verify", "--json"]).exits(4).json();
    assert_eq!(verdict["integrity"], "broken");
    assert_eq!(verdict["first_bad"]["segment"], "log-0000000000000000.jsonl");
    // Whatever only reads goes on, with one warning.
    for (args, shown) in
        [(&["list"][..], "prod-db-emergency"), (&["runbook", "prod-db-emergency"], "The orders database")]
    {
        let outcome = practice.home.glass(args).exits(0);
        assert!(outcome.stdout.contains(shown) && outcome.stderr.contains("warning"), "{outcome:?}");
    }
}

#[test]
fn the_tail_was_cut_off() {
    let (practice, proxy) = watched();
    practice.home.glass(&["whoami"]).exits(0);
    let segment = practice.ledger().join("log-0000000000000000.jsonl");
    let text = fs::read_to_string(&segment).unwrap();
    let whole = text.trim_end().rfind('\n').unwrap() + 1;
    fs::write(&segment, &text[..whole]).unwrap();
    no_evidence_no_elevation(practice.assume(&["--", "/bin/echo", "elevated"]), &proxy);
    let verdict = practice.home.glass(&["audit", "verify", "--json"]).exits(4).json();
    assert_eq!(verdict["integrity"], "rolled-back");
}
