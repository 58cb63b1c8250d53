//! What `glass audit` says of ledgers, whole ones and others.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{REFUSED, SEGMENT, events, home, ledger, text, vectors, verdict};
use crate::support::{DEADLINE, Home, ends_within};

#[test]
fn every_vector_has_the_verdict_that_it_carries() {
    let home = Home::new();
    let vectors = vectors();
    assert!(vectors.len() > 30);
    for (name, path, mut expected) in vectors {
        let outcome = home.glass(&["audit", "verify", "--json", "--ledger", path.to_str().unwrap()]);
        let mut found = outcome.json();
        assert_eq!(found.as_object_mut().unwrap().remove("recordings"), Some(json!([])));
        assert_eq!(found.as_object_mut().unwrap().remove("contents").unwrap()["differ"], json!([]));
        expected.as_object_mut().unwrap().entry("signed").or_insert(Value::Null);
        assert_eq!(found.as_object_mut().unwrap().remove("completeness").unwrap()["state"], json!("unknown"));
        if let Some(bad) = found["first_bad"].as_object_mut() {
            assert!(!bad.remove("reason").unwrap().as_str().unwrap().is_empty());
        }
        assert_eq!(found, expected, "{name}");
        let bad = ["broken", "rolled-back"].contains(&expected["integrity"].as_str().unwrap());
        assert_eq!(outcome.code, if bad { 4 } else { 0 }, "{name}");
    }
}

/// T1: whatever is done to an entry, it is named, nothing is appended, and nobody is elevated.
#[test]
fn a_ledger_that_was_changed_is_named_left_alone_and_stops_elevation() {
    type Change = fn(&mut Vec<String>);
    let changes: [(&str, Change, u64); 4] = [
        ("edited", |lines| lines[2] = lines[2].replace("emergency", "emergencz"), 4),
        ("dropped", |lines| drop(lines.remove(2)), 3),
        ("swapped", |lines| lines.swap(2, 3), 3),
        ("duplicated", |lines| lines.insert(3, lines[2].clone()), 4),
    ];
    for (name, change, line) in changes {
        let home = home();
        home.glass(&REFUSED).exits(3);
        home.glass(&REFUSED).exits(3);
        let mut lines: Vec<String> = text(&home).split_inclusive('\n').map(str::to_owned).collect();
        change(&mut lines);
        fs::write(ledger(&home).join(SEGMENT), lines.concat()).unwrap();
        let (code, found) = verdict(&home);
        assert_eq!((code, &found["integrity"]), (4, &json!("broken")), "{name}");
        assert_eq!(found["first_bad"]["segment"], SEGMENT);
        assert_eq!(found["first_bad"]["line"], line, "{name}");
        let refused = home.glass(&REFUSED).exits(4);
        assert!(
            refused.stderr.contains(SEGMENT) && refused.stderr.contains(&format!("line {line}")),
            "{}",
            refused.stderr
        );
        let shown = home.glass(&["audit", "show"]).exits(0);
        assert_eq!(shown.stderr.matches("warning").count(), 1, "{}", shown.stderr);
        assert_eq!(text(&home), lines.concat(), "{name}: nothing is appended");
    }
}

/// T2: the end is cut off and the head is left; putting it back does not help.
#[test]
fn a_ledger_whose_end_was_cut_off_stops_elevation_until_somebody_acknowledges() {
    let home = home();
    home.glass(&REFUSED).exits(3);
    let whole = text(&home);
    let cut: String = whole.split_inclusive('\n').take(2).collect();
    fs::write(ledger(&home).join(SEGMENT), &cut).unwrap();
    let head = fs::read(ledger(&home).join("head.json")).unwrap();
    home.glass(&REFUSED).exits(4);
    let (code, found) = verdict(&home);
    assert_eq!((code, &found["integrity"], &found["entries"]), (4, &json!("rolled-back"), &json!(2)));
    assert_eq!((text(&home), fs::read(ledger(&home).join("head.json")).unwrap()), (cut, head));

    fs::write(ledger(&home).join(SEGMENT), &whole).unwrap();
    home.glass(&REFUSED).exits(4);
    assert_eq!(verdict(&home).0, 4);
    let hook = home.glass(&["credential-process", "prod-db-emergency"]).exits(4);
    assert_eq!(hook.stderr.lines().count(), 1, "{}", hook.stderr);
    let mistyped = home.glass(&["audit", "acknowledge", "--reason", "short"]).exits(2);
    assert!(mistyped.stderr.contains("glass: warning: ") && mistyped.stderr.contains("`short` is no reason"));
    let closed = home.glass(&["audit", "acknowledge", "--reason", "restored from the backup"]).exits(0).stdout;
    assert_eq!(fs::read_to_string(Path::new(closed.trim_end()).join(SEGMENT)).unwrap(), whole);
    home.glass(&REFUSED).exits(3);
    let all = ["ledger.open", "run.start", "run.end", "run.start", "elevate.refused", "run.end"];
    assert_eq!(events(&home), all);
    let opened = entry(&home, 0);
    assert_eq!(opened["d"]["previous"]["reason"], "restored from the backup");
    assert_eq!((&opened["who"], &entry(&home, 1)["d"]["args"][1]), (&json!("alice"), &json!("acknowledge")));
    assert_eq!(verdict(&home).0, 0);
    home.glass(&["audit", "acknowledge", "--reason", "nothing is wrong"]).exits(3);
}

