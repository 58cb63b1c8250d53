//! What a session's child has of the terminal, and what glass shows and carries there meanwhile.

use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::Termios;

use super::foreground::Foreground;
use super::pty::Pty;
use crate::world::keeping::{Keeper, Then};

/// What the child has of the terminal.
pub enum Front {
    /// Nothing but the streams it was given.
    Streams,
    /// The foreground of glass's own.
    Shared {
        /// The terminal.
        shared: Foreground,
        /// While glass's job is stopped: the modes that the child had set.
        stopped: Option<Option<Termios>>,
    },
    /// One of its own.
    Own(Pty),
}

impl Front {
    /// The terminal, to ask it who is in its foreground.
    pub fn terminal(&self) -> Option<OwnedFd> {
        match self {
            Front::Own(pty) => pty.far_side().ok(),
            Front::Shared { .. } => io::stdin().as_fd().try_clone_to_owned().ok(),
            Front::Streams => None,
        }
    }

    /// Whether somebody may sit at a terminal and can be told.
    pub fn is_seen(&self) -> bool {
        match self {
            Front::Own(_) => true,
            Front::Shared { .. } | Front::Streams => io::stderr().is_terminal(),
        }
    }

    /// Shows a line with a bell to whoever sits at the terminal, and to nobody else.
    pub fn tell(&mut self, line: &str) {
        let line = format!("\r\n\x07{line}\r\n");
        let is_seen = self.is_seen();
        match self {
            Front::Own(pty) => pty.show(line.as_bytes()),
            Front::Shared { .. } | Front::Streams if is_seen => {
                // A terminal that takes nothing must not hold up the deadline.
                let stderr = io::stderr();
                let mut ready = [PollFd::new(&stderr, PollFlags::OUT)];
                if poll(&mut ready, Some(&Timespec::default())).is_ok_and(|count| count > 0) {
                    let _ = stderr.lock().write_all(line.as_bytes());
                }
            }
            Front::Shared { .. } | Front::Streams => {}
        }
    }

    /// Tells the keeper what was seen at a terminal of the child's own.
    pub fn listen(&mut self, keeper: &mut dyn Keeper) -> Vec<Then> {
        match self {
            Front::Own(pty) => pty.listen(keeper),
            Front::Shared { .. } | Front::Streams => Vec::new(),
        }
    }

    /// Waits until one of the others has something to say, at most this long, and carries what is typed
    /// and shown meanwhile.
    pub fn wait(&mut self, mut others: Vec<PollFd<'_>>, longest: Duration) {
        match self {
            Front::Own(pty) => pty.carry(others, longest),
            Front::Shared { .. } | Front::Streams => {
                let timeout = Timespec::try_from(longest).unwrap_or_default();
                // Interrupted or not, the caller looks at everything again.
                let _ = poll(&mut others, Some(&timeout));
            }
        }
    }
}
