//! Many processes that write to one ledger at once, and are killed at any moment.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use glass::model::name::Digest;
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

use super::interrupted::{contents, digest, nothing_is_amiss};
use super::ship::{shared, ship};
use super::{REFUSED, by_script, ledger, segments, text, verdict};
use crate::support::{Home, ends_within};

/// How many write at once.
const WRITERS: usize = 16;

/// How many are begun in a round, after which all is quiet and the ledger is looked at.
const RUNS: usize = 40;

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

/// What the ledger has of a run of [`REFUSED`] that nobody kills, and of any other.
const WHOLE: [&[&str]; 2] = [&["run.start", "elevate.refused", "run.end"], &["run.start", "run.end"]];

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

/// A writer that was begun.
#[derive(Debug)]
struct Run {
    /// What the ledger knows it by: its process id, or the incident where a second process writes for the first.
    mark: String,
    /// What the ledger has of it when it is left alone.
    whole: &'static [&'static str],
    /// Whether it came to its end by itself: it was not killed, nor so busy that it was told of.
    is_whole: bool,
}

impl Run {
    /// Runs one, which is killed after some time if it has not ended by then; one of four is left alone.
    fn of(home: &Home, number: usize, numbers: &mut Numbers) -> Run {
        let words = DOING[number % DOING.len()];
        let incident = format!("INC-{number}");
        let mut glass = home.command(env!("CARGO_BIN_EXE_glass"));
        glass.args(words.iter().map(|word| if *word == "INC-1" { &incident } else { *word }));
        let mut child = glass.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let is_left_alone = numbers.below(4) == 0;
        if !is_left_alone && !ends_within(&child, Duration::from_millis(numbers.below(LONGEST_MS))) {
            // Before it leads a group of its own it is killed alone.
            let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
            child.kill().unwrap();
        }
        let pid = child.id().to_string();
        let outcome = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&outcome.stderr);
        let is_whole = match outcome.status.code() {
            None => false,
            Some(0 | 3) => true,
            Some(code) => {
                let is_busy = said.contains("another process holds the ledger's lock");
                assert!(code == 4 && is_busy, "{words:?}: {code} {said}");
                false
            }
        };
        let is_refused = words == REFUSED;
        Run { mark: if is_refused { incident } else { pid }, whole: WHOLE[usize::from(!is_refused)], is_whole }
    }
}

/// Lets them write.
fn write(home: &Home, round: usize) -> Vec<Run> {
    let begun = AtomicUsize::new(0);
    thread::scope(|scope| {
        let writers = (1..=WRITERS).map(|writer| {
            let begun = &begun;
            scope.spawn(move || {
                let mut numbers = Numbers(((round * WRITERS + writer) * 0x9e37_79b9) as u64);
                let next = || Some(begun.fetch_add(1, Ordering::Relaxed)).filter(|run| *run < RUNS);
                let number = |run| (round + 1) * 1000 + run;
                std::iter::from_fn(next).map(|run| Run::of(home, number(run), &mut numbers)).collect()
            })
        });
        let writers: Vec<_> = writers.collect();
        writers.into_iter().flat_map(|writer| -> Vec<Run> { writer.join().unwrap() }).collect()
    })
}

