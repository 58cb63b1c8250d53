//! What the ledger signs of itself: checkpoints, their key, proofs of one entry; and what becomes of each when somebody
//! changes it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use glass::model::name::Digest;
use serde_json::{Value, json};

use super::ship::copy_folder;
use super::{REFUSED, SEGMENT, by_script, events, home, ledger, text, verdict};
use crate::support::{Home, Outcome, Practice};

pub(super) fn key(home: &Home) -> String {
    home.glass(&["audit", "key"]).exits(0).stdout.trim_end().to_owned()
}

pub(super) fn checkpoint(home: &Home) -> Value {
    home.glass(&["audit", "checkpoint", "--json"]).exits(0).json()
}

/// The file of the ledger's key.
fn key_file(home: &Home) -> std::path::PathBuf {
    let id = key(home).split('+').next().unwrap().rsplit('/').next().unwrap().to_owned();
    home.path(".local/state/glass/keys").join(id)
}

/// Puts lines in the ledger's place that chain anew from the first that was changed, without the head.
pub(super) fn chained(home: &Home, lines: &[Value]) {
    let mut text = String::new();
    let mut prev: Option<Digest> = None;
    for (seq, line) in lines.iter().enumerate() {
        let mut line = line.clone();
        line["seq"] = json!(seq);
        if let Some(prev) = prev {
            line["prev"] = json!(prev.to_string());
        }
        let line = format!("{line}\n");
        prev = Some(Digest::of(line.as_bytes()));
        text += &line;
    }
    fs::write(ledger(home).join(SEGMENT), text).unwrap();
    fs::remove_file(ledger(home).join("head.json")).unwrap();
}

