//! People who ask, sign, forge and repeat: what is read, what counts, and in which words the rest does not.

pub(crate) mod people;

use std::path::Path;
use std::time::Duration;

use ring::signature::KeyPair;

use super::approval::{Answer, Approval, ApprovalError, NAMESPACE, Statement};
use super::block::{self, BlockError, Kind};
use super::count::{self, Scene, State, Tally};
use super::gather::{GatherError, gather};
use super::growth::Growth;
use super::history::Spending;
use super::objection::Objection;
use super::reviews::Reviews;
use super::sheet::{Asked, Nonce, Sheet, SheetError};
use crate::model::catalogue::Catalogue;
use crate::model::chain::entry::Entry;
use crate::model::event::{AnsweredRequest, ClosedReview, Event, NamedRequest, UsedOverride};
use crate::model::name::{Digest, PersonName, StepName, TriggerName};
use crate::model::ssh_wire as wire;
use crate::model::sshsig;
use crate::model::time::Timestamp;
use people::{Pair, after, approval, asked, at, denial, id, load, sheet, statement, text};

fn tally_at(catalogue: &Catalogue, sheet: &Sheet, approvals: &[Approval], now: Timestamp) -> Tally {
    count::count(Scene { catalogue, now, used: None }, sheet, approvals)
}

fn tally(sheet: &Sheet, approvals: &[Approval]) -> Tally {
    tally_at(&load(&text()), sheet, approvals, after(600))
}

fn who(tally: &Tally) -> Vec<&str> {
    tally.counted().iter().map(|signed| signed.person.as_str()).collect()
}

/// The one approval that does not count, and why.
#[track_caller]
fn why(tally: &Tally) -> &Objection {
    let [other] = tally.others() else { panic!("one does not count: {:?}", tally.others()) };
    &other.why
}

// The sheet.

#[test]
fn a_sheet_is_one_line_with_its_fields_in_order() {
    let sheet = sheet();
    let parts: String = sheet.asked().parts.iter().map(|(part, digest)| format!("\"{part}\":\"{digest}\",")).collect();
    let expected = format!(
        "{{\"v\":1,\"kind\":\"glass-request\",\"id\":\"0123abcd\",\"organisation\":\"acme\",\
         \"origin\":\"glass/acme/laptop/alice/62rp5vxh\",\"person\":\"alice\",\"profile\":\"prod-db-emergency\",\
         \"parts\":{{{}}},\"role\":\"arn:aws:iam::444455556666:role/db\",\"trigger\":\"down\",\"incident\":\"INC-4711\",\
         \"reason\":\"orders \\\"database\\\" lost its writér \\\\o/\",\"duration\":900,\"step\":null,\"override\":false,\
         \"made\":\"2026-01-31T02:13:00Z\",\"expires\":\"2026-01-31T02:43:00Z\",\
         \"ledger\":{{\"size\":42,\"root\":\"{}\"}},\"nonce\":\"07070707070707070707070707070707\"}}\n",
        parts.trim_end_matches(','),
        Digest::of(b"root"),
    );
    assert_eq!(sheet.line(), expected);
    assert_eq!(sheet.digest(), Digest::of(expected.as_bytes()));
    assert_eq!(Sheet::parse(expected.as_bytes()), Ok(sheet));
}

#[test]
fn times_of_a_sheet_are_whole_seconds() {
    let mut asked = asked(&load(&text()));
    asked.made = Timestamp::from_micros(asked.made.micros() + 999_999);
    assert_eq!(Sheet::write(&asked), Ok(sheet()));
}

