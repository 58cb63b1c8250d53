//! `profiles.example.toml` is a good catalogue, and stays one however it is mangled.

use std::path::Path;

use super::{Beside, Catalogue, DocumentError, Mistake};
use crate::model::text::is_hostile;

const EXAMPLE: &str = include_str!("../../../profiles.example.toml");

fn beside(path: &Path) -> Result<Vec<u8>, String> {
    match path.to_str() {
        Some("./docs/examples/policies/orders-db.json") => {
            Ok(include_bytes!("../../../docs/examples/policies/orders-db.json").to_vec())
        }
        Some("./docs/examples/runbooks/prod-db.md") => {
            Ok(include_bytes!("../../../docs/examples/runbooks/prod-db.md").to_vec())
        }
        Some("./docs/examples/checks/incident-is-open") => {
            Ok(include_bytes!("../../../docs/examples/checks/incident-is-open").to_vec())
        }
        Some(_) | None => Err("no such file".to_owned()),
    }
}

fn load(bytes: &[u8]) -> Result<Catalogue, DocumentError> {
    Catalogue::load(
        Path::new("profiles.example.toml"),
        bytes,
        Beside { read: &beside, check: &|file| beside(file).map(Some) },
    )
}

#[test]
fn the_example_is_a_catalogue_without_mistakes() {
    let catalogue = load(EXAMPLE.as_bytes()).unwrap_or_else(|error| {
        panic!("{error}\n{}", error.mistakes().iter().map(Mistake::to_string).collect::<Vec<_>>().join("\n"))
    });
    assert_eq!(catalogue.broken(), []);
    let names: Vec<&str> = catalogue.profiles().map(|profile| profile.name.as_str()).collect();
    assert_eq!(names, ["prod-account-critical", "prod-db-emergency"]);
    assert_eq!(catalogue.files().len(), 3);
}

#[test]
fn the_digest_of_a_profile_can_be_computed_without_glass() {
    let catalogue = load(EXAMPLE.as_bytes()).expect("good");
    // Computed with Python's tomllib, json.dumps(sort_keys=True, separators=(",", ":")) and hashlib.
    let vectors = [
        (
            "prod-account-critical",
            "breach",
            [
                "profile e804020e531211f0affeedb5594de3e5d444091e6111daa602f34f807c0b64d7",
                "trigger 8e0303f19566c4e8bb112388d8892c318492fd9ac03baa753dc06d7f826a91af",
                "level 90a713eb6f5187c2f059ef942a63a3c4f92956e9cb0667972426c66ee91d7ca3",
                "aws 44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
                "people 1642d14fe55a7377f8c6e2bd24e9d36f0367cc451048b43c62b0c4949bf8f86a",
                "policy e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "runbook e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "digest 763ac02c39fc652828bf0ba9196c71bafd0ac1a6b0d621776792f9c4db8c69e8",
            ],
        ),
        (
            "prod-db-emergency",
            "db-outage",
            [
                "profile 7e7586f00262f3f1e0dfbcbb2c4b1686450365b9883a5f21f2f4c4d8f2fb8eb4",
                "trigger 94942babbac413308aee477f939384d056677c59d1c3cf3f0c4028a7320e9b55",
                "level a8832c0c4760b32d68b56d3a6043d1fd8b14d857b59a196d4a6cabf7e0eeb373",
                "aws 44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
                "people 74e1ae74e4b273812f5e760a72409960f51710d93edfc7f2be08eaa939a6faec",
                "policy cd2e99f04c41b54c61bbe1b5d11b43664227eeec44a97cef386d1b740d30d691",
                "runbook 88bde1099582cb55073cfd1e52da09a81bc9651443a9ae367ab83b770a37a4af",
                "digest df285e3bf0f53efe9c3198206c8b290124e77ccf887371c719f8d72b80607e50",
            ],
        ),
    ];
    for (profile, trigger, expected) in vectors {
        let profile = catalogue.profile(profile).expect("it is there");
        let trigger = catalogue.trigger(trigger).expect("it is there");
        let parts = catalogue.parts(profile, trigger, catalogue.person("alice").expect("she is there"));
        let mut found: Vec<String> = parts.iter().map(|(part, digest)| format!("{part} {digest}")).collect();
        found.push(format!("digest {}", parts.digest()));
        assert_eq!(found, expected);
    }
}

