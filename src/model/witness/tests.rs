//! What is asked of a witness, and answers as they should be and as they should not.

use ring::signature::{Ed25519KeyPair, KeyPair};

use super::*;

// The example of C2SP's tlog-witness.
const NOTE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n";
const PROOF: &str = "old 20852014\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\njrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\n";
const OTHERS: &str = "— witness.example/w1 CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVjyQLrdk3DXDqI5G2HgLatVs0pWh6Up69HVOw==\n— witness.example/w1 I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vWhO+DlkL0+UfzuOBMh9ChdMkP1vi/lCAsmlw==\n— witness.example/w2 AWui8Sk55XjYLOijihBjhqEH6nS1ndDymE0a+6idX7pLcnoB+dhnz0854aLZgrrKbYKA7nC3HNJhm/kWl7oJlqU3rXXvpysAdyP3wQ==\n";
const SIZE_OF_NOTE: u64 = 20_852_163;
const OLD: u64 = 20_852_014;
const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

/// The key of a witness, and the line with which it cosigns a text.
fn cosigner(name: &str, seed: u8) -> (WitnessKey, impl Fn(i64, &str) -> String) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a seed");
    let public = [&[4], pair.public_key().as_ref()].concat();
    let id = Digest::of(&[name.as_bytes(), b"\n", &public].concat()).to_string();
    let key = WitnessKey::parse(&format!("{name}+{}+{}", &id[..8], Base64::encode_string(&public))).expect("a key");
    let (name, id) = (name.to_owned(), key.id());
    let line = move |time: i64, text: &str| {
        let signature = pair.sign(format!("cosignature/v1\ntime {time}\n{text}").as_bytes());
        let bytes = [&id[..], &time.to_be_bytes(), signature.as_ref()].concat();
        format!("— {name} {}\n", Base64::encode_string(&bytes))
    };
    (key, line)
}

/// The text that is signed.
fn text() -> &'static str {
    &NOTE[..=NOTE.find("\n\n").expect("it is a note")]
}

fn reply(
    old: u64,
    status: u16,
    content_type: Option<&str>,
    body: &str,
    keys: &[WitnessKey],
) -> Result<Reply, ReplyError> {
    let heard = Heard { status, content_type, body: body.as_bytes() };
    Question::new(NOTE).expect("a checkpoint").reply(old, &heard, keys, NOW)
}

#[test]
fn the_example_of_the_specification_is_what_is_posted() {
    let question = Question::new(NOTE).expect("a checkpoint");
    assert_eq!(question.size(), SIZE_OF_NOTE);
    let hash = |line: &str| {
        let mut bytes = [0; 32];
        Base64::decode(line, &mut bytes).expect("a hash");
        Digest::from_bytes(bytes)
    };
    let proof: Vec<_> = PROOF.lines().skip(1).filter(|line| !line.is_empty()).map(hash).collect();
    assert_eq!(question.body(OLD, &proof), format!("{PROOF}{NOTE}"));
    assert_eq!(question.body(0, &[]), format!("old 0\n\n{NOTE}"));
    for none in ["", "a\n", "a\n1\n\n— b AAAAAAA=\n", text()] {
        assert!(Question::new(none).is_err(), "{none:?}");
    }
}

#[test]
fn the_cosignatures_of_known_witnesses_are_added_and_no_others() {
    let (key, line) = cosigner("w.example/1", 1);
    let (older, by_older) = cosigner("w.example/1", 2);
    let (at, before) = (NOW.seconds() + 299, NOW.seconds() - 86_400);
    let (ours, olders) = (line(at, text()), by_older(before, text()));
    let cosigned = |note: String, by: &WitnessKey, at| {
        let at = Timestamp::from_seconds(at);
        Ok(Reply::Cosigned(Box::new(Cosigned { note, by: by.clone(), at, before: OLD })))
    };
    let keys = [key.clone(), older.clone()];
    let answer = format!("{OTHERS}{ours}");
    assert_eq!(reply(OLD, 200, None, &answer, &keys), cosigned(format!("{NOTE}{ours}"), &key, at));
    assert_eq!(reply(OLD, 200, None, &olders, &keys), cosigned(format!("{NOTE}{olders}"), &older, before));
    let both = format!("{olders}{ours}{ours}");
    assert_eq!(reply(OLD, 200, None, &both, &keys), cosigned(format!("{NOTE}{olders}{ours}"), &key, at));
}

