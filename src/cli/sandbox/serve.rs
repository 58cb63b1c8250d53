//! `glass sandbox serve`: the practice AWS for tests and other tools.

use std::io::{self, Read};

use rustix::event::{PollFd, PollFlags, poll};

use super::practice::Practice;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::host::signals;

/// Prints where everything is, in one line of JSON, and serves until SIGTERM or the end of stdin.
pub fn run(practice: &Practice) -> Result<Exit, Failure> {
    let signals =
        signals::hold().map_err(|error| Failure::new(Exit::Failed, "signals cannot be awaited").caused_by(&error))?;
    let environment: serde_json::Map<_, _> =
        practice.environment().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    out::print_json(&serde_json::json!({
        "endpoint": practice.running.endpoint(),
        "catalogue": practice.file("profiles.toml"),
        "identity": practice.file("identity.toml"),
        "unattended_identity": practice.file("unattended.toml"),
        "env": environment,
    }))?;
    let mut stdin = io::stdin().lock();
    loop {
        let ready = {
            let mut events =
                [PollFd::new(&stdin, PollFlags::IN), PollFd::from_borrowed_fd(signals.wake(), PollFlags::IN)];
            // Interrupted or not, both are looked at.
            let _ = poll(&mut events, None);
            !events[0].revents().is_empty()
        };
        signals.drain();
        let ended = ready && matches!(stdin.read(&mut [0; 4096]), Ok(0) | Err(_));
        if ended || signals.take_ending().is_some() {
            return Ok(Exit::Done);
        }
    }
}
