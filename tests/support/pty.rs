//! A program on a real terminal, and the person in front of it.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process_group};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::DEADLINE;
use super::outcome::{code_of, ends_within};

/// A program on a terminal of its own; killed with all its terminal's processes on drop.
pub struct Pty {
    child: Child,
    screen: File,
    seen: Vec<u8>,
    matched: usize,
}

impl Pty {
    /// Starts a command that takes the terminal on its standard input as its own.
    pub(super) fn spawn(command: &mut Command) -> Pty {
        let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&screen).unwrap();
        unlockpt(&screen).unwrap();
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&screen, size).unwrap();
        let name = ptsname(&screen, Vec::new()).unwrap();
        let terminal = open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let other = || Stdio::from(terminal.try_clone().unwrap());
        let child = command.stdin(other()).stdout(other()).stderr(other()).spawn().unwrap();
        // The command holds copies of the terminal, and its end shall be the last.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Pty { child, screen: File::from(screen), seen: Vec::new(), matched: 0 }
    }

    /// Waits until this text appears after what was expected last; returns what came before it.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        let until = Instant::now() + DEADLINE;
        loop {
            let rest = &self.seen[self.matched..];
            if let Some(at) = rest.windows(text.len()).position(|window| window == text.as_bytes()) {
                let before = String::from_utf8_lossy(&rest[..at]).into_owned();
                self.matched += at + text.len();
                return before;
            }
            assert!(self.read_more(until), "`{text}` did not appear; the terminal shows:\n{}", self.text());
        }
    }

    /// Waits this long for something to appear; true when nothing has.
    pub fn is_quiet_for(&mut self, length: Duration) -> bool {
        !self.read_more(Instant::now() + length)
    }

    /// Waits until so many bytes more were shown, however long that takes while more are coming, and forgets them and
    /// what was shown before.
    #[track_caller]
    pub fn skip(&mut self, count: usize) {
        let mut left = count + self.matched;
        while left > self.seen.len() {
            left -= self.seen.len();
            self.seen.clear();
            assert!(self.read_more(Instant::now() + DEADLINE), "{left} bytes of {count} did not appear");
        }
        self.seen.drain(..left);
        self.matched = 0;
    }

    /// Types this text; `\r` is the return key, `\x03` Ctrl-C, `\x04` Ctrl-D.
    pub fn send(&mut self, text: &str) {
        self.screen.write_all(text.as_bytes()).unwrap();
    }

    /// Types these bytes.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.screen.write_all(bytes).unwrap();
    }

    /// Types more than a terminal takes at once, and waits until this text appears.
    #[track_caller]
    pub fn paste(&mut self, bytes: &[u8], text: &str) {
        let mut screen = self.screen.try_clone().unwrap();
        let bytes = bytes.to_vec();
        let typing = std::thread::spawn(move || screen.write_all(&bytes));
        self.expect(text);
        typing.join().unwrap().unwrap();
    }

    /// Changes the size of the terminal.
    pub fn resize(&self, rows: u16, columns: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.screen, size).unwrap();
    }

    /// Everything that the terminal has shown so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Waits for the program's end; returns its exit code and all that was shown.
    #[track_caller]
    pub fn wait(self) -> (i32, String) {
        let (code, bytes) = self.wait_bytes();
        (code, String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The same with what was shown as it is.
    #[track_caller]
    pub fn wait_bytes(mut self) -> (i32, Vec<u8>) {
        let until = Instant::now() + DEADLINE;
        while self.read_more(until) {}
        let left = until.saturating_duration_since(Instant::now());
        assert!(ends_within(&self.child, left), "the program did not end; the terminal shows:\n{}", self.text());
        (code_of(self.child.wait().unwrap()), std::mem::take(&mut self.seen))
    }

    /// Reads what the terminal shows next; false at its end, or when the time is up.
    fn read_more(&mut self, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap(), tv_nsec: left.subsec_nanos().into() };
        if poll(&mut [PollFd::new(&self.screen, PollFlags::IN)], Some(&left)).unwrap() == 0 {
            return false;
        }
        let mut buffer = [0; 4096];
        // EIO: the last process has closed the terminal.
        let count = self.screen.read(&mut buffer).unwrap_or(0);
        self.seen.extend_from_slice(&buffer[..count]);
        count > 0
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Gone in the meantime is as good.
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}
