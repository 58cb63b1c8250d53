//! Segments that are closed, wherever that was interrupted, and old ones that are not here any more.

use super::*;
use crate::host::ledger::reader::Verified;
use crate::host::ledger::{Closed, ProveError};
use crate::model::chain::state::State;
use crate::model::chain::walk::segment_name;

/// How long a segment may be in these tests: some entries.
const SHORT: u64 = 3000;

impl Ground {
    /// A ledger whose segments are short.
    pub(super) fn short(&self) -> HostLedger {
        HostLedger { limits: Limits { segment: SHORT, at_once: u64::MAX }, ..self.ledger() }
    }

    /// The numbers of the first entries of the segments.
    pub(super) fn segments(&self) -> Vec<u64> {
        Folder::check(&self.file("")).unwrap().segments().unwrap()
    }

    pub(super) fn segment(&self, place: usize) -> PathBuf {
        self.file(&segment_name(self.segments()[place]))
    }

    /// The events of a segment.
    fn events_of(&self, place: usize) -> Vec<String> {
        let text = fs::read_to_string(self.segment(place)).unwrap();
        text.lines().map(|line| Entry::parse(format!("{line}\n").as_bytes()).unwrap().ev.to_owned()).collect()
    }

    fn mode(&self, place: usize) -> u32 {
        fs::metadata(self.segment(place)).unwrap().permissions().mode() & 0o7777
    }

    fn verified(&self) -> Verified {
        Reader::of_own(&self.file("")).unwrap().verify(Asked::default(), |_| false, |_, _| ()).unwrap()
    }

    #[track_caller]
    fn is_sound(&self) -> Verified {
        let verified = self.verified();
        assert_eq!(verified.reading.walked.judgement.integrity, Integrity::Verified, "{:?}", verified.reading);
        self.ledger().verify().unwrap();
        verified
    }

    /// Appends that a segment was shipped, as its owner's glass would.
    fn say_shipped(&self, state: &State) {
        let last = self.segments().len() - 1;
        let text = fs::read_to_string(self.segment(last)).unwrap();
        let line = text.lines().last().unwrap();
        let entry = Entry::parse(format!("{line}\n").as_bytes()).unwrap().seq + 1;
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        value["seq"] = entry.into();
        value["prev"] = Digest::of(format!("{line}\n").as_bytes()).to_string().into();
        value["ev"] = "ledger.anchor".into();
        let segment = serde_json::json!({ "name": "x", "bytes": 1, "sha256": "x", "state": state });
        value["d"] =
            serde_json::json!({ "size": 1, "root": "x", "kind": "folder", "to": "/mnt/share", "segment": segment });
        fs::write(self.segment(last), format!("{text}{value}\n")).unwrap();
        drop(fs::remove_file(self.file("head.json")));
    }

    /// A ledger of some segments, of which the first so many are shipped and deleted.
    fn shortened(&self, gone: usize) -> Vec<Closed> {
        let ledger = self.short();
        append(&ledger, 40);
        let closed = self.is_sound().closed;
        assert!(closed.len() > gone + 1, "{}", closed.len());
        closed[..gone].iter().for_each(|closed| self.say_shipped(&closed.state));
        drop(ledger);
        closed[..gone].iter().for_each(|closed| fs::remove_file(self.file(&segment_name(closed.first))).unwrap());
        closed
    }
}

fn append(ledger: &HostLedger, count: usize) {
    for _ in 0..count {
        ledger.append(&carried()).unwrap();
    }
}

