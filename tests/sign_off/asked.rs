//! Requests that `glass assume` makes by itself: one command, from the wish to the session.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::Stdio;

use glass::model::sign_off::approval::{Answer, Approval};
use glass::model::sign_off::gather::gather;
use glass::model::sign_off::papers::Paper;
use glass::model::sign_off::sheet::Sheet;

use super::{carol_says, practice_with};
use crate::support::{DEADLINE, Kind, Practice, SoftKey, WORDS, ends_within, seen_by_a_camera};

/// A practice in which nobody has asked for anything yet.
struct Night {
    practice: Practice,
    carol: SoftKey,
}

impl Night {
    fn new() -> Night {
        let carol = SoftKey::new(Kind::Ed25519);
        let practice = practice_with(&carol);
        practice.home.glass(&["list"]).exits(0);
        Night { practice, carol }
    }

    /// What carol says, where the requests of this machine lie.
    fn answer(&self, sheet: &Sheet, answer: Answer, remark: &str) -> Approval {
        let approval = carol_says(&self.carol, sheet, answer, remark);
        let place = PathBuf::from(self.practice.file("state/glass")).join(Paper::Approval(&approval).name(sheet));
        let unfinished = place.with_extension("unfinished");
        fs::write(&unfinished, approval.stored()).unwrap();
        fs::rename(unfinished, place).unwrap();
        approval
    }

    /// How many requests were made, elevations begun and refused.
    fn counts(&self) -> [usize; 3] {
        ["request.made", "elevate.intent", "elevate.refused"].map(|event| self.practice.told(event).len())
    }
}

/// The request in what was said.
#[track_caller]
fn sheet_in(text: &str) -> Sheet {
    let gathered = gather(text.as_bytes()).unwrap();
    let [sheet] = gathered.sheets.as_slice() else { panic!("{text}") };
    sheet.clone()
}

#[test]
fn one_command_asks_for_the_words_and_the_approval_and_then_for_the_code() {
    let Night { practice, carol } = Night::new();
    let night = Night { practice: practice.asking(), carol };
    let mut terminal =
        night.practice.home.terminal(env!("CARGO_BIN_EXE_glass"), &["assume", "prod-db-emergency", "--", "true"]);
    terminal.expect("Incident: ");
    terminal.send(&format!("{}\r", WORDS[1]));
    terminal.expect("Reason: ");
    terminal.send(&format!("{}\r", WORDS[3]));
    let block = terminal.expect("needs an approval; ");
    terminal.expect("30 min left");
    let told = terminal.expect("what they send back can be pasted here");
    terminal.expect("1 more: ring carol (+44 20 7946 0000)");
    let sheet = sheet_in(&block);
    assert!(told.contains(&format!("glass approve {}", sheet.asked().id)), "{told}");
    assert_eq!(sheet.asked().incident.as_str(), WORDS[1]);
    let approval = night.answer(&sheet, Answer::Approve, "");
    terminal.expect("carol has signed");
    terminal.expect("MFA code of");
    terminal.send(&format!("{}\r", night.practice.code()));
    assert_eq!(terminal.wait().0, 0);
    let events: Vec<String> =
        night.practice.entries().iter().map(|entry| entry["ev"].as_str().unwrap().to_owned()).collect();
    let at = |event: &str| events.iter().position(|one| one == event).unwrap();
    assert!(at("ledger.checkpoint") < at("request.made") && at("request.made") < at("elevate.intent"), "{events:?}");
    let intent = &night.practice.told("elevate.intent")[0];
    assert_eq!(intent["request"], sheet.asked().id.as_str());
    assert_eq!(intent["approvals"], serde_json::json!([approval.digest().to_string()]));
    assert_eq!(night.counts(), [1, 1, 0]);
    night.practice.home.glass(&["audit", "verify"]).exits(0);
}

#[test]
fn a_camera_reads_the_request_that_is_waited_for() {
    let night = Night::new();
    let mut terminal = night.practice.assume_on_terminal(&["--qr", "--", "true"]);
    let shown = terminal.expect("-----BEGIN GLASS REQUEST-----");
    let rest = terminal.expect("1 more: ring carol");
    terminal.send("\x03");
    terminal.expect("is left open");
    assert_eq!(terminal.wait().0, 130);
    let seen = seen_by_a_camera(&night.practice.home, &shown, Some(("\x1b[38;5;16;48;5;231m", "\x1b[0m")));
    assert_eq!(sheet_in(&seen), sheet_in(&format!("-----BEGIN GLASS REQUEST-----{rest}")));
}

