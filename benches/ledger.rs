//! How fast the ledger is: a durable append against the bare write and sync it cannot do without, and the
//! verification of many entries, and checkpoints. `cargo bench --bench ledger`; see docs/performance.md.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement takes time, touches files, says what it found and may fail loudly"
)]

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use glass::host::ledger::reader::Reader;
use glass::host::ledger::{Asking, HostLedger, Since};
use glass::model::api_call::ApiCall;
use glass::model::chain::head::Head;
use glass::model::chain::signed::Asked;
use glass::model::chain::walk::{Integrity, segment_name};
use glass::model::chain::{Said, Stamp, line};
use glass::model::event::Event;
use glass::model::name::Digest;
use glass::model::time::{BootTime, Timestamp};
use glass::model::tree::{Growing, leaf};
use glass::world::ledger::{Ledger, Record};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

/// How many appends are measured, one by one and in turn with the bare ones.
const APPENDS: usize = 1000;

/// How many entries are appended in batches, and verified.
const ENTRIES: usize = 1_000_000;

/// How many entries a batch has.
const BATCH: usize = 100;

/// How many entries the ledger has that is opened, with the argument `large` and no other number behind it: 3 GB.
const LARGE: u64 = 10_000_000;

/// How long a segment is at the most.
const SEGMENT: u64 = 64 << 20;

fn main() {
    let mut words = std::env::args().skip_while(|word| word != "large");
    if words.next().is_some() {
        return large(words.find_map(|word| word.parse().ok()).unwrap_or(LARGE));
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("ledger");
    let ledger = HostLedger::new(path.clone(), None).unwrap();
    let gate = Record {
        who: None,
        session: None,
        event: Event::ElevateRefused { profile: "prod-db-emergency".into(), rules: vec!["group"], request: None },
    };
    ledger.append(&gate).unwrap();
    let segment = path.join("log-0000000000000000.jsonl");
    let line = fs::read(&segment).unwrap().split_inclusive(|byte| *byte == b'\n').next_back().unwrap().to_vec();

    let mut bare_file = OpenOptions::new().create(true).append(true).open(folder.path().join("bare")).unwrap();
    let mut bare = Vec::new();
    let mut durable = Vec::new();
    for _ in 0..APPENDS {
        bare.push(timed(|| write_and_sync(&mut bare_file, &line)));
        durable.push(timed(|| assert!(ledger.append(&gate).unwrap().seq > 0)));
    }
    let (bare, durable) = (median(bare), median(durable));
    println!("bare write and sync   {:>8.1} µs", micros(bare));
    println!("durable append        {:>8.1} µs", micros(durable));
    println!("ratio                 {:>8.2}   (at most 1.3)", micros(durable) / micros(bare));

    let begun = Instant::now();
    let carried = Record {
        who: None,
        session: None,
        event: Event::RunStart { command: "assume".into(), args: vec!["prod-db-emergency".into(); 3] },
    };
    for _ in 0..APPENDS {
        ledger.append(&carried).unwrap();
    }
    println!("carried append        {:>8.1} µs", micros(begun.elapsed()) / APPENDS as f64);

    let call = Record { who: None, session: None, event: api_call() };
    let batch = vec![call; BATCH];
    let begun = processor_time();
    for _ in 0..ENTRIES / BATCH {
        ledger.append_all(&batch, Duration::ZERO).unwrap();
    }
    let taken = processor_time() - begun;
    println!(
        "appends, {BATCH} at once   {:>8.0} entries/s   (at least 100000 entries/s on one core)",
        ENTRIES as f64 / taken.as_secs_f64()
    );

    verification(&path, (ENTRIES + 2 * APPENDS + 2) as f64);
    checkpoints(&path);
}

/// Chain alone on one core; chain, tree and signatures on all, against what no verification can do without.
fn verification(path: &Path, entries: f64) {
    let files = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let segments: Vec<_> = files.filter(|path| path.extension().is_some_and(|ending| ending == "jsonl")).collect();
    let reader = Reader::of_own(path).unwrap();
    let taken = (0..5).map(|_| {
        // By the processor's time, so that it is one core's whatever else runs.
        let begun = processor_time();
        let reading = reader.read(|_, _| ()).unwrap();
        assert_eq!(reading.walked.judgement.integrity, Integrity::Verified);
        processor_time() - begun
    });
    let taken = median(taken.collect());
    let bytes: u64 = segments.iter().map(|segment| fs::metadata(segment).unwrap().len()).sum();
    println!(
        "chain alone           {:>8.0} entries/s, {:.0} MB/s   (at least 400000 entries/s on one core)",
        entries / taken.as_secs_f64(),
        bytes as f64 / 1e6 / taken.as_secs_f64()
    );
    // From here on the largest memory is counted anew.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let (mut walls, mut processors, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..5 {
        let begun = processor_time();
        walls.push(timed(|| {
            let verified = reader.verify(Asked::default(), |_| false, |_, _| ()).unwrap();
            assert_eq!(verified.reading.walked.judgement.integrity, Integrity::Verified);
        }));
        processors.push(processor_time() - begun);
        bare.push(timed(|| assert!(Command::new("sha256sum").args(&segments).output().unwrap().status.success())));
    }
    let (wall, processor, bare) = (median(walls), median(processors), median(bare));
    println!(
        "verify                {:>8.0} entries/s   (at least 1000000 entries/s on two cores)",
        entries / wall.as_secs_f64()
    );
    println!("of one core's time    {:>8.0} entries/s", entries / processor.as_secs_f64());
    println!("against sha256sum     {:>8.2}   (at most 3)", wall.as_secs_f64() / bare.as_secs_f64());
    println!("memory at the most    {:>8.1} MB   (at most 64)", largest_memory());
}

