//! A session ends by itself, whatever runs in it does. A proxy makes AWS give sessions of three
//! seconds, which glass takes, since they are shorter than was asked for.

use std::time::{Duration, Instant};

use glass::model::time::Timestamp;
use serde_json::Value;

use crate::support::{Fate, Outcome, Practice, Proxy, tool, until};

/// A practice whose sessions last three seconds.
fn brief() -> (Practice, Proxy) {
    lasting(|answer| shortened(answer, 3))
}

/// A practice whose sessions are made shorter.
fn lasting(shorten: fn(&str) -> String) -> (Practice, Proxy) {
    let practice = Practice::new();
    let proxy = Proxy::start(&practice.sandbox.endpoint, move |request| {
        if request.contains("Action=AssumeRole") { Fate::Rewrite(shorten) } else { Fate::Pass }
    });
    (practice.behind(&proxy), proxy)
}

/// The same answer with its `Expiration` so many seconds after it was given, and not 15 minutes.
fn shortened(answer: &str, seconds: i64) -> String {
    let (before, rest) = answer.split_once("<Expiration>").unwrap();
    let (expiration, after) = rest.split_once("</Expiration>").unwrap();
    let brief = Timestamp::from_seconds(Timestamp::parse(expiration).unwrap().seconds() - 900 + seconds);
    format!("{before}<Expiration>{}</Expiration>{after}", brief.to_seconds_text())
}

/// Checks that glass ended the session, in time, and wrote it down.
#[track_caller]
fn was_ended(practice: &Practice, outcome: Outcome, began: Instant) {
    outcome.exits(124);
    assert!(began.elapsed() < Duration::from_secs(3 + 10), "{:?}", began.elapsed());
    let end = &practice.told("session.end")[0];
    assert_eq!((end["cause"].as_str(), end["code"].as_u64()), (Some("deadline"), Some(124)));
}

/// The end of the session, once it is written down.
#[track_caller]
fn end(practice: &Practice) -> Value {
    until("the session ends", || practice.told("session.end").pop())
}

#[test]
fn a_command_is_ended_at_the_deadline() {
    let (practice, _proxy) = brief();
    let began = Instant::now();
    let outcome = practice.assume(&["--", "/bin/sleep", "60"]);
    was_ended(&practice, outcome, began);
}

#[test]
fn a_command_that_is_deaf_is_ended_at_the_deadline() {
    let (practice, _proxy) = brief();
    let began = Instant::now();
    let deaf = "trap '' HUP TERM INT QUIT; /bin/sleep 60 & /bin/sleep 60; /bin/sleep 60";
    let outcome = practice.assume(&["--", "/bin/sh", "-c", deaf]);
    was_ended(&practice, outcome, began);
}

#[test]
fn a_wall_clock_that_stands_still_makes_no_session_longer() {
    let (practice, _proxy) = brief();
    practice.home.glass(&["whoami"]).exits(0);
    let now = practice.entries()[0]["ts"].as_str().unwrap()[..19].replace('T', " ");
    let mut command = practice.home.command(tool("faketime"));
    command.env("TZ", "UTC").env("FAKETIME_DONT_FAKE_MONOTONIC", "1").args(["-f", &now]);
    command.arg(env!("CARGO_BIN_EXE_glass")).args(practice.words(&["--", "/bin/sleep", "60"]));
    let began = Instant::now();
    let outcome = Outcome::of(&mut command, "");
    was_ended(&practice, outcome, began);
}

#[test]
fn a_command_that_holds_the_ledgers_lock_is_ended_and_then_written_down() {
    let (practice, _proxy) = brief();
    let ledger = practice.ledger();
    let hold = "until grep -q session.start \"$0\"/log-*; do :; done; exec flock \"$0\"/lock sleep 60";
    let began = Instant::now();
    let outcome = practice.assume(&["--", "/bin/sh", "-c", hold, ledger.to_str().unwrap()]);
    was_ended(&practice, outcome, began);
}

#[test]
fn a_command_that_does_away_with_the_ledger_ends_as_broken_evidence() {
    let practice = Practice::new();
    let ledger = practice.ledger();
    practice.assume(&["--", "/bin/rm", "-r", ledger.to_str().unwrap()]).exits(4);
}

