//! What the ledger says of the programs that are started in a session.

use crate::model::event::{CommandSource, Event, RanProgram};
use crate::model::program::{self, Started};
use crate::model::time::Timestamp;

/// A program that was started just now. It is written down before it runs, so that no end of the session comes
/// between; how long it ran and how it ended is not known then.
pub fn started(started: Started, now: Timestamp, masked: &dyn Fn(&str) -> String) -> Event {
    let Started { pid, parent, path, cwd, arguments } = started;
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

/// A program that was started and could not be looked at.
pub fn unseen() -> Event {
    Event::Loss { what: "started programs", count: 1 }
}
