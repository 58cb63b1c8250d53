//! The ssh agent: which keys it has, and what they sign (draft-ietf-sshm-ssh-agent).
//!
//! Keeps the promise that whatever listens there costs bounded time and memory, and can be left with Ctrl-C. What
//! it says is not believed: a signature is held against its key by whoever asked for it.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::signals::{self, Held};
use crate::model::ssh_wire::{Reader, WireError, strings};
use crate::world::signing::AgentError;

/// The largest answer, in bytes: OpenSSH's own limit.
const LARGEST: u32 = 256 * 1024;

/// How long an agent may think about which keys it has.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it may take until somebody has touched a key, or confirmed its use.
const UNTIL_TOUCHED: Duration = Duration::from_secs(120);

/// The messages.
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGNED: u8 = 14;
const FAILURE: u8 = 5;

/// The flag by which an RSA key signs with SHA-512; other kinds of keys pass it over.
const RSA_SHA2_512: u32 = 4;

/// A connection to an agent.
pub(super) struct Agent {
    stream: UnixStream,
    signals: Held,
}

impl Agent {
    /// Connects to the agent that listens at a socket.
    pub(super) fn reach(socket: &Path) -> Result<Self, AgentError> {
        Agent::reach_within(socket, PATIENCE)
    }

    fn reach_within(socket: &Path, patience: Duration) -> Result<Self, AgentError> {
        let failed = |error: Errno| AgentError::Unreachable(error.into());
        let signals = signals::hold().map_err(AgentError::Unreachable)?;
        let address = SocketAddrUnix::new(socket).map_err(failed)?;
        let stream = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None);
        let stream = stream.map_err(failed)?;
        // Who does not take calls any more lets them wait, once enough do.
        set_socket_timeout(&stream, Timeout::Send, Some(patience)).map_err(failed)?;
        loop {
            match connect(&stream, &address) {
                Ok(()) => break,
                Err(Errno::AGAIN) => return Err(AgentError::Silent),
                Err(Errno::INTR) => go_on(&signals)?,
                Err(error) => return Err(failed(error)),
            }
        }
        let stream = UnixStream::from(stream);
        stream.set_nonblocking(true).map_err(AgentError::Unreachable)?;
        Ok(Agent { stream, signals })
    }

    /// The public keys that it has, in SSH's form.
    pub(super) fn keys(&mut self) -> Result<Vec<Vec<u8>>, AgentError> {
        let answer = self.ask(&[REQUEST_IDENTITIES], PATIENCE)?;
        let mut rest = expect(IDENTITIES, &answer)?;
        let mut keys = Vec::new();
        for _ in 0..rest.number()? {
            keys.push(rest.string()?.to_vec());
            let _comment = rest.string()?;
        }
        Ok(keys)
    }

    /// Has one of its keys sign; the signature is in SSH's form.
    pub(super) fn sign(&mut self, key: &[u8], message: &[u8]) -> Result<Vec<u8>, AgentError> {
        let request = [&[SIGN_REQUEST][..], &strings(&[key, message]), &RSA_SHA2_512.to_be_bytes()].concat();
        let answer = self.ask(&request, UNTIL_TOUCHED)?;
        Ok(expect(SIGNED, &answer)?.string()?.to_vec())
    }

    fn ask(&mut self, request: &[u8], patience: Duration) -> Result<Vec<u8>, AgentError> {
        let until = Instant::now() + patience;
        let mut unsent = &strings(&[request])[..];
        while !unsent.is_empty() {
            let sent = self.when(PollFlags::OUT, until, |stream| stream.write(unsent))?;
            unsent = &unsent[sent..];
        }
        let mut length = [0; 4];
        self.read(&mut length, until)?;
        let length = u32::from_be_bytes(length);
        if length > LARGEST {
            return Err(AgentError::NotUnderstood);
        }
        let mut answer = vec![0; length as usize];
        self.read(&mut answer, until)?;
        Ok(answer)
    }

    fn read(&mut self, mut into: &mut [u8], until: Instant) -> Result<(), AgentError> {
        while !into.is_empty() {
            let count = self.when(PollFlags::IN, until, |stream| stream.read(into))?;
            into = &mut into[count..];
        }
        Ok(())
    }

    /// Reads or writes as soon as that is possible, at the latest at a moment.
    fn when(
        &mut self,
        possible: PollFlags,
        until: Instant,
        mut act: impl FnMut(&mut UnixStream) -> io::Result<usize>,
    ) -> Result<usize, AgentError> {
        loop {
            match act(&mut self.stream) {
                Ok(0) => return Err(AgentError::NotUnderstood),
                Ok(count) => return Ok(count),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(error) => return Err(AgentError::Unreachable(error)),
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(AgentError::Silent);
            }
            let mut ready =
                [PollFd::new(&self.stream, possible), PollFd::from_borrowed_fd(self.signals.wake(), PollFlags::IN)];
            // Interrupted or not, the stream, the signals and the clock are looked at.
            let _ = poll(&mut ready, Timespec::try_from(left).ok().as_ref());
            go_on(&self.signals)?;
        }
    }
}

/// Stops if glass was asked to end.
fn go_on(signals: &Held) -> Result<(), AgentError> {
    signals.drain();
    if signals.take_ending().is_some() { Err(AgentError::Interrupted) } else { Ok(()) }
}

impl From<WireError> for AgentError {
    fn from(_: WireError) -> Self {
        AgentError::NotUnderstood
    }
}

/// What follows the kind of an answer, if it is the kind that was asked for.
fn expect(kind: u8, answer: &[u8]) -> Result<Reader<'_>, AgentError> {
    let mut rest = Reader::new(answer);
    match rest.byte()? {
        found if found == kind => Ok(rest),
        FAILURE => Err(AgentError::Refused),
        _ => Err(AgentError::NotUnderstood),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use rustix::net::listen;
    use tempfile::TempDir;

    use super::*;

    const SHORT: Duration = Duration::from_millis(200);

    fn listener() -> (TempDir, std::path::PathBuf, UnixListener) {
        let folder = TempDir::new().unwrap();
        let socket = folder.path().join("agent");
        let listener = UnixListener::bind(&socket).unwrap();
        (folder, socket, listener)
    }

    #[test]
    fn an_agent_that_says_nothing_is_given_up() {
        let (_folder, socket, _listener) = listener();
        let answer = Agent::reach(&socket).unwrap().ask(&[REQUEST_IDENTITIES], SHORT);
        assert!(matches!(answer, Err(AgentError::Silent)), "{answer:?}");
    }

    #[test]
    fn an_agent_that_never_comes_to_an_end_is_given_up() {
        let (_folder, socket, listener) = listener();
        let talker = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(&LARGEST.to_be_bytes()).unwrap();
            // Each byte comes in time, and all of them would take an hour.
            while stream.write_all(&[IDENTITIES]).is_ok() {
                thread::sleep(Duration::from_millis(10));
            }
        });
        let answer = Agent::reach(&socket).unwrap().ask(&[REQUEST_IDENTITIES], SHORT);
        assert!(matches!(answer, Err(AgentError::Silent)), "{answer:?}");
        talker.join().unwrap();
    }

    #[test]
    fn an_agent_that_takes_no_calls_is_given_up() {
        let (_folder, socket, listener) = listener();
        listen(&listener, 0).unwrap();
        let calls: Vec<_> = (0..3).map(|_| Agent::reach_within(&socket, SHORT)).collect();
        assert!(matches!(calls.last(), Some(Err(AgentError::Silent))), "{:?}", calls.last().map(Result::is_ok));
    }
}
