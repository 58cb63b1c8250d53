//! Witnesses over real HTTP: one that others have written, a strict one of the tests' own, and what it does wrong.

use std::path::PathBuf;
use std::time::Duration;

use glass::host::clock::HostClock;
use glass::host::web::{self, Limit, Post, WebError};
use glass::host::witness::{Witness as Client, WitnessError};
use glass::model::checkpoint::Checkpoint;
use glass::model::name::Digest;
use glass::model::note::Note;
use glass::model::note::key::{SigningKey, WitnessKey};
use glass::model::tree::blocks::Blocks;
use glass::model::tree::leaf;
use glass::model::web_address::WebAddress;
use glass::model::witness::{Cosigned, ReplyError};
use glass::world::machine::Clock;
use zeroize::Zeroizing;

use super::proxies::with_tls;
use crate::support::{Home, Witness, nobody};

const ORIGIN: &str = "glass/acme/laptop/alice/62rp5vxh";

/// A log of its own key, of which any state can be shown.
struct Log {
    key: SigningKey,
    leaves: Vec<Digest>,
}

impl Log {
    fn new(seed: u8, entries: u64) -> Log {
        let key = SigningKey::of_seed(ORIGIN, Zeroizing::new([seed; 32])).unwrap();
        Log { key, leaves: (0..entries).map(|number| leaf(&number.to_be_bytes())).collect() }
    }

    /// The same log with another entry at this place.
    fn rewritten(mut self, at: usize) -> Log {
        self.leaves[at] = leaf(b"nothing happened");
        self
    }

    fn vkey(&self) -> String {
        self.key.verifier().to_string()
    }

    fn tree(&self) -> Blocks {
        let mut tree = Blocks::default();
        for (first, leaves) in (0..).step_by(256).zip(self.leaves.chunks(256)) {
            tree.open(first, leaves.to_vec());
        }
        tree
    }

    fn note(&self, size: u64) -> String {
        let root = self.tree().root(size).unwrap();
        Checkpoint { origin: ORIGIN.to_owned(), size, root, extensions: Vec::new() }.sign(&self.key).unwrap()
    }

    /// Has its state of this size cosigned.
    fn shown(&self, size: u64, to: &Client, hint: u64) -> Result<Cosigned, WitnessError> {
        let tree = self.tree();
        to.cosign(&self.note(size), hint, &|old| tree.consistency(old, size), HostClock.now())
    }
}

fn client(address: &str, key: &str) -> Client {
    let keys = vec![WitnessKey::parse(key).unwrap()];
    Client { address: WebAddress::parse(address).unwrap(), keys, ca_bundle: None }
}

/// Both witnesses, each of which trusts the log's key.
fn witnesses(home: &Home, log: &Log) -> [(Client, Witness); 2] {
    [Witness::start(home, &[log.vkey()]), Witness::of_others(home, ORIGIN, &log.vkey())]
        .map(|witness| (client(&witness.address, &witness.key), witness))
}

#[test]
fn a_ledger_that_grows_is_cosigned_whatever_is_thought_of_the_witness() {
    let (home, log) = (Home::new(), Log::new(1, 700));
    for (client, witness) in witnesses(&home, &log) {
        for (size, hint) in
            [(1, 0), (2, 1), (3, 0), (8, 3), (9, 700), (255, 1), (256, 255), (257, 0), (700, 257), (700, 700)]
        {
            let cosigned = log.shown(size, &client, hint).unwrap_or_else(|error| panic!("{size}: {error:?}"));
            assert_eq!(cosigned.by.to_string(), witness.key);
            assert!(HostClock.now().since(cosigned.at) < Duration::from_secs(60), "{}", cosigned.at);
            let keys = [log.key.verifier().clone()];
            let (checkpoint, _) = Checkpoint::open(cosigned.note.as_bytes(), &keys).unwrap();
            assert_eq!(checkpoint.size, size);
            assert!(cosigned.note.starts_with(&log.note(size)));
            let note = Note::parse(cosigned.note.as_bytes()).unwrap();
            assert_eq!(note.cosignatures(&client.keys).unwrap().len(), 1);
        }
    }
}

#[test]
fn a_ledger_that_was_cut_off_is_found_out() {
    let (home, log) = (Home::new(), Log::new(1, 500));
    for (client, _witness) in witnesses(&home, &log) {
        log.shown(500, &client, 0).unwrap();
        for hint in [0, 300, 400, 500, 600] {
            let cut = log.shown(400, &client, hint);
            assert!(matches!(cut, Err(WitnessError::Ahead { known: 500, size: 400 })), "{cut:?}");
        }
        log.shown(500, &client, 500).expect("and it is no harm to show the right one again");
    }
}

#[test]
fn a_ledger_that_was_rewritten_and_signed_with_its_own_key_is_found_out() {
    let (home, log) = (Home::new(), Log::new(1, 300));
    for (client, _witness) in witnesses(&home, &log) {
        log.shown(300, &client, 0).unwrap();
        for at in [0, 128, 255, 256, 299] {
            let rewritten = Log::new(1, 600).rewritten(at);
            for size in [300, 301, 512, 600] {
                for hint in [0, 300] {
                    let shown = rewritten.shown(size, &client, hint);
                    assert!(matches!(shown, Err(WitnessError::Refuted { known: 300 })), "{at} {size}: {shown:?}");
                }
            }
        }
        let ahead = Log::new(1, 600).rewritten(300);
        ahead.shown(600, &client, 300).expect("what it had not seen it cannot miss");
    }
}

