//! The pages name what exists.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use glass::cli::args::Args;
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

/// What a heading is called in links to it: its letters in lower case, and hyphens for its spaces.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(|letter: char| !letter.is_alphanumeric() && !" -_".contains(letter), "");
    kept.replace(' ', "-")
}

#[test]
fn every_link_between_the_pages_leads_somewhere() {
    let mut pages = files(&["docs"], "md");
    pages.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|page| root().join(page)));
    let anchors = |page: &Path| -> Vec<String> {
        let text = fs::read_to_string(page).unwrap();
        let headings = text.lines().filter(|line| line.starts_with('#'));
        headings.map(|heading| anchor(heading.trim_start_matches('#').trim())).collect()
    };
    for page in &pages {
        let text = fs::read_to_string(page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (file, place) = link.split_once('#').unwrap_or((link, ""));
            let led = if file.is_empty() { page.clone() } else { page.with_file_name(file) };
            let leads = led.exists() && (place.is_empty() || anchors(&led).iter().any(|anchor| anchor == place));
            assert!(leads, "{}: {link}", page.display());
        }
    }
}

/// The commands that people can give, each with those that it is below: `audit verify`.
fn commands(command: &Command, above: &str) -> Vec<String> {
    let mut names = Vec::new();
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("{above}{}", command.get_name());
        names.extend(commands(command, &format!("{name} ")));
        if !command.is_subcommand_required_set() {
            names.push(name);
        }
    }
    names
}

#[test]
fn the_guide_has_every_command() {
    let guide = fs::read_to_string(root().join("docs/guide.md")).unwrap();
    let table = guide.split("\n| command | what it does |\n| --- | --- |\n").nth(1).unwrap();
    let mut told = Vec::new();
    for row in table.lines().take_while(|line| line.starts_with('|')) {
        // `audit show`, `tail`: both are of `audit`.
        let mut above = "";
        for name in quoted(row.split(" | ").next().unwrap(), '`') {
            above = name.split_once(' ').map_or(above, |(above, _)| above);
            told.push(if above.is_empty() || name.contains(' ') { name.to_owned() } else { format!("{above} {name}") });
        }
    }
    let mut there = commands(&<Args>::command(), "");
    told.sort();
    there.sort();
    assert_eq!(told, there);
}

#[test]
fn every_subcommand_has_its_file_and_its_cases() {
    let cases: Vec<String> = files(&["tests/cases"], "toml")
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    for command in <Args>::command().get_subcommands() {
        let name = command.get_name();
        let file = root().join(format!("src/cli/{}.rs", name.replace('-', "_")));
        assert!(file.is_file(), "{}", file.display());
        assert!(cases.iter().any(|case| case.starts_with(&format!("{name}-"))), "tests/cases/{name}-*.toml");
    }
}

#[test]
fn the_three_commands_of_an_auditor_are_the_same_everywhere() {
    let three = |page: &str| -> String {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let section = text.split("# For an auditor\n").nth(1).unwrap();
        section.split("```sh\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
    };
    assert_eq!(three("README.md").lines().count(), 3);
    assert_eq!(three("README.md"), three("docs/guide.md"));
    assert_eq!(three("README.md"), three("docs/audit.md"));
}

#[test]
fn the_checkpoint_in_the_formats_is_signed_by_the_key_in_the_example_and_cosigned_by_the_witness() {
    let formats = fs::read_to_string(root().join("docs/formats.md")).unwrap();
    let blocks: Vec<_> = formats.split("```text\n").map(|rest| rest.split("```").next().unwrap()).collect();
    let notes: Vec<_> = blocks.iter().filter(|block| block.starts_with("glass/")).collect();
    let example = fs::read_to_string(root().join("profiles.example.toml")).unwrap();
    let line = example.lines().find(|line| line.starts_with("ledger_keys")).unwrap();
    let key = VerifierKey::parse(quoted(line, '"').next().unwrap()).unwrap();
    assert!(fs::read_to_string(root().join("docs/audit.md")).unwrap().contains(&key.to_string()));
    let [signed, cosigned] = notes[..] else { panic!("{notes:?}") };
    for note in [signed, cosigned] {
        assert_eq!(Checkpoint::open(note.as_bytes(), std::slice::from_ref(&key)).unwrap().0.size, 912);
    }
    let witness = blocks.iter().find(|block| block.starts_with("witness.example/")).unwrap();
    let witness = [WitnessKey::parse(witness.trim()).unwrap()];
    let note = Note::parse(cosigned.as_bytes()).unwrap();
    assert_eq!(note.cosignatures(&witness).unwrap()[0].at.to_string(), "2026-01-31T02:14:05Z");
}
