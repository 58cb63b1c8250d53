//! The shell or command that works with a session.
//!
//! Keeps the promise that it ends at the deadline. The child has a process group of its own; it
//! gets the terminal's foreground when glass has it, stops and goes on with glass as under sudo,
//! and is told of every signal that asks glass to end.

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal as MaskedSignal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpgrp, kill_process_group, waitpid};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp};

use super::clock::HostClock;
use super::signals::{self, Held};
use crate::model::event::Cause;
use crate::model::time::BootTime;
use crate::world::machine::{Child, ChildError, Children, Clock, Command, Ended};

/// How long after SIGHUP SIGTERM follows.
const UNTIL_TERM: Duration = Duration::from_secs(2);

/// How long after SIGHUP SIGKILL follows.
const UNTIL_KILL: Duration = Duration::from_secs(7);

/// The longest time between two looks at the clock. Timers of `poll` stand still while the
/// machine sleeps; so the deadline is met at most this long after waking.
const TICK: Duration = Duration::from_secs(1);

/// Starts real children.
pub struct HostChildren;

impl Children for HostChildren {
    fn start(&self, command: &Command) -> Result<Box<dyn Child>, ChildError> {
        let Some((program, arguments)) = command.argv.split_first() else {
            return Err(ChildError::NotFound(Default::default()));
        };
        let failed = |error: io::Error| {
            if error.kind() == io::ErrorKind::NotFound {
                ChildError::NotFound(program.clone())
            } else {
                ChildError::CannotRun(program.clone(), error)
            }
        };
        let signals = signals::hold().map_err(failed)?;
        let mut child = process::Command::new(program);
        child.args(arguments).process_group(0);
        for (name, _) in std::env::vars_os() {
            if !(command.keeps)(&name.to_string_lossy()) {
                child.env_remove(name);
            }
        }
        for (name, value) in &command.set {
            child.env(name, value.expose());
        }
        let child = child.spawn().map_err(failed)?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.expect("a process that was started has an id above 0");
        let foreground = Foreground::share(pid);
        Ok(Box::new(HostChild { pid, signals, foreground, end: None }))
    }

    fn folder(&self) -> String {
        std::env::current_dir().map_or(String::new(), |folder| folder.to_string_lossy().into_owned())
    }
}

struct HostChild {
    pid: Pid,
    signals: Held,
    foreground: Option<Foreground>,
    end: Option<End>,
}

/// The end that glass is making of a child.
#[derive(Clone, Copy)]
struct End {
    began: BootTime,
    cause: Cause,
    sent: Signal,
}

impl Child for HostChild {
    fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    fn wait(mut self: Box<Self>, deadline: BootTime) -> Ended {
        loop {
            self.signals.drain();
            match waitpid(Some(self.pid), WaitOptions::NOHANG | WaitOptions::UNTRACED) {
                Ok(Some((_, status))) if status.stopped() => self.stop_with_child(status),
                Ok(Some((_, status))) => return self.ended(status),
                Ok(None) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => return Ended { cause: Cause::Lost, code: 1 },
            }
            self.pass_signals_on();
            let now = HostClock.boot();
            self.end_at(deadline, now);
            self.sleep(deadline.since(now));
        }
    }
}

impl HostChild {
    /// Sends a signal to all of the child's process group, and to the job that a shell has put into
    /// the foreground in its place; they may be gone already.
    fn send(&self, signal: Signal) {
        let _ = kill_process_group(self.pid, signal);
        if let Some(job) = self.foreground.as_ref().and_then(Foreground::job).filter(|job| *job != self.pid) {
            let _ = kill_process_group(job, signal);
        }
    }

