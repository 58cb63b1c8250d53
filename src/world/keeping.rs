//! What happens in a session while it lives, and what is done about it.
//!
//! The supervisor of a session sees and hears; the keeper decides and writes down. So nothing that is
//! seen goes past the ledger, and nothing that decides waits for a terminal, a file or a socket.

use std::time::Duration;

use crate::model::api_call::Heard;
use crate::model::event::Cause;
use crate::model::live::{Answer, Ask};
use crate::model::program::Started;
use crate::model::recording::Stream;
use crate::model::report;
use crate::model::time::BootTime;

/// Something that happened in a live session.
#[derive(Debug)]
pub enum Happening<'a> {
    /// The supervisor has looked around: once a second at the least, and when [`Keeper::due`] says.
    Tick,
    /// So much time is left, one of [`WARNINGS`], and somebody can be told.
    TimeLeft(Duration),
    /// Something was shown.
    Shown(Stream, &'a [u8]),
    /// Something was typed at the terminal, and not as a hidden answer.
    Typed(&'a [u8]),
    /// The terminal has another size: columns and rows.
    Resized(u16, u16),
    /// SDKs told of API calls.
    ApiCalls(Heard),
    /// The session is being ended.
    Ending,
    /// A program was started in the session, and does not run before this is answered.
    Started(Started),
    /// A program was started in the session, and its process was killed before it could be looked at.
    Unseen,
    /// A process of the session has ended, or a thread, as far as they are traced.
    Finished {
        /// Which.
        pid: u32,
        /// Its exit code; 128+n when it died of signal n.
        code: u8,
    },
    /// Shells reported command lines, or something that they should have.
    Commands(report::Heard),
}

/// Whether there are command lines to watch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Commands {
    /// There is no shell.
    #[default]
    None,
    /// The shell reports them.
    Reported,
    /// The shell reports none.
    Unreported,
}

/// What the supervisor is to do.
#[derive(Debug)]
pub enum Then {
    /// Nothing.
    GoOn,
    /// Show this line to whoever sits at the session's terminal.
    Tell(String),
    /// End the session.
    End(Cause),
    /// Show this line, and end the session.
    TellAndEnd(String, Cause),
}

impl Then {
    /// This, or the other where this is nothing.
    #[must_use]
    pub fn or(self, other: Then) -> Then {
        match self {
            Then::GoOn => other,
            Then::Tell(_) | Then::End(_) | Then::TellAndEnd(..) => self,
        }
    }
}

/// Who asks something of a session, as the system tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Its process; 0 where the system does not tell.
    pub pid: u32,
    /// Its program; empty where the system does not tell.
    pub exe: String,
    /// Its user.
    pub uid: u32,
    /// Whether it runs in the session.
    pub inside: bool,
}

/// Decides what is done about what happens in a session, and writes it down.
pub trait Keeper {
    /// Takes note of something; answers at once, since the deadline waits for nobody.
    fn happened(&mut self, what: Happening<'_>) -> Then;

    /// Answers what is asked of the session through its socket. It ends when the answer is [`Answer::Ending`].
    fn asked(&mut self, ask: Ask, by: &Asker) -> Answer;

    /// When it wants the next [`Happening::Tick`], if sooner than in a second.
    fn due(&self) -> Option<BootTime> {
        None
    }
}

/// A keeper of what needs none: it lets everything go on.
pub struct Unkept;

impl Keeper for Unkept {
    fn happened(&mut self, _: Happening<'_>) -> Then {
        Then::GoOn
    }

    fn asked(&mut self, _: Ask, _: &Asker) -> Answer {
        Answer::No("nobody keeps this session".to_owned())
    }
}

/// How long before the deadline the person is warned.
pub const WARNINGS: [Duration; 2] = [Duration::from_secs(300), Duration::from_secs(60)];
