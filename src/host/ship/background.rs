//! Sending without anybody waiting for it: what is due is noted beside the ledger, and a process of its own sees to it.
//!
//! Keeps the promise that no elevation and no end of a session is held up by a place that is slow or gone.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::host::places::program;

/// There as long as something is due that nobody has taken up.
const DUE: &str = "due";

/// There from when somebody has taken it up until it is sent: whoever is killed meanwhile leaves it to the next.
const TAKEN_UP: &str = "sent/due";

/// Written to when somebody tries to send it.
const TRIED: &str = "tried";

/// How long after one attempt the next one may begin.
const BETWEEN: Duration = Duration::from_secs(60);

/// What is due of a ledger.
pub struct Due {
    ledger: PathBuf,
}

impl Due {
    /// What is due of the ledger in a folder.
    pub fn of(ledger: &Path) -> Self {
        Due { ledger: ledger.to_owned() }
    }

    /// Notes that there is something to send. Nothing depends on it: the next that is noted has it sent too.
    pub fn note(&self) {
        let _ = touch(&self.ledger.join(DUE));
    }

    /// Takes up what is due now; what is noted from now on is due after that.
    pub fn take_up(&self) {
        let _ = fs::rename(self.ledger.join(DUE), self.ledger.join(TAKEN_UP));
    }

    /// Notes that all which was taken up is sent.
    pub fn done(&self) {
        let _ = fs::remove_file(self.ledger.join(TAKEN_UP));
    }

    /// Notes that nothing is due.
    pub fn forget(&self) {
        let _ = fs::remove_file(self.ledger.join(DUE));
        self.done();
    }

    /// Notes that somebody tries now.
    pub fn tried(&self) {
        let _ = touch(&self.ledger.join(TRIED));
    }

    /// Whether something is due, and nobody has tried for a while.
    pub fn is_to_be_tried(&self) -> bool {
        if [DUE, TAKEN_UP].iter().all(|name| fs::symlink_metadata(self.ledger.join(name)).is_err()) {
            return false;
        }
        let tried = fs::symlink_metadata(self.ledger.join(TRIED)).and_then(|found| found.modified());
        // A clock that was set back makes it later than now.
        tried.ok().and_then(|tried| tried.elapsed().ok()).is_none_or(|since| since >= BETWEEN)
    }
}

fn touch(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_modified(std::time::SystemTime::now())
}

/// Starts glass once more, with these words, for itself alone: without a terminal, and nobody waits for it.
///
/// # Errors
/// When it cannot be started.
pub fn start<'w>(words: impl IntoIterator<Item = &'w OsStr>) -> io::Result<()> {
    silent(words)?.spawn().map(drop)
}

/// The same, and waits for its end.
///
/// # Errors
/// When it cannot be started.
pub fn start_and_wait<'w>(words: impl IntoIterator<Item = &'w OsStr>) -> io::Result<()> {
    silent(words)?.status().map(drop)
}

fn silent<'w>(words: impl IntoIterator<Item = &'w OsStr>) -> io::Result<Command> {
    let mut glass = Command::new(program()?);
    glass.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(glass)
}

/// Leaves the terminal, and the job that this process was started in: neither ends it.
pub fn leave_terminal() {
    // Who leads a group already has none of the caller's.
    let _ = rustix::process::setsid();
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_is_due_is_tried_once_a_minute_until_it_is_done() {
        let ledger = tempfile::tempdir().expect("a folder");
        let due = Due::of(ledger.path());
        assert!(!due.is_to_be_tried());
        due.note();
        assert!(due.is_to_be_tried());
        due.tried();
        assert!(!due.is_to_be_tried());
        let tried_at = |time: SystemTime| {
            let file = OpenOptions::new().write(true).open(ledger.path().join(TRIED)).expect("it is there");
            file.set_modified(time).expect("a time");
        };
        tried_at(SystemTime::now() - BETWEEN);
        assert!(due.is_to_be_tried());
        tried_at(SystemTime::now() + 2 * BETWEEN);
        assert!(due.is_to_be_tried(), "the clock was set back");
        due.forget();
        assert!(!due.is_to_be_tried());
    }

    #[test]
    fn what_was_taken_up_is_due_until_it_is_done_and_what_comes_meanwhile_after_that() {
        let ledger = tempfile::tempdir().expect("a folder");
        fs::create_dir(ledger.path().join("sent")).expect("a folder");
        let due = Due::of(ledger.path());
        due.note();
        due.take_up();
        assert!(due.is_to_be_tried(), "whoever took it up may be gone");
        due.note();
        due.done();
        assert!(due.is_to_be_tried(), "that came too late for it");
        due.take_up();
        due.done();
        assert!(!due.is_to_be_tried());
    }
}
