//! A `PATH` in which nothing is what it is called: no sign-off looks for a program there.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::support::{Agent, HOOK_SECRET, Home, Outcome, Practice, Receiver, WORDS, tool};

/// What somebody could hope that glass would call.
const TRAPS: [&str; 24] = [
    "aws",
    "bash",
    "cat",
    "curl",
    "dbus-launch",
    "env",
    "git",
    "glass",
    "gpg",
    "hostname",
    "id",
    "jq",
    "keyctl",
    "less",
    "openssl",
    "perl",
    "python3",
    "secret-tool",
    "ssh",
    "ssh-add",
    "ssh-agent",
    "ssh-keygen",
    "stty",
    "tty",
];

const REASON: &str = "nobody of security answers and orders are being lost";

/// From now on `PATH` leads to nothing but programs that tell that they were run. So does its `sh`, and goes on as one.
fn set_traps(home: &mut Home) {
    let told = home.path("sprung");
    for name in TRAPS.iter().chain(&["sh"]) {
        let script = format!("#!/bin/sh\necho \"{name} $*\" >>'{}'\n", told.display());
        let goes_on = if *name == "sh" { "exec /bin/sh \"$@\"\n" } else { "" };
        let path = home.write(&format!("traps/{name}"), &(script + goes_on));
        fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
    }
    home.set("PATH", home.path("traps").display());
}

