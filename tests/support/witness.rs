//! Witnesses on loopback: a strict one of the tests' own, which misbehaves on request, and one of others.

use std::process::Stdio;

use serde_json::Value;

use super::servers::{Server, first_line};
use super::{Home, Outcome, python};

/// A witness, killed on drop.
pub struct Witness {
    _server: Server,
    /// Where it listens, e.g. `http://127.0.0.1:40123`.
    pub address: String,
    /// The key that it cosigns with.
    pub key: String,
}

impl Witness {
    /// Starts the one of the tests' own, which trusts these keys of logs; see `witness.py` for its manners.
    pub fn start(home: &Home, log_keys: &[String]) -> Witness {
        let mut command = home.command(python("python"));
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/witness.py")).args(log_keys);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let server = Server(child);
        let ready: Value = serde_json::from_str(&first_line(stdout, "{")).unwrap();
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Witness { _server: server, address: text("address"), key: text("key") }
    }

    /// Starts the one of others, which trusts this key of a log.
    pub fn of_others(home: &Home, origin: &str, log_key: &str) -> Witness {
        let config = home.path("witness.json").display().to_string();
        let command = |words: &[&str]| {
            let mut command = home.command(python("aics-witness"));
            command.args(words).args(["--config", &config]);
            command
        };
        let made = Outcome::of(&mut command(&["init", "--name", "others.example/1", "--listen", "127.0.0.1:0"]), "");
        let key = made.exits(0).stdout.trim().to_owned();
        Outcome::of(&mut command(&["add-log", "--origin", origin, "--vkey", log_key]), "").exits(0);
        let mut serve = command(&["serve"]);
        let mut child = serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let server = Server(child);
        let line = first_line(stderr, "listening on http");
        let address = line.split_whitespace().find(|word| word.starts_with("http")).unwrap().to_owned();
        Witness { _server: server, address, key }
    }
}
