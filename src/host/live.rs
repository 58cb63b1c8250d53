//! Marks of live sessions: a file each, locked as long as the process that keeps the session lives.
//!
//! The kernel gives the lock back however that process ends, so a mark without one is of a session that was lost.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::descent;
use crate::model::name::{Id, PersonName};
use crate::model::time::Timestamp;
use crate::world::variables;

/// What a mark says of its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    /// The session.
    pub session: Id,
    /// Whose it is.
    pub person: PersonName,
    /// When it began.
    pub began: Timestamp,
    /// Until when its credentials work in AWS.
    pub valid_until: Timestamp,
}

#[cfg(test)]
impl Marked {
    /// A session of Alice's.
    pub(crate) fn of(session: Id) -> Marked {
        Marked {
            session,
            person: PersonName::parse("alice").expect("valid"),
            began: Timestamp::from_seconds(1_000_000),
            valid_until: Timestamp::from_seconds(1_000_900),
        }
    }
}

/// A session that lives as long as this value.
pub struct Mark {
    path: PathBuf,
    _locked: File,
}

impl Mark {
    /// Marks a session as alive, below the state folder.
    ///
    /// # Errors
    /// When the file cannot be made or locked.
    pub fn set(state: &Path, marked: &Marked) -> io::Result<Mark> {
        let path = path_of(state, &marked.session);
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        file.write_all(Text::of(marked).as_bytes())?;
        Ok(Mark { path, _locked: file })
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        // A mark that stays is unlocked, and so is found.
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether a session is alive: whether somebody holds the lock of its mark.
pub fn is_alive(state: &Path, session: &Id) -> bool {
    let Ok(file) = File::open(path_of(state, session)) else { return false };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(rustix::io::Errno::WOULDBLOCK) => true,
        Ok(()) | Err(_) => false,
    }
}

/// A session that nobody keeps any more, held so that one process alone sees to it.
pub struct Lost {
    /// What its mark says.
    pub marked: Marked,
    path: PathBuf,
    _locked: File,
}

/// The sessions below the state folder that nobody keeps any more.
pub fn lost(state: &Path) -> Vec<Lost> {
    let Ok(entries) = fs::read_dir(state.join("run")) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "live")).filter_map(Lost::take).collect()
}

impl Lost {
    fn take(path: PathBuf) -> Option<Lost> {
        let locked = File::open(&path).ok()?;
        flock(&locked, FlockOperation::NonBlockingLockExclusive).ok()?;
        if locked.metadata().ok()?.nlink() == 0 {
            return None;
        }
        match Text::parse(&fs::read_to_string(&path).ok()?) {
            Some(marked) => Some(Lost { marked, path, _locked: locked }),
            None => {
                // Whoever made it was killed before it was written, and so before anything was started.
                let _ = fs::remove_file(&path);
                None
            }
        }
    }

    /// Kills what is left of it, as far as its processes' environment tells; the answer is how many there were.
    pub fn kill(&self) -> usize {
        let entry = format!("{}={}", variables::SESSION, self.marked.session);
        let found = descent::having(&entry).len();
        if found > 0 {
            descent::kill(|| descent::having(&entry));
        }
        found
    }

    /// Takes the mark away: the session was seen to.
    pub fn forget(self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// A mark as its file has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    session: String,
    person: String,
    began: String,
    valid_until: String,
}

impl Text {
    fn of(marked: &Marked) -> String {
        let text = Text {
            session: marked.session.to_string(),
            person: marked.person.to_string(),
            began: marked.began.to_seconds_text(),
            valid_until: marked.valid_until.to_seconds_text(),
        };
        serde_json::to_string(&text).expect("it has only texts")
    }

    fn parse(text: &str) -> Option<Marked> {
        let text: Text = serde_json::from_str(text).ok()?;
        Some(Marked {
            session: Id::parse(&text.session).ok()?,
            person: PersonName::parse(&text.person).ok()?,
            began: Timestamp::parse(&text.began).ok()?,
            valid_until: Timestamp::parse(&text.valid_until).ok()?,
        })
    }
}

fn path_of(state: &Path, session: &Id) -> PathBuf {
    state.join("run").join(format!("{session}.live"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked() -> Marked {
        Marked::of(Id::from_random([7; 5]))
    }

    #[test]
    fn a_session_is_alive_as_long_as_its_mark_is_held_and_not_lost() {
        let state = tempfile::tempdir().unwrap();
        let mark = Mark::set(state.path(), &marked()).unwrap();
        assert!(is_alive(state.path(), &marked().session));
        assert!(lost(state.path()).is_empty());
        drop(mark);
        assert!(!is_alive(state.path(), &marked().session));
        assert!(lost(state.path()).is_empty());
    }

    #[test]
    fn a_mark_that_nobody_holds_is_of_a_lost_session_and_one_alone_sees_to_it() {
        let state = tempfile::tempdir().unwrap();
        let mark = Mark::set(state.path(), &marked()).unwrap();
        let text = fs::read(&mark.path).unwrap();
        let path = mark.path.clone();
        drop(mark);
        fs::write(&path, text).unwrap();
        let found = lost(state.path()).pop().unwrap();
        assert_eq!(found.marked, marked());
        assert!(lost(state.path()).is_empty());
        found.forget();
        assert!(lost(state.path()).is_empty() && !path.exists());
    }

    #[test]
    fn a_mark_that_was_never_written_is_taken_away() {
        let state = tempfile::tempdir().unwrap();
        let path = path_of(state.path(), &marked().session);
        fs::create_dir(state.path().join("run")).unwrap();
        fs::write(&path, "").unwrap();
        assert!(lost(state.path()).is_empty() && !path.exists());
    }
}
