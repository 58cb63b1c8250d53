//! What others wrote for transparency logs reads what glass writes: its checkpoints, its tiles, and its proofs.

use std::fs;
use std::time::Duration;

use base64ct::{Base64, Encoding};
use glass::host::ledger::HostLedger;
use glass::model::event::Event;
use glass::world::ledger::{Ledger, Record};
use serde_json::Value;

use super::signed::key;
use super::{REFUSED, home, ledger, text};
use crate::support::{Home, Outcome, python};

/// A ledger of more entries than a tile holds.
fn long() -> Home {
    let home = home();
    home.glass(&REFUSED).exits(3);
    let entry = Record { who: None, session: None, event: Event::RunEnd { code: 0, ms: 1 } };
    let writer = HostLedger::new(ledger(&home), None).unwrap();
    writer.append_all(&vec![entry; 600], Duration::from_secs(60)).unwrap();
    home
}

/// Calls the verifier of others; its answer is on one line.
fn others(home: &Home, words: &[&str]) -> Outcome {
    Outcome::of(home.command(python("aics-tlog")).args(words), "")
}

#[test]
fn others_take_checkpoints_tiles_and_the_growth_between_two_of_them() {
    let home = long();
    let old = home.glass(&["audit", "checkpoint"]).exits(0).stdout;
    let old = home.write("old", &old).display().to_string();
    home.glass(&REFUSED).exits(3);
    let note = home.glass(&["audit", "checkpoint"]).exits(0).stdout;
    let (origin, note) = (note.lines().next().unwrap().to_owned(), home.write("note", &note).display().to_string());
    let (key, tiles) = (key(&home), home.path("log").display().to_string());
    home.glass(&["audit", "export", "--format", "tiles", "--to", &tiles]).exits(0);
    let all = ["--tiles", &tiles, "--log-key", &key, "--origin", &origin];
    let told = others(&home, &[&["verify-checkpoint"], &all[..]].concat()).exits(0).json();
    assert_eq!((&told["log_ok"], &told["tiles_ok"]), (&true.into(), &true.into()), "{told}");
    let grown = ["verify-consistency", "--old-checkpoint", &old, "--checkpoint", &note];
    let told = others(&home, &[&grown[..], &all].concat()).exits(0).json();
    assert!(told["old_size"].as_u64() < told["new_size"].as_u64(), "{told}");
    // Not by another key, and not when a hash is another.
    let other = key_of_another();
    others(&home, &["verify-checkpoint", "--tiles", &tiles, "--log-key", &other, "--origin", &origin]).exits(1);
    let at_the_end = told["new_size"].as_u64().unwrap() - 512;
    let tile = home.path(format!("log/tile/0/002.p/{at_the_end}"));
    let mut bytes = fs::read(&tile).unwrap();
    bytes[7] ^= 1;
    fs::write(&tile, bytes).unwrap();
    let told = others(&home, &[&["verify-checkpoint"], &all[..]].concat()).exits(1).json();
    assert_eq!(told["log_ok"], true, "{told}");
}

fn key_of_another() -> String {
    let home = home();
    home.glass(&["audit", "checkpoint"]).exits(0);
    key(&home)
}

/// A proof says of an entry what its hashes say to others, and of no other entry.
#[test]
fn others_come_to_the_signed_root_by_the_hashes_of_a_proof() {
    let home = long();
    home.glass(&["audit", "checkpoint"]).exits(0);
    let tiles = home.path("log").display().to_string();
    home.glass(&["audit", "export", "--format", "tiles", "--to", &tiles]).exits(0);
    let (key, lines) = (key(&home), text(&home));
    for seq in [0, 2, 255, 256, 600] {
        let proof = home.glass(&["audit", "prove", &seq.to_string()]).exits(0).stdout;
        let (head, note) = proof.split_once("\n\n").unwrap();
        let mut head = head.lines();
        assert_eq!(head.next(), Some("c2sp.org/tlog-proof@v1"));
        let entry = Base64::decode_vec(head.next().unwrap().strip_prefix("extra ").unwrap()).unwrap();
        assert_eq!(std::str::from_utf8(&entry).ok(), lines.split_inclusive('\n').nth(seq));
        assert_eq!(head.next(), Some(format!("index {seq}").as_str()));
        let entry = home.write("entry", std::str::from_utf8(&entry).unwrap()).display().to_string();
        let hashes: String = head.map(|hash| format!("{hash}\n")).collect();
        let hashes = home.write("hashes", &hashes).display().to_string();
        let (size, root) = (note.lines().nth(1).unwrap(), note.lines().nth(2).unwrap());
        let note = home.write("note", note).display().to_string();
        let by = |index: usize| {
            let index = index.to_string();
            let words = ["verify-inclusion", "--leaf", &entry, "--index", &index];
            let by_hashes =
                others(&home, &[&words[..], &["--size", size, "--root", root, "--proof", &hashes]].concat());
            let signed = ["--tiles", &tiles, "--checkpoint", &note, "--log-key", &key];
            [by_hashes, others(&home, &[&words[..], &signed].concat())]
        };
        for told in by(seq) {
            assert_eq!(told.exits(0).json()["ok"], Value::Bool(true));
        }
        for told in by(seq + 1) {
            told.exits(1);
        }
    }
}
