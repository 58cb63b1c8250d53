//! The night as its people live it: each at a terminal of their own, with a key and a home of their own, sharing
//! nothing but a folder, a bucket, or what is copied off one screen and pasted into another.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use glass::model::sign_off::block;
use glass::model::sign_off::sheet::Sheet;

use crate::support::{Agent, Fate, Home, Moto, Outcome, Proxy, Pty, Sandbox, Screen, python, tool};

mod journeys;
mod refused;
mod screens;

/// What Bob's key file is locked with.
const PASSPHRASE: &str = "open sesame";

/// What the people share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Channel {
    Folder,
    Bucket,
    Paste,
}

/// Somebody at a terminal, with a shell.
struct Person {
    name: &'static str,
    home: Home,
    columns: u16,
    terminal: Pty,
}

impl Person {
    /// Sits down at a shell.
    fn new(name: &'static str, mut home: Home, columns: u16) -> Person {
        fs::create_dir(home.path("bin")).unwrap();
        symlink(env!("CARGO_BIN_EXE_glass"), home.path("bin/glass")).unwrap();
        symlink(python("aws"), home.path("bin/aws")).unwrap();
        let path = format!("{}:/usr/bin:/bin", home.path("bin").display());
        home.set("PATH", path).set("PS1", format!("{name}$ "));
        let terminal = home.terminal("/bin/sh", &[]);
        terminal.resize(24, columns);
        let mut person = Person { name, home, columns, terminal };
        person.terminal.expect("$ ");
        person
    }

    /// Types a line.
    fn types(&mut self, line: &str) {
        self.terminal.send(&format!("{line}\r"));
    }

    /// Waits until this appears.
    #[track_caller]
    fn sees(&mut self, text: &str) -> String {
        self.terminal.expect(text)
    }

    /// Waits for the shell to ask for the next command, and finds how the last one ended.
    #[track_caller]
    fn is_back(&mut self, code: i32) {
        self.sees(&format!("{}$ ", self.name));
        self.types("echo ended $?");
        self.sees(&format!("\nended {code}\r\n{}$ ", self.name));
    }

    /// Types the passphrase of a key file, if that is where the key is.
    fn unlocks(&mut self) {
        if self.name == "bob" {
            self.sees("Passphrase of ");
            self.sees(": ");
            self.types(PASSPHRASE);
        }
    }

    /// What the screen shows, with what has scrolled away.
    fn screen(&self) -> Screen {
        Screen::of(&self.terminal.text(), self.columns)
    }

    /// Marks the last request or answer on the screen with the mouse, and copies it as it stands there, row by row.
    fn copies(&self, kind: &str) -> String {
        let screen = self.screen().all();
        let from = screen.rfind(&format!("-----BEGIN GLASS {kind}-----")).unwrap();
        let end = from + screen[from..].rfind("-----END GLASS ").unwrap();
        screen[from..end + screen[end..].find('\n').unwrap() + 1].to_owned()
    }

    /// Pastes what was copied; a terminal sends its line ends as the return key.
    fn pastes(&mut self, text: &str) {
        self.terminal.send(&text.replace('\n', "\r"));
    }
}

/// What Alice waits for: its id, and the block as it is copied off her screen.
struct Request {
    id: String,
    block: String,
}

/// Alice, who is on call, and those whose approvals she needs: all of them.
struct Team {
    alice: Person,
    approvers: Vec<Person>,
    sandbox: Sandbox,
    /// What lives as long as they need it: an agent, a bucket, the way to it.
    _beside: (Option<Agent>, Option<(Moto, Proxy)>),
}

