//! The shell or command that works with a session.
//!
//! Keeps the promise that it ends at the deadline, and all that descends from it too. A person at a
//! terminal gets one of the session's own; otherwise the child has the streams that glass was given,
//! and a process group of its own, and stops and goes on with glass as under sudo. Every signal that
//! asks glass to end reaches it.

mod end;
mod jobs;
mod traced;

use std::ffi::OsStr;
use std::io;
use std::mem;
use std::os::unix::process::CommandExt;
use std::process;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, WaitOptions, WaitStatus, wait, waitpid};

use super::alarm::Alarm;
use super::clock::HostClock;
use super::datagrams::Datagrams;
use super::descent;
use super::ending::Ending;
use super::foreground::Foreground;
use super::front::Front;
use super::pipes::Pipes;
use super::programs;
use super::pty::{Pty, SWITCHED_OFF};
use super::reports::Offer;
use super::signals::{self, Held};
use super::source::Source;
use super::trace::{self, Trace};
use super::watcher::Watcher;
use crate::model::catalogue::TraceDemand;
use crate::model::event::Cause;
use crate::model::time::BootTime;
use crate::world::keeping::{Commands, Happening, Keeper, Then, WARNINGS};
use crate::world::machine::{Child, ChildError, Children, Clock, Command, Ended, Watched};

/// The longest time between two looks at the clock. Timers of `poll` stand still while the
/// machine sleeps; so the deadline is met at most this long after waking.
const TICK: Duration = Duration::from_secs(1);

/// Starts real children. With a watcher, all that descends from them ends with them.
#[derive(Default)]
pub struct HostChildren {
    watcher: Option<Arc<Watcher>>,
    sources: Mutex<Vec<Box<dyn Source + Send>>>,
}

impl HostChildren {
    /// The children of a supervisor.
    pub fn watched_by(watcher: Watcher) -> Self {
        HostChildren { watcher: Some(Arc::new(watcher)), ..HostChildren::default() }
    }

    /// Has the supervisor of the next child listen to something.
    pub fn listen_to(&self, source: Box<dyn Source + Send>) {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).push(source);
    }
}

impl Children for HostChildren {
    fn find(&self, program: &OsStr) -> Result<(), ChildError> {
        programs::find(program).map_err(|error| not_started(program, error))
    }

    fn check(&self, watched: Watched) -> Result<(), ChildError> {
        match watched.trace {
            TraceDemand::None => Ok(()),
            TraceDemand::Exec => trace::check().map_err(ChildError::CannotTrace),
        }
    }

    fn start(&self, command: &Command) -> Result<Box<dyn Child>, ChildError> {
        let Some((program, _)) = command.argv.split_first() else {
            return Err(ChildError::NotFound(Default::default()));
        };
        let failed = |error| not_started(program, error);
        let signals = signals::hold().map_err(failed)?;
        let mut child = prepare(command);
        let pty = match &self.watcher {
            Some(_) => {
                signals.stay_awake();
                descent::adopt();
                Pty::open().map_err(failed)?
            }
            None => None,
        };
        if let Some(pty) = &pty {
            pty.connect(&mut child).map_err(failed)?;
        }
        let piped = pty.is_none() && command.watched.recording;
        let pipes = if piped { Pipes::connect(&mut child).map_err(failed)? } else { Pipes::default() };
        let mut sources = mem::take(&mut *self.sources.lock().unwrap_or_else(PoisonError::into_inner));
        sources.extend(watched(command, &mut child).map_err(failed)?);
        let demanded = command.watched.trace == TraceDemand::Exec;
        if demanded {
            trace::ask(&mut child);
        }
        let offer = match command.watched.commands {
            Commands::Reported => Some(Offer::make(&mut child).map_err(failed)?),
            Commands::None | Commands::Unreported => None,
        };
        let started = child.spawn().map_err(failed)?;
        // It holds copies of the terminal, which the session's end waits for.
        drop(child);
        let pid = i32::try_from(started.id()).ok().and_then(Pid::from_raw);
        let pid = pid.expect("a process that was started has an id above 0");
        // First of all: whatever wakes it would have it run untraced.
        let trace = if demanded { Some(traced::take(pid)?) } else { None };
        let front = match pty {
            Some(pty) => {
                pty.put_in_front(pid);
                Front::Own(pty)
            }
            None => Foreground::share(pid).map_or(Front::Streams, |shared| Front::Shared { shared, stopped: None }),
        };
        if let Some(offer) = offer {
            sources.push(Box::new(offer.taken_by(pid, front.terminal())));
        }
        let watcher = self.watcher.clone();
        Ok(Box::new(HostChild {
            pid,
            signals,
            watcher,
            front,
            pipes,
            sources,
            trace,
            has_more: false,
            ending: None,
            status: None,
            is_last: false,
            left_behind: 0,
        }))
    }

