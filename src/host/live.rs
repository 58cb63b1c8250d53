//! Marks of live sessions: a file each, locked as long as the process that keeps the session lives.
//!
//! The kernel gives the lock back however that process ends, so a mark without one is of a session that was lost.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};
use std::{error, fmt};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::descent;
use super::places::Places;
use super::socket::{self, Listening, SocketError};
use crate::model::live::{Ask, Live};
use crate::model::name::Id;
use crate::world::variables;

/// How often it is looked whether a session has ended.
const STEP: Duration = Duration::from_millis(5);

/// How long a session that is ended in passing is waited for.
const LONGEST_END: Duration = Duration::from_secs(2);

/// What a mark says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marked {
    /// Its session.
    pub live: Live,
    /// Where it is asked.
    pub socket: PathBuf,
}

/// A session that lives as long as this value.
pub struct Mark {
    path: PathBuf,
    _locked: File,
}

/// Marks a session as alive, and opens its socket.
///
/// # Errors
/// When either cannot be made.
pub fn begin(places: &Places, live: &Live) -> Result<(Mark, Listening), LiveError> {
    let listening = Listening::open(places, &live.session).map_err(LiveError::Socket)?;
    let marked = Marked { live: live.clone(), socket: listening.path().to_owned() };
    let mark = Mark::set(places.state(), &marked).map_err(LiveError::Mark)?;
    Ok((mark, listening))
}

impl Mark {
    fn set(state: &Path, marked: &Marked) -> io::Result<Mark> {
        let path = path_of(state, &marked.live.session);
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        // It has its name only when it is locked: one that is not is taken for a lost session's.
        let unnamed = path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unnamed)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        file.write_all(&serde_json::to_vec(marked)?)?;
        fs::rename(&unnamed, &path)?;
        Ok(Mark { path, _locked: file })
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        // A mark that stays is unlocked, and so is found.
        let _ = fs::remove_file(&self.path);
    }
}

/// The marks below the state folder, those of lost sessions too; the session that lasts longest first.
pub fn marks(state: &Path) -> Vec<Marked> {
    let read = |path: PathBuf| serde_json::from_slice(&fs::read(path).ok()?).ok();
    let mut marks: Vec<Marked> = paths(state).filter_map(read).collect();
    marks.sort_by_key(|marked| std::cmp::Reverse(marked.live.expires));
    marks
}

fn paths(state: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(state.join("run")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|ending| ending == "live"))
}

/// Whether a session is alive: whether somebody holds the lock of its mark.
pub fn is_alive(state: &Path, session: &Id) -> bool {
    let Ok(file) = File::open(path_of(state, session)) else { return false };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(rustix::io::Errno::WOULDBLOCK) => true,
        Ok(()) | Err(_) => false,
    }
}

/// Whether any session below the state folder is alive.
pub fn is_any_alive(state: &Path) -> bool {
    marks(state).iter().any(|marked| is_alive(state, &marked.live.session))
}

/// Waits until a session has ended, so long at the most; whether it has.
pub fn ends_within(state: &Path, session: &Id, longest: Duration) -> bool {
    let until = Instant::now() + longest;
    while is_alive(state, session) {
        if Instant::now() >= until {
            return false;
        }
        thread::sleep(STEP);
    }
    true
}