    /// SIGHUP at the deadline, SIGTERM and SIGKILL later. A stopped child is woken to hear them.
    fn end_at(&mut self, deadline: BootTime, now: BootTime) {
        let Some(end) = self.end else {
            if now >= deadline {
                self.begin_end(Cause::Deadline, Signal::HUP, now);
            }
            return;
        };
        let next = match now.since(end.began) {
            since if since >= UNTIL_KILL => Signal::KILL,
            since if since >= UNTIL_TERM => Signal::TERM,
            _ => end.sent,
        };
        if next != end.sent {
            self.end = Some(End { sent: next, ..end });
            self.send(next);
            self.send(Signal::CONT);
        }
    }

    fn begin_end(&mut self, cause: Cause, signal: Signal, now: BootTime) {
        self.end = Some(End { began: now, cause, sent: signal });
        self.send(signal);
        self.send(Signal::CONT);
    }

    /// What asks glass to end asks the child to: SIGHUP and SIGTERM for good, the keyboard's as they are.
    fn pass_signals_on(&mut self) {
        while let Some(signal) = self.signals.take_ending() {
            let Some(signal) = Signal::from_named_raw(signal) else { continue };
            if self.end.is_none() && matches!(signal, Signal::HUP | Signal::TERM) {
                self.begin_end(Cause::Signal, signal, HostClock.boot());
            } else {
                self.send(signal);
            }
        }
    }

    fn sleep(&self, until_deadline: Duration) {
        let longest = if self.end.is_some() { TICK / 10 } else { TICK };
        let length = if until_deadline.is_zero() { longest } else { until_deadline.min(longest) };
        let timeout = Timespec { tv_sec: 0, tv_nsec: 0 };
        let timeout = Timespec::try_from(length).unwrap_or(timeout);
        // Interrupted or not, the loop looks at everything again.
        let _ = poll(&mut [PollFd::from_borrowed_fd(self.signals.wake(), PollFlags::IN)], Some(&timeout));
    }

    /// Stops glass along with its child, and takes the child along when glass goes on.
    fn stop_with_child(&mut self, status: WaitStatus) {
        let Some(foreground) = &self.foreground else {
            return;
        };
        let wants_terminal = status
            .stopping_signal()
            .is_some_and(|signal| signal == Signal::TTIN.as_raw() || signal == Signal::TTOU.as_raw());
        if !(wants_terminal && foreground.is_ours()) {
            let modes = foreground.take_back();
            let _ = kill_process_group(getpgrp(), Signal::TSTP);
            foreground.give(self.pid, modes.as_ref());
        } else {
            foreground.give(self.pid, None);
        }
        self.send(Signal::CONT);
    }

    fn ended(&mut self, status: WaitStatus) -> Ended {
        let died_of = status.terminating_signal();
        let code = status.exit_status().or(died_of.map(|signal| 128 + signal)).unwrap_or(1);
        if self.end.is_some() {
            // Whatever the leader left behind in its group does not outlive it.
            self.send(Signal::KILL);
        }
        if let Some(foreground) = self.foreground.take() {
            foreground.take_back();
            if died_of.is_some() {
                foreground.restore();
            }
        }
        let code = u8::try_from(code).unwrap_or(1);
        match self.end {
            Some(End { cause, .. }) => Ended { cause, code },
            None => Ended { cause: Cause::Exit, code },
        }
    }
}

/// The terminal whose foreground glass shares with its child.
struct Foreground {
    terminal: io::Stdin,
    before: Termios,
}

impl Foreground {
    /// Shares the terminal with the child, if glass has its foreground.
    ///
    /// The child gets it at once when all three standard streams are the terminal; as part of a
    /// pipeline it gets it when it asks, so that a pager at the end of the pipeline can have it.
    fn share(child: Pid) -> Option<Foreground> {
        let terminal = io::stdin();
        if !terminal.is_terminal() {
            return None;
        }
        let before = tcgetattr(&terminal).ok()?;
        let foreground = Foreground { terminal, before };
        if !foreground.is_ours() {
            return None;
        }
        if io::stdout().is_terminal() && io::stderr().is_terminal() {
            foreground.give(child, None);
            // It may have reached for the terminal before it was given it, and been stopped.
            let _ = kill_process_group(child, Signal::CONT);
        }
        Some(foreground)
    }