#[test]
fn without_a_terminal_it_asks_and_waits_when_it_is_told_to() {
    let night = Night::new();
    let refused = night.practice.assume(&["--", "true"]).exits(3);
    let hint = "hint: `glass request prod-db-emergency` asks for approval, `glass assume prod-db-emergency --wait` asks \
                and waits\n";
    assert!(refused.stderr.ends_with(hint), "{}", refused.stderr);
    assert_eq!(night.counts(), [0, 0, 1]);
    let mut command = night.practice.home.command(env!("CARGO_BIN_EXE_glass"));
    let command = command.args(night.practice.words(&["--wait", "--", "true"])).stdin(Stdio::null());
    let mut waiting = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(waiting.stderr.take().unwrap());
    let mut text = String::new();
    while !text.contains("1 more: ring carol") {
        assert_ne!(said.read_line(&mut text).unwrap(), 0, "{text}");
    }
    assert!(text.contains("whoever ends it leaves the request open"), "{text}");
    night.answer(&sheet_in(&text), Answer::Approve, "");
    said.read_to_string(&mut text).unwrap();
    assert!(ends_within(&waiting, DEADLINE), "{text}");
    assert!(waiting.wait().unwrap().success(), "{text}");
    assert_eq!(night.counts(), [1, 1, 1]);
}

#[test]
fn a_no_ends_the_wait_with_who_said_it_and_why() {
    let night = Night::new();
    let mut terminal = night.practice.assume_on_terminal(&["--", "true"]);
    let before = terminal.expect("1 more: ring carol");
    night.answer(&sheet_in(&before), Answer::Deny, "the database is well");
    terminal.expect("prod-db-emergency is refused");
    terminal.expect("carol said no: the database is well");
    assert_eq!(terminal.wait().0, 3);
    assert_eq!(night.practice.told("elevate.refused")[0]["rules"], serde_json::json!(["denied", "approvals"]));
}

#[test]
fn who_gives_up_leaves_a_request_and_the_next_command_makes_no_other() {
    let night = Night::new();
    for _ in 0..2 {
        let mut terminal = night.practice.assume_on_terminal(&["--", "true"]);
        terminal.expect("1 more: ring carol");
        terminal.send("\x03");
        terminal.expect("is left open");
        assert_eq!(terminal.wait().0, 130);
        assert_eq!(night.counts(), [1, 0, 0]);
    }
    let id = night.practice.told("request.made")[0]["request"].as_str().unwrap().to_owned();
    let mut terminal = night.practice.assume_on_terminal(&["--no-wait", "--", "true"]);
    terminal.expect(&format!("`glass assume prod-db-emergency --request {id} --wait` waits for it"));
    assert_eq!(terminal.wait().0, 3);
    assert_eq!(night.practice.told("elevate.refused")[0]["request"], id.as_str());
}

#[test]
fn what_would_be_refused_anyway_is_neither_asked_for_nor_waited_for() {
    let night = Night::new();
    let mut terminal = night.practice.assume_on_terminal(&["--duration", "2h", "--", "true"]);
    terminal.expect("2h is over its maximum");
    assert_eq!(terminal.wait().0, 3);
    let mut terminal = night.practice.assume_on_terminal(&["--", "no-such-program"]);
    terminal.expect("no-such-program is not found");
    assert_eq!(terminal.wait().0, 127);
    let mut terminal = night.practice.assume_on_terminal(&["--no-wait", "--", "true"]);
    terminal.expect("`glass request prod-db-emergency` asks for approval");
    assert_eq!(terminal.wait().0, 3);
    assert_eq!(night.counts(), [0, 0, 2]);
    let id = night.practice.home.glass(&[&["request", "prod-db-emergency", "--json"], &WORDS[..]].concat()).exits(0);
    let id = id.json()["id"].as_str().unwrap().to_owned();
    let words = ["assume", "prod-db-emergency", "--request", &id, "--duration", "20m", "--", "true"];
    let mut terminal = night.practice.home.terminal(env!("CARGO_BIN_EXE_glass"), &words);
    let said = terminal.expect(&format!("--duration is `20m`, and the request {id} is for `15m`"));
    assert!(!said.contains("BEGIN GLASS REQUEST"), "{said}");
    assert_eq!(terminal.wait().0, 3);
}