/// Nobody writes as long as this is held: what was killed may take a moment to be gone.
fn lock(home: &Home) -> File {
    let lock = File::open(ledger(home).join("lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    lock
}

/// What stands behind the last whole line.
fn end(home: &Home) -> Vec<u8> {
    let bytes = fs::read(segments(&ledger(home)).pop().unwrap()).unwrap();
    bytes.rsplit(|byte| *byte == b'\n').next().unwrap().to_vec()
}

/// Leaves half of an entry at the end, as a loss of power in the middle of an append would; kills alone leave none.
fn tear(home: &Home, round: usize) {
    let lines = text(home);
    let line = lines.lines().next_back().unwrap();
    let segment = segments(&ledger(home)).pop().unwrap();
    let mut file = OpenOptions::new().append(true).open(segment).unwrap();
    file.write_all(&line.as_bytes()[..1 + round % (line.len() - 1)]).unwrap();
}

/// What the ledger says was torn: the number of the entry that says so, and the hash of what it was.
fn recovered(home: &Home) -> Vec<(u64, usize, String)> {
    let entry = |line: &str| {
        let entry: Value = serde_json::from_str(line).unwrap();
        let (bytes, sha256) = (entry["d"]["bytes"].as_u64().unwrap(), entry["d"]["sha256"].as_str().unwrap());
        (entry["seq"].as_u64().unwrap(), usize::try_from(bytes).unwrap(), sha256.to_owned())
    };
    text(home).lines().filter(|line| line.contains("\"ev\":\"ledger.recover\"")).map(entry).collect()
}

/// What was kept of it, likewise.
fn kept_aside(home: &Home) -> BTreeSet<(u64, usize, String)> {
    let files = fs::read_dir(ledger(home).join("torn")).into_iter().flatten().map(|entry| entry.unwrap().path());
    let kept = |path: std::path::PathBuf| {
        // Who was killed while it was kept may have left a file with more in its name.
        let (seq, sha256) = path.file_name()?.to_str()?.split_once('-').filter(|(_, sha256)| !sha256.contains('.'))?;
        let bytes = fs::read(&path).unwrap();
        assert_eq!(Digest::of(&bytes).to_string(), sha256);
        Some((seq.parse().ok()?, bytes.len(), sha256.to_owned()))
    };
    files.filter_map(kept).collect()
}

/// Of who ended by themselves all is there, in order; of the others what they had come to, and nothing else.
fn nothing_is_lost(home: &Home, runs: &[Run]) {
    let mut written: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    for line in text(home).lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let (pid, event) = (entry["pid"].to_string(), entry["ev"].as_str().unwrap().to_owned());
        match event.as_str() {
            "run.start" => {
                let words = entry["d"]["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned());
                written.push((std::iter::once(pid).chain(words).collect(), vec![event]));
            }
            "elevate.refused" | "run.end" => {
                written.iter_mut().rev().find(|(marks, _)| marks[0] == pid).unwrap().1.push(event);
            }
            _ => {}
        }
    }
    for (marks, events) in &written {
        let begins = |whole: &&[&str]| events.len() <= whole.len() && whole.iter().zip(events).all(|(a, b)| a == b);
        assert!(WHOLE.iter().any(begins), "{marks:?} {events:?}");
    }
    for run in runs.iter().filter(|run| run.is_whole) {
        assert!(written.iter().any(|(marks, events)| marks.contains(&run.mark) && events == run.whole), "{run:?}");
    }
}

/// Lets sixteen write round after round, as long as they should; gives how many were begun, how many of them ended by
/// themselves, and how often the ledger was torn. After each round it has said exactly what was.
pub fn write_for(goes_on: impl Fn(usize) -> bool) -> (usize, usize, usize) {
    let home = shared();
    home.glass(&REFUSED).exits(3);
    let mut runs = Vec::new();
    for round in (0..).take_while(|round| goes_on(*round)) {
        tear(&home, round);
        let torn = end(&home);
        runs.extend(write(&home, round));
        // Somebody else reads it before the next run does.
        let quiet = lock(&home);
        let (left, before) = (end(&home), recovered(&home));
        drop(quiet);
        home.glass(&REFUSED).exits(3);
        let recovered = recovered(&home);
        let of = |bytes: &[u8]| (bytes.len(), Digest::of(bytes).to_string());
        let told: Vec<_> = recovered.iter().map(|(_, bytes, sha256)| (*bytes, sha256.clone())).collect();
        let expected: Vec<_> = Some(of(&left)).filter(|_| !left.is_empty()).into_iter().collect();
        assert_eq!(told[before.len()..], expected, "round {round}");
        assert!(told.contains(&of(&torn)), "round {round}: {torn:?} {told:?}");
        assert_eq!(kept_aside(&home), recovered.into_iter().collect(), "round {round}");
        nothing_is_lost(&home, &runs);
    }
    is_whole_in_the_end(&home);
    (runs.len(), runs.iter().filter(|run| run.is_whole).count(), recovered(&home).len())
}

/// One chain, all of it sent, and nothing has a receipt that is not in its place.
fn is_whole_in_the_end(home: &Home) {
    let (code, found) = verdict(home);
    assert_eq!((code, &found["integrity"]), (0, &json!("verified")), "{found}");
    home.glass(&["audit", "checkpoint"]).exits(0);
    ship(home).exits(0);
    let share = home.path("share");
    let found = home.glass(&["audit", "verify", "--json", "--against", share.to_str().unwrap()]).exits(0).json();
    nothing_is_amiss(&found, "killed");
    assert_eq!(
        (&found["integrity"], &found["completeness"]["state"], &found["segments"]),
        (&json!("verified"), &json!("complete"), &json!(segments(&ledger(home)).len()))
    );
    let sent = contents(home);
    for segment in segments(&ledger(home)).split_last().unwrap().1 {
        let name = segment.file_name().unwrap().to_str().unwrap();
        let (_, content) = sent.iter().find(|(sent, _)| sent.contains(name)).unwrap();
        assert_eq!(*content, digest(&fs::read(segment).unwrap()), "{name}");
    }
    by_script(home, &ledger(home)).exits(0);
}

/// T5, T7: what ended is in the ledger, what was killed has left a whole one, and each torn end is told of once.
/// `cargo bench --bench writers` does so for a minute.
#[test]
fn sixteen_writers_that_are_killed_at_any_moment_make_one_chain() {
    let (begun, whole, torn) = write_for(|round| round < 6);
    assert!(begun == 6 * RUNS && whole > 0 && whole < begun && torn >= 6, "{whole} of {begun}, {torn}");
}
