//! `docs/verify.pl`, by which an auditor verifies a ledger without glass.

use std::fs;
use std::path::Path;

use glass::model::chain::genesis;
use glass::model::name::Digest;
use glass::model::tree::{Growing, leaf};
use serde_json::{Value, json};

use super::{REFUSED, by_script, home, ledger, text, vectors};
use crate::support::{Home, Outcome, tool};

/// The vectors on which it does not come to the verdict of glass, and why.
const DIFFERENT: [(&str, &str); 2] = [
    ("broken-key-twice", "it takes the last of two values, as most readers of JSON do"),
    ("signed-broken-key-twice", "the same, where the two say the same"),
];

#[test]
fn the_script_comes_to_the_same_verdict_on_every_vector() {
    let home = Home::new();
    for (name, path, expected) in vectors() {
        let expected = expected["integrity"].as_str().unwrap().replace('-', " ");
        let outcome = by_script(&home, &path);
        let agrees = outcome.stdout.starts_with(&format!("{expected}:"));
        let reason = DIFFERENT.iter().find(|(different, _)| *different == name).map(|(_, reason)| *reason);
        assert_eq!(agrees, reason.is_none(), "{name} is {expected}: {outcome:?}, {reason:?}");
        let bad = agrees && ["broken", "rolled back"].contains(&expected.as_str());
        assert_eq!((outcome.code, outcome.stderr.as_str()), (i32::from(bad), ""), "{name}");
    }
}

#[test]
fn the_script_is_short_enough_to_be_read_by_who_relies_on_it() {
    let script = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verify.pl")).unwrap();
    assert!(script.lines().count() <= 40);
}

#[test]
fn the_script_verifies_signatures_and_by_whose_key_they_are() {
    let (home, other) = (home(), home());
    for home in [&home, &other] {
        home.glass(&REFUSED).exits(3);
        home.glass(&["audit", "checkpoint"]).exits(0);
    }
    let key = |home: &Home| home.glass(&["audit", "key"]).exits(0).stdout.trim_end().to_owned();
    let (ours, theirs) = (key(&home), key(&other));
    let verified = by_script(&home, &ledger(&home)).exits(0).stdout;
    let entries = text(&home).lines().count();
    assert!(verified.starts_with(&format!("verified: {entries} entries")) && verified.contains(&ours), "{verified}");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verify.pl");
    let with = |key: &str| Outcome::of(home.command(tool("perl")).arg(&script).arg(ledger(&home)).arg(key), "");
    with(&ours).exits(0);
    let unsigned = with(&theirs).exits(1).stdout;
    assert!(unsigned.starts_with("verified: ") && !unsigned.contains("signed by"), "{unsigned}");
}

/// The signature alone is another: the root is that of the lines, and what follows chains.
#[test]
fn the_script_finds_a_signature_that_is_not_of_its_note() {
    let home = home();
    home.glass(&REFUSED).exits(3);
    let note = home.glass(&["audit", "checkpoint"]).exits(0).stdout;
    let signature = note.trim_end().rsplit(' ').next().unwrap();
    // The 10th letter from the end is within the signature, and not within its padding.
    let (before, after) = signature.split_at(signature.len() - 10);
    let other = if after.starts_with('A') { 'B' } else { 'A' };
    let all = text(&home);
    let cut = all.find("\"ev\":\"ledger.checkpoint\"").unwrap();
    let end = cut + all[cut..].find('\n').unwrap() + 1;
    let forged = all[..end].replace(signature, &format!("{before}{other}{}", &after[1..]));
    assert_ne!(forged, all[..end]);
    let copy = home.write("copy/log-0000000000000000.jsonl", &forged);
    let found = by_script(&home, copy.parent().unwrap()).exits(1).stdout;
    assert!(found.starts_with("broken: ") && found.contains("a ledger.checkpoint, is not so"), "{found}");
    home.write("copy/log-0000000000000000.jsonl", &all[..end]);
    by_script(&home, copy.parent().unwrap()).exits(0);
}

