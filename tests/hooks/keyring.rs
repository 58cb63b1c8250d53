//! What a webhook is signed with, in a desktop's keyring: gnome-keyring on a session bus of its own.

use std::fs;

use crate::keyring::{LOCKED, UNLOCKED};
use crate::support::{HOOK_SECRET, Home, Outcome, Receiver, tool};

use super::{home, lines_of, refuse, told, webhook};

const GLASS: &str = env!("CARGO_BIN_EXE_glass");

fn session(home: &Home, script: &str, args: &[&str]) -> Outcome {
    let mut command = home.command(tool("dbus-run-session"));
    Outcome::of(command.args(["--", "sh", "-c", script, "sh", GLASS]).args(args), "")
}

#[test]
fn a_secret_that_a_desktop_keeps_signs_while_it_is_unlocked_and_nobody_is_asked_for_it() {
    let receiver = Receiver::start(&Home::new());
    let home = home(&webhook(&format!("{}/taken", receiver.address)));
    let (file, marker) = (".local/state/glass/hooks/pager.secret", ".local/state/glass/hooks/pager.keyring");
    let dbus = tool("dbus-run-session");
    let words = ["--", "sh", "-c", UNLOCKED, "sh", GLASS, "hooks", "secret", "pager"];
    let mut terminal = home.terminal(dbus.to_str().unwrap(), &words);
    terminal.expect("Secret of pager: ");
    terminal.send(&format!("{HOOK_SECRET}\r"));
    let (code, text) = terminal.wait();
    assert!(code == 0 && text.contains("the secret of pager is in secret-service"), "{text}");
    assert!(!home.path(file).exists(), "the file that was there before is gone");
    assert_eq!(home.read(marker), "secret-service\n");

    refuse(&home);
    for (more, why) in [
        (&[][..], "caused by: the keyring does not give the secret\ncaused by: "),
        (&["--background"], "caused by: the keyring `secret-service` is locked or not there\n"),
    ] {
        let failed = session(&home, LOCKED, &[&["hooks", "send"], more].concat()).exits(1);
        assert!(failed.stderr.contains(why) && failed.stderr.contains("hint: unlock the keyring"), "{}", failed.stderr);
    }
    assert!(receiver.is_idle());
    session(&home, UNLOCKED, &["hooks", "send", "--background"]).exits(0);
    assert_eq!([receiver.next()["line"].as_str().unwrap()], lines_of(&home, "elevate.refused").as_slice());
    assert_eq!(told(&home, "hook.recovered").len(), 1);

    // One that names no keyring is not taken for a file's.
    fs::write(home.path(marker), "nowhere\n").unwrap();
    refuse(&home);
    let failed = session(&home, UNLOCKED, &["hooks", "send"]).exits(1);
    assert!(failed.stderr.contains("pager.keyring cannot be used: it names no keyring"), "{}", failed.stderr);
    // Kept anew where no keyring is, it is in the file, and there alone.
    let mut terminal = home.terminal(GLASS, &["hooks", "secret", "pager"]);
    terminal.expect("Secret of pager: ");
    terminal.send(&format!("{HOOK_SECRET}\r"));
    assert_eq!(terminal.wait().0, 0);
    assert!(home.path(file).exists() && !home.path(marker).exists());
    home.glass(&["hooks", "send"]).exits(0);
    assert_eq!([receiver.next()["line"].as_str().unwrap()], lines_of(&home, "elevate.refused")[1..]);
}
