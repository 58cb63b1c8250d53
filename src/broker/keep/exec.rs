//! What the ledger says of the programs that are started in a session.
//!
//! Each is written down before it runs, so that no end of the session comes between, and again when it has ended.

use std::collections::BTreeMap;

use crate::model::event::{CommandSource, Event, RanProgram};
use crate::model::mask::Mask;
use crate::model::program::{self, Started};
use crate::model::time::{BootTime, Timestamp};

/// The programs that run: when each was started, by its process.
#[derive(Default)]
pub(super) struct Programs(BTreeMap<u32, BootTime>);

impl Programs {
    /// A program was started just now; it takes the place of the one that its process had before.
    pub(super) fn started(&mut self, started: Started, now: Timestamp, boot: BootTime, mask: &Mask) -> Event {
        let Started { pid, parent, path, cwd, arguments } = started;
        self.0.insert(pid, boot);
        let masked = |text: &str| mask.text(text);
        let told = |path: Vec<u8>| program::path(&path, masked);
        let (argv, whole) = arguments.told(masked);
        Event::Program(Box::new(RanProgram {
            source: CommandSource::Kernel,
            path: path.map(told),
            argv,
            cwd: cwd.map(told),
            start: now,
            seconds: None,
            code: None,
            pid,
            parent,
            whole,
        }))
    }

    /// A process or a thread has ended; there is something to say if a program was started in it.
    pub(super) fn finished(&mut self, pid: u32, code: u8, boot: BootTime) -> Option<Event> {
        let seconds = boot.since(self.0.remove(&pid)?).as_secs();
        Some(Event::ProgramEnd { source: CommandSource::Kernel, pid, seconds, code })
    }
}

/// A program that was started and could not be looked at.
pub(super) fn unseen() -> Event {
    Event::Loss { what: "started programs", count: 1 }
}
