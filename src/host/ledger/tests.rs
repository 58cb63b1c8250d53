//! Appends, interruptions and forgeries on real files in a folder of their own.

mod live;
mod once;
mod rotate;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;

use tempfile::TempDir;

use super::reader::Reader;
use super::*;
use crate::model::chain::entry::Entry;
use crate::model::chain::head::Head;
use crate::model::chain::signed::Asked;
use crate::model::chain::walk::{Integrity, Judgement};
use crate::model::event::Event;
use crate::model::name::Reason;

const SEGMENT: &str = "log-0000000000000000.jsonl";

struct Ground {
    folder: TempDir,
}

impl Ground {
    fn new() -> Self {
        Ground { folder: tempfile::tempdir().unwrap() }
    }

    /// A ledger as a new process of this boot sees it.
    fn ledger(&self) -> HostLedger {
        HostLedger::new(self.folder.path().join("state/ledger"), None).unwrap()
    }

    /// A ledger as a process sees it after the machine was started again.
    fn restarted(&self) -> HostLedger {
        let mut ledger = self.ledger();
        ledger.machine.boot = "another-boot".into();
        ledger
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("state/ledger").join(name)
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file(SEGMENT)).unwrap()
    }

    fn write(&self, text: impl AsRef<[u8]>) {
        fs::write(self.file(SEGMENT), text).unwrap();
    }

    fn events(&self) -> Vec<String> {
        self.text().lines().map(|line| Entry::parse(format!("{line}\n").as_bytes()).unwrap().ev.to_owned()).collect()
    }

    fn head(&self) -> Head {
        Head::parse(&fs::read(self.file("head.json")).unwrap()).unwrap()
    }
}

/// An entry that is carried by the next sync.
fn carried() -> Record {
    Record { who: None, session: None, event: Event::RunStart { command: "list".into(), args: vec![] } }
}

/// An entry that is synced.
fn gate() -> Record {
    let event = Event::ElevateRefused { profile: "prod-db-emergency".into(), rules: vec!["group"], request: None };
    Record { who: None, session: None, event }
}

#[test]
fn a_ledger_begins_with_whose_it_is_and_goes_on_with_what_happened() {
    let ground = Ground::new();
    let ledger = ground.ledger();
    assert_eq!(ledger.append(&carried()).unwrap().seq, 1);
    assert_eq!((ground.head().seq, ground.head().synced_seq), (1, 0));
    let gate = ledger.append(&gate()).unwrap();
    assert_eq!(ground.events(), ["ledger.open", "run.start", "elevate.refused"]);
    let head = ground.head();
    assert_eq!((head.seq, head.synced_seq, head.hash), (2, 2, gate.hash.to_string()));
    assert_eq!(head.synced_bytes, ground.text().len() as u64);
    ledger.verify().unwrap();
    for (name, mode) in [("", 0o700), (SEGMENT, 0o600), ("head.json", 0o600), ("lock", 0o600)] {
        assert_eq!(fs::metadata(ground.file(name)).unwrap().permissions().mode() & 0o7777, mode, "{name}");
    }
}

#[test]
fn a_line_that_was_cut_short_is_kept_aside_and_said() {
    let ground = Ground::new();
    ground.ledger().append(&gate()).unwrap();
    let whole = ground.text();
    for torn in ["{\"v\":1,\"seq\":2", &"x".repeat(200_000)] {
        let before = ground.text();
        ground.write(before.clone() + torn);
        ground.ledger().verify().unwrap();
        let seq = before.lines().count();
        ground.ledger().append(&carried()).unwrap();
        assert_eq!(ground.events()[seq..], ["ledger.recover", "run.start"]);
        let kept = ground.file(&format!("torn/{seq}-{}", Digest::of(torn.as_bytes())));
        assert_eq!(fs::read_to_string(kept).unwrap(), torn);
        assert!(ground.text().contains(&format!(
            "{{\"bytes\":{},\"sha256\":\"{}\"",
            torn.len(),
            Digest::of(torn.as_bytes())
        )));
    }
    assert!(ground.text().starts_with(&whole));
    ground.ledger().verify().unwrap();
}

#[test]
fn an_append_that_ended_before_its_head_is_taken_up() {
    let ground = Ground::new();
    ground.ledger().append(&gate()).unwrap();
    let head = fs::read(ground.file("head.json")).unwrap();
    ground.ledger().append(&gate()).unwrap();
    fs::write(ground.file("head.json"), head).unwrap();
    ground.ledger().verify().unwrap();
    assert_eq!(ground.ledger().append(&carried()).unwrap().seq, 3);
    assert_eq!(ground.events(), ["ledger.open", "elevate.refused", "elevate.refused", "run.start"]);
}

