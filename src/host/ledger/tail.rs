//! The end of the ledger: found, held against the head, mended where an append was interrupted, continued.

use std::fs::{File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::PathBuf;

use super::beginning::{Beginning, Notes};
use super::failed;
use super::folder::{Folder, Use};
use super::held::Held;
use super::machine::Machine;
use super::snapshot::{Snapshot, stop};
use crate::model::chain::entry::Entry;
use crate::model::chain::head::{HEAD_BYTES, Head, Known};
use crate::model::chain::walk::{Walked, segment_name};
use crate::model::chain::{LONGEST_LINE, Said, line};
use crate::model::event::Event;
use crate::model::name::{Digest, PersonName};
use crate::world::ledger::{Appended, LedgerError, Record};

/// The end as the files have it: believed, and not touched yet.
pub(super) struct Found {
    snapshot: Snapshot,
    known: Option<Known>,
    walked: Walked,
}

/// The end of a whole ledger, where the next entry goes.
pub(super) struct Tail {
    pub(super) folder: Folder,
    pub(super) file: File,
    /// Which segment, and how long: with what is torn, and without.
    pub(super) segment: u64,
    length: u64,
    pub(super) bytes: u64,
    next: u64,
    pub(super) last: Digest,
    pub(super) head: File,
    synced: Synced,
    pub(super) written: Option<Written>,
}

/// What was written last.
pub(super) struct Written {
    /// The head.
    pub(super) head: Vec<u8>,
    /// The length of the last line.
    pub(super) line: usize,
}

/// Lines that follow each other.
struct Lines {
    text: Vec<u8>,
    appended: Vec<Appended>,
    /// The length of the last one, and its hash.
    length: usize,
    last: Digest,
}

/// How much may be without a sync after an append, in bytes.
pub(super) type Unsynced = u64;

/// What is no gate waits for the next sync, whenever that is.
pub(super) const ANY: Unsynced = u64::MAX;

/// What is on the disk for good.
struct Synced {
    seq: u64,
    segment: String,
    bytes: u64,
}

/// Finds the end, under the lock. Only what the head does not vouch for is read.
///
/// # Errors
/// When the ledger is broken, rolled back, or somebody else's.
pub(super) fn find(folder: &Folder, machine: &Machine) -> Result<Found, LedgerError> {
    let snapshot = Snapshot::take_end(folder, Use::Write, &machine.boot)?;
    snapshot.check_owner(&machine.owner)?;
    let known = snapshot.head.as_ref().map(|head| head.known(&machine.boot));
    let walked = match &known {
        Some(known) => snapshot.walk_after(known)?,
        None => snapshot.walk_all(None, |_, _| ())?,
    };
    stop(&walked.judgement)?;
    Ok(Found { snapshot, known, walked })
}

impl Found {
    /// Checks that the ledger still has the last entry that this process appended.
    ///
    /// # Errors
    /// When it ends before that.
    pub(super) fn reaches(&self, last: Option<u64>) -> Result<(), LedgerError> {
        match last.filter(|last| self.walked.verifier.next() <= *last) {
            None => Ok(()),
            Some(last) => Err(LedgerError::RolledBack {
                segment: segment_name(self.walked.segment),
                reason: format!("entry {last}, appended by this process, is gone"),
            }),
        }
    }

    /// Makes the end whole: begins a ledger that is empty, keeps aside and cuts off what an interrupted
    /// append left, and writes down that it did.
    ///
    /// # Errors
    /// When it is not certain that this was kept.
    pub(super) fn settle(self, machine: &Machine, beginning: Beginning<'_>) -> Result<Tail, LedgerError> {
        let torn = self.torn()?;
        let notes = self.notes(machine, beginning, &torn);
        let closing = self.closing(&torn)?;
        let Found { snapshot, known, walked } = self;
        let folder = snapshot.folder;
        let purpose = match closing {
            _ if snapshot.segments.is_empty() => Use::Make,
            Some(Closing::Closed) => Use::Read,
            Some(Closing::Begun) | None => Use::Write,
        };
        let held = Held::open(&folder, walked.segment, purpose)?;
        let head = snapshot.head_file.map_or_else(|| folder.open("head.json", Use::Make), Ok)?;
        let segment = segment_name(walked.segment);
        let synced = match snapshot.head {
            Some(head) => Synced { seq: head.synced_seq, segment: head.synced_segment, bytes: head.synced_bytes },
            None => Synced { seq: 0, segment: segment.clone(), bytes: 0 },
        };
        let length = held.bytes;
        let mut tail = Tail {
            file: held.into_file().map_err(failed("open", &folder.file(&segment)))?,
            segment: walked.segment,
            length,
            bytes: walked.bytes,
            next: walked.verifier.next(),
            last: walked.verifier.last().or(notes.genesis).expect("an empty ledger has notes with its genesis"),
            head,
            folder,
            synced,
            written: None,
        };
        let lags = known.is_some_and(|known| !known.restarted && (&known.segment, known.bytes) != (&segment, length));
        if lags && purpose != Use::Read {
            tail.write_again()?;
        }
        match closing {
            Some(Closing::Begun) => tail.sync(machine).and_then(|()| tail.close())?,
            Some(Closing::Closed) => tail.go_on()?,
            // The folder may not have been synced since its file was made.
            None if tail.bytes == 0 && tail.segment > 0 => tail.folder.sync()?,
            None => {}
        }
        if !torn.is_empty() {
            tail.folder.put(&format!("torn/{}-{}", tail.next, Digest::of(&torn)), &torn)?;
        }
        if !notes.events.is_empty() {
            let said: Vec<_> = notes.events.iter().map(|event| Said { who: notes.who, session: None, event }).collect();
            tail.put(machine, &said, ANY)?;
        }
        if snapshot.head_is != "ok" {
            let whole = tail.head.set_len(HEAD_BYTES as u64).and_then(|()| tail.head.sync_all());
            whole.map_err(failed("sync", &tail.folder.file("head.json")))?;
            tail.folder.sync()?;
        }
        Ok(tail)
    }

    /// What stands after the last good line.
    fn torn(&self) -> Result<Vec<u8>, LedgerError> {
        let Some(segment) = self.snapshot.segments.last() else { return Ok(Vec::new()) };
        let path = self.snapshot.folder.file(&segment_name(segment.first));
        segment.window(self.walked.bytes, segment.bytes).map_err(failed("read", &path))
    }

    /// Whether the last good line closes its segment, and how far that has come.
    fn closing(&self, torn: &[u8]) -> Result<Option<Closing>, LedgerError> {
        let Some(segment) = self.snapshot.segments.last().filter(|_| self.walked.bytes > 0 && torn.is_empty()) else {
            return Ok(None);
        };
        let path = self.snapshot.folder.file(&segment_name(segment.first));
        let line = segment.line_before(self.walked.bytes).map_err(failed("read", &path))?;
        if !Entry::parse(&line).is_ok_and(|entry| entry.ev == "ledger.rotate") {
            return Ok(None);
        }
        let is_writable = segment.is_writable().map_err(failed("look at", &path))?;
        Ok(Some(if is_writable { Closing::Begun } else { Closing::Closed }))
    }

    /// What has to be written down before anything else.
    fn notes<'b>(&self, machine: &Machine, beginning: Beginning<'b>, torn: &[u8]) -> Notes<'b> {
        let empty = self.walked.verifier.next() == 0;
        let mut notes = if empty { Notes::beginning(machine, beginning) } else { Notes::default() };
        let head = self.snapshot.head_is;
        if !torn.is_empty() || (head != "ok" && !empty) {
            notes.events.push(Event::LedgerRecover { bytes: torn.len() as u64, sha256: Digest::of(torn), head });
        }
        notes
    }
}

