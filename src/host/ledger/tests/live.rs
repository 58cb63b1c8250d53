//! A process that appends for long: it goes on from the end that it left, and sees what others did to it meanwhile.

use super::*;

/// How long a live session waits for the lock.
const SOON: Duration = Duration::from_millis(20);

/// A ledger that this process has appended to twice, and so goes on from what it left.
fn begun(ground: &Ground) -> HostLedger {
    let ledger = ground.ledger();
    ledger.append(&gate()).unwrap();
    ledger.append(&gate()).unwrap();
    assert!(left(&ledger));
    ledger
}

/// Whether the ledger has an end to go on from.
fn left(ledger: &HostLedger) -> bool {
    ledger.done.lock().unwrap().left.is_some()
}

#[test]
fn what_others_append_meanwhile_is_gone_on_from() {
    let ground = Ground::new();
    let (one, two) = (begun(&ground), begun(&ground));
    for _ in 0..3 {
        one.append(&carried()).unwrap();
        one.append(&gate()).unwrap();
        two.append(&carried()).unwrap();
    }
    assert_eq!(ground.events().len(), 1 + 4 + 9);
    ground.ledger().verify().unwrap();
}

#[test]
fn what_others_changed_meanwhile_is_seen() {
    type Change = fn(&Ground);
    let changes: [(Change, &str); 9] = [
        (|ground| ground.write(ground.text().replace("group", "grouq")), "broken at log-0000000000000000.jsonl line 3"),
        (|ground| ground.write(ground.text() + "{}\n"), "broken at log-0000000000000000.jsonl line 4"),
        (|ground| ground.write(ground.text().lines().next().unwrap()), "rolled back"),
        (|ground| ground.write(""), "rolled back"),
        (|ground| fs::remove_file(ground.file(SEGMENT)).unwrap(), "rolled back"),
        (|ground| fs::write(ground.file("verdict.json"), "{}").unwrap(), "broken at verdict.json"),
        (|ground| open_to_others(&ground.file("")), "can be changed by others"),
        (|ground| open_to_others(&ground.file(SEGMENT)), "can be changed by others"),
        (|ground| open_to_others(&ground.file("head.json")), "can be changed by others"),
    ];
    for (change, reason) in changes {
        let ground = Ground::new();
        let ledger = begun(&ground);
        change(&ground);
        let text = fs::read(ground.file(SEGMENT)).unwrap_or_default();
        let error = ledger.append(&gate()).expect_err(reason).to_string();
        assert!(error.contains(reason), "{reason}: {error}");
        assert_eq!(fs::read(ground.file(SEGMENT)).unwrap_or_default(), text, "{reason}: nothing is appended");
    }
}

fn open_to_others(path: &Path) {
    let mode = fs::metadata(path).unwrap().permissions().mode();
    fs::set_permissions(path, fs::Permissions::from_mode(mode | 0o020)).unwrap();
}

#[test]
fn files_that_others_replaced_meanwhile_are_opened_anew() {
    for name in [SEGMENT, "head.json", "lock"] {
        let ground = Ground::new();
        let ledger = begun(&ground);
        fs::copy(ground.file(name), ground.file("copy")).unwrap();
        fs::rename(ground.file("copy"), ground.file(name)).unwrap();
        ledger.append(&gate()).unwrap();
        assert_eq!(ground.events().len(), 4, "{name}");
        assert_eq!(ground.head().synced_seq, 3, "{name}");
    }
    let ground = Ground::new();
    let ledger = begun(&ground);
    fs::remove_file(ground.file("head.json")).unwrap();
    ledger.append(&gate()).unwrap();
    assert_eq!(ground.events()[3..], ["ledger.recover", "elevate.refused"]);
}

#[test]
fn a_ledger_that_somebody_acknowledged_meanwhile_is_left_as_it_was_closed() {
    let ground = Ground::new();
    let ledger = begun(&ground);
    ground.write(ground.text().replacen("group", "grouq", 1));
    let reason = Reason::parse("somebody has edited it").unwrap();
    let closed = ground.ledger().acknowledge(&reason, None).unwrap().unwrap();
    let text = fs::read_to_string(closed.join(SEGMENT)).unwrap();
    assert!(matches!(ledger.append(&gate()), Err(LedgerError::RolledBack { .. })), "its own entries are not there");
    assert_eq!(fs::read_to_string(closed.join(SEGMENT)).unwrap(), text);
    assert_eq!(ground.events(), ["ledger.open"]);
}

#[test]
fn a_copy_of_the_process_does_not_share_its_lock() {
    let ground = Ground::new();
    let ledger = begun(&ground);
    ledger.done.lock().unwrap().left.as_mut().unwrap().pretend_to_be_a_copy();
    ledger.append(&gate()).unwrap();
    ground.ledger().verify().unwrap();
}

#[test]
fn many_entries_are_appended_at_once_or_none() {
    let ground = Ground::new();
    let ledger = begun(&ground);
    ledger.append_all(&vec![carried(); 100], SOON).unwrap();
    let head = ground.head();
    assert_eq!((head.seq, head.synced_seq), (102, 2));
    let text = ground.text();
    let event = Event::RunStart { command: "x".repeat(70_000), args: vec![] };
    let long = Record { who: None, session: None, event };
    assert!(matches!(ledger.append_all(&[carried(), long], SOON), Err(LedgerError::TooLong(_))));
    assert_eq!(ground.text(), text);
    ledger.append_all(&[carried(), gate()], SOON).unwrap();
    assert_eq!((ground.head().seq, ground.head().synced_seq), (104, 104));
    ground.ledger().verify().unwrap();
}

#[test]
fn what_waits_for_a_sync_is_synced_when_asked_and_before_it_is_too_much() {
    let ground = Ground::new();
    let ledger = ground.ledger();
    ledger.append_all(&[carried()], SOON).unwrap();
    assert_eq!((ground.head().seq, ground.head().synced_seq), (1, 0));
    ledger.sync(SOON).unwrap();
    let head = ground.head();
    assert_eq!((head.seq, head.synced_seq, head.synced_bytes), (1, 1, head.bytes));
    ledger.sync(SOON).unwrap();
    assert_eq!(ground.head(), head);
    while ground.head().bytes < head.bytes + 64 * 1024 {
        assert_eq!(ground.head().synced_seq, 1);
        ledger.append_all(&[carried()], SOON).unwrap();
    }
    let head = ground.head();
    assert_eq!((head.synced_seq, head.synced_bytes), (head.seq, head.bytes));
    ground.ledger().sync(SOON).unwrap();
    ledger.append_all(&[carried()], SOON).unwrap();
    ground.ledger().sync(SOON).unwrap();
    assert_eq!(ground.head().synced_seq, head.seq + 1, "another process can do it too");
}

#[test]
fn a_live_session_hardly_waits_for_the_lock() {
    let ground = Ground::new();
    let ledger = begun(&ground);
    let held = fs::File::open(ground.file("lock")).unwrap();
    held.lock().unwrap();
    let began = std::time::Instant::now();
    assert!(matches!(ledger.append_all(&[carried()], SOON), Err(LedgerError::Busy(_))));
    assert!(matches!(ledger.sync(SOON), Err(LedgerError::Busy(_))));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    drop(held);
    ledger.append_all(&[carried()], SOON).unwrap();
    assert_eq!(ground.events().len(), 4);
}