impl Team {
    /// Two or three people at terminals of so many columns.
    fn new(channel: Channel, people: usize, columns: u16) -> Team {
        let mut alice = Home::new();
        let sandbox = Sandbox::start(&mut alice);
        let names = &["bob", "carol"][..people - 1];
        let mut homes: Vec<Home> = names.iter().map(|_| Home::new()).collect();
        make_key(&homes[0], "ed25519", PASSPHRASE);
        homes[0].write(".config/glass/identity.toml", &identity("bob", "signing_key = \"~/.ssh/key\"\n"));
        let agent = homes.get_mut(1).map(|carol| {
            make_key(carol, "ecdsa", "");
            carol.write(".config/glass/identity.toml", &identity("carol", ""));
            Agent::start(carol, ".ssh/key")
        });
        let mut catalogue = fs::read_to_string(&sandbox.catalogue).unwrap() + "\n[approvals]\n";
        let bucket = match channel {
            Channel::Folder => {
                fs::create_dir(alice.path("share")).unwrap();
                catalogue += &format!("store = \"{}\"\n", alice.path("share").display());
                None
            }
            Channel::Bucket => {
                let bucket = make_bucket(&alice, &sandbox);
                catalogue = catalogue.replace(&sandbox.endpoint, &bucket.1.endpoint);
                catalogue += "store = \"s3://acme-sign-off/glass\"\nregion = \"eu-west-1\"\n";
                Some(bucket)
            }
            Channel::Paste => None,
        };
        let mut leads = String::new();
        for (number, (name, home)) in names.iter().zip(&homes).enumerate() {
            let key = home.read(".ssh/key.pub");
            leads += &format!(
                "[people.{name}]\ngroups = [\"leads\"]\ncontact = \"+44 20 7946 000{number}\"\nkeys = [\"{}\"]\n\n",
                key.trim()
            );
        }
        let from = catalogue.find("[people.bob]").unwrap();
        let until = catalogue.find("[profiles.").unwrap();
        catalogue.replace_range(from..until, &leads);
        catalogue = catalogue.replace("[\"network\"]", "[\"leads\"]").replace("\"network\"", "\"leads\"");
        let rule = format!("runbook = \"prod-db.md\"\napproval = {{ count = {}, from = [\"leads\"] }}", names.len());
        catalogue = catalogue.replace("runbook = \"prod-db.md\"", &rule);
        catalogue = catalogue.replace("[people.alice]", "[people.alice]\ncontact = \"+44 20 7946 0009\"");
        let approvers = names.iter().zip(homes).map(|(name, home)| Person::new(name, home, columns)).collect();
        let alice = Person::new("alice", alice, columns);
        let team = Team { alice, approvers, sandbox, _beside: (agent, bucket) };
        team.agree_on(&catalogue);
        team
    }

    /// The catalogue that they have agreed on.
    fn catalogue(&self) -> String {
        fs::read_to_string(&self.sandbox.catalogue).unwrap()
    }

    /// Gives everybody this catalogue.
    fn agree_on(&self, catalogue: &str) {
        self.give_catalogue(&self.alice, catalogue);
        self.approvers.iter().for_each(|person| self.give_catalogue(person, catalogue));
    }

    /// Alice types the one command, and says why.
    fn asks(&mut self) -> Request {
        self.alice.types("glass assume prod-db-emergency");
        self.says_why()
    }

    /// Alice answers what she is asked.
    fn answers(&mut self) {
        self.alice.sees("Incident: ");
        self.alice.types("INC-4711");
        self.alice.sees("Reason: ");
        self.alice.types("orders database lost its writer");
    }

    /// Alice answers what she is asked, and is told whom to ring.
    fn says_why(&mut self) -> Request {
        self.answers();
        self.alice.sees("`glass approve ");
        let id = self.alice.sees("`");
        for person in &self.approvers {
            self.alice.sees(&format!("{} (+44 20 7946 000", person.name));
        }
        self.alice.sees("\n");
        Request { id, block: self.alice.copies("REQUEST") }
    }

    /// Somebody looks at the request, says yes, and copies what they are to send back.
    fn approves(&mut self, number: usize, channel: Channel, request: &Request) -> String {
        self.reads(number, channel, request);
        let block = self.says_yes(number);
        self.approvers[number].is_back(0);
        block
    }

    /// Somebody looks at the request, and is asked.
    fn reads(&mut self, number: usize, channel: Channel, request: &Request) {
        let person = &mut self.approvers[number];
        match channel {
            Channel::Paste => {
                person.types("glass approve -");
                person.sees("Paste the block");
                person.sees("\n");
                person.pastes(&request.block);
            }
            Channel::Folder | Channel::Bucket => person.types(&format!("glass approve {}", request.id)),
        }
        person.sees("Approve prod-db-emergency for alice? [y/N]: ");
    }

