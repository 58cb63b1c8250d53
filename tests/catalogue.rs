//! Catalogues that are too long for a case file: the example, very large ones, very many profiles.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::Home;

const PLACE: &str = ".config/glass/profiles.toml";

fn of_project(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn the_example_is_good_where_a_reader_copies_it() {
    let home = Home::new();
    home.write(PLACE, &of_project("profiles.example.toml"));
    for named in ["policies/orders-db.json", "runbooks/prod-db.md", "checks/incident-is-open"] {
        let named = format!("docs/examples/{named}");
        home.write(&format!(".config/glass/{named}"), &of_project(&named));
    }
    let outcome = home.glass(&["catalogue", "check"]).exits(0);
    assert_eq!(outcome.stdout, "no mistake, 2 profiles\n");
}

/// T8: what lies in the catalogue's place must be what is meant.
#[test]
fn a_catalogue_that_is_a_link_is_refused() {
    let home = Home::new();
    let elsewhere = home.write("elsewhere.toml", &of_project("tests/cases/files/acme.toml"));
    home.write(".config/glass/identity.toml", "version = 1\nperson = \"alice\"\n");
    symlink(elsewhere, home.path(PLACE)).unwrap();
    let outcome = home.glass(&["list"]).exits(2);
    assert!(outcome.stderr.contains("is a link to somewhere else"), "{}", outcome.stderr);
}

#[test]
fn a_catalogue_of_a_megabyte_is_refused_in_bounded_time() {
    let home = Home::new();
    let mut unknown = of_project("tests/cases/files/acme.toml");
    for number in 0.. {
        if unknown.len() > 1024 * 1024 - 64 {
            break;
        }
        writeln!(unknown, "sumary{number} = \"x\"").unwrap();
    }
    let begun = Instant::now();
    for (text, fact) in [
        ("#".repeat(1024 * 1024 + 1), "has 1048577 bytes, 1048576 are the most that is read"),
        ("[\n".repeat(512 * 1024), "100 mistakes or more in"),
        (unknown, "mistakes in prod-iam-major"),
    ] {
        home.write(PLACE, &text);
        let outcome = home.glass(&["catalogue", "check"]).exits(2);
        assert!(outcome.stderr.contains(fact), "{}", &outcome.stderr[..outcome.stderr.len().min(2000)]);
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn five_hundred_profiles_are_listed() {
    let home = Home::new();
    let mut text = of_project("tests/cases/files/acme.toml");
    for number in 0..500 {
        let profile = format!("prod-x{number}-emergency");
        write!(
            text,
            "\n[profiles.{profile}]\nsummary = \"Number {number}\"\nrole = \"arn:aws:iam::444455556666:role/{profile}\"\n\
             region = \"eu-west-1\"\nfor = [\"oncall\"]\ntriggers = [\"db-outage\"]\nduration = \"15m\"\nmax_duration = \"30m\"\n"
        )
        .unwrap();
    }
    home.write(PLACE, &text);
    let outcome = home.glass(&["list"]).exits(0);
    assert_eq!(outcome.stdout.lines().count(), 1 + 3 + 500);
}
