//! A profile that needs an approval, on the made-up world: the request is used once, and the ledger can prove by what.

use std::sync::Arc;
use std::time::Duration;

use glass::model::event::{Event, Sent};
use glass::model::name::Digest;
use glass::model::sign_off::block::{self, Kind};
use glass::world::aws::AwsError;

use super::rules;
use crate::support::world::{Fails, Fake, wish, wrong_code};

const PROFILE: &str = "prod-db-emergency";

fn names(fake: &Fake, event: &str) -> usize {
    fake.events().iter().filter(|name| **name == event).count()
}

#[test]
fn a_request_that_is_approved_is_used_once_and_what_was_signed_is_kept() {
    let fake = Arc::new(Fake::approved());
    fake.run(&wish(PROFILE)).unwrap();
    assert_eq!(fake.events()[..3], ["elevate.intent", "request.used", "elevate.ok"]);
    let bundle = fake.bundle.clone().unwrap();
    let approval = bundle.approvals[0].digest();
    match &fake.entries.lock().unwrap()[0].event {
        Event::ElevateIntent(intent) => {
            assert_eq!(intent.approvals, [approval]);
            assert_eq!(intent.granted.request, Some(bundle.sheet.asked().id.clone()));
        }
        other => panic!("{other:?}"),
    }
    let kept: Vec<Digest> = fake.kept.lock().unwrap().iter().map(|content| Digest::of(content)).collect();
    assert!(kept.contains(&approval) && kept.contains(&bundle.sheet.digest()), "{kept:?}");
    assert!(fake.papers.lock().unwrap().keys().any(|name| name.contains(".used.")));
    let again = fake.break_glass(&wish(PROFILE)).unwrap_err();
    assert_eq!((again.to_string(), rules(again)), ("prod-db-emergency is refused".to_owned(), vec!["request"]));
    assert_eq!(fake.sent.lock().unwrap().len(), 1);
    match &fake.entries.lock().unwrap().last().unwrap().event {
        Event::ElevateRefused { request, .. } => assert_eq!(*request, Some(bundle.sheet.asked().id.clone())),
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_its_approval_a_request_is_not_used() {
    let fake = Arc::new(Fake::approved_with(|bundle| bundle.approvals.clear()));
    assert_eq!(rules(fake.break_glass(&wish(PROFILE)).unwrap_err()), ["approvals"]);
    assert!(fake.sent.lock().unwrap().is_empty());
}

#[test]
fn a_wrong_code_gives_the_request_back_and_an_answer_that_never_came_does_not() {
    let fake = Arc::new(Fake::approved());
    fake.answers.lock().unwrap().push_back(wrong_code());
    drop(fake.break_glass(&wish(PROFILE)).unwrap());
    assert_eq!((names(&fake, "elevate.intent"), names(&fake, "elevate.ok")), (2, 1));
    let fake = Arc::new(Fake::approved());
    fake.answers.lock().unwrap().push_back(AwsError::MaybeSent("the line is dead".into()));
    fake.break_glass(&wish(PROFILE)).unwrap_err();
    assert_eq!(rules(fake.break_glass(&wish(PROFILE)).unwrap_err()), ["request"]);
}

#[test]
fn a_request_that_is_over_by_the_clock_of_aws_is_not_used() {
    let fake = Arc::new(Fake::with_approved(|fake| fake.clock_ahead = -1801));
    assert_eq!(rules(fake.break_glass(&wish(PROFILE)).unwrap_err()), ["request"]);
    assert!(fake.sent.lock().unwrap().is_empty());
}

#[test]
fn a_request_that_is_over_when_a_code_is_typed_again_is_not_used() {
    let fake = Arc::new(Fake::with_approved(|fake| fake.typing = Duration::from_secs(16 * 60)));
    fake.answers.lock().unwrap().push_back(wrong_code());
    assert_eq!(rules(fake.break_glass(&wish(PROFILE)).unwrap_err()), ["request"]);
    assert_eq!(*fake.sent.lock().unwrap(), [Some("123456".to_owned())]);
}

/// Whatever fails, what is sent to AWS was written down first, with the request that it uses up; and once that may have been sent, it is used up.
#[test]
fn a_failure_at_any_call_uses_a_request_once_at_the_most() {
    let smooth = Arc::new(Fake::approved());
    smooth.run(&wish(PROFILE)).unwrap();
    for call in 0..smooth.calls() {
        for fails in [Fails::Before, Fails::After] {
            let fake = Arc::new(Fake::approved().with_failing(call, fails));
            let outcome = fake.run(&wish(PROFILE)).err();
            let what = format!("call {call} {fails:?}: {outcome:?} {:?}", fake.events());
            let sent = fake.sent.lock().unwrap().len();
            assert!(sent <= 1 && (sent == 0 || names(&fake, "request.used") == 1), "{what}");
            let given_back = fake
                .entries
                .lock()
                .unwrap()
                .iter()
                .any(|record| matches!(record.event, Event::ElevateFail { sent: Sent::No, .. }));
            let again = fake.break_glass(&wish(PROFILE));
            assert!(sent == 0 || again.is_err() || given_back, "{what}");
        }
    }
}

#[test]
fn who_waits_is_told_whom_to_ring_and_goes_on_with_what_is_pasted() {
    let mut pasted = String::new();
    let fake = Arc::new(Fake::approved_with(|bundle| {
        pasted = block::write(Kind::Approval, bundle.approvals.remove(0).stored().as_bytes());
    }));
    fake.pasted.lock().unwrap().extend(pasted.lines().map(|line| format!("> {line}\n").replace("-----", "—–")));
    let bundle = fake.obtain().unwrap();
    assert_eq!(bundle.approvals.len(), 1);
    let said = fake.said.lock().unwrap().join("\n");
    for expected in
        ["request 0123abcd needs an approval", "-----BEGIN GLASS REQUEST-----", "1 more: ring bob (+44 20 7946 0000)"]
    {
        assert!(said.contains(expected), "{said}");
    }
    assert!(fake.papers.lock().unwrap().keys().any(|name| name.contains(".approval.")));
}

#[test]
fn who_waits_in_vain_is_told_when_the_request_is_over_and_who_gives_up_leaves_it_open() {
    let fake = Arc::new(Fake::approved_with(|bundle| bundle.approvals.clear()));
    fake.obtain().unwrap();
    assert!(fake.said.lock().unwrap().contains(&"glass: 29 min left".to_owned()));
    assert_eq!(rules(fake.break_glass(&wish(PROFILE)).unwrap_err()), ["request", "approvals"]);
    // What the ledger says, what can be watched, the first look, the ledger again, and then the person.
    let gone = Arc::new(Fake::approved_with(|bundle| bundle.approvals.clear()).with_failing(4, Fails::Before));
    assert_eq!(gone.obtain().unwrap_err().to_string(), "the request 0123abcd is left open");
    assert!(gone.events().is_empty());
}

#[test]
fn without_a_request_one_is_made_and_written_down_before_anybody_is_told() {
    let new = || Fake::with_approved(|fake| fake.bundle = None);
    let fake = Arc::new(new());
    fake.pasted.lock().unwrap().push_back("no block\n".to_owned());
    fake.obtain().unwrap();
    assert_eq!(fake.events(), ["ledger.checkpoint", "request.made"]);
    assert!(fake.papers.lock().unwrap().keys().any(|name| name.contains(".request.")));
    // Where it fails, what was not written down was not told either.
    for (call, is_locked) in (0..8).flat_map(|call| [(call, false), (call, true)]) {
        for fails in [Fails::Before, Fails::After] {
            let mut fake = new().with_failing(call, fails);
            fake.keyring_is_locked = is_locked;
            let fake = Arc::new(fake);
            let outcome = fake.obtain().err();
            let is_told = fake.said.lock().unwrap().iter().any(|line| line.contains("BEGIN GLASS REQUEST"));
            let what = format!("call {call} {fails:?}: {outcome:?} {:?}", fake.events());
            assert!(!is_told || fake.events().contains(&"request.made"), "{what}");
        }
    }
}

#[test]
fn nobody_is_asked_for_what_would_come_to_nothing() {
    let new = |change: fn(&mut Fake)| {
        Arc::new(Fake::with_approved(|fake| {
            fake.bundle = None;
            change(fake);
        }))
    };
    let no_source = new(|fake| fake.identity.source = None);
    assert_eq!(no_source.obtain().unwrap_err().to_string(), "the identity file names no `source` of daily credentials");
    assert!(no_source.events().is_empty());
    let unconfirmed = new(|fake| fake.confirm = 1);
    assert_eq!(rules(unconfirmed.obtain().unwrap_err()), ["confirm"]);
    assert_eq!(unconfirmed.events(), ["elevate.refused"]);
    // The profile's sessions cannot be watched here.
    let untraced = Arc::new(Fake::with_approved(|fake| fake.bundle = None).with_failing(0, Fails::Before));
    assert_eq!(rules(untraced.obtain().unwrap_err()), ["trace"]);
    assert_eq!(untraced.events(), ["elevate.refused"]);
}

#[test]
fn a_keyring_that_is_locked_keeps_nobody_from_asking() {
    let fake = Arc::new(Fake::with_approved(|fake| (fake.bundle, fake.keyring_is_locked) = (None, true)));
    fake.obtain().unwrap();
    assert_eq!(fake.events(), ["request.made"]);
    let said = fake.said.lock().unwrap().join("\n");
    assert!(said.contains("warning: the ledger is not signed: the ledger's key is in the keyring"), "{said}");
}
