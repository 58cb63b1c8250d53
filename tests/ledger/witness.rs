//! The ledger's checkpoints are cosigned by a witness, which tells whoever cuts or rewrites what it has seen.

use std::fs;
use std::time::Duration;

use glass::host::web::{self, Limit, Post};
use glass::model::note::Note;
use glass::model::note::key::WitnessKey;
use glass::model::web_address::WebAddress;
use serde_json::{Value, json};

use super::interrupted::{Scene, told_or_killed};
use super::ship::{copy_folder, count, last, ship};
use super::signed::key;
use super::{REFUSED, SEGMENT, home, ledger};
use crate::support::{Home, Outcome, Practice, Witness, nobody};

/// A home with an entry and a checkpoint of it in its ledger, and a witness that knows that.
fn witnessed() -> (Home, Witness) {
    let home = home();
    home.glass(&REFUSED).exits(3);
    // Nothing is sent by itself so soon after an attempt.
    home.write(".local/state/glass/ledger/tried", "");
    home.glass(&["audit", "checkpoint"]).exits(0);
    let witness = Witness::start(&home, &[key(&home)]);
    shipping_to(&home, &[&witness.address], &witness.key);
    (home, witness)
}

fn shipping_to(home: &Home, places: &[&str], key: &str) {
    let catalogue = home.read(".config/glass/profiles.toml");
    let (before, _) = catalogue.split_once("[ledger]").unwrap_or((&catalogue, ""));
    home.write(".config/glass/profiles.toml", &format!("{before}{}", section(places, key)));
}

fn section(places: &[&str], key: &str) -> String {
    format!("[ledger]\nship = {places:?}\nwitness_keys = [{key:?}]\n")
}

fn forget(witness: &Witness) {
    let forget = WebAddress::parse(&witness.address).unwrap().below("forget");
    let limit = Limit { bytes: 100, time: Duration::from_secs(30) };
    web::post(&Post { address: &forget, headers: &[], body: b"all" }, limit, None).unwrap();
}

fn grow(home: &Home) {
    home.glass(&REFUSED).exits(3);
    home.glass(&["audit", "checkpoint"]).exits(0);
}

/// The last cosigned note of the ledger, and how many cosignatures of a key it has.
fn cosigned(home: &Home, key: &str) -> (String, usize) {
    let note = last(home, "ledger.anchor")["receipt"]["note"].as_str().unwrap().to_owned();
    let keys = [WitnessKey::parse(key).unwrap()];
    let count = Note::parse(note.as_bytes()).unwrap().cosignatures(&keys).unwrap().len();
    (note, count)
}

#[test]
fn a_checkpoint_is_cosigned_and_the_cosignature_is_in_the_ledger() {
    let (home, witness) = witnessed();
    let origin = last(&home, "ledger.open")["origin"].as_str().unwrap().to_owned();
    for grown in 1..=3 {
        let signed = last(&home, "ledger.checkpoint");
        let name = format!("{origin}/checkpoint/{:016}", signed["size"].as_u64().unwrap());
        assert_eq!(ship(&home).exits(0).stdout, format!("sent  {}/{name}\n", witness.address));
        let anchor = last(&home, "ledger.anchor");
        assert_eq!((&anchor["size"], &anchor["root"]), (&signed["size"], &signed["root"]));
        assert_eq!((&anchor["kind"], &anchor["to"]), (&json!("witness"), &json!(witness.address)));
        assert_eq!((&anchor["segment"], &anchor["recording"]), (&Value::Null, &Value::Null));
        let (note, cosignatures) = cosigned(&home, &witness.key);
        assert!(note.starts_with(signed["note"].as_str().unwrap()), "{note}");
        assert_eq!((cosignatures, count(&home, "ledger.anchor")), (1, grown));
        // It is asked each time, and its word is kept once.
        let again = ship(&home).exits(0);
        assert_eq!((again.stdout.as_str(), again.stderr.as_str()), ("", "glass: nothing is left to send\n"));
        fs::remove_dir_all(ledger(&home).join("sent")).unwrap();
        assert_eq!(ship(&home).exits(0).stdout, "");
        assert_eq!(count(&home, "ledger.anchor"), grown);
        grow(&home);
    }
    // By the witness's key that the catalogue names, the ledger is held against what it has cosigned.
    let found = home.glass(&["audit", "verify", "--json", "--max-age", "1h"]).exits(0).json();
    assert_eq!((&found["completeness"]["state"], &found["anchored"]["kind"]), (&json!("complete"), &json!("witness")));
}

