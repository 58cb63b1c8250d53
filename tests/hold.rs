//! What the AWS hook holds: one question for all who ask at once, and a process that keeps the session for them.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use glass::host::live;
use glass::model::name::Id;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{DEADLINE, Outcome, Practice, Pty, WORDS, ends_within, python, until};

const GLASS: &str = env!("CARGO_BIN_EXE_glass");

/// A profile whose level lets the hook open sessions.
fn words<'a>(more: &[&'a str]) -> Vec<&'a str> {
    ["credential-process", "prod-db-read"].iter().chain(&WORDS).chain(more).copied().collect()
}

fn hook_on_terminal(practice: &Practice) -> Pty {
    practice.home.terminal(GLASS, &words(&[]))
}

/// The session that is held; there is one.
#[track_caller]
fn held(practice: &Practice) -> Value {
    let told = practice.home.glass(&["status", "--json"]).exits(0).json();
    assert_eq!(told.as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told[0]["kind"], "hook");
    told[0].clone()
}

fn pid_of(session: &Value) -> Pid {
    Pid::from_raw(session["pid"].as_i64().unwrap().try_into().unwrap()).unwrap()
}

/// Waits until nobody keeps a session any more.
#[track_caller]
fn has_ended(practice: &Practice, session: &Value) {
    let id = Id::parse(session["session"].as_str().unwrap()).unwrap();
    assert!(live::ends_within(practice.ledger().parent().unwrap(), &id, DEADLINE));
}

fn count(practice: &Practice, event: &str) -> usize {
    practice.told(event).len()
}

#[test]
fn what_the_hook_opens_is_held_for_the_next_call() {
    let practice = Practice::new();
    let first = practice.home.glass(&words(&[])).exits(0);
    let second = practice.home.glass(&words(&[])).exits(0);
    assert_eq!((first.stderr.as_str(), &first.stdout), ("", &second.stdout));
    let session = held(&practice);
    assert_eq!((count(&practice, "elevate.intent"), count(&practice, "session.reissue")), (1, 2));
    let start = &practice.told("session.start")[0];
    assert_eq!((&start["kind"], &start["pid"]), (&"hook".into(), &session["pid"]));
    practice.home.glass(&["end"]).exits(0);
    let end = &practice.told("session.end")[0];
    assert_eq!((&end["cause"], &end["code"]), (&"end".into(), &124.into()));
    // The first call is in the ledger, and the second is nothing but served.
    let runs = practice.told("run.start").into_iter().filter(|run| run["command"] == "credential-process");
    assert_eq!(runs.count(), 1);
}

/// Nobody who waits for the end of its output, or looks at its folder, waits for the holder.
#[test]
fn a_holder_lets_go_of_everything_it_was_started_with() {
    let practice = Practice::new();
    let script = format!("exec 7>{} 8<.; {GLASS} \"$@\"", practice.home.path("leaked").display());
    let mut shell = practice.home.command("/bin/sh");
    Outcome::of(shell.args([&["-c", &script, "sh"], &words(&[])[..]].concat()), "").exits(0);
    let pid = pid_of(&held(&practice)).as_raw_nonzero();
    let of_it = |name: &str| fs::read_link(format!("/proc/{pid}/{name}")).unwrap();
    assert_eq!(of_it("cwd").to_str(), Some("/"));
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten() {
        let leads = fs::read_link(entry.path()).unwrap().display().to_string();
        let own = ["/dev/null", "socket:", "anon_inode:"].iter().any(|own| leads.starts_with(own));
        assert!(own || leads.contains("/state/glass/"), "{leads}");
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let (group, session, terminal) = (fields[2], fields[3], fields[4]);
    assert_eq!((group, session, terminal), (pid.to_string().as_str(), pid.to_string().as_str(), "0"));
}

#[test]
fn a_holder_outlives_the_terminal_on_which_it_asked() {
    let practice = Practice::new().asking();
    let mut terminal = hook_on_terminal(&practice);
    terminal.expect("mfa/alice: ");
    terminal.send(&format!("{}\r", practice.code()));
    terminal.expect("\"Version\":1");
    // The terminal is closed with everything that still has it.
    assert_eq!(terminal.wait().0, 0);
    held(&practice);
    practice.home.glass(&words(&[])).exits(0);
    assert_eq!(count(&practice, "elevate.intent"), 1);
}

#[test]
fn however_many_ask_at_once_one_question_is_asked() {
    let practice = Practice::new().asking();
    let mut terminal = hook_on_terminal(&practice);
    terminal.expect("mfa/alice: ");
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let mut glass = practice.home.command(GLASS);
            glass.args(words(&[]));
            thread::spawn(move || Outcome::of(&mut glass, "").exits(0).stdout)
        })
        .collect();
    terminal.send(&format!("{}\r", practice.code()));
    terminal.expect("{\"Version\":1");
    assert_eq!(terminal.wait().0, 0);
    let answers: Vec<String> = waiting.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!((count(&practice, "elevate.intent"), count(&practice, "session.reissue")), (1, 9));
    practice.home.glass(&["audit", "verify"]).exits(0);
}

