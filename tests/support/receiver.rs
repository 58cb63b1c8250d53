//! A receiver of webhooks on loopback, in another language, which misbehaves on request.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver as Lines};
use std::thread;

use serde_json::Value;

use super::servers::Server;
use super::{DEADLINE, Home, python};

/// What the receiver and glass both know.
pub const HOOK_SECRET: &str = "whsec_0123456789abcdef";

/// A receiver, killed on drop; see `receiver.py` for its manners.
pub struct Receiver {
    /// Where it listens, e.g. `http://127.0.0.1:40123`.
    pub address: String,
    lines: Lines<Value>,
    _server: Server,
}

impl Receiver {
    /// Starts one, and waits until it listens.
    pub fn start(home: &Home) -> Receiver {
        Receiver::start_with(home, &[])
    }

    /// The same behind TLS: the files of a certificate and its key.
    pub fn start_with(home: &Home, certificate: &[&str]) -> Receiver {
        let of = |path: &str| format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
        let mut command = home.command(python("python"));
        command.args([of("tests/support/receiver.py"), of("docs/examples/hooks/receiver.py")]).arg(HOOK_SECRET);
        command.args(certificate).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child: Child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (tell, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // The test may be over.
                let _ = tell.send(serde_json::from_str(&line).unwrap());
            }
        });
        let server = Server(child);
        let ready: Value = lines.recv_timeout(DEADLINE).unwrap();
        Receiver { address: ready["address"].as_str().unwrap().to_owned(), lines, _server: server }
    }

    /// The next request, which must be genuine.
    #[track_caller]
    pub fn next(&self) -> Value {
        let request = self.lines.recv_timeout(DEADLINE).expect("somebody posts something");
        assert_eq!((&request["genuine"], &request["forged"]), (&true.into(), &false.into()), "{request}");
        assert_eq!(request["type"], "application/json");
        assert!(request["id"].is_string(), "{request}");
        request
    }

    /// Whether nothing more has come by now.
    pub fn is_idle(&self) -> bool {
        self.lines.try_recv().is_err()
    }
}