/// How far the closing of the last segment has come, which ends with its `ledger.rotate`.
enum Closing {
    /// It may not be on the disk yet.
    Begun,
    /// It is, and the segment is read-only.
    Closed,
}

impl Tail {
    /// Appends entries by one write, and gives their places. Syncs if one of them is a gate, or if more than this would be
    /// without a sync.
    ///
    /// # Errors
    /// When it is not certain that they were kept.
    pub(super) fn append(
        &mut self,
        machine: &Machine,
        records: &[Record],
        most: Unsynced,
    ) -> Result<Vec<Appended>, LedgerError> {
        self.put(machine, &records.iter().map(Record::said).collect::<Vec<_>>(), most)
    }

    /// Makes durable what is not yet.
    ///
    /// # Errors
    /// When it is not certain that it is.
    pub(super) fn sync(&mut self, machine: &Machine) -> Result<(), LedgerError> {
        if self.synced.seq + 1 == self.next {
            return Ok(());
        }
        self.make_durable()?;
        self.write_head(machine)
    }

    /// What would be appended now.
    fn lines(&self, machine: &Machine, said: &[Said<'_>]) -> Result<Lines, LedgerError> {
        let mut lines = Lines { text: Vec::new(), appended: Vec::new(), length: 0, last: self.last };
        for (seq, said) in (self.next..).zip(said) {
            let line = line(seq, lines.last, &machine.stamp(), *said).map_err(LedgerError::TooLong)?;
            lines.last = Digest::of(&line);
            lines.appended.push(Appended { seq, hash: lines.last });
            lines.length = line.len();
            lines.text.extend(line);
        }
        Ok(lines)
    }

    /// Appends entries by one write, over what is torn; moves the head.
    fn put(&mut self, machine: &Machine, said: &[Said<'_>], most: Unsynced) -> Result<Vec<Appended>, LedgerError> {
        let lines = self.lines(machine, said)?;
        (self.next, self.last) = (self.next + said.len() as u64, lines.last);
        self.write(&lines.text).map_err(failed("append to", &self.path()))?;
        self.written = Some(Written { head: Vec::new(), line: lines.length });
        if said.iter().any(|said| said.event.is_gate()) || self.unsynced() >= most {
            self.make_durable()?;
        }
        self.write_head(machine)?;
        Ok(lines.appended)
    }

    /// Whether entries have room in a segment that may be so long.
    ///
    /// # Errors
    /// When one of them would be too long.
    pub(super) fn has_room(&self, machine: &Machine, records: &[Record], longest: u64) -> Result<bool, LedgerError> {
        if self.bytes + (records.len() * LONGEST_LINE) as u64 <= longest {
            return Ok(true);
        }
        let said: Vec<_> = records.iter().map(Record::said).collect();
        Ok(self.bytes == 0 || self.bytes + self.lines(machine, &said)?.text.len() as u64 <= longest)
    }

    /// Closes the segment by its last entry, and goes on in the next one.
    ///
    /// # Errors
    /// When it is not certain that this was kept. Whatever is missing then, the next append mends.
    pub(super) fn rotate(
        &mut self,
        machine: &Machine,
        who: Option<&PersonName>,
        root: Digest,
    ) -> Result<(), LedgerError> {
        let event = Event::LedgerRotate { size: self.next, root, bytes: self.bytes };
        self.put(machine, &[Said { who, session: None, event: &event }], ANY)?;
        self.close()
    }

    /// Makes the segment read-only, which is whole and on the disk. So a segment that is read-only never has to be written again.
    fn close(&mut self) -> Result<(), LedgerError> {
        let closed = self.file.set_permissions(Permissions::from_mode(0o400)).and_then(|()| self.file.sync_all());
        closed.map_err(failed("make read-only", &self.path()))?;
        self.go_on()
    }

    /// Goes on in the next segment. The head stays where it is until something is in there.
    fn go_on(&mut self) -> Result<(), LedgerError> {
        let held = Held::open(&self.folder, self.next, Use::Make)?;
        self.folder.sync()?;
        (self.segment, self.length, self.bytes, self.written) = (held.first, held.bytes, 0, None);
        self.file = held.into_file().map_err(failed("open", &self.path()))?;
        Ok(())
    }

    /// The number of the last entry.
    pub(super) fn last_seq(&self) -> u64 {
        self.next - 1
    }

    fn path(&self) -> PathBuf {
        self.folder.file(&segment_name(self.segment))
    }

    /// How many bytes of the last segment are without a sync.
    fn unsynced(&self) -> u64 {
        let synced = if self.synced.segment == segment_name(self.segment) { self.synced.bytes } else { 0 };
        self.bytes - synced
    }

    fn make_durable(&mut self) -> Result<(), LedgerError> {
        self.file.sync_data().map_err(failed("sync", &self.path()))?;
        self.synced = Synced { seq: self.next - 1, segment: segment_name(self.segment), bytes: self.bytes };
        Ok(())
    }

    fn write_head(&mut self, machine: &Machine) -> Result<(), LedgerError> {
        let head = Head {
            boot: machine.boot.clone(),
            seq: self.next - 1,
            hash: self.last.to_string(),
            segment: segment_name(self.segment),
            bytes: self.bytes,
            synced_seq: self.synced.seq,
            synced_segment: self.synced.segment.clone(),
            synced_bytes: self.synced.bytes,
        };
        let head = head.to_bytes();
        overwrite(&self.head, &head).map_err(failed("overwrite", &self.folder.file("head.json")))?;
        if let Some(written) = &mut self.written {
            written.head = head;
        }
        Ok(())
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let written = self.file.write_at(lines, self.bytes)?;
        if written != lines.len() {
            return Err(short(written, lines.len()));
        }
        self.bytes += lines.len() as u64;
        if self.length > self.bytes {
            self.file.set_len(self.bytes)?;
        }
        self.length = self.bytes;
        Ok(())
    }

    /// Writes again what an interrupted append may have failed to bring to the disk.
    ///
    /// After a sync that failed, the kernel takes the pages for clean: another sync would succeed
    /// without having written them. Writing the same bytes makes them dirty again.
    fn write_again(&self) -> Result<(), LedgerError> {
        let from = self.bytes - self.unsynced();
        let again = || {
            let mut bytes = vec![0; usize::try_from(self.bytes - from).map_err(|_| ErrorKind::FileTooLarge)?];
            self.file.read_exact_at(&mut bytes, from)?;
            self.file.write_all_at(&bytes, from)
        };
        again().map_err(failed("write again", &self.path()))
    }
}

/// Overwrites the head in place, by one write.
fn overwrite(file: &File, head: &[u8]) -> io::Result<()> {
    let written = file.write_at(head, 0)?;
    if written == head.len() { Ok(()) } else { Err(short(written, head.len())) }
}

fn short(written: usize, of: usize) -> io::Error {
    io::Error::new(ErrorKind::WriteZero, format!("only {written} of {of} bytes were written"))
}
