//! `glass enrol` with a desktop's keyring: gnome-keyring on a session bus of its own.
//! And where no keyring works.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;

use glass::model::sign_off::gather::gather;
use glass::model::tree::{Growing, leaf};

use crate::enrol::Desk;
use crate::sign_off::practice_with;
use crate::support::{Kind, Outcome, Practice, SoftKey, WORDS, tool};

const GLASS: &str = env!("CARGO_BIN_EXE_glass");

/// Runs glass in a desktop session whose keyring its owner has unlocked. The next session finds what it kept.
pub const UNLOCKED: &str = r#"printf password | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1 &&
has_keyring='dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner' &&
until $has_keyring string:org.freedesktop.secrets | grep -q 'boolean true'; do :; done && "$@""#;

/// Runs glass in a desktop session whose keyring nobody has unlocked, nor can.
pub const LOCKED: &str = r#""$@""#;

fn session(desk: &Desk, script: &str, args: &[&str]) -> Outcome {
    let mut command = desk.home.command(tool("dbus-run-session"));
    Outcome::of(command.args(["--", "sh", "-c", script, "sh", GLASS]).args(args), "")
}

fn enrol<'a>(desk: &'a Desk, more: &[&'a str]) -> Vec<&'a str> {
    [&["enrol", "--person", &desk.person, "--from-profile", "daily", "--yes"], more].concat()
}

#[test]
fn a_desktop_keeps_the_key_and_gives_it_only_while_it_is_unlocked() {
    let desk = Desk::new("desktop");
    let enrolled = session(&desk, UNLOCKED, &enrol(&desk, &[])).exits(0);
    assert!(desk.identity().contains("source = { keyring = \"secret-service\" }"), "{}", enrolled.stderr);
    let out = session(&desk, UNLOCKED, &["whoami"]).exits(0);
    assert!(out.stdout.contains(":user/alice"), "{}", out.stdout);

    let locked = session(&desk, LOCKED, &["whoami"]).exits(1);
    assert!(locked.stderr.contains("`secret-service` failed: it is locked"), "{}", locked.stderr);
    // Nor is another store asked in its place.
    let alone = desk.whoami().exits(1);
    assert!(alone.stderr.contains("`secret-service` is not available here"), "{}", alone.stderr);
    assert!(alone.stderr.contains("hint: ") && alone.stderr.contains("--profile"), "{}", alone.stderr);

    session(&desk, UNLOCKED, &["enrol", "--remove", "--yes"]).exits(0);
    let gone = session(&desk, UNLOCKED, &["whoami"]).exits(1);
    assert!(gone.stderr.contains("has no entry `access-key/"), "{}", gone.stderr);
}

#[test]
fn a_desktop_that_cannot_be_unlocked_is_passed_over_for_the_kernel_which_is_named() {
    let desk = Desk::new("headless");
    let out = session(&desk, LOCKED, &enrol(&desk, &[])).exits(0);
    assert!(out.stderr.contains("keyutils") && out.stderr.contains("gone at reboot"), "{}", out.stderr);
    assert!(desk.identity().contains("source = { keyring = \"keyutils\" }"), "{}", desk.identity());
}

/// The key of a ledger is in the keyring that was open when it was made; nobody is asked for it at the end of a session.
#[test]
fn a_ledgers_key_is_kept_by_the_desktop_and_a_locked_one_is_not_asked() {
    let practice = Practice::new();
    let state = practice.ledger().parent().unwrap().parent().unwrap().to_owned();
    let run = |script: &str, args: &[&str]| {
        let mut command = practice.home.command(tool("dbus-run-session"));
        command.env("XDG_STATE_HOME", &state);
        Outcome::of(command.args(["--", "sh", "-c", script, "sh", GLASS]).args(args), "")
    };
    let made = run(UNLOCKED, &["audit", "key", "--json"]).exits(0).json();
    assert_eq!(made["store"], "secret-service");
    let kept = fs::read_dir(practice.ledger().with_file_name("keys")).unwrap();
    for file in kept.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()) {
        assert!(!file.contains("PRIVATE"), "{file}");
    }
    let ended = run(LOCKED, &practice.words(&["--", "/bin/true"])).exits(0);
    assert!(ended.stderr.contains("the ledger is not signed: the ledger's key is in the keyring"), "{}", ended.stderr);
    let asked = run(LOCKED, &["audit", "checkpoint"]).exits(1);
    assert!(asked.stderr.contains("hint: unlock the keyring"), "{}", asked.stderr);
    assert_eq!(practice.told("ledger.checkpoint").len(), 0);
    run(UNLOCKED, &["audit", "checkpoint"]).exits(0);
    assert_eq!(practice.told("ledger.key").len(), 1, "it is the same key still");
    assert_eq!(practice.told("ledger.key")[0]["vkey"], made["key"]);
    assert_eq!(practice.told("ledger.checkpoint").len(), 1);
}