    /// Somebody says yes, and copies what they are to send back.
    fn says_yes(&mut self, number: usize) -> String {
        let person = &mut self.approvers[number];
        person.types("y");
        person.unlocks();
        person.sees("-----END GLASS APPROVAL-----\r\n");
        person.copies("APPROVAL")
    }

    /// Alice's terminal has gone on by itself; she types the code, and is in her shell.
    fn goes_on(&mut self) {
        self.alice.sees("MFA code of ");
        self.alice.sees(": ");
        let code = self.code();
        self.alice.types(&code);
        self.alice.sees(" min, until ");
        self.alice.sees("alice$ ");
    }

    /// Alice leaves the session's shell for her own.
    fn leaves(&mut self) {
        self.alice.types("exit");
        self.alice.is_back(0);
    }

    /// Gives somebody this catalogue, with the files that it names.
    fn give_catalogue(&self, person: &Person, catalogue: &str) {
        if person.name == "alice" {
            return fs::write(&self.sandbox.catalogue, catalogue).unwrap();
        }
        person.home.write(".config/glass/profiles.toml", catalogue);
        for file in ["orders-db.json", "prod-db.md"] {
            let text = fs::read_to_string(Path::new(&self.sandbox.catalogue).with_file_name(file)).unwrap();
            person.home.write(&format!(".config/glass/{file}"), &text);
        }
    }

    /// The folder in which somebody's ledger and requests are.
    fn state(&self, person: &Person) -> PathBuf {
        match person.name {
            "alice" => Path::new(&self.sandbox.catalogue).with_file_name("state/glass"),
            _ => person.home.path(".local/state/glass"),
        }
    }

    /// The code that Alice's phone shows.
    fn code(&self) -> String {
        self.alice.home.glass(&["sandbox", "code"]).exits(0).stdout.trim().to_owned()
    }
}

/// The request that was shown as a block.
fn sheet_in(block: &str) -> Sheet {
    let blocks = block::read(block).unwrap();
    Sheet::parse(&blocks[0].1).unwrap()
}

/// An identity file; the daily credentials are for the bucket alone.
fn identity(person: &str, more: &str) -> String {
    format!("version = 1\nperson = \"{person}\"\nsource = {{ profile = \"daily\" }}\n{more}")
}

fn make_key(home: &Home, kind: &str, passphrase: &str) {
    home.write(".ssh/.keep", "");
    let words = ["-q", "-t", kind, "-a", "1", "-N", passphrase, "-C", "", "-f", ".ssh/key"];
    Outcome::of(home.command(tool("ssh-keygen")).args(words), "").exits(0);
    let key = r#"{"Version":1,"AccessKeyId":"AKIAEXAMPLEEXAMPLE00","SecretAccessKey":"anything"}"#;
    let key = home.write("key.json", key);
    home.write(".aws/config", &format!("[profile daily]\ncredential_process = cat {}\n", key.display()));
}

/// A bucket, and one address at which it and the practice AWS are.
fn make_bucket(alice: &Home, sandbox: &Sandbox) -> (Moto, Proxy) {
    let moto = Moto::start(alice);
    let region = "LocationConstraint=eu-west-1";
    let words = ["s3api", "create-bucket", "--bucket", "acme-sign-off", "--create-bucket-configuration", region];
    let mut aws = alice.command(python("aws"));
    aws.env("AWS_ACCESS_KEY_ID", "anybody").env("AWS_SECRET_ACCESS_KEY", "anything").env_remove("AWS_PROFILE");
    Outcome::of(aws.args(["--endpoint-url", &moto.endpoint]).args(words), "").exits(0);
    let bucket = moto.endpoint.clone();
    let is_bucket = |request: &str| request.split(' ').nth(1).is_some_and(|path| path.starts_with("/acme-sign-off"));
    let proxy =
        Proxy::start(
            &sandbox.endpoint,
            move |request| {
                if is_bucket(request) { Fate::PassTo(bucket.clone()) } else { Fate::Pass }
            },
        );
    (moto, proxy)
}
