//! A process that holds a session for the AWS hook: it asks the person in place of the process that was called, lets go of the
//! terminal, and keeps the session in memory until its end.
//!
//! Keeps the promise that nobody waits for it: not the SDK, whose pipes it closes, nor a shell or a terminal.
#![allow(unsafe_code, reason = "to fork is unsafe in Rust")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process;
use std::time::Duration;

use nix::unistd::{ForkResult, fork};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process, setsid};

use super::clock::HostClock;
use super::signals::{self, Held};
use super::source::Source;
use crate::model::event::Cause;
use crate::model::time::BootTime;
use crate::world::keeping::{Happening, Keeper, Then};
use crate::world::machine::{Child, Clock, Ended};

/// The longest time between two looks at the clock, as for other sessions.
const TICK: Duration = Duration::from_secs(1);

/// The longest report of a holder.
const LONGEST_REPORT: u64 = 64 * 1024;

/// What a process is after [`split`].
pub enum Side {
    /// The process that was started: it answers the SDK.
    Called(Called),
    /// Its child, which asks the person and holds the session.
    Holder(Holder),
}

/// The holder, as the process that was called knows it.
pub struct Called {
    holder: Pid,
    line: UnixStream,
}

/// The process that was called, as the holder knows it.
pub struct Holder {
    line: UnixStream,
}

/// Closes all files that the caller has left open but the three that everybody has: a holder must not keep them.
/// To be called before this process has opened any.
pub fn close_inherited() {
    let entries = fs::read_dir("/dev/fd").into_iter().flatten().flatten();
    let open: Vec<i32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for fd in open.into_iter().filter(|fd| *fd > 2) {
        // That of the list itself is closed already.
        let _ = nix::unistd::close(fd);
    }
}

/// Makes two processes of this one. To be called while there is only one thread, and before the ledger is open: its
/// lock is the open file's, and would be both processes'.
///
/// # Errors
/// When there can be no second process.
pub fn split() -> io::Result<Side> {
    let (called, holder) = UnixStream::pair()?;
    // SAFETY: there is only one thread, so the child is a whole copy of this process.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => {
            let pid = Pid::from_raw(child.as_raw()).expect("a process that was started has an id above 0");
            Ok(Side::Called(Called { holder: pid, line: called }))
        }
        ForkResult::Child => {
            drop(called);
            end_with_parent(Some(Signal::TERM));
            // What the SDK reads is the other's to write.
            rustix::stdio::dup2_stdout(&nowhere()?)?;
            Ok(Side::Holder(Holder { line: holder }))
        }
    }
}

/// Has this process told to end when its parent ends.
#[cfg(target_os = "linux")]
fn end_with_parent(signal: Option<Signal>) {
    // It can only fail for what is no signal.
    let _ = rustix::process::set_parent_process_death_signal(signal);
}

/// Elsewhere a question stays when that is killed, until somebody answers it.
#[cfg(not(target_os = "linux"))]
fn end_with_parent(_: Option<Signal>) {}

fn nowhere() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/null")
}

impl Called {
    /// Lets the holder begin, and waits for its report; empty when it holds a session. SIGTERM ends both.
    ///
    /// # Errors
    /// When the holder ended without a report.
    pub fn wait(mut self) -> io::Result<String> {
        let signals = signals::hold()?;
        self.line.write_all(b"\n")?;
        self.line.shutdown(Shutdown::Write)?;
        loop {
            let mut ready =
                [PollFd::new(&self.line, PollFlags::IN), PollFd::from_borrowed_fd(signals.wake(), PollFlags::IN)];
            // Interrupted or not, both are looked at.
            let forever: Option<&Timespec> = None;
            let _ = poll(&mut ready, forever);
            let reported = !ready[0].revents().is_empty();
            signals.drain();
            // What is typed at the terminal reaches both.
            if signals.take(Signal::TERM.as_raw()) {
                let _ = kill_process(self.holder, Signal::TERM);
            }
            if reported {
                return self.report();
            }
        }
    }

    fn report(self) -> io::Result<String> {
        let mut report = String::new();
        self.line.take(LONGEST_REPORT).read_to_string(&mut report)?;
        match report.strip_suffix('\n') {
            Some(report) => Ok(report.to_owned()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl Holder {
    /// Waits until it may begin; whether it does.
    pub fn begins(&mut self) -> bool {
        self.line.read_exact(&mut [0]).is_ok()
    }

    /// Reports on one line why there is no session.
    pub fn fail(&mut self, report: &str) {
        // Nobody may be left who needs to know.
        let _ = self.line.write_all(format!("{report}\n").as_bytes());
    }

    /// Lets go of the terminal, the folder and the streams it was started with, and reports that it holds a session.
    ///
    /// # Errors
    /// When it cannot let go.
    pub fn let_go(&mut self) -> io::Result<()> {
        setsid()?;
        rustix::process::chdir("/")?;
        let nowhere = nowhere()?;
        rustix::stdio::dup2_stdin(&nowhere)?;
        rustix::stdio::dup2_stderr(&nowhere)?;
        end_with_parent(None);
        self.line.write_all(b"\n")?;
        self.line.shutdown(Shutdown::Both)
    }
}

/// A session without a child: it lasts until its deadline, or until somebody ends it.
pub struct Alone {
    signals: Held,
    source: Box<dyn Source>,
}

impl Alone {
    /// A session that listens to one thing.
    ///
    /// # Errors
    /// When signals cannot be held.
    pub fn listening_to(source: Box<dyn Source>) -> io::Result<Alone> {
        Ok(Alone { signals: signals::hold()?, source })
    }

    fn wait_for_more(&self, longest: Duration) {
        let mut ready = vec![PollFd::from_borrowed_fd(self.signals.wake(), PollFlags::IN)];
        let source = self.source.waits_for();
        ready.extend(source.into_iter().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let timeout = Timespec::try_from(longest).unwrap_or_default();
        // Interrupted or not, everything is looked at again.
        let _ = poll(&mut ready, Some(&timeout));
        self.signals.drain();
    }
}

impl Child for Alone {
    fn pid(&self) -> u32 {
        process::id()
    }

    fn wait(mut self: Box<Self>, deadline: BootTime, keeper: &mut dyn Keeper) -> Ended {
        let mut end = None;
        while end.is_none() {
            let now = HostClock.boot();
            let due = keeper.due().map_or(TICK, |due| due.since(now));
            self.wait_for_more(deadline.since(now).min(TICK).min(due));
            end = if HostClock.boot() >= deadline {
                Some(Cause::Deadline)
            } else if self.signals.take_ending().is_some() {
                Some(Cause::Signal)
            } else {
                [keeper.happened(Happening::Tick), self.source.listen(keeper)].iter().find_map(ending)
            };
        }
        keeper.happened(Happening::Ending);
        Ended { cause: end.unwrap_or(Cause::Lost), code: 0, left_behind: 0 }
    }
}

/// The end that the keeper wants; there is nobody to tell anything else.
fn ending(then: &Then) -> Option<Cause> {
    match then {
        Then::End(cause) | Then::TellAndEnd(_, cause) => Some(*cause),
        Then::GoOn | Then::Tell(_) => None,
    }
}