pub(super) fn lines(home: &Home) -> Vec<Value> {
    text(home).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_session_ends_with_a_checkpoint_of_all_before_it() {
    let practice = Practice::new();
    practice.assume(&["--", "/bin/true"]).exits(0);
    practice.assume(&["--", "/bin/true"]).exits(0);
    let entries = practice.entries();
    let signed: Vec<&Value> = entries.iter().filter(|entry| entry["ev"] == "ledger.checkpoint").collect();
    assert_eq!(signed.len(), 2);
    for entry in signed {
        assert_eq!(entry["d"]["size"], entry["seq"]);
        let before =
            entries.iter().rev().find(|one| one["seq"].as_u64() < entry["seq"].as_u64() && one["ev"] != "ledger.key");
        let before = before.unwrap();
        assert_eq!((&before["ev"], &before["session"]), (&json!("session.end"), &entry["session"]));
        assert_eq!((&entry["who"], entry["session"].as_str().unwrap().len()), (&json!("alice"), 8));
    }
    assert_eq!(practice.told("ledger.key").len(), 1, "a key is made known once");
    let verified = practice.home.glass(&["audit", "verify", "--json", "--ledger", practice.ledger().to_str().unwrap()]);
    let last = practice.told("ledger.checkpoint").pop().unwrap();
    assert_eq!(verified.exits(0).json()["signed"]["size"], last["size"]);
}

#[test]
fn a_checkpoint_is_a_note_that_the_key_has_signed_and_it_follows_the_one_before() {
    let home = home();
    home.glass(&REFUSED).exits(3);
    let key = key(&home);
    let first = checkpoint(&home);
    let note = first["note"].as_str().unwrap();
    let head: Vec<&str> = note.lines().take(2).collect();
    assert_eq!(head, [key.split('+').next().unwrap(), &first["size"].to_string()]);
    let plain = home.glass(&["audit", "checkpoint"]).exits(0).stdout;
    assert!(plain.lines().nth(1).unwrap().parse::<u64>().unwrap() > first["size"].as_u64().unwrap());
    let (code, found) = verdict(&home);
    assert_eq!((code, &found["signed"]["key"]), (0, &json!(key)));
    assert_eq!(found["signed"]["size"].to_string(), plain.lines().nth(1).unwrap());
    assert_eq!(home.glass(&["audit", "key"]).exits(0).stdout.trim_end(), key, "it stays the same");
}

/// What is done to the entries of a ledger.
type Change<'c> = Box<dyn Fn(&mut Vec<Value>) + 'c>;

/// A history that was written anew is told by what it has signed.
#[test]
fn a_ledger_that_was_chained_anew_does_not_have_the_roots_that_it_signed() {
    let home = home();
    home.glass(&REFUSED).exits(3);
    checkpoint(&home);
    checkpoint(&home);
    let lines = lines(&home);
    let at = |ev: &str| lines.iter().position(|line| line["ev"] == ev).unwrap();
    let (refused, key, signed) = (at("elevate.refused"), at("ledger.key"), at("ledger.checkpoint"));
    let again = lines.iter().rposition(|line| line["ev"] == "ledger.checkpoint").unwrap();
    let changes: Vec<(&str, usize, Change<'_>)> = vec![
        (
            "an entry before it says something else",
            signed,
            Box::new(|l| l[refused]["d"]["profile"] = json!("dev-x-read")),
        ),
        ("an entry before it is gone", signed - 1, Box::new(|l| drop(l.remove(refused)))),
        ("its root", signed, Box::new(|l| l[signed]["d"]["root"] = l[again]["d"]["root"].clone())),
        ("its size", signed, Box::new(|l| l[signed]["d"]["size"] = json!(1))),
        ("its note is another's", signed, Box::new(|l| l[signed]["d"]["note"] = l[again]["d"]["note"].clone())),
        ("an old one is replayed", again, Box::new(|l| l[again]["d"] = l[signed]["d"].clone())),
        ("the key was never made known", signed - 1, Box::new(|l| drop(l.remove(key)))),
        ("the key is of another ledger", key, Box::new(|l| l[key]["d"]["vkey"] = json!(OTHER_KEY))),
        ("there was no key before", key, Box::new(|l| l[key]["d"]["previous"] = l[key]["d"]["vkey"].clone())),
        ("it has no note", signed, Box::new(|l| drop(l[signed]["d"].as_object_mut().unwrap().remove("note")))),
        ("a key that is none", key, Box::new(|l| l[key]["d"]["vkey"] = json!("x"))),
    ];
    for (name, bad, change) in changes {
        let mut changed = lines.clone();
        change(&mut changed);
        chained(&home, &changed);
        let copy = ledger(&home);
        let outcome = home.glass(&["audit", "verify", "--json", "--ledger", copy.to_str().unwrap()]);
        let found = outcome.json();
        assert_eq!((outcome.code, &found["integrity"]), (4, &json!("broken")), "{name}: {found}");
        assert_eq!(found["first_bad"]["line"], bad + 1, "{name}: {found}");
        let scripted = by_script(&home, &copy).exits(1);
        assert!(scripted.stdout.starts_with(&format!("broken: entry {bad},")), "{name}: {}", scripted.stdout);
        home.write(".local/state/glass/ledger/head.json", "");
    }
    // As one's own it is broken for good, and stops elevation.
    let mut changed = lines.clone();
    changed[refused]["d"]["profile"] = json!("dev-x-read");
    chained(&home, &changed);
    assert_eq!(verdict(&home).0, 4);
    home.glass(&REFUSED).exits(4);
}

const OTHER_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

#[test]
fn a_key_from_elsewhere_tells_whose_ledger_it_is() {
    let (alice, mallory) = (home(), home());
    for home in [&alice, &mallory] {
        home.glass(&REFUSED).exits(3);
        checkpoint(home);
    }
    let [hers, theirs] = [&alice, &mallory].map(key);
    let copy = ledger(&alice);
    let verify =
        |key: &str| mallory.glass(&["audit", "verify", "--json", "--ledger", copy.to_str().unwrap(), "--key", key]);
    assert_eq!(verify(&hers).exits(0).json()["signed"]["key"], json!(hers));
    let other = verify(&theirs).exits(4).json();
    assert_eq!((&other["integrity"], &other["signed"]), (&json!("verified"), &Value::Null));
    verify(&hers.replacen('+', "+0", 1)).exits(2);
    // A wrong key on the command line is no fault of the ledger's.
    alice.glass(&["audit", "verify", "--key", &theirs]).exits(4);
    alice.glass(&REFUSED).exits(3);
}

#[test]
fn a_key_that_is_lost_is_replaced_and_that_is_told() {
    let home = home();
    home.glass(&REFUSED).exits(3);
    let (old, size) = (key(&home), checkpoint(&home)["size"].clone());
    fs::remove_file(key_file(&home)).unwrap();
    let told = home.glass(&["audit", "checkpoint"]).exits(0);
    let new = key(&home);
    assert!(told.stderr.contains("the ledger's key was lost") && told.stderr.contains(&new), "{}", told.stderr);
    assert_ne!(old, new);
    let made: Vec<Value> = lines(&home).into_iter().filter(|line| line["ev"] == "ledger.key").collect();
    assert_eq!((&made[0]["d"]["previous"], &made[1]["d"]["previous"]), (&Value::Null, &json!(old)));
    let (code, found) = verdict(&home);
    assert_eq!((code, &found["signed"]["key"]), (0, &json!(new)));
    let by_old = home.glass(&["audit", "verify", "--json", "--key", &old]).exits(0).json();
    assert_eq!(by_old["signed"]["size"], size, "what it has signed stays signed");
}

#[test]
fn a_key_that_is_damaged_is_not_replaced_and_the_session_ends_all_the_same() {
    let practice = Practice::new();
    practice.assume(&["--", "/bin/true"]).exits(0);
    let keys = practice.ledger().with_file_name("keys");
    let file = fs::read_dir(&keys).unwrap().map(|entry| entry.unwrap().path()).find(|path| !path.ends_with("lock"));
    let file = file.unwrap();
    let kept = fs::read_to_string(&file).unwrap();
    let glass = |args: &[&str]| {
        let mut command = practice.home.command(env!("CARGO_BIN_EXE_glass"));
        Outcome::of(command.env("XDG_STATE_HOME", practice.ledger().ancestors().nth(2).unwrap()).args(args), "")
    };
    for damaged in ["", "{}", &kept[..kept.len() / 2], &kept.replace("\"file\"", "\"elsewhere\"")] {
        fs::write(&file, damaged).unwrap();
        let told = glass(&["audit", "checkpoint"]).exits(1);
        assert!(told.stderr.contains("does not hold this ledger's key"), "{damaged}: {}", told.stderr);
        assert_eq!(fs::read_to_string(&file).unwrap(), damaged);
    }
    let ended = practice.assume(&["--", "/bin/true"]).exits(0);
    assert!(ended.stderr.contains("the ledger is not signed"), "{}", ended.stderr);
    assert_eq!(practice.told("ledger.key").len(), 1);
    fs::write(&file, kept).unwrap();
    glass(&["audit", "checkpoint"]).exits(0);
    assert_eq!(practice.told("ledger.checkpoint").len(), 2);
    practice.home.glass(&["audit", "verify", "--ledger", practice.ledger().to_str().unwrap()]).exits(0);
}

#[test]
fn the_key_lies_beside_the_ledger_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let home = home();
    home.glass(&REFUSED).exits(3);
    let told = home.glass(&["audit", "key", "--json"]).exits(0).json();
    assert_eq!(told["store"], json!("file"));
    let file = key_file(&home);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    let secret: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let secret = secret["secret"].as_str().unwrap().splitn(5, '+').last().unwrap().to_owned();
    for entry in fs::read_dir(ledger(&home)).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains(&secret), "a copy of the ledger has no key in it");
    }
}

