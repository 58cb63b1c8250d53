//! Two processes for a session: one that works, and one that watches it.
//!
//! Keeps the promise that a session does not go on unwatched. The process that was started becomes the
//! watcher: it holds no secret, waits, and ends as the other ends. Its child, the supervisor, does
//! everything else. Whichever of the two is killed, the other notices at once and ends all that
//! descends from the session.
#![allow(unsafe_code, reason = "to fork is unsafe in Rust")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::unistd::{ForkResult, fork};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpgid, getpgrp, getppid, kill_process, kill_process_group, waitpid,
};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

use super::descent;
use super::signals::{self, Held};

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
    group: Pid,
}

/// The supervisor, as the watcher knows it.
pub struct Supervised {
    pid: Pid,
    signals: Held,
    /// Closed by the kernel when the watcher ends.
    _alive: OwnedFd,
    modes: Option<Termios>,
}

/// How the supervisor ended.
pub enum End {
    /// By itself, with this exit code.
    Exit(u8),
    /// By this signal; all that descended from it was killed.
    Killed(i32),
}

/// Makes two processes of this one. To be called while there is only one thread.
///
/// # Errors
/// When there can be no second process.
pub fn split() -> io::Result<Side> {
    let (alive, held) = pipe_with(PipeFlags::CLOEXEC)?;
    descent::adopt();
    let (watcher, group) = (rustix::process::getpid(), getpgrp());
    // SAFETY: there is only one thread, so the child is a whole copy of this process.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => {
            let pid = Pid::from_raw(child.as_raw()).expect("a process that was started has an id above 0");
            let signals = signals::hold()?;
            signals.stay_awake();
            Ok(Side::Watcher(Supervised { pid, signals, _alive: held, modes: tcgetattr(io::stdin()).ok() }))
        }
        ForkResult::Child => Ok(Side::Supervisor(Watcher { alive, pid: watcher, group })),
    }
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

    /// Stops the job that the caller's shell knows.
    pub fn stop(&self) {
        let _ = kill_process_group(self.group, Signal::STOP);
    }
}

impl Supervised {
    /// Waits for the supervisor's end; passes on what it cannot hear by itself. Its death by a signal is
    /// the end of all that descends from it.
    pub fn watch(self) -> End {
        loop {
            self.signals.drain();
            self.pass_signals_on();
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
        let forever: Option<&Timespec> = None;
        // Interrupted or not, the loop looks at everything again.
        let _ = poll(&mut [PollFd::from_borrowed_fd(self.signals.wake(), PollFlags::IN)], forever);
    }

    fn ended(self, status: WaitStatus) -> End {
        match status.terminating_signal() {
            None => End::Exit(status.exit_status().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
            Some(signal) => self.killed(signal),
        }
    }

    fn killed(self, signal: i32) -> End {
        descent::kill(descent::all);
        if let Some(modes) = &self.modes {
            signals::with_ttou_blocked(|| {
                // The terminal may be gone.
                let _ = tcsetattr(io::stdin(), OptionalActions::Now, modes);
            });
        }
        End::Killed(signal)
    }

    fn send(&self, signal: Signal) {
        let _ = kill_process(self.pid, signal);
    }

    fn pass_signals_on(&self) {
        let beside = getpgid(Some(self.pid)).is_ok_and(|group| group == getpgrp());
        let in_front = tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp());
        while let Some(signal) = self.signals.take_ending() {
            let Some(signal) = Signal::from_named_raw(signal) else { continue };
            // What is typed at the terminal reaches the supervisor too while it is in this group.
            let typed = beside && in_front && matches!(signal, Signal::INT | Signal::QUIT);
            if !typed {
                self.send(signal);
            }
        }
        if self.signals.take(Signal::WINCH.as_raw()) {
            self.send(Signal::WINCH);
        }
        if self.signals.take(Signal::TSTP.as_raw()) {
            if beside {
                let _ = kill_process(rustix::process::getpid(), Signal::STOP);
            } else {
                self.send(Signal::TSTP);
            }
        }
        // In the background there is no terminal to go on with.
        if self.signals.take(Signal::CONT.as_raw()) && (beside || in_front) {
            self.send(Signal::CONT);
        }
    }
}
