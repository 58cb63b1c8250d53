//! Waiting for more to tell, as long as somebody listens.

use std::io;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::signals::{self, Held};

/// Waits that end early when the reader of stdout goes away or a signal asks to end.
pub struct Watch {
    signals: Held,
}

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// The time is over.
    Over,
    /// Nobody wants to hear more.
    Ended,
}

impl Watch {
    /// Begins to hold signals back.
    ///
    /// # Errors
    /// When handlers cannot be installed.
    pub fn start() -> io::Result<Watch> {
        Ok(Watch { signals: signals::hold()? })
    }

    /// Waits.
    pub fn pause(&self, length: Duration) -> Pause {
        let stdout = io::stdout();
        let mut watched = [
            PollFd::from_borrowed_fd(self.signals.wake(), PollFlags::IN),
            // Nothing is asked for: that the other end is closed is told all the same.
            PollFd::new(&stdout, PollFlags::empty()),
        ];
        let timeout = Timespec::try_from(length).ok();
        let closed = poll(&mut watched, timeout.as_ref()).is_ok() && !watched[1].revents().is_empty();
        self.signals.drain();
        if closed || self.signals.take_ending().is_some() { Pause::Ended } else { Pause::Over }
    }
}