/// The tree beside the ledger is a cache: whatever is done to it, the same is signed.
#[test]
fn what_is_done_to_the_tree_file_changes_nothing_that_is_signed() {
    let (home, other) = (home(), home());
    for home in [&home, &other] {
        for _ in 0..140 {
            home.glass(&["list"]).exits(0);
        }
        checkpoint(home);
    }
    let tree = ledger(&home).join("tree");
    let good = fs::read(&tree).unwrap();
    assert!(good.len() > 100, "a block is whole");
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let mut of_root = good.clone();
    of_root[good.len() - 30] ^= 1;
    let torn = good[..good.len() - 7].to_vec();
    let damaged = [vec![], b"{}\n".to_vec(), torn, flipped, of_root, fs::read(ledger(&other).join("tree")).unwrap()];
    for content in damaged {
        fs::write(&tree, content).unwrap();
        checkpoint(&home);
        assert_eq!(verdict(&home).0, 0);
        home.glass(&["audit", "prove", "3"]).exits(0);
    }
    fs::remove_file(&tree).unwrap();
    checkpoint(&home);
    assert_eq!(verdict(&home).0, 0);
    assert_eq!(fs::read(&tree).unwrap()[..14], good[..14], "it is made anew");
}

#[test]
fn one_entry_is_shown_without_the_ledger_to_who_knows_its_key() {
    let (home, auditor) = (home(), home());
    home.glass(&REFUSED).exits(3);
    checkpoint(&home);
    let key = key(&home);
    let seq = lines(&home).iter().position(|line| line["ev"] == "elevate.refused").unwrap();
    let proof = home.glass(&["audit", "prove", &seq.to_string()]).exits(0).stdout;
    let file = auditor.write("entry.tlog-proof", &proof);
    let check = |more: &[&str]| {
        let words = [&["audit", "check-proof", file.to_str().unwrap()], more].concat();
        auditor.glass(&words)
    };
    let shown = check(&["--key", &key, "--json"]).exits(0).json();
    assert_eq!((&shown["entry"]["seq"], &shown["entry"]["ev"]), (&json!(seq), &json!("elevate.refused")));
    assert_eq!(shown["key"], json!(key));
    assert!(check(&["--key", &key]).exits(0).stdout.contains("elevate.refused"));
    let unknown = check(&[]).exits(4);
    assert!(
        unknown.stderr.contains("by no key that is known") && unknown.stderr.contains("--key"),
        "{}",
        unknown.stderr
    );
    // The catalogue may have the key.
    auditor.write(CATALOGUE, &pinning(&auditor, &key));
    check(&[]).exits(0);
    // And whoever made it knows it.
    home.glass(&["audit", "check-proof", file.to_str().unwrap()]).exits(0);
    for at in (0..proof.len()).step_by(61) {
        let mut changed = proof.clone().into_bytes();
        changed[at] ^= 1;
        fs::write(&file, changed).unwrap();
        check(&["--key", &key]).exits(4);
    }
}

