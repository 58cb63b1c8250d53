//! How fast the AWS hook is served from a live session, against a program that does nothing, in one run.
//! `cargo bench --bench hook`; see docs/performance.md.
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

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{Practice, WORDS};

const GLASS: &str = env!("CARGO_BIN_EXE_glass");

fn main() {
    let practice = Practice::new();
    let words = [&["credential-process", "prod-db-read"], &WORDS[..]].concat();
    practice.home.glass(&words).exits(0);
    let run = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        command.args(args).env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        for name in
            ["HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "GLASS_CATALOGUE", "GLASS_IDENTITY"]
        {
            command.env(name, practice.home.variable(name));
        }
        let begun = Instant::now();
        assert!(command.status().unwrap().success(), "{program} {args:?}");
        begun.elapsed()
    };
    let both = (0..400).map(|_| (run(GLASS, &words), run("/bin/true", &[])));
    let (served, nothing): (Vec<Duration>, Vec<Duration>) = both.unzip();
    let (served, nothing) = (median(served), median(nothing));
    println!("served credential-process     {:>8.2} ms   (at most 5)", millis(served));
    println!("/bin/true                     {:>8.2} ms", millis(nothing));
    println!("ratio                         {:>8.2}      (at most 2.5)", millis(served) / millis(nothing));
    let reissues = practice.told("session.reissue").len();
    assert!(reissues >= 400, "only {reissues} calls were served");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