#[test]
fn a_segment_that_is_long_enough_is_closed_and_the_next_one_begun() {
    let ground = Ground::new();
    let ledger = ground.short();
    let last = (0..60).map(|_| ledger.append(&carried()).unwrap().seq).last().unwrap();
    let segments = ground.segments();
    assert!(segments.len() > 5, "{segments:?}");
    let verified = ground.is_sound();
    assert_eq!(verified.reading.segments, segments.len());
    assert_eq!(verified.closed.len(), segments.len() - 1);
    for (place, closed) in verified.closed.iter().enumerate() {
        assert_eq!(ground.events_of(place).last().unwrap(), "ledger.rotate");
        assert_eq!(ground.events_of(place).iter().filter(|ev| *ev == "ledger.rotate").count(), 1);
        assert_eq!(ground.mode(place), 0o400);
        let text = fs::read_to_string(ground.segment(place)).unwrap();
        let line = text.lines().last().unwrap();
        let rotate: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(rotate["d"]["bytes"].as_u64().unwrap() <= SHORT);
        assert_eq!(rotate["d"]["bytes"], text.len() - line.len() - 1);
        assert_eq!((&rotate["d"]["size"], closed.bytes), (&rotate["seq"], text.len() as u64));
        assert_eq!((closed.first, closed.state.size()), (segments[place], segments[place + 1]));
        assert_eq!(closed.state.hash, Digest::of(format!("{line}\n").as_bytes()));
    }
    assert_eq!(ground.mode(segments.len() - 1), 0o600);
    assert!(verified.signatures.last().is_some_and(|signed| signed.size > last / 2), "rotation is signed");
    assert_eq!(verified.reading.walked.verifier.next(), ground.head().seq + 1);
}

#[test]
fn a_live_session_closes_segments_too_and_one_batch_may_be_longer_than_one() {
    let ground = Ground::new();
    let ledger = ground.short();
    for count in [1, 3, 30, 2, 1] {
        ledger.append_all(&vec![carried(); count], Duration::from_secs(5)).unwrap();
    }
    ledger.sync(Duration::from_secs(5)).unwrap();
    let lengths = (0..ground.segments().len()).map(|place| ground.events_of(place).len());
    assert_eq!(lengths.collect::<Vec<_>>(), [6, 31, 3]);
    assert_eq!(ground.head().synced_seq, 39);
    ground.is_sound();
}

#[test]
fn a_rotation_needs_no_key() {
    let ground = Ground::new();
    let ledger = ground.short();
    ledger.append(&gate()).unwrap();
    fs::write(ground.folder.path().join("state/keys"), "a file in the place of the folder").unwrap();
    append(&ledger, 20);
    assert!(ground.segments().len() > 1);
    assert!(ground.is_sound().signatures.last().is_none());
}

#[test]
fn whoever_does_not_wait_leaves_a_segment_that_would_hold_others_up_to_the_next() {
    let ground = Ground::new();
    ground.ledger().append_all(&vec![carried(); 50], Duration::from_secs(5)).unwrap();
    let limits = Limits { segment: SHORT, at_once: 2 * SHORT };
    let live = HostLedger { limits, ..ground.ledger() };
    live.append_all(&[carried()], Duration::from_secs(5)).unwrap();
    assert_eq!(ground.segments(), [0], "it has more than twice the length to read");
    HostLedger { limits, ..ground.ledger() }.append(&carried()).unwrap();
    assert_eq!(ground.segments(), [0, 54]);
    assert_eq!(ground.events_of(0)[51..], ["run.start", "run.start", "ledger.rotate"]);
    assert_eq!(ground.events_of(1), ["ledger.key", "ledger.checkpoint"]);
    live.append_all(&[carried()], Duration::from_secs(5)).unwrap();
    ground.is_sound();
}

#[test]
fn two_processes_rotate_in_turn() {
    let ground = Ground::new();
    let (one, two) = (ground.short(), ground.short());
    for _ in 0..30 {
        one.append(&gate()).unwrap();
        two.append_all(&[carried(), carried()], Duration::from_secs(5)).unwrap();
    }
    assert!(ground.segments().len() > 5);
    ground.is_sound();
}