#[test]
fn what_does_not_cosign_this_checkpoint_now_is_not_believed() {
    let (key, line) = cosigner("w.example/1", 1);
    let now = NOW.seconds();
    let good = line(now, text());
    let keys = [key];
    let said = |body: &str| reply(OLD, 200, None, body, &keys);
    assert!(matches!(said(&good), Ok(Reply::Cosigned(_))));
    assert_eq!(said(OTHERS), Err(ReplyError::Unknown));
    let wrong = Err(ReplyError::Note(NoteError::Wrong("w.example/1".to_owned())));
    assert_eq!(said(&line(now, &text().replace("20852163", "20852164"))), wrong);
    assert_eq!(said(&format!("{good}{}", line(now, "another\n"))), wrong);
    assert_eq!(said(&line(now + 301, text())), Err(ReplyError::Future(NOW.plus(Duration::from_secs(301)))));
    // A text of its own, well signed.
    let longer = format!("{}\nmore\n", text());
    let injected = format!("more\n\n{}", line(now, &longer));
    assert!(matches!(said(&injected), Err(ReplyError::Malformed(_))));
    for malformed in
        ["", "\n", "garbage", "<html></html>\n", good.trim_end(), &good.replace('\n', "\r\n"), &format!("{good}\n")]
    {
        assert!(matches!(said(malformed), Err(ReplyError::Note(NoteError::Malformed(_)))), "{malformed:?}");
    }
    assert!(reply(OLD, 200, None, &good.repeat(101), &keys).is_err());
    let heard = Heard { status: 200, content_type: None, body: &[0xff, 0xfe] };
    assert!(Question::new(NOTE).expect("a checkpoint").reply(OLD, &heard, &keys, NOW).is_err());
}

#[test]
fn a_cosignature_that_the_checkpoint_had_before_is_no_answer() {
    let (key, line) = cosigner("w.example/1", 1);
    let note = format!("{NOTE}{}", line(NOW.seconds(), text()));
    let heard = Heard { status: 200, content_type: None, body: OTHERS.as_bytes() };
    let question = Question::new(&note).expect("a checkpoint");
    assert_eq!(question.reply(OLD, &heard, &[key], NOW), Err(ReplyError::Unknown));
}

#[test]
fn a_conflict_names_what_the_witness_knows() {
    let conflict = |old: u64, body: &str| reply(old, 409, Some(SIZE), body, &[]);
    assert_eq!(conflict(OLD, "20852015\n"), Ok(Reply::Knows(20_852_015)));
    assert_eq!(conflict(OLD, "0\n"), Ok(Reply::Knows(0)));
    assert_eq!(conflict(0, "18446744073709551615\n"), Ok(Reply::Knows(u64::MAX)));
    assert_eq!(conflict(SIZE_OF_NOTE, "20852163\n"), Ok(Reply::Refuted));
    for malformed in [
        "",
        "\n",
        "1",
        " 1\n",
        "1\n\n",
        "01\n",
        "+1\n",
        "-1\n",
        "1.0\n",
        "0x1\n",
        "18446744073709551616\n",
        "20852014\n",
    ] {
        assert!(matches!(conflict(OLD, malformed), Err(ReplyError::Malformed(_))), "{malformed:?}");
    }
    let other = reply(OLD, 409, Some("text/plain"), "20852015\n", &[]);
    assert_eq!(other, Ok(Reply::Refused { status: 409, message: "20852015".to_owned() }));
}

#[test]
fn whoever_cannot_go_on_from_what_it_knows_refutes() {
    assert_eq!(reply(OLD, 422, None, "no", &[]), Ok(Reply::Refuted));
    assert_eq!(reply(SIZE_OF_NOTE, 422, None, "", &[]), Ok(Reply::Refuted));
    let refused = |status, message: &str| Ok(Reply::Refused { status, message: message.to_owned() });
    assert_eq!(reply(0, 422, None, "no\n", &[]), refused(422, "no"));
    for status in [100, 201, 204, 302, 400, 403, 404, 429, 500, 503, 999] {
        assert_eq!(reply(OLD, status, Some(SIZE), "\u{1b}[31mno", &[]), refused(status, "\u{1b}[31mno"));
    }
    let Ok(Reply::Refused { message, .. }) = reply(OLD, 500, None, &"é".repeat(1000), &[]) else { panic!() };
    assert_eq!(message.chars().count(), MOST_TOLD);
}