    fn is_ours(&self) -> bool {
        tcgetpgrp(&self.terminal).is_ok_and(|group| group == getpgrp())
    }

    /// The process group that has the foreground in glass's place.
    fn job(&self) -> Option<Pid> {
        tcgetpgrp(&self.terminal).ok().filter(|group| *group != getpgrp())
    }

    fn give(&self, group: Pid, modes: Option<&Termios>) {
        with_ttou_blocked(|| {
            if let Some(modes) = modes {
                let _ = tcsetattr(&self.terminal, OptionalActions::Drain, modes);
            }
            let _ = tcsetpgrp(self.terminal.as_fd(), group);
        });
    }

    /// Takes the foreground back; the answer is the modes the child had set.
    fn take_back(&self) -> Option<Termios> {
        let modes = tcgetattr(&self.terminal).ok();
        self.give(getpgrp(), None);
        modes
    }

    fn restore(&self) {
        with_ttou_blocked(|| {
            let _ = tcsetattr(&self.terminal, OptionalActions::Drain, &self.before);
        });
    }
}

/// A process in the background may take the foreground only with SIGTTOU blocked.
fn with_ttou_blocked(work: impl FnOnce()) {
    let mut mask = SigSet::empty();
    mask.add(MaskedSignal::SIGTTOU);
    let before = mask.thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_BLOCK);
    work();
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use super::*;
    use crate::model::environment;
    use crate::model::secret::Secret;

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
        }
    }

    fn run(script: &str, time: Duration) -> Ended {
        let child = HostChildren.start(&shell(script)).unwrap();
        child.wait(HostClock.boot().plus(time))
    }

    /// Starts a script, and waits until it has written a line to its file `$ready`; the answer has that line.
    fn start_ready(script: &str) -> (Box<dyn Child>, String) {
        let folder = tempfile::tempdir().unwrap();
        let ready = folder.path().join("ready");
        let child = HostChildren.start(&shell(&format!("ready={}; {script}", ready.display()))).unwrap();
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
        assert_eq!(run("exit 7", LONG), Ended { cause: Cause::Exit, code: 7 });
        assert_eq!(run("kill -KILL $$", LONG), Ended { cause: Cause::Exit, code: 137 });
        assert_eq!(run("test \"$GLASS_PERSON\" = alice", LONG).code, 0);
    }

    #[test]
    fn what_cannot_be_started_is_told_apart() {
        let _turn = turn();
        let start = |program: &str| HostChildren.start(&Command { argv: vec![program.into()], ..shell("") }).err();
        assert!(matches!(start("/no/such/program"), Some(ChildError::NotFound(_))));
        assert!(matches!(start("/etc/passwd"), Some(ChildError::CannotRun(..))));
    }

    #[test]
    fn at_the_deadline_the_child_is_asked_to_end() {
        let _turn = turn();
        assert_eq!(run("sleep 60", SHORT).cause, Cause::Deadline);
        let (child, _) = start_ready("trap '' HUP; trap 'exit 5' TERM; echo >$ready; while :; do sleep 0.1; done");
        let ended = child.wait(HostClock.boot().plus(SHORT));
        assert_eq!(ended, Ended { cause: Cause::Deadline, code: 5 });
    }

    #[test]
    fn a_child_that_ignores_everything_or_stops_itself_is_killed_with_its_group() {
        let _turn = turn();
        let script = "trap '' HUP TERM; (while :; do sleep 0.1; done) & echo $! >$ready; kill -STOP $$; wait";
        let (child, left_behind) = start_ready(script);
        let began = HostClock.boot();
        assert_eq!(child.wait(began.plus(SHORT)), Ended { cause: Cause::Deadline, code: 137 });
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
        assert_eq!(child.wait(HostClock.boot().plus(LONG)), Ended { cause: Cause::Signal, code: 3 });
    }
}
