//! The pages name what exists, and what they tell a reader to run works.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Home, Outcome, Sandbox, tool};

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
    let missing: Vec<_> = named.iter().filter(|name| !code.contains(&format!("fn {name}()"))).collect();
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

/// The README's way to verify a ledger, run by a shell that has no glass.
fn verify_without_glass(home: &Home) -> Outcome {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let script = blocks.into_iter().find(|block| block.contains("sha256sum")).unwrap();
    Outcome::of(home.command(tool("sh")).args(["-euc", script]), "")
}

#[test]
fn the_readme_verifies_a_ledger_without_glass() {
    let mut home = Home::new();
    let sandbox = Sandbox::start(&mut home);
    home.set("XDG_STATE_HOME", home.path(".local/state").display());
    home.set("GLASS_IDENTITY", sandbox.identity.replace("identity.toml", "unattended.toml"));
    let words = ["assume", "prod-db-emergency", "--incident", "INC-1", "--reason", "ünïcode \\ \"and\" quotes"];
    home.glass(&[&words[..], &["--", "true"]].concat()).exits(0);

    let verified = verify_without_glass(&home).exits(0).stdout;
    assert!(verified.starts_with("verified: ") && verified.trim().len() == "verified: ".len() + 64, "{verified}");
    let log = ".local/state/glass/ledger/log-0000000000000000.jsonl";
    let whole = home.read(log);
    home.write(log, &whole.replacen("\"INC-1\"", "\"INC-2\"", 1));
    assert!(verify_without_glass(&home).exits(4).stdout.starts_with("broken: "));
    let without_last: String = whole.split_inclusive('\n').take(whole.lines().count() - 1).collect();
    home.write(log, &without_last);
    assert_eq!(verify_without_glass(&home).exits(4).stdout, "the head says something else\n");
}
