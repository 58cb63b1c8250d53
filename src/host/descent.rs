//! Everything that descends from this process, and its end.
//!
//! Keeps the promise that nothing of a session outlives it: on Linux what was orphaned comes back to
//! this process, however it detached itself, and is found in `/proc`. Elsewhere nothing is found here,
//! and the caller has the process group alone.

use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpgid, getpid, kill_process};
#[cfg(target_os = "linux")]
use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};

/// How long the killing is tried. What is left then is beyond this user's rights.
const LONGEST_KILLING: Duration = Duration::from_secs(3);

/// How often in a row the youngest children are looked at, and how many of them.
const RUNS: usize = 100;
const YOUNGEST: usize = 8;

/// Has orphans among this process's descendants come back to it.
pub fn adopt() {
    // Any process id but 0 switches it on; kernels older than 3.4 alone refuse.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(getpid()));
}

/// A process as it was found.
#[derive(Clone, Copy)]
pub struct Process {
    pid: Pid,
    parent: i32,
    /// In ticks since boot.
    began: u64,
}

/// All that descends from this process and has not ended.
///
/// # Errors
/// When the system does not tell, for want of files that can be open at once.
pub fn all() -> io::Result<Vec<Process>> {
    // Whoever has lost its parent is a child of this process, so children are enough to get at all in the end.
    let mut rest = processes().or_else(|_| children())?;
    let mut family = vec![getpid()];
    let mut found = Vec::new();
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        rest.retain(|process| {
            let is_child = process.parent == parent.as_raw_nonzero().get();
            if is_child {
                family.push(process.pid);
                found.push(*process);
            }
            !is_child
        });
        next += 1;
    }
    Ok(found)
}

/// Whether a process group is of what descends from this process.
pub fn has_group(group: Pid) -> bool {
    let is_in = |process: Process| getpgid(Some(process.pid)) == Ok(group);
    // Where nothing can be found it may be.
    cfg!(not(target_os = "linux")) || all().is_ok_and(|all| all.into_iter().any(is_in))
}

/// The other processes of this user whose environment had this entry, `NAME=value`, when they began.
///
/// # Errors
/// When the system does not tell.
pub fn having(entry: &str) -> io::Result<Vec<Process>> {
    let has = |process: &Process| {
        let environment = fs::read(format!("/proc/{}/environ", process.pid.as_raw_nonzero())).unwrap_or_default();
        process.pid != getpid() && environment.split(|byte| *byte == 0).any(|found| found == entry.as_bytes())
    };
    Ok(processes()?.into_iter().filter(has).collect())
}

/// The parent of a process that has not ended; none is told on systems other than Linux.
pub fn parent_of(pid: Pid) -> Option<i32> {
    process(pid.as_raw_nonzero().get()).map(|process| process.parent)
}

/// Sends a signal to each of these; they may have ended since they were found.
pub fn send(to: &[Process], signal: Signal) {
    for process in to {
        process.send(signal);
    }
}

/// Kills what `find` finds, until it finds nothing: all is stopped first, so that nothing can start more
/// while the rest is being killed.
pub fn kill(mut find: impl FnMut() -> io::Result<Vec<Process>>) {
    let until = Instant::now() + LONGEST_KILLING;
    let mut stopped: Vec<Process> = Vec::new();
    loop {
        let new: Vec<_> = find()
            .unwrap_or_default()
            .into_iter()
            .filter(|found| !stopped.iter().any(|known| known.is(found)))
            .collect();
        if new.is_empty() || Instant::now() >= until {
            break;
        }
        send(&new, Signal::STOP);
        stopped.extend(new);
    }
    loop {
        catch_runners();
        match find() {
            Ok(left) if left.is_empty() => return,
            Ok(left) => send(&left, Signal::KILL),
            Err(_) => {}
        }
        if Instant::now() >= until {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Kills the youngest children of this process many times in a row: a process that forks and ends, over and over,
/// is another one by the time that all of `/proc` was read, but each comes back to this process for a moment.
fn catch_runners() {
    for _ in 0..RUNS {
        let Ok(children) = ids_of_children() else { return };
        for pid in children.into_iter().rev().take(YOUNGEST) {
            // Nobody else can have the id of a child until this process has taken note of its end.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

impl Process {
    /// Whether these are the same one: ids are used again.
    fn is(&self, other: &Process) -> bool {
        (self.pid, self.began) == (other.pid, other.began)
    }

    /// Sends a signal to this process, and to none that has its id by now.
    #[cfg(target_os = "linux")]
    fn send(&self, signal: Signal) {
        match pidfd_open(self.pid, PidfdFlags::empty()) {
            // Looked at after it was opened, which keeps it from becoming another.
            Ok(opened) if process(self.pid.as_raw_nonzero().get()).is_some_and(|now| now.is(self)) => {
                let _ = pidfd_send_signal(opened, signal);
            }
            Ok(_) | Err(rustix::io::Errno::SRCH) => {}
            // Too many open files, or a kernel before 5.3.
            Err(_) => {
                let _ = kill_process(self.pid, signal);
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn send(&self, signal: Signal) {
        let _ = kill_process(self.pid, signal);
    }
}

/// All processes that have not ended.
#[cfg(target_os = "linux")]
fn processes() -> io::Result<Vec<Process>> {
    let entries = fs::read_dir("/proc")?.flatten();
    Ok(entries.filter_map(|entry| process(entry.file_name().to_str()?.parse().ok()?)).collect())
}

/// The children of this process that have not ended.
#[cfg(target_os = "linux")]
fn children() -> io::Result<Vec<Process>> {
    Ok(ids_of_children()?.into_iter().filter_map(|pid| process(pid.as_raw_nonzero().get())).collect())
}

/// The ids of the children of this process, the youngest last; those too that have ended.
#[cfg(target_os = "linux")]
fn ids_of_children() -> io::Result<Vec<Pid>> {
    let text = fs::read_to_string(format!("/proc/self/task/{}/children", getpid().as_raw_nonzero()))?;
    Ok(text.split_ascii_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect())
}

/// Other systems do not tell without programs of theirs.
#[cfg(not(target_os = "linux"))]
fn processes() -> io::Result<Vec<Process>> {
    Ok(Vec::new())
}

#[cfg(not(target_os = "linux"))]
fn children() -> io::Result<Vec<Process>> {
    Ok(Vec::new())
}

#[cfg(not(target_os = "linux"))]
fn ids_of_children() -> io::Result<Vec<Pid>> {
    Ok(Vec::new())
}

#[cfg(not(target_os = "linux"))]
fn process(_: i32) -> Option<Process> {
    None
}

/// One process by proc_pid_stat(5). Its name is in parentheses and may hold anything, so what follows is
/// sought from behind. A process whose first thread alone has ended looks like a zombie and is none.
#[cfg(target_os = "linux")]
fn process(pid: i32) -> Option<Process> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let name_ends = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(&stat[name_ends + 1..]).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let threads: u32 = fields.nth(15)?.parse().ok()?;
    let began = fields.nth(1)?.parse().ok()?;
    let ended = matches!(state, "Z" | "X") && threads <= 1;
    (!ended).then_some(Process { pid: Pid::from_raw(pid)?, parent, began })
}
