//! Requests that are used once, whoever else wants to use them, and however long the ledger is.

use super::*;
use crate::model::event::{Granted, Intent, Mfa, NamedRequest, Sent, UsedOverride};
use crate::model::name::{Digest, Id};
use crate::model::name::{Incident, ProfileName, Region, RoleArn, TriggerName};
use crate::model::policy::NoSignOff;
use crate::model::sign_off::reviews::Reviews;
use crate::model::sign_off::sheet::{Asked, Extent, Sheet};
use crate::model::sign_off::tests::people;
use crate::model::sign_off::using::Using;

const REQUEST: &str = "0123abcd";

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn session(number: u8) -> Id {
    Id::from_random([number; 5])
}

/// The intent of a session that uses a request.
fn intent(session: &Id, request: &str) -> Record {
    let granted = Granted {
        profile: ProfileName::parse("prod-db-emergency").unwrap(),
        role: RoleArn::parse("arn:aws:iam::444455556666:role/db").unwrap(),
        region: Region::parse("eu-west-1").unwrap(),
        duration: 900,
        trigger: TriggerName::parse("db-outage").unwrap(),
        incident: Incident::parse("INC-1").unwrap(),
        reason: Reason::parse("the database is down").unwrap(),
        request: Some(id(request)),
        step: None,
        overridden: false,
        catalogue: Digest::of(b""),
        profile_sha256: Digest::of(b""),
        policy_sha256: None,
    };
    let mfa = Mfa { serial: None, how: "source", source: "profile daily".into() };
    let intent = Intent { granted, caller_arn: "arn".into(), approvals: vec![], mfa };
    Record { who: None, session: Some(session.clone()), event: Event::ElevateIntent(Box::new(intent)) }
}

fn fail(session: &Id, sent: Sent) -> Record {
    let event = Event::ElevateFail { sent, code: "NotSent".into(), message: "no route".into(), request_id: None };
    Record { who: None, session: Some(session.clone()), event }
}

/// A request that was made when the ledger had so many entries.
fn asked(request: &str, from: u64) -> Asked {
    let asked = people::asked(&people::load(&people::text()));
    Asked { id: id(request), ledger: Extent { size: from, ..asked.ledger }, ..asked }
}

impl Ground {
    fn use_up(&self, number: u8, from: u64) -> Result<Result<Appended, Id>, LedgerError> {
        self.use_up_for(number, REQUEST, from)
    }

    fn use_up_for(&self, number: u8, request: &str, from: u64) -> Result<Result<Appended, Id>, LedgerError> {
        let using = Using::of(&asked(request, from));
        let appended = self.short().append_once(&[intent(&session(number), request)], using)?;
        Ok(appended.map(|appended| appended[0]).map_err(|why| match why {
            NoSignOff::Used { session, .. } => session,
            other => panic!("{other:?}"),
        }))
    }

    /// Overrides, unless another override of alice's is open: what is appended then.
    fn overrides(&self, number: u8, from: u64) -> Result<Vec<Appended>, NoSignOff> {
        let session = session(number);
        let sheet = Sheet::write(&Asked { overrides: true, ..asked(session.as_str(), from) }).unwrap();
        let alice = sheet.asked().person.clone();
        let used = UsedOverride { profile: sheet.asked().profile.clone(), reason: sheet.asked().reason.clone() };
        let of = |event| Record { who: Some(alice.clone()), session: Some(session.clone()), event };
        let records = [
            of(Event::OverrideUsed(used)),
            Record { who: Some(alice.clone()), ..intent(&session, session.as_str()) },
            of(Event::RequestUsed(NamedRequest::of(&sheet))),
        ];
        let ledger = self.ledger();
        let mut reviews = Reviews::default();
        ledger.read_back(0, &mut |entry| reviews.read(entry)).unwrap();
        let using = Using::of(sheet.asked()).unless_open(reviews, std::slice::from_ref(&alice));
        ledger.append_once(&records, using).unwrap()
    }
}

/// What comes of something that sixteen do at once.
fn sixteen<T: Send>(does: impl Fn(u8) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let does = &does;
        let users: Vec<_> = (0..16).map(|number| scope.spawn(move || does(number))).collect();
        users.into_iter().map(|user| user.join().unwrap()).collect()
    })
}

