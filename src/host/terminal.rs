//! The person: questions on `/dev/tty`, talk on stderr.
//!
//! Keeps the promise that a terminal is left as it was found, whatever ends a question.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::termios::{QueueSelector, tcflush, tcgetwinsize};
use signal_hook::consts::signal::SIGCONT;

use super::keys::Keys;
use super::signals::{self, Held};
use crate::model::secret::Secret;
use crate::world::machine::{AskError, Terminal};

/// The longest answer to a question, in bytes.
const LONGEST_ANSWER: usize = 4096;

/// How long nothing comes of a paste when it is over.
const QUIET: Duration = Duration::from_millis(300);

/// The longest that a paste may go on which nobody reads.
const LONGEST_PASTE: Duration = Duration::from_secs(5);

/// The terminal that controls this process.
pub struct HostTerminal;

impl Terminal for HostTerminal {
    fn is_there(&self) -> bool {
        open().is_ok()
    }

    fn size(&self) -> Option<(u16, u16)> {
        let size = tcgetwinsize(open().ok()?).ok()?;
        (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
    }

    fn ask(&self, question: &str) -> Result<String, AskError> {
        let answer = Question::open()?.put(question, Echo::Letters)?;
        Ok(answer.expose().to_owned())
    }

    fn ask_secret(&self, question: &str) -> Result<Secret, AskError> {
        Question::open()?.put(question, Echo::Stars)
    }

    fn hear(&self, longest: Duration) -> Result<Option<String>, AskError> {
        let signals = hold()?;
        // Who holds them too may have been told to end before; then the terminal may be gone.
        if signals.take_ending().is_some() {
            return Err(AskError::Interrupted);
        }
        let mut tty = open().map_err(|_| AskError::NoTerminal)?;
        let typed = {
            let wake = PollFd::from_borrowed_fd(signals.wake(), PollFlags::IN);
            let mut ready = [PollFd::new(&tty, PollFlags::IN), wake];
            // Interrupted or not, both the signals and what was typed are looked at.
            let _ = poll(&mut ready, Timespec::try_from(longest).ok().as_ref());
            !ready[0].revents().is_empty()
        };
        signals.drain();
        if signals.take_ending().is_some() {
            return Err(AskError::Interrupted);
        }
        if !typed {
            return Ok(None);
        }
        let mut bytes = [0; LONGEST_ANSWER];
        match tty.read(&mut bytes).map_err(AskError::Failed)? {
            0 => Err(AskError::Closed),
            count => Ok(Some(String::from_utf8_lossy(&bytes[..count]).into_owned())),
        }
    }

    fn forget_unread(&self) {
        if let Ok(tty) = open() {
            forget_unread(&tty);
        }
    }

    fn say(&self, line: &str) {
        // Nobody may be listening; what matters is in the ledger and the exit code.
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    fn count_down(&self, what: &str, length: Duration) -> Result<(), AskError> {
        let mut screen = io::stderr().lock();
        if screen.is_terminal() {
            return count_down_on(screen, what, length);
        }
        let _ = writeln!(screen, "{what} ({} s)", seconds_of(length));
        pause(&hold()?, length)
    }
}

/// The same for the AWS hook. Its stderr is read by the SDK, so talk goes to the terminal too.
pub struct HookTerminal;

impl Terminal for HookTerminal {
    fn is_there(&self) -> bool {
        HostTerminal.is_there()
    }

    fn size(&self) -> Option<(u16, u16)> {
        HostTerminal.size()
    }

    fn ask(&self, question: &str) -> Result<String, AskError> {
        HostTerminal.ask(question)
    }

    fn ask_secret(&self, question: &str) -> Result<Secret, AskError> {
        HostTerminal.ask_secret(question)
    }

    fn hear(&self, longest: Duration) -> Result<Option<String>, AskError> {
        HostTerminal.hear(longest)
    }

    fn forget_unread(&self) {
        HostTerminal.forget_unread();
    }

    fn say(&self, line: &str) {
        if let Ok(mut tty) = open() {
            // As above.
            let _ = writeln!(tty, "{line}");
        }
    }

    fn count_down(&self, what: &str, length: Duration) -> Result<(), AskError> {
        match open() {
            Ok(tty) => count_down_on(tty, what, length),
            Err(_) => pause(&hold()?, length),
        }
    }
}

fn count_down_on(mut screen: impl Write, what: &str, length: Duration) -> Result<(), AskError> {
    let signals = hold()?;
    let mut seconds = (1..=seconds_of(length)).rev();
    let over = seconds.try_for_each(|seconds| {
        let _ = write!(screen, "\r\x1b[K{what} ({seconds} s)");
        pause(&signals, Duration::from_secs(1))
    });
    let _ = write!(screen, "\r\x1b[K");
    over
}

/// Whether nothing more comes of what was pasted: programs write that in pieces.
pub(super) fn is_quiet(tty: impl AsFd) -> bool {
    let timeout = Timespec::try_from(QUIET).ok();
    retry_on_intr(|| poll(&mut [PollFd::new(&tty, PollFlags::IN)], timeout.as_ref())).is_ok_and(|ready| ready == 0)
}

/// Throws away what was typed or pasted and not read, as long as it goes on coming.
pub(super) fn forget_unread(tty: impl AsFd) {
    let until = Instant::now() + LONGEST_PASTE;
    let mut is_over = false;
    while !is_over {
        is_over = is_quiet(&tty) || Instant::now() > until;
        // A line that is not finished is not told of, and goes too.
        let _ = tcflush(&tty, QueueSelector::IFlush);
    }
}

fn hold() -> Result<Held, AskError> {
    signals::hold().map_err(AskError::Failed)
}

/// Waits, unless a signal asks glass to end.
fn pause(signals: &Held, length: Duration) -> Result<(), AskError> {
    let until = Instant::now() + length;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        let timeout = Timespec::try_from(left).ok();
        // Interrupted or not, both the signals and the clock are looked at.
        let _ = poll(&mut [PollFd::from_borrowed_fd(signals.wake(), PollFlags::IN)], timeout.as_ref());
        signals.drain();
        if signals.take_ending().is_some() {
            return Err(AskError::Interrupted);
        }
    }
}

/// A length in seconds, no less than it is.
fn seconds_of(length: Duration) -> u128 {
    length.as_millis().div_ceil(1000)
}

/// The terminal that controls this process.
pub(super) fn open() -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOCTTY.bits();
    OpenOptions::new().read(true).write(true).custom_flags(flags.cast_signed()).open("/dev/tty")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Echo {
    Letters,
    Stars,
}

/// An open question: the terminal takes single characters until this is dropped.
struct Question {
    keys: Keys,
    signals: Held,
}

impl Question {
    fn open() -> Result<Question, AskError> {
        let keys = Keys::open().map_err(|_| AskError::NoTerminal)?;
        let signals = hold()?;
        let question = Question { keys, signals };
        question.listen()?;
        Ok(question)
    }

