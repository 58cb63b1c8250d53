//! Checkpoints, and sending the ledger away: killed between any two system calls, and met by errors at any of them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use glass::host::ledger::HostLedger;
use glass::model::event::{Cause, Event};
use glass::model::name::{Digest, Id};
use glass::model::time::Timestamp;
use glass::world::ledger::{Ledger, Record};
use serde_json::{Value, json};

use super::ship::{kept, shared, ship};
use super::{REFUSED, SEGMENT, home, ledger, text, verdict};
use crate::support::{Home, Outcome, Practice, tool};

/// How many faults are tried at once: most of the time each waits for the disk.
const AT_ONCE: usize = 4;

/// The system calls that leave something behind.
const CHANGING: [&str; 15] = [
    "copy_file_range",
    "fchmod",
    "fdatasync",
    "fsync",
    "ftruncate",
    "linkat",
    "mkdir",
    "mkdirat",
    "pwrite64",
    "rename",
    "renameat2",
    "unlink",
    "unlinkat",
    "utimensat",
    "write",
];

/// A command that is run again and again, each time with another fault.
pub struct Scene<'s> {
    pub begin: &'s Home,
    /// What is done to each copy of it.
    pub prepare: &'s (dyn Fn(&Home) + Sync),
    pub words: &'s [&'s str],
    /// The files, below the home, that count for faults which name no files of their own; all if there are none.
    pub files: &'s [&'s str],
    /// What must be so afterwards, whatever the fault was.
    pub check: &'s (dyn Fn(&Home, &Outcome, &str) + Sync),
}

impl Scene<'_> {
    /// Meets each of these faults at its first, second, third … chance, until there is none any more; gives how many that were.
    pub fn met_by(&self, faults: &[String]) -> usize {
        let (next, met) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    while let Some(fault) = faults.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let times = (1..).take_while(|time| self.happens(fault, *time)).count();
                        met.fetch_add(times, Ordering::Relaxed);
                    }
                });
            }
        });
        met.into_inner()
    }

    /// Whether a fault happens so many times.
    fn happens(&self, fault: &str, time: usize) -> bool {
        let home = copied(self.begin);
        (self.prepare)(&home);
        let mut command = home.command(tool("strace"));
        let (call, told) = (fault.split(':').next().unwrap(), home.path("strace"));
        command.args(["--follow-forks", "--trace", call, "--output"]).arg(&told);
        if !CHANGING.contains(&call) {
            command.args(self.files.iter().flat_map(|file| ["--trace-path".into(), home.path(file)]));
        }
        command.args(["--inject", &format!("{fault}:when={time}"), env!("CARGO_BIN_EXE_glass")]).args(self.words);
        let outcome = Outcome::of(&mut command, "");
        let happened = outcome.code == 137 || fs::read_to_string(told).unwrap().contains("(INJECTED)");
        if happened {
            (self.check)(&home, &outcome, &format!("{fault} {time}: {outcome:?}"));
        } else {
            assert_eq!(outcome.code, 0, "{fault} {time}: {}", outcome.stderr);
        }
        happened
    }
}

/// Another home with the ledger, the key, the recordings and the catalogue of one.
pub(super) fn copied(from: &Home) -> Home {
    let to = home();
    let mut copy = Command::new(tool("cp"));
    let there =
        [".local", ".config", ".aws", "share"].map(|name| from.path(name)).into_iter().filter(|path| path.exists());
    copy.arg("-a").args(there).arg(to.path(""));
    assert!(copy.status().unwrap().success());
    // Nothing is sent by itself so soon after an attempt.
    to.write(".local/state/glass/ledger/tried", "");
    to
}

fn kills() -> Vec<String> {
    CHANGING.into_iter().chain(["openat"]).map(|call| format!("{call}:signal=KILL")).collect()
}

fn errors() -> Vec<String> {
    let faults = [
        "copy_file_range:error=ENOSPC",
        "copy_file_range:retval=0",
        "fchmod:error=EPERM",
        "fdatasync:error=EINTR",
        "fdatasync:error=EIO",
        "flock:error=EINTR",
        "flock:error=ENOLCK",
        "fsync:error=EINTR",
        "fsync:error=EIO",
        "getdents64:error=EINTR",
        "getdents64:error=EIO",
        "mkdir:error=ENOSPC",
        "mkdirat:error=ENOSPC",
        "openat:error=EINTR",
        "openat:error=EMFILE",
        "pread64:error=EIO",
        "pwrite64:error=EINTR",
        "pwrite64:error=ENOSPC",
        "pwrite64:retval=10",
        "read:error=EIO",
        "rename:error=ENOSPC",
        "renameat2:error=EINVAL",
        "renameat2:error=ENOSPC",
        "unlink:error=EPERM",
        "utimensat:error=EPERM",
        "write:error=EINTR",
        "write:error=ENOSPC",
        "write:retval=0",
    ];
    faults.map(str::to_owned).into()
}