/// T3: whoever has the machine, with every file and key of the ledger, cuts it or writes it anew, and signs that.
#[test]
fn a_ledger_that_was_cut_or_rewritten_and_signed_again_is_told_by_the_witness() {
    let (home, _witness) = witnessed();
    let before = home.path("before");
    copy_folder(&ledger(&home), &before);
    (0..3).for_each(|_| grow(&home));
    ship(&home).exits(0);

    // Cut: the ledger as it was before, with its key, and nothing of what was sent.
    fs::remove_dir_all(ledger(&home)).unwrap();
    copy_folder(&before, &ledger(&home));
    home.glass(&["audit", "checkpoint"]).exits(0);
    home.glass(&["audit", "verify"]).exits(0);
    let told = ship(&home).exits(4);
    assert!(told.stderr.contains("contradicts this ledger") && told.stderr.contains("cut off"), "{}", told.stderr);
    assert_eq!(count(&home, "ledger.anchor"), 0, "a witness that contradicts gives no receipt");

    // Rewritten: from there on another history, longer than the first, and signed with the same key.
    for _ in 0..9 {
        home.glass(&["assume", "prod-db-emergency", "--trigger", "outage", "--incident", "INC-2", "--reason", "x"]);
    }
    home.glass(&["audit", "checkpoint"]).exits(0);
    home.glass(&["audit", "verify"]).exits(0);
    let told = ship(&home).exits(4);
    assert!(told.stderr.contains("this ledger was rewritten"), "{}", told.stderr);
    let told = home.glass(&["audit", "ship", "--json"]).exits(4).json();
    assert_eq!((&told[0]["contradicts"], count(&home, "ledger.anchor")), (&json!(true), 0));
}

#[test]
fn a_witness_that_is_gone_does_not_keep_others_from_the_ledger() {
    let (home, witness) = witnessed();
    let gone = nobody();
    home.write("share/.keep", "");
    shipping_to(&home, &[&gone, "../../share", &witness.address], &witness.key);
    let told = home.glass(&["audit", "ship", "--json"]).exits(1).json();
    let failed = told[0]["failed"].as_str().unwrap();
    assert!(failed.starts_with("the witness gives no answer: "), "{failed}");
    assert_eq!((&told[1]["failed"], &told[2]["failed"]), (&Value::Null, &Value::Null));
    assert_eq!(count(&home, "ledger.anchor"), 2);
    for command in [["status"].as_slice(), &["audit", "verify"]] {
        let told = home.glass(command).exits(0);
        assert!(told.stderr.contains(&format!("{gone} does not have all of the ledger")), "{}", told.stderr);
    }
}

#[test]
fn what_is_not_a_cosignature_of_a_known_key_is_no_receipt() {
    let (home, witness) = witnessed();
    for (manner, expected) in [
        ("wrong-key", "has cosigned with no key that is known"),
        ("wrong-time", "cosignature is wrong"),
        ("another", "cosignature is wrong"),
        ("future", "which is yet to come"),
        ("error", "the witness says no (503): later\\u{1b}[2J"),
    ] {
        shipping_to(&home, &[&format!("{}/{manner}", witness.address)], &witness.key);
        let told = ship(&home).exits(1);
        assert!(told.stderr.contains(expected), "{manner}: {}", told.stderr);
        assert_eq!(count(&home, "ledger.anchor"), 0, "{manner}");
    }
    let others = Witness::start(&home, &[]);
    shipping_to(&home, &[&others.address], &others.key);
    let told = ship(&home).exits(1);
    assert!(
        told.stderr.contains("this log is not known") && told.stderr.contains("glass audit key"),
        "{}",
        told.stderr
    );
}

#[test]
fn a_witness_that_has_forgotten_is_told_and_shown_the_ledger_again() {
    let (home, witness) = witnessed();
    ship(&home).exits(0);
    let known = last(&home, "ledger.anchor")["size"].clone();
    assert_eq!(last(&home, "ledger.anchor")["receipt"]["forgot"], Value::Null);
    forget(&witness);
    grow(&home);
    let told = ship(&home).exits(0);
    assert!(told.stderr.contains("has lost what it had of this ledger"), "{}", told.stderr);
    assert_eq!((cosigned(&home, &witness.key).1, count(&home, "ledger.anchor")), (1, 2));
    assert_eq!(last(&home, "ledger.anchor")["receipt"]["forgot"], json!(known));
    // Also when there is nothing new to cosign, and once.
    forget(&witness);
    ship(&home).exits(0);
    assert!(last(&home, "ledger.anchor")["receipt"]["forgot"].is_u64() && count(&home, "ledger.anchor") == 3);
    assert_eq!(ship(&home).exits(0).stderr, "glass: nothing is left to send\n");
}

