//! Requests that are used: handed over as a file or a paste, once, whoever else tries at the same time.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use glass::model::name::{Id, Reason};
use glass::model::sign_off::approval::{Answer, Approval};
use glass::model::sign_off::block::{self, Kind as Block};
use glass::model::sign_off::gather::gather;
use glass::model::sign_off::papers::Paper;
use glass::model::sign_off::sheet::{Asked, Nonce, Sheet};

use super::{carol_says, practice_with};
use crate::support::{Kind, Outcome, Practice, SoftKey, WORDS};

/// A practice whose profile needs an approval of carol, and alice's request for it.
struct Night {
    practice: Practice,
    carol: SoftKey,
    sheet: Sheet,
}

impl Night {
    fn new() -> Night {
        let carol = SoftKey::new(Kind::Ed25519);
        let practice = practice_with(&carol);
        let sheet = requested(&practice);
        Night { practice, carol, sheet }
    }

    fn id(&self) -> &str {
        self.sheet.asked().id.as_str()
    }

    fn approval(&self) -> Approval {
        carol_says(&self.carol, &self.sheet, Answer::Approve, "")
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = PathBuf::from(self.practice.file(name));
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The request and its approval as one text with two blocks.
    fn blocks(&self) -> String {
        let request = block::write(Block::Request, self.sheet.line().as_bytes());
        request + "\nCarol says:\n" + &block::write(Block::Approval, self.approval().stored().as_bytes())
    }

    fn assume(&self, more: &[&str]) -> Outcome {
        let words = [&["assume", "prod-db-emergency"], more, &["--", "true"]].concat();
        self.practice.home.glass(&words)
    }
}

/// Alice's request, as she has it for others; where it lay it is gone.
fn requested(practice: &Practice) -> Sheet {
    let asked = practice.home.glass(&[&["request", "prod-db-emergency"], &WORDS[..]].concat()).exits(0);
    fs::remove_dir_all(practice.file("state/glass/requests")).unwrap();
    gather(asked.stdout.as_bytes()).unwrap().sheets.remove(0)
}

#[test]
fn an_approval_from_a_file_breaks_the_glass_once_and_is_kept() {
    let night = Night::new();
    let none = night.assume(&["--request", night.id()]).exits(2);
    assert!(none.stderr.contains(&format!("there is no request {} here", night.id())), "{}", none.stderr);
    let file = night.file("blocks.txt", &night.blocks());
    night.assume(&["--approval", &file]).exits(0);
    let intent = &night.practice.told("elevate.intent")[0];
    assert_eq!((&intent["request"], &intent["incident"]), (&night.id().into(), &WORDS[1].into()));
    assert_eq!(intent["approvals"], serde_json::json!([night.approval().digest().to_string()]));
    assert_eq!(night.practice.told("request.used")[0]["request_sha256"], night.sheet.digest().to_string());
    for (digest, content) in
        [(night.sheet.digest(), night.sheet.line()), (night.approval().digest(), night.approval().stored())]
    {
        assert_eq!(
            fs::read_to_string(night.practice.ledger().join("blobs").join(digest.to_string())).unwrap(),
            content
        );
    }
    // It lies in alice's own folder now, and is used up.
    let again = night.assume(&["--request", night.id()]).exits(3);
    assert!(again.stderr.contains(&format!("the request {} was used by the session", night.id())), "{}", again.stderr);
    assert_eq!(night.practice.told("elevate.refused")[0]["request"], night.id());
    night.practice.home.glass(&["audit", "verify"]).exits(0);
    // What was signed is evidence: without it the ledger does not verify.
    for digest in [night.sheet.digest(), night.approval().digest()] {
        fs::remove_file(night.practice.ledger().join("blobs").join(digest.to_string())).unwrap();
        let found = night.practice.home.glass(&["audit", "verify", "--json"]).exits(4).json();
        let missing = found["contents"]["missing"].as_array().unwrap();
        assert!(missing.iter().any(|one| one["sha256"] == digest.to_string()), "{found}");
    }
}

/// Who can write to where requests lie, or to Alice, can write a request in her name and have it approved.
#[test]
fn a_request_in_ones_name_that_ones_ledger_did_not_make_is_not_used_whoever_approved_it() {
    let night = Night::new();
    let forged = Asked {
        id: Id::parse("0123abcd").unwrap(),
        reason: Reason::parse("alice never wrote this").unwrap(),
        nonce: Nonce::from_random([7; 16]),
        ..night.sheet.asked().clone()
    };
    let Night { practice, carol, .. } = night;
    let night = Night { practice, carol, sheet: Sheet::write(&forged).unwrap() };
    let file = night.file("blocks.txt", &night.blocks());
    let pasted = night.assume(&["--approval", &file]).exits(3);
    let strange = "the request 0123abcd was not made by this ledger: somebody else wrote it";
    assert!(pasted.stderr.contains(strange), "{}", pasted.stderr);
    // It lies with her own now, and is told and passed over.
    let words = [&["assume", "prod-db-emergency", "--no-wait"], &WORDS[..2], &["--", "true"]].concat();
    let found = night.practice.home.glass(&words).exits(2);
    assert!(found.stderr.contains(&format!("glass: warning: {strange}")), "{}", found.stderr);
    assert_eq!(night.practice.told("elevate.intent"), [] as [serde_json::Value; 0]);
}

/// Somebody may sit before the question for the code for as long as the request stands.
#[test]
fn a_no_that_comes_while_the_code_is_asked_for_is_heard() {
    let night = Night::new();
    let file = night.file("blocks.txt", &night.blocks());
    let Night { practice, carol, sheet } = night;
    let night = Night { practice: practice.asking(), carol, sheet };
    let words = ["assume", "prod-db-emergency", "--approval", &file, "--", "true"];
    let mut terminal = night.practice.home.terminal(env!("CARGO_BIN_EXE_glass"), &words);
    terminal.expect("MFA code of");
    let no = carol_says(&night.carol, &night.sheet, Answer::Deny, "it is up again");
    let place = PathBuf::from(night.practice.file("state/glass")).join(Paper::Approval(&no).name(&night.sheet));
    fs::write(place, no.stored()).unwrap();
    terminal.send(&format!("{}\r", night.practice.code()));
    terminal.expect("carol said no: it is up again");
    assert_eq!(terminal.wait().0, 3);
    assert_eq!(night.practice.told("elevate.refused")[0]["rules"], serde_json::json!(["denied"]));
    assert_eq!(night.practice.told("elevate.intent"), [] as [serde_json::Value; 0]);
}

#[test]
fn another_request_of_the_id_that_is_waited_for_ends_the_wait() {
    let night = Night::new();
    let file = night.file("request.txt", night.sheet.line());
    let words = ["assume", "prod-db-emergency", "--approval", &file, "--", "true"];
    let mut terminal = night.practice.home.terminal(env!("CARGO_BIN_EXE_glass"), &words);
    terminal.expect("1 more: ring carol");
    let twin = Asked { nonce: Nonce::from_random([7; 16]), ..night.sheet.asked().clone() };
    let twin = Sheet::write(&twin).unwrap();
    let place = PathBuf::from(night.practice.file("state/glass")).join(Paper::Request.name(&twin));
    fs::write(place, twin.line()).unwrap();
    terminal.expect(&format!("there are requests {} that are not the same", night.id()));
    assert_eq!(terminal.wait().0, 3);
}

#[test]
fn what_is_pasted_counts_for_what_was_signed_and_damage_is_told() {
    let night = Night::new();
    let request = night.file("request.txt", night.sheet.line());
    let alone = night.assume(&["--approval", &request]).exits(3);
    assert!(alone.stderr.contains("it needs an approval"), "{}", alone.stderr);
    let paste = |text: &str, more: &[&str]| {
        let words = [&["assume", "prod-db-emergency", "--approval", "-"], more, &["--", "true"]].concat();
        let mut command = night.practice.home.command(env!("CARGO_BIN_EXE_glass"));
        Outcome::of(command.args(words), text)
    };
    let cut = night.blocks().replace("-----END GLASS APPROVAL-----", "");
    let cut = paste(&cut, &[]).exits(1);
    assert!(
        cut.stderr.contains("what was pasted is no whole request or answer") && cut.stderr.contains("without its END"),
        "{}",
        cut.stderr
    );
    let other = paste(&night.blocks(), &["--duration", "20m"]).exits(3);
    let differs = format!("--duration is `20m`, and the request {} is for `15m`", night.id());
    assert!(other.stderr.contains(&differs), "{}", other.stderr);
    let quoted = night.blocks().lines().map(|line| format!("> {line}\r\n")).collect::<String>();
    paste(&quoted, &[]).exits(0);
}

#[test]
fn the_catalogue_that_changes_meanwhile_voids_the_request_and_the_part_is_named() {
    let night = Night::new();
    let file = night.file("blocks.txt", &night.blocks());
    let Night { practice, sheet, .. } = night;
    let practice = practice.edited("profiles.toml", "policy = \"orders-db.json\"\n", "");
    let void = practice.home.glass(&["assume", "prod-db-emergency", "--approval", &file, "--", "true"]).exits(3);
    let is_void = format!("the request {} is void", sheet.asked().id);
    assert!(void.stderr.contains(&is_void) && void.stderr.contains("policy"), "{}", void.stderr);
}

#[test]
fn of_sixteen_processes_that_use_a_request_at_once_one_does() {
    let night = Night::new();
    let file = night.file("blocks.txt", &night.blocks());
    let outcomes: Vec<Outcome> = thread::scope(|scope| {
        let users: Vec<_> = (0..16).map(|_| scope.spawn(|| night.assume(&["--approval", &file]))).collect();
        users.into_iter().map(|user| user.join().unwrap()).collect()
    });
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|outcome| outcome.code == 0);
    assert_eq!((won.len(), night.practice.told("elevate.ok").len()), (1, 1));
    for outcome in lost {
        let outcome = outcome.exits(3);
        assert!(outcome.stderr.contains(&format!("the request {} was used", night.id())), "{}", outcome.stderr);
    }
    assert_eq!(night.practice.told("elevate.intent").len(), 1);
    night.practice.home.glass(&["audit", "verify"]).exits(0);
}

