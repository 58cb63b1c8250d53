//! The pages name what exists.

use std::fs;
use std::path::{Path, PathBuf};

use glass::model::checkpoint::Checkpoint;
use glass::model::note::Note;
use glass::model::note::key::{VerifierKey, WitnessKey};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below some of the project's folders whose names end so.
fn files(folders: &[&str], extension: &str) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                files.push(path);
            }
        }
    }
    files
}

/// What stands between every second and third of these marks.
fn quoted(text: &str, mark: char) -> impl Iterator<Item = &str> {
    text.split(mark).skip(1).step_by(2)
}

#[test]
fn every_test_that_the_threats_name_is_there() {
    let code: String = files(&["src", "tests"], "rs").iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let threats = fs::read_to_string(root().join("docs/threats.md")).unwrap();
    let tests = threats.lines().filter(|line| line.starts_with("| T")).filter_map(|row| row.rsplit('|').nth(1));
    let named: Vec<&str> = tests.flat_map(|tests| quoted(tests, '`')).collect();
    assert!(named.len() > 30, "the table is not where it was");
    let is_there = |name: &str| {
        if name.ends_with(".toml") {
            return root().join("tests/cases").join(name).is_file();
        }
        code.contains(&format!("fn {name}()"))
    };
    let missing: Vec<_> = named.iter().filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_link_between_the_pages_leads_somewhere() {
    let mut pages = files(&["docs"], "md");
    pages.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|page| root().join(page)));
    for page in pages.iter().filter(|page| page.exists()) {
        let text = fs::read_to_string(page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let leads = link.is_empty() || link.contains("://") || page.with_file_name(link).exists();
            assert!(leads, "{}: {link}", page.display());
        }
    }
}

#[test]
fn the_checkpoint_in_the_formats_is_signed_by_the_key_in_the_example_and_cosigned_by_the_witness() {
    let formats = fs::read_to_string(root().join("docs/formats.md")).unwrap();
    let blocks: Vec<_> = formats.split("```text\n").map(|rest| rest.split("```").next().unwrap()).collect();
    let notes: Vec<_> = blocks.iter().filter(|block| block.starts_with("glass/")).collect();
    let example = fs::read_to_string(root().join("profiles.example.toml")).unwrap();
    let line = example.lines().find(|line| line.starts_with("ledger_keys")).unwrap();
    let key = VerifierKey::parse(quoted(line, '"').next().unwrap()).unwrap();
    assert!(fs::read_to_string(root().join("docs/guide.md")).unwrap().contains(&key.to_string()));
    let [signed, cosigned] = notes[..] else { panic!("{notes:?}") };
    for note in [signed, cosigned] {
        assert_eq!(Checkpoint::open(note.as_bytes(), std::slice::from_ref(&key)).unwrap().0.size, 912);
    }
    let witness = blocks.iter().find(|block| block.starts_with("witness.example/")).unwrap();
    let witness = [WitnessKey::parse(witness.trim()).unwrap()];
    let note = Note::parse(cosigned.as_bytes()).unwrap();
    assert_eq!(note.cosignatures(&witness).unwrap()[0].at.to_string(), "2026-01-31T02:14:05Z");
}
