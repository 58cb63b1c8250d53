//! The ledger held against what left its machine, by an auditor; the attacker has every file and key of the machine.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use glass::host::clock::HostClock;
use glass::host::witness::Witness as Client;
use glass::model::note::key::WitnessKey;
use glass::model::web_address::WebAddress;
use glass::world::machine::Clock;
use serde_json::{Value, json};

use super::signed::{chained, checkpoint, key, lines};
use super::{REFUSED, home, ledger, verdict};
use crate::support::{Home, Outcome, Practice, Witness, tool};

/// Where a checkpoint lies in the archive of a home.
fn name_of(home: &Home, checkpoint: &Value) -> PathBuf {
    let origin = checkpoint["origin"].as_str().unwrap();
    home.path("share").join(origin).join(format!("checkpoint/{:016}", checkpoint["size"].as_u64().unwrap()))
}

/// Signs what the ledger of a home holds, and lays that into its archive.
fn ship(home: &Home) -> Value {
    let made = checkpoint(home);
    put(&name_of(home, &made), made["note"].as_str().unwrap());
    made
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A home with something in its ledger.
fn used() -> Home {
    let home = home();
    home.glass(&REFUSED).exits(3);
    fs::create_dir(home.path("share")).unwrap();
    home
}

fn against(home: &Home, what: &[&str], more: &[&str]) -> Outcome {
    let mut words = vec!["audit", "verify", "--json"];
    words.extend(what.iter().flat_map(|what| ["--against", *what]));
    words.extend(more);
    home.glass(&words)
}

/// The verdict by the archive of a home: exit code, and what was found.
#[track_caller]
fn by_share(home: &Home, more: &[&str]) -> (i32, Value) {
    let outcome = against(home, &[home.path("share").to_str().unwrap()], more);
    (outcome.code, outcome.json())
}

/// All that glass keeps on the machine: ledger, head, key, tree.
fn keep(home: &Home, name: &str) {
    let copied = Outcome::of(home.command(tool("cp")).arg("-a").arg(home.path(".local")).arg(home.path(name)), "");
    copied.exits(0);
}

/// Puts that back in place of what is there.
fn put_back(home: &Home, name: &str) {
    fs::remove_dir_all(home.path(".local")).unwrap();
    fs::rename(home.path(name), home.path(".local")).unwrap();
}

fn answers(found: &Value) -> Vec<&str> {
    found["completeness"]["held"].as_array().unwrap().iter().map(|held| held["answer"].as_str().unwrap()).collect()
}

#[test]
fn a_ledger_that_is_all_there_is_complete_up_to_what_the_archive_has() {
    let home = used();
    ship(&home);
    home.glass(&REFUSED).exits(3);
    let last = ship(&home);
    let (code, found) = by_share(&home, &["--anchored", "--max-age", "15m"]);
    assert_eq!((code, &found["completeness"]["state"]), (0, &json!("complete")), "{found}");
    assert_eq!((&found["completeness"]["size"], &found["completeness"]["looked_at"]), (&last["size"], &json!(2)));
    let anchored = &found["anchored"];
    assert_eq!(
        (&anchored["size"], &anchored["kind"], &anchored["by"]),
        (&last["size"], &json!("folder"), &json!("found"))
    );
    let told = home.glass(&["audit", "verify", "--against", home.path("share").to_str().unwrap()]).exits(0).stdout;
    assert!(told.contains(&format!("complete    as far as the first {} entries", last["size"])), "{told}");
    // Whoever has a copy and the archive needs nothing else of the machine.
    let (auditor, copy) = (super::home(), ledger(&home));
    let share = home.path("share");
    let words = ["--ledger", copy.to_str().unwrap(), "--key", &key(&home), "--anchored"];
    against(&auditor, &[share.to_str().unwrap()], &words).exits(0);
}

#[test]
fn a_ledger_whose_end_and_head_were_cut_is_found_by_a_folder_and_by_a_note_that_was_kept() {
    let home = used();
    ship(&home);
    keep(&home, "before");
    home.glass(&REFUSED).exits(3);
    let lost = ship(&home);
    let kept = home.write("kept.note", lost["note"].as_str().unwrap());
    put_back(&home, "before");
    assert_eq!(verdict(&home).0, 0, "by itself it verifies");
    // An auditor's glass appends nothing to it.
    let (auditor, copy, share) = (super::home(), ledger(&home), home.path("share"));
    let by = |what: &Path| against(&auditor, &[what.to_str().unwrap()], &["--ledger", copy.to_str().unwrap()]).exits(4);
    let found = by(&share).json();
    assert_eq!((&found["integrity"], &found["completeness"]["state"]), (&json!("verified"), &json!("cut")), "{found}");
    assert_eq!(answers(&found), ["agrees", "cut"], "{found}");
    let by_note = by(&kept).json();
    assert_eq!((&by_note["completeness"]["state"], answers(&by_note)), (&json!("cut"), vec!["cut"]), "{by_note}");
    let words = ["audit", "verify", "--ledger", copy.to_str().unwrap(), "--against", kept.to_str().unwrap()];
    let told = auditor.glass(&words).exits(4).stdout;
    assert!(told.contains("complete    no\n") && told.contains(&format!("is of {} entries", lost["size"])), "{told}");
    assert_eq!(by_share(&home, &["--anchored"]).0, 4);
    // It is not known to be the ledger's fault: who names the wrong archive must not be kept from elevating.
    assert_eq!(verdict(&home).0, 0);
}

#[test]
fn a_history_that_was_written_anew_and_signed_with_its_own_key_is_found_by_what_was_sent_before() {
    // What the attacker does with the new history: nothing, or sends it away as well.
    for end in [checkpoint as fn(&Home) -> Value, ship] {
        let home = used();
        let first = ship(&home);
        keep(&home, "before");
        home.glass(&REFUSED).exits(3);
        let lost = ship(&home);
        put_back(&home, "before");
        while lines(&home).len() as u64 <= lost["size"].as_u64().unwrap() {
            home.glass(&["list"]).exits(0);
        }
        end(&home);
        assert_eq!(verdict(&home).0, 0, "by itself it verifies");
        let (code, found) = by_share(&home, &[]);
        assert_eq!((code, &found["completeness"]["state"]), (4, &json!("rewritten")), "{found}");
        let bad = found["completeness"]["held"].as_array().unwrap().iter().find(|held| held["answer"] == "rewritten");
        assert_eq!(bad.unwrap()["size"], lost["size"]);
        assert_eq!(found["completeness"]["size"], first["size"], "up to there it is as it was");
        let note = home.write("kept.note", lost["note"].as_str().unwrap());
        against(&home, &[note.to_str().unwrap()], &[]).exits(4);
        against(&home, &[note.to_str().unwrap()], &["--key", &key(&home)]).exits(4);
    }
}

/// What a witness said of a ledger counts by the witness's key, whoever has the ledger's.
#[test]
fn a_ledger_that_was_cut_or_written_anew_is_found_by_what_a_witness_cosigned() {
    let home = used();
    checkpoint(&home);
    keep(&home, "before");
    home.glass(&REFUSED).exits(3);
    let lost = checkpoint(&home);
    let witness = Witness::start(&home, &[key(&home)]);
    let keys = vec![WitnessKey::parse(&witness.key).unwrap()];
    let client = Client { address: WebAddress::parse(&witness.address).unwrap(), keys, ca_bundle: None };
    let none = |_| Some(Vec::new());
    let cosigned = client.cosign(lost["note"].as_str().unwrap(), 0, &none, HostClock.now()).unwrap();
    let note = home.write("cosigned.note", &cosigned.note);
    let (auditor, copy) = (super::home(), ledger(&home));
    let verify = |code| {
        let words = ["--ledger", copy.to_str().unwrap(), "--key", &witness.key, "--anchored", "--max-age", "1h"];
        against(&auditor, &[note.to_str().unwrap()], &words).exits(code).json()
    };
    let good = verify(0);
    assert_eq!(good["anchored"]["at"], json!(cosigned.at), "{good}");
    put_back(&home, "before");
    assert_eq!(verify(4)["completeness"]["state"], json!("cut"));
    while lines(&home).len() as u64 <= lost["size"].as_u64().unwrap() {
        home.glass(&["list"]).exits(0);
    }
    // With another key as well, which is what the cut tail, the new history and its receipts are signed with.
    fs::remove_dir_all(home.path(".local/state/glass/keys")).unwrap();
    checkpoint(&home);
    assert_eq!(verify(4)["completeness"]["state"], json!("rewritten"));
    // A cosignature by a witness that nobody knows is none.
    let other = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";
    let words = ["--ledger", copy.to_str().unwrap(), "--key", &key(&home), "--key", other];
    let found = against(&auditor, &[note.to_str().unwrap()], &words).exits(4).json();
    assert_eq!(found["completeness"]["state"], json!("unknown"), "{found}");
}

#[test]
fn a_receipt_with_a_cosignature_is_more_than_the_ledgers_own_word() {
    let home = used();
    let made = checkpoint(&home);
    let witness = Witness::start(&home, &[key(&home)]);
    let keys = vec![WitnessKey::parse(&witness.key).unwrap()];
    let client = Client { address: WebAddress::parse(&witness.address).unwrap(), keys, ca_bundle: None };
    let cosigned = client.cosign(made["note"].as_str().unwrap(), 0, &|_| Some(Vec::new()), HostClock.now()).unwrap();
    with_receipt(&home, &made, |d| {
        d["kind"] = json!("witness");
        d["receipt"] = json!({"note": cosigned.note});
    });
    let words = ["audit", "verify", "--json", "--anchored", "--key", &witness.key];
    let found = home.glass(&words).exits(0).json();
    assert_eq!((&found["completeness"]["state"], &found["anchored"]["kind"]), (&json!("complete"), &json!("witness")));
    let found = home.glass(&words[..4]).exits(0).json();
    assert_eq!((&found["completeness"]["state"], &found["anchored"]["by"]), (&json!("unknown"), &json!("receipt")));
}

#[test]
fn two_histories_of_the_same_length_are_told_apart() {
    let home = used();
    checkpoint(&home);
    keep(&home, "before");
    home.glass(&REFUSED).exits(3);
    let one = ship(&home);
    put_back(&home, "before");
    home.glass(&REFUSED).exits(3);
    let other = checkpoint(&home);
    assert_eq!((&one["size"], one["root"] == other["root"]), (&other["size"], false));
    let (code, found) = by_share(&home, &[]);
    assert_eq!((code, &found["completeness"]["state"]), (4, &json!("rewritten")), "{found}");
}

#[test]
fn another_key_does_not_make_another_history_true() {
    let home = used();
    keep(&home, "before");
    ship(&home);
    let old = key(&home);
    put_back(&home, "before");
    home.glass(&REFUSED).exits(3);
    home.glass(&REFUSED).exits(3);
    checkpoint(&home);
    assert_ne!(key(&home), old, "the key was made after that");
    assert_eq!(verdict(&home).0, 0);
    // Nobody knows the key from elsewhere: then the ledger's word for it is no better than the archive's.
    let (code, found) = by_share(&home, &[]);
    assert_eq!((code, &found["completeness"]["state"]), (4, &json!("rewritten")), "{found}");
    assert_eq!(by_share(&home, &["--key", &old]).0, 4);
    // Who believes the new key has an archive of notes by somebody else.
    let (code, found) = by_share(&home, &["--key", &key(&home)]);
    assert_eq!((code, &found["completeness"]["state"]), (0, &json!("unknown")), "{found}");
    assert_eq!(found["completeness"]["foreign"].as_array().unwrap().len(), 1);
    assert_eq!(by_share(&home, &["--key", &key(&home), "--anchored"]).0, 5);
}

#[test]
fn junk_in_the_archive_is_told_and_neither_accuses_nor_vouches() {
    let home = used();
    let good = ship(&home);
    let folder = name_of(&home, &good).parent().unwrap().to_owned();
    let note = good["note"].as_str().unwrap();
    let (origin, signature) = (good["origin"].as_str().unwrap(), note.lines().last().unwrap());
    let size = |size: u64| folder.join(format!("{size:016}"));
    let text = |size: u64| format!("{origin}\n{size}\n{}\n", note.lines().nth(2).unwrap());
    for (path, junk, why) in [
        (size(900), "x".to_owned(), "malformed"),
        (size(901), "x".repeat(70_000), "malformed"),
        (size(902), note.to_owned(), "it is of "),
        (folder.join("903"), note.to_owned(), "it is of "),
        (folder.join("deep/0000000000000904"), note.to_owned(), "it is of "),
        (size(905), format!("{}\n{signature}\n", text(905)), "is wrong"),
        (size(906), format!("{}\n— mallory AAAAAAAA\n", text(906)), "by no key that is known"),
        (size(907), note.replace(origin, "glass/-/x/y/00000000"), "of another ledger"),
    ] {
        put(&path, &junk);
        let (code, found) = by_share(&home, &["--anchored"]);
        let foreign = found["completeness"]["foreign"].as_array().unwrap();
        assert_eq!((code, foreign.len()), (0, 1), "{why}: {found}");
        assert!(foreign[0]["reason"].as_str().unwrap().contains(why), "{found}");
        fs::remove_file(path).unwrap();
    }
    // What is none of its names at all is nothing to it.
    std::os::unix::fs::symlink("/etc/passwd", size(908)).unwrap();
    put(&home.path("share/README"), "x");
    put(&folder.join(".0000000000000909.17"), "x");
    let (code, found) = by_share(&home, &["--anchored"]);
    assert_eq!((code, &found["completeness"]["foreign"]), (0, &json!([])), "{found}");
}

#[test]
fn an_archive_that_has_nothing_of_the_ledger_says_nothing_of_it() {
    let home = used();
    checkpoint(&home);
    let (code, found) = by_share(&home, &[]);
    assert_eq!((code, &found["completeness"]["state"], &found["anchored"]), (0, &json!("unknown"), &Value::Null));
    assert_eq!(by_share(&home, &["--anchored"]).0, 5);
    assert_eq!(by_share(&home, &["--max-age", "1h"]).0, 5);
}

#[test]
fn what_was_signed_since_is_not_anchored_and_what_is_old_is_too_old() {
    let home = used();
    let first = ship(&home);
    checkpoint(&home);
    let (code, found) = by_share(&home, &["--anchored"]);
    assert_eq!((code, &found["anchored"]["size"]), (5, &first["size"]), "{found}");
    assert_eq!(by_share(&home, &["--max-age", "1h"]).0, 0);
    let old = Outcome::of(home.command(tool("touch")).args(["-d", "2 hours ago"]).arg(name_of(&home, &first)), "");
    old.exits(0);
    assert_eq!(by_share(&home, &["--max-age", "1h"]).0, 5);
    assert_eq!(by_share(&home, &["--max-age", "3h"]).0, 0);
    // Nobody makes it younger than the checkpoint is.
    let young = Outcome::of(home.command(tool("touch")).args(["-d", "2 years"]).arg(name_of(&home, &first)), "");
    young.exits(0);
    let (_, found) = by_share(&home, &[]);
    let entries = lines(&home);
    let made = entries.iter().find(|entry| entry["ev"] == "ledger.checkpoint" && entry["d"]["size"] == first["size"]);
    let at = found["anchored"]["at"].as_str().unwrap().trim_end_matches('Z');
    assert!(made.unwrap()["ts"].as_str().unwrap().starts_with(at), "{found}");
    // A note in a file says of no time when it was kept.
    let note = home.write("kept.note", first["note"].as_str().unwrap());
    against(&home, &[note.to_str().unwrap()], &[]).exits(0);
    against(&home, &[note.to_str().unwrap()], &["--max-age", "3h"]).exits(5);
    home.glass(&["audit", "verify", "--max-age", "soon"]).exits(2);
}

#[test]
fn another_ledger_of_the_same_machine_is_told() {
    let home = used();
    let lost = ship(&home);
    fs::remove_dir_all(home.path(".local")).unwrap();
    home.glass(&REFUSED).exits(3);
    ship(&home);
    let (code, found) = by_share(&home, &["--anchored"]);
    let others = found["completeness"]["others"].as_array().unwrap();
    assert_eq!((code, others.len()), (0, 1), "{found}");
    assert_eq!((&others[0]["origin"], &others[0]["size"]), (&lost["origin"], &lost["size"]));
    // A note of it that is named is not one of this.
    let note = home.write("kept.note", lost["note"].as_str().unwrap());
    let found = against(&home, &[note.to_str().unwrap()], &[]).exits(4).json();
    assert!(found["completeness"]["foreign"][0]["reason"].as_str().unwrap().contains("another ledger"), "{found}");
}

#[test]
fn what_cannot_be_read_is_named_and_nothing_is_said_of_the_ledger() {
    let home = used();
    let good = ship(&home);
    let not_a_note = home.write("not-a.note", "x");
    for (what, code) in [("/no/such/share", 1), (not_a_note.to_str().unwrap(), 1), ("http://x", 2), ("s3://A", 2)] {
        let outcome = against(&home, &[what], &[]).exits(code);
        assert!(outcome.stdout.is_empty() && outcome.stderr.contains(what), "{}", outcome.stderr);
    }
    let auditor = Home::new();
    for (more, wanted) in [(&[][..], "--region"), (&["--region", "eu-west-1"], "--profile")] {
        let outcome = against(&auditor, &["s3://acme-evidence/ledgers"], more).exits(2);
        assert!(outcome.stderr.contains(&format!("with {wanted}")), "{}", outcome.stderr);
    }
    let folder = name_of(&home, &good).parent().unwrap().to_owned();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o000)).unwrap();
    let is_root = fs::read_dir(&folder).is_ok();
    let outcome = against(&home, &[home.path("share").to_str().unwrap()], &[]);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(is_root || outcome.code == 1, "{}", outcome.stderr);
}

