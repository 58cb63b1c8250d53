//! The corpus of signed ledgers that were tampered with: how each vector was made, and that its files are just that.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use glass::model::chain::LONGEST_LINE;
use glass::model::chain::head::{Head, Known};
use glass::model::chain::signed::{Asked, Signatures};
use glass::model::chain::verify::Verifier;
use glass::model::chain::walk::{Integrity, Segment, segment_name, walk};
use glass::model::checkpoint::Checkpoint;
use glass::model::name::Digest;
use glass::model::note::key::SigningKey;
use glass::model::tree::{Growing, leaf};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::vectors;

const ORIGIN: &str = "glass/acme/laptop/alice/7m2kq9xw";
const OTHER: &str = "glass/acme/laptop/alice/3f9qk2mz";

/// The key of a ledger, from nothing but a number: whoever has the vectors may sign like it.
fn key(origin: &str, seed: u8) -> SigningKey {
    SigningKey::of_seed(origin, Zeroizing::new([seed; 32])).unwrap()
}

/// The verdict that is right.
#[derive(Clone, Copy)]
enum Is {
    Verified,
    /// The line, of the segment that begins with this entry, does not chain.
    Broken(u64, u64),
    /// Every line chains; this one says what is not so.
    Untrue(u64, u64),
    Torn(u64, u64),
    /// Lines are gone from the end; the first of them would be this one.
    RolledBack(u64, u64),
}

/// A ledger that is written entry by entry, honestly or not.
#[derive(Clone)]
struct Ledger {
    files: BTreeMap<u64, String>,
    prev: Digest,
    tree: Growing,
    signed: Vec<Value>,
}

impl Ledger {
    /// What every vector begins with: four entries, the last of which makes the key known.
    fn new(origin: &str) -> Self {
        let prev = glass::model::chain::genesis(origin);
        let (files, tree) = (BTreeMap::from([(0, String::new())]), Growing::new());
        let ledger = Ledger { files, prev, tree, signed: vec![] };
        let open = json!({ "origin": origin, "machine": "0".repeat(64), "version": "0.1.0", "previous": null });
        ledger.put("ledger.open", &open.to_string()).run().key(origin, 1, None)
    }

    fn put(mut self, ev: &str, d: &str) -> Self {
        let line = self.line(ev, d);
        self.prev = Digest::of(line.as_bytes());
        self.tree.push(leaf(line.as_bytes()));
        *self.files.last_entry().unwrap().get_mut() += &line;
        self
    }

    fn line(&self, ev: &str, d: &str) -> String {
        let (seq, prev, at) = (self.tree.size(), self.prev, self.now());
        format!(
            "{{\"v\":1,\"seq\":{seq},\"prev\":\"{prev}\",\"ts\":\"{at}\",\"mono\":\"7\",\"boot\":\"b\",\"host\":\"laptop\",\
             \"pid\":4242,\"uid\":1000,\"who\":\"alice\",\"ev\":\"{ev}\",\"session\":\"\",\"d\":{d}}}\n"
        )
    }

    fn now(&self) -> String {
        format!("2026-01-31T02:13:{:02}.000042Z", self.tree.size())
    }

