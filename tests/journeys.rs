//! The whole story of breaking glass on a made-up world, and again with a failure at every single call.

mod overriding;
mod signed;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use glass::broker::{BreakError, Setting};
use glass::model::event::{Event, Sent, SessionKind};
use glass::model::identity::{CodeSource, Store};
use glass::model::name::{Digest, Id};
use glass::model::policy::Rule;
use glass::model::request::Wish;
use glass::model::secret::Secret;
use glass::model::time::Timestamp;
use glass::model::totp::Seed;
use glass::world::aws::AwsError;
use glass::world::machine::AskError;

use crate::support::world::{Fails, Fake, SECRET, hash_of, wish, wrong_code};

const PROFILE: &str = "prod-db-emergency";

/// What is granted for a step: it has all the calls of a command, and one more.
fn step() -> Wish {
    Wish { step: Some("failover".to_owned()), ..wish(PROFILE) }
}

fn rules(error: BreakError) -> Vec<&'static str> {
    match error {
        BreakError::Refused { rules, .. } => rules.iter().map(Rule::name).collect(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_session_is_judged_proved_written_down_and_ends() {
    let fake = Arc::new(Fake::new());
    fake.run(&wish(PROFILE)).unwrap();
    let recorded = ["recording.chunk", "recording.end"];
    assert_eq!(
        fake.events(),
        [&["elevate.intent", "elevate.ok", "session.start"], &recorded[..], &["session.end", "ledger.checkpoint"]]
            .concat()
    );
    assert_eq!(*fake.sent.lock().unwrap(), [Some("123456".to_owned())]);
    let told = format!("{:?} {:?}", fake.entries.lock().unwrap(), fake.said.lock().unwrap());
    assert!(!told.contains(SECRET) && !told.contains("123456"), "{told}");
}

#[test]
fn what_is_shown_is_recorded_without_the_sessions_secrets_and_the_ledger_has_its_hash() {
    let fake = Arc::new(Fake::with(|fake| fake.lasts_to_the_end = true));
    fake.run(&wish(PROFILE)).unwrap();
    let recorded = fake.recorded.lock().unwrap();
    let text = String::from_utf8(recorded.clone()).unwrap();
    for expected in ["\"width\":80,\"height\":24", "\"o\",\"key ****", "\"r\",\"120x40\"", "\"m\",\"1 min left\""] {
        assert!(text.contains(expected), "{text}");
    }
    assert!(!text.contains(SECRET) && !text.contains("\"i\""), "{text}");
    let told = fake.entries.lock().unwrap().iter().find_map(|record| match &record.event {
        Event::RecordingEnd(end) => Some((end.bytes, end.sha256)),
        _ => None,
    });
    assert_eq!(told, Some((recorded.len() as u64, Digest::of(&recorded))));
}

#[test]
fn a_session_that_cannot_be_recorded_any_more_is_ended() {
    let calls = |fake: Fake| {
        let fake = Arc::new(fake);
        let outcome = fake.run(&wish(PROFILE));
        (fake.calls(), outcome, fake.events())
    };
    let (all, _, _) = calls(Fake::new());
    let ended = (0..all).map(|call| calls(Fake::failing(call, Fails::Before))).filter(|(_, outcome, events)| {
        let lost = events.contains(&"loss");
        assert!(!lost || events.ends_with(&["loss", "session.end", "ledger.checkpoint"]), "{outcome:?} {events:?}");
        lost && outcome.as_ref().is_err_and(|error| error.contains("cannot write to the recording"))
    });
    assert!(ended.count() >= 2, "what is shown, and the end of it");
}

/// A code that is typed again has an intent of its own, and so another name.
#[test]
fn a_session_name_carries_person_session_and_the_intent() {
    let fake = Arc::new(Fake::new());
    fake.answers.lock().unwrap().push_back(wrong_code());
    let session = fake.break_glass(&wish(PROFILE)).unwrap();
    let events = fake.events();
    let intents = (0..).zip(&events).filter(|(_, event)| **event == "elevate.intent").map(|(seq, _)| seq);
    let names: Vec<_> =
        intents.map(|seq| format!("alice-{}-{}", session.id(), &hash_of(seq).to_string()[..32])).collect();
    assert_eq!((names.len(), names[0].len()), (2, "alice".len() + 1 + 8 + 1 + 32));
    assert_eq!(*fake.named.lock().unwrap(), names);
    let told = fake.entries.lock().unwrap().iter().find_map(|record| match &record.event {
        Event::ElevateOk { session_name, .. } => Some(session_name.clone()),
        _ => None,
    });
    assert_eq!(told.as_ref(), names.last());
}

/// Whatever fails: no child without an intent and a result in the ledger, and no code sent twice.
#[test]
fn a_failure_at_any_call_elevates_nobody_unseen() {
    let smooth = Arc::new(Fake::new());
    smooth.run(&step()).unwrap();
    let began = ["elevate.intent", "elevate.ok", "session.start"];
    assert_eq!(
        smooth.events(),
        [&began[..], &["recording.chunk", "recording.end", "command", "session.end", "ledger.checkpoint"]].concat()
    );
    for call in 0..smooth.calls() {
        for fails in [Fails::Before, Fails::After] {
            let fake = Arc::new(Fake::failing(call, fails));
            let outcome = fake.run(&step());
            let events = fake.events();
            let at = |name| events.iter().position(|event| *event == name);
            let started = fake.started.load(Ordering::SeqCst) > 0;
            let what = format!("call {call} {fails:?}: {outcome:?} {events:?}");
            assert!(!started || (at("elevate.intent") < at("elevate.ok") && at("elevate.ok").is_some()), "{what}");
            assert!(!started || !fake.recorded.lock().unwrap().is_empty(), "{what}");
            assert!(fake.sent.lock().unwrap().len() <= 1, "{what}");
            assert!(fake.sent.lock().unwrap().is_empty() || at("elevate.intent").is_some(), "{what}");
            // A code that is remembered as perhaps used, and was, is no reason to drop a session.
            let warned = fake.said.lock().unwrap().iter().any(|line| line.contains("warning: cannot write the memory"));
            assert!(outcome.is_err() != warned, "{what}");
        }
    }
}

/// What runs beside the person's typing may break off, and ends no elevation untold.
#[test]
fn what_breaks_off_beside_the_typing_is_an_error_that_is_told() {
    let outcome = |panics| {
        let fake = Arc::new(Fake::with(|fake| fake.panics = panics));
        let error = fake.run(&step()).unwrap_err();
        assert!(fake.sent.lock().unwrap().is_empty(), "{error}");
        (error, fake.events())
    };
    let (error, events) = outcome("caller");
    assert!(error.contains("asking it broke off") && events == ["elevate.fail"], "{error} {events:?}");
    let (error, events) = outcome("verify");
    assert!(error.contains("the ledger cannot be trusted: verifying it broke off") && events.is_empty(), "{error}");
}

/// Where the level demands an anchor, nothing is asked of AWS before a place outside has the intent, whatever fails.
#[test]
fn without_a_receipt_for_its_intent_there_is_no_elevation() {
    let smooth = Arc::new(Fake::anchored());
    smooth.run(&wish(PROFILE)).unwrap();
    let began = ["elevate.intent", "ledger.checkpoint", "ledger.anchor", "elevate.ok", "session.start"];
    assert_eq!(smooth.events()[..5], began);
    let mut without = 0;
    for call in 0..smooth.calls() {
        for fails in [Fails::Before, Fails::After] {
            let fake = Arc::new(Fake::anchored().with_failing(call, fails));
            let outcome = fake.run(&wish(PROFILE));
            let events = fake.events();
            let what = format!("call {call} {fails:?}: {outcome:?} {events:?}");
            let sent = !fake.sent.lock().unwrap().is_empty();
            assert!(!sent || events.starts_with(&began[..3]), "{what}");
            if outcome.as_ref().is_err_and(|error| error.contains("no place outside of this machine")) {
                assert!(!sent && events.ends_with(&["elevate.intent", "ledger.checkpoint", "elevate.fail"]), "{what}");
                without += 1;
            }
        }
    }
    assert_eq!(without, 2, "the place takes nothing, or does not say that it did");
}

/// Where a hook is required, nothing is asked of AWS before it has heard of the intent, whatever fails.
#[test]
fn without_a_hook_that_has_heard_of_its_intent_there_is_no_elevation() {
    let smooth = Arc::new(Fake::hooked());
    smooth.run(&wish(PROFILE)).unwrap();
    assert_eq!(smooth.events()[..3], ["elevate.intent", "elevate.ok", "session.start"]);
    let mut without = 0;
    for call in 0..smooth.calls() {
        for fails in [Fails::Before, Fails::After] {
            let fake = Arc::new(Fake::hooked().with_failing(call, fails));
            let outcome = fake.run(&wish(PROFILE));
            let (events, sent) = (fake.events(), !fake.sent.lock().unwrap().is_empty());
            if outcome.as_ref().is_err_and(|error| error.contains("must hear of it first")) {
                assert!(!sent && events == ["elevate.intent", "elevate.fail"], "call {call} {fails:?}: {events:?}");
                without += 1;
            }
        }
    }
    assert_eq!(without, 2, "the hook does not hear, or does not say that it did");
    let deaf = (0..smooth.calls()).map(|call| Arc::new(Fake::hooked().with_failing(call, Fails::Before)));
    let deaf = deaf.filter(|fake| matches!(fake.break_glass(&wish(PROFILE)), Err(BreakError::NotTold(_))));
    for fake in deaf {
        *fake.typed.lock().unwrap() = ["123456"].map(str::to_owned).into();
        drop(fake.break_glass(&wish(PROFILE)).unwrap());
        assert_eq!(*fake.sent.lock().unwrap(), [Some("123456".to_owned())], "the code is still good");
    }
}

/// A code that was asked for and never sent is not used up by an anchor that failed.
#[test]
fn a_code_stays_good_when_there_is_no_anchor() {
    let calls = Arc::new(Fake::anchored());
    drop(calls.break_glass(&wish(PROFILE)).unwrap());
    let failed = (0..calls.calls()).map(|call| Arc::new(Fake::anchored().with_failing(call, Fails::Before)));
    let failed = failed.filter(|fake| matches!(fake.break_glass(&wish(PROFILE)), Err(BreakError::NotAnchored(_))));
    for fake in failed {
        *fake.typed.lock().unwrap() = ["123456"].map(str::to_owned).into();
        drop(fake.break_glass(&wish(PROFILE)).unwrap());
        assert_eq!(*fake.sent.lock().unwrap(), [Some("123456".to_owned())]);
    }
}

#[test]
fn a_mistyped_code_can_be_typed_again_and_each_attempt_is_written_down() {
    let fake = Arc::new(Fake::new());
    fake.answers.lock().unwrap().push_back(wrong_code());
    drop(fake.break_glass(&wish(PROFILE)).unwrap());
    assert_eq!(fake.events(), ["elevate.intent", "elevate.fail", "elevate.intent", "elevate.ok"]);
    assert_eq!(*fake.sent.lock().unwrap(), [Some("123456".to_owned()), Some("234567".to_owned())]);
}

#[test]
fn three_wrong_codes_are_enough() {
    let fake = Arc::new(Fake::new());
    fake.answers.lock().unwrap().extend([wrong_code(), wrong_code(), wrong_code()]);
    assert!(matches!(fake.break_glass(&wish(PROFILE)), Err(BreakError::Aws { .. })));
    assert_eq!(fake.sent.lock().unwrap().len(), 3);
}

#[test]
fn a_wrong_code_typed_again_is_not_sent_again() {
    let fake = Arc::new(Fake::new());
    *fake.typed.lock().unwrap() = ["123456", "123 456", "999999"].map(str::to_owned).into();
    fake.answers.lock().unwrap().push_back(wrong_code());
    drop(fake.break_glass(&wish(PROFILE)).unwrap());
    assert_eq!(*fake.sent.lock().unwrap(), [Some("123456".to_owned()), Some("999999".to_owned())]);
}

#[test]
fn a_second_elevation_within_the_step_waits_for_the_next() {
    let fake = Arc::new(Fake::new());
    drop(fake.break_glass(&wish(PROFILE)).unwrap());
    drop(fake.break_glass(&wish(PROFILE)).unwrap());
    assert!(fake.said.lock().unwrap().iter().any(|line| line.contains("taken a code of this half minute")));
    assert_eq!(fake.sent.lock().unwrap().len(), 2);
}

#[test]
fn without_an_answer_the_code_counts_as_uncertain_and_nothing_is_sent_again() {
    let fake = Arc::new(Fake::new());
    fake.answers.lock().unwrap().push_back(AwsError::MaybeSent("cut".into()));
    assert!(matches!(fake.break_glass(&wish(PROFILE)), Err(BreakError::Aws { .. })));
    assert_eq!(fake.sent.lock().unwrap().len(), 1);
    let entries = fake.entries.lock().unwrap().clone();
    assert!(matches!(entries.last().unwrap().event, Event::ElevateFail { sent: Sent::Maybe, .. }));
    drop(fake.break_glass(&wish(PROFILE)).unwrap());
    assert!(fake.said.lock().unwrap().iter().any(|line| line.contains("may have taken its code")));
}

#[test]
fn a_code_that_was_not_sent_is_still_good() {
    let fake = Arc::new(Fake::new());
    *fake.typed.lock().unwrap() = ["123456", "123456"].map(str::to_owned).into();
    fake.answers.lock().unwrap().push_back(AwsError::NotSent("no route".into()));
    assert!(fake.break_glass(&wish(PROFILE)).is_err());
    drop(fake.break_glass(&wish(PROFILE)).unwrap());
}

#[test]
fn somebody_else_is_refused_before_anything_is_sent() {
    let fake = Arc::new(Fake::with(|fake| fake.caller = "arn:aws:iam::111122223333:user/mallory".into()));
    assert_eq!(rules(fake.break_glass(&wish(PROFILE)).unwrap_err()), ["caller"]);
    assert_eq!(fake.events(), ["elevate.refused"]);
    assert!(fake.sent.lock().unwrap().is_empty());
}

#[test]
fn every_rule_that_says_no_is_told() {
    let fake = Arc::new(Fake::new());
    let mut asked = wish(PROFILE);
    asked.trigger = Some("boredom".into());
    asked.reason = Some("short".into());
    asked.duration = Some(Duration::from_secs(3600));
    asked.region = Some("mars-north-1".into());
    let refused = rules(fake.break_glass(&asked).unwrap_err());
    assert_eq!(refused, ["trigger", "reason", "duration", "region"]);
    assert_eq!(fake.events(), ["elevate.refused"]);
}

#[test]
fn a_profile_that_there_is_not_is_in_the_ledger_as_it_was_asked_for() {
    let fake = Arc::new(Fake::new());
    for (asked, told) in [("prod-db-emergancy".to_owned(), 17), ("x".repeat(1000), 128)] {
        assert!(matches!(fake.break_glass(&wish(&asked)).unwrap_err(), BreakError::UnknownProfile { .. }));
        match fake.entries.lock().unwrap().last().map(|record| (&record.who, &record.event)) {
            Some((Some(who), Event::ElevateRefused { profile, rules, request: None })) => {
                assert_eq!((who.as_str(), profile.as_str(), &rules[..]), ("alice", &asked[..told], &["profile"][..]));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_incident_that_is_not_of_the_form_is_refused_without_asking_the_program() {
    let fake = Arc::new(Fake::with(|fake| fake.confirm = 1));
    let mut asked = wish(PROFILE);
    asked.incident = Some("INC-42; true".into());
    assert_eq!(rules(fake.break_glass(&asked).unwrap_err()), ["incident"]);
}

#[test]
fn an_incident_that_is_not_confirmed_is_refused() {
    let fake = Arc::new(Fake::with(|fake| fake.confirm = 1));
    assert_eq!(rules(fake.break_glass(&wish(PROFILE)).unwrap_err()), ["confirm"]);
}

#[test]
fn without_a_terminal_all_that_is_missing_is_named_at_once() {
    let fake = Arc::new(Fake::with(|fake| fake.terminal = false));
    let mut asked = wish(PROFILE);
    (asked.incident, asked.reason) = (None, None);
    match fake.break_glass(&asked).unwrap_err() {
        BreakError::Missing(missing) => assert_eq!(missing, ["--incident", "--reason"]),
        other => panic!("{other}"),
    }
}

#[test]
fn without_a_terminal_nobody_waits_for_a_code_that_cannot_be_asked() {
    let fake = Arc::new(Fake::new());
    drop(fake.break_glass(&wish(PROFILE)).unwrap());
    let mut alone = Arc::into_inner(fake).unwrap();
    alone.terminal = false;
    let alone = Arc::new(alone);
    assert!(matches!(alone.break_glass(&wish(PROFILE)), Err(BreakError::Ask(AskError::NoTerminal))));
    assert!(alone.said.lock().unwrap().is_empty());
}

#[test]
fn a_temporary_source_needs_a_level_that_takes_its_second_factor() {
    let fake = Arc::new(Fake::with(|fake| (fake.temporary, fake.login) = (true, true)));
    assert_eq!(rules(fake.break_glass(&wish(PROFILE)).unwrap_err()), ["mfa"]);
    drop(fake.break_glass(&wish("prod-db-hook")).unwrap());
    assert_eq!(*fake.sent.lock().unwrap(), [None]);
}

#[test]
fn temporary_keys_of_a_user_are_no_second_factor() {
    let fake = Arc::new(Fake::with(|fake| fake.temporary = true));
    assert_eq!(rules(fake.break_glass(&wish("prod-db-hook")).unwrap_err()), ["mfa"]);
    assert_eq!(fake.events(), ["elevate.refused"]);
    assert!(fake.sent.lock().unwrap().is_empty());
}

#[test]
fn an_expiry_beyond_what_was_asked_is_refused_and_told() {
    let fake = Arc::new(Fake::with(|fake| fake.beyond = 3600));
    assert!(fake.break_glass(&wish(PROFILE)).unwrap_err().to_string().contains("900 s were asked for"));
    assert_eq!(fake.events(), ["elevate.intent", "elevate.fail"]);
}

#[test]
fn a_wrong_local_clock_is_told_in_seconds() {
    let fake = Arc::new(Fake::with(|fake| fake.clock_ahead = 600));
    drop(fake.break_glass(&wish(PROFILE)).unwrap());
    assert!(fake.said.lock().unwrap().iter().any(|line| line.contains("600 s ahead of AWS's")));
}

#[test]
fn a_code_from_the_keyring_is_of_the_time_that_aws_has() {
    const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let fake = Arc::new(Fake::with(|fake| {
        fake.clock_ahead = 600;
        fake.seed = Some(SEED);
        fake.identity.code = CodeSource::Keyring(Store::Keyutils);
    }));
    drop(fake.break_glass(&wish(PROFILE)).unwrap());
    let seed = Seed::parse(&Secret::new(SEED.into())).unwrap();
    let code = seed.code_at(Timestamp::from_seconds(1_800_000_000 - 600)).expose().to_owned();
    assert_eq!(*fake.sent.lock().unwrap(), [Some(code)]);
}

#[test]
fn the_hook_opens_no_session_that_should_be_recorded() {
    let fake = Arc::new(Fake::new());
    let setting = Setting { kind: SessionKind::Hook, ..fake.setting() };
    assert_eq!(rules(fake.break_glass_in(setting, &wish(PROFILE)).unwrap_err()), ["recording"]);
    drop(fake.break_glass_in(setting, &wish("prod-db-hook")).unwrap());
}

#[test]
fn inside_a_live_session_no_other_is_opened() {
    let fake = Arc::new(Fake::new());
    let inside = Id::parse("0123456z").unwrap();
    let setting = Setting { inside: Some(&inside), ..fake.setting() };
    assert_eq!(rules(fake.break_glass_in(setting, &wish(PROFILE)).unwrap_err()), ["nested"]);
}

#[test]
fn nobody_is_asked_for_what_would_be_refused_anyway() {
    let fake = Arc::new(Fake::new());
    let inside = Id::parse("0123456z").unwrap();
    let setting = Setting { inside: Some(&inside), ..fake.setting() };
    let asked = Wish { profile: PROFILE.to_owned(), ..Wish::default() };
    assert_eq!(rules(fake.break_glass_in(setting, &asked).unwrap_err()), ["nested"]);
    assert_eq!(fake.typed.lock().unwrap().len(), 4);
    assert_eq!(fake.events(), ["elevate.refused"]);
}

#[test]
fn an_unknown_profile_suggests_the_nearest() {
    match Arc::new(Fake::new()).break_glass(&wish("prod-db-emergancy")).unwrap_err() {
        BreakError::UnknownProfile { nearest, .. } => assert_eq!(nearest.as_deref(), Some(PROFILE)),
        other => panic!("{other}"),
    }
}

#[test]
fn what_a_busy_ledger_cannot_take_is_written_down_as_soon_as_it_can() {
    for times in [1, 3, 4] {
        let fake = Arc::new(Fake::with(|fake| {
            fake.lasts_to_the_end = true;
            fake.busy = times.into();
        }));
        fake.run(&wish(PROFILE)).unwrap();
        let recorded = ["recording.chunk", "recording.end", "session.end", "ledger.checkpoint"];
        assert_eq!(fake.events()[3..], [&["session.warn", "session.warn"], &recorded[..]].concat());
        assert!(!fake.said.lock().unwrap().join("\n").contains("lock"));
    }
}

/// T6, T32
#[test]
fn a_ledger_that_stays_busy_is_told_and_ends_what_must_be_recorded() {
    let fake = Arc::new(Fake::with(|fake| {
        fake.lasts_to_the_end = true;
        fake.busy = usize::MAX.into();
    }));
    assert!(fake.run(&wish(PROFILE)).unwrap_err().contains("another process holds the ledger's lock"));
    assert_eq!(
        fake.events()[3..],
        ["session.warn", "session.warn", "session.end", "ledger.checkpoint"],
        "the lock is free in the end"
    );
    let said = fake.said.lock().unwrap().join("\n");
    assert_eq!(said.matches("a session that is not written down must end").count(), 1, "{said}");
    assert!(usize::MAX - fake.busy.load(Ordering::SeqCst) <= 6, "it was asked again once a second");
}

#[test]
fn the_deadline_is_told_beforehand_with_the_way_on_and_written_down() {
    let fake = Arc::new(Fake::with(|fake| fake.lasts_to_the_end = true));
    fake.run(&wish(PROFILE)).unwrap();
    let warned =
        ["session.warn", "session.warn", "recording.chunk", "recording.end", "session.end", "ledger.checkpoint"];
    assert_eq!(fake.events(), [&["elevate.intent", "elevate.ok", "session.start"], &warned[..]].concat());
    let said = fake.said.lock().unwrap().join("\n");
    assert!(said.contains("ends in 5 min; to go on: `glass assume prod-db-emergency --incident 'INC-42'`"), "{said}");
    assert!(said.contains("ends in 1 min"), "{said}");
}
