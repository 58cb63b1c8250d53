//! The sockets of live sessions: where they are, and who may speak through them.
//!
//! Keeps the promise that nobody but this user speaks to a session: a socket lies in a folder of this
//! user's alone, and each side looks who is at the other end before it reads or says a word.

mod ask;
mod asker;
mod listen;

use std::fs::{self, DirBuilder};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::{error, fmt, io};

use rustix::fs::{Mode, OFlags};
use rustix::process::geteuid;

use super::places::Places;

pub use ask::{AskError, ask, nobody_listens};
pub use listen::Listening;

/// The longest path that every system takes in the address of a socket.
const LONGEST_PATH: usize = 103;

/// The folders in which sessions may have their sockets, the preferred one first.
pub fn folders(places: &Places) -> Vec<PathBuf> {
    let runtime = places.runtime().filter(|folder| is_ours(folder)).map(|folder| folder.join("glass"));
    runtime.into_iter().chain([places.state().join("run")]).collect()
}

/// Whether a folder is there, this user's, and nobody else can put anything into it.
fn is_ours(folder: &Path) -> bool {
    fs::metadata(folder)
        .is_ok_and(|found| found.is_dir() && found.uid() == geteuid().as_raw() && found.mode() & 0o022 == 0)
}

/// Opens a folder for sockets, and makes it where there is none.
///
/// # Errors
/// When it is a link, somebody else's, or others may look into it.
fn open_folder(path: &Path) -> Result<OwnedFd, SocketError> {
    let failed = |doing| move |error: io::Error| SocketError::File { doing, path: path.to_owned(), source: error };
    let untrusted = |why| Err(SocketError::Untrusted { path: path.to_owned(), why });
    DirBuilder::new().recursive(true).mode(0o700).create(path).or_else(|error| match error.kind() {
        // What is there instead of a folder is looked at below.
        io::ErrorKind::AlreadyExists => Ok(()),
        _ => Err(failed("make")(error)),
    })?;
    if path.is_symlink() {
        return untrusted("is a link");
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| failed("open")(error.into()))?;
    let found = rustix::fs::fstat(&folder).map_err(|error| failed("look at")(error.into()))?;
    if found.st_uid != geteuid().as_raw() {
        return untrusted("is somebody else's");
    }
    if found.st_mode & 0o077 != 0 {
        return untrusted("is open to others");
    }
    Ok(folder)
}

/// The address of a socket: its path, or where that is too long, a shorter way to the same folder.
fn address(folder: &OwnedFd, path: &Path) -> Result<PathBuf, SocketError> {
    let too_long = || SocketError::TooLong(path.to_owned());
    if path.as_os_str().as_bytes().len() <= LONGEST_PATH {
        return Ok(path.to_owned());
    }
    if !cfg!(target_os = "linux") {
        return Err(too_long());
    }
    let name = path.file_name().ok_or_else(too_long)?;
    Ok(Path::new(&format!("/proc/self/fd/{}", folder.as_fd().as_raw_fd())).join(name))
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Peer {
    uid: u32,
    /// The process that connected or listens; 0 where the system does not tell.
    pid: u32,
}

impl Peer {
    /// As the kernel tells it.
    #[cfg(target_os = "linux")]
    fn of(stream: &UnixStream) -> io::Result<Peer> {
        let found = rustix::net::sockopt::socket_peercred(stream)?;
        Ok(Peer { uid: found.uid.as_raw(), pid: found.pid.as_raw_nonzero().get().unsigned_abs() })
    }

    /// As the kernel tells it; the process is not asked for.
    #[cfg(not(target_os = "linux"))]
    fn of(stream: &UnixStream) -> io::Result<Peer> {
        let (uid, _) = nix::unistd::getpeereid(stream)?;
        Ok(Peer { uid: uid.as_raw(), pid: 0 })
    }

    /// Whether it is this user.
    fn is_me(self) -> bool {
        self.uid == geteuid().as_raw()
    }
}

/// Why there is no socket.
#[derive(Debug)]
pub enum SocketError {
    /// The folder is not this user's alone.
    Untrusted {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The path does not fit into the address of a socket.
    TooLong(PathBuf),
    /// The system did not make it.
    File {
        /// What was being done, e.g. `make`.
        doing: &'static str,
        /// The socket or its folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SocketError::Untrusted { path, why } => write!(f, "{} {why}", path.display()),
            SocketError::TooLong(path) => write!(f, "{} is too long for the address of a socket", path.display()),
            SocketError::File { doing, path, .. } => write!(f, "cannot {doing} {}", path.display()),
        }
    }
}

impl error::Error for SocketError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            SocketError::File { source, .. } => Some(source),
            SocketError::Untrusted { .. } | SocketError::TooLong(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
