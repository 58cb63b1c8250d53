//! A shared folder as the store: full, read-only, silent, spoilt by others, and put back to what it was.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use glass::model::name::Id;
use glass::model::sign_off::approval::{Answer, Approval};
use glass::model::sign_off::block::{self, Kind as Block};
use glass::model::sign_off::papers::{Paper, folder};
use glass::model::sign_off::sheet::Sheet;
use rustix::fs::{CWD, Mode, mkfifoat};

use super::{carol_says, old_ones, practice_with};
use crate::support::{Kind, Outcome, Practice, SoftKey, WORDS, tool};

/// A practice with a store, whose profile needs an approval of carol.
struct Night {
    practice: Practice,
    carol: SoftKey,
    share: PathBuf,
}

impl Night {
    fn new() -> Night {
        let carol = SoftKey::new(Kind::Ed25519);
        let practice = practice_with(&carol);
        let share = practice.home.path("share");
        fs::create_dir(&share).unwrap();
        let store = format!("[approvals]\nstore = \"{}\"\n\n[people.bob]", share.display());
        let practice = practice.edited("profiles.toml", "[people.bob]", &store);
        Night { practice, carol, share }
    }

    /// `glass request`, after this command line of `sh` in a mount namespace of its own with the share as `$1`.
    fn request_after(&self, mount: &str) -> Outcome {
        let line = format!("{mount} && shift && exec \"$@\"");
        let share = self.share.to_str().unwrap();
        let begin = ["--map-root-user", "--mount", "/bin/sh", "-c", &line, "sh", share, env!("CARGO_BIN_EXE_glass")];
        let mut command = self.practice.home.command(tool("unshare"));
        Outcome::of(command.args(begin).args(["request", "prod-db-emergency"]).args(WORDS), "")
    }

    fn request(&self) -> Sheet {
        let words = [&["request", "prod-db-emergency"], &WORDS[..]].concat();
        let made = self.practice.home.glass(&words).exits(0);
        assert!(!made.stderr.contains("warning"), "{}", made.stderr);
        sheet_in(&made.stdout)
    }

    fn approval(&self, sheet: &Sheet) -> Approval {
        carol_says(&self.carol, sheet, Answer::Approve, "")
    }

    fn put(&self, sheet: &Sheet, paper: Paper<'_>) {
        fs::write(self.share.join(paper.name(sheet)), paper.content(sheet)).unwrap();
    }

    /// Breaks the glass with a request that lies somewhere, without waiting for more.
    fn assume(&self, sheet: &Sheet, more: &[&str]) -> Outcome {
        let words = ["assume", "prod-db-emergency", "--no-wait", "--request", sheet.asked().id.as_str()];
        self.practice.home.glass(&[&words[..], more, &["--", "/bin/echo", "elevated"]].concat())
    }

    fn state(&self, sheet: &Sheet) -> String {
        let listed = self.practice.home.glass(&["requests", "--json"]).exits(0);
        assert!(!listed.stderr.contains('\u{1b}'), "{:?}", listed.stderr);
        let rows = listed.json();
        let row = rows.as_array().unwrap().iter().find(|row| row["id"] == sheet.asked().id.as_str()).unwrap();
        row["state"].as_str().unwrap().to_owned()
    }

    /// glass with these words, and the files and folders that it opens, a line each.
    fn opened(&self, words: &[&str]) -> (Outcome, String) {
        let told = self.practice.home.path("opened");
        let mut command = self.practice.home.command(tool("strace"));
        command.args(["--follow-forks", "--seccomp-bpf", "--decode-fds", "--trace=/^open", "--output"]).arg(&told);
        let outcome = Outcome::of(command.arg(env!("CARGO_BIN_EXE_glass")).args(words), "").exits(0);
        (outcome, fs::read_to_string(told).unwrap())
    }

    /// What somebody would put back later.
    fn copy(&self, name: &str) -> PathBuf {
        let copy = self.practice.home.path(name);
        copy_all(&self.share, &copy);
        copy
    }

    fn put_back(&self, copy: &Path) {
        fs::remove_dir_all(&self.share).unwrap();
        copy_all(copy, &self.share);
    }
}

fn copy_all(from: &Path, to: &Path) {
    assert!(Command::new(tool("cp")).arg("-a").args([from, to]).status().unwrap().success());
}