/// What was run of it since it was asked last.
fn sprung(home: &Home) -> Vec<String> {
    let text = fs::read_to_string(home.path("sprung")).unwrap_or_default();
    fs::write(home.path("sprung"), "").unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Somebody whom security trusts, with a key file.
fn approver(name: &str) -> Home {
    let home = Home::new();
    home.write(".ssh/.keep", "");
    let words = ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", ".ssh/key"];
    Outcome::of(home.command(tool("ssh-keygen")).args(words), "").exits(0);
    home
}

/// alice's practice, carol who signs with a file, and dave who signs with an agent; a webhook must hear of each intent.
struct Night {
    practice: Practice,
    carol: Home,
    dave: Home,
    _agent: Agent,
    receiver: Receiver,
}

impl Night {
    fn new() -> Night {
        let [mut carol, mut dave] = ["carol", "dave"].map(approver);
        carol.write(".config/glass/identity.toml", "version = 1\nperson = \"carol\"\nsigning_key = \"~/.ssh/key\"\n");
        dave.write(".config/glass/identity.toml", "version = 1\nperson = \"dave\"\n");
        let agent = Agent::start(&mut dave, ".ssh/key");
        let receiver = Receiver::start(&Home::new());
        let person = |name: &str, home: &Home| {
            format!("[people.{name}]\ngroups = [\"security\"]\nkeys = [\"{}\"]\n\n", home.read(".ssh/key.pub").trim())
        };
        let hook = format!(
            "[[hooks]]\nname = \"pager\"\non = [\"request.made\", \"elevate.intent\", \"override.used\"]\n\
             webhook = \"{}/taken\"\nrequired = true\n\n",
            receiver.address
        );
        let people = [hook, person("carol", &carol), person("dave", &dave), "[people.bob]".to_owned()].concat();
        let practice = Practice::new().edited("profiles.toml", "[people.bob]", &people);
        let rule = "approval = { count = 2, from = [\"security\"] }\n\
                    override = { for = [\"alice\"], max_duration = \"15m\" }\nrunbook = \"prod-db.md\"";
        let mut practice = practice.edited("profiles.toml", "runbook = \"prod-db.md\"", rule);
        let secret = practice.file("state/glass/hooks/pager.secret");
        write_secret(&secret);
        [&mut practice.home, &mut carol, &mut dave].into_iter().for_each(set_traps);
        Night { practice, carol, dave, _agent: agent, receiver }
    }

    /// Somebody of security answers what is pasted.
    fn answers(&self, home: &Home, words: &[&str], paste: &str) -> Outcome {
        let catalogue = self.practice.file("profiles.toml");
        let mut glass = home.command(env!("CARGO_BIN_EXE_glass"));
        Outcome::of(glass.args(["--catalogue", &catalogue]).args(words), paste)
    }

    /// Breaks the glass without approvals, and gives the session.
    fn overrides(&self) -> String {
        let words = ["assume", "prod-db-emergency", "--override", "--incident", "INC-4711", "--reason", REASON];
        let more = ["--", "/bin/sh", "-c", "echo in $GLASS_SESSION"];
        let mut terminal = self.practice.home.terminal(env!("CARGO_BIN_EXE_glass"), &[&words[..], &more].concat());
        terminal.expect("Type the profile's name to go on without approvals: ");
        terminal.send("prod-db-emergency\r");
        terminal.expect("in ");
        let session = terminal.expect("\r\n");
        assert_eq!(terminal.wait().0, 0);
        session
    }
}

fn write_secret(path: &str) {
    fs::create_dir_all(std::path::Path::new(path).parent().unwrap()).unwrap();
    fs::write(path, HOOK_SECRET).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

/// T23: the one program of `PATH` is the `sh` with which AWS's SDK runs what a profile has as `credential_process`.
#[test]
fn no_sign_off_runs_a_program_that_is_found_in_path() {
    let night = Night::new();
    let alice = &night.practice.home;
    for (name, home) in [("alice", alice), ("carol", &night.carol), ("dave", &night.dave)] {
        for trap in ["ssh-keygen", "sh"] {
            Outcome::of(home.command(tool("env")).args([trap, "-c", ":"]), "").exits(0);
            assert_eq!(sprung(home), [format!("{trap} -c :")], "{name}'s traps work");
        }
    }
    let ask = [&["request", "prod-db-emergency"], &WORDS[..]].concat();
    let asked = alice.glass(&ask).exits(0).stdout;
    let carols = night.answers(&night.carol, &["approve", "-", "--yes"], &asked).exits(0).stdout;
    let daves = night.answers(&night.dave, &["approve", "-", "--yes"], &asked).exits(0).stdout;
    let file = alice.write("answers.txt", &(carols + &daves));
    let words = ["assume", "prod-db-emergency", "--no-wait", "--approval", file.to_str().unwrap()];
    let used = alice.glass(&[&words[..], &["--", "/bin/echo", "elevated"]].concat()).exits(0);
    assert_eq!(used.stdout, "elevated\n");
    let asked = alice.glass(&ask).exits(0).stdout;
    let no = ["deny", "-", "--yes", "--reason", "not twice in a night"];
    night.answers(&night.dave, &no, &asked).exits(0);
    let session = night.overrides();
    let own = alice.glass(&["review", &session]).exits(3).stdout;
    let closed = night.answers(&night.carol, &["review", "-", "--yes"], &own).exits(0).stdout;
    let mut review = alice.command(env!("CARGO_BIN_EXE_glass"));
    Outcome::of(review.args(["review", "-"]), &closed).exits(0);
    alice.glass(&["hooks", "send"]).exits(0);
    let heard: Vec<_> = (0..6).map(|_| night.receiver.next()["event"].clone()).collect();
    for (event, times) in [("request.made", 3), ("elevate.intent", 2), ("override.used", 1)] {
        assert_eq!(heard.iter().filter(|heard| **heard == event).count(), times, "{event}: {heard:?}");
    }
    assert_eq!((night.practice.told("request.used").len(), night.practice.told("review.closed").len()), (2, 1));
    assert_eq!((sprung(&night.carol), sprung(&night.dave)), (vec![], vec![]));
    let source = format!("sh -c \"{}\" sandbox credentials ", night.practice.file("glass"));
    let run = sprung(alice);
    assert!(!run.is_empty() && run.iter().all(|line| line.starts_with(&source)), "{run:?}");
}
