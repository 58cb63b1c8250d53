//! Stand-ins for AWS on loopback: moto, and the practice AWS that is part of glass; and OpenSSH's agent.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;

use rustix::process::{Pid, Signal, kill_process_group};

use super::{DEADLINE, Home, Outcome, python, tool};

/// A `moto_server`, killed on drop.
pub struct Moto {
    _server: Server,
    /// Where it listens, e.g. `http://127.0.0.1:40123`.
    pub endpoint: String,
}

impl Moto {
    /// Starts moto on a free port, and waits until it says where it listens.
    pub fn start(home: &Home) -> Moto {
        Moto::start_with(home, &[])
    }

    /// The same with more arguments, such as a certificate to serve TLS with.
    pub fn start_with(home: &Home, args: &[&str]) -> Moto {
        let mut command = home.command(python("moto_server"));
        command.args(["-H", "127.0.0.1", "-p", "0"]).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let server = Server(child);
        let line = first_line(stderr, "Running on http");
        let endpoint = line.split_whitespace().find(|word| word.starts_with("http")).unwrap().to_owned();
        Moto { _server: server, endpoint }
    }
}

/// A `glass sandbox serve`, killed on drop.
pub struct Sandbox {
    _server: Server,
    /// Where it listens.
    pub endpoint: String,
    /// Its catalogue's path.
    pub catalogue: String,
    /// Its identity file's path.
    pub identity: String,
    /// What glass and the AWS CLI need in their environment to use it.
    pub env: Vec<(String, String)>,
}

impl Sandbox {
    /// Starts the practice AWS, waits until it is ready, and points this home at it.
    pub fn start(home: &mut Home) -> Sandbox {
        let mut command = home.command(env!("CARGO_BIN_EXE_glass"));
        // Its standard input stays open as long as it shall serve.
        command.args(["sandbox", "serve"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let server = Server(child);
        let ready: serde_json::Value = serde_json::from_str(&first_line(stdout, "{")).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let env = ready["env"].as_object().unwrap();
        let env: Vec<_> = env.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        for (name, value) in &env {
            home.set(name, value);
        }
        Sandbox {
            _server: server,
            endpoint: text(&ready["endpoint"]),
            catalogue: text(&ready["catalogue"]),
            identity: text(&ready["identity"]),
            env,
        }
    }
}

/// An `ssh-agent` that holds somebody's keys, killed on drop.
pub struct Agent {
    _server: Server,
}

impl Agent {
    /// Starts an agent for a home, waits until it listens, and gives it a key without a passphrase.
    pub fn start(home: &mut Home, key: &str) -> Agent {
        let socket = home.path("run/agent");
        let mut command = home.command(tool("ssh-agent"));
        command.arg("-D").arg("-a").arg(&socket).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let server = Server(child);
        first_line(stdout, "SSH_AUTH_SOCK");
        home.set("SSH_AUTH_SOCK", socket.display());
        Outcome::of(home.command(tool("ssh-add")).args(["-q", key]), "").exits(0);
        Agent { _server: server }
    }
}

/// A process that leads a session of its own, killed with it.
pub(super) struct Server(pub(super) Child);

impl Drop for Server {
    fn drop(&mut self) {
        // Gone in the meantime is as good.
        let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        let _ = self.0.wait();
    }
}

/// Waits for a line with this text; what comes after it is read and dropped, so that the server never blocks.
pub(super) fn first_line(pipe: impl Read + Send + 'static, text: &'static str) -> String {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if line.contains(text) {
                // The test that waited may have given up.
                let _ = sender.send(line);
            }
        }
    });
    receiver.recv_timeout(DEADLINE).unwrap_or_else(|error| panic!("the server did not say `{text}`: {error}"))
}