/// A ledger with a closed segment, whole blocks of the tree, the recording of a session that has ended, and no key yet.
pub(super) fn eventful() -> Home {
    let home = shared();
    home.glass(&REFUSED).exits(3);
    let writer = HostLedger::new(ledger(&home), None).unwrap();
    let record = |session: Option<Id>, event| Record { who: None, session, event };
    let many = vec![record(None, Event::RunEnd { code: 0, ms: 1 }); 300];
    writer.append_all(&many, Duration::from_secs(60)).unwrap();
    let valid_until = Timestamp::from_seconds(1_769_825_580);
    let end = Event::SessionEnd { cause: Cause::Exit, code: 0, seconds: 1, valid_until, api_clients: None };
    writer.append(&record(Some(Id::parse("4fgk2m9q").unwrap()), end)).unwrap();
    home.write(".local/state/glass/recordings/4fgk2m9q.cast", "{\"version\":2,\"width\":80,\"height\":24}\n");
    writer.rotate(None).unwrap();
    home.glass(&REFUSED).exits(3);
    home
}

/// Whatever happens to a checkpoint, it was printed only if it is in the ledger, the next one follows, and is by the same key.
#[test]
fn a_fault_at_any_call_of_a_checkpoint_leaves_a_ledger_that_is_signed_later() {
    let begin = eventful();
    let before = text(&begin);
    let check = |home: &Home, outcome: &Outcome, what: &str| {
        let (code, found) = verdict(home);
        assert_eq!(code, 0, "{what}: {found}");
        let torn = found["integrity"] == json!("torn");
        assert!(torn || found["integrity"] == json!("verified"), "{what}: {found}");
        told_or_killed(outcome, what);
        let signed = signed_notes(home);
        assert!(outcome.stdout.is_empty() || signed.contains(&outcome.stdout), "{what}: it is not in the ledger");
        let next = home.glass(&["audit", "checkpoint"]).exits(0).stdout;
        assert_eq!(signed_notes(home).last(), Some(&next), "{what}");
        let (code, found) = verdict(home);
        assert_eq!((code, &found["integrity"]), (0, &json!("verified")), "{what}: {found}");
        assert!(found["signed"]["size"].is_u64(), "{what}: {found}");
        assert_eq!(told(home, "ledger.key"), 1, "{what}: another key");
        assert_eq!(told(home, "ledger.recover"), usize::from(torn), "{what}");
        assert!(text(home).starts_with(&before), "{what}: an entry is lost");
    };
    let files = ["ledger/lock", "ledger/head.json", "ledger/tree", "ledger/due", "keys", "keys/lock", "recordings"]
        .map(|name| format!(".local/state/glass/{name}"));
    let files: Vec<_> = files.iter().map(String::as_str).collect();
    let scene =
        Scene { begin: &begin, prepare: &|_| (), words: &["audit", "checkpoint"], files: &files, check: &check };
    let met = (scene.met_by(&kills()), scene.met_by(&errors()));
    assert!(met.0 > 20 && met.1 > 30, "{met:?}");
}

/// A session's end is signed, or the person is told that it is not: the ledger is whole all the same.
#[test]
fn a_sync_that_fails_at_any_time_of_a_session_leaves_a_ledger_that_is_signed_later() {
    for time in 1.. {
        let practice = Practice::new().unrecorded();
        practice.home.glass(&["list"]).exits(0);
        let mut command = practice.home.command(tool("strace"));
        command.args(["--follow-forks", "--output=/dev/null", "--trace-path"]).arg(practice.ledger().join(SEGMENT));
        command.args(["--inject", &format!("fdatasync:error=EIO:when={time}"), env!("CARGO_BIN_EXE_glass")]);
        let outcome = Outcome::of(command.args(practice.words(&["--", "/bin/echo", "elevated"])), "");
        let (ended, signed) = (practice.told("session.end").len(), practice.told("ledger.checkpoint"));
        let found = practice.home.glass(&["audit", "verify", "--json"]).exits(0).json();
        assert_eq!(found["integrity"], json!("verified"), "{time}: {found}");
        if outcome.code == 0 {
            assert!(time > 4 && ended > 0 && !signed.is_empty(), "{time}: {ended} {signed:?}");
            break;
        }
        assert!(outcome.code == 4 && outcome.stderr.contains("cannot sync "), "{time}: {outcome:?}");
        assert_eq!(practice.home.glass(&["audit", "checkpoint"]).exits(0).stderr, "", "{time}: another key");
    }
}