#[test]
fn a_head_that_is_lost_is_said_and_made_again() {
    let ground = Ground::new();
    ground.ledger().append(&gate()).unwrap();
    fs::remove_file(ground.file("head.json")).unwrap();
    ground.ledger().append(&carried()).unwrap();
    assert!(ground.text().contains("\"head\":\"missing\""));
    for unreadable in ["", "{}", &" ".repeat(600)] {
        fs::write(ground.file("head.json"), unreadable).unwrap();
        ground.ledger().append(&carried()).unwrap();
        assert!(ground.text().contains("\"head\":\"unreadable\""));
        let events = ground.events();
        assert_eq!(events[events.len() - 2..], ["ledger.recover", "run.start"]);
        ground.ledger().append(&carried()).unwrap();
        assert_eq!(ground.events().len(), events.len() + 1);
    }
    ground.ledger().verify().unwrap();
}

#[test]
fn a_ledger_whose_beginning_was_interrupted_begins_again() {
    let ground = Ground::new();
    fs::create_dir_all(ground.file("")).unwrap();
    ground.write("");
    ground.ledger().append(&carried()).unwrap();
    assert_eq!(ground.events(), ["ledger.open", "run.start"]);

    let ground = Ground::new();
    fs::create_dir_all(ground.file("")).unwrap();
    ground.write("{\"v\":1,");
    ground.ledger().append(&carried()).unwrap();
    assert_eq!(ground.events(), ["ledger.open", "ledger.recover", "run.start"]);
}

#[test]
fn after_a_loss_of_power_what_was_not_synced_may_be_gone_or_garbage() {
    let ground = Ground::new();
    ground.ledger().append(&gate()).unwrap();
    let synced = ground.text();
    ground.ledger().append(&carried()).unwrap();
    ground.ledger().append(&carried()).unwrap();
    let all = ground.text();
    let head = fs::read(ground.file("head.json")).unwrap();
    let garbage = synced.clone() + &"\0".repeat(400) + "\nhalf a line}\n";
    for (left, events) in [(&synced, 0), (&all, 2), (&garbage, 1)] {
        ground.write(left);
        fs::write(ground.file("head.json"), &head).unwrap();
        ground.restarted().verify().unwrap();
        ground.restarted().append(&carried()).unwrap();
        assert_eq!(ground.events().len(), 2 + events + 1);
    }
    assert!(ground.events().contains(&"ledger.recover".to_owned()));
}

#[test]
fn what_was_synced_is_held_against_the_ledger_after_another_boot_too() {
    let ground = Ground::new();
    ground.ledger().append(&gate()).unwrap();
    let text = ground.text();
    let first = text.lines().next().unwrap();
    ground.write(format!("{first}\n"));
    assert!(matches!(ground.restarted().append(&carried()), Err(LedgerError::RolledBack { .. })));
    assert_eq!(ground.text(), format!("{first}\n"), "nothing is appended");
}

#[test]
fn a_tail_that_was_cut_off_is_rolled_back_and_stays_so() {
    let ground = Ground::new();
    ground.ledger().append(&gate()).unwrap();
    ground.ledger().append(&carried()).unwrap();
    let text = ground.text();
    let head = fs::read(ground.file("head.json")).unwrap();
    for cut in [text.len() - 1, text.lines().next().unwrap().len() + 1, 0] {
        ground.write(&text[..cut]);
        assert!(matches!(ground.ledger().append(&carried()), Err(LedgerError::RolledBack { .. })), "{cut}");
        assert_eq!(ground.text(), text[..cut]);
        assert_eq!(fs::read(ground.file("head.json")).unwrap(), head);
    }
    fs::remove_file(ground.file(SEGMENT)).unwrap();
    assert!(matches!(ground.ledger().append(&carried()), Err(LedgerError::RolledBack { .. })));
}

#[test]
fn a_verdict_is_kept_even_when_the_file_is_put_back() {
    let ground = Ground::new();
    ground.ledger().append(&gate()).unwrap();
    ground.ledger().append(&gate()).unwrap();
    let text = ground.text();
    ground.write(text.replacen("group", "grouq", 1));
    assert!(matches!(ground.ledger().verify(), Err(LedgerError::Broken { line: 3, .. })));
    ground.write(&text);
    assert!(matches!(ground.ledger().append(&carried()), Err(LedgerError::Broken { line: 3, .. })));
    assert_eq!(ground.text(), text);
}

#[test]
fn an_edit_of_the_last_line_is_seen_by_the_next_append() {
    let ground = Ground::new();
    ground.ledger().append(&gate()).unwrap();
    let text = ground.text();
    ground.write(text.replace("group", "grouq"));
    assert!(matches!(ground.ledger().append(&carried()), Err(LedgerError::Broken { line: 2, .. })));
    ground.write(text.clone() + "{}\n");
    assert!(matches!(ground.ledger().append(&carried()), Err(LedgerError::Broken { line: 3, .. })));
}