    fn folder(&self) -> String {
        std::env::current_dir().map_or(String::new(), |folder| folder.to_string_lossy().into_owned())
    }
}

fn not_started(program: &OsStr, error: io::Error) -> ChildError {
    if error.kind() == io::ErrorKind::NotFound {
        ChildError::NotFound(program.to_owned())
    } else {
        ChildError::CannotRun(program.to_owned(), error)
    }
}

/// The command with its arguments and its environment.
fn prepare(command: &Command) -> process::Command {
    let mut child = process::Command::new(&command.argv[0]);
    child.args(&command.argv[1..]).process_group(0);
    for (name, _) in std::env::vars_os() {
        if !(command.keeps)(&name.to_string_lossy()) {
            child.env_remove(name);
        }
    }
    for (name, value) in &command.set {
        child.env(name, value.expose());
    }
    child
}

/// What is listened to besides the terminal, and what the command must know of it.
fn watched(command: &Command, child: &mut process::Command) -> io::Result<Vec<Box<dyn Source + Send>>> {
    let mut sources: Vec<Box<dyn Source + Send>> = Vec::new();
    if command.watched.api_log {
        let datagrams = Datagrams::open()?;
        child.envs(datagrams.variables()?);
        sources.push(Box::new(datagrams));
    }
    Ok(sources)
}

struct HostChild {
    pid: Pid,
    signals: Held,
    watcher: Option<Arc<Watcher>>,
    front: Front,
    pipes: Pipes,
    sources: Vec<Box<dyn Source + Send>>,
    trace: Option<Trace>,
    /// Whether there is more to take note of than was done at once.
    has_more: bool,
    ending: Option<Ending>,
    /// How the child itself ended.
    status: Option<WaitStatus>,
    /// Whether nothing that descends from it is left.
    is_last: bool,
    left_behind: usize,
}

impl Child for HostChild {
    fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    fn wait(mut self: Box<Self>, deadline: BootTime, keeper: &mut dyn Keeper) -> Ended {
        let left = deadline.since(HostClock.boot());
        let _alarm = self.watcher.as_ref().map(|_| Alarm::set(deadline));
        let mut warnings = WARNINGS.into_iter().filter(|at| *at < left).peekable();
        let mut told_of_end = false;
        self.begin_trace(keeper);
        loop {
            self.signals.drain();
            if !self.reap(keeper) {
                return self.ended(Cause::Lost, 1, keeper);
            }
            let now = HostClock.boot();
            if let Some((cause, code)) = self.over(now) {
                return self.ended(cause, code, keeper);
            }
            self.end_at(deadline, now);
            self.pass_signals_on(now);
            let left = deadline.since(now);
            if let Some(at) = warnings.next_if(|at| left <= *at).filter(|_| self.front.is_seen()) {
                self.act(keeper.happened(Happening::TimeLeft(at)));
            }
            if self.ending.is_some() && !mem::replace(&mut told_of_end, true) {
                self.act(keeper.happened(Happening::Ending));
            }
            self.act(keeper.happened(Happening::Tick));
            self.wait_for_more(left, keeper.due().map(|due| due.since(now)));
            self.listen(keeper);
        }
    }
}

