//! How fast the ledger is: a durable append against the bare write and sync it cannot do without, and the
//! verification of many entries on one core. `cargo bench --bench ledger`; see docs/performance.md.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement takes time, touches files, says what it found and may fail loudly"
)]

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::time::{Duration, Instant};

use glass::host::ledger::HostLedger;
use glass::host::ledger::reader::Reader;
use glass::model::api_call::ApiCall;
use glass::model::chain::walk::Integrity;
use glass::model::event::Event;
use glass::world::ledger::{Ledger, Record};
use rustix::time::{ClockId, clock_gettime};

/// How many appends are measured, one by one and in turn with the bare ones.
const APPENDS: usize = 1000;

/// How many entries are appended in batches, and verified.
const ENTRIES: usize = 200_000;

/// How many entries a batch has.
const BATCH: usize = 100;

fn main() {
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

    let reader = Reader::of_own(&path).unwrap();
    let taken = (0..5).map(|_| {
        // By the processor's time, so that it is one core's whatever else runs.
        let begun = processor_time();
        let reading = reader.read(|_, _| ()).unwrap();
        assert_eq!(reading.walked.judgement.integrity, Integrity::Verified);
        processor_time() - begun
    });
    let taken = median(taken.collect());
    let bytes = fs::metadata(&segment).unwrap().len();
    let entries = (ENTRIES + 2 * APPENDS + 2) as f64;
    println!(
        "verify                {:>8.0} entries/s, {:.0} MB/s   (at least 400000 entries/s)",
        entries / taken.as_secs_f64(),
        bytes as f64 / 1e6 / taken.as_secs_f64()
    );
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
