//! The ledger's disk on a bad night. Without evidence nothing is elevated: exit 4, and AWS hears nothing.

use std::fs;
use std::process::Command;

use crate::support::{Fate, Outcome, Practice, Proxy, python, tool};

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
    let mut command = practice.home.command(tool("unshare"));
    command.args(mounts(practice, mount, &["/bin/echo", "elevated"]));
    command
}

/// The words for `unshare` to do that with a command in the session.
fn mounts(practice: &Practice, mount: &str, command: &[&str]) -> Vec<String> {
    let state = practice.ledger().parent().unwrap().to_str().unwrap().to_owned();
    fs::create_dir_all(&state).unwrap();
    let line = format!("{mount} && shift && exec \"$@\"");
    let begin = ["--map-root-user", "--mount", "/bin/sh", "-c", &line, "sh", &state, env!("CARGO_BIN_EXE_glass")];
    let words = practice.words(&[&["--"], command].concat());
    begin.iter().copied().chain(words).map(str::to_owned).collect()
}

/// A disk that has room for what an elevation writes, and for not much more.
const SMALL: &str = "mount -t tmpfs -o size=256k,mode=0700 none \"$1\"";

/// A session fills the disk of the ledger, and then calls AWS so often that not all of it can be written down; at
/// the end it waits for a line and says that it is still there.
fn filling(practice: &Practice) -> String {
    let (state, python) = (practice.ledger().parent().unwrap().display().to_string(), python("python"));
    let call = "{\"Version\":1,\"ClientId\":\"%s\",\"Type\":\"ApiCall\",\"Service\":\"S3\",\"Api\":\"GetObject\",\"Timestamp\":1}";
    let tell = format!(
        "import os, socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); \
         [s.sendto(b'''{call}''' % os.environb[b'AWS_CSM_CLIENT_ID'], ('127.0.0.1', int(os.environ['AWS_CSM_PORT']))) \
         for _ in range(100)]"
    );
    let tell = tell.replace('"', "\\\"");
    format!(
        "head -c 1M /dev/zero >'{state}/filler' 2>/dev/null; '{}' -c \"{tell}\"; read -r line; echo still there",
        python.display()
    )
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

/// What is no gate is on the disk soon, and not only at the end.
#[test]
fn what_a_live_session_writes_down_is_synced_while_it_lives() {
    let practice = Practice::new();
    let head = practice.ledger().join("head.json");
    let script = format!(
        "until jq -e '.seq == .synced_seq' '{0}' >/dev/null; do :; done; jq -c '[.seq, .synced_seq]' '{0}'",
        head.display()
    );
    let outcome = practice.assume(&["--", "/bin/sh", "-c", &script]).exits(0);
    let synced = usize::try_from(outcome.json()[1].as_u64().unwrap()).unwrap();
    assert_eq!(practice.entries()[synced]["ev"], "session.start");
}

/// T6: what must be written down, and cannot be, does not go on.
#[test]
fn a_session_that_must_be_recorded_is_ended_when_the_ledger_takes_nothing_more() {
    let practice = Practice::new();
    let script = filling(&practice);
    let mut command = practice.home.command(tool("unshare"));
    command.args(mounts(&practice, SMALL, &["/bin/sh", "-c", &script.replace("read -r line", "sleep 60")]));
    let outcome = Outcome::of(&mut command, "").exits(4);
    assert!(!outcome.stdout.contains("still there"), "{outcome:?}");
    assert!(
        outcome.stderr.contains("glass: cannot append to") && outcome.stderr.contains(" bytes were written"),
        "{outcome:?}"
    );
}

/// T6: the person is told at once, and once; that beats what the shell ends with.
#[test]
fn a_person_is_told_when_the_ledger_takes_nothing_more() {
    let practice =
        Practice::new().unrecorded().edited("profiles.toml", "policy = \"orders-db.json\"", "api_log = true");
    let words = mounts(&practice, SMALL, &["/bin/sh", "-c", &filling(&practice)]);
    let mut terminal = practice.home.terminal(tool("unshare"), &words.iter().map(String::as_str).collect::<Vec<_>>());
    terminal.expect("glass: cannot append to ");
    terminal.expect("what happens from now on is not written down");
    terminal.send("go on\r");
    terminal.expect("still there");
    let (code, screen) = terminal.wait();
    assert_eq!((code, screen.matches("is not written down").count()), (4, 1), "{screen}");
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
