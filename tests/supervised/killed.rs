//! A glass that is killed, and what becomes of its session.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::{are_gone, child_of, kill, lives, signal};
use crate::support::{DEADLINE, Outcome, Practice, ends_within, tool, until};

/// A session of the built program whose child tells its process id and waits.
fn session(practice: &Practice) -> (Child, PathBuf) {
    let told = practice.home.path("told");
    let script = format!("trap '' HUP TERM; setsid sh -c 'echo $$ >{0}; sleep 1000' & wait", told.display());
    let mut command = practice.home.command(env!("CARGO_BIN_EXE_glass"));
    command.args(practice.words(&["--", "/bin/sh", "-c", &script]));
    (command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap(), told)
}

fn read_pid(path: &Path) -> i32 {
    let what = format!("{} has a process id", path.display());
    until(&what, || fs::read_to_string(path).unwrap_or_default().trim().parse().ok())
}

/// The last `session.end` says that the session was lost, and the ledger verifies.
#[track_caller]
fn was_lost(practice: &Practice) {
    let ends = practice.told("session.end");
    assert_eq!(ends.len(), 1, "{ends:?}");
    assert_eq!(ends[0]["cause"], "lost");
    practice.ends_are_signed();
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
    are_gone(&[supervisor]);
    assert!(lives(child));
    let outcome = practice.home.glass(&["list"]).exits(0);
    assert!(outcome.stderr.contains("was lost"), "{}", outcome.stderr);
    are_gone(&[child]);
    was_lost(&practice);
    let outcome = practice.home.glass(&["list"]).exits(0);
    assert!(!outcome.stderr.contains("was lost"), "{}", outcome.stderr);
}

/// What has been seen of a session when glass is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// The supervisor is there.
    Begun,
    /// The ledger has such an entry.
    Entry(&'static str),
    /// The session is marked as alive.
    Marked,
    /// The child has written such a file.
    File(&'static str),
}

const MOMENTS: [Moment; 10] = [
    Moment::Begun,
    Moment::Entry("run.start"),
    Moment::Entry("elevate.intent"),
    Moment::Entry("elevate.ok"),
    Moment::Marked,
    Moment::Entry("session.start"),
    Moment::File("pid"),
    Moment::File("hung"),
    Moment::File("told"),
    Moment::Entry("session.end"),
];

impl Moment {
    fn is_now(self, practice: &Practice) -> bool {
        match self {
            Moment::Begun => true,
            Moment::Entry(event) => {
                let text = fs::read_to_string(practice.ledger().join("log-0000000000000000.jsonl"));
                text.is_ok_and(|text| text.contains(&format!("\"ev\":\"{event}\"")))
            }
            Moment::Marked => {
                let marks = fs::read_dir(practice.file("state/glass/run")).into_iter().flatten().flatten();
                marks.map(|entry| entry.path()).any(|path| path.extension().is_some_and(|ending| ending == "live"))
            }
            Moment::File(name) => practice.home.path(name).exists(),
        }
    }

    /// Waits for it.
    fn comes(self, practice: &Practice) {
        until(&format!("{self:?} comes"), || self.is_now(practice).then_some(()));
    }
}

/// One daemon that ignores everything, and a command that is asked to end by SIGHUP, then SIGTERM, and then ends.
const ENDING: &str = "trap '' TERM; trap 'echo >hung' HUP
setsid sh -c 'trap \"\" HUP TERM; echo $$ >pid.new; mv pid.new pid; sleep 1000' &
until test -e hung; do wait; done
trap 'echo >told; exit' TERM
while :; do wait; done";

/// The account that the ledger gives of the one session there may have been is true, whatever was killed.
#[track_caller]
fn is_true(practice: &Practice, moment: Moment) {
    let verdict = practice.home.glass(&["audit", "verify", "--json"]).exits(0).json();
    let count = |event| practice.told(event).len();
    assert_eq!(count("session.end"), count("elevate.ok"), "{moment:?}: {:?}", practice.entries());
    let unresolved = verdict["unresolved"].as_array().unwrap().len();
    let resolved = count("elevate.ok") + count("elevate.fail");
    assert_eq!(unresolved, count("elevate.intent") - resolved, "{moment:?}: {verdict}");
    let cause = practice.told("session.end").first().map(|end| end["cause"].clone());
    let of_its_own = matches!(moment, Moment::Entry("session.end")) && cause == Some("signal".into());
    assert!(of_its_own || cause.is_none_or(|cause| cause == "lost"), "{moment:?}: {:?}", practice.entries());
    practice.ends_are_signed();
}

/// Kills one of the two at each moment; the answer of `victim` to the watcher's id is whom.
fn kill_at_every_moment(victim: fn(u32) -> i32) {
    for moment in MOMENTS {
        let practice = Practice::new();
        let mut command = practice.home.command(env!("CARGO_BIN_EXE_glass"));
        command.args(practice.words(&["--", "/bin/sh", "-c", ENDING]));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut watcher = command.spawn().unwrap();
        let (victim, supervisor) = (victim(watcher.id()), child_of(watcher.id()));
        if matches!(moment, Moment::File("hung" | "told") | Moment::Entry("session.end")) {
            Moment::File("pid").comes(&practice);
            signal(supervisor, Signal::HUP);
        }
        moment.comes(&practice);
        // It may have come to its end by itself.
        let _ = kill_process(Pid::from_raw(victim).unwrap(), Signal::KILL);
        assert!(ends_within(&watcher, DEADLINE), "{moment:?}");
        watcher.wait().unwrap();
        are_gone(&[supervisor]);
        if Moment::File("pid").is_now(&practice) {
            are_gone(&[read_pid(&practice.home.path("pid"))]);
        }
        is_true(&practice, moment);
    }
}

#[test]
fn a_supervisor_that_is_killed_at_any_of_ten_moments_leaves_no_child_and_a_true_account() {
    kill_at_every_moment(child_of);
}

#[test]
fn a_watcher_that_is_killed_at_any_of_ten_moments_leaves_no_child_and_a_true_account() {
    kill_at_every_moment(u32::cast_signed);
}

/// AWS has given the session, and nothing has begun in it.
#[test]
fn a_supervisor_that_is_killed_before_it_has_marked_its_session_leaves_a_true_account() {
    let practice = Practice::new();
    let mut command = practice.home.command(tool("strace"));
    command.args(["--follow-forks", "--output=/dev/null", "--inject", "mkdir:signal=KILL", "--trace-path"]);
    command.arg(practice.file("state/glass/run")).arg(env!("CARGO_BIN_EXE_glass"));
    Outcome::of(command.args(practice.words(&["--", "/bin/true"])), "").exits(124);
    assert!(practice.told("session.start").is_empty());
    was_lost(&practice);
}

/// There are files enough to fork and too few to hear signals.
#[test]
fn who_cannot_be_watched_does_nothing() {
    let practice = Practice::new();
    let mut command = practice.home.command("/bin/sh");
    command.args(["-c", "ulimit -n 7; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_glass")]);
    let outcome = Outcome::of(command.args(practice.words(&["--", "/bin/true"])), "").exits(1);
    assert_eq!(outcome.stderr.lines().count(), 2, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("cannot start a second process to watch the first"), "{}", outcome.stderr);
    assert!(!practice.ledger().exists());
}
