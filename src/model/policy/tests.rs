//! Requests that were signed, and what the judgement makes of them.

use std::time::Duration;

use super::*;
use crate::model::chain::origin::Origin;
use crate::model::name::StepName;
use crate::model::sign_off::approval::Approval;
use crate::model::sign_off::count::{Scene, Tally, count};
use crate::model::sign_off::sheet::{Asked, Sheet};
use crate::model::sign_off::tests::people::{after, approval, asked, denial, id, load, sheet, text};

const LONG_REASON: &str = "nobody can be reached and orders are being lost";

/// Everything that is judged, to be changed by each test.
struct Night {
    catalogue: Catalogue,
    sheet: Sheet,
    approvals: Vec<Approval>,
    now: Timestamp,
    used: Option<Id>,
    origin: Origin,
    is_made_here: bool,
    person: PersonName,
    request: Request,
    step: Option<&'static str>,
    is_override: bool,
    open_reviews: Vec<Id>,
    typed: Option<&'static str>,
}

fn night() -> Night {
    let (catalogue, sheet) = (load(&text()), sheet());
    let approvals = vec![approval(&sheet, "bob", 2, 60), approval(&sheet, "carol", 3, 90)];
    Night {
        origin: sheet.asked().origin.clone(),
        is_made_here: true,
        request: Request::of(sheet.asked()),
        now: after(120),
        used: None,
        person: name("alice"),
        step: None,
        is_override: false,
        open_reviews: Vec::new(),
        typed: Some("prod-db-emergency"),
        catalogue,
        sheet,
        approvals,
    }
}

/// A night in which alice may override, and does so as `with` says.
fn overriding(with: impl FnOnce(Asked) -> Asked) -> Night {
    let permitted = "max_duration = \"30m\"\noverride = { for = [\"oncall\"], max_duration = \"15m\" }";
    overriding_by(&text().replacen("max_duration = \"30m\"", permitted, 1), with)
}

fn overriding_by(text: &str, with: impl FnOnce(Asked) -> Asked) -> Night {
    let catalogue = load(text);
    let reason = Reason::parse(LONG_REASON).unwrap();
    let asked = with(Asked { overrides: true, reason, ..asked(&catalogue) });
    let sheet = Sheet::write(&asked).unwrap();
    let request = Request::of(&asked);
    Night { catalogue, sheet, request, approvals: Vec::new(), is_override: true, ..night() }
}

impl Night {
    fn tally(&self) -> Tally {
        let scene = Scene { catalogue: &self.catalogue, now: self.now, used: self.used.as_ref() };
        count(scene, &self.sheet, &self.approvals)
    }

    fn judged_with(&self, sign_off: SignOff<'_>) -> Result<Box<Grant>, Vec<Rule>> {
        let standing = self.standing(sign_off);
        let confirm = |_: &Trigger, _: &Incident| Ok(());
        let case = Case { standing, request: &self.request, session: id("77777777"), confirm: &confirm };
        match judge(case) {
            Verdict::Allow(grant) => Ok(grant),
            Verdict::Refuse(rules) => Err(rules),
        }
    }

    fn standing<'a>(&'a self, sign_off: SignOff<'a>) -> Standing<'a> {
        Standing {
            catalogue: &self.catalogue,
            profile: self.catalogue.profile("prod-db-emergency").unwrap(),
            person: &self.person,
            kind: SessionKind::Shell,
            inside: None,
            step: self.step,
            sign_off,
            overriding: self.is_override.then_some(Overriding { open_reviews: &self.open_reviews, typed: self.typed }),
        }
    }

    fn judged(&self) -> Result<Box<Grant>, Vec<Rule>> {
        let tally = self.tally();
        self.judged_with(SignOff::Brought(Brought {
            tally: &tally,
            origin: &self.origin,
            is_made_here: self.is_made_here,
        }))
    }

    /// What the judgement says, each rule with its word.
    #[track_caller]
    fn no(&self) -> Vec<String> {
        self.judged().expect_err("refused").iter().map(|rule| format!("{}: {rule}", rule.name())).collect()
    }
}

fn name(text: &str) -> PersonName {
    PersonName::parse(text).unwrap()
}

#[test]
fn a_request_with_its_approvals_is_granted_and_the_intent_names_them() {
    let night = night();
    let grant = night.judged().expect("approved");
    assert_eq!(grant.approvals(), [night.approvals[0].digest(), night.approvals[1].digest()]);
    assert_eq!(grant.granted().request, Some(id("0123abcd")));
    assert!(!grant.granted().overridden);
    assert_eq!(grant.granted().profile_sha256, night.sheet.asked().parts.digest());
}

