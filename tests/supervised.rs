//! Sessions and their end: hostile children, and a glass that is killed. Deadlines are near here, so the library
//! is used by a process of the test's own; what needs no deadline is seen through the built program.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio, exit};
use std::time::{Duration, Instant};

use glass::host::child::HostChildren;
use glass::host::clock::HostClock;
use glass::host::watcher::{self, End, Side};
use glass::model::catalogue::TraceDemand;
use glass::model::event::Cause;
use glass::world::keeping::Unkept;
use glass::world::machine::{self, Children, Clock, Watched};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{DEADLINE, Practice, Pty, ends_within, tool};

/// What the process of the test's own is to run, how long, whether traced, and that it is that process.
const SCRIPT: &str = "SUPERVISED_SCRIPT";
const TIME: &str = "SUPERVISED_MILLISECONDS";
const TRACE: &str = "SUPERVISED_TRACE";

/// The other side of [`Supervised`]: in the usual run of all tests it has nothing to do.
#[test]
#[allow(clippy::exit, reason = "what is seen of it is how it ends")]
fn supervisor_of_a_script() {
    let (Ok(script), Ok(time)) = (env::var(SCRIPT), env::var(TIME)) else { return };
    let time = Duration::from_millis(time.parse().unwrap());
    match watcher::split().unwrap() {
        Side::Watcher(supervised) => match supervised.watch() {
            End::Exit(code) => exit(code.into()),
            End::Killed(signal) => exit(128 + signal),
        },
        Side::Supervisor(watcher) => {
            let argv = vec![tool("python3").into(), "-c".into(), script.into()];
            let trace = if env::var(TRACE).is_ok() { TraceDemand::Exec } else { TraceDemand::None };
            let watched = Watched { trace, ..Watched::default() };
            let command = machine::Command { argv, set: BTreeMap::new(), keeps: |_| true, watched };
            let child = HostChildren::watched_by(watcher).start(&command).unwrap();
            let ended = child.wait(HostClock.boot().plus(time), &mut Unkept);
            exit(if ended.cause == Cause::Deadline { 124 } else { ended.code.into() })
        }
    }
}

/// A script of Python that a supervisor runs; what it calls `tell` with its own process id for is seen to end.
pub struct Supervised {
    pub watcher: Child,
    folder: tempfile::TempDir,
}

const PRELUDE: &str = "
import os, signal, sys, time
def tell(): os.write(told, b'%d\\n' % os.getpid())
def ignore():
    for each in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT): signal.signal(each, signal.SIG_IGN)
def sleep():
    tell()
    while True: time.sleep(60)
";

impl Supervised {
    fn start(time: Duration, script: &str) -> Supervised {
        Supervised::with(time, script, &[])
    }

    /// The same with every program traced.
    pub fn traced(time: Duration, script: &str) -> Supervised {
        Supervised::with(time, script, &[TRACE])
    }

    fn with(time: Duration, script: &str, demands: &[&str]) -> Supervised {
        let folder = tempfile::tempdir().unwrap();
        let told = folder.path().join("told");
        let script = format!(
            "{PRELUDE}told = os.open({:?}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)\n{script}",
            told.display().to_string()
        );
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "supervised::supervisor_of_a_script", "--test-threads=1", "--nocapture"]);
        command.env(SCRIPT, script).env(TIME, time.as_millis().to_string());
        command.envs(demands.iter().map(|demand| (demand, "1")));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Supervised { watcher: command.spawn().unwrap(), folder }
    }

    /// The processes that have told of themselves, once there are so many.
    pub fn told(&self, count: usize) -> Vec<i32> {
        let until = Instant::now() + DEADLINE;
        loop {
            let text = fs::read_to_string(self.folder.path().join("told")).unwrap_or_default();
            if text.lines().count() >= count && text.ends_with('\n') || count == 0 {
                return text.lines().map(|line| line.parse().unwrap()).collect();
            }
            assert!(Instant::now() < until, "only told: {text}");
            std::thread::yield_now();
        }
    }

    /// How many processes still run the script.
    pub fn left(&self) -> usize {
        let told = self.folder.path().join("told").display().to_string();
        let runs = |entry: &fs::DirEntry| {
            let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&command).contains(&told)
        };
        fs::read_dir("/proc").unwrap().flatten().filter(runs).count()
    }

    /// Waits for the watcher's end; the answer is its exit code.
    pub fn ends(&mut self) -> i32 {
        assert!(ends_within(&self.watcher, DEADLINE));
        let status = self.watcher.wait().unwrap();
        status.code().or(status.signal()).unwrap()
    }
}