#[test]
fn a_ledger_that_is_closed_is_closed_as_it_was_found() {
    let home = home();
    home.glass(&REFUSED).exits(3);
    let edited = text(&home).replacen("\"short\"", "\"shorn\"", 1);
    fs::write(ledger(&home).join(SEGMENT), &edited).unwrap();
    let outcome = home.glass(&["audit", "acknowledge", "--reason", "edited by a test"]).exits(0);
    assert_eq!(fs::read_to_string(Path::new(outcome.stdout.trim_end()).join(SEGMENT)).unwrap(), edited);
    assert_eq!(outcome.stderr.matches("warning").count(), 1, "{}", outcome.stderr);
    assert_eq!(events(&home), ["ledger.open", "run.start", "run.end"]);
}

/// Who looks into it, is told what to do, or ends a session goes on with one warning; all others end with 4, also those
/// that have their own word for it.
#[test]
fn a_breakage_is_told_once_and_stops_all_but_a_few_commands() {
    let home = home();
    home.glass(&REFUSED).exits(3);
    fs::write(ledger(&home).join(SEGMENT), text(&home).replacen("\"short\"", "\"shorn\"", 1)).unwrap();
    home.glass(&["audit", "verify"]).exits(4);
    let goes_on: [&[&str]; 7] = [
        &["list"],
        &["show", "prod-db-emergency"],
        &["status"],
        &["end", "--all"],
        &["audit", "show"],
        &["audit", "tail"],
        &["audit", "export"],
    ];
    for args in goes_on {
        let outcome = home.glass(args).exits(0);
        assert_eq!(outcome.stderr.matches("is broken at").count(), 1, "{args:?}: {}", outcome.stderr);
        assert!(outcome.stderr.starts_with("glass: warning: "), "{args:?}: {}", outcome.stderr);
    }
    let stops: [&[&str]; 10] = [
        &["hooks"],
        &["requests"],
        &["review"],
        &["catalogue", "check"],
        &["configure", "--print"],
        &["audit", "key"],
        &["audit", "prove", "1"],
        &["audit", "check-proof", "/nowhere"],
        &["audit", "checkpoint"],
        &["audit", "ship"],
    ];
    for args in stops {
        let outcome = home.glass(args).exits(4);
        assert_eq!(outcome.stderr.matches("is broken at").count(), 1, "{args:?}: {}", outcome.stderr);
        assert_eq!(outcome.stdout, "", "{args:?}");
    }
    assert_eq!(events(&home).len(), 4, "nothing was appended");
}

