//! Two processes for a session: one that works, and one that watches it.
//!
//! Keeps the promise that a session does not go on unwatched. The process that was started becomes the
//! watcher: it holds no secret, waits, and ends as the other ends. Its child, the supervisor, does
//! everything else. Whichever of the two is killed, the other notices at once and ends all that
//! descends from the session.
#![allow(unsafe_code, reason = "to fork is unsafe in Rust")]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::{panic, process};

use nix::sys::signal::{self, SaFlags, SigAction, SigHandler, SigSet, sigaction};
use nix::unistd::{ForkResult, fork};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpgid, getpgrp, getpid, getppid, kill_process, kill_process_group, waitpid,
};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

use super::descent;
use super::signals::{self, Held};
use super::terminal;

/// What one of the two tells the other: the supervisor, that the job is to be stopped; the watcher, that it was
/// continued and is in the background.
pub const BEHIND: Signal = Signal::USR1;

/// How often a job in the background looks whether it is in front again: a shell does not always say so.
const GLANCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// What a process is after [`split`].
pub enum Side {
    /// The process that was started.
    Watcher(Supervised),
    /// Its child, which does the work.
    Supervisor(Watcher),
}

/// The watcher, as the supervisor knows it.
pub struct Watcher {
    alive: OwnedFd,
    pid: Pid,
}

/// The supervisor, as the watcher knows it.
pub struct Supervised {
    pid: Pid,
    signals: Held,
    /// Closed by the kernel when the watcher ends.
    _alive: OwnedFd,
    /// The terminal, and the modes that it had.
    terminal: Option<(File, Termios)>,
    /// Whether the session goes on in the background.
    behind: bool,
}

/// How the supervisor ended.
pub enum End {
    /// By itself, with this exit code.
    Exit(u8),
    /// By a signal; all that descended from it was killed.
    Killed {
        /// The signal.
        signal: i32,
        /// Which process it was.
        pid: u32,
    },
}

/// Makes two processes of this one. To be called while there is only one thread.
///
/// # Errors
/// When there can be no second process.
pub fn split() -> io::Result<Side> {
    let (alive, held) = pipe_with(PipeFlags::CLOEXEC)?;
    descent::adopt();
    let watcher = getpid();
    // SAFETY: there is only one thread, so the child is a whole copy of this process.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => {
            let pid = Pid::from_raw(child.as_raw()).expect("a process that was started has an id above 0");
            // Who cannot watch leaves nobody unwatched.
            let signals = signals::hold().inspect_err(|_| {
                let _ = kill_process(pid, Signal::KILL);
            })?;
            signals.stay_awake();
            let terminal = terminal::open().and_then(|file| Ok((tcgetattr(&file)?, file)));
            let terminal = terminal.ok().map(|(modes, file)| (file, modes));
            Ok(Side::Watcher(Supervised { pid, signals, _alive: held, terminal, behind: false }))
        }
        ForkResult::Child => {
            die_of_panics();
            Ok(Side::Supervisor(Watcher { alive, pid: watcher }))
        }
    }
}

/// Makes a panic the death of this process, which the watcher sees to, and not an end like any other.
fn die_of_panics() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |about| {
        tell(about);
        process::abort();
    }));
}

impl Watcher {
    /// What hangs up when the watcher ends.
    pub fn alive(&self) -> BorrowedFd<'_> {
        self.alive.as_fd()
    }

    /// Whether it has ended.
    pub fn is_gone(&self) -> bool {
        getppid() != Some(self.pid)
    }

    /// Has it stop the job that the caller's shell knows.
    pub fn stop(&self) {
        let _ = kill_process(self.pid, BEHIND);
    }
}

