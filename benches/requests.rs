//! How long `glass requests` takes over a store of 10,000 requests, and how long the last approval takes from the folder
//! in which it appears to the question for the MFA code. `cargo bench --bench requests`; see docs/performance.md.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement takes time, starts programs, says what it found and may fail loudly"
)]

#[allow(dead_code, unused_imports, reason = "a measurement needs a part of what the tests stand on")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::time::{Duration, Instant};

use glass::model::name::{Id, PersonName};
use glass::model::sign_off::approval::{Answer, Approval, NAMESPACE, Statement};
use glass::model::sign_off::block;
use glass::model::sign_off::papers::Paper;
use glass::model::sign_off::sheet::Sheet;
use glass::model::time::Timestamp;

use support::{Home, Kind, Practice, SoftKey, WORDS};

const MANY: u32 = 10_000;

/// How many approvals are waited for.
const NIGHTS: usize = 10;

fn main() {
    listed();
    asked_for_the_code();
}

fn listed() {
    let home = Home::new();
    let share = home.path("share");
    fs::create_dir(&share).unwrap();
    let catalogue = include_str!("../tests/cases/files/acme.toml");
    let catalogue = format!("{catalogue}\n[approvals]\nstore = \"{}\"\n", share.display());
    home.write(".config/glass/profiles.toml", &catalogue);
    home.write(".config/glass/identity.toml", "version = 1\nperson = \"alice\"\n");
    let made = home
        .glass(&["request", "prod-iam-major", "--incident", "INC-4711", "--reason", "the account is locked out"])
        .exits(0);
    let sheet = Sheet::parse(&block::read(&made.stdout).unwrap()[0].1).unwrap();
    for number in 1..MANY {
        let mut old = sheet.asked().clone();
        let [_, bytes @ ..] = u64::from(number).to_be_bytes();
        old.id = Id::from_random(bytes[2..].try_into().unwrap());
        // One an hour, for a year and some weeks.
        old.made = Timestamp::from_seconds(sheet.asked().made.seconds() - 3600 * i64::from(number) - 2 * 86_400);
        old.expires = Timestamp::from_seconds(old.made.seconds() + 1800);
        let old = Sheet::write(&old).unwrap();
        let path = share.join(Paper::Request.name(&old));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, Paper::Request.content(&old)).unwrap();
    }
    for (words, listed) in [(&["requests", "--json"][..], 1), (&["requests", "--all", "--json"][..], MANY as usize)] {
        let best = (0..3).map(|_| {
            let began = Instant::now();
            let outcome = home.glass(words).exits(0);
            assert_eq!(outcome.json().as_array().unwrap().len(), listed);
            began.elapsed()
        });
        println!("glass {}, {MANY} stored: {:?} at best", words.join(" "), best.min().unwrap());
    }
}

fn asked_for_the_code() {
    let carol = SoftKey::new(Kind::Ed25519);
    let people = format!("[people.carol]\ngroups = [\"security\"]\nkeys = [\"{}\"]\n\n[people.bob]", carol.line());
    let rule = "approval = { count = 1, from = [\"carol\"] }\nrunbook = \"prod-db.md\"";
    let practice = Practice::new().asking().edited("profiles.toml", "[people.bob]", &people);
    let practice = practice.edited("profiles.toml", "runbook = \"prod-db.md\"", rule);
    let share = practice.home.path("share");
    fs::create_dir(&share).unwrap();
    let store = format!("[approvals]\nstore = \"{}\"\n\n[people.bob]", share.display());
    let practice = practice.edited("profiles.toml", "[people.bob]", &store);
    let mut took: Vec<_> = (0..NIGHTS).map(|_| asked_once(&practice, &carol)).collect();
    took.sort_unstable();
    println!(
        "approval in a folder, MFA code asked: {:?} at most, {:?} at best (at most 1s)",
        took[NIGHTS - 1],
        took[0]
    );
}

/// From an approval that appears in the store to the question.
fn asked_once(practice: &Practice, carol: &SoftKey) -> Duration {
    let made = practice.home.glass(&[&["request", "prod-db-emergency"], &WORDS[..]].concat()).exits(0);
    let sheet = Sheet::parse(&block::read(&made.stdout).unwrap()[0].1).unwrap();
    let statement = Statement {
        answer: Answer::Approve,
        person: PersonName::parse("carol").unwrap(),
        at: sheet.asked().made,
        request: sheet.digest(),
        remark: String::new(),
    };
    let signature = carol.approve(NAMESPACE, statement.to_text().unwrap().as_bytes());
    let approval = Approval::new(&statement, &signature).unwrap();
    let words = ["assume", "prod-db-emergency", "--request", sheet.asked().id.as_str(), "--", "true"];
    let mut terminal = practice.home.terminal(env!("CARGO_BIN_EXE_glass"), &words);
    terminal.expect("1 more: ring carol");
    let paper = Paper::Approval(&approval);
    let place = practice.home.path("share").join(paper.name(&sheet));
    let unfinished = place.with_file_name(".unfinished");
    fs::write(&unfinished, paper.content(&sheet)).unwrap();
    let put = Instant::now();
    fs::rename(unfinished, place).unwrap();
    terminal.expect("MFA code of");
    let took = put.elapsed();
    terminal.send("\x03");
    terminal.wait();
    took
}
