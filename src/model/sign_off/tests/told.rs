//! What a ledger says of requests and overrides.

use super::people::{approval, at, id, sheet};
use super::tally;
use crate::model::chain::entry::Entry;
use crate::model::event::{AnsweredRequest, ClosedReview, Event, NamedRequest, UsedOverride};
use crate::model::name::Digest;
use crate::model::sign_off::history::Spending;
use crate::model::sign_off::reviews::Reviews;

/// Entries of sessions a and b: `a` is `aaaaaaaa`.
fn history(events: &[(&str, &str, &str)]) -> (Option<String>, Vec<String>) {
    let (mut spending, mut reviews) = (Spending::new(id("0123abcd")), Reviews::default());
    for (seq, (session, ev, d)) in events.iter().enumerate() {
        let session = if session.is_empty() { String::new() } else { session.repeat(8) };
        let line = format!(
            "{{\"v\":1,\"seq\":{seq},\"prev\":\"{}\",\"ts\":\"2026-01-31T02:13:00.000042Z\",\"mono\":\"7\",\"boot\":\"b\",\
             \"host\":\"h\",\"pid\":1,\"uid\":0,\"who\":\"alice\",\"ev\":\"{ev}\",\"session\":\"{session}\",\"d\":{d}}}\n",
            Digest::of(b"")
        );
        let entry = Entry::parse(line.as_bytes()).unwrap();
        spending.read(&entry);
        reviews.read(&entry);
    }
    let open = reviews.open().map(|one| one.session.to_string()).collect();
    (spending.used().map(ToString::to_string), open)
}

const INTENT: &str = "{\"profile\":\"p\",\"request\":\"0123abcd\"}";
const OTHER: &str = "{\"profile\":\"p\",\"request\":\"0123abce\"}";
const NONE: &str = "{\"profile\":\"p\",\"request\":null}";
const WRONG_CODE: &str = "{\"sent\":\"refused\",\"code\":\"AccessDenied\",\"message\":\"AWS says no (AccessDenied): \
                          MultiFactorAuthentication failed with invalid MFA one time pass code.\",\"request_id\":null}";
const NOT_SENT: &str = "{\"sent\":\"no\",\"code\":\"NotSent\",\"message\":\"\",\"request_id\":null}";
const REFUSED: &str = "{\"sent\":\"refused\",\"code\":\"AccessDenied\",\"message\":\"no\",\"request_id\":null}";
const MAYBE: &str = "{\"sent\":\"maybe\",\"code\":\"NoAnswer\",\"message\":\"\",\"request_id\":null}";

#[test]
fn an_intent_spends_a_request_unless_nothing_can_have_come_of_it() {
    let used = |events: &[(&str, &str, &str)]| history(events).0;
    let a = Some("aaaaaaaa".to_owned());
    let intent = ("a", "elevate.intent", INTENT);
    assert_eq!(used(&[]), None);
    assert_eq!(used(&[intent]), a, "also before it is known what came of it");
    assert_eq!(used(&[("a", "elevate.intent", OTHER), ("b", "elevate.intent", NONE)]), None);
    assert_eq!(used(&[intent, ("a", "elevate.ok", "{}")]), a);
    for (fail, left) in
        [(NOT_SENT, None), (WRONG_CODE, None), (REFUSED, a.clone()), (MAYBE, a.clone()), ("{}", a.clone())]
    {
        assert_eq!(used(&[intent, ("a", "elevate.fail", fail)]), left, "{fail}");
        assert_eq!(used(&[intent, ("b", "elevate.fail", fail)]), a, "another session's: {fail}");
    }
    assert_eq!(used(&[intent, ("a", "elevate.fail", WRONG_CODE), intent]), a);
    assert_eq!(used(&[intent, ("a", "elevate.fail", WRONG_CODE), intent, ("a", "elevate.fail", WRONG_CODE)]), None);
    assert_eq!(
        used(&[intent, ("a", "elevate.fail", MAYBE), ("a", "elevate.fail", NOT_SENT)]),
        a,
        "only the first tells"
    );
    assert_eq!(used(&[intent, ("a", "elevate.ok", "{}"), ("a", "elevate.fail", NOT_SENT)]), a);
    assert_eq!(used(&[("a", "elevate.fail", NOT_SENT), intent]), a, "what came before does not count");
    let both = [intent, ("b", "elevate.intent", INTENT), ("a", "elevate.fail", NOT_SENT)];
    assert_eq!(used(&both), Some("bbbbbbbb".to_owned()));
}