impl Supervised {
    /// Waits for the supervisor's end; passes on what it cannot hear by itself. Its death by a signal is
    /// the end of all that descends from it.
    pub fn watch(mut self) -> End {
        loop {
            self.signals.drain();
            self.pass_signals_on();
            self.control_job();
            match waitpid(Some(self.pid), WaitOptions::NOHANG | WaitOptions::UNTRACED) {
                // Nobody stops it for long: it has a deadline to keep.
                Ok(Some((_, status))) if status.stopped() => self.send(Signal::CONT),
                Ok(Some((_, status))) => return self.ended(status),
                Ok(None) | Err(rustix::io::Errno::INTR) => self.sleep(),
                Err(_) => return self.killed(Signal::KILL.as_raw()),
            }
        }
    }

    fn sleep(&self) {
        let longest = self.behind.then_some(&GLANCE);
        // Interrupted or not, the loop looks at everything again.
        let _ = poll(&mut [PollFd::from_borrowed_fd(self.signals.wake(), PollFlags::IN)], longest);
    }

    fn ended(self, status: WaitStatus) -> End {
        match status.terminating_signal() {
            None => End::Exit(status.exit_status().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
            Some(signal) => self.killed(signal),
        }
    }

    fn killed(self, signal: i32) -> End {
        descent::kill(descent::all);
        // In the background it is as somebody else wants it.
        if let Some((terminal, modes)) = self.terminal.as_ref().filter(|_| self.is_in_front()) {
            signals::with_ttou_blocked(|| {
                // The terminal may be gone.
                let _ = tcsetattr(terminal, OptionalActions::Now, modes);
            });
        }
        End::Killed { signal, pid: self.pid.as_raw_nonzero().get().unsigned_abs() }
    }

    fn send(&self, signal: Signal) {
        let _ = kill_process(self.pid, signal);
    }

    /// Whether the supervisor is of the same job.
    fn is_beside(&self) -> bool {
        getpgid(Some(self.pid)).is_ok_and(|group| group == getpgrp())
    }

    /// Whether the job has the foreground of the terminal.
    fn is_in_front(&self) -> bool {
        self.terminal.as_ref().is_some_and(|(terminal, _)| tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp()))
    }

    fn pass_signals_on(&self) {
        while let Some(signal) = self.signals.take_ending() {
            let Some(signal) = Signal::from_named_raw(signal) else { continue };
            // What is typed at the terminal reaches the supervisor too while it is in this group.
            let typed = matches!(signal, Signal::INT | Signal::QUIT) && self.is_beside() && self.is_in_front();
            if !typed {
                self.send(signal);
            }
        }
        if self.signals.take(Signal::WINCH.as_raw()) {
            self.send(Signal::WINCH);
        }
    }

    /// Stops and goes on as the caller's shell and the supervisor say.
    fn control_job(&mut self) {
        let beside = self.is_beside();
        let asked = self.signals.take(BEHIND.as_raw());
        let typed = self.signals.take(Signal::TSTP.as_raw());
        let stops = asked || (typed && beside);
        if stops {
            // What was typed has reached the others of the job by itself.
            with_usual_stop(|| {
                let _ = if asked {
                    kill_process_group(getpgrp(), Signal::TSTP)
                } else {
                    kill_process(getpid(), Signal::TSTP)
                };
            });
        } else if typed {
            self.send(Signal::TSTP);
        }
        // What no shell could continue was not stopped.
        if self.signals.take(Signal::CONT.as_raw()) || stops {
            self.behind = !beside && !self.is_in_front();
            self.send(if self.behind { BEHIND } else { Signal::CONT });
        } else if self.behind && self.is_in_front() {
            self.behind = false;
            self.send(Signal::CONT);
        }
    }
}

/// Does this while SIGTSTP stops this process, as it stops one that knows nothing of it: where no shell could continue
/// it, the kernel does nothing.
fn with_usual_stop(work: impl FnOnce()) {
    let usual = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the usual action runs no code of this program.
    let known = unsafe { sigaction(signal::SIGTSTP, &usual) };
    work();
    if let Ok(known) = known {
        // SAFETY: this is the action that was there before.
        let _ = unsafe { sigaction(signal::SIGTSTP, &known) };
    }
}