/// The proof that a witness wants takes the entries that it has cosigned last.
#[test]
fn a_witness_that_is_behind_segments_that_are_gone_is_told_and_goes_on_when_they_are_back() {
    let (home, witness) = witnessed();
    ship(&home).exits(0);
    grow(&home);
    home.glass(&["audit", "rotate"]).exits(0);
    home.write("share/.keep", "");
    let catalogue = home.read(".config/glass/profiles.toml");
    let (before, _) = catalogue.split_once("[ledger]").unwrap();
    home.write(".config/glass/profiles.toml", &format!("{before}[ledger]\nship = [\"../../share\"]\n"));
    ship(&home).exits(0);
    let (segment, away) = (ledger(&home).join(SEGMENT), home.path("away"));
    fs::rename(&segment, &away).unwrap();
    home.glass(&["audit", "verify"]).exits(0);
    shipping_to(&home, &[&witness.address], &witness.key);
    let told = ship(&home).exits(1);
    assert!(told.stderr.contains("there is no proof that the ledger begins with "), "{}", told.stderr);
    assert!(told.stderr.contains("put the segments back that were deleted"), "{}", told.stderr);
    assert_eq!(count(&home, "ledger.anchor"), 2, "no receipt");
    fs::rename(&away, &segment).unwrap();
    ship(&home).exits(0);
    fs::rename(&segment, &away).unwrap();
    grow(&home);
    ship(&home).exits(0);
}

#[test]
fn where_an_anchor_is_required_a_witness_is_enough_if_it_cosigns_now() {
    let practice = Practice::new();
    practice.home.glass(&["list"]).exits(0);
    practice.home.glass(&["audit", "checkpoint"]).exits(0);
    let witness = Witness::start(&practice.home, &[key(&practice.home)]);
    let shipped = section(&[&format!("{}/", witness.address)], &witness.key);
    let required = format!("{shipped}\n[levels.emergency]\nanchor = \"required\"");
    let practice = practice.edited("profiles.toml", "[levels.emergency]", &required);
    ship(&practice.home).exits(0);
    practice.assume(&["--", "/bin/true"]).exits(0);
    let entries = practice.entries();
    let at = |event: &str| entries.iter().position(|entry| entry["ev"] == event).unwrap();
    let (intent, ok) = (at("elevate.intent"), at("elevate.ok"));
    let anchor = entries[intent..ok].iter().find(|entry| entry["ev"] == "ledger.anchor").unwrap();
    assert!(anchor["d"]["kind"] == "witness" && anchor["d"]["size"].as_u64().unwrap() > intent as u64, "{anchor}");

    forget(&witness);
    let told = practice.assume(&["--", "/bin/true"]).exits(0);
    assert!(told.stderr.contains("has lost what it had of this ledger"), "{}", told.stderr);
    assert!(practice.told("ledger.anchor").iter().any(|anchor| anchor["receipt"]["forgot"].is_u64()));

    let (now, old) = (format!("{}/", witness.address), format!("{}/old-time", witness.address));
    let practice = practice.edited("profiles.toml", &now, &old);
    let told = practice.assume(&["--", "/bin/echo", "elevated"]).exits(4);
    assert!(told.stdout.is_empty() && told.stderr.contains("1970-01-01T00:00:01"), "{told:?}");
    let fail = practice.told("elevate.fail").pop().unwrap();
    assert_eq!((&fail["sent"], &fail["code"]), (&json!("no"), &json!("NotAnchored")));
    assert_eq!(practice.told("elevate.ok").len(), 2);
    practice.home.glass(&["audit", "verify"]).exits(0);
}

/// Whatever fails on the way to a witness is told, there is no receipt for what nobody has seen, and the next run asks again.
#[test]
fn a_fault_at_any_call_of_the_network_on_the_way_to_a_witness_is_told_and_made_up_for() {
    let (begin, _witness) = witnessed();
    let check = |home: &Home, outcome: &Outcome, what: &str| {
        told_or_killed(outcome, what);
        home.glass(&["audit", "verify"]).exits(0);
        assert_eq!(count(home, "ledger.anchor"), usize::from(outcome.code == 0), "{what}");
        ship(home).exits(0);
        assert_eq!(count(home, "ledger.anchor"), 1, "{what}");
        let found = home.glass(&["audit", "verify", "--json", "--max-age", "1h"]).exits(0).json();
        assert_eq!(found["completeness"]["state"], json!("complete"), "{what}: {found}");
    };
    let faults = ["connect:error=EIO", "connect:error=EINTR", "writev:error=EIO", "writev:error=EINTR"].iter();
    let faults = faults.chain(&["writev:retval=0", "recvfrom:error=EIO", "recvfrom:error=EINTR", "recvfrom:retval=0"]);
    let faults: Vec<String> = faults.map(|fault| (*fault).to_owned()).collect();
    let scene = Scene { begin: &begin, prepare: &|_| (), words: &["audit", "ship"], files: &[], check: &check };
    let met = scene.met_by(&faults);
    assert!(met >= faults.len(), "{met}");
}
