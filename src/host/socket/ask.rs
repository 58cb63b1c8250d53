//! Asking whoever keeps a session: one line, one answer, in bounded time.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{error, fmt};

use rustix::io::retry_on_intr;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::{Peer, SocketError, address, open_folder};
use crate::model::live::{Answer, Ask, LONGEST_ANSWER, NotALine};

/// How often who was sent away for others asks again.
const ATTEMPTS: usize = 5;

/// Asks the keeper of a session behind this socket, and waits for the answer so long at the most.
///
/// # Errors
/// When nobody listens, or there is no answer that can be believed.
pub fn ask(socket: &Path, ask: Ask, patience: Duration) -> Result<Answer, AskError> {
    let mut attempts = 1;
    loop {
        match ask_once(socket, ask, patience) {
            Err(AskError::SentAway) if attempts < ATTEMPTS => attempts += 1,
            outcome => return outcome,
        }
    }
}

fn ask_once(socket: &Path, ask: Ask, patience: Duration) -> Result<Answer, AskError> {
    let mut stream = reach(socket, patience)?;
    // A keeper that has no time for this connection closes it, at whatever moment.
    let closed = |error: io::Error| match error.kind() {
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => AskError::SentAway,
        ErrorKind::WouldBlock | ErrorKind::TimedOut => AskError::Silent,
        _ => AskError::Failed(error),
    };
    stream.write_all(ask.to_line().as_bytes()).map_err(closed)?;
    let mut said = vec![0; LONGEST_ANSWER];
    let mut length = 0;
    let until = Instant::now() + patience;
    while !said[..length].ends_with(b"\n") {
        let read = match stream.read(&mut said[length..]) {
            // Whoever ends a session from within is signalled before the answer is read.
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read.map_err(closed)?,
        };
        match read {
            0 if length == 0 => return Err(AskError::SentAway),
            0 => return Err(AskError::NotALine(NotALine)),
            count => length += count,
        }
        if Instant::now() > until {
            return Err(AskError::Silent);
        }
    }
    Answer::parse(&said[..length - 1]).map_err(AskError::NotALine)
}

/// Connects, and looks who listens before a word is said.
fn reach(socket: &Path, patience: Duration) -> Result<UnixStream, AskError> {
    let folder = open_folder(socket.parent().unwrap_or(Path::new("/"))).map_err(AskError::NoSocket)?;
    let address = address(&folder, socket).map_err(AskError::NoSocket)?;
    let failed = |error: rustix::io::Errno| match error {
        rustix::io::Errno::CONNREFUSED | rustix::io::Errno::NOENT => AskError::NobodyListens,
        rustix::io::Errno::AGAIN => AskError::Silent,
        other => AskError::Failed(other.into()),
    };
    let address = SocketAddrUnix::new(&address).map_err(failed)?;
    let stream = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).map_err(failed)?;
    for timeout in [Timeout::Send, Timeout::Recv] {
        set_socket_timeout(&stream, timeout, Some(patience)).map_err(failed)?;
    }
    retry_on_intr(|| connect(&stream, &address)).map_err(failed)?;
    let stream = UnixStream::from(stream);
    let peer = Peer::of(&stream).map_err(AskError::Failed)?;
    if peer.is_me() { Ok(stream) } else { Err(AskError::SomebodyElse(peer.uid)) }
}

/// Whether a socket is left over from a session that is no more.
pub fn nobody_listens(socket: &Path) -> bool {
    matches!(reach(socket, Duration::from_millis(100)), Err(AskError::NobodyListens))
}

/// Why there is no answer.
#[derive(Debug)]
pub enum AskError {
    /// Nobody listens.
    NobodyListens,
    /// There is no answer in time.
    Silent,
    /// The connection was closed without an answer.
    SentAway,
    /// Another user listens.
    SomebodyElse(u32),
    /// The answer is none.
    NotALine(NotALine),
    /// The socket's folder is not this user's alone.
    NoSocket(SocketError),
    /// The connection failed.
    Failed(io::Error),
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AskError::NobodyListens => f.write_str("nobody listens at its socket"),
            AskError::Silent => f.write_str("it does not answer"),
            AskError::SentAway => f.write_str("it has no time for an answer"),
            AskError::SomebodyElse(uid) => write!(f, "user id {uid} listens at its socket"),
            AskError::NotALine(_) => f.write_str("its answer is not understood"),
            AskError::NoSocket(_) => f.write_str("its socket is not used"),
            AskError::Failed(_) => f.write_str("it cannot be asked"),
        }
    }
}

impl error::Error for AskError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            AskError::NotALine(source) => Some(source),
            AskError::NoSocket(source) => Some(source),
            AskError::Failed(source) => Some(source),
            AskError::NobodyListens | AskError::Silent | AskError::SentAway | AskError::SomebodyElse(_) => None,
        }
    }
}
