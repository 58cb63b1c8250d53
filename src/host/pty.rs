//! A terminal of the session's own, between its processes and the person's terminal.
//!
//! Keeps the promises that the person's terminal is left as it was found, and that nobody who holds it up
//! holds up the deadline: it is never waited for. The supervisor leads the login session of the inner terminal,
//! so it goes on counting while the caller's shell has stopped glass's job, and the child can be stopped.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::process;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, getpgrp, ioctl_tiocsctty, kill_process_group, setsid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr, tcsetpgrp, tcsetwinsize,
};

use super::signals::with_ttou_blocked;
use crate::model::recording::Stream;
use crate::world::keeping::{Happening, Keeper, Then};

/// How much is read at a time, and waits at most on either way.
const MOST: usize = 64 * 1024;

/// How long the last output has to get through.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// Switches off what a full-screen program that was killed leaves on: its second screen, its keys, reports of the
/// mouse, marked pastes, colours, a hidden cursor.
pub const SWITCHED_OFF: &str = "\x1b[?1047l\x1b[?1l\x1b>\x1b[?1000;1002;1003;1006;2004l\x1b[?25h\x1b[0m";

/// The two terminals, and what is on its way between them.
pub struct Pty {
    /// The person's.
    outer: File,
    /// Its modes as they were found.
    before: Termios,
    /// The session's own: its far side. Never closed: that would hang up on this process, which leads its session.
    inner: ManuallyDrop<File>,
    /// Its near side, as long as the session lives.
    near: Option<OwnedFd>,
    typed: Vec<u8>,
    shown: Vec<u8>,
    /// What the keeper has not been told yet.
    news: News,
    place: Place,
    hung_up: bool,
}

/// What was seen at the terminal.
#[derive(Default)]
struct News {
    typed: Vec<u8>,
    shown: Vec<u8>,
    size: Option<(u16, u16)>,
}

/// What the session has of the person's terminal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// All of it.
    Front,
    /// As a job in the background has it: what is shown goes there, what is typed is somebody else's.
    Behind,
    /// Nothing.
    Stopped,
}

