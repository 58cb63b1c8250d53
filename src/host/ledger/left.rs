//! The end of the ledger as this process left it: its files stay open, so that the next append goes on from there.
//!
//! Keeps the promise that an append goes on only from what it has seen under the lock: every file must still
//! be the one that was opened, with the same owner and rights, the head what this process wrote, the last line the
//! one that it says, and nothing behind it. Else the end is found anew, and whatever is wrong is told then.

use std::fs::{self, File, Metadata};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::folder::Folder;
use super::tail::{Tail, Written};
use super::verdict;
use crate::model::chain::head::HEAD_BYTES;
use crate::model::chain::walk::segment_name;
use crate::model::name::Digest;
use crate::world::ledger::LedgerError;

/// The end of the ledger, with its lock held until this is dropped or left.
pub(super) struct Held {
    pub(super) tail: Tail,
    lock: File,
    seen: Option<Seen>,
}

/// The same without the lock.
pub(super) struct Left {
    tail: Tail,
    lock: File,
    seen: Seen,
}

/// What the files are that must still be the same.
struct Seen {
    /// A copy of this process must not share its lock.
    process: u32,
    folder: (PathBuf, Identity),
    lock: (PathBuf, Identity),
    head: (PathBuf, Identity),
    segment: (PathBuf, Identity),
    verdict: PathBuf,
}

/// Which file it is, whose, and who can change it.
#[derive(PartialEq, Eq)]
struct Identity {
    device: u64,
    number: u64,
    owner: u32,
    mode: u32,
}

impl Held {
    pub(super) fn new(tail: Tail, lock: File) -> Held {
        Held { tail, lock, seen: None }
    }

    /// Gives the lock back, and leaves the files open; nothing is left where they cannot be looked at.
    pub(super) fn leave(self) -> Option<Left> {
        self.tail.written.as_ref()?;
        let segment = self.tail.folder.file(&segment_name(self.tail.segment));
        let seen = self.seen.filter(|seen| seen.segment.0 == segment).or_else(|| Seen::of(&self.tail))?;
        self.lock.unlock().ok()?;
        Some(Left { tail: self.tail, lock: self.lock, seen })
    }
}

impl Left {
    /// Takes the lock again, and the end if nobody has touched it.
    ///
    /// # Errors
    /// When another process holds the lock for longer.
    pub(super) fn take_up(self, longest: Duration) -> Result<Option<Held>, LedgerError> {
        if self.seen.process != std::process::id() {
            return Ok(None);
        }
        self.tail.folder.lock(&self.lock, Instant::now() + longest)?;
        let untouched = self.seen.is_what_there_is(self.tail.bytes) && self.tail.is_as_it_was_written();
        let held = Held { tail: self.tail, lock: self.lock, seen: Some(self.seen) };
        Ok(untouched.then_some(held))
    }
}

impl Seen {
    fn of(tail: &Tail) -> Option<Seen> {
        let folder: &Folder = &tail.folder;
        let look = |path: PathBuf| {
            let identity = Identity::of(&fs::symlink_metadata(&path).ok()?);
            Some((path, identity))
        };
        Some(Seen {
            process: std::process::id(),
            folder: look(folder.file(""))?,
            lock: look(folder.file("lock"))?,
            head: look(folder.file("head.json"))?,
            segment: look(folder.file(&segment_name(tail.segment)))?,
            verdict: folder.file(verdict::FILE),
        })
    }

    /// Whether these are still the files, the segment is so long, and no verdict is kept.
    fn is_what_there_is(&self, bytes: u64) -> bool {
        let same = |(path, identity): &(PathBuf, Identity)| {
            fs::symlink_metadata(path).ok().filter(|found| Identity::of(found) == *identity)
        };
        [&self.folder, &self.lock, &self.head].into_iter().all(|file| same(file).is_some())
            && same(&self.segment).is_some_and(|found| found.len() == bytes)
            && fs::symlink_metadata(&self.verdict).is_err()
    }
}

impl Identity {
    fn of(found: &Metadata) -> Identity {
        Identity { device: found.dev(), number: found.ino(), owner: found.uid(), mode: found.mode() }
    }
}

impl Tail {
    /// Whether the head and the last line are what this process wrote.
    fn is_as_it_was_written(&self) -> bool {
        let Some(Written { head, line }) = &self.written else { return false };
        // One byte more than a head has, so that a longer file is none.
        let mut found = [0; HEAD_BYTES + 1];
        let mut last = vec![0; *line];
        self.head.read_at(&mut found, 0).is_ok_and(|length| found[..length] == **head)
            && self.file.read_exact_at(&mut last, self.bytes - *line as u64).is_ok()
            && Digest::of(&last) == self.last
    }
}

#[cfg(test)]
impl Left {
    /// Makes it what a copy of the process has.
    pub(super) fn pretend_to_be_a_copy(&mut self) {
        self.seen.process += 1;
    }
}