/// Appends what the ledger would say of something that it sent to its archive.
fn with_receipt(home: &Home, of: &Value, change: impl Fn(&mut Value)) {
    let mut lines = lines(home);
    let mut receipt = lines.last().unwrap().clone();
    receipt["ev"] = json!("ledger.anchor");
    receipt["d"] = json!({
        "size": of["size"], "root": of["root"], "kind": "folder", "to": home.path("share"),
        "receipt": {"name": name_of(home, of), "version": null, "retained_until": null},
        "segment": null, "recording": null,
    });
    change(&mut receipt["d"]);
    lines.push(receipt);
    chained(home, &lines);
}

#[test]
fn what_the_ledger_has_a_receipt_for_must_be_in_the_archive() {
    let home = used();
    let shipped = ship(&home);
    with_receipt(&home, &shipped, |_| ());
    let (code, found) = by_share(&home, &["--anchored"]);
    assert_eq!((code, &found["completeness"]["gone"]), (0, &json!([])), "{found}");
    fs::remove_file(name_of(&home, &shipped)).unwrap();
    let (code, found) = by_share(&home, &[]);
    let gone = &found["completeness"]["gone"];
    assert_eq!((code, gone.as_array().unwrap().len()), (4, 1), "{found}");
    assert_eq!(gone[0]["name"], json!(format!("checkpoint/{:016}", shipped["size"].as_u64().unwrap())));
    for (key, value, name) in [
        ("segment", json!({"name": "log-0000000000000000.jsonl"}), "segment/log-0000000000000000.jsonl.gz"),
        (
            "recording",
            json!({"session": "0123abcd", "bytes": 1, "sha256": "0".repeat(64)}),
            "recording/0123abcd.cast.gz",
        ),
    ] {
        let home = used();
        let shipped = ship(&home);
        with_receipt(&home, &shipped, |d| d[key] = value.clone());
        let (code, found) = by_share(&home, &[]);
        assert_eq!((code, &found["completeness"]["gone"][0]["name"]), (4, &json!(name)), "{found}");
        // Something of that name is not it.
        put(&name_of(&home, &shipped).parent().unwrap().parent().unwrap().join(name), "x");
        let (code, found) = by_share(&home, &[]);
        assert_eq!((code, &found["completeness"]["gone"]), (4, &json!([])), "{found}");
        assert_eq!(found["completeness"]["altered"][0]["name"], name, "{found}");
    }
}

