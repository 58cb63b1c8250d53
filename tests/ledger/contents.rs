//! The larger contents that entries refer to, held against their hashes: what was changed, deleted, put there by somebody.

use std::fs;
use std::path::{Path, PathBuf};

use glass::model::name::Digest;
use serde_json::{Value, json};

use super::ship::copy_folder;
use crate::support::{Outcome, Practice};

/// A ledger with a session, and the files of its contents by name.
fn used() -> (Practice, Vec<PathBuf>) {
    let practice = Practice::new();
    practice.assume(&["--", "/bin/true"]).exits(0);
    let files = fs::read_dir(practice.ledger().join("blobs")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.collect();
    files.sort();
    assert!(files.len() > 1, "the catalogue, and what it names: {files:?}");
    (practice, files)
}

/// What is said of contents, and the exit code.
#[track_caller]
fn verify(practice: &Practice, more: &[&str]) -> (i32, Value) {
    let outcome = practice.home.glass(&[&["audit", "verify", "--json"], more].concat());
    let found = outcome.json();
    assert_eq!(found["integrity"], "verified", "{found}");
    (outcome.code, found["contents"].clone())
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// The number of the first intent, and the file of the catalogue that it names.
fn intent(practice: &Practice) -> (Value, PathBuf) {
    let entry = practice.entries().into_iter().find(|entry| entry["ev"] == "elevate.intent").unwrap();
    (entry["seq"].clone(), practice.ledger().join("blobs").join(entry["d"]["catalogue"].as_str().unwrap()))
}

#[test]
fn a_content_that_was_changed_or_deleted_is_named_and_is_broken_evidence() {
    let (practice, files) = used();
    let all_good = json!({"verified": files.len(), "differ": [], "missing": []});
    assert_eq!(verify(&practice, &[]), (0, all_good.clone()));
    let (seq, catalogue) = intent(&practice);
    let kept: Vec<_> = files.iter().map(|file| (file, fs::read(file).unwrap())).collect();
    for file in &files {
        fs::write(file, "garbage").unwrap();
    }
    let (code, found) = verify(&practice, &[]);
    assert_eq!((code, &found["verified"], &found["missing"]), (4, &json!(0), &json!([])));
    for (bad, file) in found["differ"].as_array().unwrap().iter().zip(&files) {
        let entry = if *file == catalogue { seq.clone() } else { bad["entry"].clone() };
        let reason = format!("its SHA-256 is {}", Digest::of(b"garbage"));
        assert_eq!(bad, &json!({"sha256": name(file), "entry": entry, "reason": reason}));
    }
    let told = practice.home.glass(&["audit", "verify"]).exits(4).stdout;
    let line = format!("differs     blobs/{}, of entry {seq}: its SHA-256 is ", name(&catalogue));
    assert!(told.contains(&format!("contents    {} differ\n", files.len())) && told.contains(&line), "{told}");
    for (file, content) in kept {
        fs::write(file, content).unwrap();
    }
    fs::remove_file(&catalogue).unwrap();
    let missing = json!([{"sha256": name(&catalogue), "entry": seq}]);
    assert_eq!(verify(&practice, &[]), (4, json!({"verified": files.len() - 1, "differ": [], "missing": missing})));
    fs::remove_dir_all(catalogue.parent().unwrap()).unwrap();
    let (code, found) = verify(&practice, &[]);
    // Of one entry they are told in the order of their hashes, and the catalogue's is another in each practice.
    let is_named = |bad: &Value| bad["sha256"] == name(&catalogue);
    assert_eq!((code, &found["verified"]), (4, &json!(0)));
    assert!(found["missing"].as_array().unwrap().iter().any(is_named), "{found}");
    // The ledger itself is whole: it goes on, and what is used anew is kept anew.
    practice.assume(&["--", "/bin/true"]).exits(0);
    assert_eq!(verify(&practice, &[]), (0, all_good));
}

#[test]
fn a_copy_without_any_contents_says_so_and_one_that_lacks_some_is_broken_evidence() {
    let (practice, files) = used();
    let copy = practice.home.path("copy");
    fs::create_dir(&copy).unwrap();
    for entry in fs::read_dir(practice.ledger()).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_file() {
            fs::copy(&entry, copy.join(entry.file_name().unwrap())).unwrap();
        }
    }
    let of_copy = ["--ledger", copy.to_str().unwrap()];
    let (code, found) = verify(&practice, &of_copy);
    assert_eq!((code, found["missing"].as_array().unwrap().is_empty()), (0, false), "{found}");
    let told = practice.home.glass(&[&["audit", "verify"], of_copy.as_slice()].concat()).exits(0).stdout;
    assert!(told.contains(" missing: the copy has no folder `blobs`\n"), "{told}");
    copy_folder(&practice.ledger().join("blobs"), &copy.join("blobs"));
    assert_eq!(verify(&practice, &of_copy).0, 0);
    let (_, catalogue) = intent(&practice);
    fs::remove_file(copy.join("blobs").join(name(&catalogue))).unwrap();
    assert_eq!(verify(&practice, &of_copy).0, 4);
    assert_eq!(verify(&practice, &[]).1["verified"], json!(files.len()));
}

#[test]
fn what_somebody_put_under_a_hash_is_not_built_upon_and_stays() {
    let (practice, _) = used();
    let (_, catalogue) = intent(&practice);
    fs::write(&catalogue, "garbage").unwrap();
    let refused = practice.assume(&["--", "/bin/true"]).exits(4);
    let fact = format!("{} is not the content that its name is the hash of", catalogue.display());
    assert!(refused.stderr.contains(&fact) && refused.stderr.contains("hint: "), "{}", refused.stderr);
    assert_eq!((practice.told("elevate.intent").len(), fs::read(&catalogue).unwrap()), (1, b"garbage".to_vec()));
    fs::rename(&catalogue, practice.home.path("evidence")).unwrap();
    practice.assume(&["--", "/bin/true"]).exits(0);
    assert_eq!(Digest::of(&fs::read(&catalogue).unwrap()).to_string(), name(&catalogue));
}

/// `docs/formats.md` has this line for who has no glass.
#[test]
fn contents_are_verified_without_glass() {
    let (practice, files) = used();
    let line = "cd \"$1\" && for name in *; do echo \"$name  $name\"; done | sha256sum --check --quiet";
    let check = || {
        let mut shell = practice.home.command("/bin/sh");
        Outcome::of(shell.args(["-c", line, "sh"]).arg(files[0].parent().unwrap()), "")
    };
    check().exits(0);
    fs::write(&files[0], "garbage").unwrap();
    check().exits(1);
}