#[test]
fn without_enough_approvals_it_is_told_how_many_there_are_and_why_the_others_do_not_count() {
    let mut night = night();
    night.approvals = vec![approval(&night.sheet, "bob", 2, 60), approval(&night.sheet, "bob", 12, 61)];
    assert_eq!(
        night.no(),
        ["approvals: it needs 2 approvals, and has 1: bob; bob's does not count: one person counts once"]
    );
    night.approvals.clear();
    assert_eq!(night.no(), ["approvals: it needs 2 approvals"]);
    for sign_off in [SignOff::Nothing, SignOff::Awaited] {
        let rules = night.judged_with(sign_off).expect_err("nothing is signed");
        assert_eq!(rules.iter().map(Rule::name).collect::<Vec<_>>(), ["approvals"]);
    }
}

#[test]
fn a_request_of_another_person_or_machine_or_one_that_was_used_is_refused() {
    let elsewhere = Night { origin: Origin::parse("glass/acme/other/alice/00000000").unwrap(), ..night() };
    let machine =
        "request: the request 0123abcd was made for another machine or ledger, glass/acme/laptop/alice/62rp5vxh";
    assert_eq!(elsewhere.no(), [machine]);
    let stranger = Night { is_made_here: false, ..night() };
    assert_eq!(stranger.no(), ["request: the request 0123abcd was not made by this ledger: somebody else wrote it"]);
    let used = Night { used: Some(id("66666666")), ..night() };
    assert_eq!(used.no(), ["request: the request 0123abcd was used by the session 66666666"]);
    let text = text().replace("for = [\"oncall\"]", "for = [\"oncall\", \"bob\"]");
    let text = text.replace("[people.bob]", "[people.bob]\narn = \"arn:aws:iam::111122223333:user/bob\"");
    let catalogue = load(&text);
    let sheet = Sheet::write(&asked(&catalogue)).unwrap();
    let approvals = vec![approval(&sheet, "bob", 2, 60), approval(&sheet, "carol", 3, 90)];
    let other = Night { person: name("bob"), catalogue, sheet, approvals, ..night() };
    assert_eq!(other.no(), ["request: the request 0123abcd is alice's"]);
}

#[test]
fn a_request_that_is_over_or_denied_or_void_is_refused() {
    let expired = Night { now: after(1800), ..night() };
    assert_eq!(expired.no(), ["request: the request 0123abcd expired at 2026-01-31T02:43:00Z"]);
    let mut denied = night();
    denied.approvals.push(denial(&denied.sheet, "carol", 3, 100));
    assert_eq!(denied.no(), ["denied: carol said no: not tonight"]);
    let changed = Night { catalogue: load(&text().replace("\"Orders\"", "\"Other\"")), ..night() };
    let void = "request: the request 0123abcd is void: the catalogue is not what it was made by: profile changed";
    assert_eq!(changed.no(), [void]);
}

#[test]
fn what_was_counted_by_another_catalogue_is_not_believed() {
    let night = night();
    let tally = night.tally();
    // As good as the first, and not the same bytes.
    let other = Night { catalogue: load(&format!("{}# more\n", text())), ..night };
    let sign_off = SignOff::Brought(Brought { tally: &tally, origin: &other.origin, is_made_here: true });
    let rules = other.judged_with(sign_off).expect_err("another catalogue");
    assert_eq!(rules[0].to_string(), "the request 0123abcd is void: its approvals were counted by another catalogue");
    assert!(other.judged().is_ok(), "counted by its own");
}

#[test]
fn a_flag_that_says_something_else_than_the_request_is_refused() {
    let differing = |change: fn(&mut Request)| {
        let mut night = night();
        change(&mut night.request);
        night.no()
    };
    let no = differing(|request| request.incident = "INC-1".to_owned());
    assert_eq!(no, ["request: --incident is `INC-1`, and the request 0123abcd is for `INC-4711`"]);
    let no = differing(|request| request.duration = Some(Duration::from_secs(1800)));
    assert_eq!(no, ["request: --duration is `30m`, and the request 0123abcd is for `15m`"]);
    let no = differing(|request| request.reason = "another good reason".to_owned());
    assert!(no[0].starts_with("request: --reason is `another good reason`"), "{no:?}");
    let no = differing(|request| request.trigger = "up".to_owned());
    assert_eq!(no[1], "request: --trigger is `up`, and the request 0123abcd is for `down`");
    let no = Night { is_override: true, ..night() }.no();
    assert_eq!(no[0], "override: it permits no override");
    assert_eq!(no.last().unwrap(), "request: --override is `an override`, and the request 0123abcd is for `approvals`");
    let no = Night { step: Some("failover"), ..night() }.no();
    assert_eq!(no[1], "request: --step is `failover`, and the request 0123abcd is for `no step`");
    let mut usual = night();
    usual.request.duration = None;
    assert!(usual.judged().is_ok(), "the profile's usual time is what was signed");
}

#[test]
fn a_wish_takes_from_a_request_what_it_leaves_open() {
    let asked = Asked { step: Some(StepName::parse("failover").unwrap()), ..sheet().asked().clone() };
    let wish = crate::model::request::Wish { incident: Some("INC-1".to_owned()), ..Default::default() }.or(&asked);
    assert_eq!(wish.incident.as_deref(), Some("INC-1"));
    assert_eq!(wish.trigger.as_deref(), Some("down"));
    assert_eq!((wish.duration, wish.step.as_deref()), (Some(Duration::from_secs(900)), Some("failover")));
    assert_eq!(wish.reason.as_deref(), Some(asked.reason.as_str()));
}