#[test]
fn a_shell_on_a_terminal_is_ended_and_the_terminal_is_as_it_was() {
    let (practice, _proxy) = brief();
    let practice = practice.with("SHELL", "/bin/sh").with("PS1", "elevated> ");
    let settings = "stty -a | tr ';' '\\n' | grep -E 'echo|icanon|isig'";
    let line = format!("{settings} >before; \"$@\"; echo ended $?; {settings} >after");
    let mut words = vec!["-c", line.as_str(), "sh", env!("CARGO_BIN_EXE_glass")];
    words.extend(practice.words(&[]));
    let mut terminal = practice.home.terminal("/bin/sh", &words);
    terminal.expect("elevated> ");
    terminal.send("stty -echo; cat\r");
    terminal.expect("ended 124");
    let ended = Instant::now();
    terminal.wait();
    assert!(ended.elapsed() < Duration::from_secs(5), "the foreground job has gone with the shell");
    assert_eq!(practice.home.read("before"), practice.home.read("after"));
    assert_eq!(practice.told("session.end")[0]["cause"], "deadline");
}

#[test]
fn a_session_that_is_suspended_is_ended_at_the_deadline_all_the_same() {
    let (practice, _proxy) = brief();
    let practice = practice.with("PS1", "daily> ").with("glass", env!("CARGO_BIN_EXE_glass"));
    let mut terminal = practice.home.terminal("/bin/bash", &["--norc", "--noprofile"]);
    terminal.expect("daily> ");
    let words: Vec<_> = practice.words(&["--"]).iter().map(|word| format!("'{word}'")).collect();
    terminal.send(&format!("$glass {} sh -c 'echo re''ady; kill -STOP $$; sleep 1000'\r", words.join(" ")));
    terminal.expect("Stopped");
    terminal.expect("daily> ");
    assert_eq!(end(&practice)["cause"], "deadline");
    terminal.send("fg; echo ended $?; exit\r");
    terminal.expect("ended 124");
    terminal.wait();
}

#[test]
fn a_flood_that_nobody_reads_does_not_hold_up_the_deadline() {
    let (practice, _proxy) = brief();
    let mut terminal = practice.assume_on_terminal(&["--", "/bin/sh", "-c", "trap '' HUP TERM; yes flood"]);
    terminal.expect("flood");
    let begun = Instant::now();
    assert_eq!(end(&practice)["cause"], "deadline");
    assert!(begun.elapsed() < Duration::from_secs(3 + 10), "{:?}", begun.elapsed());
    assert_eq!(terminal.wait().0, 124);
}

/// Each is in the ledger too.
#[test]
fn warnings_are_seen_on_a_terminal() {
    for (minutes, shorten) in
        [(1, (|answer| shortened(answer, 63)) as fn(&str) -> String), (5, |answer| shortened(answer, 303))]
    {
        let (practice, _proxy) = lasting(shorten);
        let ledger = practice.ledger();
        let script = "until grep -q session.[w]arn \"$0\"/log-*; do sleep 0.1; done; echo seen";
        let mut terminal = practice.assume_on_terminal(&["--", "/bin/sh", "-c", script, ledger.to_str().unwrap()]);
        terminal.expect("\x07");
        terminal.expect(&format!("ends in {minutes} min; to go on: `glass assume prod-db-emergency"));
        terminal.expect("seen");
        assert_eq!(terminal.wait().0, 0);
        assert_eq!(practice.told("session.warn")[0]["seconds_left"], minutes * 60);
    }
}

/// Nor does the ledger say of anybody that they were warned.
#[test]
fn nobody_is_warned_in_what_is_piped() {
    let (practice, _proxy) = lasting(|answer| shortened(answer, 62));
    // There is no event to wait for: a warning would have come by then.
    let outcome = practice.assume(&["--", "/bin/sh", "-c", "sleep 4; echo over"]).exits(0);
    assert_eq!(outcome.stdout, "over\n");
    assert!(!outcome.stderr.contains("min; to go on"), "{}", outcome.stderr);
    assert_eq!(practice.told("session.warn"), [Value::Null; 0]);
}
