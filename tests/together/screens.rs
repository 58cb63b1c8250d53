//! What a person has before them: whole screens, as they were reviewed. Who changes one sees it in the difference of a
//! file in `screens/`, and the guide shows them as they are.

use std::fs;
use std::path::{Path, PathBuf};

use regex_lite::Regex;

use super::{Channel, Person, Team};
use crate::support::Screen;

/// How many rows a terminal has.
const ROWS: usize = 24;

/// What differs from night to night, and what stands for it.
const VARYING: [(&str, &str); 6] = [
    // How long it is, the names of the machine and of its user say too.
    (r"\r\n[A-Za-z0-9+/=]{64}(\r\n[A-Za-z0-9+/=]+)+\r\n", "\r\n(the block, which fills a screen)\r\n"),
    // A machine that takes its time tells it once more.
    (r"\nglass: \d+ min left\r", ""),
    (r"; \d+ min left", "; 30 min left"),
    (r"made \d+[ms] ago, until [0-9TZ:-]{20} \(\d+m left", "made 9s ago, until 2026-01-31T02:43:00Z (29m left"),
    (r"\b[0-9a-f]{64}\b", "7c1e0d94a3b85f26e9d0471b6c32fa857c1e0d94a3b85f26e9d0471b6c32fa85"),
    (r"glass/practice/[^/ ]+/[^/ ]+/[0-9a-z]{8}", "glass/practice/laptop/alice/62rp5vxh"),
];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/together/screens").join(format!("{name}.txt"))
}

impl Team {
    /// Finds that somebody's screen is the one that was reviewed, on a terminal of so many columns.
    #[track_caller]
    pub(super) fn is_shown(&self, person: &Person, columns: u16, name: &str) {
        let mut text = person.terminal.text();
        for id in self.ids() {
            text = text.replace(&id, "0123abcd");
        }
        for (varying, fixed) in VARYING {
            text = Regex::new(varying).unwrap().replace_all(&text, fixed).into_owned();
        }
        let shown = Screen::of(&text, columns).last(ROWS);
        let reviewed = fs::read_to_string(file(name)).unwrap_or_default();
        assert!(shown == reviewed, "{} is not what is shown now:\n{shown}", file(name).display());
    }

    /// The ids of the requests that Alice has made.
    fn ids(&self) -> Vec<String> {
        let told = self.alice.home.glass(&["audit", "show", "--json", "--event", "request.made"]).exits(0).stdout;
        let entries = told.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        entries.map(|entry| entry["d"]["request"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn the_screens_are_as_they_were_reviewed() {
    let mut team = Team::new(Channel::Folder, 3, 80);
    let request = team.asks();
    team.is_shown(&team.alice, 80, "waiting");
    team.is_shown(&team.alice, 60, "waiting-60");
    let bob = &mut team.approvers[0];
    bob.types(&format!("glass approve {}", request.id));
    bob.sees("Approve prod-db-emergency for alice? [y/N]: ");
    team.is_shown(&team.approvers[0], 80, "approving");
    team.is_shown(&team.approvers[0], 60, "approving-60");
    let bob = &mut team.approvers[0];
    bob.types("y");
    bob.unlocks();
    bob.sees("-----END GLASS APPROVAL-----\r\n");
    bob.sees("bob$ ");
    team.alice.sees("1 more: ring carol");
    team.approves(1, Channel::Folder, &request);
    team.alice.sees("MFA code of ");
    team.alice.sees(": ");
    team.is_shown(&team.alice, 80, "approved");
}

#[test]
fn the_guide_shows_the_screens_as_they_are() {
    let guide = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide.md")).unwrap();
    for name in ["approved", "approving"] {
        let screen = fs::read_to_string(file(name)).unwrap();
        assert!(guide.contains(screen.trim_end()), "docs/guide.md does not show {name}.txt:\n{screen}");
    }
}