impl Pty {
    /// Opens a terminal like the person's and takes the lead of it; none if nobody sits in front of glass.
    /// Whoever calls this must not lead a process group.
    ///
    /// # Errors
    /// When there can be no terminal.
    pub fn open() -> io::Result<Option<Pty>> {
        let all_terminals = io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal();
        // Opened anew, because not to wait is a property of what was opened, and the others' is not ours.
        let flags = (OFlags::NOCTTY | OFlags::NONBLOCK).bits().cast_signed();
        let outer = OpenOptions::new().read(true).write(true).custom_flags(flags).open("/dev/tty");
        let outer = match outer {
            Ok(outer) if all_terminals && tcgetpgrp(&outer).is_ok_and(|group| group == getpgrp()) => outer,
            Ok(_) | Err(_) => return Ok(None),
        };
        let before = tcgetattr(&outer)?;
        let inner = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&inner)?;
        unlockpt(&inner)?;
        let name = ptsname(&inner, Vec::new())?;
        let near = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, rustix::fs::Mode::empty())?;
        tcsetattr(&near, OptionalActions::Now, &before)?;
        tcsetwinsize(&near, tcgetwinsize(&outer)?)?;
        rustix::io::ioctl_fionbio(&inner, true)?;
        setsid()?;
        ioctl_tiocsctty(&near)?;
        let (inner, near) = (ManuallyDrop::new(File::from(inner)), Some(near));
        let (typed, shown, news, place) = (Vec::new(), Vec::new(), News::default(), Place::Stopped);
        let mut pty = Pty { outer, before, inner, near, typed, shown, news, place, hung_up: false };
        pty.resume();
        Ok(Some(pty))
    }

    /// Gives a command the inner terminal.
    ///
    /// # Errors
    /// When there are too many open files.
    pub fn connect(&self, command: &mut process::Command) -> io::Result<()> {
        if let Some(near) = &self.near {
            command.stdin(near.try_clone()?).stdout(near.try_clone()?).stderr(near.try_clone()?);
        }
        Ok(())
    }

    /// Another descriptor of its far side.
    ///
    /// # Errors
    /// When there are too many open files.
    pub fn far_side(&self) -> io::Result<OwnedFd> {
        self.inner.as_fd().try_clone_to_owned()
    }

    /// Gives a process group the foreground of the inner terminal.
    pub fn put_in_front(&self, group: Pid) {
        if let Some(near) = &self.near {
            with_ttou_blocked(|| {
                let _ = tcsetpgrp(near, group);
            });
        }
    }

    /// Sends a signal to what is in the foreground of the inner terminal.
    pub fn send_to_front(&self, signal: Signal) {
        if let Some(group) = self.near.as_ref().and_then(|near| tcgetpgrp(near).ok())
            && group != getpgrp()
        {
            let _ = kill_process_group(group, signal);
        }
    }

    /// Takes the size of the person's terminal over.
    pub fn resize(&mut self) {
        if let (Ok(size), Ok(known)) = (tcgetwinsize(&self.outer), tcgetwinsize(&*self.inner)) {
            let _ = tcsetwinsize(&*self.inner, size);
            let size = (size.ws_col, size.ws_row);
            self.news.size = (size != (known.ws_col, known.ws_row)).then_some(size).or(self.news.size);
        }
    }

    /// Whether the person's terminal is gone.
    pub fn has_hung_up(&self) -> bool {
        self.hung_up
    }

    /// Whether it has the person's terminal to itself.
    pub fn is_in_front(&self) -> bool {
        self.place == Place::Front
    }

    /// Whether nothing is shown or typed for now.
    pub fn is_stopped(&self) -> bool {
        self.place == Place::Stopped
    }

    /// Leaves the person's terminal as it was found.
    pub fn stop(&mut self) {
        self.write_out();
        if self.place == Place::Front {
            let _ = tcsetattr(&self.outer, OptionalActions::Now, &self.before);
        }
        self.place = Place::Stopped;
    }

    /// From now on shows what there is to be shown, beside whoever has the person's terminal.
    pub fn go_behind(&mut self) {
        self.place = Place::Behind;
    }

    /// Takes the person's terminal: what is typed there goes to the inner one as it is.
    pub fn resume(&mut self) {
        if let Ok(before) = tcgetattr(&self.outer) {
            self.before = before;
        }
        let mut raw = self.before.clone();
        raw.make_raw();
        let _ = tcsetattr(&self.outer, OptionalActions::Now, &raw);
        self.place = Place::Front;
        self.resize();
    }

    /// Shows something of glass's own.
    pub fn show(&mut self, text: &[u8]) {
        self.shown.extend_from_slice(text);
    }

    /// Waits until there is something to carry or one of the others has something to say, at most this
    /// long, and carries what there is.
    pub fn carry(&mut self, others: Vec<PollFd<'_>>, longest: Duration) {
        let when = |wanted: bool, flags| if wanted { flags } else { PollFlags::empty() };
        let listens = self.is_in_front() && self.typed.len() < MOST;
        let outer = when(listens, PollFlags::IN) | when(!self.shown.is_empty(), PollFlags::OUT);
        let inner = when(self.shown.len() < MOST, PollFlags::IN) | when(!self.typed.is_empty(), PollFlags::OUT);
        let mut fds = vec![PollFd::new(&*self.inner, inner)];
        let with_outer = !self.is_stopped() && !self.hung_up;
        if with_outer {
            fds.push(PollFd::new(&self.outer, outer));
        }
        fds.extend(others);
        let timeout = Timespec::try_from(longest).unwrap_or_default();
        if poll(&mut fds, Some(&timeout)).is_err() {
            return;
        }
        let inner = fds[0].revents();
        let outer = if with_outer { fds[1].revents() } else { PollFlags::empty() };
        self.hung_up |= outer.intersects(PollFlags::HUP | PollFlags::ERR);
        if outer.contains(PollFlags::IN) {
            let before = self.typed.len();
            // An end here is a Ctrl-D, typed while somebody had set other modes.
            take(&mut self.outer, &mut self.typed);
            if !self.is_silent() {
                self.news.typed.extend_from_slice(&self.typed[before..]);
            }
        }
        if inner.contains(PollFlags::IN) {
            self.take_shown();
        }
        give(&mut self.inner, &mut self.typed);
        self.write_out();
    }

    /// Tells the keeper what was seen since this was last called.
    pub fn listen(&mut self, keeper: &mut dyn Keeper) -> Vec<Then> {
        let News { typed, shown, size } = &mut self.news;
        let mut answers: Vec<Then> = Vec::new();
        if let Some((columns, rows)) = size.take() {
            answers.push(keeper.happened(Happening::Resized(columns, rows)));
        }
        if !typed.is_empty() {
            answers.push(keeper.happened(Happening::Typed(typed)));
            typed.clear();
        }
        if !shown.is_empty() {
            answers.push(keeper.happened(Happening::Shown(Stream::Terminal, shown)));
            shown.clear();
        }
        answers
    }

    /// Whether a question is being answered whose answer the terminal does not show. A program that reads each
    /// key for itself shows them itself or does not: that cannot be told apart.
    fn is_silent(&self) -> bool {
        let modes = self.near.as_ref().and_then(|near| tcgetattr(near).ok()).map(|modes| modes.local_modes);
        modes.is_some_and(|modes| modes.contains(LocalModes::ICANON) && !modes.contains(LocalModes::ECHO))
    }

    /// Takes what the inner terminal shows; false at its end.
    fn take_shown(&mut self) -> bool {
        let before = self.shown.len();
        let goes_on = take(&mut self.inner, &mut self.shown);
        self.news.shown.extend_from_slice(&self.shown[before..]);
        goes_on
    }

    fn write_out(&mut self) {
        if self.hung_up {
            self.shown.clear();
        } else if !self.is_stopped() {
            give(&mut self.outer, &mut self.shown);
        }
    }

    /// Shows and tells what is still on its way, then what is left to say, and leaves the person's terminal as it
    /// was found.
    pub fn finish(&mut self, last: &str, keeper: &mut dyn Keeper) {
        self.near = None;
        let until = Instant::now() + LAST_OUTPUT;
        self.show_rest(until, keeper);
        self.show(last.as_bytes());
        self.show_rest(until, keeper);
        self.stop();
    }

    fn show_rest(&mut self, until: Instant, keeper: &mut dyn Keeper) {
        let mut open = true;
        while (open || !self.shown.is_empty()) && Instant::now() < until {
            let wanted = if self.shown.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
            let mut fds = Vec::new();
            if open {
                fds.push(PollFd::new(&*self.inner, PollFlags::IN));
            }
            if !self.hung_up {
                fds.push(PollFd::new(&self.outer, wanted));
            }
            let timeout = Timespec::try_from(LAST_OUTPUT / 10).unwrap_or_default();
            let _ = poll(&mut fds, Some(&timeout));
            let gone = |fd: &PollFd<'_>| fd.revents().intersects(PollFlags::HUP | PollFlags::ERR);
            self.hung_up |= fds.get(usize::from(open)).is_some_and(gone);
            open = open && self.take_shown();
            // Nothing of it can change what happens any more.
            self.listen(keeper);
            self.write_out();
            if self.is_stopped() {
                self.shown.clear();
            }
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Reads what there is, as far as there is room; false at the end.
fn take(from: &mut File, to: &mut Vec<u8>) -> bool {
    let mut bytes = [0; 4096];
    while to.len() < MOST {
        match from.read(&mut bytes) {
            Ok(0) => return false,
            Ok(count) => to.extend_from_slice(&bytes[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
    true
}

/// Writes as much as is taken.
fn give(to: &mut File, from: &mut Vec<u8>) {
    let mut written = 0;
    while written < from.len() {
        match to.write(&from[written..]) {
            Ok(count) if count > 0 => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => break,
        }
    }
    from.drain(..written);
}
