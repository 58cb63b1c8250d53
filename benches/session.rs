//! What a session costs beside the same without glass, in one run: bytes through its terminal, a key that comes back,
//! memory, wake-ups, and the time from its deadline to its end.
//! `cargo bench --bench session` after `tests/run`; see docs/performance.md.
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

use std::fs;
use std::time::{Duration, Instant};

use glass::model::time::Timestamp;
use support::{Fate, Practice, Proxy, Pty, tool};

/// How much goes through a terminal at a time.
const MEGABYTES: usize = 100;

/// Waits for a line, and shows the file `big`, as it is, for each.
const SHOWS: &str = "stty raw -echo; echo ready; while read x; do cat big; done";

/// Shows every key that is typed.
const ECHOES: &str = "stty raw -echo; echo ready; exec cat";

fn main() {
    through("a recorded session", &Practice::new());
    through("one that is not", &Practice::new().unrecorded());
    keys();
    idle();
    deadline();
}

/// A session on a terminal, once its script is ready.
fn session(practice: &Practice, script: &str) -> Pty {
    ready(practice.assume_on_terminal(&["--", "/bin/sh", "-c", script]))
}

fn ready(mut terminal: Pty) -> Pty {
    terminal.expect("ready\n");
    terminal
}

fn through(what: &str, practice: &Practice) {
    let line = format!("{}\n", "0123456789abcdef".repeat(4));
    practice.home.write("big", &line.repeat(MEGABYTES * 1_000_000 / line.len()));
    let size = fs::metadata(practice.home.path("big")).unwrap().len();
    let size = usize::try_from(size).unwrap();
    let mut glass = session(practice, SHOWS);
    let script = format!("sh -c '{SHOWS}'");
    let mut other = ready(practice.home.terminal(tool("script"), &["-q", "-c", &script, "/dev/null"]));
    let show = |terminal: &mut Pty| {
        terminal.send("\n");
        terminal.skip(size);
    };
    let (glass, other) = in_turn(5, || show(&mut glass), || show(&mut other));
    println!("{MEGABYTES} MB through {what:<19}{:>8.0} ms", millis(glass));
    println!("{MEGABYTES} MB through script          {:>8.0} ms", millis(other));
    println!("speed against script          {:>8.2}      (at least 0.5)", millis(other) / millis(glass));
}

fn keys() {
    let practice = Practice::new();
    let mut glass = session(&practice, ECHOES);
    let mut bare = ready(practice.home.terminal("/bin/sh", &["-c", ECHOES]));
    let strike = |terminal: &mut Pty| {
        terminal.send("x");
        terminal.skip(1);
    };
    let (glass, bare) = in_turn(2000, || strike(&mut glass), || strike(&mut bare));
    println!("a key and its echo            {:>8.3} ms", millis(glass));
    println!("the same without glass        {:>8.3} ms", millis(bare));
    println!("added                         {:>8.3} ms   (at most 1)", millis(glass.saturating_sub(bare)));
}

/// A session in which nothing happens.
fn idle() {
    let practice = Practice::new();
    let mut terminal = practice.assume_on_terminal(&["--", "/bin/sh", "-c", "echo id $PPID.; read x"]);
    terminal.expect("id ");
    let supervisor = terminal.expect(".");
    let watcher = field(&supervisor, "PPid:");
    let length = Duration::from_secs(10);
    let count = || [&supervisor, &watcher].map(|pid| number(&field(pid, "voluntary_ctxt_switches:")));
    // What its beginning showed is recorded and hashed, after 10 s at the latest.
    std::thread::sleep(Duration::from_secs(12));
    let before = count();
    std::thread::sleep(length);
    let after = count();
    let memory = [&supervisor, &watcher].map(|pid| number(field(pid, "VmHWM:").trim_end_matches(" kB")) * 1024.0 / 1e6);
    println!("peak memory of the supervisor {:>8.1} MB   (at most 20)", memory[0]);
    println!("peak memory of the watcher    {:>8.1} MB", memory[1]);
    for (name, place) in [("supervisor", 0), ("watcher", 1)] {
        let rate = (after[place] - before[place]) / length.as_secs_f64();
        println!("wake-ups of the {name:<10}    {rate:>8.1} /s   (at most 1)");
    }
}

fn field(pid: &str, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

/// A daemon and a shell that no signal ends but SIGKILL, and one that has stopped itself.
const DEAF: &str = "trap '' HUP TERM INT QUIT
setsid sh -c 'sleep 1000 & sleep 1000' &
setsid sh -c 'kill -STOP $$' &
while :; do sleep 1000; done";

fn deadline() {
    let practice = Practice::new();
    let proxy = Proxy::start(&practice.sandbox.endpoint, |request| {
        if request.contains("Action=AssumeRole") { Fate::Rewrite(three_seconds) } else { Fate::Pass }
    });
    let practice = practice.behind(&proxy);
    let begun = Instant::now();
    practice.assume(&["--", "/bin/sh", "-c", DEAF]).exits(124);
    let entries = practice.entries();
    let end = entries.iter().find(|entry| entry["ev"] == "session.end").unwrap();
    let start = entries.iter().find(|entry| entry["ev"] == "session.start").unwrap();
    let at = |value: &serde_json::Value| Timestamp::parse(value.as_str().unwrap()).unwrap();
    let taken = at(&end["ts"]).since(at(&start["d"]["deadline"]));
    println!("from the deadline to the end  {:>8.1} s    (at most 10)", taken.as_secs_f64());
    assert!(begun.elapsed() >= taken, "the ledger's times are of another run");
}

/// The same answer with its `Expiration` three seconds after it was given, and not 15 minutes.
fn three_seconds(answer: &str) -> String {
    let (before, rest) = answer.split_once("<Expiration>").unwrap();
    let (expiration, after) = rest.split_once("</Expiration>").unwrap();
    let brief = Timestamp::from_seconds(Timestamp::parse(expiration).unwrap().seconds() - 900 + 3);
    format!("{before}<Expiration>{}</Expiration>{after}", brief.to_seconds_text())
}

/// The medians of two works that are done in turn, so that a busy machine slows both.
fn in_turn(times: usize, mut one: impl FnMut(), mut other: impl FnMut()) -> (Duration, Duration) {
    one();
    other();
    let taken: (Vec<_>, Vec<_>) = (0..times).map(|_| (timed(&mut one), timed(&mut other))).unzip();
    (median(taken.0), median(taken.1))
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
