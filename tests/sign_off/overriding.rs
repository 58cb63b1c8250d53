//! Nobody can approve: alice goes on alone, is reminded of it, and carol reviews it afterwards from a home of her own.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use glass::model::chain::origin::Origin;
use glass::model::name::{Id, PersonName};
use glass::model::sign_off::approval::Approval;
use glass::model::sign_off::block::{self, Kind as Block};
use glass::model::sign_off::papers::Paper;
use glass::model::sign_off::sheet::{Asked, Nonce, Sheet};
use serde_json::{Value, json};

use crate::support::{Home, Kind, Outcome, Practice, Pty, SoftKey, tool};

pub(super) const REASON: &str = "nobody of security answers and orders are being lost";

pub(super) const WORDS: [&str; 7] =
    ["assume", "prod-db-emergency", "--override", "--incident", "INC-4711", "--reason", REASON];

/// alice's practice, carol's home, and perhaps what they share.
pub(super) struct Night {
    pub(super) practice: Practice,
    pub(super) carol: Home,
    dave: SoftKey,
    pub(super) share: PathBuf,
}

/// What more the catalogue says, and whether there is a store.
#[derive(Clone, Copy)]
pub(super) struct Team {
    pub(super) level: &'static str,
    pub(super) has_store: bool,
}

impl Night {
    pub(super) fn new(team: Team) -> Night {
        let carol = Home::new();
        carol.write(".ssh/.keep", "");
        let words = ["-q", "-t", "ed25519", "-N", "", "-C", "carol", "-f", ".ssh/key"];
        Outcome::of(carol.command(tool("ssh-keygen")).args(words), "").exits(0);
        carol.write(".config/glass/identity.toml", "version = 1\nperson = \"carol\"\nsigning_key = \"~/.ssh/key\"\n");
        let key = carol.read(".ssh/key.pub").trim().to_owned();
        let dave = SoftKey::new(Kind::Ed25519);
        let people = format!(
            "[people.carol]\ngroups = [\"security\"]\nkeys = [\"{key}\"]\n\n[people.dave]\ngroups = [\"others\"]\n\
             keys = [\"{}\"]\n\n[people.bob]",
            dave.line()
        );
        let practice = Practice::new().asking().edited("profiles.toml", "[people.bob]", &people);
        let rule = "approval = { count = 1, from = [\"security\"] }\n\
                    override = { for = [\"alice\"], max_duration = \"15m\" }\nrunbook = \"prod-db.md\"";
        let practice = practice.edited("profiles.toml", "runbook = \"prod-db.md\"", rule);
        let level = format!("[levels.emergency]\n{}", team.level);
        let practice = practice.edited("profiles.toml", "[levels.emergency]", &level);
        let share = carol.path("share");
        fs::create_dir(&share).unwrap();
        let store = format!("[approvals]\nstore = \"{}\"\n\n[naming]", share.display());
        let practice = if team.has_store { practice.edited("profiles.toml", "[naming]", &store) } else { practice };
        let night = Night { practice, carol, dave, share };
        night.share_catalogue();
        night
    }

    /// Gives carol the catalogue that alice has.
    fn share_catalogue(&self) {
        for name in ["profiles.toml", "prod-db.md", "orders-db.json"] {
            let text = fs::read_to_string(self.practice.file(name)).unwrap();
            self.carol.write(&format!(".config/glass/{name}"), &text);
        }
    }

    pub(super) fn on_terminal(&self, more: &[&str]) -> Pty {
        self.practice.home.terminal(env!("CARGO_BIN_EXE_glass"), &[&WORDS, more].concat())
    }

    /// Overrides, and gives the session.
    #[track_caller]
    pub(super) fn overrides(&self) -> String {
        let mut terminal = self.on_terminal(&["--", "sh", "-c", "echo in $GLASS_SESSION"]);
        terminal.expect("its review stays open until one of security has signed it");
        terminal.expect("Type the profile's name to go on without approvals: ");
        terminal.send("prod-db-emergency\r");
        terminal.expect("MFA code of");
        terminal.send(&format!("{}\r", self.practice.code()));
        terminal.expect("in ");
        let session = terminal.expect("\r\n");
        assert_eq!(terminal.wait().0, 0);
        session
    }