/// Whether a process is there and is more than an entry for its parent to read.
pub fn lives(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

#[track_caller]
pub fn are_gone(pids: &[i32]) {
    let until = Instant::now() + DEADLINE;
    while pids.iter().any(|pid| lives(*pid)) {
        assert!(Instant::now() < until, "{:?} live", pids.iter().filter(|pid| lives(**pid)).collect::<Vec<_>>());
        std::thread::yield_now();
    }
}

/// The first child of a process, by whichever of its threads.
pub fn child_of(pid: u32) -> i32 {
    let until = Instant::now() + DEADLINE;
    loop {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
        let children: String =
            threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default()).collect();
        if let Some(child) = children.split_whitespace().next() {
            return child.parse().unwrap();
        }
        assert!(Instant::now() < until, "{pid} has no child");
        std::thread::yield_now();
    }
}

pub fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

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

#[test]
fn the_size_of_the_terminal_reaches_the_session_also_when_it_changes() {
    let practice = Practice::new();
    let script = "trap 'stty size; exit' WINCH; stty size; while :; do sleep 0.1; done";
    let mut terminal = practice.assume_on_terminal(&["--", "/bin/sh", "-c", script]);
    terminal.expect("24 80");
    terminal.resize(40, 132);
    terminal.expect("40 132");
    assert_eq!(terminal.wait().0, 0);
}

#[test]
fn every_byte_comes_through_in_both_directions() {
    let practice = Practice::new();
    let script = "
import os, sys, termios, tty
tty.setraw(0)
os.write(1, b'ready')
got = b''
while len(got) < 255: got += os.read(0, 255)
os.write(1, b'same' if got == bytes(range(1, 256)) else repr(got).encode())
os.write(1, 1000 * bytes(range(128, 256)))
";
    let python = tool("python3");
    let mut terminal = practice.assume_on_terminal(&["--", python.to_str().unwrap(), "-c", script]);
    terminal.expect("ready");
    terminal.send_bytes(&(1..=255).collect::<Vec<u8>>());
    terminal.expect("same");
    let (code, shown) = terminal.wait_bytes();
    assert_eq!(code, 0);
    let whole: Vec<u8> = (128..=255).collect();
    let count = shown.windows(128).filter(|window| *window == whole).count();
    assert_eq!(count, 1000);
}

/// Runs a script of `sh` in a session on a terminal, between two looks at the terminal's settings.
fn on_a_terminal(practice: &Practice, inner: &str) -> Pty {
    let settings = "stty -a | tr ';' '\\n' | grep -E 'echo|icanon|isig|opost'";
    let line = format!("{settings} >before; \"$@\"; echo ended $?; {settings} >after");
    let mut words = vec!["-c", line.as_str(), "sh", env!("CARGO_BIN_EXE_glass")];
    words.extend(practice.words(&["--", "/bin/sh", "-c", inner]));
    practice.home.terminal("/bin/sh", &words)
}

#[test]
fn a_terminal_is_as_it_was_when_the_supervisor_was_killed_or_told_to_end() {
    for (inner, ended) in [
        ("stty raw -echo; kill -KILL $PPID; sleep 1000", "ended 124"),
        ("stty raw -echo; kill -TERM $PPID; sleep 1000", "ended 143"),
    ] {
        let practice = Practice::new();
        let mut terminal = on_a_terminal(&practice, inner);
        terminal.expect(ended);
        terminal.wait();
        assert_eq!(practice.home.read("before"), practice.home.read("after"));
        practice.home.glass(&["audit", "verify"]).exits(0);
    }
}
