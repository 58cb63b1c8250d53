//! AWS out of reach, slow, cut short, or not AWS at all. Every time glass says so, gives no
//! session, sends no code twice, and the ledger tells how far it came.

use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{DEADLINE, Fate, Practice, Proxy, nobody};

/// A proxy that lets everything pass but AssumeRole, which meets its fate.
fn before_assume_role(practice: &Practice, fate: fn() -> Fate) -> Proxy {
    let fate = move |request: &str| if request.contains("Action=AssumeRole") { fate() } else { Fate::Pass };
    Proxy::start(&practice.sandbox.endpoint, fate)
}

/// Elevates through this proxy in vain; returns what glass said.
#[track_caller]
fn fails_with(fate: fn() -> Fate, sent: &str, says: &str) {
    let practice = Practice::new();
    let proxy = before_assume_role(&practice, fate);
    let practice = practice.behind(&proxy);
    let outcome = practice.assume(&["--", "/bin/echo", "elevated"]).exits(1);
    assert_eq!(outcome.stdout, "");
    assert!(outcome.stderr.contains(says), "{}", outcome.stderr);
    assert_eq!(proxy.requests("Action=AssumeRole").len(), 1, "a code is sent once");
    let fails = practice.told("elevate.fail");
    assert_eq!(fails.len(), 1, "{fails:?}");
    assert_eq!(fails[0]["sent"], sent, "{fails:?}");
    assert!(practice.told("elevate.ok").is_empty());
    practice.home.glass(&["audit", "verify"]).exits(0);
}

#[test]
fn nobody_listens() {
    let practice = Practice::new().reached_at(&nobody());
    let outcome = practice.assume(&["--", "/bin/echo", "elevated"]).exits(1);
    assert!(outcome.stderr.contains("hint: nothing was sent"), "{}", outcome.stderr);
    assert!(practice.told("elevate.ok").is_empty());
}

#[test]
fn the_network_goes_down_between_two_calls() {
    fails_with(|| Fate::Refuse, "maybe", "hint: the code may be used up");
}

#[test]
fn the_answer_is_lost() {
    fails_with(|| Fate::Lose, "maybe", "hint: the code may be used up");
}

#[test]
fn half_an_answer() {
    fails_with(|| Fate::Half, "maybe", "hint: the code may be used up");
}

#[test]
fn a_glass_killed_in_the_midst_leaves_an_unresolved_session_and_a_code_that_is_not_sent_again() {
    let practice = Practice::new();
    let calls = AtomicUsize::new(0);
    let (arrived, arrival) = mpsc::channel();
    let proxy = Proxy::start(&practice.sandbox.endpoint, move |request| {
        if request.contains("Action=AssumeRole") && calls.fetch_add(1, Ordering::Relaxed) == 0 {
            arrived.send(()).unwrap();
            Fate::Silence
        } else {
            Fate::Pass
        }
    });
    let practice = practice.behind(&proxy);
    let mut command = practice.home.command(env!("CARGO_BIN_EXE_glass"));
    let mut glass = command.args(practice.words(&["--", "/bin/true"])).stderr(Stdio::null()).spawn().unwrap();
    arrival.recv_timeout(DEADLINE).unwrap();
    glass.kill().unwrap();
    glass.wait().unwrap();

    let verdict = practice.home.glass(&["audit", "verify", "--json"]).exits(0).json();
    assert_eq!(verdict["unresolved"].as_array().unwrap().len(), 1, "{verdict}");
    let again = practice.assume(&["--", "/bin/true"]).exits(0);
    assert!(again.stderr.contains("waiting for the next one"), "{}", again.stderr);
    let codes = codes_sent(&proxy);
    assert!(codes.len() == 2 && codes[0] != codes[1], "{codes:?}");
}

#[test]
fn two_at_once_send_two_codes() {
    let practice = Practice::new();
    let proxy = Proxy::start(&practice.sandbox.endpoint, |_| Fate::Pass);
    let practice = practice.behind(&proxy);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| practice.assume(&["--", "/bin/true"]).exits(0));
        }
    });
    let codes = codes_sent(&proxy);
    assert!(codes.len() == 2 && codes[0] != codes[1], "{codes:?}");
}

/// The codes of all AssumeRole calls, in their order.
fn codes_sent(proxy: &Proxy) -> Vec<String> {
    let code = |request: String| request.split("TokenCode=").nth(1).unwrap()[..6].to_owned();
    proxy.requests("Action=AssumeRole").into_iter().map(code).collect()
}

