//! What `trace = "exec"` costs: each program, process, thread and signal of a session, against the same untraced.
//! `cargo bench --bench trace`; see docs/performance.md.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement takes time, starts programs, says what it found and may fail loudly"
)]

#[allow(dead_code, unused_imports, reason = "a measurement needs a part of what the tests stand on")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::process::Command;
use std::time::Instant;
use std::{env, thread};

use rustix::process::{Signal, getpid, getppid, kill_process};
use support::Practice;

/// Which of the works this process is to do, if it is the one in the session.
const WORK: &str = "TRACE_BENCH_WORK";

/// How often each is measured, by turns.
const ROUNDS: usize = 5;

/// What is measured, how often it is done, and once.
const WORKS: [(&str, u32, fn()); 4] = [
    ("a program", 2_000, || assert!(Command::new("/bin/true").status().unwrap().success())),
    ("a thread", 5_000, || thread::spawn(|| ()).join().unwrap()),
    // SIGCONT does nothing to a process that runs, and is told to a tracer all the same.
    ("a signal", 20_000, || kill_process(getpid(), Signal::CONT).unwrap()),
    ("a system call", 1_000_000, || assert!(getppid().is_some())),
];

fn main() {
    if let Ok(work) = env::var(WORK) {
        let (_, count, once) = WORKS.iter().find(|(name, ..)| *name == work).unwrap();
        let begun = Instant::now();
        (0..*count).for_each(|_| once());
        println!("{}", begun.elapsed().as_secs_f64() * 1e6 / f64::from(*count));
        return;
    }
    let profile = "[profiles.prod-db-emergency]\n";
    let trace = format!("{profile}trace = \"exec\"\n");
    for (work, ..) in WORKS {
        let practice = || Practice::new().with(WORK, work);
        let rounds = (0..ROUNDS).map(|_| {
            let traced = practice().edited("profiles.toml", profile, &trace);
            (microseconds(&practice()), microseconds(&traced))
        });
        // The least of each: the rest is what else the machine did.
        let (untraced, traced) =
            rounds.fold((f64::MAX, f64::MAX), |least, now| (least.0.min(now.0), least.1.min(now.1)));
        println!(
            "{work:<14} {untraced:>9.2} µs   traced {traced:>9.2} µs   {:>6.2} times, {:>8.2} µs more",
            traced / untraced,
            traced - untraced
        );
    }
}

/// How long a work takes, once, in a session.
fn microseconds(practice: &Practice) -> f64 {
    let program = env::current_exe().unwrap();
    let outcome = practice.assume(&["--", program.to_str().unwrap()]).exits(0);
    outcome.stdout.trim().parse().unwrap()
}