#[test]
fn a_review_is_open_from_when_aws_is_asked_until_it_is_closed() {
    let open = |events: &[(&str, &str, &str)]| history(events).1;
    let used =
        |session| (session, "override.used", "{\"profile\":\"prod-db-emergency\",\"reason\":\"nobody answers\"}");
    let spent = format!("{{\"request\":\"aaaaaaaa\",\"request_sha256\":\"{}\"}}", Digest::of(b"a"));
    let asked = |session| (session, "request.used", spent.as_str());
    let closed = ("", "review.closed", "{\"session\":\"aaaaaaaa\",\"person\":\"carol\",\"approval_sha256\":\"\"}");
    let fail = |text| ("a", "elevate.fail", text);
    assert_eq!(open(&[used("a")]), [""; 0], "nothing was sent yet");
    assert_eq!(open(&[asked("a")]), [""; 0], "it was approved");
    assert_eq!(open(&[used("a"), asked("a"), used("b"), asked("b")]), ["aaaaaaaa", "bbbbbbbb"]);
    assert_eq!(open(&[used("a"), asked("a"), closed, used("b"), asked("b")]), ["bbbbbbbb"]);
    assert_eq!(open(&[closed, used("a"), asked("a")]), ["aaaaaaaa"], "what came before does not count");
    for (came_to_nothing, fails) in [(true, vec![NOT_SENT, WRONG_CODE, REFUSED]), (false, vec![MAYBE, "{}"])] {
        for text in fails {
            assert_eq!(open(&[used("a"), asked("a"), fail(text)]).is_empty(), came_to_nothing, "{text}");
        }
    }
    let unread = |session, event| (session, event, "{\"reason\":7}");
    assert_eq!(open(&[unread("a", "override.used"), asked("a")]), ["aaaaaaaa"], "whatever it says");
    assert_eq!(open(&[unread("a", "override.used"), asked("a"), closed]), [""; 0]);
    assert_eq!(open(&[used("a"), unread("a", "request.used")]), ["aaaaaaaa"], "under whatever request");
    assert_eq!(open(&[used("a"), asked("a"), unread("a", "review.closed")]), ["aaaaaaaa"]);
    let again = [used("a"), asked("a"), fail(WRONG_CODE), used("a"), asked("a")];
    assert_eq!(open(&again), ["aaaaaaaa"], "once, however often the code was wrong");
}