impl HostChild {
    /// Takes note of who has ended or stopped; false when the child's own end can never be known.
    fn reap(&mut self, keeper: &mut dyn Keeper) -> bool {
        let mut options = WaitOptions::NOHANG | WaitOptions::UNTRACED;
        if self.trace.is_some() {
            options |= trace::options();
        }
        // Orphans and what is traced come back to a process that is watched, and to no other.
        let whose = if self.watcher.is_some() { None } else { Some(self.pid) };
        for _ in 0..trace::MOST_AT_ONCE {
            match whose.map_or_else(|| wait(options), |pid| waitpid(Some(pid), options)) {
                Ok(Some((pid, status))) if status.stopped() => self.stopped_at(pid, status, keeper),
                Ok(Some((pid, status))) => self.ended_at(pid, status, keeper),
                Err(rustix::io::Errno::INTR) => {}
                Ok(None) => return true,
                Err(_) => {
                    self.is_last = true;
                    return self.status.is_some();
                }
            }
            if self.status.is_some() && self.watcher.is_none() {
                return true;
            }
        }
        self.has_more = true;
        true
    }

    /// Does what the keeper answered.
    fn act(&mut self, then: Then) {
        match then {
            Then::GoOn => {}
            Then::Tell(line) => self.front.tell(&line),
            Then::End(cause) if self.ending.is_none() => self.begin(Ending::by_order(cause, HostClock.boot())),
            Then::End(_) => {}
            Then::TellAndEnd(line, cause) => {
                self.act(Then::Tell(line));
                self.act(Then::End(cause));
            }
        }
    }

    /// Tells the keeper what the sources have to say.
    fn listen(&mut self, keeper: &mut dyn Keeper) {
        let mut answers: Vec<Then> = self.sources.iter_mut().map(|source| source.listen(keeper)).collect();
        answers.extend(self.front.listen(keeper));
        answers.extend(self.pipes.listen(keeper));
        for then in answers {
            self.act(then);
        }
    }

    /// The end: what is still on its way is carried and told.
    fn ended(&mut self, cause: Cause, code: u8, keeper: &mut dyn Keeper) -> Ended {
        self.act(keeper.happened(Happening::Ending));
        self.listen(keeper);
        if let Front::Own(pty) = &mut self.front {
            pty.finish(if self.ending.is_some() { SWITCHED_OFF } else { "" }, keeper);
        }
        self.pipes.finish(keeper);
        Ended { cause, code, left_behind: self.left_behind }
    }