#[test]
fn a_profile_digest_changes_with_all_that_the_profile_rests_on_and_with_nothing_else() {
    let digest = |text: &str| {
        let catalogue = load(text.as_bytes()).expect("good");
        let profile = catalogue.profile("prod-account-critical").expect("it is there");
        let (trigger, alice) = (catalogue.trigger("breach"), catalogue.person("alice"));
        catalogue.parts(profile, trigger.expect("it is there"), alice.expect("she is there")).digest()
    };
    let before = digest(EXAMPLE);
    for (old, new) in [
        ("count = 2", "count = 1"),
        ("\"SEC-[0-9]{1,8}\"", "\"SEC-[0-9]{1,9}\""),
        ("approvals    = 1", "approvals    = 0"),
        ("open_reviews = \"refuse\"", "open_reviews = \"remind\""),
        ("override        = { for = [\"bob\"]", "override        = { for = [\"oncall\"]"),
        ("# [aws]\n# endpoint", "[aws]\nendpoint"),
        ("groups = [\"leads\"]", "groups = [\"leads\", \"oncall\"]"),
        ("user/alice", "user/mallory"),
    ] {
        assert!(EXAMPLE.contains(old), "{old}");
        assert_ne!(digest(&EXAMPLE.replacen(old, new, 1)), before, "{old}");
    }
    let defaults = EXAMPLE.replacen("recording    = true ", "", 1).replacen("mfa          = \"fresh\" ", "", 1);
    assert_eq!(digest(&defaults), before, "what is the default may be left out");
    assert_eq!(digest(&EXAMPLE.replace("Write access to", "Reading of")), before, "another profile");
}

/// Numbers that look random and are the same in every run (xorshift).
fn numbers(mut state: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap_or(0) % below
    }
}

#[test]
fn a_mangled_example_is_told_with_places_and_never_panics() {
    let mut number = numbers(0x9e37_79b9_7f4a_7c15);
    let scraps: [&[u8]; 15] = [
        b"\"",
        b"[",
        b"]",
        b"{",
        b"}",
        b"=",
        b"\n",
        b".",
        b"'''",
        b"\xff",
        b"\0",
        "\u{202e}é".as_bytes(),
        b"-1",
        b"[[x]]\n",
        b"\"\\u001b[2J\"",
    ];
    for _ in 0..2_000 {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        for _ in 0..=number(4) {
            let (from, length) = (number(bytes.len()), number(40));
            let to = (from + length).min(bytes.len());
            let replacement = match number(3) {
                0 => Vec::new(),
                1 => scraps[number(scraps.len())].to_vec(),
                _ => bytes[number(from + 1)..=from].iter().copied().take(60).collect(),
            };
            bytes.splice(from..to, replacement);
        }
        let told: Vec<Mistake> = match load(&bytes) {
            Ok(catalogue) => catalogue.mistakes().cloned().collect(),
            Err(error) => error.mistakes().to_vec(),
        };
        for mistake in told.iter().map(Mistake::to_string) {
            assert!(mistake.contains('^') && !mistake.chars().any(|c| c != '\n' && is_hostile(c)), "{mistake:?}");
        }
    }
}

#[test]
fn a_megabyte_of_anything_is_refused_with_a_bounded_number_of_mistakes() {
    let megabyte = |scrap: &str| scrap.repeat(1024 * 1024 / scrap.len());
    for scrap in ["[", "{a=", "a=[", "x\n", "a.b.", "\"\"\"", "[a]\n", "[[a]]\n", "é=1\n", "profiles.a-b-c=1\n", " "] {
        let error = load(megabyte(scrap).as_bytes()).expect_err(scrap);
        assert!((1..=100).contains(&error.mistakes().len()), "{scrap}");
    }
    let numbered: String = (0..60_000).map(|n| format!("key{n} = 1\n")).collect();
    let error = load(numbered.as_bytes()).expect_err("unknown keys");
    assert!(error.mistakes().len() <= 100);
    let error = load(megabyte("[").replace('[', "[[").as_bytes()).expect_err("too large");
    assert_eq!(error.to_string(), "`profiles.example.toml` has 2097152 bytes, 1048576 are the most that is read");
}

#[test]
fn what_is_not_text_is_refused() {
    let error = load(b"version = 1\n\xff").expect_err("not UTF-8");
    assert_eq!(error.to_string(), "`profiles.example.toml` is not UTF-8 after byte 12");
}
