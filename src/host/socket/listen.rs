//! The socket of a session, as its keeper has it.
//!
//! Keeps the promise that nobody who connects holds the session up: nothing is waited for, a connection has
//! two seconds and one short line, and who says nothing makes room for who does.

use std::collections::VecDeque;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::asker::asker;
use super::{Peer, SocketError, address, folders, open_folder};
use crate::host::places::Places;
use crate::host::source::Source;
use crate::model::event::Cause;
use crate::model::live::{Answer, Ask, LONGEST_ASK, NotALine};
use crate::model::name::Id;
use crate::world::keeping::{Keeper, Then};

/// How many connections that have said nothing yet there may be at once.
const MOST: usize = 64;

/// How long a connection has to say its line.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long questions are answered in a row before the deadline is looked at again.
const IN_A_ROW: Duration = Duration::from_millis(100);

/// How long no connection is taken after the system had no room for one.
const PAUSE: Duration = Duration::from_secs(1);

/// The socket of a session. It is gone when this is dropped.
pub struct Listening {
    listener: UnixListener,
    path: PathBuf,
    /// Who has connected and not said a whole line yet.
    waiting: VecDeque<Caller>,
    pauses_until: Option<Instant>,
}

/// A connection that has not been answered.
pub(super) struct Caller {
    stream: UnixStream,
    peer: Peer,
    since: Instant,
    said: Vec<u8>,
}

/// What a connection has said so far.
enum Said {
    /// A line, without its LF, if it is one.
    Line(Option<Ask>),
    /// Less than a line.
    Less,
    /// Nothing that becomes a line: it is closed, or it is too long.
    Nothing,
}

impl Listening {
    /// Opens the socket of a session, in the first folder that there can be.
    ///
    /// # Errors
    /// When the folder is not this user's alone, or the socket cannot be made.
    pub fn open(places: &Places, session: &Id) -> Result<Listening, SocketError> {
        let folder = folders(places).swap_remove(0);
        let opened = open_folder(&folder)?;
        let path = folder.join(format!("{session}.sock"));
        let failed = |doing| {
            let path = path.clone();
            move |source: io::Error| SocketError::File { doing, path, source }
        };
        // It has its name only when somebody listens: one where nobody does is taken for a lost session's.
        let unnamed = folder.join(format!(".{session}"));
        let listener = UnixListener::bind(address(&opened, &unnamed)?).map_err(failed("make"))?;
        fs::set_permissions(&unnamed, Permissions::from_mode(0o600)).map_err(failed("protect"))?;
        listener.set_nonblocking(true).map_err(failed("open"))?;
        fs::rename(&unnamed, &path).map_err(failed("name"))?;
        Ok(Listening { listener, path, waiting: VecDeque::new(), pauses_until: None })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the next who has connected.
    fn accept(&mut self) -> Option<Caller> {
        if self.pauses() {
            return None;
        }
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    if let Some(caller) = Peer::of(&stream).ok().and_then(|peer| Caller::of(stream, peer)) {
                        return Some(caller);
                    }
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return None,
                    ErrorKind::Interrupted | ErrorKind::ConnectionAborted => {}
                    // There is no room for another, and it would be told again and again.
                    _ => {
                        self.waiting.pop_front();
                        self.pauses_until = Some(Instant::now() + PAUSE);
                        return None;
                    }
                },
            }
        }
    }

    fn pauses(&self) -> bool {
        self.pauses_until.is_some_and(|until| Instant::now() < until)
    }

    /// Answers a connection that has said its line, and closes it; one that has not may go on. Whether the session
    /// is to end.
    fn hear(&mut self, mut caller: Caller, keeper: &mut dyn Keeper) -> bool {
        match caller.read() {
            Said::Line(ask) => {
                let answer = ask.map_or_else(|| Answer::No(NotALine.to_string()), |ask| caller.put(ask, keeper));
                caller.tell(&answer);
                matches!(answer, Answer::Ending(_))
            }
            Said::Less if caller.since.elapsed() < PATIENCE => {
                if self.waiting.len() >= MOST {
                    self.waiting.pop_front();
                }
                self.waiting.push_back(caller);
                false
            }
            Said::Less | Said::Nothing => false,
        }
    }
}

impl Source for Listening {
    fn waits_for(&self) -> Vec<BorrowedFd<'_>> {
        let listener = (!self.pauses()).then(|| self.listener.as_fd());
        listener.into_iter().chain(self.waiting.iter().map(|caller| caller.stream.as_fd())).collect()
    }

    fn listen(&mut self, keeper: &mut dyn Keeper) -> Then {
        let until = Instant::now() + IN_A_ROW;
        for _ in 0..self.waiting.len() {
            let Some(caller) = self.waiting.pop_front() else { break };
            if self.hear(caller, keeper) {
                return Then::End(Cause::End);
            }
        }
        while let Some(caller) = self.accept() {
            if self.hear(caller, keeper) {
                return Then::End(Cause::End);
            }
            if Instant::now() >= until {
                break;
            }
        }
        Then::GoOn
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Caller {
    /// A connection of this user's; nobody else is read from or spoken to.
    pub(super) fn of(stream: UnixStream, peer: Peer) -> Option<Caller> {
        let taken = peer.is_me() && stream.set_nonblocking(true).is_ok();
        taken.then(|| Caller { stream, peer, since: Instant::now(), said: Vec::new() })
    }

    /// Reads what there is, as long as it can become a line.
    fn read(&mut self) -> Said {
        let mut bytes = [0; LONGEST_ASK];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return Said::Nothing,
                Ok(count) => self.said.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Said::Less,
                Err(_) => return Said::Nothing,
            }
            if let Some(end) = self.said.iter().position(|byte| *byte == b'\n') {
                return Said::Line(Ask::parse(&self.said[..end]).ok());
            }
            if self.said.len() >= LONGEST_ASK {
                return Said::Nothing;
            }
        }
    }

    fn put(&self, ask: Ask, keeper: &mut dyn Keeper) -> Answer {
        keeper.asked(ask, &asker(self.peer))
    }

    /// A fresh connection takes more than the longest answer, so what is not taken at once is not wanted.
    fn tell(&mut self, answer: &Answer) {
        let _ = self.stream.write_all(answer.to_line().expose().as_bytes());
    }
}
