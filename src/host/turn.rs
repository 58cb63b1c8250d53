//! Taking turns: of many who want to ask a person the same at once, one asks, and the others wait.
//!
//! Keeps the promise that one question is asked, however many callers of the AWS hook come at once, and that
//! who waited for a question that came to nothing is told so and does not ask it again.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::private;

/// How long somebody may take to answer.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// How often it is looked whether the turn has come.
const STEP: Duration = Duration::from_millis(10);

/// The longest note that is read.
const LONGEST_NOTE: u64 = 64 * 1024;

/// The turn of this process, until it is dropped.
pub struct Turn {
    file: File,
    waited: bool,
}

impl Turn {
    /// Waits for the turn among all that take turns by this name below the state folder.
    ///
    /// # Errors
    /// When the file cannot be made or locked, or others take too long (`TimedOut`).
    pub fn wait(state: &Path, name: &str) -> io::Result<Turn> {
        let folder = state.join("run");
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let file = private::to_lock(&folder.join(name))?;
        let until = Instant::now() + LONGEST_WAIT;
        let mut waited = false;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Turn { file, waited }),
                Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < until => thread::sleep(STEP),
                Err(rustix::io::Errno::WOULDBLOCK) => return Err(io::ErrorKind::TimedOut.into()),
                Err(error) => return Err(error.into()),
            }
            waited = true;
        }
    }

    /// What the process before has left for those who waited for it.
    pub fn left(&mut self) -> Option<String> {
        let mut note = String::new();
        let file = Read::by_ref(&mut self.file).take(LONGEST_NOTE).read_to_string(&mut note);
        (self.waited && file.is_ok() && !note.is_empty()).then_some(note)
    }

    /// Leaves a note for those who wait, in place of the one before.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn leave(&mut self, note: &str) -> io::Result<()> {
        self.file.rewind()?;
        self.file.set_len(0)?;
        self.file.write_all(note.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waited_reads_what_was_left_and_who_comes_later_does_not() {
        let state = tempfile::tempdir().unwrap();
        let wait = || Turn::wait(state.path(), "alice.ask").unwrap();
        wait().leave("an older and longer note").unwrap();
        wait().leave("no").unwrap();
        assert_eq!(wait().left(), None);
        let mut waited = Turn { waited: true, ..wait() };
        assert_eq!(waited.left().as_deref(), Some("no"));
        waited.leave("").unwrap();
        drop(waited);
        assert_eq!(Turn { waited: true, ..wait() }.left(), None);
    }

    #[test]
    fn one_has_the_turn_at_a_time() {
        let state = tempfile::tempdir().unwrap();
        let turn = Turn::wait(state.path(), "alice.ask").unwrap();
        let path = state.path().to_owned();
        let (tell, told) = std::sync::mpsc::channel();
        let waiting = thread::spawn(move || {
            let _turn = Turn::wait(&path, "alice.ask").unwrap();
            tell.send(()).unwrap();
        });
        assert!(told.try_recv().is_err());
        drop(turn);
        told.recv().unwrap();
        waiting.join().unwrap();
    }
}