fn sheet_in(text: &str) -> Sheet {
    let blocks = block::read(text).unwrap();
    assert_eq!(blocks[0].0, Block::Request);
    Sheet::parse(&blocks[0].1).unwrap()
}

#[test]
fn a_store_that_is_full_or_read_only_is_told_and_a_paste_goes_on() {
    let night = Night::new();
    let full = "mount -t tmpfs -o size=16k none \"$1\" && ! head -c 1M /dev/zero >\"$1/filler\" 2>/dev/null";
    let read_only = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\"";
    for (mount, why) in [(full, "No space left on device"), (read_only, "Read-only file system")] {
        let made = night.request_after(mount).exits(0);
        let told = format!("glass: warning: {} is left out: cannot ", night.share.display());
        assert!(made.stderr.contains(&told) && made.stderr.contains(why), "{}", made.stderr);
        assert!(made.stderr.contains("they call `glass approve -` and paste the block"), "{}", made.stderr);
        let sheet = sheet_in(&made.stdout);
        let pasted = block::write(Block::Approval, night.approval(&sheet).stored().as_bytes());
        let file = night.practice.home.write("approval.txt", &pasted);
        assert_eq!(night.assume(&sheet, &["--approval", file.to_str().unwrap()]).exits(0).stdout, "elevated\n");
    }
    assert_eq!(fs::read_dir(&night.share).unwrap().count(), 1, "the marks that they were used");
}

/// Whoever lists it would be held up for as long as it takes a share to come back.
#[test]
fn nobody_waits_long_for_a_folder_that_does_not_answer() {
    let night = Night::new();
    let sheet = night.request();
    let day = night.share.join(folder(sheet.asked().expires));
    let mut command = night.practice.home.command(tool("strace"));
    command.args(["--follow-forks", "--output=/dev/null", "--trace-path"]).arg(&day);
    command.args(["--inject", "getdents64:delay_enter=12s", env!("CARGO_BIN_EXE_glass"), "requests", "--json"]);
    let listed = Outcome::of(&mut command, "").exits(0);
    let told = format!("{} is left out: cannot go on: no answer within 5 s", night.share.display());
    assert!(listed.stderr.contains(&told), "{}", listed.stderr);
    assert_eq!(listed.json()[0]["id"], sheet.asked().id.as_str());
}

#[test]
fn a_store_that_is_put_back_to_what_it_was_uses_nothing_twice() {
    let night = Night::new();
    let sheet = night.request();
    let asked = night.copy("asked");
    let approval = night.approval(&sheet);
    night.put(&sheet, Paper::Approval(&approval));
    assert_eq!(night.state(&sheet), "approved");
    let approved = night.copy("approved");
    // What was approved is not any more, and is approved again by what was sent.
    night.put_back(&asked);
    let none = night.assume(&sheet, &[]).exits(3);
    assert!(none.stderr.contains("it needs an approval"), "{}", none.stderr);
    let file = night.practice.home.write("approval.txt", approval.stored());
    night.assume(&sheet, &["--approval", file.to_str().unwrap()]).exits(0);
    // That it was used lies there no more; the ledger has it.
    for copy in [&approved, &asked] {
        night.put_back(copy);
        let again = night.assume(&sheet, &[]).exits(3);
        assert!(again.stderr.contains("was used by the session"), "{}", again.stderr);
    }
    assert_eq!(night.practice.told("elevate.ok").len(), 1);
}

