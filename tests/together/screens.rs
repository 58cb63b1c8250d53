//! What a person has before them: whole screens, as they were reviewed. Who changes one sees it in the difference of a
//! file in `screens/`, and the guide shows them as they are.

use std::fs;
use std::path::{Path, PathBuf};

use glass::model::sign_off::block::{self, Kind};
use glass::model::sign_off::sheet::{Asked, Extent, Sheet};
use regex_lite::Regex;

use super::{Channel, Person, Request, Team, sheet_in};
use crate::support::Screen;

/// How many rows a terminal has.
const ROWS: usize = 24;

/// What differs from night to night, and what stands for it.
const VARYING: [(&str, &str); 14] = [
    // How long it is, the names of the machine and of its user say too.
    (r"\r\n[A-Za-z0-9+/=]{64}(\r\n[A-Za-z0-9+/=]+)+\r\n", "\r\n(the block, which fills a screen)\r\n"),
    // A machine that takes its time tells it once more.
    (r"\nglass: \d+ min left\r", ""),
    (r"; \d+ min left", "; 30 min left"),
    (r"\b\d+[ms] ago", "9s ago"),
    (r"\b\d+m left", "29m left"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-01-31T02:43:00Z"),
    (r"\b[0-9a-f]{64}\b", "7c1e0d94a3b85f26e9d0471b6c32fa857c1e0d94a3b85f26e9d0471b6c32fa85"),
    (
        r"\b[0-9a-f]{32}\r\n {20}[0-9a-f]{32}\b",
        "7c1e0d94a3b85f26e9d0471b6c32fa85\r\n                    7c1e0d94a3b85f26e9d0471b6c32fa85",
    ),
    (r"/\S+/\.ssh/", "~/.ssh/"),
    // These may be too long for where they stand, or for a line.
    (r"of the ledger\x1b\[0m\r\n +glass/", "of the ledger   \x1b[0m  glass/"),
    (r"2mon\x1b\[0m\r\n +glass/", "2mon              \x1b[0m  glass/"),
    (r"glass/practice/([^\s\x1b]|\r\n {4,})+", "glass/practice/laptop/alice/62rp5vxh"),
    (r"(\r\n +)?/\S+/share,\s+or\s+your\s+own\s+folder", "/srv/share/glass, or your own folder"),
    (
        r"/\S+/share\s+where\s+alice\s+looks;\s+or\s+send\s+this\s+block\s+back\s+to\s+alice\s",
        "/srv/share/glass where alice looks; or send this block back to alice\r\n",
    ),
];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/together/screens").join(format!("{name}.txt"))
}

impl Team {
    /// Finds that somebody's screen is the one that was reviewed.
    #[track_caller]
    pub(super) fn is_shown(&self, person: &Person, name: &str) {
        let mut text = person.terminal.text();
        for id in self.ids() {
            text = text.replace(&id, "0123abcd");
        }
        for (varying, fixed) in VARYING {
            text = Regex::new(varying).unwrap().replace_all(&text, fixed).into_owned();
        }
        let name = if person.columns == 80 { name.to_owned() } else { format!("{name}-{}", person.columns) };
        let shown = Screen::of(&text, person.columns).last(ROWS);
        let reviewed = fs::read_to_string(file(&name)).unwrap_or_default();
        assert!(shown == reviewed, "{} is not what is shown now:\n{shown}", file(&name).display());
    }