#[test]
fn of_sixteen_overrides_of_one_person_at_once_one_is_used() {
    let ground = Ground::new();
    ground.ledger().append(&gate()).unwrap();
    let used = sixteen(|number| ground.overrides(number, 2));
    let winner = used.iter().position(Result::is_ok).unwrap();
    let winner = session(u8::try_from(winner).unwrap());
    let refused = |one: &&Result<_, _>| matches!(one, Err(NoSignOff::OpenReviews(open)) if *open == [winner.clone()]);
    assert_eq!(used.iter().filter(refused).count(), 15, "{used:?}");
    let events = ["ledger.open", "elevate.refused", "override.used", "elevate.intent", "request.used"];
    assert_eq!(ground.events(), events);
    let places: Vec<u64> = used.iter().flatten().flatten().map(|appended| appended.seq).collect();
    assert_eq!(places, [2, 3, 4]);
    ground.ledger().verify().unwrap();
    // An attempt of which nothing came forbids none, and one that was made before it is found however far back it began.
    ground.ledger().append(&fail(&winner, Sent::No)).unwrap();
    ground.overrides(20, 5).unwrap();
    assert_eq!(ground.overrides(21, 9).unwrap_err(), NoSignOff::OpenReviews(vec![session(20)]));
}

#[test]
fn of_sixteen_that_use_a_request_at_once_one_does() {
    let ground = Ground::new();
    ground.ledger().append(&gate()).unwrap();
    let used = sixteen(|number| ground.use_up(number, 2).unwrap());
    let winner = used.iter().position(Result::is_ok).unwrap();
    let winner = session(u8::try_from(winner).unwrap());
    assert_eq!(used.iter().filter(|one| **one == Err(winner.clone())).count(), 15, "{used:?}");
    assert_eq!(ground.events(), ["ledger.open", "elevate.refused", "elevate.intent"]);
    ground.ledger().verify().unwrap();
}

#[test]
fn a_request_is_given_back_when_nothing_was_sent_and_is_another_ones_otherwise() {
    let ground = Ground::new();
    ground.ledger().append(&gate()).unwrap();
    ground.use_up(1, 2).unwrap().unwrap();
    ground.ledger().append(&fail(&session(1), Sent::No)).unwrap();
    ground.use_up(2, 2).unwrap().unwrap();
    ground.ledger().append(&fail(&session(2), Sent::Maybe)).unwrap();
    assert_eq!(ground.use_up(3, 2).unwrap(), Err(session(2)));
    assert!(ground.use_up_for(3, "76543210", 2).unwrap().is_ok());
}

#[test]
fn who_has_used_a_request_is_found_in_a_long_ledger_wherever_it_is() {
    let ground = Ground::new();
    let ledger = ground.short();
    let appended: Vec<u64> = (0..8).map(|_| ledger.append(&gate()).unwrap().seq).collect();
    let made = appended[3];
    ground.use_up(1, made).unwrap().unwrap();
    for _ in 0..40 {
        ledger.append(&carried()).unwrap();
    }
    assert!(ground.segments().len() > 3);
    let mut events = Vec::new();
    let past = ground.ledger().read_back(made + 1, &mut |entry| events.push((entry.seq, entry.ev.to_owned()))).unwrap();
    assert_eq!(events.first().map(|(seq, _)| *seq), Some(made + 1));
    assert_eq!((events.last().map(|(seq, _)| seq + 1), events.len() as u64), (Some(past.size), past.size - made - 1));
    assert_eq!(ground.use_up(2, made).unwrap(), Err(session(1)));
    // The ledger that a request was made on is not shorter now, and has all that came after.
    assert!(matches!(ground.use_up(3, past.size + 9), Err(LedgerError::RolledBack { .. })));
    fs::remove_file(ground.segment(0)).unwrap();
    assert!(matches!(ground.use_up(3, 0), Err(LedgerError::Broken { .. })));
}

#[test]
fn an_entry_is_found_in_a_long_segment_without_reading_it_all() {
    let ground = Ground::new();
    let ledger = ground.ledger();
    let lengths = (0..3000).map(|number| "x".repeat(if number % 100 == 0 { 40_000 } else { 200 }));
    let lines: Vec<Record> = lengths
        .map(|text| Record { event: Event::RunStart { command: "list".into(), args: vec![text] }, ..carried() })
        .collect();
    lines.chunks(100).for_each(|lines| ledger.append_all(lines, LONGEST_WAIT).unwrap());
    for from in [0, 1, 2, 100, 101, 102, 1500, 2999, 3000, 3001] {
        let mut first = None;
        let past = ledger
            .read_back(from, &mut |entry| {
                first.get_or_insert(entry.seq);
            })
            .unwrap();
        assert_eq!((first, past.size), ((from < 3001).then_some(from), 3001), "{from}");
    }
}
