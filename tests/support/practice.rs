//! A night on call: Alice, her phone, her catalogue, on a practice AWS of her own.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Home, Outcome, Proxy, Pty, Sandbox, python};

/// What the AWS hook holds would outlive its test.
impl Drop for Practice {
    fn drop(&mut self) {
        glass::host::live::end_all(&self.folder.join("state/glass"));
    }
}

/// What every elevation says in these tests.
pub const WORDS: [&str; 4] = ["--incident", "INC-4711", "--reason", "orders database lost its writer"];

/// A home in which glass works against the practice AWS; the code comes from a program.
pub struct Practice {
    pub home: Home,
    pub sandbox: Sandbox,
    folder: PathBuf,
}

impl Practice {
    /// Starts a practice AWS and points a new home at it.
    pub fn new() -> Practice {
        let mut home = Home::new();
        let sandbox = Sandbox::start(&mut home);
        let folder = Path::new(&sandbox.catalogue).parent().unwrap().to_owned();
        let practice = Practice { home, sandbox, folder };
        let identity = practice.file("unattended.toml");
        practice.with("GLASS_IDENTITY", identity)
    }

    /// The same practice with the code asked on the terminal.
    pub fn asking(self) -> Practice {
        let identity = self.file("identity.toml");
        self.with("GLASS_IDENTITY", identity)
    }

    /// The same practice with a variable set.
    pub fn with(mut self, name: &str, value: impl std::fmt::Display) -> Practice {
        self.home.set(name, value);
        self
    }

    /// The same practice with another text in one of its files, in place of one that is there once.
    #[track_caller]
    pub fn edited(self, name: &str, from: &str, to: &str) -> Practice {
        let path = self.file(name);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(from).count(), 1, "`{from}` is to be once in {name}:\n{text}");
        fs::write(path, text.replace(from, to)).unwrap();
        self
    }

    /// The same practice with its AWS behind a proxy.
    #[track_caller]
    pub fn behind(self, proxy: &Proxy) -> Practice {
        self.reached_at(&proxy.endpoint)
    }

    /// The same practice with its AWS at another address.
    #[track_caller]
    pub fn reached_at(self, endpoint: &str) -> Practice {
        let known = self.sandbox.endpoint.clone();
        self.edited("profiles.toml", &known, endpoint)
    }

    /// The same practice with an emergency level that does not demand a recording.
    pub fn unrecorded(self) -> Practice {
        self.edited("profiles.toml", "[levels.emergency]", "[levels.emergency]\nrecording = false")
    }

    /// The path of one of the practice's files.
    pub fn file(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    /// The words of `glass assume prod-db-emergency` and whatever comes after.
    pub fn words<'a>(&self, more: &[&'a str]) -> Vec<&'a str> {
        ["assume", "prod-db-emergency"].iter().chain(&WORDS).chain(more).copied().collect()
    }

    /// Runs `glass assume prod-db-emergency` with these words after it.
    pub fn assume(&self, more: &[&str]) -> Outcome {
        self.home.glass(&self.words(more))
    }

    /// Starts `glass assume prod-db-emergency` on a terminal.
    pub fn assume_on_terminal(&self, more: &[&str]) -> Pty {
        self.home.terminal(env!("CARGO_BIN_EXE_glass"), &self.words(more))
    }

    /// The code that Alice's phone shows now.
    pub fn code(&self) -> String {
        self.home.glass(&["sandbox", "code"]).exits(0).stdout.trim().to_owned()
    }

    /// The AWS CLI as one of the practice's people, e.g. `practice-daily`.
    pub fn aws(&self, profile: &str, args: &[&str]) -> Outcome {
        let mut command = self.home.command(python("aws"));
        Outcome::of(command.env("AWS_PROFILE", profile).args(args), "")
    }

    /// The folder of the ledger.
    pub fn ledger(&self) -> PathBuf {
        self.folder.join("state/glass/ledger")
    }

    /// Every entry of the ledger.
    pub fn entries(&self) -> Vec<Value> {
        let mut segments: Vec<_> = fs::read_dir(self.ledger()).unwrap().map(|entry| entry.unwrap().path()).collect();
        segments.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        segments.sort();
        let text: String = segments.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        // A line that is just being written is none yet.
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Every session that has ended is signed for: a checkpoint of it has the entry that says so.
    #[track_caller]
    pub fn ends_are_signed(&self) {
        let entries = self.entries();
        for end in entries.iter().filter(|entry| entry["ev"] == "session.end") {
            let has_it =
                |one: &&Value| one["session"] == end["session"] && one["d"]["size"].as_u64() > end["seq"].as_u64();
            let mut signed = entries.iter().filter(|entry| entry["ev"] == "ledger.checkpoint").filter(has_it);
            assert!(signed.next().is_some(), "{end} is not signed: {entries:?}");
        }
    }

    /// What the entries of one event say, in their order.
    pub fn told(&self, event: &str) -> Vec<Value> {
        self.entries().into_iter().filter(|entry| entry["ev"] == event).map(|entry| entry["d"].clone()).collect()
    }
}