#[test]
fn who_is_recognised_too_late_is_refused() {
    let grant = night().judged().expect("approved");
    let alice = "arn:aws:iam::111122223333:user/alice";
    assert!(grant.recognise(alice, after(1799)).is_ok());
    assert_eq!(grant.recognise(alice, after(1800)).map(drop).map_err(|rule| rule.name()), Err("request"));
    assert_eq!(
        grant.recognise("arn:aws:iam::111122223333:user/eve", after(1)).map(drop).map_err(|rule| rule.name()),
        Err("caller")
    );
}

#[test]
fn a_request_is_not_asked_for_when_too_few_could_sign_it() {
    let night = night();
    assert!(examine(night.standing(SignOff::Awaited), &night.request).is_ok());
    // alice is asked too, and does not count for herself.
    let few = Night { catalogue: load(&text().replace("count = 2", "count = 3")), ..night };
    let no = examine(few.standing(SignOff::Awaited), &few.request).expect_err("too few");
    assert_eq!(no, [Rule::SignOff(NoSignOff::TooFewSigners { needed: 3, others: 2 })]);
    assert_eq!(no[0].to_string(), "it needs 3 approvals, and 2 of the people whom it asks can sign yours");
}

#[test]
fn an_override_is_granted_to_whom_the_profile_permits_it_and_needs_no_approval() {
    let grant = overriding(|asked| asked).judged().expect("permitted");
    assert!(grant.granted().overridden);
    assert_eq!((grant.approvals(), &grant.granted().request), (&[][..], &Some(id("0123abcd"))));
    assert_eq!(*grant.session(), id("0123abcd"), "who reviews it signs which session it is of");
    let text = text().replacen(
        "max_duration = \"30m\"",
        "max_duration = \"30m\"\noverride = { for = [\"leads\", \"frank\"], max_duration = \"15m\" }",
        1,
    );
    let frank = "[people.frank]\narn = \"arn:aws:iam::111122223333:user/frank\"\ngroups = [\"oncall\"]\n[people.erin]";
    let others = overriding_by(&text.replace("[people.erin]", frank), |asked| asked);
    assert_eq!(others.no(), ["override: it permits an override to leads, frank, not to alice"]);
}

#[test]
fn an_override_has_its_own_ceiling_and_a_longer_reason() {
    let long = overriding(|asked| Asked { duration: 1800, ..asked });
    assert_eq!(long.no(), ["duration: 30m is over its maximum of 15m for an override"]);
    let text = text().replacen("\nduration = \"15m\"", "\nduration = \"30m\"", 1);
    let permitted = "max_duration = \"30m\"\noverride = { for = [\"oncall\"], max_duration = \"15m\" }";
    let mut usual = overriding_by(&text.replacen("max_duration = \"30m\"", permitted, 1), |asked| asked);
    usual.request.duration = None;
    assert_eq!(usual.judged().expect("the usual time, as far as permitted").granted().duration, 900);
    let short = overriding(|asked| Asked { reason: Reason::parse("orders are being lost").unwrap(), ..asked });
    assert_eq!(short.no(), ["override: the reason of an override has at least 40 characters, this one 21"]);
}

#[test]
fn an_override_that_is_not_confirmed_by_the_profiles_name_is_refused() {
    let no = |typed| Night { typed, ..overriding(|asked| asked) }.no();
    assert_eq!(no(None), ["override: an override is confirmed on a terminal, and there is none"]);
    let other = "override: the override was not confirmed: `yes` is not the profile's name";
    assert_eq!(no(Some("yes")), [other]);
    assert!(Night { typed: Some(" prod-db-emergency\n"), ..overriding(|asked| asked) }.judged().is_ok());
}

#[test]
fn an_open_review_stops_the_next_override_where_the_level_says_so() {
    let reminded = Night { open_reviews: vec![id("66666666")], ..overriding(|asked| asked) };
    assert!(reminded.judged().is_ok());
    let permitted = "max_duration = \"30m\"\noverride = { for = [\"oncall\"], max_duration = \"15m\" }";
    let text = text().replacen("max_duration = \"30m\"", permitted, 1);
    let text = text.replacen("max_duration = \"1h\"", "max_duration = \"1h\"\nopen_reviews = \"refuse\"", 1);
    assert!(overriding_by(&text, |asked| asked).judged().is_ok(), "none is open");
    let refused = Night { open_reviews: vec![id("66666666")], ..overriding_by(&text, |asked| asked) };
    assert_eq!(refused.no(), ["review: the override of 66666666 is not reviewed yet"]);
}

#[test]
fn a_request_for_an_override_is_none_for_approvals() {
    let mut night = overriding(|asked| asked);
    night.is_override = false;
    assert_eq!(night.no(), ["request: --override is `approvals`, and the request 0123abcd is for `an override`"]);
}