#[test]
fn somebody_elses_ledger_is_not_continued() {
    let ground = Ground::new();
    ground.ledger().append(&gate()).unwrap();
    for change in
        [|m: &mut Machine| m.owner.user = "eve".into(), |m: &mut Machine| m.owner.machine = Digest::of(b"other")]
    {
        let mut ledger = ground.ledger();
        change(&mut ledger.machine);
        assert!(matches!(ledger.append(&carried()), Err(LedgerError::Broken { line: 1, .. })));
        assert!(matches!(ledger.verify(), Err(LedgerError::Broken { line: 1, .. })));
    }
    let mut renamed = ground.ledger();
    renamed.machine.host = "another-name".into();
    renamed.append(&carried()).unwrap();
}

#[test]
fn a_folder_or_file_that_others_could_change_is_refused() {
    for name in ["", SEGMENT, "head.json", "lock"] {
        let ground = Ground::new();
        ground.ledger().append(&gate()).unwrap();
        let mode = fs::metadata(ground.file(name)).unwrap().permissions().mode();
        fs::set_permissions(ground.file(name), fs::Permissions::from_mode(mode | 0o020)).unwrap();
        assert!(matches!(ground.ledger().append(&carried()), Err(LedgerError::Untrusted { .. })), "{name}");
    }
    let ground = Ground::new();
    ground.ledger().append(&gate()).unwrap();
    fs::rename(ground.file(SEGMENT), ground.file("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", ground.file(SEGMENT)).unwrap();
    assert!(ground.ledger().append(&carried()).is_err());
}

#[test]
fn a_pipe_in_the_place_of_a_file_makes_nobody_wait() {
    for name in [SEGMENT, "head.json", "lock"] {
        let ground = Ground::new();
        ground.ledger().append(&gate()).unwrap();
        fs::remove_file(ground.file(name)).unwrap();
        let made = std::process::Command::new("mkfifo").arg(ground.file(name)).status().unwrap();
        assert!(made.success());
        assert!(ground.ledger().append(&carried()).is_err(), "{name}");
        assert!(
            name == "lock"
                || Reader::of_copy(&ground.file("")).unwrap().verify(Asked::default(), |_| false, |_, _| ()).is_err(),
            "{name}"
        );
    }
}

#[test]
fn a_lock_that_is_never_given_back_ends_the_wait() {
    let ground = Ground::new();
    ground.ledger().append(&gate()).unwrap();
    let held = fs::File::open(ground.file("lock")).unwrap();
    held.lock().unwrap();
    assert!(matches!(ground.ledger().append(&carried()), Err(LedgerError::Busy(_))));
}

#[test]
fn threads_that_append_at_once_make_one_chain() {
    let ground = Ground::new();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let ledger = ground.ledger();
                for _ in 0..10 {
                    ledger.append(&carried()).unwrap();
                }
            });
        }
    });
    assert_eq!(ground.events().len(), 81);
    ground.ledger().verify().unwrap();
}

