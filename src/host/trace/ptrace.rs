//! The calls of ptrace(2) that a trace is made of.
//!
//! A process of glass cannot be attached to, because it holds secrets and is not dumpable, and what it forks is
//! like it. So the child asks to be traced before its program is started, in the old way that needs no such right,
//! and stops when the program has taken its place. Only then is it attached to in the new way
//! (`PTRACE_SEIZE`), which knows job control.
#![allow(unsafe_code, reason = "ptrace and fork are unsafe in Rust")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::libc::{self, c_long};
use nix::sys::signal::{SigSet, Signal as MaskedSignal};
use nix::unistd::{ForkResult, fork};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, waitpid};

use super::{Stop, filter};

/// The event of a stop that is neither a signal nor one that was asked for by an option (linux/ptrace.h).
const EVENT_STOP: i32 = 128;

/// The requests, by their numbers in linux/ptrace.h, which are the same on every machine.
const TRACEME: c_long = 0;
const CONT: c_long = 7;
const DETACH: c_long = 17;
const SEIZE: c_long = 0x4206;
const INTERRUPT: c_long = 0x4207;
const LISTEN: c_long = 0x4208;
const SETSIGMASK: c_long = 0x420b;

/// What stops and is traced with it. A tracer's end is the end of all.
const OPTIONS: i32 = libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_EXITKILL;

pub fn check() -> io::Result<()> {
    // SAFETY: the child makes system calls and takes no memory, which a copy of one thread may do.
    match unsafe { fork() }? {
        ForkResult::Child => {
            let code = ask_for_it().map_or_else(|error| error.raw_os_error().unwrap_or(libc::ENOSYS), |()| 0);
            // SAFETY: it ends this process and nothing of the one that it is a copy of.
            unsafe { libc::_exit(code) }
        }
        ForkResult::Parent { child } => {
            let child = Pid::from_raw(child.as_raw()).expect("a process that was started has an id above 0");
            let status = wait_for(child)?;
            match status.exit_status() {
                Some(0) => Ok(()),
                Some(error) => Err(io::Error::from_raw_os_error(error)),
                None => Err(io::Error::other("the process that tried it was killed")),
            }
        }
    }
}

pub fn ask(command: &mut Command) {
    let ask = || {
        // A signal would stop the child under trace while this thread waits for its program and can't let it go on.
        let mut all = SigSet::all();
        all.remove(MaskedSignal::SIGTRAP);
        all.thread_block()?;
        ask_for_it()
    };
    // SAFETY: it makes system calls, and no memory is taken or given back between fork and exec.
    unsafe { command.pre_exec(ask) };
}

pub fn options() -> WaitOptions {
    WaitOptions::from_bits_retain(libc::__WALL.cast_unsigned())
}

pub fn take(child: Pid) -> io::Result<()> {
    let unexpected = || io::Error::other("the child did not stop for its trace");
    if wait_for(child)?.as_raw() >> 8 != libc::SIGTRAP {
        return Err(unexpected());
    }
    unblock_all_signals(child)?;
    // It is stopped without its tracer for a moment, and does not run.
    request(DETACH, child, libc::SIGSTOP)?;
    request(SEIZE, child, OPTIONS)?;
    request(INTERRUPT, child, 0)?;
    match Stop::of(wait_for(child)?) {
        Stop::Group => Ok(()),
        // Somebody has let it run meanwhile.
        Stop::Exec | Stop::Signal(_) | Stop::Other => Err(unexpected()),
    }
}

pub fn let_go_on(child: Pid) {
    let _ = kill_process(child, Signal::CONT);
    pass(child, Stop::Other);
}

pub fn pass(pid: Pid, stop: Stop) {
    let done = match stop {
        Stop::Group => request(LISTEN, pid, 0),
        Stop::Signal(signal) => request(CONT, pid, signal),
        Stop::Exec | Stop::Other => request(CONT, pid, 0),
    };
    // What was killed while it was stopped is gone, and its end is told by itself.
    drop(done);
}

pub fn stop_of(status: WaitStatus) -> Stop {
    let (event, signal) = (status.as_raw() >> 16, status.stopping_signal().unwrap_or(0));
    let stops = [Signal::STOP, Signal::TSTP, Signal::TTIN, Signal::TTOU];
    match event {
        0 => Stop::Signal(signal),
        libc::PTRACE_EVENT_EXEC => Stop::Exec,
        EVENT_STOP if stops.iter().any(|stop| stop.as_raw() == signal) => Stop::Group,
        _ => Stop::Other,
    }
}

/// The next that is told of one process.
fn wait_for(pid: Pid) -> io::Result<WaitStatus> {
    loop {
        match waitpid(Some(pid), options()) {
            Ok(Some((_, status))) => return Ok(status),
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn ask_for_it() -> io::Result<()> {
    ptrace(TRACEME, 0, 0, 0)?;
    filter::set()
}

fn unblock_all_signals(pid: Pid) -> io::Result<()> {
    let none = 0u64;
    let size = c_long::try_from(size_of_val(&none)).map_err(io::Error::other)?;
    let place = (&raw const none).expose_provenance().cast_signed();
    ptrace(SETSIGMASK, id(pid), size, c_long::try_from(place).map_err(io::Error::other)?)
}

/// A request about a process that is traced, with its one argument.
fn request(request: c_long, pid: Pid, data: i32) -> io::Result<()> {
    ptrace(request, id(pid), 0, c_long::from(data))
}

fn id(pid: Pid) -> c_long {
    c_long::from(pid.as_raw_nonzero().get())
}

fn ptrace(request: c_long, pid: c_long, address: c_long, data: c_long) -> io::Result<()> {
    // SAFETY: of the requests above SETSIGMASK alone has the kernel read from this process, and that is alive
    // then and as long as is said; none has it write.
    let done = unsafe { libc::syscall(libc::SYS_ptrace, request, pid, address, data) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
