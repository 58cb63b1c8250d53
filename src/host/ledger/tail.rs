//! The end of the ledger: found, held against the head, mended where an append was interrupted, continued.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::failed;
use super::folder::{Folder, Use};
use super::machine::Machine;
use super::snapshot::{Held, Snapshot, stop};
use crate::host::chance::HostChance;
use crate::model::chain::head::{HEAD_BYTES, Head, Known};
use crate::model::chain::origin::Origin;
use crate::model::chain::walk::{Walked, segment_name};
use crate::model::chain::{Said, genesis, line};
use crate::model::event::{Event, Previous};
use crate::model::name::{Digest, Organisation};
use crate::world::ledger::{Appended, LedgerError, Record};
use crate::world::machine::Chance;

/// The end as the files have it: believed, and not touched yet.
pub(super) struct Found {
    snapshot: Snapshot,
    known: Option<Known>,
    walked: Walked,
}

/// What a ledger says of itself when it is begun.
pub(super) struct Beginning<'b> {
    pub(super) organisation: Option<&'b Organisation>,
    pub(super) previous: Option<Previous>,
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
    let snapshot = Snapshot::take(folder, Use::Write)?;
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
        let Found { mut snapshot, known, walked } = self;
        let folder = snapshot.folder;
        let last = snapshot.segments.pop().map_or_else(|| Held::open(&folder, walked.segment, Use::Make), Ok);
        let Held { bytes: length, file, .. } = last?;
        let head = snapshot.head_file.map_or_else(|| folder.open("head.json", Use::Make), Ok)?;
        let segment = segment_name(walked.segment);
        let synced = match snapshot.head {
            Some(head) => Synced { seq: head.synced_seq, segment: head.synced_segment, bytes: head.synced_bytes },
            None => Synced { seq: 0, segment: segment.clone(), bytes: 0 },
        };
        let mut tail = Tail {
            file,
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
        if known.is_some_and(|known| !known.restarted && (&known.segment, known.bytes) != (&segment, length)) {
            tail.write_again()?;
        }
        if !torn.is_empty() {
            tail.folder.put("torn", &format!("{}-{}", tail.next, Digest::of(&torn)), &torn)?;
        }
        if !notes.events.is_empty() {
            let said: Vec<_> = notes.events.iter().map(|event| Said { who: None, session: None, event }).collect();
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

    /// What has to be written down before anything else.
    fn notes(&self, machine: &Machine, beginning: Beginning<'_>, torn: &[u8]) -> Notes {
        let empty = self.walked.verifier.next() == 0;
        let mut notes = if empty { Notes::beginning(machine, beginning) } else { Notes::default() };
        let head = self.snapshot.head_is;
        if !torn.is_empty() || (head != "ok" && !empty) {
            notes.events.push(Event::LedgerRecover { bytes: torn.len() as u64, sha256: Digest::of(torn), head });
        }
        notes
    }
}

/// What has to be written down before anything else, and what stands before the first entry of all.
#[derive(Default)]
struct Notes {
    genesis: Option<Digest>,
    events: Vec<Event>,
}

impl Notes {
    fn beginning(machine: &Machine, beginning: Beginning<'_>) -> Self {
        let organisation = beginning.organisation.map(Organisation::as_str);
        let origin = Origin::new(organisation, &machine.host, &machine.owner.user, &HostChance.id()).to_string();
        let genesis = Some(genesis(&origin));
        let (machine, version) = (machine.owner.machine, env!("CARGO_PKG_VERSION").to_owned());
        Notes { genesis, events: vec![Event::LedgerOpen { origin, machine, version, previous: beginning.previous }] }
    }
}

impl Tail {
    /// Appends entries by one write. Syncs if one of them is a gate, or if more than this would be without a sync.
    ///
    /// # Errors
    /// When it is not certain that they were kept.
    pub(super) fn append(
        &mut self,
        machine: &Machine,
        records: &[Record],
        most: Unsynced,
    ) -> Result<Appended, LedgerError> {
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

    /// Appends entries by one write, over what is torn; moves the head.
    fn put(&mut self, machine: &Machine, said: &[Said<'_>], most: Unsynced) -> Result<Appended, LedgerError> {
        let (mut lines, mut length) = (Vec::new(), 0);
        for said in said {
            let line = line(self.next, self.last, &machine.stamp(), *said).map_err(LedgerError::TooLong)?;
            self.last = Digest::of(&line);
            self.next += 1;
            length = line.len();
            lines.extend(line);
        }
        self.write(&lines).map_err(failed("append to", &self.path()))?;
        self.written = Some(Written { head: Vec::new(), line: length });
        if said.iter().any(|said| said.event.is_gate()) || self.unsynced() >= most {
            self.make_durable()?;
        }
        self.write_head(machine)?;
        Ok(Appended { seq: self.next - 1, hash: self.last })
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