#[test]
fn a_line_that_glass_would_have_written_otherwise_is_no_sheet() {
    let line = sheet().line().to_owned();
    for (from, to) in [
        ("\"v\":1", "\"v\":2"),
        ("\"v\":1", "\"v\": 1"),
        ("glass-request", "glass-approval"),
        ("\"id\":\"0123abcd\"", "\"id\":\"0123ABCD\""),
        ("\"id\":\"0123abcd\",", ""),
        ("\"id\":\"0123abcd\",", "\"id\":\"0123abcd\",\"id\":\"0123abcd\","),
        (
            "\"person\":\"alice\",\"profile\":\"prod-db-emergency\"",
            "\"profile\":\"prod-db-emergency\",\"person\":\"alice\"",
        ),
        ("\"duration\":900", "\"duration\":900.0"),
        ("\"duration\":900", "\"duration\":-900"),
        ("\"duration\":900", "\"duration\":9e2"),
        ("\"step\":null", "\"step\":\"\""),
        ("\"step\":null,", ""),
        ("\"override\":false", "\"override\":0"),
        ("02:13:00Z", "02:13:00.0Z"),
        ("02:13:00Z", "03:13:00+01:00"),
        ("writér", "writ\\u00e9r"),
        ("writér", "writ\u{202e}r"),
        ("\\\\o/", "\\\\o\\/"),
        ("\"size\":42", "\"size\":042"),
        ("\"nonce\":\"07", "\"nonce\":\"0A"),
        ("\"nonce\"", "\"more\":1,\"nonce\""),
        ("\"policy\":", "\"polizei\":"),
        ("\"runbook\":", "\"extra\":\"\",\"runbook\":"),
        ("glass/acme/laptop", "glass/acme/lap top"),
        ("}\n", "}"),
        ("}\n", "}\r\n"),
        ("}\n", "} \n"),
        ("}\n", "}\n\n"),
        ("}\n", ",\"x\":1}\n"),
        ("{\"v\"", " {\"v\""),
    ] {
        let wrong = line.replacen(from, to, 1);
        assert_ne!(wrong, line, "{from}");
        assert!(Sheet::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
    let no_time = line.replacen("02:43:00Z", "02:13:00Z", 1);
    assert_eq!(Sheet::parse(no_time.as_bytes()), Err(SheetError::NoTime));
    let long = format!("{}{}\n", line.trim_end(), " ".repeat(16 * 1024));
    assert!(matches!(Sheet::parse(long.as_bytes()), Err(SheetError::TooLong(_))));
    let deep = format!("{{\"v\":1,\"kind\":\"glass-request\",\"id\":{}1{}}}\n", "[".repeat(5000), "]".repeat(5000));
    assert!(matches!(Sheet::parse(deep.as_bytes()), Err(SheetError::Malformed(_))));
}

#[test]
fn every_byte_of_a_sheet_that_is_changed_makes_another_one_or_none() {
    let sheet = sheet();
    for place in 0..sheet.line().len() {
        for flip in [1, 2, 0x20, 0x80] {
            let mut bytes = sheet.line().as_bytes().to_vec();
            bytes[place] ^= flip;
            if let Ok(other) = Sheet::parse(&bytes) {
                assert_ne!(other.digest(), sheet.digest(), "byte {place}");
                assert_eq!(other.line().as_bytes(), bytes, "byte {place}");
            }
        }
    }
}

// The approval.

#[test]
fn an_approval_is_six_lines_and_a_signature() {
    let sheet = sheet();
    let approval = denial(&sheet, "bob", 2, 60);
    let text = format!("glass-approval-v1\ndeny\nbob\n2026-01-31T02:14:00Z\n{}\nnot tonight\n", sheet.digest());
    assert_eq!(approval.text(), text);
    assert!(approval.signature().starts_with("-----BEGIN SSH SIGNATURE-----\n"));
    assert_eq!(approval.stored(), format!("{text}{}", approval.signature()));
    assert_eq!(approval.digest(), Digest::of(approval.stored().as_bytes()));
    assert_eq!(Approval::parse(approval.stored().as_bytes()), Ok(approval));
}

#[test]
fn what_is_not_just_an_approval_is_none() {
    let sheet = sheet();
    let good = approval(&sheet, "bob", 2, 60).stored().to_owned();
    for (from, to) in [
        ("glass-approval-v1", "glass-approval-v2"),
        ("glass-approval-v1\n", "\nglass-approval-v1\n"),
        ("approve\n", "Approve\n"),
        ("approve\n", "approve\r\n"),
        ("bob\n", "Bob\n"),
        ("bob\n", "bob \n"),
        ("02:14:00Z", "yesterday"),
        ("\n\n-----BEGIN", "\n-----BEGIN"),
        ("\n\n-----BEGIN", "\n\n\n-----BEGIN"),
        ("\n\n-----BEGIN", "\na\u{1b}[2J\n-----BEGIN"),
        ("-----BEGIN SSH", "-----BEGIN PGP"),
        ("-----END SSH SIGNATURE-----\n", ""),
        ("-----END SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----\nmore\n"),
    ] {
        let wrong = good.replacen(from, to, 1);
        assert_ne!(wrong, good, "{from}");
        assert!(Approval::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
    let upper = good.replacen(&sheet.digest().to_string(), &sheet.digest().to_string().to_uppercase(), 1);
    assert!(matches!(Approval::parse(upper.as_bytes()), Err(ApprovalError::Line { line: 5, .. })));
    let long = good.replacen("\n\n-----BEGIN", &format!("\n{}\n-----BEGIN", "x".repeat(501)), 1);
    assert_eq!(Approval::parse(long.as_bytes()), Err(ApprovalError::Remark));
    assert!(matches!(Approval::parse(&[b'x'; 17 * 1024]), Err(ApprovalError::TooLarge(_))));
    assert_eq!(Approval::parse(b""), Err(ApprovalError::Start));
    for end in 0..good.len() {
        assert!(Approval::parse(&good.as_bytes()[..end]).is_err(), "cut at {end}");
    }
}

// What counts.

#[test]
fn two_people_with_two_keys_are_enough_and_one_is_not() {
    let sheet = sheet();
    let one = tally(&sheet, &[approval(&sheet, "bob", 2, 60)]);
    assert_eq!((who(&one), one.needed(), one.missing(), one.state()), (vec!["bob"], 2, 1, State::Open));
    assert_eq!(one.may_sign().iter().map(PersonName::as_str).collect::<Vec<_>>(), ["carol"], "erin has no key");
    let two = tally(&sheet, &[approval(&sheet, "carol", 3, 90), approval(&sheet, "bob", 2, 60)]);
    assert_eq!((who(&two), two.missing(), two.state()), (vec!["bob", "carol"], 0, State::Approved));
    assert_eq!(two.counted()[0].key, Pair::of(2).key.fingerprint().to_string());
    assert_eq!((two.void(), two.others(), two.may_sign()), (&[][..], &[][..], &[][..]));
}

#[test]
fn each_reason_not_to_count_is_told_by_itself() {
    let sheet = sheet();
    let only = |approval: Approval| tally(&sheet, &[approval]);
    let bob = Pair::of(2);
    let other = Sheet::write(&Asked { nonce: Nonce::from_random([8; 16]), ..sheet.asked().clone() }).unwrap();
    assert_eq!(why(&only(approval(&other, "bob", 2, 60))), &Objection::OtherRequest);
    assert_eq!(why(&only(approval(&sheet, "alice", 1, 60))), &Objection::Requester);
    assert_eq!(why(&only(approval(&sheet, "bob", 1, 60))), &Objection::Requester, "in another's name");
    assert_eq!(why(&only(approval(&sheet, "alice", 2, 60))), &Objection::Requester, "for the requester");
    assert_eq!(why(&only(approval(&sheet, "carol", 2, 60))).to_string(), "its key is bob's");
    assert_eq!(why(&only(approval(&sheet, "dave", 4, 60))).to_string(), "it takes one of leads, alice");
    let unknown = why(&only(approval(&sheet, "bob", 66, 60))).clone();
    assert_eq!(unknown, Objection::UnknownKey(Pair::of(66).key.fingerprint().to_string()));
    let late = tally_at(&load(&text()), &sheet, &[approval(&sheet, "bob", 2, 1800)], after(1800));
    assert_eq!(why(&late), &Objection::Late(after(1800)));
    assert_eq!(why(&only(approval(&sheet, "bob", 2, -301))), &Objection::Early(after(0)));
    assert_eq!(why(&only(approval(&sheet, "bob", 2, 901))), &Objection::Ahead(Duration::from_secs(301)));
    for within in [-300, 0, 600, 900] {
        assert_eq!(who(&only(approval(&sheet, "bob", 2, within))), ["bob"], "{within}");
    }
    let said = statement(&sheet, "bob", after(60));
    let text = said.to_text().unwrap();
    let elsewhere = Approval::new(&said, &bob.signed("git", &text)).unwrap();
    assert_eq!(
        why(&only(elsewhere)).to_string(),
        "it is not genuine: the signature was made for another purpose, \"git\""
    );
    let of_other = Approval::new(&said, &bob.signed(NAMESPACE, &text.replace("approve", "deny"))).unwrap();
    assert_eq!(why(&only(of_other)).name(), "forged");
}

#[test]
fn one_person_counts_once_whatever_keys_they_have() {
    let sheet = sheet();
    let tally = tally(&sheet, &[approval(&sheet, "bob", 2, 60), approval(&sheet, "bob", 12, 61)]);
    assert_eq!((who(&tally), why(&tally), tally.state()), (vec!["bob"], &Objection::PersonTwice, State::Open));
    let same = approval(&sheet, "bob", 2, 60);
    let tally = super::tests::tally(&sheet, &[same.clone(), same]);
    assert_eq!((who(&tally), tally.others()), (vec!["bob"], &[][..]), "the same bytes are the same approval");
}

#[test]
fn one_person_counts_once_whatever_names_they_have() {
    let named = |people: &[&str]| {
        let one = |text: String, person: &str| {
            let section = format!("[people.{person}]\n");
            text.replace(&section, &format!("{section}arn = \"arn:aws:iam::111122223333:user/{}\"\n", people[0]))
        };
        let catalogue =
            load(&people.iter().filter(|name| **name != "alice").fold(text(), |text, name| one(text, name)));
        let sheet = Sheet::write(&asked(&catalogue)).unwrap();
        (catalogue, sheet)
    };
    let (catalogue, sheet) = named(&["alice", "bob"]);
    let tally = tally_at(&catalogue, &sheet, &[approval(&sheet, "bob", 2, 60)], after(90));
    assert_eq!((why(&tally), tally.may_sign().len()), (&Objection::Requester, 1));
    let scene = Scene { catalogue: &catalogue, now: after(90), used: None };
    assert_eq!(count::review(scene, &sheet, &approval(&sheet, "bob", 2, 60)), Err(Objection::Requester));
    let (catalogue, sheet) = named(&["bob", "carol"]);
    let both = [approval(&sheet, "bob", 2, 60), approval(&sheet, "carol", 3, 61)];
    let tally = tally_at(&catalogue, &sheet, &both, after(90));
    assert_eq!((who(&tally), why(&tally), tally.state()), (vec!["bob"], &Objection::PersonTwice, State::Open));
}

#[test]
fn a_security_key_that_was_not_touched_does_not_count() {
    let kind: &[u8] = b"sk-ssh-ed25519@openssh.com";
    let bob = Pair::of(2);
    let key = Pair::key(&wire::strings(&[kind, bob.pair.public_key().as_ref(), b"ssh:"]), "sk-ssh-ed25519@openssh.com");
    let catalogue = load(&text().replace(&bob.line(), &key.public_key().to_openssh().unwrap()));
    let sheet = Sheet::write(&asked(&catalogue)).unwrap();
    let said = statement(&sheet, "bob", after(60));
    let signed = |flags: u8| {
        let message = Digest::of(&sshsig::to_sign(NAMESPACE, said.to_text().unwrap().as_bytes()));
        let counted = [&[flags][..], &[0, 0, 0, 9]].concat();
        let signature = bob.pair.sign(&[&Digest::of(b"ssh:").bytes()[..], &counted, &message.bytes()[..]].concat());
        let signature = [wire::strings(&[kind, signature.as_ref()]), counted].concat();
        Approval::new(&said, &sshsig::armoured(&key, NAMESPACE, &signature)).unwrap()
    };
    assert_eq!(who(&tally_at(&catalogue, &sheet, &[signed(1)], after(60))), ["bob"]);
    assert_eq!(why(&tally_at(&catalogue, &sheet, &[signed(0)], after(60))), &Objection::NotTouched);
}

#[test]
fn a_no_of_who_is_asked_ends_it_whenever_it_was_said_and_that_of_others_does_not() {
    let sheet = sheet();
    let yes = [approval(&sheet, "bob", 2, 60), approval(&sheet, "carol", 3, 60)];
    for said in [-4000, 60, 599, 100_000] {
        let tally = tally(&sheet, &[yes[0].clone(), yes[1].clone(), denial(&sheet, "carol", 3, said)]);
        assert_eq!(tally.state(), State::Denied);
        let denied = tally.denied().unwrap();
        assert_eq!((denied.by.person.as_str(), denied.remark.as_str()), ("carol", "not tonight"));
    }
    for no in [denial(&sheet, "dave", 4, 60), denial(&sheet, "alice", 1, 60), denial(&sheet, "carol", 66, 60)] {
        let tally = tally(&sheet, &[yes[0].clone(), yes[1].clone(), no]);
        assert_eq!((tally.state(), tally.others().len()), (State::Approved, 1));
    }
}

#[test]
fn a_request_ends_with_its_time_and_with_its_use() {
    let (catalogue, sheet) = (load(&text()), sheet());
    let yes = [approval(&sheet, "bob", 2, 60), approval(&sheet, "carol", 3, 60)];
    assert_eq!(tally_at(&catalogue, &sheet, &yes, after(1799)).state(), State::Approved);
    assert_eq!(tally_at(&catalogue, &sheet, &yes, after(1800)).state(), State::Expired);
    let session = id("77777777");
    let used = count::count(Scene { catalogue: &catalogue, now: after(90), used: Some(&session) }, &sheet, &yes);
    assert_eq!((used.state(), used.used()), (State::Used, Some(&session)));
}

#[test]
fn now_is_the_latest_that_anybody_knows_of() {
    let (clock, ledger, aws) = (after(0), Some(after(1)), Some(after(2)));
    assert_eq!(count::latest(clock, None, None), after(0));
    assert_eq!(count::latest(clock, ledger, None), after(1));
    assert_eq!(count::latest(clock, ledger, aws), after(2));
    assert_eq!(count::latest(after(3), ledger, aws), after(3));
}

#[test]
fn whatever_is_changed_in_the_catalogue_voids_a_request_and_is_named() {
    let sheet = sheet();
    let yes = [approval(&sheet, "bob", 2, 60), approval(&sheet, "carol", 3, 60)];
    let void = |old: &str, new: &str| {
        let text = text();
        assert!(text.contains(old), "{old}");
        let tally = tally_at(&load(&text.replacen(old, new, 1)), &sheet, &yes, after(90));
        assert_eq!(tally.state(), State::Void, "{old}");
        tally.void().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let changed = |parts: &str| format!("the catalogue is not what it was made by: {parts} changed");
    assert_eq!(void("\"Orders\"", "\"Other\""), [changed("profile")]);
    assert_eq!(void("INC-[0-9]+", ".*"), [changed("trigger")]);
    assert_eq!(void("max_duration = \"1h\"", "max_duration = \"1h\"\nrecording = false"), [changed("profile, level")]);
    assert_eq!(void("[naming]", "[aws]\nendpoint = \"http://127.0.0.1:1\"\n[naming]"), [changed("aws")]);
    assert_eq!(void(&Pair::of(12).line(), &Pair::of(13).line()), [changed("people")]);
    assert_eq!(void("user/alice", "user/mallory"), [changed("people")]);
    assert_eq!(void("count = 2", "count = 1"), [changed("profile")]);
    assert_eq!(void("\"acme\"", "\"evil\""), ["it is of acme, the catalogue is of evil"]);
    let role =
        "it is for the role arn:aws:iam::444455556666:role/db, the catalogue has arn:aws:iam::444455556666:role/dc";
    assert_eq!(void("role/db", "role/dc"), [role.to_owned(), changed("profile")]);
    let gone = text().replace("prod-db-emergency", "prod-dc-emergency");
    let tally = tally_at(&load(&gone), &sheet, &yes, after(90));
    assert_eq!(tally.void()[0].to_string(), "the catalogue has no good profile `prod-db-emergency`");
    assert_eq!(tally.others()[0].why.to_string(), "nobody is asked to approve this profile");
}

#[test]
fn a_key_or_a_person_that_is_gone_does_not_count_any_more() {
    let sheet = sheet();
    let yes = [approval(&sheet, "bob", 2, 60)];
    let revoked = text().replace(&Pair::of(2).line(), &Pair::of(20).line());
    assert_eq!(why(&tally_at(&load(&revoked), &sheet, &yes, after(90))).name(), "unknown-key");
    let left = text().replace("[people.bob]\ngroups = [\"leads\"]", "[people.bob]\ngroups = [\"other\"]");
    let left =
        left.replace("[people.erin]\ngroups = [\"leads\"]", "[people.erin]\ngroups = [\"leads\"]\nkeys = [\"KEY\"]");
    let left = left.replace("KEY", &Pair::of(5).line());
    assert_eq!(why(&tally_at(&load(&left), &sheet, &yes, after(90))).name(), "not-asked");
}

#[test]
fn a_request_cannot_stand_longer_than_the_catalogue_allows_nor_be_made_in_the_future() {
    let catalogue = load(&text());
    let long = Sheet::write(&Asked { expires: after(1801), ..asked(&catalogue) }).unwrap();
    let tally = tally_at(&catalogue, &long, &[], after(90));
    assert_eq!(tally.void()[0].to_string(), "it stands for longer than the 30m that the catalogue allows");
    let tally = tally_at(&catalogue, &sheet(), &[], after(-301));
    assert_eq!(tally.void()[0].to_string(), "it was made 301s in the future: a clock is wrong");
}

#[test]
fn every_byte_of_an_approval_that_is_changed_makes_it_not_count() {
    let (catalogue, sheet) = (load(&text()), sheet());
    let good = approval(&sheet, "bob", 2, 60);
    let mut read = 0;
    for place in 0..good.stored().len() {
        for flip in [1, 2, 4, 0x20] {
            let mut bytes = good.stored().as_bytes().to_vec();
            bytes[place] ^= flip;
            let Ok(changed) = Approval::parse(&bytes) else { continue };
            read += 1;
            let tally = tally_at(&catalogue, &sheet, &[changed], after(90));
            assert!(tally.counted().is_empty() && tally.denied().is_none(), "byte {place}");
        }
    }
    assert!(read > 100, "{read}");
}

#[test]
fn an_override_needs_nobody_and_its_review_somebody_else() {
    let catalogue = load(&text());
    let sheet = Sheet::write(&Asked { overrides: true, ..asked(&catalogue) }).unwrap();
    let tally = tally_at(&catalogue, &sheet, &[], after(90));
    assert_eq!((tally.needed(), tally.state()), (0, State::Approved));
    let scene = Scene { catalogue: &catalogue, now: after(1_000_000), used: None };
    let late = after(900_000);
    let by = |person, seed| Pair::of(seed).says(&statement(&sheet, person, late));
    assert_eq!(count::review(scene, &sheet, &by("carol", 3)).map(|signed| signed.at), Ok(late));
    let no = Statement { answer: Answer::Deny, ..statement(&sheet, "carol", late) };
    assert!(count::review(scene, &sheet, &Pair::of(3).says(&no)).is_ok());
    assert_eq!(count::review(scene, &sheet, &by("alice", 1)), Err(Objection::Requester));
    assert_eq!(count::review(scene, &sheet, &by("dave", 4)).map_err(|why| why.name()), Err("not-asked"));
    assert_eq!(
        count::review(scene, &sheet, &by("carol", 4)),
        Err(Objection::KeyOf(PersonName::parse("dave").unwrap()))
    );
    assert_eq!(count::review(scene, &sheet, &by("carol", 9)).map_err(|why| why.name()), Err("unknown-key"));
    let genuine = by("carol", 3);
    let forged = genuine.stored().replacen("\n\n", "\nall is well\n", 1);
    let forged = Approval::parse(forged.as_bytes()).unwrap();
    assert_eq!(count::review(scene, &sheet, &forged).map_err(|why| why.name()), Err("forged"));
    let other = Sheet::write(&Asked { id: id("0123abce"), ..sheet.asked().clone() }).unwrap();
    assert_eq!(count::review(scene, &other, &genuine), Err(Objection::OtherRequest));
    let early = Pair::of(3).says(&statement(&sheet, "carol", after(-301)));
    assert_eq!(count::review(scene, &sheet, &early).map_err(|why| why.name()), Err("early"));
    let ahead = Pair::of(3).says(&statement(&sheet, "carol", after(1_000_301)));
    assert_eq!(count::review(scene, &sheet, &ahead).map_err(|why| why.name()), Err("ahead"));
}

#[test]
fn where_the_profile_asks_nobody_any_more_anybody_with_a_key_reviews_but_who_overrode() {
    let catalogue = load(&text());
    let asked = asked(&catalogue);
    let sheet = Sheet::write(&Asked { overrides: true, ..asked.clone() }).unwrap();
    let by = |catalogue: &Catalogue, person, seed| {
        let scene = Scene { catalogue, now: after(90), used: None };
        count::review(scene, &sheet, &approval(&sheet, person, seed, 60)).map(|signed| signed.person.to_string())
    };
    let rule = "approval = { count = 2, from = [\"leads\", \"alice\"], within = \"30m\" }\n";
    let unasked = load(&text().replace(rule, ""));
    assert_eq!(by(&unasked, "dave", 4), Ok("dave".to_owned()));
    assert_eq!(by(&unasked, "alice", 1), Err(Objection::Requester));
    let gone = load(&text().replace("[profiles.prod-db-emergency]", "[profiles.prod-other-emergency]"));
    assert_eq!(by(&gone, "dave", 4), Ok("dave".to_owned()));
    let broken = text().replace("[\"leads\", \"alice\"]", "[\"nobody\"]");
    let broken = Catalogue::load(Path::new("profiles.toml"), broken.as_bytes(), &|_| Err("none".to_owned())).unwrap();
    assert_eq!(by(&broken, "carol", 3), Err(Objection::NotAsked(Vec::new())));
}

// Blocks, and what is gathered from them.

fn request_block() -> String {
    block::write(Kind::Request, sheet().line().as_bytes())
}

#[track_caller]
fn holds_the_sheet(text: &str) {
    let gathered = gather(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!((gathered.sheets.as_slice(), gathered.approvals.len()), (&[sheet()][..], 0), "{text}");
}

#[test]
fn a_block_has_64_columns_and_is_read_as_it_was_written() {
    let block = request_block();
    assert!(
        block.starts_with("-----BEGIN GLASS REQUEST-----\neyJ2Ijox")
            && block.ends_with("-----END GLASS REQUEST-----\n")
    );
    assert!(block.lines().all(|line| line.len() <= 64) && block.lines().nth(1).unwrap().len() == 64);
    holds_the_sheet(&block);
}

#[test]
fn a_block_is_read_however_mail_and_chat_have_bent_it() {
    let block = request_block();
    let each_line =
        |before: &str, after: &str| block.lines().map(|line| format!("{before}{line}{after}\n")).collect::<String>();
    for bent in [
        block.replace('\n', "\r\n"),
        block.trim_end().to_owned(),
        block.replace('\n', "\r"),
        each_line("> ", ""),
        each_line(">", ""),
        each_line(">> ", ""),
        each_line("> > > ", ""),
        each_line("| ", ""),
        each_line(" >| ", "\r"),
        each_line("    ", ""),
        each_line("\t", "  "),
        each_line("\u{a0}\u{a0}", "\u{a0}"),
        each_line("", "\u{200b}"),
        each_line("> ", "\n>"),
        format!("\u{feff}{block}"),
        format!("Hi Bob,\nplease approve this, it is 02:13 - sorry!\n\n{block}\n-- \nAlice\n-----\n"),
        format!("```\n{block}```\n"),
        block.replace('\n', " "),
        each_line("> ", "").replace('\n', " "),
        block.replace("-----", "—–"),
        block.replace("-----", "--"),
        block.replace("-----BEGIN GLASS REQUEST-----\n", "----- BEGIN  GLASS REQUEST -----"),
        block.lines().flat_map(|line| line.as_bytes().chunks(37)).fold(String::new(), |text, chunk| {
            let chunk = std::str::from_utf8(chunk).unwrap();
            text + chunk + if chunk.ends_with('-') || chunk.len() < 37 { "\n" } else { "\n> " }
        }),
    ] {
        holds_the_sheet(&bent);
    }
    holds_the_sheet(&format!("{block}{block}"));
    holds_the_sheet(&format!("{}\nand once more\n{}", each_line("> ", ""), block.replace('\n', "\r\n")));
}

#[test]
fn what_a_block_is_not_whole_for_is_told() {
    let block = request_block();
    let lines: Vec<&str> = block.lines().collect();
    let joined = |lines: &[&str]| lines.join("\n");
    let approval = block::write(Kind::Approval, approval(&sheet(), "bob", 2, 60).stored().as_bytes());
    let error = |text: &str| gather(text.as_bytes()).unwrap_err();
    let last = lines.len() - 1;
    assert_eq!(error(&joined(&lines[..last])), GatherError::Block(BlockError::NoEnd(Kind::Request)));
    assert_eq!(error(&joined(&lines[1..])), GatherError::Block(BlockError::NoBegin(Kind::Request)));
    assert_eq!(
        error(&format!("{}{approval}", joined(&lines[..4]))),
        GatherError::Block(BlockError::NoEnd(Kind::Request))
    );
    let mixed = block.replace("END GLASS REQUEST", "END GLASS APPROVAL");
    let mixed_error = BlockError::Mixed { begun: Kind::Request, ended: Kind::Approval };
    assert_eq!(error(&mixed), GatherError::Block(mixed_error));
    assert!(matches!(error(&joined(&[&lines[..5], &lines[6..]].concat())), GatherError::Sheet(_)), "a line is missing");
    let mut swapped = lines.clone();
    swapped.swap(3, 4);
    assert!(matches!(error(&joined(&swapped)), GatherError::Sheet(_)), "lines in another order");
    let cut = block.replacen(&lines[5][..7], "", 1);
    assert_eq!(error(&cut), GatherError::Block(BlockError::Damaged(Kind::Request)));
    let foreign = block.replacen(&lines[5][..7], "\u{1b}[2J", 1);
    let escape = BlockError::Foreign { kind: Kind::Request, character: '\u{1b}' };
    assert_eq!(error(&foreign), GatherError::Block(escape));
    assert_eq!(
        error("-----BEGIN GLASS REQUEST----------END GLASS REQUEST-----"),
        GatherError::Block(BlockError::Damaged(Kind::Request))
    );
    let renamed = block.replace("GLASS REQUEST", "GLASS APPROVAL");
    assert!(matches!(error(&renamed), GatherError::Approval(_)), "a request in the lines of an approval");
    let other = Sheet::write(&Asked { duration: 1800, ..sheet().asked().clone() }).unwrap();
    let twins = format!("{block}{}", block::write(Kind::Request, other.line().as_bytes()));
    assert_eq!(error(&twins), GatherError::Twins(id("0123abcd")));
    for nothing in ["", "BEGIN GLASS REQUEST, he said, and then END GLASS REQUEST", "glass", "\u{0}\u{fffd}"] {
        assert_eq!(error(nothing), GatherError::Nothing, "{nothing}");
    }
    assert!(matches!(error(&"x".repeat(1024 * 1024 + 1)), GatherError::Block(BlockError::TooLong(_))));
    assert_eq!(error(&block.repeat(101)), GatherError::Block(BlockError::TooMany));
}

#[test]
fn several_blocks_of_all_kinds_are_gathered_at_once() {
    let sheet = sheet();
    let (bob, carol) = (approval(&sheet, "bob", 2, 60), approval(&sheet, "carol", 3, 61));
    let block = |approval: &Approval| block::write(Kind::Approval, approval.stored().as_bytes());
    let text =
        format!("{}{}> said\n{}{}", block(&bob), request_block(), block(&carol).replace('\n', "\r\n"), block(&bob));
    let growth = Growth::write(sheet.digest(), &[]);
    let proof = block::write(Kind::Proof, growth.stored().as_bytes());
    let gathered = gather(format!("{text}{proof}{proof}").as_bytes()).unwrap();
    assert_eq!((gathered.sheets, gathered.approvals, gathered.growths), (vec![sheet], vec![bob, carol], vec![growth]));
    // By itself it is of no use.
    assert_eq!(gather(proof.as_bytes()), Err(GatherError::Nothing));
}

#[test]
fn a_stored_request_and_an_approval_signed_by_hand_need_no_block() {
    let sheet = sheet();
    assert_eq!(gather(sheet.line().as_bytes()).unwrap().sheets.first(), Some(&sheet));
    let bob = approval(&sheet, "bob", 2, 60);
    assert_eq!(gather(bob.stored().as_bytes()).unwrap().approvals.first(), Some(&bob));
    assert_eq!(gather(bob.stored().replace('\n', "\r\n").as_bytes()).unwrap().approvals.first(), Some(&bob));
    assert!(matches!(gather(sheet.line().trim_end().as_bytes()), Err(GatherError::Sheet(SheetError::Unfinished))));
}

#[test]
fn a_mangled_paste_never_panics_and_never_brings_another_sheet() {
    let sheet = sheet();
    let whole = format!("> hello\n{}{}", request_block(), request_block().replace('\n', "\r\n> "));
    let scraps = ["-----", "BEGIN GLASS REQUEST", "-----END GLASS REQUEST-----", "\u{200b}", "=", "é", ">", "\n"];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut number = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    for _ in 0..1000 {
        let mut letters: Vec<char> = whole.chars().collect();
        for _ in 0..=number(3) {
            let from = number(letters.len());
            let to = (from + number(30)).min(letters.len());
            letters.splice(from..to, scraps[number(scraps.len())].chars());
        }
        if let Ok(gathered) = gather(letters.iter().collect::<String>().as_bytes()) {
            assert!(gathered.sheets.iter().all(|one| *one == sheet || one.digest() != sheet.digest()));
        }
    }
}

// The ledger.

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

#[test]
fn a_step_is_part_of_what_is_signed() {
    let catalogue = load(&text());
    let asked = Asked { step: Some(StepName::parse("failover").unwrap()), ..asked(&catalogue) };
    assert!(Sheet::write(&asked).unwrap().line().contains("\"step\":\"failover\""));
    let gone = Asked { trigger: TriggerName::parse("up").unwrap(), ..asked };
    let tally = tally_at(&catalogue, &Sheet::write(&gone).unwrap(), &[], after(1));
    assert_eq!(tally.void()[0].to_string(), "the catalogue has no trigger `up`");
}