#[test]
fn the_script_says_how_it_is_called_where_there_is_no_ledger() {
    let home = Home::new();
    for folder in ["", "/nowhere", home.path("run").to_str().unwrap()] {
        let outcome = by_script(&home, Path::new(folder));
        assert!(outcome.code != 0 && outcome.stderr.starts_with("usage: "), "{outcome:?}");
    }
}

/// A ledger of segments, as text, whose entries are made up but for what they say of the ledger.
struct Segments {
    files: Vec<(u64, String)>,
    prev: Digest,
    tree: Growing,
}

impl Segments {
    fn put(&mut self, ev: &str, d: &Value) {
        let (seq, prev) = (self.tree.size(), self.prev);
        let line = format!(
            "{{\"v\":1,\"seq\":{seq},\"prev\":\"{prev}\",\"ts\":\"2026-01-31T02:13:00.000042Z\",\"mono\":\"7\",\"boot\":\"b\",\
             \"host\":\"h\",\"pid\":1,\"uid\":0,\"who\":\"\",\"ev\":\"{ev}\",\"session\":\"\",\"d\":{d}}}\n"
        );
        self.prev = Digest::of(line.as_bytes());
        self.tree.push(leaf(line.as_bytes()));
        self.files.last_mut().unwrap().1 += &line;
    }

    fn rotate(&mut self) {
        let bytes = self.files.last().unwrap().1.len();
        self.put("ledger.rotate", &json!({ "size": self.tree.size(), "root": self.tree.root(), "bytes": bytes }));
        self.files.push((self.tree.size(), String::new()));
    }

    /// 8 entries, an anchor of them, and a last segment of one entry.
    fn new() -> Self {
        let origin = "glass/-/h/u/0123abcd";
        let mut all = Segments { files: vec![(0, String::new())], prev: genesis(origin), tree: Growing::new() };
        all.put("ledger.open", &json!({ "origin": origin, "machine": "0".repeat(64) }));
        (0..6).for_each(|_| all.put("x", &json!({})));
        all.rotate();
        let peaks = [all.tree.root()];
        let state = json!({ "origin": origin, "machine": "0".repeat(64), "size": 8, "hash": all.prev, "peaks": peaks,
            "key": null, "unresolved": [] });
        all.put("ledger.anchor", &json!({ "size": 0, "segment": { "state": state } }));
        all.rotate();
        all.put("x", &json!({}));
        all
    }

    /// The verdict on those from a place on.
    #[track_caller]
    fn verdict(&self, from: usize, code: i32) -> String {
        let home = Home::new();
        for (first, text) in &self.files[from..] {
            home.write(&format!("copy/log-{first:016}.jsonl"), text);
        }
        by_script(&home, &home.path("copy")).exits(code).stdout
    }
}

#[test]
fn the_script_goes_on_from_segment_to_segment_and_without_the_first() {
    let all = Segments::new();
    assert!(all.verdict(0, 0).starts_with("verified: 11 entries, the last"));
    assert!(all.verdict(1, 0).starts_with("verified: 11 entries, known from 8 on, the last"));
    assert!(all.verdict(2, 1).starts_with("broken: "), "no anchor is of what is gone");
    let changed = |place: usize, from: &str, to: &str| {
        let mut files = all.files.clone();
        files[place].1 = files[place].1.replacen(from, to, 1);
        assert_ne!(files, all.files);
        Segments { files, ..Segments::new() }
    };
    assert!(changed(1, "\"root\":\"", "\"root\":\"0").verdict(0, 1).starts_with("broken: entry 9, a ledger.rotate"));
    assert!(changed(0, "\"bytes\":", "\"bytes\":1").verdict(0, 1).starts_with("broken: entry 7, a ledger.rotate"));
    // The second segment's lines at the end of the first: they chain, and it was closed.
    let mut files = all.files.clone();
    let second = files.remove(1).1;
    files[0].1 += &second;
    let joined = Segments { files, ..Segments::new() };
    assert!(joined.verdict(0, 1).starts_with("broken: entry 8"), "{}", joined.verdict(0, 1));
}
