//! Children that want to outlive their deadline, by a process of the test's own.

use std::env;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{PANICS_AT, Supervised, are_gone, child_of, kill, lives, signal};
use crate::support::{DEADLINE, tool};

/// A daemon as daemons are made, that no signal ends but SIGKILL; beside it one that has stopped itself, one that
/// has closed all its files, and one whose first thread has ended.
pub const HOSTILE: &str = "
ignore()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        sleep()
    os._exit(0)
if os.fork() == 0:
    os.setsid()
    tell()
    os.kill(os.getpid(), signal.SIGSTOP)
    sleep()
if os.fork() == 0:
    tell()
    os.closerange(0, 1024)
    while True: time.sleep(60)
if os.fork() == 0:
    import ctypes, threading
    os.setsid()
    thread = threading.Thread(target=sleep)
    thread.start()
    ctypes.CDLL(None).pthread_exit(None)
sleep()
";

#[test]
fn everything_that_descends_from_a_session_is_dead_within_ten_seconds_of_its_deadline() {
    let mut supervised = Supervised::start(Duration::from_secs(2), HOSTILE);
    let pids = supervised.told(5);
    let begun = Instant::now();
    assert_eq!(supervised.ends(), 124);
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
    assert!(!pids.iter().any(|pid| lives(*pid)), "{pids:?}");
}

/// A process that is always another one: each forks the next and ends.
pub const RUNNER: &str = "
ignore()
os.setsid() if os.fork() == 0 else sleep()
tell()
end = time.monotonic() + 60
while time.monotonic() < end:
    if os.fork(): os._exit(0)
";

#[test]
fn a_process_that_forks_for_ever_is_caught() {
    let mut supervised = Supervised::start(Duration::from_millis(500), RUNNER);
    supervised.told(2);
    assert_eq!(supervised.ends(), 124);
    assert_eq!(supervised.left(), 0);
}

#[test]
fn what_a_child_leaves_behind_ends_with_it() {
    let script = "
if os.fork() == 0:
    ignore()
    os.setsid()
    sleep()
while os.path.getsize(told) == 0: time.sleep(0.01)
sys.exit(3)
";
    let mut supervised = Supervised::start(DEADLINE, script);
    let pids = supervised.told(1);
    assert_eq!(supervised.ends(), 3);
    assert!(!pids.iter().any(|pid| lives(*pid)), "{pids:?}");
}

#[test]
fn when_the_supervisor_is_killed_the_watcher_ends_the_session() {
    let mut supervised = Supervised::start(DEADLINE, HOSTILE);
    let pids = supervised.told(5);
    kill(child_of(supervised.watcher.id()));
    assert_eq!(supervised.ends(), 137);
    assert!(!pids.iter().any(|pid| lives(*pid)), "{pids:?}");
}

#[test]
fn when_the_watcher_is_killed_the_supervisor_ends_the_session() {
    let mut supervised = Supervised::start(DEADLINE, HOSTILE);
    let mut pids = supervised.told(5);
    pids.push(child_of(supervised.watcher.id()));
    supervised.watcher.kill().unwrap();
    supervised.ends();
    are_gone(&pids);
}

#[test]
fn a_supervisor_that_its_child_stops_goes_on() {
    let script = "os.kill(os.getppid(), signal.SIGSTOP)\nsleep()";
    let mut supervised = Supervised::start(Duration::from_millis(500), script);
    assert_eq!(supervised.ends(), 124);
}

#[test]
fn a_hundred_processes_that_ignore_everything_are_dead_in_time() {
    let script = "
ignore()
for each in range(99):
    if os.fork() == 0:
        os.setsid() if each % 2 else None
        sleep()
sleep()
";
    let mut supervised = Supervised::start(Duration::from_secs(4), script);
    let pids = supervised.told(100);
    let begun = Instant::now();
    assert_eq!(supervised.ends(), 124);
    assert!(begun.elapsed() < Duration::from_secs(14), "{:?}", begun.elapsed());
    assert!(!pids.iter().any(|pid| lives(*pid)), "{pids:?}");
}

#[test]
fn a_child_that_stops_both_the_watcher_and_the_supervisor_is_dead_in_time() {
    let script = "
ignore()
watcher = int(open('/proc/%d/stat' % os.getppid()).read().rsplit(')', 1)[1].split()[1])
os.kill(watcher, signal.SIGSTOP)
os.kill(os.getppid(), signal.SIGSTOP)
sleep()
";
    let mut supervised = Supervised::start(Duration::from_secs(2), script);
    let begun = Instant::now();
    let pids = supervised.told(1);
    are_gone(&pids);
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
    signal(supervised.watcher.id().cast_signed(), Signal::CONT);
    assert_eq!(supervised.ends(), 124);
}

#[test]
fn a_mistake_in_glass_leaves_no_child() {
    let folder = tempfile::tempdir().unwrap();
    let sight = folder.path().join("mistake");
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(PANICS_AT, &sight);
    let script = format!("{HOSTILE}\n").replace("ignore()\nif", &format!("ignore()\nopen({sight:?}, 'w')\nif"));
    let mut supervised = Supervised::start_by(command, DEADLINE, &script);
    let pids = supervised.told(5);
    assert_eq!(supervised.ends(), 128 + 6);
    assert!(!pids.iter().any(|pid| lives(*pid)), "{pids:?}");
}

#[test]
fn who_cannot_be_found_for_want_of_open_files_is_asked_to_end_all_the_same() {
    let mut command = Command::new(tool("strace"));
    command.args(["--follow-forks", "--output=/dev/null", "--inject", "openat:error=ENFILE"]);
    command.args(["--trace-path", "/proc"]).arg(env::current_exe().unwrap());
    let script = "
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.signal(signal.SIGTERM, lambda *_: (tell(), sys.exit(0)))
sleep()
";
    let mut supervised = Supervised::start_by(command, Duration::from_secs(2), script);
    assert_eq!(supervised.ends(), 124);
    assert_eq!(supervised.told(2).len(), 2, "it was killed unasked");
}
