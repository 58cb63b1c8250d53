//! Many processes that write to one ledger at once, and are killed at any moment.

use std::fs;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::interrupted::{contents, digest, nothing_is_amiss, told};
use super::ship::{shared, ship};
use super::{REFUSED, by_script, ledger, segments, verdict};
use crate::support::{Home, ends_within};

/// How many write at once.
const WRITERS: usize = 16;

/// How many are begun in all; two thousand take a minute.
const RUNS: usize = 240;

/// The longest that one is left alone before it may be killed, in milliseconds: about as long as it takes.
const LONGEST_MS: u64 = 400;

/// What they do: most of them append, some sign, close the segment or send.
const DOING: [&[&str]; 8] = [
    &REFUSED,
    &REFUSED,
    &["audit", "checkpoint"],
    &REFUSED,
    &REFUSED,
    &["audit", "rotate"],
    &REFUSED,
    &["audit", "ship"],
];

/// A small generator of numbers that look random (xorshift64), so that a failure can be repeated.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// How a writer ended.
enum Ended {
    /// Killed, or so busy that it was told of.
    Early,
    /// By itself, so that its `run.end` is in the ledger.
    Whole,
}

/// Runs one writer, which is killed after some time if it has not ended by then; one of four is left alone.
fn run(home: &Home, words: &[&str], numbers: &mut Numbers) -> Ended {
    let mut glass = home.command(env!("CARGO_BIN_EXE_glass"));
    let mut child =
        glass.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let is_left_alone = numbers.below(4) == 0;
    if !is_left_alone && !ends_within(&child, Duration::from_millis(numbers.below(LONGEST_MS))) {
        child.kill().unwrap();
    }
    let outcome = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&outcome.stderr);
    match outcome.status.code() {
        None => Ended::Early,
        Some(0 | 3) => Ended::Whole,
        Some(code) => {
            assert!(code == 4 && said.contains("another process holds the ledger's lock"), "{words:?}: {code} {said}");
            Ended::Early
        }
    }
}

/// Lets them write; gives how many were begun, and how many ended by themselves.
fn write(home: &Home) -> (usize, usize) {
    let (begun, whole) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for writer in (1..=WRITERS).map(|writer| writer * 0x9e37_79b9) {
            let (begun, whole) = (&begun, &whole);
            scope.spawn(move || {
                let mut numbers = Numbers(writer as u64);
                loop {
                    let run_so_far = begun.fetch_add(1, Ordering::Relaxed);
                    if run_so_far >= RUNS {
                        break;
                    }
                    if let Ended::Whole = run(home, DOING[run_so_far % DOING.len()], &mut numbers) {
                        whole.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    (begun.into_inner() - WRITERS, whole.into_inner())
}

/// T5, T7: what ended is in the ledger, what was killed has left a whole one, at most with torn ends that it tells of, and
/// nothing has a receipt that is not in its place.
#[test]
fn sixteen_writers_that_are_killed_at_any_moment_make_one_chain() {
    let home = shared();
    let (begun, whole) = write(&home);
    let (code, found) = verdict(&home);
    assert!(code == 0 && [json!("verified"), json!("torn")].contains(&found["integrity"]), "{found}");
    home.glass(&["audit", "checkpoint"]).exits(0);
    let (starts, ends) = (told(&home, "run.start"), told(&home, "run.end"));
    assert!(whole < ends && ends <= starts && starts <= begun + 2, "{whole} of {begun}, {starts} {ends}");
    let recovered = told(&home, "ledger.recover");
    let torn = fs::read_dir(ledger(&home).join("torn")).map_or(0, Iterator::count);
    assert!(torn <= recovered, "{torn} {recovered}");
    ship(&home).exits(0);
    let share = home.path("share");
    let found = home.glass(&["audit", "verify", "--json", "--against", share.to_str().unwrap()]).exits(0).json();
    nothing_is_amiss(&found, "killed");
    assert_eq!(
        (&found["integrity"], &found["completeness"]["state"], &found["segments"]),
        (&json!("verified"), &json!("complete"), &json!(segments(&ledger(&home)).len()))
    );
    let sent = contents(&home);
    for segment in segments(&ledger(&home)).split_last().unwrap().1 {
        let name = segment.file_name().unwrap().to_str().unwrap();
        let (_, content) = sent.iter().find(|(sent, _)| sent.contains(name)).unwrap();
        assert_eq!(*content, digest(&fs::read(segment).unwrap()), "{name}");
    }
    by_script(&home, &ledger(&home)).exits(0);
}