    fn listen(&self) -> Result<(), AskError> {
        self.keys.listen().map_err(AskError::Failed)
    }

    fn tty(&self) -> &File {
        self.keys.tty()
    }

    fn put(&self, question: &str, echo: Echo) -> Result<Secret, AskError> {
        self.show(question)?;
        // Never grows, so no copy of a secret is left behind in freed memory.
        let mut answer = Line { bytes: zeroize::Zeroizing::new(Vec::with_capacity(LONGEST_ANSWER)), echo };
        loop {
            self.wait_for_input(question, &answer)?;
            let mut bytes = zeroize::Zeroizing::new([0u8; 256]);
            let count = self.tty().read(&mut bytes[..]).map_err(AskError::Failed)?;
            if count == 0 {
                return Err(AskError::Closed);
            }
            for byte in &bytes[..count] {
                match answer.take(*byte, self.tty()).map_err(AskError::Failed)? {
                    Typed::More => {}
                    Typed::Done => {
                        self.show("\n")?;
                        return answer.finish();
                    }
                    Typed::Closed => {
                        self.show("\n")?;
                        return Err(AskError::Closed);
                    }
                }
            }
        }
    }

    fn show(&self, text: &str) -> Result<(), AskError> {
        self.tty().write_all(text.as_bytes()).map_err(AskError::Failed)
    }

    fn wait_for_input(&self, question: &str, answer: &Line) -> Result<(), AskError> {
        loop {
            let wake = self.signals.wake();
            let mut ready = [PollFd::new(self.tty(), PollFlags::IN), PollFd::from_borrowed_fd(wake, PollFlags::IN)];
            match poll(&mut ready, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(AskError::Failed(error.into())),
            }
            let typed = !ready[0].revents().is_empty();
            self.signals.drain();
            if self.signals.take_ending().is_some() {
                self.show("\n")?;
                return Err(AskError::Interrupted);
            }
            if self.signals.take(SIGCONT) {
                // The shell that had the terminal meanwhile has set modes of its own.
                self.listen()?;
                self.show(&format!("\n{question}{}", answer.shown()))?;
            } else if typed {
                return Ok(());
            }
        }
    }
}

enum Typed {
    More,
    Done,
    Closed,
}

/// The line as typed so far.
struct Line {
    bytes: zeroize::Zeroizing<Vec<u8>>,
    echo: Echo,
}

impl Line {
    fn take(&mut self, byte: u8, mut screen: &File) -> io::Result<Typed> {
        match byte {
            b'\r' | b'\n' => return Ok(Typed::Done),
            0x04 if self.bytes.is_empty() => return Ok(Typed::Closed),
            0x08 | 0x7f => self.rub_out(1, screen)?,
            0x15 => self.rub_out(usize::MAX, screen)?,
            b'\t' | b' '.. if self.bytes.len() < LONGEST_ANSWER => {
                self.bytes.push(byte);
                match self.echo {
                    Echo::Letters => screen.write_all(&[byte])?,
                    Echo::Stars if !is_continuation(byte) => screen.write_all(b"*")?,
                    Echo::Stars => {}
                }
            }
            _ => {}
        }
        Ok(Typed::More)
    }

    /// Takes back the last characters, on the screen too.
    fn rub_out(&mut self, mut count: usize, mut screen: &File) -> io::Result<()> {
        while count > 0 && !self.bytes.is_empty() {
            while self.bytes.pop().is_some_and(is_continuation) {}
            screen.write_all(b"\x08 \x08")?;
            count -= 1;
        }
        Ok(())
    }

    fn shown(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        match self.echo {
            Echo::Letters => text.into_owned(),
            Echo::Stars => "*".repeat(text.chars().count()),
        }
    }

    fn finish(mut self) -> Result<Secret, AskError> {
        let bytes = std::mem::take(&mut *self.bytes);
        String::from_utf8(bytes).map(Secret::new).map_err(|error| {
            drop(zeroize::Zeroizing::new(error.into_bytes()));
            AskError::Failed(io::Error::new(io::ErrorKind::InvalidData, "what was typed is not UTF-8"))
        })
    }
}

/// Whether a byte goes on a character of UTF-8 that began before it.
fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}