/// The home's catalogue, with a key that it pins for alice.
fn pinning(home: &Home, key: &str) -> String {
    let catalogue = home.read(CATALOGUE);
    let pinning = catalogue.replacen("[people.alice]\n", &format!("[people.alice]\nledger_keys = [\"{key}\"]\n"), 1);
    assert_ne!(pinning, catalogue);
    pinning
}

const CATALOGUE: &str = ".config/glass/profiles.toml";

/// What it pins must not be lost with it: only where there is none at all is nothing pinned.
#[test]
fn a_catalogue_that_cannot_be_used_weakens_no_verification() {
    let home = home();
    home.glass(&REFUSED).exits(3);
    let of_own = key(&home);
    checkpoint(&home);
    let proof = home.glass(&["audit", "prove", "1"]).exits(0).stdout;
    home.write("proof", &proof);
    let commands: [&[&str]; 3] = [
        &["audit", "verify"],
        &["audit", "verify", "--anchored", "--against", "share"],
        &["audit", "check-proof", "proof"],
    ];
    fs::create_dir(home.path("share")).unwrap();
    let codes = |more: &[&str]| commands.map(|command| home.glass(&[more, command].concat()).code);
    assert_eq!(codes(&[]), [0, 5, 0]);
    // Another key of this very ledger is pinned: what it signs itself counts for nothing.
    fs::remove_file(key_file(&home)).unwrap();
    let other = key(&home);
    assert_ne!(of_own, other);
    let (good, elsewhere) = (home.read(CATALOGUE), home.path("profiles.toml"));
    home.write("first.toml", &pinning(&home, &of_own));
    home.write(CATALOGUE, &pinning(&home, &other));
    assert_eq!(codes(&[]), [4, 4, 4]);
    assert_eq!(codes(&["--catalogue", "first.toml"])[2], 0);
    let pinned = home.read(CATALOGUE);
    fs::set_permissions(home.path(CATALOGUE), Permissions::from_mode(0o666)).unwrap();
    assert_eq!(codes(&[]), [2, 2, 2], "others can write to it");
    fs::set_permissions(home.path(CATALOGUE), Permissions::from_mode(0o600)).unwrap();
    home.write(CATALOGUE, &pinned.replacen("version", "versoin", 1));
    assert_eq!(codes(&[]), [2, 2, 2], "a mistake");
    assert_eq!(codes(&["--catalogue", elsewhere.to_str().unwrap()]), [2, 2, 2], "it was named and is not there");
    home.write(CATALOGUE, &good);
    assert_eq!(codes(&[])[0], 0);
    fs::remove_file(home.path(CATALOGUE)).unwrap();
    assert_eq!(codes(&[])[0], 0, "there is none");
}