/// From eight processes at once, a hundred times each, and nothing is held when they begin.
#[test]
fn eight_hundred_calls_at_once_take_one_code() {
    let practice = Practice::new();
    let script = format!("i=0; while [ $i -lt 100 ]; do {GLASS} \"$@\" || exit; i=$((i+1)); done");
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let mut shell = practice.home.command("/bin/sh");
            shell.args([&["-c", &script, "sh"], &words(&[])[..]].concat());
            thread::spawn(move || Outcome::of(&mut shell, "").exits(0))
        })
        .collect();
    let outcomes: Vec<Outcome> = callers.into_iter().map(|caller| caller.join().unwrap()).collect();
    assert!(outcomes.iter().all(|outcome| outcome.stderr.is_empty() && outcome.stdout.lines().count() == 100));
    assert_eq!((count(&practice, "elevate.intent"), count(&practice, "session.reissue")), (1, 800));
    practice.home.glass(&["end"]).exits(0);
    practice.home.glass(&["audit", "verify"]).exits(0);
}

#[test]
fn who_waited_for_a_question_that_came_to_nothing_is_told_so_and_does_not_ask_again() {
    let practice = Practice::new().asking();
    let mut terminal = hook_on_terminal(&practice);
    terminal.expect("mfa/alice: ");
    let mut glass = practice.home.command(GLASS);
    glass.args(words(&[])).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let waiting = glass.spawn().unwrap();
    // It waits as soon as it has the file of the turns open.
    let fds = format!("/proc/{}/fd", waiting.id());
    let waits = || {
        let open = fs::read_dir(&fds).into_iter().flatten().flatten();
        open.filter_map(|fd| fs::read_link(fd.path()).ok()).any(|leads| leads.ends_with("alice.prod-db-read.ask"))
    };
    until("the second waits", || waits().then_some(()));
    // Long enough to have looked at the turn once.
    assert!(!ends_within(&waiting, Duration::from_millis(300)));
    terminal.send("\x03");
    let (code, text) = terminal.wait();
    assert_eq!(code, 1, "{text}");
    let outcome = waiting.wait_with_output().unwrap();
    let said = String::from_utf8(outcome.stderr).unwrap();
    assert_eq!(outcome.status.code(), Some(1));
    assert!(said.contains("interrupted") && said.trim().lines().count() == 1, "{said}");
    assert_eq!(practice.told("elevate.fail")[0]["sent"], "no");
    // Whoever comes later asks.
    let mut terminal = hook_on_terminal(&practice);
    terminal.expect("mfa/alice: ");
}

#[test]
fn a_failed_elevation_is_one_line_and_its_exit_code() {
    let practice = Practice::new();
    let outcome = practice.home.glass(&["credential-process", "prod-db-read", "--incident", "none"]).exits(2);
    assert!(outcome.stderr.contains("--reason is missing") && outcome.stderr.trim().lines().count() == 1);
    let refused = words(&["--duration", "2h"]);
    let outcome = practice.home.glass(&refused).exits(3);
    assert!(outcome.stderr.contains("1h") && outcome.stderr.trim().lines().count() == 1, "{}", outcome.stderr);
    assert_eq!(count(&practice, "elevate.refused"), 1);
    let codes: Vec<Value> = practice.told("run.end").into_iter().map(|run| run["code"].clone()).collect();
    assert_eq!(codes, [2, 3]);
}