#[test]
fn a_ledger_that_breaks_while_it_is_followed_is_followed_up_to_there() {
    let home = home();
    let (mut child, mut stdout) = tail(&home);
    let first = text(&home).split_inclusive('\n').next().unwrap().to_owned();
    fs::write(ledger(&home).join(SEGMENT), first).unwrap();
    assert!(ends_within(&child, DEADLINE));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[test]
fn a_call_without_a_command_is_told_and_in_the_ledger() {
    let home = home();
    let calls: [&[&str]; 3] = [&[], &["audit"], &["catalogue"]];
    for (place, args) in calls.into_iter().enumerate() {
        let usage = [&["glass"], args].concat().join(" ");
        let said =
            format!("glass: a command is missing\nhint: Usage: {usage} [OPTIONS] <COMMAND>; `--help` tells more\n");
        assert_eq!(home.glass(args).exits(2).stderr, said);
        let [start, end] = [1, 2].map(|of_run| entry(&home, 2 * place + of_run));
        assert_eq!((&start["ev"], &start["d"]["args"]), (&json!("run.start"), &json!(args)));
        assert_eq!((&end["ev"], &end["d"]["code"]), (&json!("run.end"), &json!(2)));
    }
}

/// T4: a ledger that verifies, but is of another user on another machine.
#[test]
fn somebody_elses_valid_ledger_in_the_place_of_ones_own_is_found() {
    let home = home();
    home.glass(&REFUSED).exits(3);
    let theirs = vectors().into_iter().find(|(name, ..)| name == "verified").unwrap().1;
    for name in [SEGMENT, "head.json"] {
        fs::copy(theirs.join(name), ledger(&home).join(name)).unwrap();
    }
    let (code, found) = verdict(&home);
    assert_eq!((code, &found["integrity"], &found["first_bad"]["line"]), (4, &json!("broken"), &json!(1)));
    assert!(found["first_bad"]["reason"].as_str().unwrap().contains("alice"), "{found}");
    home.glass(&REFUSED).exits(4);
    home.glass(&["audit", "acknowledge", "--reason", "the folder was copied"]).exits(0);
    home.glass(&REFUSED).exits(3);
}

#[test]
fn what_an_interrupted_append_left_is_torn_and_then_recovered() {
    let home = home();
    home.glass(&REFUSED).exits(3);
    fs::write(ledger(&home).join(SEGMENT), text(&home) + "{\"v\":1,\"seq\":4").unwrap();
    let (code, found) = verdict(&home);
    assert_eq!((code, &found["integrity"], &found["first_bad"]["line"]), (0, &json!("torn"), &json!(5)));
    assert_eq!(events(&home)[4..], ["ledger.recover", "run.start", "run.end"]);
    assert_eq!(verdict(&home).1["integrity"], "verified");
}

#[test]
fn entries_are_shown_by_session_event_time_and_number() {
    let home = home();
    home.glass(&REFUSED).exits(3);
    home.glass(&["audit", "verify"]).exits(0);
    let shown = |args: &[&str]| home.glass(&[&["audit", "show", "--json"], args].concat()).exits(0).stdout;
    let all = text(&home);
    assert!(shown(&[]).starts_with(&all), "as they are stored");
    assert!(shown(&["--ledger", ledger(&home).to_str().unwrap()]).starts_with(&all), "of a copy too");
    assert_eq!(shown(&["--event", "elevate.refused"]), all.split_inclusive('\n').nth(2).unwrap());
    assert_eq!(shown(&["--event", "run.end", "--last", "1"]).lines().count(), 1);
    assert_eq!(shown(&["--since", "2999-01-01T00:00:00Z"]), "");
    assert_eq!(shown(&["--session", "0123456z"]), "");
    let first: Value = serde_json::from_str(all.lines().nth(1).unwrap()).unwrap();
    assert!(shown(&["--since", first["ts"].as_str().unwrap()]).starts_with(all.split_once('\n').unwrap().1));
    home.glass(&["audit", "show", "--since", "yesterday"]).exits(2);
    home.glass(&["audit", "show", "--session", "../x"]).exits(2);
    let readable = home.glass(&["audit", "show", "--event", "elevate.refused"]).exits(0).stdout;
    assert!(
        readable.contains("elevate.refused") && readable.contains("alice") && !readable.starts_with('{'),
        "{readable}"
    );
}

#[test]
fn a_folder_without_a_ledger_is_no_verified_ledger() {
    let home = Home::new();
    home.glass(&["audit", "verify", "--ledger", home.path("run").to_str().unwrap()]).exits(1);
    home.glass(&["audit", "verify", "--ledger", "/nowhere"]).exits(1);
    assert!(home.glass(&["audit", "show", "--ledger", "run"]).exits(1).stderr.contains("there is no ledger in run"));
}

/// An entry of the ledger.
fn entry(home: &Home, seq: usize) -> Value {
    serde_json::from_str(text(home).lines().nth(seq).unwrap()).unwrap()
}

/// A `glass audit tail` whose first lines are there, and the rest of what it prints.
fn tail(home: &Home) -> (Child, impl BufRead) {
    let mut command = home.command(env!("CARGO_BIN_EXE_glass"));
    let mut child = command.args(["audit", "tail"]).stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"tail\"") {
        line.clear();
        assert!(stdout.read_line(&mut line).unwrap() > 0, "it ended");
    }
    (child, stdout)
}

#[test]
fn tail_tells_what_comes_and_ends_with_ctrl_c() {
    let home = home();
    let (mut child, mut stdout) = tail(&home);
    home.glass(&REFUSED).exits(3);
    let mut line = String::new();
    while !line.contains("elevate.refused") {
        line.clear();
        assert!(stdout.read_line(&mut line).unwrap() > 0, "it ended");
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert!(ends_within(&child, DEADLINE));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    stdout.read_to_string(&mut line).unwrap();
    assert_eq!(events(&home).last().unwrap(), "run.end");
}

#[test]
fn tail_ends_well_when_nobody_reads_it_any_more() {
    let home = home();
    let (mut child, stdout) = tail(&home);
    drop(stdout);
    assert!(ends_within(&child, DEADLINE));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