    pub(super) fn alice(&self, args: &[&str]) -> Outcome {
        self.practice.home.glass(args)
    }
}

/// What comes of a review that is pasted.
pub(super) fn paste(home: &Home, text: &str) -> Outcome {
    let mut command = home.command(env!("CARGO_BIN_EXE_glass"));
    Outcome::of(command.args(["review", "-", "--yes"]), text)
}

pub(super) fn refused(outcome: Outcome, fact: &str) {
    let outcome = outcome.exits(3);
    assert!(outcome.stderr.contains(fact), "{}", outcome.stderr);
}

#[test]
fn an_override_is_confirmed_reminded_of_and_reviewed_over_a_folder() {
    let night = Night::new(Team { level: "", has_store: true });
    let session = night.overrides();
    let events: Vec<String> =
        night.practice.entries().iter().map(|one| one["ev"].as_str().unwrap().to_owned()).collect();
    let place = |event: &str| events.iter().position(|one| one == event).unwrap();
    assert!(place("request.made") < place("override.used") && place("override.used") < place("elevate.intent"));
    let (used, intent) = (night.practice.told("override.used"), night.practice.told("elevate.intent"));
    assert_eq!(used, [json!({ "profile": "prod-db-emergency", "reason": REASON })]);
    assert_eq!((&intent[0]["override"], &intent[0]["request"]), (&json!(true), &json!(session)));
    assert_eq!(intent[0]["duration"], 900);
    let reminder = format!("alice's override {session} of prod-db-emergency, at ");
    let known = PathBuf::from(night.practice.file("state/glass/reviews.json"));
    for words in [["list"].as_slice(), &["status"], &["list", "--json"]] {
        // What is not what glass wrote is read anew from the ledger.
        fs::write(&known, "{\"size\":4294967295}").unwrap();
        let told = night.alice(words).exits(0).stderr;
        assert!(told.contains(&reminder) && told.contains("is not reviewed yet (`glass review`)"), "{told}");
    }
    // carol finds it, reads it, and signs.
    let listed = night.carol.glass(&["review", "--json"]).exits(0).json();
    assert_eq!((&listed[0]["session"], &listed[0]["reviewers"]), (&json!(session), &json!(["carol"])));
    assert_eq!(night.carol.glass(&["requests", "--json"]).exits(0).json()[0]["state"], "used");
    refused(night.carol.glass(&["approve", &session, "--yes"]), "hint: `glass review ID` shows it");
    let table = night.carol.glass(&["review"]).exits(0).stdout;
    assert!(table.contains(REASON) && table.contains(&format!("you may review it: glass review {session}")), "{table}");
    let other = night.carol.path(".local/state/glass/ledger");
    let wrong = ["review", &session, "--yes", "--ledger", other.to_str().unwrap()];
    refused(night.carol.glass(&wrong), "the ledger that the override is in is glass/practice/");
    let ledger = night.practice.ledger();
    let words = ["review", &session, "--reason", "it was right", "--ledger", ledger.to_str().unwrap()];
    let mut terminal = night.carol.terminal(env!("CARGO_BIN_EXE_glass"), &words);
    terminal.expect("alice went on without the approvals of prod-db-emergency");
    terminal.expect("(exit)");
    terminal.expect(&format!("Close the review of {session} by alice? [y/N]: "));
    terminal.send("y\r");
    terminal.expect("is closed, by carol at");
    terminal.expect("-----END GLASS APPROVAL-----");
    assert_eq!(terminal.wait().0, 0);
    assert!(night.carol.glass(&["review"]).exits(0).stderr.contains("glass: no review is open"));
    refused(night.carol.glass(&["review", &session, "--yes"]), "carol has reviewed it already");
    // On alice's side it is closed by what she finds in the share.
    assert_eq!(night.practice.told("review.closed"), Vec::<Value>::new());
    let told = night.alice(&["review"]).exits(0).stderr;
    assert!(told.contains(&format!("the review of alice's override {session} is closed, by carol at")), "{told}");
    assert!(told.contains(": it was right") && told.contains("no review is open"), "{told}");
    let closed = &night.practice.told("review.closed")[0];
    assert_eq!((&closed["session"], &closed["person"]), (&json!(session), &json!("carol")));
    let blob = night.practice.ledger().join("blobs").join(closed["approval_sha256"].as_str().unwrap());
    assert!(fs::read_to_string(blob).unwrap().contains("it was right"));
    for words in [["list"].as_slice(), &["status"]] {
        assert!(!night.alice(words).exits(0).stderr.contains("reviewed"));
    }
    night.alice(&["audit", "verify"]).exits(0);
    night.carol.glass(&["audit", "verify"]).exits(0);
    assert!(fs::read_dir(night.share.join("requests")).unwrap().next().is_some());
}

