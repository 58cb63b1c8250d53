//! Everything that descends from this process, and its end.
//!
//! Keeps the promise that nothing of a session outlives it: on Linux what was orphaned comes back to
//! this process, however it detached itself, and is found in `/proc`. Elsewhere nothing is found here,
//! and the caller has the process group alone.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpgid, getpid, kill_process};

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

/// All that descends from this process and has not ended.
pub fn all() -> Vec<Pid> {
    let mut rest = processes();
    let mut family = vec![getpid()];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        rest.retain(|process| {
            let is_child = process.parent == parent.as_raw_nonzero().get();
            if is_child {
                family.push(process.pid);
            }
            !is_child
        });
        next += 1;
    }
    family.split_off(1)
}

/// Whether a process group is of what descends from this process.
pub fn has_group(group: Pid) -> bool {
    // Where nothing can be found it may be.
    cfg!(not(target_os = "linux")) || all().into_iter().any(|pid| getpgid(Some(pid)) == Ok(group))
}

/// The other processes of this user whose environment had this entry, `NAME=value`, when they began.
pub fn having(entry: &str) -> Vec<Pid> {
    let has = |pid: &Pid| {
        let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).unwrap_or_default();
        *pid != getpid() && environment.split(|byte| *byte == 0).any(|found| found == entry.as_bytes())
    };
    processes().into_iter().map(|process| process.pid).filter(has).collect()
}

/// The parent of a process that has not ended; none is told on systems other than Linux.
pub fn parent_of(pid: Pid) -> Option<i32> {
    process(pid.as_raw_nonzero().get()).map(|process| process.parent)
}

/// Sends a signal to each of these; they may have ended since they were found.
pub fn send(to: &[Pid], signal: Signal) {
    for pid in to {
        let _ = kill_process(*pid, signal);
    }
}

/// Kills what `find` finds, until it finds nothing: all is stopped first, so that nothing can start more
/// while the rest is being killed. The answer is how much would not die.
pub fn kill(mut find: impl FnMut() -> Vec<Pid>) -> usize {
    let until = Instant::now() + LONGEST_KILLING;
    let mut stopped = Vec::new();
    loop {
        let new: Vec<Pid> = find().into_iter().filter(|pid| !stopped.contains(pid)).collect();
        if new.is_empty() || Instant::now() >= until {
            break;
        }
        send(&new, Signal::STOP);
        stopped.extend(new);
    }
    loop {
        catch_runners();
        let left = find();
        if left.is_empty() || Instant::now() >= until {
            return left.len();
        }
        send(&left, Signal::KILL);
        thread::sleep(Duration::from_millis(1));
    }
}

/// Kills the youngest children of this process many times in a row: a process that forks and ends, over and over,
/// is another one by the time that all of `/proc` was read, but each comes back to this process for a moment.
fn catch_runners() {
    let children = format!("/proc/self/task/{}/children", getpid().as_raw_nonzero());
    for _ in 0..RUNS {
        let Ok(text) = fs::read_to_string(&children) else { return };
        let pids = text.split_ascii_whitespace().rev().take(YOUNGEST);
        send(&pids.filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect::<Vec<_>>(), Signal::KILL);
    }
}

struct Process {
    pid: Pid,
    parent: i32,
}

/// All processes that have not ended.
#[cfg(target_os = "linux")]
fn processes() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| process(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// Other systems do not tell without programs of theirs.
#[cfg(not(target_os = "linux"))]
fn processes() -> Vec<Process> {
    Vec::new()
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
    let ended = matches!(state, "Z" | "X") && threads <= 1;
    (!ended).then_some(Process { pid: Pid::from_raw(pid)?, parent })
}