/// Asks every session below the state folder to end, and waits a little for each.
pub fn end_all(state: &Path) {
    let asked: Vec<Marked> =
        marks(state).into_iter().filter(|marked| socket::ask(&marked.socket, Ask::End, LONGEST_END).is_ok()).collect();
    for marked in asked {
        ends_within(state, &marked.live.session, LONGEST_END);
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
    paths(state).filter_map(Lost::take).collect()
}

impl Lost {
    fn take(path: PathBuf) -> Option<Lost> {
        let locked = File::open(&path).ok()?;
        flock(&locked, FlockOperation::NonBlockingLockExclusive).ok()?;
        if locked.metadata().ok()?.nlink() == 0 {
            return None;
        }
        match serde_json::from_slice(&fs::read(&path).ok()?) {
            Ok(marked) => Some(Lost { marked, path, _locked: locked }),
            Err(_) => {
                // A mark has its name only when it was written: this is none.
                let _ = fs::remove_file(&path);
                None
            }
        }
    }

    /// Kills what is left of it, as far as its processes' environment tells; the answer is how many there were.
    pub fn kill(&self) -> usize {
        let entry = format!("{}={}", variables::SESSION, self.marked.live.session);
        let found = descent::having(&entry).map_or(0, |found| found.len());
        if found > 0 {
            descent::kill(|| descent::having(&entry));
        }
        found
    }

    /// Takes its mark and its socket away: the session was seen to.
    pub fn forget(self) {
        let _ = fs::remove_file(&self.marked.socket);
        let _ = fs::remove_file(&self.path);
    }
}

/// Takes the sockets away that neither a mark nor a listener has; the answer is which.
pub fn clear_sockets(places: &Places) -> Vec<PathBuf> {
    let entries = socket::folders(places).into_iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
    let mut sockets: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    sockets.retain(|path| {
        let session = path.file_name().and_then(|name| Id::parse(name.to_str()?.strip_suffix(".sock")?).ok());
        session.is_some_and(|session| !path_of(places.state(), &session).exists())
            && socket::nobody_listens(path)
            && fs::remove_file(path).is_ok()
    });
    sockets
}

/// Why a session cannot be told to be alive.
#[derive(Debug)]
pub enum LiveError {
    /// It has no socket.
    Socket(SocketError),
    /// It has no mark.
    Mark(io::Error),
}

impl fmt::Display for LiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LiveError::Socket(error) => write!(f, "{error}"),
            LiveError::Mark(error) => write!(f, "{error}"),
        }
    }
}

impl error::Error for LiveError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            LiveError::Socket(error) => error.source(),
            LiveError::Mark(error) => error.source(),
        }
    }
}

fn path_of(state: &Path, session: &Id) -> PathBuf {
    state.join("run").join(format!("{session}.live"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::model::time::Timestamp;

    fn marked() -> Marked {
        Marked { live: Live::example(Id::from_random([7; 5])), socket: PathBuf::from("/nowhere/0.sock") }
    }

    fn session() -> Id {
        marked().live.session
    }

    #[test]
    fn a_session_is_alive_as_long_as_its_mark_is_held_and_not_lost() {
        let state = tempfile::tempdir().unwrap();
        let mark = Mark::set(state.path(), &marked()).unwrap();
        assert!(is_alive(state.path(), &session()));
        assert_eq!(marks(state.path()), [marked()]);
        assert!(lost(state.path()).is_empty());
        drop(mark);
        assert!(!is_alive(state.path(), &session()));
        assert!(marks(state.path()).is_empty() && lost(state.path()).is_empty());
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
    fn what_is_no_mark_is_taken_away() {
        let state = tempfile::tempdir().unwrap();
        let path = path_of(state.path(), &session());
        fs::create_dir(state.path().join("run")).unwrap();
        fs::write(&path, "").unwrap();
        assert!(lost(state.path()).is_empty() && !path.exists());
    }

    #[test]
    fn the_session_that_lasts_longest_is_the_first() {
        let state = tempfile::tempdir().unwrap();
        let lasting = |byte, seconds| {
            let live = Live { expires: Timestamp::from_seconds(seconds), ..Live::example(Id::from_random([byte; 5])) };
            Mark::set(state.path(), &Marked { live, ..marked() }).unwrap()
        };
        let _marks = [lasting(1, 10), lasting(2, 30), lasting(3, 20)];
        let order: Vec<i64> = marks(state.path()).iter().map(|marked| marked.live.expires.seconds()).collect();
        assert_eq!(order, [30, 20, 10]);
    }

    #[test]
    fn a_socket_is_cleared_when_nobody_listens_and_no_mark_has_it() {
        let home = tempfile::tempdir().unwrap();
        let places = Places::of(home.path());
        let run = places.state().join("run");
        DirBuilder::new().recursive(true).mode(0o700).create(&run).unwrap();
        let path = |byte| run.join(format!("{}.sock", Id::from_random([byte; 5])));
        drop(UnixListener::bind(path(1)).unwrap());
        let _listener = UnixListener::bind(path(2)).unwrap();
        drop(UnixListener::bind(path(7)).unwrap());
        let _mark = Mark::set(places.state(), &marked()).unwrap();
        fs::write(run.join("something else"), "").unwrap();
        assert_eq!(clear_sockets(&places), [path(1)]);
        assert!(path(2).exists() && path(7).exists() && run.join("something else").exists());
    }
}