#[test]
fn where_nothing_is_shared_an_override_is_reviewed_by_what_is_pasted() {
    let night = Night::new(Team { level: "", has_store: false });
    let session = night.overrides();
    assert!(night.carol.glass(&["review"]).exits(0).stderr.contains("no review is open"));
    let own = night.alice(&["review", &session]).exits(3);
    assert!(own.stderr.contains(&format!("the override {session} is yours, and somebody else reviews it")));
    let file = night.carol.write("sent.txt", &own.stdout);
    let sent = file.to_str().unwrap();
    let signed = paste(&night.carol, &own.stdout).exits(0);
    assert!(signed.stderr.contains("end this block back to alice, for `glass review -`"), "{}", signed.stderr);
    refused(night.carol.glass(&["review", sent, "--yes"]), "carol has reviewed it already");
    // Somebody else's block does not close it, nor does carol's for another session.
    let (_, line) = block::read(&own.stdout).unwrap().remove(0);
    let sheet = Sheet::parse(&line).unwrap();
    assert_eq!(sheet.asked().id.to_string(), session);
    let closed = paste(&night.practice.home, &signed.stdout).exits(0);
    assert!(closed.stderr.contains("is closed, by carol") && closed.stdout.is_empty(), "{}", closed.stderr);
    assert_eq!(night.practice.told("review.closed").len(), 1);
    refused(paste(&night.practice.home, &signed.stdout), "this ledger has no open review of");
    // What carol signed is of this override and of no other.
    let other = Sheet::write(&Asked { nonce: Nonce::from_random([1; 16]), ..sheet.asked().clone() }).unwrap();
    let other = block::write(Block::Request, other.line().as_bytes());
    fs::remove_dir_all(PathBuf::from(night.practice.file("state/glass/requests"))).unwrap();
    refused(paste(&night.practice.home, &format!("{other}\n{}", signed.stdout)), "it is of another request");
}

/// Who may sign for others as well makes up an override of somebody else's, with the id of their own.
#[test]
fn nobody_closes_their_own_review_by_an_override_that_they_made_up() {
    let mut night = Night::new(Team { level: "", has_store: false });
    let key = SoftKey::new(Kind::Ed25519);
    let alice = format!("[people.alice]\nkeys = [\"{}\"]", key.line());
    night.practice = night.practice.edited("profiles.toml", "[people.alice]", &alice);
    night.practice =
        night.practice.edited("profiles.toml", "groups = [\"oncall\"]", "groups = [\"oncall\", \"security\"]");
    let session = night.overrides();
    let own = night.alice(&["review", &session]).exits(3);
    let (_, line) = block::read(&own.stdout).unwrap().remove(0);
    let real = Sheet::parse(&line).unwrap().asked().clone();
    let made_up = Asked {
        person: PersonName::parse("dave").unwrap(),
        origin: Origin::parse("glass/practice/desk/dave/0123abcd").unwrap(),
        // So that it lies in another folder than the real one.
        expires: real.expires.plus(Duration::from_secs(48 * 60 * 60)),
        ..real
    };
    let made_up = Sheet::write(&made_up).unwrap();
    let text = format!("glass-approval-v1\napprove\nalice\n{}\n{}\n\n", made_up.asked().made, made_up.digest());
    let signed = text.clone() + &key.approve("glass-approval@v1", text.as_bytes());
    let blocks =
        block::write(Block::Request, made_up.line().as_bytes()) + &block::write(Block::Approval, signed.as_bytes());
    let file = night.carol.write("made-up.txt", &blocks);
    refused(night.alice(&["review", file.to_str().unwrap()]), "this ledger has no open review of");
    assert_eq!(night.practice.told("review.closed"), Vec::<Value>::new());
    assert!(night.alice(&["review"]).exits(0).stdout.contains(&session));
}