#[test]
fn no_answer_in_time() {
    let began = Instant::now();
    fails_with(|| Fate::Silence, "maybe", "hint: the code may be used up");
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
}

#[test]
fn whoever_gives_up_at_the_code_does_not_wait_for_aws() {
    let practice = Practice::new().asking();
    let proxy = Proxy::start(&practice.sandbox.endpoint, |_| Fate::Silence);
    let practice = practice.behind(&proxy);
    let mut terminal = practice.assume_on_terminal(&[]);
    terminal.expect("mfa/alice: ");
    let began = Instant::now();
    terminal.send("\x03");
    assert_eq!(terminal.wait().0, 1);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(practice.told("elevate.fail")[0]["code"], "NoCode");
}

#[test]
fn aws_is_unwell() {
    let unwell = || Fate::Answer(503, error("ServiceUnavailable", "Service is unavailable"));
    fails_with(unwell, "refused", "ServiceUnavailable");
}

#[test]
fn a_portal_answers_in_place_of_aws() {
    fails_with(|| Fate::Answer(200, "<html>Please sign in to the hotel's network</html>".into()), "maybe", "glass: ");
}

#[test]
fn the_session_lasts_longer_than_was_asked() {
    let longer = || Fate::Rewrite(|answer| with_element(answer, "Expiration", "2099-01-01T00:00:00Z"));
    fails_with(longer, "maybe", "where 900 s were asked for");
}

#[test]
fn the_session_is_over_before_it_began() {
    let over = || Fate::Rewrite(|answer| with_element(answer, "Expiration", "2001-01-01T00:00:00Z"));
    fails_with(over, "maybe", "2001");
}

#[test]
fn the_session_is_of_another_role() {
    let other = || {
        Fate::Rewrite(|answer| {
            answer.replace("assumed-role/prod-db-emergency/", "assumed-role/prod-network-emergency/")
        })
    };
    fails_with(other, "maybe", "prod-network-emergency");
}

#[test]
fn the_answer_has_no_session_token() {
    fails_with(|| Fate::Rewrite(|answer| with_element(answer, "SessionToken", "")), "maybe", "glass: ");
}

#[test]
fn a_call_without_a_code_is_tried_again_when_aws_is_busy() {
    let practice = Practice::new();
    let calls = AtomicUsize::new(0);
    let proxy = Proxy::start(&practice.sandbox.endpoint, move |request| {
        if request.contains("Action=GetCallerIdentity") && calls.fetch_add(1, Ordering::Relaxed) == 0 {
            Fate::Answer(400, error("Throttling", "Rate exceeded"))
        } else {
            Fate::Pass
        }
    });
    let practice = practice.behind(&proxy);
    practice.assume(&["--", "/bin/true"]).exits(0);
    assert_eq!(proxy.requests("Action=GetCallerIdentity").len(), 2);
    assert_eq!(proxy.requests("Action=AssumeRole").len(), 1);
}

#[test]
fn aws_stays_busy() {
    let practice = Practice::new();
    let proxy = Proxy::start(&practice.sandbox.endpoint, |_| Fate::Answer(400, error("Throttling", "Rate exceeded")));
    let practice = practice.behind(&proxy);
    let outcome = practice.assume(&["--", "/bin/true"]).exits(1);
    assert!(outcome.stderr.contains("Throttling"), "{}", outcome.stderr);
    let calls = proxy.requests("Action=GetCallerIdentity").len();
    assert!((2..=5).contains(&calls), "{calls} calls");
    assert!(proxy.requests("Action=AssumeRole").is_empty());
}

#[test]
fn what_aws_says_is_shown_escaped() {
    let hostile = || Fate::Answer(403, error("AccessDenied", "no \u{9b}2J way \u{202e} in"));
    fails_with(hostile, "refused", "\\u{9b}2J way \\u{202e} in");
}

/// AWS's answer to a call that failed.
fn error(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>0</RequestId></ErrorResponse>"
    )
}

/// The same answer with another text in one of its elements.
fn with_element(answer: &str, name: &str, text: &str) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let (before, rest) = answer.split_once(&open).unwrap();
    let (_, after) = rest.split_once(&close).unwrap();
    format!("{before}{open}{text}{close}{after}")
}
