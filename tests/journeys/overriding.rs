//! Going on without approvals, on the made-up world: whatever fails, no override is quiet.

use std::sync::Arc;

use glass::broker::BreakError;
use glass::model::event::Event;
use glass::model::name::Id;
use glass::world::Session;
use glass::world::aws::AwsError;

use super::rules;
use crate::support::world::{Fails, Fake, wish, wrong_code};

const PROFILE: &str = "prod-db-emergency";

/// A world in which alice may override, and nobody has approved.
fn night() -> Fake {
    let fake = Fake::overridable();
    fake.typed.lock().unwrap().push_front(PROFILE.to_owned());
    fake
}

fn overrides(fake: &Arc<Fake>) -> Result<Session, BreakError> {
    let mut wish = wish(PROFILE);
    wish.reason = Some("nobody of security can be reached and orders are lost".to_owned());
    fake.override_approvals(&wish)
}

fn is_left_for_review(fake: &Fake) -> bool {
    fake.papers.lock().unwrap().keys().any(|name| name.contains(".used."))
}

fn count(fake: &Fake, event: &str) -> usize {
    fake.events().iter().filter(|name| **name == event).count()
}

#[test]
fn an_override_is_in_the_ledger_before_its_intent_and_is_left_to_be_reviewed() {
    let fake = Arc::new(night());
    let session = overrides(&fake).unwrap();
    let order = ["ledger.checkpoint", "request.made", "override.used", "elevate.intent", "request.used", "elevate.ok"];
    assert_eq!(fake.events(), order);
    let entries = fake.entries.lock().unwrap();
    assert!(entries.iter().skip(1).all(|record| record.session.as_ref() == Some(session.id())));
    match &entries[3].event {
        Event::ElevateIntent(intent) => {
            assert!(intent.granted.overridden && intent.approvals.is_empty());
            assert_eq!(intent.granted.request.as_ref(), Some(session.id()));
        }
        other => panic!("{other:?}"),
    }
    let papers: Vec<String> = fake.papers.lock().unwrap().keys().cloned().collect();
    assert!(papers.iter().any(|name| name.contains(&format!("{}.request.", session.id()))), "{papers:?}");
    assert!(papers.iter().any(|name| name.contains(&format!("{}.used.", session.id()))), "{papers:?}");
}

#[test]
fn a_wrong_code_neither_doubles_an_override_nor_leaves_a_review_open() {
    let fake = Arc::new(night());
    fake.answers.lock().unwrap().extend([wrong_code(), wrong_code()]);
    drop(overrides(&fake).unwrap());
    assert_eq!((count(&fake, "override.used"), count(&fake, "elevate.intent")), (1, 3));
    let fake = Arc::new(night());
    fake.answers.lock().unwrap().extend([wrong_code(), wrong_code(), wrong_code()]);
    overrides(&fake).unwrap_err();
    assert!(!is_left_for_review(&fake));
}

#[test]
fn an_override_whose_answer_never_came_is_left_to_be_reviewed() {
    let fake = Arc::new(night());
    fake.answers.lock().unwrap().push_back(AwsError::MaybeSent("the line is dead".into()));
    overrides(&fake).unwrap_err();
    assert!(is_left_for_review(&fake));
}

#[test]
fn an_anchor_that_the_level_demands_is_demanded_of_an_override_too() {
    let fake = Arc::new(Fake::overridable_with("anchor = \"required\"", "[ledger]\nship = [\"/srv/share\"]\n"));
    fake.typed.lock().unwrap().push_front(PROFILE.to_owned());
    drop(overrides(&fake).unwrap());
    let events = fake.events();
    let at = |event: &str| events.iter().rposition(|name| *name == event).unwrap();
    assert!(at("elevate.intent") < at("ledger.anchor") && at("ledger.anchor") < at("elevate.ok"), "{events:?}");
}

#[test]
fn nobody_overrides_who_is_not_there_to_confirm_it_or_types_something_else() {
    let mut alone = night();
    alone.terminal = false;
    assert_eq!(rules(overrides(&Arc::new(alone)).unwrap_err()), ["override"]);
    let fake = Arc::new(Fake::overridable());
    assert_eq!(rules(overrides(&fake).unwrap_err()), ["override"]);
    assert_eq!((fake.sent.lock().unwrap().len(), count(&fake, "request.made")), (0, 0));
}

/// What cannot be read or marked while reviews are looked for is told.
#[test]
fn a_mark_that_is_not_put_there_again_is_told() {
    let unmarked = |fake: Fake| {
        let fake = Arc::new(fake);
        drop(overrides(&fake).unwrap());
        fake.papers.lock().unwrap().retain(|name, _| !name.contains(".used."));
        fake.said.lock().unwrap().clear();
        fake
    };
    let smooth = unmarked(night());
    let began = smooth.calls();
    assert_eq!(smooth.settle().unwrap().open.len(), 1);
    assert!(is_left_for_review(&smooth));
    for call in began..smooth.calls() {
        let fake = unmarked(night().with_failing(call, Fails::Before));
        let outcome = fake.settle().map(|settled| settled.open.len());
        let said = fake.said.lock().unwrap().concat();
        let what = format!("call {call}: {outcome:?} {said}");
        assert!(
            outcome.is_err() || said == "glass: warning: the store is left out: cannot open: made to fail",
            "{what}"
        );
    }
}

/// Where the level refuses an override while one is open, one of another terminal is found when the code is sent.
#[test]
fn of_two_overrides_that_wait_for_their_codes_one_is_used() {
    let of_alices = |level: &str| {
        let fake = Arc::new(Fake::overridable_with(level, ""));
        fake.typed.lock().unwrap().push_front(PROFILE.to_owned());
        let (first, session) = (Arc::new(night()), Id::parse("ffffffff").unwrap());
        drop(overrides(&first).unwrap());
        let entries = first.entries.lock().unwrap();
        let others = entries.iter().skip(2).cloned().map(|mut record| {
            record.session = Some(session.clone());
            if let Event::ElevateIntent(intent) = &mut record.event {
                intent.granted.request = Some(session.clone());
            }
            record
        });
        fake.meanwhile.lock().unwrap().extend(others);
        fake
    };
    let reminded = of_alices("");
    drop(overrides(&reminded).unwrap());
    let fake = of_alices("open_reviews = \"refuse\"");
    assert_eq!(rules(overrides(&fake).unwrap_err()), ["review"]);
    assert_eq!((fake.sent.lock().unwrap().len(), count(&fake, "override.used")), (0, 1), "that of the other alone");
    assert_eq!(fake.events().last(), Some(&"elevate.refused"));
}

/// Whatever fails, what is sent to AWS without approvals was told before.
#[test]
fn a_failure_at_any_call_leaves_no_override_untold() {
    let smooth = Arc::new(night());
    drop(overrides(&smooth).unwrap());
    assert!(smooth.calls() > 8, "{}", smooth.calls());
    for call in 0..smooth.calls() {
        for fails in [Fails::Before, Fails::After] {
            let fake = Arc::new(night().with_failing(call, fails));
            let outcome = overrides(&fake).err();
            let what = format!("call {call} {fails:?}: {outcome:?} {:?}", fake.events());
            let sent = fake.sent.lock().unwrap().len();
            assert!(sent <= 1 && count(&fake, "override.used") >= sent, "{what}");
            assert!(sent == 0 || count(&fake, "request.used") == 1, "{what}");
        }
    }
}
