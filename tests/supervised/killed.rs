//! A glass that is killed, and what becomes of its session.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use super::{are_gone, child_of, kill, lives};
use crate::support::{DEADLINE, Practice, ends_within};

/// A session of the built program whose child tells its process id and waits.
fn session(practice: &Practice) -> (Child, PathBuf) {
    let told = practice.home.path("told");
    let script = format!("trap '' HUP TERM; setsid sh -c 'echo $$ >{0}; sleep 1000' & wait", told.display());
    let mut command = practice.home.command(env!("CARGO_BIN_EXE_glass"));
    command.args(practice.words(&["--", "/bin/sh", "-c", &script]));
    (command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap(), told)
}

fn read_pid(path: &Path) -> i32 {
    let until = Instant::now() + DEADLINE;
    loop {
        match fs::read_to_string(path).unwrap_or_default().trim().parse() {
            Ok(pid) => return pid,
            Err(_) => assert!(Instant::now() < until, "{} has no process id", path.display()),
        }
        std::thread::yield_now();
    }
}

/// The last `session.end` says that the session was lost, and the ledger verifies.
#[track_caller]
fn was_lost(practice: &Practice) {
    let ends = practice.told("session.end");
    assert_eq!(ends.len(), 1, "{ends:?}");
    assert_eq!(ends[0]["cause"], "lost");
    practice.home.glass(&["audit", "verify"]).exits(0);
}

#[test]
fn a_killed_supervisor_leaves_no_child_and_a_ledger_that_says_lost() {
    let practice = Practice::new();
    let (mut watcher, told) = session(&practice);
    let child = read_pid(&told);
    kill(child_of(watcher.id()));
    assert!(ends_within(&watcher, DEADLINE));
    assert_eq!(watcher.wait().unwrap().code(), Some(124));
    assert!(!lives(child));
    was_lost(&practice);
}

#[test]
fn a_killed_watcher_leaves_no_child_and_a_ledger_that_says_lost() {
    let practice = Practice::new();
    let (mut watcher, told) = session(&practice);
    let pids = [read_pid(&told), child_of(watcher.id())];
    watcher.kill().unwrap();
    watcher.wait().unwrap();
    are_gone(&pids);
    was_lost(&practice);
}

#[test]
fn when_both_are_killed_the_next_run_ends_what_is_left() {
    let practice = Practice::new();
    let (mut watcher, told) = session(&practice);
    let child = read_pid(&told);
    let supervisor = child_of(watcher.id());
    let pid = |pid| Pid::from_raw(pid).unwrap();
    let watching = pid(i32::try_from(watcher.id()).unwrap());
    // Neither can see the other's end before it is killed itself.
    kill_process(watching, Signal::STOP).unwrap();
    kill(supervisor);
    watcher.kill().unwrap();
    watcher.wait().unwrap();
    assert!(lives(child));
    let outcome = practice.home.glass(&["list"]).exits(0);
    assert!(outcome.stderr.contains("was lost"), "{}", outcome.stderr);
    are_gone(&[child]);
    was_lost(&practice);
    let outcome = practice.home.glass(&["list"]).exits(0);
    assert!(!outcome.stderr.contains("was lost"), "{}", outcome.stderr);
}