#[test]
fn an_override_is_refused_by_each_rule_and_told_by_its_name() {
    let night = Night::new(Team { level: "open_reviews = \"refuse\"", has_store: true });
    let rules = |night: &Night| night.practice.told("elevate.refused").last().unwrap()["rules"].clone();
    let without = |words: &[&str]| night.alice(&[&["assume", "prod-db-emergency", "--override"], words].concat());
    let incident = ["--incident", "INC-4711", "--reason"];
    let short = without(&[incident.as_slice(), &["orders database lost its writer"]].concat());
    refused(short, "the reason of an override has at least 40 characters, this one 31");
    assert_eq!(rules(&night), json!(["override"]));
    refused(
        night.alice(&[&WORDS, ["--duration", "30m"].as_slice()].concat()),
        "30m is over its maximum of 15m for an override",
    );
    assert_eq!(rules(&night), json!(["duration"]));
    refused(night.alice(&WORDS), "an override is confirmed on a terminal, and there is none");
    assert_eq!(rules(&night), json!(["override"]));
    let mut terminal = night.on_terminal(&["--", "true"]);
    for _ in 0..3 {
        terminal.expect("Type the profile's name to go on without approvals: ");
        terminal.send("yes\r");
    }
    terminal.expect("the override was not confirmed: `yes` is not the profile's name");
    assert_eq!(terminal.wait().0, 3);
    let none = night.alice(&["assume", "prod-db-read", "--override", "--incident", "INC-1", "--reason", REASON]);
    assert!(none.exits(2).stderr.contains("prod-db-read takes no approvals"));
    assert_eq!(night.practice.told("override.used"), Vec::<Value>::new());
    // The next one is refused while nobody has reviewed the last, and goes on as soon as somebody has.
    let session = night.overrides();
    let again = night.alice(&WORDS).exits(3);
    assert!(again.stderr.contains(&format!("the override of {session} is not reviewed yet")), "{}", again.stderr);
    assert!(again.stderr.contains("hint: `glass review` tells who can review it"), "{}", again.stderr);
    assert_eq!(rules(&night), json!(["review"]));
    night.carol.glass(&["review", &session, "--yes"]).exits(0);
    refused(night.alice(&WORDS), "an override is confirmed on a terminal, and there is none");
    assert_eq!((rules(&night), night.practice.told("review.closed").len()), (json!(["override"]), 1));
}

/// What the ledger says of an override may be unreadable; that there was one is not.
#[test]
fn an_override_that_cannot_be_read_is_open_until_it_is_reviewed() {
    let night = Night::new(Team { level: "open_reviews = \"refuse\"", has_store: true });
    let session = night.overrides();
    let segment = night.practice.ledger().join("log-0000000000000000.jsonl");
    let text = fs::read_to_string(&segment).unwrap();
    let used = text.lines().find(|line| line.contains("\"ev\":\"override.used\"")).unwrap();
    let unread = used.replace("prod-db-emergency", "PROD-DB-EMERGENCY");
    fs::write(&segment, text.replace(used, &unread)).unwrap();
    fs::remove_file(night.practice.file("state/glass/reviews.json")).unwrap();
    let listed = night.alice(&["review", "--json"]).exits(0).json();
    assert_eq!((&listed[0]["session"], listed[0].get("profile")), (&json!(session), None));
    let shown = night.alice(&["review"]).exits(0).stdout;
    assert!(shown.contains(&format!("{session}  the ledger says nothing of it that can be read")), "{shown}");
    refused(night.alice(&WORDS), &format!("the override of {session} is not reviewed yet"));
    night.carol.glass(&["review", &session, "--yes"]).exits(0);
    let told = night.alice(&["review"]).exits(0).stderr;
    assert!(told.contains("is closed, by carol at") && told.contains("no review is open"), "{told}");
}