#[test]
fn one_entry_is_shown_from_a_copy_that_has_a_checkpoint_with_it() {
    let (home, auditor) = (home(), home());
    home.glass(&REFUSED).exits(3);
    home.glass(&["audit", "rotate"]).exits(0);
    home.glass(&REFUSED).exits(3);
    checkpoint(&home);
    home.glass(&["list"]).exits(0);
    let (key, lines) = (key(&home), lines(&home));
    let signed =
        lines.iter().filter(|line| line["ev"] == "ledger.checkpoint").map(|line| line["seq"].as_u64().unwrap());
    let signed: Vec<u64> = signed.collect();
    let copy = auditor.path("copy");
    copy_folder(&ledger(&home), &copy);
    // The cache of a copy is not believed: nobody vouches for it.
    fs::write(copy.join("tree"), "anything").unwrap();
    let prove = |seq: u64| auditor.glass(&["audit", "prove", &seq.to_string(), "--ledger", "copy"]);
    let holds = |seq: u64| {
        auditor.write("proof", &prove(seq).exits(0).stdout);
        let shown = auditor.glass(&["audit", "check-proof", "proof", "--key", &key, "--json"]).exits(0).json();
        assert_eq!(shown["entry"], lines[usize::try_from(seq).unwrap()]);
    };
    let last = *signed.last().unwrap();
    (0..last).for_each(holds);
    let unsigned = prove(last).exits(1);
    let fact = format!("no checkpoint in the copy has entry {last}: the last one is of {last} entries");
    assert!(unsigned.stderr.contains(&fact), "{}", unsigned.stderr);
    assert!(prove(100_000).exits(2).stderr.contains("there is no entry 100000"));
    assert!(!auditor.path(".local/state/glass/keys").exists(), "nothing was signed for it");
    // A segment alone has what a checkpoint in it has.
    let segments = super::segments(&copy);
    fs::remove_file(&segments[1]).unwrap();
    assert!(prove(1).exits(1).stderr.contains("copy what follows as well"));
    fs::copy(&super::segments(&ledger(&home))[1], &segments[1]).unwrap();
    holds(1);
    fs::remove_file(&segments[0]).unwrap();
    assert!(prove(1).exits(4).stderr.contains("no ledger.anchor tells of what is before it"));
    fs::copy(&super::segments(&ledger(&home))[0], &segments[0]).unwrap();
    let text = auditor.read(&format!("copy/{SEGMENT}"));
    fs::remove_file(&segments[0]).unwrap();
    fs::write(&segments[0], text.replacen("elevate.refused", "elevate.refusee", 1)).unwrap();
    assert!(prove(1).exits(4).stderr.contains("is not one of these"));
    let nothing = auditor.glass(&["audit", "prove", "1", "--ledger", "run"]).exits(1);
    assert!(nothing.stderr.contains("there is no ledger in run"), "{}", nothing.stderr);
    auditor.glass(&["audit", "prove", "1", "--ledger", "/nowhere"]).exits(1);
}

#[test]
fn an_entry_that_no_checkpoint_has_gets_one() {
    let home = home();
    home.glass(&REFUSED).exits(3);
    checkpoint(&home);
    let signed = || events(&home).iter().filter(|event| *event == "ledger.checkpoint").count();
    home.glass(&["audit", "prove", "1"]).exits(0);
    assert_eq!(signed(), 1);
    let new = lines(&home).len().to_string();
    home.glass(&["audit", "prove", &new]).exits(0);
    assert_eq!(signed(), 2);
    let none = home.glass(&["audit", "prove", "100000"]).exits(2);
    assert!(none.stderr.contains("there is no entry 100000"), "{}", none.stderr);
}
