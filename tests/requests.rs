//! Asking for a sign-off, in homes of their own that share nothing but a folder, or not even that.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use glass::model::name::{Id, PersonName};
use glass::model::sign_off::approval::{Answer, Approval, NAMESPACE, Statement};
use glass::model::sign_off::gather::gather;
use glass::model::sign_off::papers::{Paper, folder};
use glass::model::sign_off::sheet::Sheet;
use glass::model::time::Timestamp;
use serde_json::{Value, json};

use crate::support::{Home, Kind, Outcome, SoftKey, seen_by_a_camera, until};

const WORDS: [&str; 6] =
    ["request", "prod-iam-major", "--incident", "INC-4711", "--reason", "the account is locked out"];

/// alice asks, bob is asked; each has a home, and they share a folder.
struct Room {
    alice: Home,
    bob: Home,
    bobs_key: SoftKey,
    share: PathBuf,
}

impl Room {
    /// A room with a store, whose requests stand so long.
    fn new(within: &str) -> Room {
        let (alice, bob, bobs_key) = (Home::new(), Home::new(), SoftKey::new(Kind::Ed25519));
        let share = alice.path("share");
        fs::create_dir(&share).unwrap();
        let catalogue =
            include_str!("cases/files/acme.toml").replace("count = 1,", &format!("within = \"{within}\", count = 1,"));
        let bobs = catalogue.lines().find(|line| line.starts_with("keys")).unwrap().to_owned();
        let catalogue =
            catalogue.replace(&bobs, &format!("keys = [\"{}\"]\ncontact = \"+44 20 7946 0000\"", bobs_key.line()));
        let catalogue = format!("{catalogue}\n[approvals]\nstore = \"{}\"\n", share.display());
        for (home, person) in [(&alice, "alice"), (&bob, "bob")] {
            home.write(".config/glass/profiles.toml", &catalogue);
            home.write(".config/glass/identity.toml", &format!("version = 1\nperson = \"{person}\"\n"));
        }
        Room { alice, bob, bobs_key, share }
    }

    /// Makes a request, and reads it as it is pasted.
    fn request(&self) -> Sheet {
        let outcome = self.alice.glass(&WORDS).exits(0);
        assert!(outcome.stderr.contains("they call:  glass approve "), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("  bob  +44 20 7946 0000\n"), "{}", outcome.stderr);
        sheet_in(&outcome.stdout)
    }

    /// What bob says to a request, where both find it.
    fn answer(&self, sheet: &Sheet, answer: Answer) {
        let statement = Statement {
            answer,
            person: PersonName::parse("bob").unwrap(),
            at: sheet.asked().made,
            request: sheet.digest(),
            remark: String::new(),
        };
        let signature = self.bobs_key.approve(NAMESPACE, statement.to_text().unwrap().as_bytes());
        self.put(sheet, Paper::Approval(&Approval::new(&statement, &signature).unwrap()));
    }

    fn put(&self, sheet: &Sheet, paper: Paper<'_>) {
        fs::write(self.share.join(paper.name(sheet)), paper.content(sheet)).unwrap();
    }

    /// The requests as somebody sees them.
    fn listed(home: &Home) -> Value {
        home.glass(&["requests", "--json"]).exits(0).json()
    }

    fn state(&self) -> Value {
        Room::listed(&self.bob)[0]["state"].clone()
    }
}

fn sheet_in(text: &str) -> Sheet {
    let gathered = gather(text.as_bytes()).unwrap();
    let [sheet] = gathered.sheets.as_slice() else { panic!("{text}") };
    sheet.clone()
}

#[test]
fn a_request_is_found_by_those_who_are_asked_and_told_until_it_is_over() {
    let room = Room::new("30m");
    let sheet = room.request();
    let asked = sheet.asked();
    let open = json!([{
        "id": asked.id, "profile": "prod-iam-major", "person": "alice", "state": "open", "signed": [], "needed": 1,
        "expires": asked.expires, "may_sign": ["bob"],
    }]);
    assert_eq!(Room::listed(&room.bob), open);
    assert_eq!(Room::listed(&room.alice), open);
    let table = room.bob.glass(&["requests"]).exits(0).stdout;
    assert!(table.contains("open      prod-iam-major  alice, INC-4711, 30 min left\n"), "{table}");
    assert!(table.contains("0 of 1 signed; may sign: bob\n"), "{table}");
    room.answer(&sheet, Answer::Approve);
    let approved = Room::listed(&room.alice);
    assert_eq!((&approved[0]["state"], &approved[0]["signed"]), (&json!("approved"), &json!(["bob"])));
    room.answer(&sheet, Answer::Deny);
    assert_eq!(room.state(), "denied");
    room.put(&sheet, Paper::Used(&Id::parse("66666666").unwrap()));
    assert_eq!(room.state(), "used");
}

#[test]
fn a_request_is_in_the_ledger_and_holds_what_the_ledger_has_signed() {
    let room = Room::new("30m");
    let sheet = room.request();
    let entries = room.alice.glass(&["audit", "show", "--json"]).exits(0).stdout;
    let entries: Vec<Value> = entries.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |name: &str| entries.iter().find(|entry| entry["ev"] == name).unwrap();
    let (checkpoint, made) = (of("ledger.checkpoint"), of("request.made"));
    assert_eq!(checkpoint["d"]["size"], sheet.asked().ledger.size);
    assert_eq!(checkpoint["d"]["root"], sheet.asked().ledger.root.to_string());
    assert_eq!(made["d"], json!({ "request": sheet.asked().id, "request_sha256": sheet.digest() }));
    assert!(checkpoint["seq"].as_u64() < made["seq"].as_u64());
    room.alice.glass(&["audit", "verify"]).exits(0);
}

