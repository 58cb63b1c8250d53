//! Every program that is started in a session, by the word of the kernel (`trace = "exec"`).
//!
//! Keeps the promises that none starts unseen, whichever process of the session starts it, and that none has
//! run one instruction before the keeper knows of it. The supervisor traces the child and all that descends from
//! it: what is traced stops when it starts a process, when a program has taken the place of another, and when it
//! gets a signal, and is let go on at once. Nothing else stops. If the supervisor dies so does all that it traces.
//! Why ptrace: docs/decisions/0013-programs-by-ptrace.md. The ways of its stops: ptrace(2).

#[cfg(target_os = "linux")]
mod filter;
#[cfg_attr(target_os = "linux", path = "trace/ptrace.rs")]
#[cfg_attr(not(target_os = "linux"), path = "trace/elsewhere.rs")]
mod ptrace;
mod started;

use std::io;
use std::marker::PhantomData;
use std::process;

use rustix::process::{Pid, WaitOptions, WaitStatus};

pub use started::started;

/// How many processes are looked at before the supervisor looks at its clock again.
pub const MOST_AT_ONCE: usize = 64;

/// The hold of a supervisor on all that descends from its child.
pub struct Trace {
    child: Pid,
    /// Only the thread that took the hold can let go on what it holds.
    _of_this_thread: PhantomData<*const ()>,
}

/// Why a process has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A program has taken the place of another in it.
    Exec,
    /// A signal stops it and all its threads until another lets them go on, as without a trace.
    Group,
    /// It is about to get this signal.
    Signal(i32),
    /// It has started a process or a thread, or is one that was just started.
    Other,
}

/// Whether a child could be traced, found out by a process that does nothing else.
///
/// # Errors
/// When this system or this process's surroundings forbid it.
pub fn check() -> io::Result<()> {
    ptrace::check()
}

/// Has a command ask to be traced by the thread that starts it. That thread must call [`Trace::take`] next.
pub fn ask(command: &mut process::Command) {
    ptrace::ask(command);
}

/// What to wait for so that the stops of all processes and threads under trace are told.
pub fn options() -> WaitOptions {
    ptrace::options()
}

impl Trace {
    /// Takes hold of a child that has asked for it; it does not run before [`Trace::let_go_on`].
    ///
    /// # Errors
    /// When it cannot be traced: then it must be killed.
    pub fn take(child: Pid) -> io::Result<Trace> {
        ptrace::take(child)?;
        Ok(Trace { child, _of_this_thread: PhantomData })
    }

    /// Lets the child run.
    pub fn let_go_on(&self) {
        ptrace::let_go_on(self.child);
    }

    /// Lets a process that has stopped go on as it would without a trace.
    pub fn pass(&self, pid: Pid, stop: Stop) {
        ptrace::pass(pid, stop);
    }
}

impl Stop {
    /// What `wait` tells of a process that has stopped under trace.
    pub fn of(status: WaitStatus) -> Stop {
        ptrace::stop_of(status)
    }
}