    /// The ids of the requests that Alice has made.
    fn ids(&self) -> Vec<String> {
        let told = self.alice.home.glass(&["audit", "show", "--json", "--event", "request.made"]).exits(0).stdout;
        let entries = told.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        entries.map(|entry| entry["d"]["request"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn the_screens_of_those_who_share_a_folder_are_as_they_were_reviewed() {
    for columns in [80, 60] {
        let mut team = Team::new(Channel::Folder, 3, columns);
        let request = team.asks();
        team.is_shown(&team.alice, "waiting");
        team.reads(0, Channel::Folder, &request);
        team.is_shown(&team.approvers[0], "approving");
        team.says_yes(0);
        team.alice.sees("1 more: ring carol");
        team.approves(1, Channel::Folder, &request);
        team.alice.sees("MFA code of ");
        team.alice.sees(": ");
        team.is_shown(&team.alice, "approved");
    }
}

#[test]
fn the_screens_of_those_who_share_a_bucket_are_as_they_were_reviewed() {
    let mut team = Team::new(Channel::Bucket, 2, 80);
    let request = team.asks();
    team.is_shown(&team.alice, "bucket-waiting");
    team.reads(0, Channel::Bucket, &request);
    team.is_shown(&team.approvers[0], "bucket-approving");
    team.says_yes(0);
    team.approvers[0].sees("bob$ ");
    team.is_shown(&team.approvers[0], "bucket-signed");
    team.alice.sees("MFA code of ");
    team.alice.sees(": ");
    team.is_shown(&team.alice, "bucket-approved");
}

#[test]
fn the_screens_of_those_who_paste_are_as_they_were_reviewed() {
    let mut team = Team::new(Channel::Paste, 2, 80);
    let request = team.asks();
    team.reads(0, Channel::Paste, &request);
    team.is_shown(&team.approvers[0], "paste-approving");
    let answer = team.says_yes(0);
    team.approvers[0].sees("bob$ ");
    team.is_shown(&team.approvers[0], "paste-signed");
    team.alice.pastes(&answer);
    team.alice.sees("MFA code of ");
    team.alice.sees(": ");
    team.is_shown(&team.alice, "paste-approved");
}

#[test]
fn the_screen_of_a_request_that_is_to_be_doubted_is_as_it_was_reviewed() {
    let mut team = Team::new(Channel::Paste, 2, 80);
    let strict = team.catalogue();
    team.agree_on(&strict.replace("[approvals]\n", "[approvals]\nshorter_ledger = \"warn\"\n"));
    let first = team.asks();
    team.approves(0, Channel::Paste, &first);
    team.alice.terminal.send("\x03");
    team.alice.is_back(130);
    team.alice.types("glass assume prod-db-emergency --duration 20m");
    let second = team.says_why();
    // Of a ledger that was cut since.
    let asked = sheet_in(&second.block).asked().clone();
    let sheet = Sheet::write(&Asked { ledger: Extent { size: 2, ..asked.ledger }, ..asked }).unwrap();
    let doubted = Request { id: second.id, block: block::write(Kind::Request, sheet.line().as_bytes()) };
    team.reads(0, Channel::Paste, &doubted);
    team.is_shown(&team.approvers[0], "doubted");
    let bob = &mut team.approvers[0];
    bob.types("n");
    bob.is_back(1);
    team.agree_on(&strict);
    let bob = &mut team.approvers[0];
    bob.types("glass approve -");
    bob.sees("Paste the block");
    bob.sees("\n");
    bob.pastes(&doubted.block);
    bob.sees("got shorter");
    bob.sees("bob$ ");
    team.is_shown(&team.approvers[0], "refused");
}

#[test]
fn the_screens_of_an_override_and_its_review_are_as_they_were_reviewed() {
    let mut team = Team::new(Channel::Folder, 2, 80);
    let permitted = "override = { for = [\"alice\"], max_duration = \"15m\" }\napproval = {";
    team.agree_on(&team.catalogue().replace("approval = {", permitted));
    team.alice.types("glass assume prod-db-emergency --override");
    team.alice.sees("Incident: ");
    team.alice.types("INC-4711");
    team.alice.sees("Reason: ");
    team.alice.types("nobody of the leads answers and orders are being lost");
    team.alice.sees("Type the profile's name to go on without approvals: ");
    team.alice.types("prod-db-emergency");
    team.alice.sees("MFA code of ");
    team.alice.sees(": ");
    team.is_shown(&team.alice, "overriding");
    let code = team.code();
    team.alice.types(&code);
    team.alice.sees(" min, until ");
    team.alice.sees("alice$ ");
    team.leaves();
    let [session] = &team.ids()[..] else { panic!("one request was made") };
    let bob = &mut team.approvers[0];
    bob.types("glass review");
    bob.sees("you may review it: ");
    bob.sees("bob$ ");
    bob.types(&format!("glass review {session}"));
    bob.sees("[y/N]: ");
    team.is_shown(&team.approvers[0], "reviewing");
    let bob = &mut team.approvers[0];
    bob.types("y");
    bob.unlocks();
    bob.sees("-----END GLASS APPROVAL-----\r\n");
    bob.sees("bob$ ");
    team.is_shown(&team.approvers[0], "reviewed");
}

#[test]
fn the_guide_shows_the_screens_as_they_are() {
    let guide = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide.md")).unwrap();
    for name in ["approved", "approving", "overriding", "reviewing"] {
        let screen = fs::read_to_string(file(name)).unwrap();
        let command = screen.find("bob$ ").unwrap_or(0);
        assert!(guide.contains(screen[command..].trim_end()), "docs/guide.md does not show {name}.txt:\n{screen}");
    }
}