    /// Waits for a signal, for the watcher's end, for the sources, for the time to look at the clock; carries
    /// what is typed and shown meanwhile.
    fn wait_for_more(&mut self, until_deadline: Duration, until_due: Option<Duration>) {
        let longest = if self.ending.is_some() { TICK / 10 } else { TICK };
        let length = if until_deadline.is_zero() { longest } else { until_deadline.min(longest) };
        let length = until_due.map_or(length, |due| due.min(length));
        let length = if mem::take(&mut self.has_more) { Duration::ZERO } else { length };
        let mut others = vec![PollFd::from_borrowed_fd(self.signals.wake(), PollFlags::IN)];
        if let Some(watcher) = self.watcher.as_ref().filter(|watcher| !watcher.is_gone()) {
            others.push(PollFd::from_borrowed_fd(watcher.alive(), PollFlags::IN));
        }
        let sources = self.sources.iter().flat_map(|source| source.waits_for());
        others.extend(sources.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        others.extend(self.pipes.waits_for());
        self.front.wait(others, length);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::MutexGuard;

    use rustix::process::Signal;

    use super::*;
    use crate::model::environment;
    use crate::model::secret::Secret;
    use crate::world::keeping::Unkept;
    use crate::world::machine::Watched;

    /// Signals belong to the whole process, so these tests take turns.
    static TURN: Mutex<()> = Mutex::new(());

    fn turn() -> MutexGuard<'static, ()> {
        TURN.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shell(script: &str) -> Command {
        let argv = ["/bin/sh", "-c", script].map(Into::into).to_vec();
        Command {
            argv,
            set: BTreeMap::from([("GLASS_PERSON", Secret::new("alice".into()))]),
            keeps: environment::keeps,
            watched: Watched::default(),
        }
    }

    fn ended(cause: Cause, code: u8) -> Ended {
        Ended { cause, code, left_behind: 0 }
    }

    fn run(script: &str, time: Duration) -> Ended {
        let child = HostChildren::default().start(&shell(script)).unwrap();
        child.wait(HostClock.boot().plus(time), &mut Unkept)
    }

    /// Starts a script, and waits until it has written a line to its file `$ready`; the answer has that line.
    fn start_ready(script: &str) -> (Box<dyn Child>, String) {
        let folder = tempfile::tempdir().unwrap();
        let ready = folder.path().join("ready");
        let child = HostChildren::default().start(&shell(&format!("ready={}; {script}", ready.display()))).unwrap();
        let began = HostClock.boot();
        loop {
            let line = std::fs::read_to_string(&ready).unwrap_or_default();
            if line.ends_with('\n') {
                return (child, line.trim().to_owned());
            }
            assert!(HostClock.boot().since(began) < LONG, "{script}");
            std::thread::yield_now();
        }
    }

    fn is_gone(pid: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    }

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(300);

    #[test]
    fn a_childs_own_end_is_told_as_it_was() {
        let _turn = turn();
        assert_eq!(run("exit 7", LONG), ended(Cause::Exit, 7));
        assert_eq!(run("kill -KILL $$", LONG), ended(Cause::Exit, 137));
        assert_eq!(run("test \"$GLASS_PERSON\" = alice", LONG).code, 0);
    }

    #[test]
    fn what_cannot_be_started_is_told_apart() {
        let _turn = turn();
        let start =
            |program: &str| HostChildren::default().start(&Command { argv: vec![program.into()], ..shell("") }).err();
        assert!(matches!(start("/no/such/program"), Some(ChildError::NotFound(_))));
        assert!(matches!(start("/etc/passwd"), Some(ChildError::CannotRun(..))));
    }

    #[test]
    fn at_the_deadline_the_child_is_asked_to_end() {
        let _turn = turn();
        assert_eq!(run("sleep 60", SHORT).cause, Cause::Deadline);
        let (child, _) = start_ready("trap '' HUP; trap 'exit 5' TERM; echo >$ready; while :; do sleep 0.1; done");
        let outcome = child.wait(HostClock.boot().plus(SHORT), &mut Unkept);
        assert_eq!(outcome, ended(Cause::Deadline, 5));
    }

    #[test]
    fn a_child_that_ignores_everything_or_stops_itself_is_killed_with_its_group() {
        let _turn = turn();
        let script = "trap '' HUP TERM; (while :; do sleep 0.1; done) & echo $! >$ready; kill -STOP $$; wait";
        let (child, left_behind) = start_ready(script);
        let began = HostClock.boot();
        assert_eq!(child.wait(began.plus(SHORT), &mut Unkept), ended(Cause::Deadline, 137));
        assert!(HostClock.boot().since(began) < Duration::from_secs(10));
        // It was killed together with its leader; all that is left is for init to notice.
        while !is_gone(&left_behind) {
            assert!(HostClock.boot().since(began) < LONG);
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_signal_that_asks_glass_to_end_reaches_the_child() {
        let _turn = turn();
        let (child, _) = start_ready("trap 'exit 3' TERM; echo >$ready; while :; do sleep 0.1; done");
        rustix::process::kill_process(rustix::process::getpid(), Signal::TERM).unwrap();
        assert_eq!(child.wait(HostClock.boot().plus(LONG), &mut Unkept), ended(Cause::Signal, 3));
    }
}