/// Whatever happens on the way, nothing has a receipt that is not there and whole, and the rest is sent by the next run.
#[test]
fn a_fault_at_any_call_of_sending_claims_nothing_that_is_not_there_and_is_made_up_for() {
    let begin = eventful();
    begin.glass(&["audit", "checkpoint"]).exits(0);
    let whole = copied(&begin);
    ship(&whole).exits(0);
    let (names, contents) = (kept(&whole), contents(&whole));
    assert_eq!((names.len(), told(&whole, "ledger.anchor")), (3, 3), "{names:?}");
    let check = |home: &Home, outcome: &Outcome, what: &str| {
        let share = home.path("share");
        let against = ["audit", "verify", "--json", "--against", share.to_str().unwrap()];
        let found = home.glass(&against);
        assert_eq!(found.code, 0, "{what}: {found:?}");
        nothing_is_amiss(&found.json(), what);
        told_or_killed(outcome, what);
        let is_due = || ["due", "sent/due"].iter().any(|name| ledger(home).join(name).exists());
        let due = is_due();
        for (name, content) in self::contents(home) {
            assert_eq!(Some(&content), contents.get(&name), "{what}: {name} is not whole");
        }
        let is_sent = || self::contents(home) == contents && told(home, "ledger.anchor") == 3;
        assert!(due || is_sent(), "{what}: nothing says that there is something to send");
        assert_eq!(ship(home).exits(0).code, 0);
        let found = home.glass(&against).exits(0).json();
        nothing_is_amiss(&found, what);
        assert_eq!(
            (&found["integrity"], &found["completeness"]["state"]),
            (&json!("verified"), &json!("complete")),
            "{what}"
        );
        assert!(is_sent(), "{what}: {:?} {}", self::contents(home), told(home, "ledger.anchor"));
        assert!(!is_due(), "{what}: nothing is due any more");
    };
    let files = [
        "ledger/lock",
        "ledger/head.json",
        "ledger/tree",
        "ledger/sent/lock",
        "ledger/tried",
        "recordings/4fgk2m9q.cast",
    ]
    .map(|name| format!(".local/state/glass/{name}"));
    let files: Vec<_> = files.iter().map(String::as_str).chain(["share"]).collect();
    let scene = Scene { begin: &begin, prepare: &|_| (), words: &["audit", "ship"], files: &files, check: &check };
    let met = (scene.met_by(&kills()), scene.met_by(&errors()));
    assert!(met.0 > 80 && met.1 > 80, "{met:?}");
}

/// What ended otherwise than it should has said why, unless it was killed.
#[track_caller]
pub fn told_or_killed(outcome: &Outcome, what: &str) {
    let told = outcome.stderr.contains("caused by: ");
    assert!(matches!(outcome.code, 0 | 137) || matches!(outcome.code, 1 | 4) && told, "{what}");
}

#[track_caller]
pub fn nothing_is_amiss(found: &Value, what: &str) {
    let completeness = &found["completeness"];
    assert_eq!((&completeness["gone"], &completeness["foreign"]), (&json!([]), &json!([])), "{what}: {found}");
}

/// How many entries there are of an event. Of the many others none is read closely.
pub(super) fn told(home: &Home, event: &str) -> usize {
    text(home).matches(&format!("\"ev\":\"{event}\"")).count()
}

/// The notes of all checkpoints of the ledger.
fn signed_notes(home: &Home) -> Vec<String> {
    let lines = text(home);
    let notes = lines.lines().filter(|line| line.contains("\"ev\":\"ledger.checkpoint\"") && line.ends_with('}'));
    let note = |line| serde_json::from_str::<Value>(line).unwrap()["d"]["note"].as_str().unwrap().to_owned();
    notes.map(note).collect()
}

/// A content in short.
pub(super) fn digest(content: &[u8]) -> String {
    Digest::of(content).to_string()[..16].to_owned()
}

/// What the share has, unpacked.
pub(super) fn contents(home: &Home) -> BTreeMap<String, String> {
    let content = |name: &String| {
        let mut bytes = fs::read(home.path("share").join(name)).unwrap();
        if name.ends_with(".gz") {
            let packed = std::mem::take(&mut bytes);
            MultiGzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
        }
        digest(&bytes)
    };
    kept(home).into_iter().map(|name| (name.clone(), content(&name))).collect()
}