#[test]
fn a_review_is_closed_by_hand_too_and_by_nothing_that_others_have_signed() {
    let night = Night::new(Team { level: "", has_store: true });
    let session = night.overrides();
    let block = night.alice(&["review", &session]).exits(3).stdout;
    let (_, line) = block::read(&block).unwrap().remove(0);
    let sheet = Sheet::parse(&line).unwrap();
    // Without the mark that it was used nobody is to review it; alice's glass puts it there again.
    let id = Id::parse(&session).unwrap();
    let mark = night.share.join(Paper::Used(&id).name(&sheet));
    fs::remove_file(&mark).unwrap();
    fs::remove_dir_all(night.practice.file("state/glass/requests")).unwrap();
    assert!(night.carol.glass(&["review"]).exits(0).stderr.contains("no review is open"));
    night.alice(&["review"]).exits(0);
    assert!(night.carol.glass(&["review"]).exits(0).stdout.contains(&session) && mark.exists());
    let text =
        |person: &str| format!("glass-approval-v1\napprove\n{person}\n{}\n{}\n\n", sheet.asked().made, sheet.digest());
    let by_dave = |person: &str| text(person) + &night.dave.approve("glass-approval@v1", text(person).as_bytes());
    for (statement, why) in [
        (by_dave("dave"), "what dave signed does not count: it takes one of security"),
        (by_dave("carol"), "what carol signed does not count: its key is dave's"),
        (by_dave("alice"), "what alice signed does not count: who asks does not count"),
        (by_dave("dave").replace("\n\n", "\nfine\n"), "what dave signed does not count: it is not genuine"),
    ] {
        let file = night.carol.write("signed", &statement);
        refused(night.alice(&["review", file.to_str().unwrap()]), why);
        // Nor does it when it lies in the share.
        let approval = Approval::parse(statement.as_bytes()).unwrap();
        fs::write(night.share.join(Paper::Approval(&approval).name(&sheet)), &statement).unwrap();
    }
    assert!(night.alice(&["review"]).exits(0).stdout.contains(&session));
    assert!(night.carol.glass(&["review"]).exits(0).stdout.contains(&session));
    assert_eq!(night.practice.told("review.closed"), Vec::<Value>::new());
    night.carol.write("statement", &text("carol"));
    let words = ["-Y", "sign", "-q", "-f", ".ssh/key", "-n", "glass-approval@v1", "statement"];
    Outcome::of(night.carol.command(tool("ssh-keygen")).args(words), "").exits(0);
    let signed = night.carol.write("signed", &(text("carol") + &night.carol.read("statement.sig")));
    let closed = night.alice(&["review", signed.to_str().unwrap()]).exits(0);
    assert!(closed.stderr.contains("is closed, by carol at"), "{}", closed.stderr);
    // It lies in the share now, and carol need not sign again.
    assert!(night.carol.glass(&["review"]).exits(0).stderr.contains("no review is open"));
    // A request that somebody has made up under the same id is told, and closes nothing.
    let other = Sheet::write(&Asked { nonce: Nonce::from_random([1; 16]), ..sheet.asked().clone() }).unwrap();
    fs::write(night.share.join(Paper::Request.name(&other)), other.line()).unwrap();
    refused(night.carol.glass(&["review", &session, "--yes"]), &format!("there are two requests {session}"));
}
