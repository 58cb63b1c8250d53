//! What counts, what voids a request, and what closes a review.

use std::path::Path;
use std::time::Duration;

use ring::signature::KeyPair;

use super::people::{Pair, after, approval, asked, denial, id, load, sheet, statement, text};
use super::{tally, tally_at, who, why};
use crate::model::catalogue::{Beside, Catalogue};
use crate::model::name::{Digest, PersonName};
use crate::model::sign_off::approval::{Answer, Approval, NAMESPACE, Statement};
use crate::model::sign_off::count::{self, Scene, State};
use crate::model::sign_off::objection::Objection;
use crate::model::sign_off::sheet::{Asked, Nonce, Sheet};
use crate::model::{ssh_wire as wire, sshsig};

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
    let tally = super::tally(&sheet, &[same.clone(), same]);
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
    let broken = Catalogue::load(
        Path::new("profiles.toml"),
        broken.as_bytes(),
        Beside { read: &|_| Err("none".to_owned()), check: &|_| Ok(None) },
    )
    .unwrap();
    assert_eq!(by(&broken, "carol", 3), Err(Objection::NotAsked(Vec::new())));
}

// Blocks, and what is gathered from them.