#[test]
fn who_waits_is_asked_for_the_code_as_soon_as_the_last_approval_is_there() {
    let night = Night::new();
    let file = night.file("request.txt", night.sheet.line());
    let Night { practice, carol, sheet } = night;
    let night = Night { practice: practice.asking(), carol, sheet };
    let words = ["assume", "prod-db-emergency", "--approval", &file, "--", "true"];
    let mut terminal = night.practice.home.terminal(env!("CARGO_BIN_EXE_glass"), &words);
    terminal.expect(&format!("request {} needs an approval", night.id()));
    terminal.expect("1 more: ring carol");
    let approval = night.approval();
    let place = PathBuf::from(night.practice.file("state/glass")).join(Paper::Approval(&approval).name(&night.sheet));
    let unfinished = place.with_extension("unfinished");
    fs::write(&unfinished, approval.stored()).unwrap();
    let put = Instant::now();
    fs::rename(unfinished, place).unwrap();
    terminal.expect("MFA code of");
    // It takes one second at the most on a machine that does nothing else.
    assert!(put.elapsed() < Duration::from_secs(8), "{:?}", put.elapsed());
    terminal.send(&format!("{}\r", night.practice.code()));
    assert_eq!(terminal.wait().0, 0);
}

#[test]
fn a_wait_that_is_given_up_leaves_the_request_open_and_the_next_one_finds_it() {
    let night = Night::new();
    let file = night.file("request.txt", night.sheet.line());
    let words = ["assume", "prod-db-emergency", "--approval", &file, "--", "true"];
    let mut terminal = night.practice.home.terminal(env!("CARGO_BIN_EXE_glass"), &words);
    terminal.expect("Ctrl-C leaves the request open");
    terminal.expect("1 more: ring carol");
    terminal.send("\x03");
    terminal.expect(&format!("glass assume prod-db-emergency --request {}", night.id()));
    assert_eq!(terminal.wait().0, 130);
    // Without a word about it, it is the one that fits; what is pasted counts.
    let mut terminal = night.practice.home.terminal(env!("CARGO_BIN_EXE_glass"), &words[..2]);
    terminal.expect("1 more: ring carol");
    let block = block::write(Block::Approval, night.approval().stored().as_bytes());
    terminal.send(&block);
    terminal.expect("for 15 min");
    terminal.send("exit\r");
    assert_eq!(terminal.wait().0, 0);
}

