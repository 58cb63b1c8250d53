//! A person's terminal while a recording is shown on it.
//!
//! Keeps the promise that the terminal is left as a person expects to find it, whatever was shown and
//! whatever ends the showing, and that nothing of it is changed but its picture.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::tcgetwinsize;
use signal_hook::consts::signal::SIGCONT;

use super::keys::Keys;
use super::signals::{self, Held};
use super::watch::Pause;
use crate::model::recording::harmless::Harmless;

/// The key that stops the showing and goes on with it.
const STOP_AND_GO: u8 = b' ';

/// A terminal that shows a recording.
pub struct Viewer {
    /// Absent where nobody can type; then nobody can stop it either.
    keys: Option<Keys>,
    signals: Held,
    picture: Harmless,
    /// When the showing began; later by all the time that it was stopped.
    began: Instant,
    stopped: Option<Instant>,
}

impl Viewer {
    /// Takes the terminal on stdout; the clock of [`Viewer::wait_until`] begins to run.
    ///
    /// # Errors
    /// When signals cannot be held, or the keys of a terminal that is there cannot be taken.
    pub fn begin() -> io::Result<Viewer> {
        let signals = signals::hold()?;
        let keys = Keys::open().ok().map(Keys::with_output_as_it_is);
        keys.as_ref().map_or(Ok(()), Keys::listen)?;
        Ok(Viewer { keys, signals, picture: Harmless::default(), began: Instant::now(), stopped: None })
    }

    /// Shows the next piece of output, as far as it is picture.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn show(&mut self, output: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(self.picture.filter(output).as_bytes())?;
        stdout.flush()
    }

    /// Waits until the showing has gone on for so long.
    pub fn wait_until(&mut self, moment: Duration) -> Pause {
        loop {
            let left = moment.saturating_sub(self.began.elapsed());
            let typed = self.listen(if self.stopped.is_some() { None } else { Some(left) });
            self.signals.drain();
            if self.signals.take_ending().is_some() {
                return Pause::Ended;
            }
            if self.signals.take(SIGCONT) {
                // The shell that had the terminal meanwhile has set modes of its own.
                let _ = self.keys.as_ref().map(Keys::listen);
            }
            if typed && self.take_keys().is_err() {
                return Pause::Ended;
            }
            if self.stopped.is_none() && self.began.elapsed() >= moment {
                return Pause::Over;
            }
        }
    }

    /// Waits for a key, a signal, or so long; the answer is whether there is a key.
    fn listen(&self, length: Option<Duration>) -> bool {
        let mut ready = vec![PollFd::from_borrowed_fd(self.signals.wake(), PollFlags::IN)];
        ready.extend(self.keys.as_ref().map(|keys| PollFd::new(keys.tty(), PollFlags::IN)));
        let timeout = length.and_then(|length| Timespec::try_from(length).ok());
        // Interrupted or not, both the signals and the clock are looked at.
        let _ = poll(&mut ready, timeout.as_ref());
        ready.get(1).is_some_and(|keys| !keys.revents().is_empty())
    }

    /// # Errors
    /// When nobody will type any more.
    fn take_keys(&mut self) -> io::Result<()> {
        let Some(keys) = &self.keys else { return Ok(()) };
        let mut bytes = [0; 256];
        let count = keys.tty().read(&mut bytes)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for _ in bytes[..count].iter().filter(|byte| **byte == STOP_AND_GO) {
            match self.stopped.take() {
                Some(since) => self.began += since.elapsed(),
                None => self.stopped = Some(Instant::now()),
            }
        }
        Ok(())
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let mut stdout = io::stdout().lock();
        // The terminal may be gone; then there is nothing to put right.
        let _ = stdout.write_all(self.picture.put_right().as_bytes()).and_then(|()| stdout.flush());
    }
}

/// The columns and rows of the terminal on stdout, if it is one that knows.
pub fn size() -> Option<(u16, u16)> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}