/// The overrides of a ledger whose entries are of these minutes after 02:00.
fn reviews(events: &[(u8, &str, &str)], read: fn(&mut Reviews, &Entry<'_>)) -> Reviews {
    let mut reviews = Reviews::default();
    for (seq, (minute, ev, d)) in events.iter().enumerate() {
        let line = format!(
            "{{\"v\":1,\"seq\":{seq},\"prev\":\"{}\",\"ts\":\"2026-01-31T02:{minute:02}:00.000000Z\",\"mono\":\"7\",\"boot\":\"b\",\
             \"host\":\"h\",\"pid\":1,\"uid\":0,\"who\":\"alice\",\"ev\":\"{ev}\",\"session\":\"0123abcd\",\"d\":{d}}}\n",
            Digest::of(b"")
        );
        let entry = Entry::parse(line.as_bytes()).unwrap();
        read(&mut reviews, &entry);
    }
    reviews
}

const OVERRIDE: &str = "{\"profile\":\"prod-db-emergency\",\"reason\":\"nobody answers\"}";

#[test]
fn what_is_signed_while_the_session_of_an_override_goes_on_closes_no_review() {
    let sheet = sheet();
    let spent = format!("{{\"request\":\"0123abcd\",\"request_sha256\":\"{}\"}}", sheet.digest());
    let begun =
        [(10, "override.used", OVERRIDE), (11, "elevate.intent", "{\"duration\":1200}"), (11, "request.used", &spent)];
    let over = |more: &[(u8, &str, &str)], minute: u8| {
        let reviews = reviews(&[&begun, more].concat(), Reviews::read);
        let at = at(&format!("2026-01-31T02:{minute:02}:00Z"));
        reviews.open_under(&sheet).unwrap().goes_on_at(at).map(|over| over.to_string())
    };
    let deadline = Some("2026-01-31T02:31:00Z".to_owned());
    assert_eq!((over(&[], 25), over(&[], 26)), (deadline, None), "give or take five minutes of clock");
    let end = (20, "session.end", "{}");
    assert_eq!((over(&[end], 14), over(&[end], 15)), (Some("2026-01-31T02:20:00Z".to_owned()), None));
    let lost = (58, "session.end", "{\"cause\":\"lost\"}");
    assert_eq!(over(&[lost], 26), None, "AWS ends it, however late the ledger says so");
    let again =
        [(12, "elevate.fail", WRONG_CODE), (30, "elevate.intent", "{\"duration\":900}"), (30, "request.used", &spent)];
    assert_eq!(over(&again, 39), Some("2026-01-31T02:45:00Z".to_owned()), "by the last intent");
    let unread = reviews(&[begun[0], (11, "elevate.intent", "{}"), begun[2]], Reviews::read);
    assert!(unread.open_under(&sheet).unwrap().goes_on_at(at("2026-01-31T03:05:00Z")).is_some());
}

#[test]
fn open_reviews_are_carried_into_the_ledger_that_follows_and_nothing_unverified_closes_one() {
    let sheet = sheet();
    let spent = format!("{{\"request\":\"0123abcd\",\"request_sha256\":\"{}\"}}", sheet.digest());
    let closed = (40, "review.closed", "{\"session\":\"0123abcd\",\"person\":\"carol\",\"approval_sha256\":\"\"}");
    let failed = (12, "elevate.fail", NOT_SENT);
    let entries =
        [(10, "override.used", OVERRIDE), (11, "elevate.intent", "{\"duration\":900}"), (11, "request.used", &spent)];
    assert!(reviews(&[&entries[..], &[closed]].concat(), Reviews::read).carried().is_empty());
    assert!(reviews(&[&entries[..], &[failed]].concat(), Reviews::read).carried().is_empty(), "nothing came of it");
    for end in [closed, failed] {
        let left = reviews(&[&entries[..], &[end]].concat(), Reviews::read_unverified).carried();
        let opened =
            format!("{{\"origin\":\"o\",\"previous\":{{\"reviews\":{}}}}}", serde_json::to_string(&left).unwrap());
        let form = format!(
            "[{{\"session\":\"0123abcd\",\"said\":{{\"profile\":\"prod-db-emergency\",\"person\":\"alice\",\
             \"at\":\"2026-01-31T02:10:00Z\",\"reason\":\"nobody answers\"}},\"over\":\"2026-01-31T02:26:00Z\",\
             \"asked\":{{\"under\":\"{}\"}}}}]",
            sheet.digest()
        );
        assert!(opened.contains(&form), "{opened}");
        let begun = [(50, "ledger.open", opened.as_str())];
        let carried = reviews(&begun, Reviews::read);
        assert_eq!(
            (carried.open_under(&sheet), carried.request_of(&id("0123abcd"))),
            (left.open().next(), Some(sheet.digest()))
        );
        assert!(reviews(&[begun[0], closed], Reviews::read).is_empty());
    }
    for none in ["{\"origin\":\"o\",\"previous\":null}", "{\"origin\":\"o\",\"previous\":{\"size\":7}}"] {
        assert!(reviews(&[(50, "ledger.open", none)], Reviews::read).is_empty());
    }
}

#[test]
fn what_the_ledger_says_of_requests_is_on_the_disk_for_good_and_has_its_fields_in_order() {
    let sheet = sheet();
    let bob = tally(&sheet, &[approval(&sheet, "bob", 2, 60)]).counted()[0].clone();
    let profile = sheet.asked().profile.clone();
    let reason = sheet.asked().reason.clone();
    let named = format!("{{\"request\":\"0123abcd\",\"request_sha256\":\"{}\"", sheet.digest());
    let of_bob = format!("{named},\"person\":\"bob\",\"key\":\"{}\",\"approval_sha256\":\"{}\"}}", bob.key, bob.digest);
    let closed = format!("{{\"session\":\"77777777\",\"person\":\"bob\",\"approval_sha256\":\"{}\"}}", bob.digest);
    let used = "{\"profile\":\"prod-db-emergency\",\"reason\":\"orders \\\"database\\\" lost its writér \\\\o/\"}";
    for (event, ev, d) in [
        (Event::RequestMade(NamedRequest::of(&sheet)), "request.made", format!("{named}}}")),
        (Event::RequestUsed(NamedRequest::of(&sheet)), "request.used", format!("{named}}}")),
        (Event::RequestSigned(AnsweredRequest::of(&sheet, &bob)), "request.signed", of_bob.clone()),
        (Event::RequestDenied(AnsweredRequest::of(&sheet, &bob)), "request.denied", of_bob),
        (Event::OverrideUsed(UsedOverride { profile, reason }), "override.used", used.to_owned()),
        (Event::ReviewClosed(ClosedReview::of(id("77777777"), &bob)), "review.closed", closed),
    ] {
        assert_eq!((event.name(), event.is_gate()), (ev, true));
        assert_eq!(serde_json::to_string(&event).unwrap(), d);
    }
}
