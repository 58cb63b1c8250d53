//! The ledger that the built program leaves, as an auditor and an attacker see it.

mod against;
mod cloudtrail;
mod contents;
mod corpus;
mod disks;
mod export;
mod faults;
pub mod interrupted;
mod others;
mod recordings;
mod rotate;
mod script;
mod ship;
mod signed;
mod trail;
mod verdicts;
mod witness;
pub mod writers;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::world::{CATALOGUE, IDENTITY};
use crate::support::{Home, Outcome, tool};

const SEGMENT: &str = "log-0000000000000000.jsonl";

/// A home whose person is refused before AWS is asked: the reason is too short. That is a gate entry.
fn home() -> Home {
    let home = Home::new();
    home.write(".config/glass/profiles.toml", CATALOGUE);
    home.write(".config/glass/identity.toml", IDENTITY);
    home
}

const REFUSED: [&str; 8] =
    ["assume", "prod-db-emergency", "--trigger", "outage", "--incident", "INC-1", "--reason", "short"];

fn ledger(home: &Home) -> PathBuf {
    home.path(".local/state/glass/ledger")
}

/// The segments of a ledger, in order.
fn segments(ledger: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(ledger).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> = files.filter(|path| path.extension().is_some_and(|ext| ext == "jsonl")).collect();
    segments.sort();
    segments
}

/// All lines of the ledger.
fn text(home: &Home) -> String {
    segments(&ledger(home)).iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

fn events(home: &Home) -> Vec<String> {
    let event = |line: &str| serde_json::from_str::<Value>(line).unwrap()["ev"].as_str().unwrap().to_owned();
    text(home).lines().map(event).collect()
}

/// The verdict of glass on its own ledger.
#[track_caller]
fn verdict(home: &Home) -> (i32, Value) {
    let outcome = home.glass(&["audit", "verify", "--json"]);
    (outcome.code, outcome.json())
}

/// The verdict of `docs/verify.pl`.
fn by_script(home: &Home, ledger: &Path) -> Outcome {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verify.pl");
    Outcome::of(home.command(tool("perl")).arg(script).arg(ledger), "")
}

/// The ledgers of `tests/vectors/ledger`: name, folder, and the verdict that each must have.
fn vectors() -> Vec<(String, PathBuf, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/ledger");
    let vectors = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let expected = |path: &Path| serde_json::from_slice(&fs::read(path.join("expected.json")).unwrap()).unwrap();
    vectors
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path.clone(), expected(&path)))
        .collect()
}