#[test]
fn who_is_not_known_to_the_witness_is_told_so() {
    let (home, log) = (Home::new(), Log::new(1, 3));
    let refused = |shown: Result<Cosigned, WitnessError>| match shown {
        Err(WitnessError::Refused { status, .. }) => status,
        other => panic!("{other:?}"),
    };
    for (client, _witness) in witnesses(&home, &log) {
        assert_eq!(refused(Log::new(2, 3).shown(3, &client, 0)), 403);
        let key = SigningKey::of_seed("glass/acme/desk/alice/aaaaaaaa", Zeroizing::new([1; 32])).unwrap();
        let other =
            Checkpoint { origin: key.verifier().name().to_owned(), size: 1, root: leaf(b""), extensions: Vec::new() };
        assert_eq!(refused(client.cosign(&other.sign(&key).unwrap(), 0, &|_| None, HostClock.now())), 404);
    }
}

#[test]
fn an_answer_that_is_not_this_cosignature_now_is_not_believed() {
    let (home, log) = (Home::new(), Log::new(1, 20));
    let witness = Witness::start(&home, &[log.vkey()]);
    let mut size = 0;
    let mut shown = |manner: &str| {
        size += 1;
        log.shown(size, &client(&format!("{}/{manner}", witness.address), &witness.key), size - 1)
    };
    shown("among-others").expect("others are left out");
    let old = shown("old-time").expect("it says what it says");
    assert_eq!(old.at.seconds(), 1);
    for manner in ["wrong-time", "another", "garbage", "empty", "page"] {
        let answer = shown(manner);
        assert!(matches!(answer, Err(WitnessError::Reply(ReplyError::Note(_)))), "{manner}: {answer:?}");
    }
    let wrong = shown("wrong-key");
    assert!(matches!(wrong, Err(WitnessError::Reply(ReplyError::Unknown))), "{wrong:?}");
    let future = shown("future");
    assert!(matches!(future, Err(WitnessError::Reply(ReplyError::Future(_)))), "{future:?}");
    let extended = shown("extended");
    assert!(matches!(extended, Err(WitnessError::Reply(ReplyError::Malformed(_)))), "{extended:?}");
    for (manner, expected) in [("error", 503), ("elsewhere", 307), ("other-size", 409)] {
        let answer = shown(manner);
        assert!(matches!(answer, Err(WitnessError::Refused { status, .. }) if status == expected), "{answer:?}");
    }
    let half = shown("half");
    assert!(matches!(half, Err(WitnessError::Web(WebError::MaybeSent(_)))), "{half:?}");
    let huge = shown("huge");
    assert!(matches!(huge, Err(WitnessError::Web(WebError::TooLong(_)))), "{huge:?}");
    let escaped = shown("error").unwrap_err().to_string();
    assert_eq!(escaped, "the witness says no (503): later\\u{1b}[2J");
    shown("").expect("whatever it answered, it remembers what it was shown");
}

#[test]
fn a_witness_that_does_not_come_to_an_end_is_given_up() {
    let (home, log) = (Home::new(), Log::new(1, 1));
    let witness = Witness::start(&home, &[log.vkey()]);
    let slow = log.shown(1, &client(&format!("{}/slow", witness.address), &witness.key), 0);
    assert!(matches!(slow, Err(WitnessError::Web(WebError::Late(_)))), "{slow:?}");
    let absent = log.shown(1, &client(&nobody(), &witness.key), 0);
    assert!(matches!(absent, Err(WitnessError::Web(WebError::NotSent(_)))), "{absent:?}");
}

#[test]
fn a_witness_that_has_forgotten_is_shown_the_ledger_anew() {
    let (home, log) = (Home::new(), Log::new(1, 20));
    let witness = Witness::start(&home, &[log.vkey()]);
    let client = client(&witness.address, &witness.key);
    log.shown(10, &client, 0).unwrap();
    let forget = WebAddress::parse(&witness.address).unwrap().below("forget");
    let limit = Limit { bytes: 100, time: Duration::from_secs(30) };
    web::post(&Post { address: &forget, headers: &[], body: b"all" }, limit, None).unwrap();
    assert_eq!(log.shown(20, &client, 10).unwrap().before, 0);
    assert_eq!(log.shown(20, &client, 10).unwrap().before, 20);
}

#[test]
fn only_whom_the_bundle_vouches_for_is_posted_to() {
    let (_home, moto, certificate) = with_tls();
    let address = WebAddress::parse(&moto.endpoint).unwrap();
    let limit = Limit { bytes: 100_000, time: Duration::from_secs(30) };
    let posted = |bundle: Option<PathBuf>| {
        web::post(&Post { address: &address, headers: &[], body: b"hello" }, limit, bundle.as_deref())
    };
    posted(Some(certificate.into())).expect("whatever moto makes of it");
    let distrusting = posted(None);
    let Err(WebError::NotSent(why)) = &distrusting else { panic!("{distrusting:?}") };
    assert!(why.contains("invalid peer certificate"), "{why}");
}