/// A checkpoint, with the proof that it follows the one before, and the first append of a process.
fn checkpoints(path: &Path) {
    let ledger = HostLedger::new(path.to_owned(), None).unwrap();
    println!(
        "the first checkpoint  {:>8.1} ms",
        millis(timed(|| drop(ledger.seal(Asking::Never, None, None).unwrap())))
    );
    let taken = (0..50).map(|_| timed(|| drop(ledger.seal(Asking::Never, None, None).unwrap())));
    println!("checkpoint            {:>8.2} ms   (at most 5)", millis(median(taken.collect())));
    let opened = (0..50).map(|_| {
        let end = Record { who: None, session: None, event: Event::RunEnd { code: 0, ms: 0 } };
        timed(|| assert!(HostLedger::new(path.to_owned(), None).unwrap().append(&end).is_ok()))
    });
    println!("open and append       {:>8.2} ms   (at most 5)", millis(median(opened.collect())));
}

/// Opens a large ledger of many segments: to append, and to sign.
fn large(entries: u64) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("ledger");
    let end = Record { who: None, session: None, event: Event::RunEnd { code: 0, ms: 0 } };
    let ledger = HostLedger::new(path.clone(), None).unwrap();
    ledger.append(&end).unwrap();
    Writing::after(&path).until(entries);
    let segments = fs::read_dir(&path).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().ends_with(".jsonl")
    });
    println!("{entries} entries in {} segments", segments.count());
    let opened = (0..50).map(|_| timed(|| assert!(HostLedger::new(path.clone(), None).unwrap().append(&end).is_ok())));
    println!("open and append       {:>8.2} ms   (at most 5)", millis(median(opened.collect())));
    let checked = (0..10).map(|_| timed(|| HostLedger::new(path.clone(), None).unwrap().verify().unwrap()));
    println!("its current segment   {:>8.1} ms", millis(median(checked.collect())));
    let signed = (0..10).map(|_| timed(|| drop(ledger.seal(Asking::Never, None, None).unwrap())));
    println!("checkpoint            {:>8.2} ms", millis(median(signed.collect())));
    let reader = Reader::of_own(&path).unwrap();
    let since =
        timed(|| assert!(matches!(reader.verify_since(Asked::default().believed).unwrap(), Since::Checkpoint(..))));
    println!("since the checkpoint  {:>8.1} ms", millis(since));
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let verified = timed(|| {
        let verified = reader.verify(Asked::default(), |_| false, |_, _| ()).unwrap();
        assert_eq!(verified.reading.walked.judgement.integrity, Integrity::Verified);
    });
    println!("verify                {:>8.0} entries/s", entries as f64 / verified.as_secs_f64());
    println!("memory at the most    {:>8.1} MB   (at most 64)", largest_memory());
}

