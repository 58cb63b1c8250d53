//! The output of a session's child that has no terminal of its own and is to be recorded: through pipes of glass's own.
//!
//! Keeps the promise that a script sees no difference: every byte gets through in its order, a child whose
//! reader is slow is slowed down, and one whose reader has gone is told so by its next write. Whoever is slow to
//! read does not hold up the deadline.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::process;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, OFlags, fstat};
use rustix::io::ioctl_fionbio;
use rustix::pipe::{PipeFlags, pipe_with};

use super::signals::with_ttou_blocked;
use crate::model::recording::Stream;
use crate::world::keeping::{Happening, Keeper, Then};

/// How much is on its way at most.
const MOST: usize = 64 * 1024;

/// How long the last output waits for a reader that takes nothing of it.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// How much a pipe or a socket takes without waiting once it says that it takes something: the least `PIPE_BUF` of POSIX.
const AT_ONCE: usize = 512;

/// The pipes of one child.
#[derive(Default)]
pub struct Pipes(Vec<Pipe>);

impl Pipes {
    /// Puts a pipe of glass's own before a command's two outputs; one before both where they are the same, so that
    /// what is written to them stays in its order.
    ///
    /// # Errors
    /// When there are too many open files.
    pub fn connect(command: &mut process::Command) -> io::Result<Pipes> {
        let mut pipes = Pipes::default();
        let (output, errors) = (io::stdout(), io::stderr());
        let near = pipes.add(Stream::Output, output.as_fd())?;
        let other =
            if are_same(&output, &errors) { near.try_clone()? } else { pipes.add(Stream::Errors, errors.as_fd())? };
        command.stdout(near).stderr(other);
        Ok(pipes)
    }

    /// Adds a pipe, and gives its near end.
    fn add(&mut self, stream: Stream, to: BorrowedFd<'_>) -> io::Result<OwnedFd> {
        let (far, near) = pipe_with(PipeFlags::CLOEXEC)?;
        ioctl_fionbio(&far, true)?;
        let to = Outlet::of(to)?;
        self.0.push(Pipe { stream, from: Some(File::from(far)), to, waiting: Vec::new(), news: Vec::new() });
        Ok(near)
    }

    /// What is to be waited for.
    pub fn waits_for(&self) -> Vec<PollFd<'_>> {
        self.0.iter().flat_map(Pipe::waits_for).collect()
    }

    /// Carries what can be carried without waiting; whether that was anything.
    pub fn carry(&mut self) -> bool {
        let carried = self.0.iter_mut().map(Pipe::carry);
        carried.filter(|carried| *carried).count() > 0
    }

    /// Whether everything that was carried has got through.
    pub fn are_empty(&self) -> bool {
        self.0.iter().all(|pipe| pipe.waiting.is_empty())
    }

    /// Carries and tells what is still on its way. Nothing of it can change what happens any more.
    pub fn finish(&mut self, keeper: &mut dyn Keeper) {
        let mut last = Instant::now();
        while last.elapsed() < LAST_OUTPUT {
            let carried = self.carry();
            self.listen(keeper);
            if carried {
                last = Instant::now();
            } else if self.are_empty() {
                return;
            } else {
                let timeout = Timespec::try_from(LAST_OUTPUT / 10).unwrap_or_default();
                let _ = poll(&mut self.waits_for(), Some(&timeout));
            }
        }
    }

    /// Carries what can be carried, and tells the keeper of it.
    pub fn listen(&mut self, keeper: &mut dyn Keeper) -> Vec<Then> {
        self.carry();
        let mut answers = Vec::new();
        for pipe in self.0.iter_mut().filter(|pipe| !pipe.news.is_empty()) {
            answers.push(keeper.happened(Happening::Shown(pipe.stream, &pipe.news)));
            pipe.news.clear();
        }
        answers
    }
}

/// One pipe.
struct Pipe {
    stream: Stream,
    /// Where it is read, as long as somebody wants to know.
    from: Option<File>,
    to: Outlet,
    waiting: Vec<u8>,
    /// What the keeper has not been told yet.
    news: Vec<u8>,
}

impl Pipe {
    fn waits_for(&self) -> Option<PollFd<'_>> {
        if self.waiting.is_empty() {
            return self.from.as_ref().map(|from| PollFd::new(from, PollFlags::IN));
        }
        Some(PollFd::new(&self.to.file, PollFlags::OUT))
    }

    fn carry(&mut self) -> bool {
        if self.waiting.is_empty() {
            self.take();
        }
        let before = self.waiting.len();
        if self.to.give(&mut self.waiting).is_err() {
            // Nobody reads any more: the child's next write fails as it would have without glass.
            self.from = None;
            self.waiting.clear();
        }
        before > self.waiting.len()
    }

    fn take(&mut self) {
        let Some(from) = &mut self.from else { return };
        let room = u64::try_from(MOST).unwrap_or(u64::MAX);
        // Where there is nothing more for now this is an error, and what there was is there all the same.
        let ended = from.take(room).read_to_end(&mut self.waiting).is_ok_and(|count| count < MOST);
        self.news.extend_from_slice(&self.waiting);
        if ended {
            self.from = None;
        }
    }
}

/// Where a pipe leads.
struct Outlet {
    file: File,
    /// How much it takes without making the writer wait, when it says that it takes something.
    at_once: usize,
}

impl Outlet {
    fn of(stream: BorrowedFd<'_>) -> io::Result<Outlet> {
        let kind = FileType::from_raw_mode(fstat(stream)?.st_mode);
        if matches!(kind, FileType::Fifo | FileType::CharacterDevice)
            && let Some(file) = opened_anew(stream)
        {
            return Ok(Outlet { file, at_once: MOST });
        }
        let at_once = if kind == FileType::RegularFile { MOST } else { AT_ONCE };
        Ok(Outlet { file: File::from(stream.try_clone_to_owned()?), at_once })
    }

    fn is_ready(&self) -> bool {
        let mut fds = [PollFd::new(&self.file, PollFlags::OUT)];
        poll(&mut fds, Some(&Timespec::default())).is_ok_and(|count| count > 0)
    }

    /// Writes as much as is taken.
    fn give(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        let mut written = 0;
        while written < bytes.len() && self.is_ready() {
            let end = bytes.len().min(written + self.at_once);
            let mut wrote = Ok(0);
            // A terminal may stop whoever writes to it from the background.
            with_ttou_blocked(|| wrote = self.file.write(&bytes[written..end]));
            match wrote {
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        bytes.drain(..written);
        Ok(())
    }
}

/// The same pipe or terminal so that writing to it does not wait. That is a property of what was opened, and
/// others have opened this one too.
fn opened_anew(stream: BorrowedFd<'_>) -> Option<File> {
    if !cfg!(target_os = "linux") {
        // Elsewhere this path gives what was opened before.
        return None;
    }
    let flags = (OFlags::NOCTTY | OFlags::NONBLOCK).bits().cast_signed();
    OpenOptions::new().write(true).custom_flags(flags).open(format!("/dev/fd/{}", stream.as_raw_fd())).ok()
}

/// Whether two streams lead to the same file.
fn are_same(one: &impl AsFd, other: &impl AsFd) -> bool {
    let file = |stream: &dyn AsFd| fstat(stream).ok().map(|found| (found.st_dev, found.st_ino));
    file(one).is_some_and(|found| file(other) == Some(found))
}