/// A rotation is interrupted between any two of its steps; each is as the files then are.
#[test]
fn what_an_interrupted_rotation_left_is_mended() {
    type Left = fn(&Ground, head: &[u8]);
    let without_next: Left = |ground, _| fs::remove_file(ground.segment(1)).unwrap();
    let writable: Left = |ground, _| {
        fs::remove_file(ground.segment(1)).unwrap();
        fs::set_permissions(ground.segment(0), fs::Permissions::from_mode(0o600)).unwrap();
    };
    let unsynced: Left = |ground, before| {
        fs::remove_file(ground.segment(1)).unwrap();
        fs::set_permissions(ground.segment(0), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(ground.file("head.json"), before).unwrap();
    };
    let without_head: Left = |ground, _| fs::remove_file(ground.file("head.json")).unwrap();
    let next_is_torn: Left = |ground, _| fs::write(ground.segment(1), "{\"v\":1,").unwrap();
    let cases: [(&str, Left, &[&str]); 6] = [
        ("the next segment is empty", |_, _| (), &["run.start"]),
        ("the next segment is not there", without_next, &["run.start"]),
        ("the segment is not read-only", writable, &["run.start"]),
        ("the head has not moved", unsynced, &["run.start"]),
        ("the head is gone", without_head, &["ledger.recover", "run.start"]),
        ("the first entry of the next was cut short", next_is_torn, &["ledger.recover", "run.start"]),
    ];
    for (name, leave, begins) in cases {
        for restarted in [false, true] {
            let ground = Ground::new();
            ground.ledger().append(&gate()).unwrap();
            let head = fs::read(ground.file("head.json")).unwrap();
            let rotated = ground.ledger().rotate(None).unwrap();
            assert_eq!((rotated.segment.as_str(), rotated.size, ground.segments()), (SEGMENT, 2, vec![0, 3]));
            leave(&ground, &head);
            let integrity = ground.verified().reading.walked.judgement.integrity;
            let expected = if name.contains("cut short") { Integrity::Torn } else { Integrity::Verified };
            assert_eq!(integrity, expected, "{name}");
            let ledger = if restarted { ground.restarted() } else { ground.ledger() };
            ledger.verify().unwrap();
            ledger.append(&carried()).unwrap();
            assert_eq!((ground.segments(), ground.mode(0)), (vec![0, 3], 0o400), "{name}");
            assert_eq!(ground.events_of(1), begins, "{name}");
            ground.ledger().append(&gate()).unwrap();
            ground.is_sound();
        }
    }
}

#[test]
fn a_rotate_that_says_what_is_not_so_is_found() {
    let ground = Ground::new();
    ground.ledger().append(&gate()).unwrap();
    let before = ground.text();
    ground.ledger().rotate(None).unwrap();
    let text = ground.text();
    for (from, to) in
        [("\"d\":{\"size\":2", "\"d\":{\"size\":1"), ("\"root\":\"", "\"root\":\"0"), ("\"bytes\":", "\"bytes\":1")]
    {
        fs::write(ground.segment(0), before.clone() + &text[before.len()..].replacen(from, to, 1)).unwrap();
        fs::write(ground.file("head.json"), "").unwrap();
        let judgement = ground.verified().reading.walked.judgement;
        assert_eq!((judgement.integrity, judgement.first_bad.unwrap().line), (Integrity::Broken, 3), "{from}");
        fs::remove_file(ground.file("verdict.json")).unwrap();
    }
}

#[test]
fn segments_that_were_shipped_may_be_gone() {
    for gone in 1..4 {
        let ground = Ground::new();
        let closed = ground.shortened(gone);
        let first = closed[gone - 1].state.size();
        let size = ground.is_sound().reading.walked.verifier.next();
        for tree_is_kept in [true, false] {
            if !tree_is_kept {
                fs::remove_file(ground.file("tree")).ok();
            }
            let ledger = ground.short();
            ledger.append(&gate()).unwrap();
            ledger.seal(Asking::Never, None, None).unwrap();
            let proof = ledger.prove(first).unwrap();
            assert_eq!(Entry::parse(&proof.line).unwrap().seq, first);
            assert!(proof.check(&[ledger.known_key().unwrap()]).is_ok());
            let why = ledger.prove(first - 1).expect_err("it is gone");
            assert!(matches!(why, ProveError::NotHere { first: from, .. } if from == first), "{why}");
            let verified = ground.is_sound();
            let before = verified.reading.before.unwrap();
            assert_eq!((before.state, before.to.as_str()), (closed[gone - 1].state.clone(), "/mnt/share"));
            assert!(verified.signatures.last().is_some_and(|signed| signed.size > size));
            assert_eq!(verified.closed[0].first, first, "what follows is closed as ever");
        }
        append(&ground.short(), 40);
        assert!(ground.short().prove(size).is_ok());
        ground.is_sound();
    }
}

#[test]
fn segments_that_are_gone_and_were_not_shipped_are_missed() {
    type Change = fn(&Ground, &[Closed]);
    let changes: [(&str, Change); 5] = [
        ("nothing says so", |ground, closed| {
            fs::remove_file(ground.file(&segment_name(closed[1].first))).unwrap();
        }),
        ("one between others is gone", |ground, closed| {
            fs::remove_file(ground.file(&segment_name(closed[2].first))).unwrap();
        }),
        ("what it says is of another place", |ground, closed| {
            ground.say_shipped(&closed[2].state);
            fs::remove_file(ground.file(&segment_name(closed[1].first))).unwrap();
        }),
        ("it has another hash", |ground, closed| {
            ground.say_shipped(&State { hash: Digest::of(b"x"), ..closed[1].state.clone() });
            fs::remove_file(ground.file(&segment_name(closed[1].first))).unwrap();
        }),
        ("it is another tree", |ground, closed| {
            let mut tree = crate::model::tree::Growing::new();
            (0..closed[1].state.size()).for_each(|_| tree.push(Digest::of(b"x")));
            ground.say_shipped(&State { tree, ..closed[1].state.clone() });
            fs::remove_file(ground.file(&segment_name(closed[1].first))).unwrap();
        }),
    ];
    for (name, change) in changes {
        let ground = Ground::new();
        let closed = ground.shortened(1);
        change(&ground, &closed);
        assert_eq!(ground.verified().reading.walked.judgement.integrity, Integrity::Broken, "{name}");
        ground.ledger().append(&gate()).expect_err(name);
    }
}

#[test]
fn an_anchor_that_says_of_a_segment_what_is_not_so_is_found_while_the_segment_is_here() {
    let ground = Ground::new();
    let ledger = ground.short();
    append(&ledger, 20);
    let state = ground.is_sound().closed[0].state.clone();
    ground.say_shipped(&state);
    ground.is_sound();
    ground.say_shipped(&State { machine: Digest::of(b"x"), ..state });
    let judgement = ground.verified().reading.walked.judgement;
    assert_eq!(judgement.integrity, Integrity::Broken);
    assert!(judgement.first_bad.unwrap().reason.contains("what is not so"));
}

#[test]
fn a_shortened_ledger_of_somebody_else_is_nobody_elses() {
    let ground = Ground::new();
    ground.shortened(2);
    let mut other = ground.ledger();
    other.machine.owner.machine = Digest::of(b"other");
    assert!(other.append(&gate()).unwrap_err().to_string().contains("another machine"));
    fs::remove_file(ground.file("tree")).ok();
    assert!(other.verify().unwrap_err().to_string().contains("another machine"));
    ground.ledger().append(&gate()).unwrap();
}

#[test]
fn a_shortened_ledger_that_is_broken_is_closed_with_its_origin() {
    let ground = Ground::new();
    let closed = ground.shortened(1);
    ground.ledger().append(&gate()).unwrap();
    let last = ground.segments().len() - 1;
    let edited = fs::read_to_string(ground.segment(last)).unwrap().replace("group", "grouq");
    fs::write(ground.segment(last), edited).unwrap();
    let reason = Reason::parse("edited by a test").unwrap();
    ground.ledger().append(&carried()).unwrap_err();
    let path = ground.ledger().acknowledge(&reason, None).unwrap().unwrap();
    let id = closed[0].state.origin.rsplit('/').next().unwrap().to_owned();
    assert!(path.ends_with(format!("ledger-{id}-closed")), "{}", path.display());
    assert!(ground.text().contains(&format!("\"previous\":{{\"origin\":\"{}\"", closed[0].state.origin)));
}

#[test]
fn who_follows_a_ledger_follows_it_into_the_next_segment() {
    let ground = Ground::new();
    let ledger = ground.short();
    ledger.append(&gate()).unwrap();
    let reader = Reader::of_own(&ground.file("")).unwrap();
    let mut seen = Vec::new();
    let mut walked = reader.read(|_, entry| seen.push(entry.seq)).unwrap().walked;
    for _ in 0..20 {
        ledger.append(&carried()).unwrap();
        walked = reader.read_on(walked, |_, entry| seen.push(entry.seq)).unwrap();
    }
    assert!(ground.segments().len() > 2);
    assert_eq!(seen, (0..=ground.head().seq).collect::<Vec<_>>());
}