/// At night nobody may be there to unlock it: a request tells all the same what the ledger holds.
#[test]
fn a_locked_keyring_keeps_nobody_from_asking_for_approvals() {
    let practice = practice_with(&SoftKey::new(Kind::Ed25519));
    let state = practice.ledger().parent().unwrap().parent().unwrap().to_owned();
    let run = |script: &str, args: &[&str]| {
        let mut command = practice.home.command(tool("dbus-run-session"));
        command.env("XDG_STATE_HOME", &state);
        Outcome::of(command.args(["--", "sh", "-c", script, "sh", GLASS]).args(args), "").exits(0)
    };
    run(UNLOCKED, &["audit", "checkpoint"]);
    let made = run(LOCKED, &[&["request", "prod-db-emergency"], &WORDS[..]].concat());
    let said =
        "warning: the ledger is not signed: the ledger's key is in the keyring `secret-service`, which is locked";
    assert!(made.stderr.contains(said), "{}", made.stderr);
    assert_eq!(practice.told("ledger.checkpoint").len(), 1);
    let gathered = gather(made.stdout.as_bytes()).unwrap();
    let ledger = gathered.sheets[0].asked().ledger;
    let lines = fs::read(practice.ledger().join("log-0000000000000000.jsonl")).unwrap();
    let mut tree = Growing::new();
    lines
        .split_inclusive(|byte| *byte == b'\n')
        .take(usize::try_from(ledger.size).unwrap())
        .for_each(|line| tree.push(leaf(line)));
    assert_eq!((tree.size(), tree.root()), (ledger.size, ledger.root));
    run(UNLOCKED, &["audit", "checkpoint"]);
    run(UNLOCKED, &["audit", "verify"]);
}

#[test]
fn a_bus_that_does_not_answer_is_given_up() {
    let mut desk = Desk::new("mute");
    let socket = desk.home.path("mute");
    let _listener = UnixListener::bind(&socket).unwrap();
    desk.home.set("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", socket.display()));
    let out = desk.home.glass(&enrol(&desk, &["--store", "secret-service"])).exits(1);
    assert!(out.stderr.contains("no answer within 5 s"), "{}", out.stderr);
}

#[test]
fn where_the_kernel_forbids_keys_the_way_out_is_told() {
    let desk = Desk::new("container");
    for (error, why) in [("EPERM", "the kernel forbids it"), ("ENOSYS", "this kernel keeps no keys")] {
        let named = forbidden(&desk, &format!("inject=keyctl:error={error}"), &["--store", "keyutils"]).exits(1);
        assert!(named.stderr.contains(why) && named.stderr.contains("--profile"), "{}", named.stderr);
    }
    let none = forbidden(&desk, "inject=keyctl:error=EPERM", &[]).exits(1);
    assert!(none.stderr.contains("no keyring works") && none.stderr.contains("--profile"), "{}", none.stderr);
    let full = forbidden(&desk, "inject=add_key:error=EDQUOT", &["--store", "keyutils"]).exits(1);
    assert!(full.stderr.contains("quota"), "{}", full.stderr);
    assert!(!Path::new(&desk.home.path("mine/identity.toml")).exists());
}

fn forbidden(desk: &Desk, inject: &str, more: &[&str]) -> Outcome {
    let mut command = desk.home.command(tool("strace"));
    Outcome::of(command.args(["-f", "-qq", "-o", "/dev/null", "-e", inject, GLASS]).args(enrol(desk, more)), "")
}