/// What the archive has is another by now: the verdict says which, and why.
#[track_caller]
fn altered(home: &Home, name: &str, why: &str) {
    let (code, found) = by_share(home, &[]);
    let altered = found["completeness"]["altered"].as_array().unwrap();
    let names: Vec<_> = altered.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!((code, names.as_slice()), (4, &[name][..]), "{why}: {found}");
    assert!(altered[0]["reason"].as_str().unwrap().contains(why), "{why}: {found}");
    let told = home.glass(&["audit", "verify", "--against", home.path("share").to_str().unwrap()]).exits(4).stdout;
    assert!(told.contains(&format!("has something else as {name}, of which entry ")), "{told}");
}

/// Packs it as glass does.
fn packed(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A home with three segments that were closed and sent, and their names in the share.
fn three_segments() -> (Home, Vec<String>) {
    let home = super::ship::shared();
    for _ in 0..3 {
        home.glass(&REFUSED).exits(3);
        home.glass(&["audit", "rotate"]).exits(0);
        super::ship::ship(&home).exits(0);
    }
    let mut segments = super::ship::kept(&home);
    segments.retain(|name| name.contains("/segment/"));
    (home, segments)
}

/// Mounted elsewhere it is held to the receipts of its old place, but nobody can say what should be there.
#[test]
fn a_share_that_is_mounted_elsewhere_must_have_what_was_sent_or_nothing() {
    let (home, segments) = three_segments();
    let elsewhere = home.path("elsewhere");
    fs::rename(home.path("share"), &elsewhere).unwrap();
    let by_it = |code| {
        let found = against(&home, &[elsewhere.to_str().unwrap()], &[]).exits(code).json();
        (found["completeness"]["gone"].clone(), found["completeness"]["altered"].clone())
    };
    assert_eq!(by_it(0), (json!([]), json!([])));
    fs::copy(elsewhere.join(&segments[0]), elsewhere.join(&segments[1])).unwrap();
    let (gone, altered) = by_it(4);
    assert_eq!((gone, &altered[0]["from"]), (json!([]), &json!(elsewhere)));
    assert!(segments[1].ends_with(altered[0]["name"].as_str().unwrap()), "{altered}");
    fs::remove_file(elsewhere.join(&segments[1])).unwrap();
    assert_eq!(by_it(0), (json!([]), json!([])));
}

/// Closed segments that were sent are read there, and held to what the ledger came to, also once they are gone here.
#[test]
fn a_segment_in_the_archive_must_be_the_one_that_was_sent() {
    let (home, segments) = three_segments();
    let [first, second, _] = segments.as_slice() else { panic!("{segments:?}") };
    let below = |name: &str| format!("segment/{}", name.rsplit_once('/').unwrap().1);
    let place = |name: &String| home.path("share").join(name);
    let (good, other) = (fs::read(place(first)).unwrap(), fs::read(place(second)).unwrap());
    let mut text = Vec::new();
    MultiGzDecoder::new(good.as_slice()).read_to_end(&mut text).unwrap();
    let all_is_well = || {
        let (code, found) = by_share(&home, &[]);
        let completeness = &found["completeness"];
        assert_eq!((code, &completeness["gone"], &completeness["altered"]), (0, &json!([]), &json!([])), "{found}");
        let size: u64 = super::ship::kept(&home).iter().map(|name| fs::metadata(place(name)).unwrap().len()).sum();
        let objects = super::ship::kept(&home).len();
        assert_eq!(
            completeness["read"],
            json!({"objects": objects, "bytes": size}),
            "each was read, and once: {found}"
        );
    };
    let edited = String::from_utf8(text.clone()).unwrap().replacen("outage", "outagf", 1).into_bytes();
    // Also once it is here no longer, with the entry that has its receipt, which is in the archive's next segment.
    let held: [&dyn Fn(); 3] =
        [&|| (), &|| fs::remove_file(ledger(&home).join("log-0000000000000000.jsonl")).unwrap(), &|| {
            let file = second.rsplit_once('/').unwrap().1.strip_suffix(".gz").unwrap();
            fs::remove_file(ledger(&home).join(file)).unwrap();
        }];
    for delete in held {
        delete();
        all_is_well();
        for (content, why) in [
            (b"garbage".to_vec(), "no gzip of the"),
            (good[..good.len() - 9].to_vec(), "no gzip of the"),
            (packed(&vec![b'x'; 50_000_000]), "no gzip of the"),
            (packed(&edited), "and SHA-256"),
            (other.clone(), ""),
        ] {
            fs::write(place(first), content).unwrap();
            altered(&home, &below(first), why);
        }
        fs::remove_file(place(first)).unwrap();
        let (code, found) = by_share(&home, &[]);
        assert_eq!((code, &found["completeness"]["gone"][0]["name"]), (4, &json!(below(first))), "{found}");
        fs::write(place(first), &good).unwrap();
    }
    let told = home.glass(&["audit", "verify", "--against", home.path("share").to_str().unwrap()]).exits(0).stdout;
    assert!(
        told.lines().any(|line| line.starts_with("read ") && line.contains(" objects of the archives, ")),
        "{told}"
    );
}

#[test]
fn a_checkpoint_in_the_archive_must_be_the_one_that_was_sent() {
    let home = super::ship::shared();
    home.glass(&REFUSED).exits(3);
    let made = checkpoint(&home);
    super::ship::ship(&home).exits(0);
    assert_eq!(by_share(&home, &[]).0, 0);
    let place = name_of(&home, &made);
    let name = format!("checkpoint/{:016}", made["size"].as_u64().unwrap());
    let note = made["note"].as_str().unwrap();
    let root = note.lines().nth(2).unwrap();
    for other in [String::new(), "x".repeat(100_000), note.replace(root, &root.replace(&root[..3], "AAA"))] {
        fs::write(&place, other).unwrap();
        altered(&home, &name, "no checkpoint with the root that was sent");
    }
}

#[test]
fn a_recording_in_the_archive_must_be_the_one_that_was_sent() {
    let practice = Practice::new();
    let practice =
        practice.edited("profiles.toml", "[levels.emergency]", "[ledger]\nship = [\"share\"]\n\n[levels.emergency]");
    let share = PathBuf::from(practice.file("share"));
    fs::create_dir(&share).unwrap();
    practice.assume(&["--", "/bin/echo", "it is back"]).exits(0);
    practice.home.glass(&["audit", "ship"]).exits(0);
    let verify = |code| {
        let words = ["audit", "verify", "--json", "--against", share.to_str().unwrap()];
        practice.home.glass(&words).exits(code).json()["completeness"].clone()
    };
    assert_eq!(verify(0)["altered"], json!([]));
    let told = practice.told("ledger.anchor").into_iter().find(|anchor| !anchor["recording"].is_null()).unwrap();
    let place = PathBuf::from(told["receipt"]["name"].as_str().unwrap());
    let session = told["recording"]["session"].as_str().unwrap();
    // It is gone here, so that the archive's is the only one.
    fs::remove_file(practice.ledger().with_file_name("recordings").join(format!("{session}.cast"))).unwrap();
    assert_eq!(verify(0)["altered"], json!([]));
    fs::write(&place, packed(b"{}\n")).unwrap();
    let found = verify(4);
    assert_eq!(found["altered"][0]["name"], format!("recording/{session}.cast.gz"), "{found}");
    fs::remove_file(&place).unwrap();
    assert_eq!(verify(4)["gone"][0]["name"], format!("recording/{session}.cast.gz"));
}

#[test]
fn without_anything_to_hold_it_against_the_receipts_are_the_ledgers_own_word() {
    let home = used();
    let shipped = ship(&home);
    home.glass(&["audit", "verify", "--anchored"]).exits(5);
    with_receipt(&home, &shipped, |d| d["root"] = json!("0".repeat(64)));
    home.glass(&["audit", "verify", "--anchored"]).exits(5);
    with_receipt(&home, &shipped, |_| ());
    let found = home.glass(&["audit", "verify", "--json", "--anchored", "--max-age", "1h"]).exits(0).json();
    assert_eq!((&found["completeness"]["state"], &found["anchored"]["by"]), (&json!("unknown"), &json!("receipt")));
    assert_eq!((&found["anchored"]["size"], &found["anchored"]["kind"]), (&shipped["size"], &json!("folder")));
    let told = home.glass(&["audit", "verify"]).exits(0).stdout;
    assert!(told.contains("complete    unknown") && told.contains("the ledger's own receipt"), "{told}");
    // What is looked at counts, whatever the ledger says.
    fs::remove_dir_all(home.path("share")).unwrap();
    fs::create_dir(home.path("share")).unwrap();
    let (code, found) = by_share(&home, &["--anchored"]);
    assert_eq!((code, &found["anchored"]), (4, &Value::Null), "{found}");
}
