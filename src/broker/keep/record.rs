//! The recording of a session.
//!
//! Keeps the promise that what the ledger says of a recording is in its file: a line is written before the hash
//! of its chunk is. What waits for the disk here holds the session up, and so its deadline too: writes go to
//! the system's memory, and syncs come often enough that none has much to do. A disk that stands still
//! altogether stops glass as it stops any program that writes; there is no session without a recording.

use std::rc::Rc;
use std::time::Duration;

use crate::model::event::Event;
use crate::model::mask::Mask;
use crate::model::recording::chunks::Chunks;
use crate::model::recording::recorder::Recorder;
use crate::model::recording::{Header, Stream, VERSION};
use crate::model::time::BootTime;
use crate::world::recording::{RecordingError, RecordingFile};
use crate::world::{Session, World};

/// How old a chunk is when it is closed, which is looked at once a second: 10 s at most.
const LONGEST_CHUNK: Duration = Duration::from_secs(9);

/// How long what may become a part of a secret is held back.
const LONGEST_HOLD: Duration = Duration::from_millis(100);

/// How much is written at most without being synced.
const MOST_UNSYNCED: usize = 4 * 1024 * 1024;

/// How large a terminal is that there is not.
const NO_TERMINAL: (u16, u16) = (80, 24);

/// A recording on its way into its file.
pub(super) struct Recording {
    file: Box<dyn RecordingFile>,
    recorder: Recorder,
    chunks: Chunks,
    began: BootTime,
    /// Since when there is something in the open chunk.
    open_since: Option<BootTime>,
    unsynced: usize,
}

impl Recording {
    /// Begins the recording of a session, in the file that was made for it.
    pub(super) fn begin(world: World<'_>, session: &Session, mask: Rc<Mask>) -> Result<Recording, RecordingError> {
        let file = world.recordings.open(session.id())?;
        let granted = session.grant().granted();
        let (width, height) = world.terminal.size().unwrap_or(NO_TERMINAL);
        let title = format!("{}, session {}, {}", granted.profile, session.id(), granted.incident);
        let header = Header { version: VERSION, width, height, timestamp: world.clock.now().seconds(), title };
        let (recorder, began) = (Recorder::new(mask, &header), world.clock.boot());
        let mut recording =
            Recording { file, recorder, chunks: Chunks::default(), began, open_since: None, unsynced: 0 };
        recording.recorder.mark(Duration::ZERO, "session start");
        recording.write(began)?;
        Ok(recording)
    }

    /// Takes note of what is seen; the events that are to be written down for it.
    pub(super) fn shown(&mut self, now: BootTime, stream: Stream, bytes: &[u8]) -> Result<Vec<Event>, RecordingError> {
        self.recorder.shown(now.since(self.began), stream, bytes);
        self.write(now)
    }

    /// Takes note of what is typed.
    pub(super) fn typed(&mut self, now: BootTime, bytes: &[u8]) -> Result<Vec<Event>, RecordingError> {
        self.recorder.typed(now.since(self.began), bytes);
        self.write(now)
    }

    /// Takes note of another size of the terminal.
    pub(super) fn resized(&mut self, now: BootTime, columns: u16, rows: u16) -> Result<Vec<Event>, RecordingError> {
        self.recorder.resized(now.since(self.began), columns, rows);
        self.write(now)
    }

    /// Marks a place, e.g. where a command begins.
    pub(super) fn mark(&mut self, now: BootTime, name: &str) -> Result<Vec<Event>, RecordingError> {
        self.recorder.mark(now.since(self.began), name);
        self.write(now)
    }

    /// Does what its time has come for.
    pub(super) fn ticked(&mut self, now: BootTime) -> Result<Vec<Event>, RecordingError> {
        let mut events = Vec::new();
        if self.due().is_some_and(|due| due <= now) {
            self.recorder.settle();
            events = self.write(now)?;
        }
        if self.open_since.is_some_and(|since| now.since(since) >= LONGEST_CHUNK) {
            events.extend(self.close()?);
        }
        Ok(events)
    }

    /// When it wants to be ticked next, if that is soon.
    pub(super) fn due(&self) -> Option<BootTime> {
        self.recorder.held_since().map(|since| self.began.plus(since + LONGEST_HOLD))
    }

    /// Ends the recording.
    pub(super) fn finish(mut self, now: BootTime) -> Result<Vec<Event>, RecordingError> {
        self.recorder.finish();
        let mut events = self.write(now)?;
        events.extend(self.close()?);
        events.push(Event::RecordingEnd(self.chunks.end(now.since(self.began).as_secs())));
        Ok(events)
    }

    /// Writes the lines that were made, all at once.
    fn write(&mut self, now: BootTime) -> Result<Vec<Event>, RecordingError> {
        let lines = self.recorder.lines();
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        self.file.add(lines)?;
        self.unsynced += lines.len();
        let closed = self.chunks.add(lines);
        self.recorder.forget_lines();
        if !closed.is_empty() || self.open_since.is_none() {
            self.open_since = Some(now);
        }
        if !closed.is_empty() {
            self.file.check()?;
        }
        if self.unsynced >= MOST_UNSYNCED {
            self.sync()?;
        }
        Ok(closed.into_iter().map(Event::RecordingChunk).collect())
    }

    /// Closes the open chunk; what is in it is on the disk before the ledger says so.
    fn close(&mut self) -> Result<Option<Event>, RecordingError> {
        self.file.check()?;
        self.sync()?;
        self.open_since = None;
        Ok(self.chunks.close().map(Event::RecordingChunk))
    }

    fn sync(&mut self) -> Result<(), RecordingError> {
        self.unsynced = 0;
        self.file.sync()
    }
}

/// What the ledger is told of something that is not in the recording.
pub(super) fn loss() -> Event {
    Event::Loss { what: "recording", count: 1 }
}