#[test]
fn what_others_lay_in_the_folder_is_neither_believed_nor_in_the_way() {
    let night = Night::new();
    let sheet = night.request();
    let (day, id) = (night.share.join(folder(sheet.asked().expires)), sheet.asked().id.as_str());
    let approval = night.approval(&sheet);
    let name = Paper::Approval(&approval).name(&sheet);
    let name = name.rsplit('/').next().unwrap();
    // Half of it, more of it, another's name, no file at all.
    let stored = approval.stored();
    fs::write(day.join(name), &stored[..stored.len() / 2]).unwrap();
    assert_eq!(night.state(&sheet), "open");
    fs::write(day.join(name), format!("{stored}\n")).unwrap();
    assert_eq!(night.state(&sheet), "open");
    fs::remove_file(day.join(name)).unwrap();
    fs::create_dir_all(day.join(name).join(name)).unwrap();
    assert_eq!(night.state(&sheet), "open");
    fs::remove_dir_all(day.join(name)).unwrap();
    mkfifoat(CWD, day.join(name), Mode::RUSR | Mode::WUSR).unwrap();
    assert_eq!(night.state(&sheet), "open");
    fs::remove_file(day.join(name)).unwrap();
    let elsewhere = night.practice.home.write("elsewhere", stored);
    symlink(elsewhere, day.join(name)).unwrap();
    assert_eq!(night.state(&sheet), "open");
    fs::remove_file(day.join(name)).unwrap();
    fs::write(day.join(format!("{id}.approval.0123456789abcdef")), stored).unwrap();
    fs::write(day.join(format!("{id}.approval.\u{1b}[2J\r")), stored).unwrap();
    fs::write(day.join("\u{1b}]0;gone\u{7}"), "x").unwrap();
    fs::write(day.join(format!("{id}.used.\u{1b}[2J")), "x").unwrap();
    symlink("/", night.share.join("requests/0000-00-00")).unwrap();
    symlink(&day, day.join("again")).unwrap();
    assert_eq!(night.state(&sheet), "open");
    // A mark that it was used is a hint for others, and the ledger knows better.
    night.put(&sheet, Paper::Used(&Id::parse("66666666").unwrap()));
    assert_eq!(night.state(&sheet), "used");
    night.put(&sheet, Paper::Approval(&approval));
    assert_eq!(night.assume(&sheet, &[]).exits(0).stdout, "elevated\n");
    // Of a folder that leads out of the share nothing is read, and nothing is put there.
    let aside = night.practice.home.path("aside");
    fs::rename(&day, &aside).unwrap();
    symlink(&aside, &day).unwrap();
    let before = fs::read_dir(&aside).unwrap().count();
    let words = [&["request", "prod-db-emergency"], &WORDS[..]].concat();
    let made = night.practice.home.glass(&words).exits(0);
    assert!(made.stderr.contains("is left out: cannot "), "{}", made.stderr);
    assert_eq!(fs::read_dir(&aside).unwrap().count(), before);
}

/// Nothing but signatures is trusted, so whose a share is, and who may write to it, does not matter.
#[test]
fn a_share_that_everybody_may_write_to_is_taken() {
    let night = Night::new();
    fs::set_permissions(&night.share, Permissions::from_mode(0o1777)).unwrap();
    // Only root can give it away.
    let _ = std::os::unix::fs::chown(&night.share, Some(12345), Some(12345));
    let sheet = night.request();
    let day = night.share.join(folder(sheet.asked().expires));
    assert_eq!(fs::metadata(&day).unwrap().permissions().mode() & 0o7777, 0o1777);
    night.put(&sheet, Paper::Approval(&night.approval(&sheet)));
    night.assume(&sheet, &[]).exits(0);
}

/// What expired long ago is not even opened, nor is the folder of its day.
#[test]
fn ten_thousand_old_requests_are_in_nobodys_way() {
    let night = Night::new();
    let sheet = night.request();
    let old = old_ones(&sheet, 10_000);
    let days: BTreeSet<_> = old.iter().map(|old| folder(old.asked().expires)).collect();
    days.iter().for_each(|day| fs::create_dir_all(night.share.join(day)).unwrap());
    old.iter().for_each(|old| night.put(old, Paper::Request));
    let seen = |words: &[&str]| {
        let (outcome, opened) = night.opened(words);
        (outcome, days.iter().filter(|day| opened.contains(day.as_str())).count())
    };
    let (all, count) = seen(&["requests", "--all", "--json"]);
    assert_eq!((all.json().as_array().unwrap().len(), all.stderr.as_str()), (10_001, ""));
    assert_eq!(count, days.len(), "what is opened is seen");
    let (recent, count) = seen(&["requests", "--json"]);
    assert_eq!((recent.json().as_array().unwrap().len(), recent.stderr.as_str(), count), (1, "", 0));
    night.put(&sheet, Paper::Approval(&night.approval(&sheet)));
    let id = sheet.asked().id.as_str();
    assert_eq!(seen(&["assume", "prod-db-emergency", "--no-wait", "--request", id, "--", "/bin/true"]).1, 0);
    assert_eq!(night.practice.told("elevate.ok").len(), 1);
}
