//! How long `glass requests` takes over a store of 10,000 requests. `cargo bench --bench requests`; see docs/performance.md.
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
use std::time::Instant;

use glass::model::name::Id;
use glass::model::sign_off::block;
use glass::model::sign_off::papers::Paper;
use glass::model::sign_off::sheet::Sheet;
use glass::model::time::Timestamp;

use support::Home;

const MANY: u32 = 10_000;

fn main() {
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
