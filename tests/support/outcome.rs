//! What became of a program: its exit code and all that it said.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::DEADLINE;

/// The end of a program that ran without a terminal.
#[derive(Debug)]
pub struct Outcome {
    /// Exit code, or 128 + the signal that killed it.
    pub code: i32,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

impl Outcome {
    /// Runs a command to its end with this text on its standard input.
    pub fn of(command: &mut Command, stdin: &str) -> Outcome {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let mut input = child.stdin.take().unwrap();
        let text = stdin.to_owned();
        // A program that reads none of it closes the pipe: no failure of the test.
        thread::spawn(move || drop(input.write_all(text.as_bytes())));
        let stdout = collect(child.stdout.take().unwrap());
        let stderr = collect(child.stderr.take().unwrap());
        if !ends_within(&child, DEADLINE) {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{command:?} did not end within {DEADLINE:?}");
        }
        let code = code_of(child.wait().unwrap());
        Outcome { code, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
    }

    /// Checks the exit code, and shows everything if it is another.
    #[track_caller]
    pub fn exits(self, code: i32) -> Outcome {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The standard output as one JSON value.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {:?}", self.stdout))
    }
}

/// Waits for a child's end without reaping it; false when the time is up first.
pub fn ends_within(child: &Child, limit: Duration) -> bool {
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty()).unwrap();
    let limit = Timespec { tv_sec: i64::try_from(limit.as_secs()).unwrap(), tv_nsec: limit.subsec_nanos().into() };
    retry_on_intr(|| poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&limit))).unwrap() == 1
}

/// The exit code as a shell tells it.
pub fn code_of(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap())
}

fn collect(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
