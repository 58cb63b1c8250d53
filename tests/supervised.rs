//! Sessions and their end: hostile children, and a glass that is killed. Deadlines are near here, so the library
//! is used by a process of the test's own; what needs no deadline is seen through the built program.

mod hostile;
mod killed;
mod terminal;

pub use hostile::{HOSTILE, RUNNER};

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio, exit};
use std::time::Duration;

use glass::host::child::HostChildren;
use glass::host::clock::HostClock;
use glass::host::watcher::{self, End, Side};
use glass::model::catalogue::TraceDemand;
use glass::model::event::Cause;
use glass::model::live::{Answer, Ask};
use glass::world::keeping::{Asker, Happening, Keeper, Then, Unkept};
use glass::world::machine::{self, Children, Clock, Watched};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{DEADLINE, ends_within, tool, until};

/// What the process of the test's own is to run, how long, whether traced, and that it is that process.
const SCRIPT: &str = "SUPERVISED_SCRIPT";
const TIME: &str = "SUPERVISED_MILLISECONDS";
const TRACE: &str = "SUPERVISED_TRACE";

/// The file at whose sight the keeper is to panic.
const PANICS_AT: &str = "SUPERVISED_PANICS_AT";

/// A keeper with a mistake in it.
struct Mistaken(String);

impl Keeper for Mistaken {
    fn happened(&mut self, _: Happening) -> Then {
        assert!(!fs::exists(&self.0).unwrap(), "a mistake in glass");
        Then::GoOn
    }

    fn asked(&mut self, ask: Ask, by: &Asker) -> Answer {
        Unkept.asked(ask, by)
    }
}

/// The other side of [`Supervised`]: in the usual run of all tests it has nothing to do.
#[test]
#[allow(clippy::exit, reason = "what is seen of it is how it ends")]
fn supervisor_of_a_script() {
    let (Ok(script), Ok(time)) = (env::var(SCRIPT), env::var(TIME)) else { return };
    let time = Duration::from_millis(time.parse().unwrap());
    match watcher::split().unwrap() {
        Side::Watcher(supervised) => match supervised.watch() {
            End::Exit(code) => exit(code.into()),
            End::Killed { signal, .. } => exit(128 + signal),
        },
        Side::Supervisor(watcher) => {
            let argv = vec![tool("python3").into(), "-c".into(), script.into()];
            let trace = if env::var(TRACE).is_ok() { TraceDemand::Exec } else { TraceDemand::None };
            let watched = Watched { trace, ..Watched::default() };
            let command = machine::Command { argv, set: BTreeMap::new(), keeps: |_| true, watched };
            let child = HostChildren::watched_by(watcher).start(&command).unwrap();
            let mut keeper: Box<dyn Keeper> = match env::var(PANICS_AT) {
                Ok(file) => Box::new(Mistaken(file)),
                Err(_) => Box::new(Unkept),
            };
            let ended = child.wait(HostClock.boot().plus(time), &mut *keeper);
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
        Supervised::start_by(Command::new(env::current_exe().unwrap()), time, script)
    }

    /// The same with every program traced.
    pub fn traced(time: Duration, script: &str) -> Supervised {
        let mut command = Command::new(env::current_exe().unwrap());
        command.env(TRACE, "1");
        Supervised::start_by(command, time, script)
    }

    /// Starts it by a command that runs this program, such as another program with its path.
    pub fn start_by(mut command: Command, time: Duration, script: &str) -> Supervised {
        let folder = tempfile::tempdir().unwrap();
        let told = folder.path().join("told");
        let script = format!(
            "{PRELUDE}told = os.open({:?}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)\n{script}",
            told.display().to_string()
        );
        command.args(["--exact", "supervised::supervisor_of_a_script", "--test-threads=1", "--nocapture"]);
        command.env(SCRIPT, script).env(TIME, time.as_millis().to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Supervised { watcher: command.spawn().unwrap(), folder }
    }

    /// The processes that have told of themselves, once there are so many.
    pub fn told(&self, count: usize) -> Vec<i32> {
        let told = || fs::read_to_string(self.folder.path().join("told")).unwrap_or_default();
        let are_told = |text: &String| text.lines().count() >= count && text.ends_with('\n') || count == 0;
        let text = until(&format!("{count} have told of themselves"), || Some(told()).filter(are_told));
        text.lines().map(|line| line.parse().unwrap()).collect()
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
    for pid in pids {
        until(&format!("{pid} is gone"), || (!lives(*pid)).then_some(()));
    }
}

/// The first child of a process, by whichever of its threads.
pub fn child_of(pid: u32) -> i32 {
    until(&format!("{pid} has a child"), || {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
        let children: String =
            threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default()).collect();
        children.split_whitespace().next().map(|child| child.parse().unwrap())
    })
}

pub fn kill(pid: i32) {
    signal(pid, Signal::KILL);
}

pub fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}