#[test]
fn a_killed_holder_is_lost_and_leaves_nothing_but_its_mark() {
    let practice = Practice::new();
    practice.home.glass(&words(&[])).exits(0);
    let session = held(&practice);
    kill_process(pid_of(&session), Signal::KILL).unwrap();
    has_ended(&practice, &session);
    let outcome = practice.home.glass(&["list"]).exits(0);
    assert!(outcome.stderr.contains("was lost"), "{}", outcome.stderr);
    assert_eq!(practice.told("session.end")[0]["cause"], "lost");
    practice.ends_are_signed();
    let told = practice.home.glass(&["status", "--json"]).exits(0).json();
    assert_eq!(told, serde_json::json!([]));
}

#[test]
fn a_holder_that_is_asked_to_end_by_a_signal_writes_that_down() {
    let practice = Practice::new();
    practice.home.glass(&words(&[])).exits(0);
    let session = held(&practice);
    kill_process(pid_of(&session), Signal::TERM).unwrap();
    has_ended(&practice, &session);
    assert_eq!(practice.told("session.end")[0]["cause"], "signal");
    practice.ends_are_signed();
}

#[test]
fn a_profile_that_holds_nothing_asks_each_time() {
    let practice = Practice::new().asking().edited(
        "profiles.toml",
        "role = \"arn:aws:iam::444455556666:role/glass/prod-db-read\"",
        "role = \"arn:aws:iam::444455556666:role/glass/prod-db-read\"\nhold = false",
    );
    let mut terminal = hook_on_terminal(&practice);
    terminal.expect("mfa/alice: ");
    terminal.send(&format!("{}\r", practice.code()));
    terminal.expect("\"Version\":1");
    assert_eq!(terminal.wait().0, 0);
    assert_eq!(practice.home.glass(&["status", "--json"]).exits(0).json(), serde_json::json!([]));
    assert_eq!(practice.told("session.end")[0]["cause"], "exit");
    practice.home.glass(&words(&[])).exits(1);
}

/// A session of 15 minutes is stale to botocore from its first second: it calls the hook before every request.
#[test]
fn fifteen_minutes_of_boto3_take_one_code() {
    let practice = Practice::new();
    let config = practice.file("aws-config");
    let profile = format!(
        "\n[profile glass]\nregion = eu-west-1\nendpoint_url = {}\ncredential_process = {GLASS} credential-process \
         prod-db-read --duration 15m --incident INC-4711 --reason \"orders database lost its writer\" --trigger db-outage\n",
        practice.sandbox.endpoint
    );
    fs::write(&config, fs::read_to_string(&config).unwrap() + &profile).unwrap();
    let script = "\
import boto3, concurrent.futures as f
def arns(_):
    sts = boto3.Session(profile_name='glass').client('sts')
    return {sts.get_caller_identity()['Arn'] for _ in range(5)}
print(len(set.union(*f.ThreadPoolExecutor(4).map(arns, range(4)))))";
    let mut python = practice.home.command(python("python"));
    let outcome = Outcome::of(python.args(["-c", script]), "").exits(0);
    assert_eq!(outcome.stdout, "1\n");
    assert_eq!(count(&practice, "elevate.intent"), 1);
    let reissues = practice.told("session.reissue");
    assert!(reissues.len() >= 8, "{}", reissues.len());
    assert!(reissues.iter().all(|reissue| reissue["exe"].as_str().unwrap().contains("python")), "{reissues:?}");
    let mut cli = practice.home.command(crate::support::python("aws"));
    Outcome::of(cli.args(["--profile", "glass", "sts", "get-caller-identity"]), "").exits(0);
    assert_eq!(count(&practice, "elevate.intent"), 1);
}