#[test]
fn a_content_is_kept_once_under_its_hash() {
    let ground = Ground::new();
    let ledger = ground.ledger();
    let digest = ledger.keep(b"a large content").unwrap();
    assert_eq!(ledger.keep(b"a large content").unwrap(), digest);
    let kept: Vec<_> = fs::read_dir(ground.file("blobs")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(kept, [ground.file("blobs").join(digest.to_string())]);
    assert_eq!(fs::read(&kept[0]).unwrap(), b"a large content");
    assert_eq!(fs::metadata(&kept[0]).unwrap().permissions().mode() & 0o7777, 0o600);
}

#[test]
fn a_content_is_not_kept_where_something_else_lies() {
    let ground = Ground::new();
    let ledger = ground.ledger();
    let content = b"a large content";
    let place = ground.file("blobs").join(ledger.keep(content).unwrap().to_string());
    for other in [&b"a large contend"[..], b"a large conten", b"a large content ", b""] {
        fs::write(&place, other).unwrap();
        assert!(matches!(ground.ledger().keep(content), Err(LedgerError::Spoilt(path)) if path == place));
        assert_eq!(fs::read(&place).unwrap(), other);
    }
    fs::remove_file(&place).unwrap();
    std::os::unix::fs::symlink("elsewhere", &place).unwrap();
    fs::write(ground.file("blobs").join("elsewhere"), content).unwrap();
    assert!(matches!(ledger.keep(content), Err(LedgerError::File { .. })), "a link");
    fs::remove_file(&place).unwrap();
    ledger.keep(content).unwrap();
    assert_eq!(fs::read(&place).unwrap(), content);
}

#[test]
fn a_broken_ledger_is_closed_as_it_is_and_the_new_one_refers_to_it() {
    let ground = Ground::new();
    let reason = Reason::parse("the disk of the laptop was replaced").unwrap();
    ground.ledger().append(&gate()).unwrap();
    ground.ledger().append(&gate()).unwrap();
    assert_eq!(ground.ledger().acknowledge(&reason, None).unwrap(), None, "nothing is wrong with it");
    let text = ground.text().replacen("group", "grouq", 1);
    ground.write(&text);
    assert!(ground.ledger().verify().is_err());

    let closed = ground.ledger().acknowledge(&reason, None).unwrap().unwrap();
    assert_eq!(fs::read_to_string(closed.join(SEGMENT)).unwrap(), text);
    assert_eq!(fs::metadata(closed.join(SEGMENT)).unwrap().permissions().mode() & 0o7777, 0o400);
    assert_eq!(fs::metadata(&closed).unwrap().permissions().mode() & 0o7777, 0o500);
    let lines: Vec<String> = text.lines().map(|line| format!("{line}\n")).collect();
    let origin = Entry::parse(lines[0].as_bytes()).unwrap().opened().unwrap().origin;
    let id = origin.rsplit('/').next().unwrap();
    assert_eq!(closed.file_name().unwrap().to_str().unwrap(), format!("ledger-{id}-closed"));
    // The edited line still parses and chains; only the one after it does not.
    let previous = format!(
        "\"previous\":{{\"origin\":\"{origin}\",\"size\":2,\"hash\":\"{}\",\"bad_sha256\":\"{}\",\"reason\":\"{reason}\"}}",
        Digest::of(lines[1].as_bytes()),
        Digest::of(lines[2].as_bytes()),
    );
    assert!(ground.text().contains(&previous), "{}", ground.text());

    ground.ledger().append(&gate()).unwrap();
    assert_eq!(ground.events(), ["ledger.open", "elevate.refused"]);
    ground.ledger().verify().unwrap();
    let reading = Reader::of_copy(&closed).unwrap().verify(Asked::default(), |_| false, |_, _| ()).unwrap();
    assert_eq!(reading.reading.walked.judgement.integrity, Integrity::Broken);
}

#[test]
fn an_acknowledgement_that_was_interrupted_is_finished_by_the_next_process() {
    let ground = Ground::new();
    ground.ledger().append(&gate()).unwrap();
    fs::rename(ground.file(""), ground.folder.path().join("state/ledger.next")).unwrap();
    ground.ledger().append(&carried()).unwrap();
    assert_eq!(ground.events(), ["ledger.open", "elevate.refused", "run.start"]);
}

#[test]
fn a_rolled_back_or_foreign_ledger_is_closed_too() {
    let reason = Reason::parse("restored from yesterday's backup").unwrap();
    let ground = Ground::new();
    ground.ledger().append(&gate()).unwrap();
    let first = ground.text().lines().next().unwrap().to_owned() + "\n";
    ground.write(&first);
    ground.ledger().acknowledge(&reason, None).unwrap().unwrap();
    assert!(ground.text().contains(&format!(
        "\"hash\":\"{}\",\"bad_sha256\":\"{}\"",
        Digest::of(first.as_bytes()),
        Digest::of(b"")
    )));

    let mut other = ground.ledger();
    other.machine.owner.machine = Digest::of(b"other");
    other.acknowledge(&reason, None).unwrap().unwrap();
    other.append(&gate()).unwrap();
}

#[test]
fn a_reader_sees_what_verifies_and_what_is_appended_later() {
    let ground = Ground::new();
    let reader = Reader::of_own(&ground.file("")).unwrap();
    assert_eq!(reader.read(|_, _| ()).unwrap().segments, 0);
    assert!(!ground.file("").exists(), "reading makes nothing");
    ground.ledger().append(&gate()).unwrap();
    let mut seen = Vec::new();
    let reading = reader.read(|_, entry| seen.push(entry.seq)).unwrap();
    assert_eq!((reading.segments, reading.walked.judgement.integrity), (1, Integrity::Verified));
    ground.ledger().append(&carried()).unwrap();
    let walked = reader.read_on(reading.walked, |_, entry| seen.push(entry.seq)).unwrap();
    let walked = reader.read_on(walked, |_, entry| seen.push(entry.seq)).unwrap();
    assert_eq!(seen, [0, 1, 2]);
    ground.write("");
    let Judgement { integrity, first_bad } = reader.read_on(walked, |_, _| ()).unwrap().judgement;
    assert_eq!((integrity, first_bad.unwrap().line), (Integrity::RolledBack, 4));
}
