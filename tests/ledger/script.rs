//! `docs/verify.pl`, by which an auditor verifies a ledger without glass.

use std::fs;
use std::path::Path;

use super::{REFUSED, by_script, home, ledger, text, vectors};
use crate::support::{Home, Outcome, tool};

/// The vectors on which it does not come to the verdict of glass, and why.
const DIFFERENT: [(&str, &str); 1] =
    [("broken-key-twice", "it takes the last of two values, as most readers of JSON do")];

#[test]
fn the_script_comes_to_the_same_verdict_on_every_vector() {
    let home = Home::new();
    for (name, path, expected) in vectors() {
        let expected = expected["integrity"].as_str().unwrap().replace('-', " ");
        let outcome = by_script(&home, &path);
        let agrees = outcome.stdout.starts_with(&format!("{expected}:"));
        let reason = DIFFERENT.iter().find(|(different, _)| *different == name).map(|(_, reason)| *reason);
        assert_eq!(agrees, reason.is_none(), "{name} is {expected}: {outcome:?}, {reason:?}");
        let bad = agrees && ["broken", "rolled back"].contains(&expected.as_str());
        assert_eq!((outcome.code, outcome.stderr.as_str()), (i32::from(bad), ""), "{name}");
    }
}

#[test]
fn the_script_is_short_enough_to_be_read_by_who_relies_on_it() {
    let script = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verify.pl")).unwrap();
    assert!(script.lines().count() <= 40);
}

#[test]
fn the_script_verifies_signatures_and_by_whose_key_they_are() {
    let (home, other) = (home(), home());
    for home in [&home, &other] {
        home.glass(&REFUSED).exits(3);
        home.glass(&["audit", "checkpoint"]).exits(0);
    }
    let key = |home: &Home| home.glass(&["audit", "key"]).exits(0).stdout.trim_end().to_owned();
    let (ours, theirs) = (key(&home), key(&other));
    let verified = by_script(&home, &ledger(&home)).exits(0).stdout;
    let entries = text(&home).lines().count();
    assert!(verified.starts_with(&format!("verified: {entries} entries")) && verified.contains(&ours), "{verified}");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verify.pl");
    let with = |key: &str| Outcome::of(home.command(tool("perl")).arg(&script).arg(ledger(&home)).arg(key), "");
    with(&ours).exits(0);
    let unsigned = with(&theirs).exits(1).stdout;
    assert!(unsigned.starts_with("verified: ") && !unsigned.contains("signed by"), "{unsigned}");
}

/// The signature alone is another: the root is that of the lines, and what follows chains.
#[test]
fn the_script_finds_a_signature_that_is_not_of_its_note() {
    let home = home();
    home.glass(&REFUSED).exits(3);
    let note = home.glass(&["audit", "checkpoint"]).exits(0).stdout;
    let signature = note.trim_end().rsplit(' ').next().unwrap();
    // The 10th letter from the end is within the signature, and not within its padding.
    let (before, after) = signature.split_at(signature.len() - 10);
    let other = if after.starts_with('A') { 'B' } else { 'A' };
    let all = text(&home);
    let cut = all.find("\"ev\":\"ledger.checkpoint\"").unwrap();
    let end = cut + all[cut..].find('\n').unwrap() + 1;
    let forged = all[..end].replace(signature, &format!("{before}{other}{}", &after[1..]));
    assert_ne!(forged, all[..end]);
    let copy = home.write("copy/log-0000000000000000.jsonl", &forged);
    let found = by_script(&home, copy.parent().unwrap()).exits(1).stdout;
    assert!(found.starts_with("broken: ") && found.contains("a ledger.checkpoint, is not so"), "{found}");
    home.write("copy/log-0000000000000000.jsonl", &all[..end]);
    by_script(&home, copy.parent().unwrap()).exits(0);
}

#[test]
fn the_script_says_how_it_is_called_where_there_is_no_ledger() {
    let home = Home::new();
    for folder in ["", "/nowhere", home.path("run").to_str().unwrap()] {
        let outcome = by_script(&home, Path::new(folder));
        assert!(outcome.code != 0 && outcome.stderr.starts_with("usage: "), "{outcome:?}");
    }
}