/// A ledger that is written by itself, as glass would have it: an append for each entry would take hours.
struct Writing {
    path: PathBuf,
    stamp: Stamp,
    tree: Growing,
    last: Digest,
    /// The segment that is written to: its first entry, its lines, and how long it is.
    first: u64,
    lines: BufWriter<File>,
    bytes: u64,
}

impl Writing {
    /// Goes on with what glass has begun.
    fn after(path: &Path) -> Writing {
        let segment = path.join(segment_name(0));
        let text = fs::read(&segment).unwrap();
        let mut tree = Growing::new();
        text.split_inclusive(|byte| *byte == b'\n').for_each(|line| tree.push(leaf(line)));
        let last = text.split_inclusive(|byte| *byte == b'\n').next_back().unwrap();
        let entry: Value = serde_json::from_slice(last).unwrap();
        let word = |key: &str| entry[key].as_str().unwrap().to_owned();
        let (at, mono) = (Timestamp::parse(&word("ts")).unwrap(), BootTime(word("mono").parse().unwrap()));
        let stamp = Stamp { at, mono, boot: word("boot"), host: word("host"), pid: 1, uid: 0 };
        Writing {
            path: path.to_owned(),
            stamp,
            tree,
            last: Digest::of(last),
            first: 0,
            lines: BufWriter::new(OpenOptions::new().append(true).open(segment).unwrap()),
            bytes: text.len() as u64,
        }
    }

    /// Writes until there are so many entries, and then the head.
    fn until(mut self, entries: u64) {
        while self.tree.size() < entries {
            if self.bytes + 1000 > SEGMENT {
                self.rotate();
            }
            self.put(&Event::RunEnd { code: 0, ms: 0 });
            if self.tree.size().is_multiple_of(1_000_000) {
                println!("{} entries are written", self.tree.size());
            }
        }
        self.lines.flush().unwrap();
        self.lines.get_ref().sync_all().unwrap();
        let (seq, segment) = (self.tree.size() - 1, segment_name(self.first));
        let head = Head {
            boot: self.stamp.boot,
            seq,
            hash: self.last.to_string(),
            segment: segment.clone(),
            bytes: self.bytes,
            synced_seq: seq,
            synced_segment: segment,
            synced_bytes: self.bytes,
        };
        fs::write(self.path.join("head.json"), head.to_bytes()).unwrap();
    }

    fn put(&mut self, event: &Event) {
        let said = Said { who: None, session: None, event };
        let line = line(self.tree.size(), self.last, &self.stamp, said).unwrap();
        self.lines.write_all(&line).unwrap();
        self.tree.push(leaf(&line));
        (self.last, self.bytes) = (Digest::of(&line), self.bytes + line.len() as u64);
    }

    fn rotate(&mut self) {
        self.put(&Event::LedgerRotate { size: self.tree.size(), root: self.tree.root(), bytes: self.bytes });
        self.lines.flush().unwrap();
        let file = self.lines.get_ref();
        file.set_permissions(Permissions::from_mode(0o400)).unwrap();
        file.sync_all().unwrap();
        (self.first, self.bytes) = (self.tree.size(), 0);
        let mut options = OpenOptions::new();
        let next = options.write(true).create_new(true).mode(0o600).open(self.path.join(segment_name(self.first)));
        self.lines = BufWriter::new(next.unwrap());
    }
}

/// In MB.
fn largest_memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1e3
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn api_call() -> Event {
    let call = ApiCall {
        source: "csm",
        service: "DynamoDB".into(),
        operation: "GetItem".into(),
        region: Some("eu-west-1".into()),
        status: Some(200),
        error: None,
        request_id: Some("5185044d-2615-4e83-89aa-cf8aa78f9848".into()),
        ms: Some(12),
        attempts: Some(1),
        own: Some(true),
    };
    Event::Api(Box::new(call))
}

fn write_and_sync(file: &mut File, line: &[u8]) {
    file.write_all(line).unwrap();
    file.sync_data().unwrap();
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
