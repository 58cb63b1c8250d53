//! What the shells of a session report of themselves, on a pipe that the session inherits.
//!
//! Everything that runs in the session has the pipe, because a shell's built-ins cannot keep it from others and
//! because shells within the shell report too: what comes is hearsay. Keeps the promises that a flood holds nobody
//! up, and that a shell which does not report is noticed.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::process;
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;
use rustix::termios::{LocalModes, tcgetattr, tcgetpgrp};

use super::source::Source;
use crate::model::report::{Heard, Reader, Told};
use crate::world::keeping::{Happening, Keeper, Then};
use crate::world::variables;

/// How much is read in one turn at the most: what a pipe holds, so that nothing is left in it in the end.
const MOST: usize = 64 * 1024;

/// The least number of the descriptor in the session: those below are scripts' own.
const LEAST_NUMBER: i32 = 64;

/// How often it is looked whether the shell has become another program, and how long a line is edited at the least
/// that nothing was reported of: fish leaves the terminal as for its editor while its own built-ins run.
const LOOK: Duration = Duration::from_secs(1);

/// The pipe, before there is anybody to report.
pub struct Offer {
    read: File,
    write: OwnedFd,
}

impl Offer {
    /// Makes the pipe, and has a command inherit its end.
    ///
    /// # Errors
    /// When there are too many open files.
    pub fn make(command: &mut process::Command) -> io::Result<Offer> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        fcntl_setfl(&read, OFlags::NONBLOCK)?;
        let write = fcntl_dupfd_cloexec(write, LEAST_NUMBER)?;
        fcntl_setfd(&write, FdFlags::empty())?;
        command.env(variables::REPORT, write.as_raw_fd().to_string());
        Ok(Offer { read: File::from(read), write })
    }

    /// Listens to a shell that was started with it, on a terminal if there is one.
    pub fn taken_by(self, shell: Pid, terminal: Option<OwnedFd>) -> Reports {
        drop(self.write);
        let (read, reader) = (Some(self.read), Reader::default());
        Reports {
            shell,
            read,
            reader,
            terminal,
            program: None,
            looked: Instant::now(),
            in_front: (InFront::Unknown, Instant::now()),
        }
    }
}

/// The reports of a session's shells.
pub struct Reports {
    shell: Pid,
    /// None when nobody has the other end any more.
    read: Option<File>,
    reader: Reader,
    terminal: Option<OwnedFd>,
    /// What the session's own shell was when it reported first.
    program: Option<Vec<u8>>,
    looked: Instant,
    /// What is in the foreground since when, while the shell has nothing to report.
    in_front: (InFront, Instant),
}

impl Source for Reports {
    fn waits_for(&self) -> Vec<BorrowedFd<'_>> {
        self.read.iter().map(File::as_fd).collect()
    }

    fn listen(&mut self, keeper: &mut dyn Keeper) -> Then {
        let heard = self.hear();
        let nothing = heard.reports.is_empty() && heard.malformed + heard.programs == 0;
        if nothing && !heard.edits && !heard.closed && !heard.replaced {
            return Then::GoOn;
        }
        keeper.happened(Happening::Commands(heard))
    }
}

impl Reports {
    fn hear(&mut self) -> Heard {
        let own = self.shell.as_raw_nonzero().get().unsigned_abs();
        let mut heard = Heard { own, ..Heard::default() };
        // Before its report is read, which was written before the program was started, or the line was edited.
        let in_front = self.terminal.as_ref().map_or(InFront::Unknown, |terminal| in_front(terminal, self.shell));
        self.read(&mut heard);
        let mut of_own = heard.reports.iter().filter(|report| report.shell == own).peekable();
        let quiet = of_own.peek().is_none();
        if of_own.any(|report| report.told == Told::Shell) {
            self.program = program(self.shell);
        }
        let in_front = if quiet { in_front } else { InFront::Unknown };
        heard.programs = u64::from(in_front == InFront::Other && self.in_front.0 != InFront::Other);
        if in_front != self.in_front.0 {
            self.in_front = (in_front, Instant::now());
        }
        heard.edits = in_front == InFront::Editor && self.in_front.1.elapsed() >= LOOK;
        heard.closed = self.read.is_none();
        heard.replaced = self.is_replaced();
        heard
    }

    fn read(&mut self, heard: &mut Heard) {
        let (mut bytes, mut length) = ([0; 4096], 0);
        while let Some(read) = &mut self.read
            && length < MOST
        {
            match read.read(&mut bytes) {
                Ok(0) => self.read = None,
                Ok(count) => {
                    length += count;
                    let (reports, malformed) = self.reader.take(&bytes[..count]);
                    heard.reports.extend(reports);
                    heard.malformed += malformed;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
    }

    /// Whether the shell is another program than the one that reported first; looked at once a second.
    fn is_replaced(&mut self) -> bool {
        if self.looked.elapsed() < LOOK {
            return false;
        }
        self.looked = Instant::now();
        self.program.is_some() && program(self.shell).is_some_and(|now| Some(now) != self.program)
    }
}

/// What is in a terminal's foreground.
#[derive(Clone, Copy, PartialEq, Eq)]
enum InFront {
    /// The shell, and the terminal tells it each key: it edits a line.
    Editor,
    /// The shell.
    Shell,
    /// Something else.
    Other,
    Unknown,
}

fn in_front(terminal: &OwnedFd, shell: Pid) -> InFront {
    match (tcgetpgrp(terminal), tcgetattr(terminal)) {
        (Ok(group), _) if group != shell => InFront::Other,
        (Ok(_), Ok(modes)) if !modes.local_modes.contains(LocalModes::ICANON) => InFront::Editor,
        (Ok(_), Ok(_)) => InFront::Shell,
        (Err(_), _) | (_, Err(_)) => InFront::Unknown,
    }
}

/// What a process is: its program and its arguments.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn program(pid: Pid) -> Option<Vec<u8>> {
    use std::os::unix::ffi::OsStringExt;
    let folder = std::path::PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    let mut program = std::fs::read_link(folder.join("exe")).ok()?.into_os_string().into_vec();
    program.extend(std::fs::read(folder.join("cmdline")).ok()?);
    Some(program)
}

/// Elsewhere the system does not say.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn program(_: Pid) -> Option<Vec<u8>> {
    None
}
