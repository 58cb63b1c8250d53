//! What opens and closes the reviews of overrides, whatever is done to the ledger and the store in between.

use std::fs;

use glass::model::sign_off::block;
use glass::model::sign_off::papers::Paper;
use glass::model::sign_off::sheet::{Asked, Nonce, Sheet};
use serde_json::json;

use super::overriding::{Night, Team, WORDS, paste, refused};

const REFUSES: &str = "open_reviews = \"refuse\"";

impl Night {
    /// The sheet of an override, and it as a block.
    fn sheet(&self, session: &str) -> (Sheet, String) {
        let block = self.alice(&["review", session]).exits(3).stdout;
        let (_, line) = block::read(&block).unwrap().remove(0);
        (Sheet::parse(&line).unwrap(), block)
    }

    /// Finds that alice is refused the next override because of this one.
    #[track_caller]
    fn forbids_the_next(&self, session: &str) {
        let no = self.alice(&WORDS).exits(3);
        assert!(no.stderr.contains(&format!("the override of {session} is not reviewed yet")), "{}", no.stderr);
    }

    /// Finds that nothing forbids alice the next override but that nobody confirms it.
    #[track_caller]
    fn permits_the_next(&self) {
        refused(self.alice(&WORDS), "an override is confirmed on a terminal, and there is none");
    }
}

#[test]
fn a_review_is_signed_neither_before_the_override_is_used_nor_while_it_goes_on() {
    let night = Night::new(Team { level: "", has_store: true });
    let mut terminal = night.on_terminal(&["--", "sh", "-c", "echo in $GLASS_SESSION; read end"]);
    terminal.expect("Type the profile's name to go on without approvals: ");
    terminal.send("prod-db-emergency\r");
    terminal.expect("MFA code of");
    let day = fs::read_dir(night.share.join("requests")).unwrap().next().unwrap().unwrap().path();
    let paper = fs::read_dir(day).unwrap().next().unwrap().unwrap().file_name().into_string().unwrap();
    let asked = paper.split('.').next().unwrap();
    refused(
        night.carol.glass(&["review", asked, "--yes"]),
        &format!("nothing says that the override {asked} was used"),
    );
    terminal.send(&format!("{}\r", night.practice.code()));
    terminal.expect("in ");
    let session = terminal.expect("\r\n");
    assert_eq!(session, asked);
    let ledger = night.practice.ledger();
    let by_ledger = ["review", &session, "--yes", "--ledger", ledger.to_str().unwrap()];
    refused(night.carol.glass(&by_ledger), "its session goes on until ");
    // Without the ledger nobody there can know.
    let signed = night.carol.glass(&["review", &session, "--yes"]).exits(0).stderr;
    assert!(signed.contains("what is signed long before the session ends closes no review"), "{signed}");
    let told = night.alice(&["review"]).exits(0);
    let why = format!("carol's review of {session} does not count: it was signed before the session was over, at ");
    assert!(told.stderr.contains(&why) && told.stdout.contains(&session), "{}", told.stderr);
    assert_eq!(night.practice.told("review.closed").len(), 0);
    terminal.send("\r");
    assert_eq!(terminal.wait().0, 0);
    // It ended early: the clocks may be that far apart.
    let told = night.alice(&["review"]).exits(0).stderr;
    assert!(told.contains(&format!("the review of alice's override {session} is closed, by carol")), "{told}");
}