#[test]
fn a_request_expires() {
    let room = Room::new("1s");
    room.request();
    until("it expires", || (room.state() == "expired").then_some(()));
    assert_eq!(Room::listed(&room.bob)[0]["may_sign"], json!([]));
}

#[test]
fn what_a_request_asks_of_others_is_told_as_json() {
    let room = Room::new("30m");
    let told = room.alice.glass(&[&WORDS[..], &["--json"]].concat()).exits(0).json();
    let listed = Room::listed(&room.bob);
    assert_eq!(
        told,
        json!({ "id": listed[0]["id"], "expires": listed[0]["expires"], "needed": 1, "from": ["security"] })
    );
}

/// A store is never trusted: what others laid there is passed over, and two requests of one id are none.
#[test]
fn a_store_that_others_spoil_is_not_believed() {
    let room = Room::new("30m");
    let sheet = room.request();
    let folder = room.share.join(folder(sheet.asked().expires));
    fs::write(folder.join("0123abcd.request.0123456789abcdef"), &sheet.line()[..200]).unwrap();
    fs::write(folder.join("\u{1b}[2J.request.0"), "x").unwrap();
    fs::write(folder.join("0123abcd.approval.0"), vec![b'x'; 1 << 20]).unwrap();
    symlink("/dev/zero", folder.join("0123abcd.used.66666666")).unwrap();
    assert_eq!(room.state(), "open");
    let mut other = sheet.asked().clone();
    other.duration += 1;
    let twin = Sheet::write(&other).unwrap();
    room.put(&twin, Paper::Request);
    let outcome = room.bob.glass(&["requests", "--json"]).exits(0);
    assert_eq!(outcome.json(), json!([]));
    for hash in [sheet.digest(), twin.digest()] {
        assert!(outcome.stderr.contains(&hash.to_string()), "{}", outcome.stderr);
    }
}

#[test]
fn without_the_store_a_request_is_made_and_pasted_all_the_same() {
    let room = Room::new("30m");
    fs::remove_dir(&room.share).unwrap();
    let outcome = room.alice.glass(&WORDS).exits(0);
    let warning = format!("glass: warning: {} is left out: cannot open ", room.share.display());
    assert!(outcome.stderr.contains(&warning), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("they call `glass approve -` and paste the block"), "{}", outcome.stderr);
    let sheet = sheet_in(&outcome.stdout);
    // Her own folder has it, and a file where the store should be is no folder.
    fs::write(&room.share, "x").unwrap();
    let listed = room.alice.glass(&["requests", "--json"]).exits(0);
    assert_eq!(listed.json()[0]["id"], sheet.asked().id.as_str());
    assert!(listed.stderr.contains("is no folder"), "{}", listed.stderr);
}

#[test]
fn old_requests_are_listed_when_they_are_asked_for() {
    let room = Room::new("30m");
    let sheet = room.request();
    let mut old = sheet.asked().clone();
    (old.made, old.expires) = (Timestamp::from_seconds(1_700_000_000), Timestamp::from_seconds(1_700_000_900));
    old.id = Id::from_random([1; 5]);
    let old = Sheet::write(&old).unwrap();
    fs::create_dir(room.share.join(folder(old.asked().expires))).unwrap();
    room.put(&old, Paper::Request);
    assert_eq!(Room::listed(&room.bob).as_array().unwrap().len(), 1);
    let all = room.bob.glass(&["requests", "--all", "--json"]).exits(0).json();
    assert_eq!(all[1]["id"], old.asked().id.as_str());
    assert_eq!(all[1]["state"], "expired");
}

#[test]
fn a_camera_reads_the_request_from_the_screen_in_any_colours() {
    let room = Room::new("30m");
    for (when, colours) in [("always", Some(("\x1b[38;5;16;48;5;231m", "\x1b[0m"))), ("never", None)] {
        let outcome = room.alice.glass(&[&WORDS[..], &["--qr", "--color", when]].concat()).exits(0);
        let text = seen_by_a_camera(&room.alice, &outcome.stderr, colours);
        assert!(text.len() < 1250 && !text.contains('\n'), "{text}");
        assert_eq!(sheet_in(&text), sheet_in(&outcome.stdout));
        let looked =
            Outcome::of(room.bob.command(env!("CARGO_BIN_EXE_glass")).args(["deny", "-", "--reason", "no"]), &text);
        assert!(looked.stderr.contains("alice asks for prod-iam-major"), "{}", looked.stderr);
    }
}

#[test]
fn a_terminal_that_is_too_small_for_the_code_is_told() {
    let room = Room::new("30m");
    let words = [&WORDS[..], &["--qr"]].concat();
    let mut terminal = room.alice.terminal(env!("CARGO_BIN_EXE_glass"), &words);
    terminal.expect("lines, and the terminal has 80 and 24: make its letters smaller");
    assert_eq!(terminal.wait().0, 0);
}
