//! A hook that must hear of an intent before AWS is asked.

use std::fs;

use serde_json::json;

use crate::support::{Fate, Home, Practice, Proxy, Receiver};

use super::hooked;

fn required(receiver: &Receiver, path: &str) -> (Practice, Proxy) {
    let practice = hooked(receiver, "[\"elevate.intent\"]", path, "required = true");
    let proxy = Proxy::start(&practice.sandbox.endpoint, |_| Fate::Pass);
    let practice = practice.behind(&proxy);
    (practice, proxy)
}

#[test]
fn where_it_is_required_somebody_has_heard_before_aws_is_asked() {
    let receiver = Receiver::start(&Home::new());
    let (practice, proxy) = required(&receiver, "/503x1");
    let refused = practice.assume(&["--", "true"]).exits(3);
    assert!(
        refused.stderr.contains("glass: a hook that must hear of it first does not; pager: it answered 503\nhint: "),
        "{}",
        refused.stderr
    );
    assert!(proxy.requests("Action=AssumeRole").is_empty());
    assert_eq!((practice.told("elevate.intent").len(), practice.told("elevate.ok").len()), (1, 0));
    let fail = &practice.told("elevate.fail")[0];
    assert_eq!((&fail["sent"], &fail["code"]), (&json!("no"), &json!("NotTold")));
    assert_eq!(practice.told("hook.failed").len(), 1);
    let first = receiver.next();
    // The code was not sent, and is still good. By now a process that nobody waits for may have told of the first intent.
    practice.assume(&["--", "true"]).exits(0);
    assert_eq!(proxy.requests("Action=AssumeRole").len(), 1);
    assert_eq!(receiver.next()["id"], first["id"], "in their order");
    let second = receiver.next();
    let session = &practice.entries().into_iter().find(|entry| entry["ev"] == "elevate.ok").unwrap()["session"];
    assert!(second["line"].as_str().unwrap().contains(session.as_str().unwrap()));
    assert_eq!(second["event"], "elevate.intent");
    // That other process may have been quicker: then who waits for it tells it once more.
    assert!(receiver.is_idle() || receiver.next()["id"] == second["id"]);
    assert!(receiver.is_idle(), "an intent that was waited for is not told again");
}

#[test]
fn whoever_never_takes_an_intent_has_not_heard_of_it() {
    let receiver = Receiver::start(&Home::new());
    let (practice, proxy) = required(&receiver, "/422");
    let refused = practice.assume(&["--", "true"]).exits(3);
    assert!(refused.stderr.contains("pager: it answered 422"), "{}", refused.stderr);
    assert!(proxy.requests("Action=AssumeRole").is_empty());
}

/// A note that is left of a longer ledger says of none of its entries that they were told.
#[test]
fn a_note_that_is_ahead_of_the_ledger_is_not_believed() {
    let receiver = Receiver::start(&Home::new());
    let (practice, proxy) = required(&receiver, "/422");
    let note = practice.ledger().join("told/pager");
    practice.assume(&["--", "true"]).exits(3);
    assert_eq!(receiver.next()["event"], "elevate.intent");
    fs::write(&note, "{\"seq\":18446744073709551615,\"failing\":null}\n").unwrap();
    let refused = practice.assume(&["--", "true"]).exits(3);
    assert!(refused.stderr.contains("pager: it answered 422"), "{}", refused.stderr);
    assert!(proxy.requests("Action=AssumeRole").is_empty());
}

/// Ten seconds are all that it has.
#[test]
fn whoever_does_not_answer_has_not_heard_of_it() {
    let receiver = Receiver::start(&Home::new());
    let (practice, proxy) = required(&receiver, "/slow");
    let refused = practice.assume(&["--", "true"]).exits(3);
    assert!(refused.stderr.contains("pager: ") && refused.stderr.contains(" within 10 s"), "{}", refused.stderr);
    assert!(proxy.requests("Action=AssumeRole").is_empty());
    assert_eq!(practice.told("elevate.fail").len(), 1);
}