    /// Two entries of which nothing hangs.
    fn run(self) -> Self {
        self.put("run.start", r#"{"command":"list","args":["list"]}"#).put("run.end", r#"{"code":0,"ms":7}"#)
    }

    fn key(self, of: &str, seed: u8, previous: Option<u8>) -> Self {
        let previous = previous.map(|seed| key(of, seed).verifier().to_string());
        let vkey = key(of, seed).verifier().to_string();
        self.put("ledger.key", &json!({ "vkey": vkey, "store": "file", "previous": previous }).to_string())
    }

    /// What is so of everything before the next entry.
    fn now_true(&self) -> Checkpoint {
        let (size, root) = (self.tree.size(), self.tree.root());
        Checkpoint { origin: ORIGIN.to_owned(), size, root, extensions: vec![] }
    }

    /// A checkpoint whose entry says one thing and whose note says another, or the same.
    fn says(self, entry: &Checkpoint, note: &Checkpoint, key: &SigningKey) -> Self {
        let note = note.sign(key).unwrap();
        let d = json!({ "size": entry.size, "root": entry.root.to_string(), "note": note });
        self.put("ledger.checkpoint", &d.to_string())
    }

    fn checkpoint(self) -> Self {
        self.checkpoint_by(1)
    }

    fn checkpoint_by(mut self, seed: u8) -> Self {
        let (is, key) = (self.now_true(), key(ORIGIN, seed));
        self.signed.push(json!({ "size": is.size, "at": self.now(), "key": key.verifier().to_string() }));
        self.says(&is, &is, &key)
    }

    /// A `ledger.rotate` that is this much wrong about where it begins, and the segment after it.
    fn rotate(self, wrong: usize) -> Self {
        let bytes = self.files.values().last().unwrap().len() + wrong;
        let d = json!({ "size": self.tree.size(), "root": self.tree.root().to_string(), "bytes": bytes });
        let mut closed = self.put("ledger.rotate", &d.to_string());
        closed.files.insert(closed.tree.size(), String::new());
        closed
    }

    /// The head that says that all of this was there.
    fn head(&self) -> Vec<u8> {
        let (seq, hash) = (self.tree.size() - 1, self.prev.to_string());
        let (first, text) = self.files.iter().next_back().unwrap();
        let (segment, bytes) = (segment_name(*first), text.len() as u64);
        let (synced_segment, boot) = (segment.clone(), "b".to_owned());
        Head { boot, seq, hash, segment, bytes, synced_seq: seq, synced_segment, synced_bytes: bytes }.to_bytes()
    }

    /// The same files with other texts in them.
    fn with(mut self, change: impl FnOnce(&mut BTreeMap<u64, String>)) -> Self {
        let before = self.files.clone();
        change(&mut self.files);
        assert_ne!(self.files, before);
        self
    }

    /// The first segment with its lines in another order, or others.
    fn with_lines(self, change: impl FnOnce(&mut Vec<String>)) -> Self {
        self.with(|files| {
            let first = files.get_mut(&0).unwrap();
            let mut lines: Vec<String> = first.split_inclusive('\n').map(str::to_owned).collect();
            change(&mut lines);
            *first = lines.concat();
        })
    }

    /// The files of a vector whose verdict is this.
    fn vector(self, head: Option<Vec<u8>>, is: Is) -> BTreeMap<String, Vec<u8>> {
        let text = self.files.values().map(String::as_str).collect::<String>();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let all = lines.len() as u64;
        let (integrity, chain, bad) = match is {
            Is::Verified => ("verified", all, None),
            Is::Broken(segment, line) => ("broken", segment + line - 1, Some((segment, line))),
            Is::Untrue(segment, line) => ("broken", all, Some((segment, line))),
            Is::Torn(segment, line) => ("torn", segment + line - 1, Some((segment, line))),
            Is::RolledBack(segment, line) => ("rolled-back", segment + line - 1, Some((segment, line))),
        };
        let sound = bad.map_or(all, |(segment, line)| segment + line - 1);
        let signed = self.signed.iter().rfind(|signed| signed["size"].as_u64().unwrap() < sound);
        let expected = json!({
            "entries": chain,
            "segments": self.files.len(),
            "from": null,
            "head": lines[..usize::try_from(chain).unwrap()].last().map(|line| Digest::of(line.as_bytes()).to_string()),
            "integrity": integrity,
            "first_bad": bad.map(|(segment, line)| json!({ "segment": segment_name(segment), "line": line })),
            "anchored": null,
            "unresolved": [],
            "signed": signed,
        });
        let segments = self.files.into_iter().map(|(first, text)| (segment_name(first), text.into_bytes()));
        let mut files: BTreeMap<String, Vec<u8>> = segments.collect();
        files.extend(head.map(|head| ("head.json".to_owned(), head)));
        files.insert("expected.json".to_owned(), format!("{expected:#}\n").into_bytes());
        files
    }
}

/// 10 entries with two checkpoints, of 4 and 7 entries.
fn signed() -> Ledger {
    Ledger::new(ORIGIN).checkpoint().run().checkpoint().run()
}

/// Segments from 0, 6 and 9 on, with checkpoints of 4 and 8 entries, and of 9.
fn rotated() -> Ledger {
    Ledger::new(ORIGIN).checkpoint().rotate(0).run().rotate(0).checkpoint().run()
}

/// A vector's name and its files.
type Vector = (&'static str, BTreeMap<String, Vec<u8>>);

/// What the attackers do that have every file, to its lines.
fn moved() -> Vec<Vector> {
    let (whole, cut) = (signed(), Ledger::new(ORIGIN).checkpoint());
    let head = || Some(signed().head());
    let changed = |change: fn(&mut Vec<String>)| whole.clone().with_lines(change);
    let swapped = changed(|lines| lines.swap(5, 6));
    let doubled = changed(|lines| lines.insert(5, lines[4].clone()));
    let of_other = changed(|lines| lines[0] = first_of_other());
    let crlf = changed(|lines| lines.iter_mut().for_each(|line| *line = line.replace('\n', "\r\n")));
    let nul_after = changed(|lines| lines.push("\0".repeat(512)));
    let nul_at_end = changed(|lines| lines[8] = "\0".repeat(lines[8].len()));
    vec![
        ("signed-verified", whole.clone().vector(head(), Is::Verified)),
        ("signed-verified-cut-without-head", cut.clone().vector(None, Is::Verified)),
        ("signed-rolled-back-cut", cut.vector(head(), Is::RolledBack(0, 6))),
        ("signed-broken-swapped", swapped.vector(head(), Is::Broken(0, 6))),
        ("signed-broken-duplicated", doubled.vector(head(), Is::Broken(0, 6))),
        ("signed-broken-other-origin", of_other.vector(None, Is::Broken(0, 2))),
        ("signed-broken-crlf", crlf.vector(None, Is::Broken(0, 1))),
        ("signed-torn-nul", nul_after.vector(head(), Is::Torn(0, 11))),
        ("signed-broken-nul", nul_at_end.vector(head(), Is::Broken(0, 9))),
    ]
}

fn first_of_other() -> String {
    Ledger::new(OTHER).files[&0].split_inclusive('\n').next().unwrap().to_owned()
}

/// What they do of which there are two histories.
fn histories() -> Vec<Vector> {
    let history = |ms: u8| Ledger::new(ORIGIN).checkpoint().put("run.end", &format!("{{\"code\":0,\"ms\":{ms}}}"));
    let both = history(1).with(|files| *files.get_mut(&0).unwrap() += history(2).last());
    vec![
        ("signed-broken-two-histories", both.vector(None, Is::Broken(0, 7))),
        ("signed-broken-other-history", history(10).put("x", "{}").vector(Some(history(1).head()), Is::Broken(0, 6))),
        ("signed-rolled-back-history", history(1).vector(Some(history(2).run().head()), Is::RolledBack(0, 7))),
        // Whoever has the key as well can do this, and only what was sent away tells.
        ("signed-verified-rewritten", history(2).vector(None, Is::Verified)),
    ]
}

/// What they do to segments.
fn spliced() -> Vec<Vector> {
    let whole = rotated();
    let changed = |change: fn(&mut BTreeMap<u64, String>)| whole.clone().with(change);
    let of_other = changed(|files| {
        let theirs = Ledger::new(OTHER).run().rotate(0).run();
        files.insert(6, theirs.files[&7].clone());
    });
    let exchanged = changed(|files| {
        let (second, third) = (files[&6].clone(), files[&9].clone());
        files.extend([(6, third), (9, second)]);
    });
    let edited = changed(|files| *files.get_mut(&6).unwrap() = files[&6].replacen("\"ms\":7", "\"ms\":8", 1));
    let joined = Ledger::new(ORIGIN).checkpoint().rotate(0).run().with(|files| {
        let second = files.remove(&6).unwrap();
        *files.get_mut(&0).unwrap() += &second;
    });
    vec![
        ("signed-verified-rotated", whole.clone().vector(Some(whole.head()), Is::Verified)),
        ("signed-broken-spliced", of_other.vector(None, Is::Broken(6, 1))),
        ("signed-broken-order-of-segments", exchanged.vector(None, Is::Broken(6, 1))),
        ("signed-broken-edited-segment", edited.vector(None, Is::Broken(6, 3))),
        ("signed-broken-segments-joined", joined.vector(None, Is::Untrue(0, 6))),
    ]
}

/// What the attackers do that have the whole ledger chained anew, without its key.
fn chained_anew() -> Vec<Vector> {
    let begun = || Ledger::new(ORIGIN);
    let (is, ours) = (begun().now_true(), key(ORIGIN, 1));
    let size = Checkpoint { size: 3, ..is.clone() };
    let root = Checkpoint { root: Digest::of(b"another"), ..is.clone() };
    let origin = Checkpoint { origin: OTHER.to_owned(), ..is.clone() };
    let further = Checkpoint { extensions: vec!["further".to_owned()], ..is.clone() };
    let untrue = |ledger: Ledger, line| ledger.run().vector(None, Is::Untrue(0, line));
    let old = Ledger::new(ORIGIN).checkpoint();
    let replayed: Value = serde_json::from_str(old.last()).unwrap();
    let edited = begun().put("x", "{}").says(&is, &is, &ours);
    let twice = format!("{{\"size\":4,{}", &replayed["d"].to_string()[1..]);
    vec![
        ("signed-broken-checkpoint-size", untrue(begun().says(&size, &is, &ours), 5)),
        ("signed-broken-checkpoint-root", untrue(begun().says(&root, &is, &ours), 5)),
        ("signed-broken-note-size", untrue(begun().says(&is, &size, &ours), 5)),
        ("signed-broken-note-root", untrue(begun().says(&is, &root, &ours), 5)),
        ("signed-broken-note-line", untrue(begun().says(&is, &further, &ours), 5)),
        ("signed-broken-note-origin", untrue(begun().says(&is, &origin, &key(OTHER, 1)), 5)),
        ("signed-broken-note-key", untrue(begun().says(&is, &is, &key(ORIGIN, 2)), 5)),
        ("signed-broken-replayed", untrue(old.run().put("ledger.checkpoint", &replayed["d"].to_string()), 8)),
        ("signed-broken-edited", untrue(edited, 6)),
        ("signed-broken-key-previous", untrue(begun().checkpoint().key(ORIGIN, 2, None), 6)),
        ("signed-broken-key-other-previous", untrue(begun().checkpoint().key(ORIGIN, 2, Some(3)), 6)),
        ("signed-broken-key-origin", untrue(begun().checkpoint().key(OTHER, 2, Some(1)), 6)),
        ("signed-broken-key-old", untrue(begun().checkpoint().key(ORIGIN, 2, Some(1)).checkpoint().run(), 7)),
        ("signed-broken-rotate-bytes", begun().checkpoint().rotate(1).run().vector(None, Is::Untrue(0, 6))),
        (
            "signed-verified-key-replaced",
            begun().checkpoint().key(ORIGIN, 2, Some(1)).checkpoint_by(2).vector(None, Is::Verified),
        ),
        ("signed-broken-key-twice", begun().put("ledger.checkpoint", &twice).run().vector(None, Is::Broken(0, 5))),
    ]
}

/// Lines that are hard to read.
fn of_lines() -> Vec<Vector> {
    let begun = || Ledger::new(ORIGIN).checkpoint();
    let long = |length: usize| {
        let without = begun().line("x", "{\"x\":\"\"}").len();
        begun().put("x", &format!("{{\"x\":\"{}\"}}", "x".repeat(length - without))).checkpoint()
    };
    let number = |from: &str| {
        let to = format!("{}{}", from.split_once(':').unwrap().0, ":18446744073709551616");
        begun().run().with_lines(|lines| lines[5] = lines[5].replacen(from, &to, 1)).vector(None, Is::Broken(0, 6))
    };
    let huge = "{\"x\":1e999999999,\"y\":-123456789012345678901234567890,\"z\":0.00000000000000000000000000001E-99}";
    vec![
        ("signed-verified-line-of-65535", long(LONGEST_LINE).vector(None, Is::Verified)),
        ("signed-broken-line-of-65536", long(LONGEST_LINE + 1).vector(None, Is::Broken(0, 6))),
        ("signed-verified-huge-numbers", begun().put("x", huge).checkpoint().vector(None, Is::Verified)),
        ("signed-broken-huge-seq", number("\"seq\":5")),
        ("signed-broken-huge-pid", number("\"pid\":4242")),
    ]
}

impl Ledger {
    fn last(&self) -> &str {
        self.files.values().last().unwrap().split_inclusive('\n').next_back().unwrap()
    }
}

#[test]
fn the_vectors_of_signed_ledgers_are_made_as_is_written_here() {
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("corpus");
    let _gone = fs::remove_dir_all(&made);
    let corpus: BTreeMap<_, _> =
        [moved(), histories(), spliced(), chained_anew(), of_lines()].into_iter().flatten().collect();
    let held: BTreeMap<String, _> = vectors().into_iter().map(|(name, path, _)| (name, path)).collect();
    for (name, files) in &corpus {
        fs::create_dir_all(made.join(name)).unwrap();
        files.iter().for_each(|(file, bytes)| fs::write(made.join(name).join(file), bytes).unwrap());
    }
    let names: Vec<&str> = held.keys().map(String::as_str).filter(|name| name.starts_with("signed-")).collect();
    assert!(names.iter().eq(corpus.keys()), "tests/vectors/ledger has {names:?}, {made:?} has others");
    for (name, files) in corpus {
        for (file, bytes) in files {
            assert!(fs::read(held[name].join(&file)).unwrap() == bytes, "{name}/{file} is another in {made:?}");
        }
    }
}

/// The verdict on one segment.
fn judged(text: &[u8], known: Option<&Known>) -> Integrity {
    let (mut signatures, mut is_true) = (Signatures::new(Asked::default()), true);
    let segment = Segment { first: 0, bytes: text.len() as u64, lines: text };
    let walked = walk(vec![segment], 0, Verifier::new(), known, |line, entry| {
        is_true &= signatures.check(entry, None).is_ok();
        signatures.push(leaf(line));
    });
    if is_true { walked.unwrap().judgement.integrity } else { Integrity::Broken }
}

/// The head in the boot in which it was written, and in another.
fn heads(ledger: &Ledger) -> [Known; 2] {
    let head = Head::parse(&ledger.head()).unwrap();
    ["b", "another"].map(|boot| head.known(boot))
}

/// What is written last chains with nothing yet: there it takes the head of the same boot.
#[test]
fn every_byte_that_is_flipped_is_found() {
    let ledger = Ledger::new(ORIGIN).checkpoint().run();
    let [known, _] = heads(&ledger);
    let mut text = ledger.files[&0].clone().into_bytes();
    assert_eq!(judged(&text, Some(&known)), Integrity::Verified);
    let last = text.len() - ledger.last().len();
    for place in 0..text.len() {
        let bit = 1 << (place % 8);
        text[place] ^= bit;
        let verdict = judged(&text, Some(&known));
        assert!(
            [Integrity::Broken, Integrity::RolledBack].contains(&verdict),
            "byte {place}, by the head: {verdict:?}"
        );
        if place < last {
            assert_eq!(judged(&text, None), Integrity::Broken, "byte {place}");
        }
        text[place] ^= bit;
    }
}

/// Nothing follows it, and there is no head: what it says of itself is enough.
#[test]
fn every_byte_of_a_checkpoint_that_is_flipped_is_found() {
    let mut text = Ledger::new(ORIGIN).checkpoint().files[&0].clone().into_bytes();
    let d = String::from_utf8(text.clone()).unwrap().rfind("{\"size\"").unwrap();
    for place in d..text.len() - 1 {
        for bit in 0..8 {
            text[place] ^= 1 << bit;
            assert_eq!(judged(&text, None), Integrity::Broken, "byte {place}, bit {bit}");
            text[place] ^= 1 << bit;
        }
    }
}

#[test]
fn a_cut_at_every_byte_is_found_by_the_head_and_between_lines_by_it_alone() {
    let ledger = Ledger::new(ORIGIN).checkpoint();
    let text = ledger.files[&0].as_bytes();
    for cut in 0..text.len() {
        for known in heads(&ledger) {
            assert_eq!(judged(&text[..cut], Some(&known)), Integrity::RolledBack, "cut at {cut}");
        }
        let whole_lines = cut == 0 || text[cut - 1] == b'\n';
        let without = if whole_lines { Integrity::Verified } else { Integrity::Torn };
        assert_eq!(judged(&text[..cut], None), without, "cut at {cut}");
    }
}