#[test]
fn a_ledger_that_was_damaged_and_acknowledged_takes_its_open_reviews_along() {
    let night = Night::new(Team { level: REFUSES, has_store: false });
    let session = night.overrides();
    let segment = night.practice.ledger().join("log-0000000000000000.jsonl");
    let text = fs::read_to_string(&segment).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    fs::write(&segment, format!("{first}\n{}", rest.replacen("\"pid\":", "\"pid\":1", 1))).unwrap();
    night.alice(&["audit", "verify"]).exits(4);
    night.alice(&["audit", "acknowledge", "--reason", "the disk had a hiccup"]).exits(0);
    let previous = &night.practice.told("ledger.open")[0]["previous"];
    assert_eq!((&previous["size"], &previous["reviews"][0]["session"]), (&json!(2), &json!(session)));
    let reminder = format!("alice's override {session} of prod-db-emergency, at ");
    assert!(night.alice(&["list"]).exits(0).stderr.contains(&reminder));
    assert_eq!(night.alice(&["review", "--json"]).exits(0).json().as_array().unwrap().len(), 1);
    night.forbids_the_next(&session);
    let signed = paste(&night.carol, &night.sheet(&session).1).exits(0).stdout;
    paste(&night.practice.home, &signed).exits(0);
    assert_eq!(night.practice.told("review.closed").len(), 1);
    assert!(!night.alice(&["list"]).exits(0).stderr.contains("is not reviewed yet"));
    night.permits_the_next();
    night.alice(&["audit", "verify"]).exits(0);
}

#[test]
fn who_begins_another_ledger_is_held_to_what_lies_in_the_store() {
    let night = Night::new(Team { level: REFUSES, has_store: true });
    let session = night.overrides();
    fs::rename(night.practice.file("state/glass"), night.practice.file("state/gone")).unwrap();
    night.forbids_the_next(&session);
    assert!(night.alice(&["review"]).exits(0).stdout.contains(&session));
    night.carol.glass(&["review", &session, "--yes"]).exits(0);
    night.permits_the_next();
}

#[test]
fn a_segment_that_was_shipped_and_deleted_takes_no_open_review_with_it() {
    let mut night = Night::new(Team { level: REFUSES, has_store: false });
    let archive = night.carol.path("archive");
    fs::create_dir(&archive).unwrap();
    let ship = format!("[ledger]\nship = [\"{}\"]\n\n[naming]", archive.display());
    night.practice = night.practice.edited("profiles.toml", "[naming]", &ship);
    let session = night.overrides();
    let (_, block) = night.sheet(&session);
    night.alice(&["audit", "rotate"]).exits(0);
    night.alice(&["audit", "ship"]).exits(0);
    fs::remove_file(night.practice.ledger().join("log-0000000000000000.jsonl")).unwrap();
    night.alice(&["audit", "verify"]).exits(0);
    night.forbids_the_next(&session);
    assert!(night.alice(&["review"]).exits(0).stdout.contains(&session));
    let signed = paste(&night.carol, &block).exits(0).stdout;
    paste(&night.practice.home, &signed).exits(0);
    assert_eq!(night.practice.told("review.closed").len(), 1);
    night.permits_the_next();
}

#[test]
fn a_twin_that_somebody_puts_beside_an_override_hides_it_from_nobody() {
    let night = Night::new(Team { level: "", has_store: true });
    let session = night.overrides();
    let (sheet, _) = night.sheet(&session);
    let twin = Sheet::write(&Asked { nonce: Nonce::from_random([1; 16]), ..sheet.asked().clone() }).unwrap();
    fs::write(night.share.join(Paper::Request.name(&twin)), twin.line()).unwrap();
    let listed = night.carol.glass(&["review"]).exits(0).stdout;
    assert_eq!(listed.matches("one of 2 of this id: only its own ledger says which was used").count(), 2, "{listed}");
    refused(night.carol.glass(&["review", &session, "--yes"]), &format!("there are two requests {session}"));
    // Who used it knows which it is, and either is reviewed by itself.
    let (again, block) = night.sheet(&session);
    assert_eq!(again, sheet);
    paste(&night.carol, &block).exits(0);
    let left = night.carol.glass(&["review"]).exits(0).stdout;
    assert!(left.contains(&session) && !left.contains("of this id"), "{left}");
    let told = night.alice(&["review"]).exits(0).stderr;
    assert!(told.contains(&format!("the review of alice's override {session} is closed, by carol")), "{told}");
}