/// What stands below a block in a mail is pasted with it, and must not be run by the shell that is opened then.
#[test]
fn what_is_pasted_below_a_block_is_neither_a_code_nor_a_command() {
    let below = |mark: &Path| format!("\nCheers, Carol\ntouch {}\nand no end", mark.display());
    let night = Night::new();
    let mark = night.practice.home.path("mark");
    let mut terminal =
        night.practice.home.terminal(env!("CARGO_BIN_EXE_glass"), &["assume", "prod-db-emergency", "--approval", "-"]);
    terminal.expect("Paste the block");
    terminal.send(&(night.blocks() + &below(&mark)));
    terminal.expect("for 15 min");
    terminal.send("echo so far\r");
    terminal.expect("so far");
    terminal.send("exit\r");
    assert_eq!(terminal.wait().0, 0);
    assert!(!mark.exists());
    let night = Night::new();
    let file = night.file("request.txt", night.sheet.line());
    let mark = night.practice.home.path("mark");
    let words = ["assume", "prod-db-emergency", "--approval", &file];
    let mut terminal = night.practice.home.terminal(env!("CARGO_BIN_EXE_glass"), &words);
    terminal.expect("1 more: ring carol");
    terminal.send(&(block::write(Block::Approval, night.approval().stored().as_bytes()) + &below(&mark)));
    terminal.expect("for 15 min");
    terminal.send("exit\r");
    assert_eq!(terminal.wait().0, 0);
    assert!(!mark.exists());
}
