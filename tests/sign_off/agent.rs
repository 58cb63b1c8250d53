//! Approvers whose key is in an agent that makes them wait, or in a file whose passphrase they do not know.

use std::fs;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use glass::model::sign_off::gather::gather;
use glass::model::ssh_wire::strings;

use super::practice_with;
use crate::support::{Home, Kind, Outcome, Practice, Pty, SoftKey, WORDS, agent_that, honest, tool};

/// What an agent says when it does not sign.
const NO: u8 = 5;

/// Carol's home, with alice's request in it.
struct Carol {
    practice: Practice,
    home: Home,
}

impl Carol {
    fn new(key: &SoftKey) -> Carol {
        let (practice, home) = (practice_with(key), Home::new());
        home.write(".config/glass/identity.toml", "version = 1\nperson = \"carol\"\n");
        let asked = practice.home.glass(&[&["request", "prod-db-emergency"], &WORDS[..]].concat()).exits(0);
        home.write("request", &asked.stdout);
        Carol { practice, home }
    }

    /// With a key that is to be touched, in an agent that signs, or says no, when it is told to.
    fn touching() -> (Carol, Sender<bool>) {
        let key = SoftKey::new(Kind::SkEd25519);
        let mut carol = Carol::new(&key);
        let (touch, touched) = channel();
        let touched = Mutex::new(touched);
        let socket = agent_that(&carol.home.path("run"), move |request| {
            if request[0] == 13 && !touched.lock().unwrap().recv().unwrap_or(false) {
                return strings(&[&[NO]]);
            }
            honest(&key, request)
        });
        carol.home.set("SSH_AUTH_SOCK", socket.display());
        (carol, touch)
    }

    /// Says yes on a terminal.
    fn approves(&self) -> Pty {
        let catalogue = self.practice.file("profiles.toml");
        let mut terminal =
            self.home.terminal(env!("CARGO_BIN_EXE_glass"), &["--catalogue", &catalogue, "approve", "request"]);
        terminal.expect("Approve prod-db-emergency for alice? [y/N]: ");
        terminal.send("y\r");
        terminal
    }

    fn has_signed(&self) -> bool {
        let entries = self.home.glass(&["audit", "show", "--event", "request.signed"]).exits(0);
        !entries.stdout.is_empty()
    }
}

#[test]
fn who_is_slow_to_touch_the_key_is_waited_for() {
    let (carol, touch) = Carol::touching();
    let mut terminal = carol.approves();
    terminal.expect("Touch the security key when it blinks.");
    touch.send(true).unwrap();
    let shown = terminal.wait();
    assert_eq!(shown.0, 0, "{}", shown.1);
    assert_eq!(gather(shown.1.as_bytes()).unwrap().approvals.len(), 1);
    assert!(carol.has_signed());
}

#[test]
fn who_does_not_touch_the_key_signs_nothing() {
    let (carol, touch) = Carol::touching();
    let mut terminal = carol.approves();
    terminal.expect("Touch the security key when it blinks.");
    touch.send(false).unwrap();
    terminal.expect("the ssh agent refused");
    terminal.expect("touch the security key when it blinks, or confirm");
    assert_eq!(terminal.wait().0, 1);
    assert!(!carol.has_signed());
}

#[test]
fn who_gives_up_instead_of_touching_the_key_signs_nothing() {
    let (carol, _touch) = Carol::touching();
    let mut terminal = carol.approves();
    terminal.expect("Touch the security key when it blinks.");
    terminal.send("\x03");
    terminal.expect("the ssh agent has not signed");
    terminal.expect("interrupted");
    assert_eq!(terminal.wait().0, 1);
    assert!(!carol.has_signed());
}

#[test]
fn an_agent_without_the_key_is_told_and_nothing_is_signed() {
    let (mut carol, _touch) = Carol::touching();
    let stranger = SoftKey::new(Kind::SkEd25519);
    let socket = agent_that(&carol.home.path("run"), move |request| honest(&stranger, request));
    carol.home.set("SSH_AUTH_SOCK", socket.display());
    let mut terminal = carol.approves();
    terminal.expect("there is no key to sign with");
    terminal.expect("the ssh agent does not have the key");
    assert_eq!(terminal.wait().0, 1);
    assert!(!carol.has_signed());
}

#[test]
fn who_does_not_know_the_passphrase_is_asked_three_times_and_signs_nothing() {
    let mut carol = Carol::new(&SoftKey::new(Kind::Ed25519));
    let words = ["-q", "-t", "ed25519", "-a", "1", "-N", "correct horse", "-f", "key"];
    Outcome::of(carol.home.command(tool("ssh-keygen")).args(words), "").exits(0);
    let identity = format!("version = 1\nperson = \"carol\"\nsigning_key = \"{}\"\n", carol.home.path("key").display());
    carol.home.write(".config/glass/identity.toml", &identity);
    let file = carol.practice.file("profiles.toml");
    let text = fs::read_to_string(&file).unwrap();
    let known =
        text.lines().skip_while(|line| *line != "[people.carol]").find(|line| line.starts_with("keys")).unwrap();
    let mine = format!("keys = [\"{}\"]", carol.home.read("key.pub").trim());
    fs::write(&file, text.replacen(known, &mine, 1)).unwrap();
    let asked = carol.practice.home.glass(&[&["request", "prod-db-emergency"], &WORDS[..]].concat()).exits(0);
    carol.home.write("request", &asked.stdout);
    carol.home.unset("SSH_AUTH_SOCK");
    let mut terminal = carol.approves();
    for _ in 0..3 {
        terminal.expect("Passphrase of ");
        terminal.send("battery staple\r");
        terminal.expect("That is not its passphrase.");
    }
    terminal.expect("the passphrase is wrong");
    let shown = terminal.wait();
    assert!(shown.0 == 1 && !shown.1.contains("battery"), "{}", shown.1);
    assert!(!carol.has_signed());
}
