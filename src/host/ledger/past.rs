//! Looking back: the entries from one on, found without reading those before.
//!
//! Keeps the promise that a request is spent once, and beside no override that must be reviewed first: whether it was is
//! read under the lock under which the intent is appended, from the ledger's own entries.

use std::io::{self, BufRead, ErrorKind};

use super::folder::{Folder, Use};
use super::held::Held;
use super::snapshot::Snapshot;
use super::tail::{ANY, Tail};
use super::{HostLedger, LONGEST_WAIT, failed};
use crate::model::chain::LONGEST_LINE;
use crate::model::chain::entry::Entry;
use crate::model::chain::origin::Origin;
use crate::model::chain::walk::segment_name;
use crate::model::policy::NoSignOff;
use crate::model::sign_off::using::Using;
use crate::model::time::Timestamp;
use crate::world::ledger::{Appended, LedgerError, Past, Record};

/// How near to a line it is worth while to look for it in the middle of what is left, in bytes.
const NEAR: u64 = 4 * LONGEST_LINE as u64;

impl HostLedger {
    pub(super) fn look_back(&self, from: u64, each: &mut dyn FnMut(&Entry<'_>)) -> Result<Past, LedgerError> {
        let folder = Folder::check(&self.path)?;
        let _still = folder.hold_still()?;
        let origin = Snapshot::take(&folder)?.origin()?;
        let origin = origin.as_deref().and_then(Origin::parse);
        let origin =
            origin.ok_or_else(|| LedgerError::Untrusted { reason: "it does not say whose it is".to_owned() })?;
        let first = folder.segments()?.first().copied().unwrap_or_default();
        let mut latest = None;
        let size = read_from(&folder, from.max(first), |_, entry| {
            latest = latest.max(Timestamp::parse(entry.ts).ok());
            each(entry);
        })?;
        Ok(Past { origin, first, size, latest })
    }

    /// Reads the lines from an entry on, those that are here, and gives how many there are in all.
    ///
    /// # Errors
    /// When they cannot be read, or are no entries.
    pub fn lines_from(&self, from: u64, each: impl FnMut(&[u8], &Entry<'_>)) -> Result<u64, LedgerError> {
        let folder = Folder::check(&self.path)?;
        let from = from.max(folder.segments()?.first().copied().unwrap_or_default());
        read_from(&folder, from, each)
    }

    pub(super) fn append_unless_forbidden(
        &self,
        records: &[Record],
        using: Using,
    ) -> Result<Result<Vec<Appended>, NoSignOff>, LedgerError> {
        let (room, appended) = self.at_the_end(LONGEST_WAIT, |tail| {
            let room = self.make_room(tail, records)?;
            if let Some(why) = forbidden(tail, using)? {
                return Ok((room, Err(why)));
            }
            Ok((room, Ok(tail.append(&self.machine, records, ANY)?)))
        })?;
        self.settle_in(room);
        if appended.is_ok() {
            self.show(records);
        }
        Ok(appended)
    }
}

/// What forbids the use of a request.
fn forbidden(tail: &Tail, mut using: Using) -> Result<Option<NoSignOff>, LedgerError> {
    let (request, from) = (using.request(), using.from());
    if from > tail.last_seq() + 1 {
        let reason = format!("the request {request} was made when it had {from} entries");
        return Err(LedgerError::RolledBack { segment: segment_name(tail.segment), reason });
    }
    if let Some(first) = tail.folder.segments()?.first().filter(|first| **first > from) {
        let reason = format!("the entries from {from} on are not here, among which may be one that used {request}");
        return Err(LedgerError::Broken { segment: segment_name(*first), line: 1, reason });
    }
    read_from(&tail.folder, from, |_, entry| using.read(entry))?;
    Ok(using.against())
}

/// Reads the entries from one on, and gives how many there are in all. The chain is not verified here.
///
/// # Errors
/// When some of them are not here any more, or are none.
fn read_from(folder: &Folder, from: u64, mut each: impl FnMut(&[u8], &Entry<'_>)) -> Result<u64, LedgerError> {
    let firsts = folder.segments()?;
    let begin = firsts.partition_point(|first| *first <= from).saturating_sub(1);
    let mut size = firsts.get(begin).copied().unwrap_or_default();
    for first in firsts.into_iter().skip(begin) {
        let segment = Held::open(folder, first, Use::Read)?;
        let read = read_segment(&segment, from, &mut size, &mut each);
        if let Err(reason) = read.map_err(failed("read", &folder.file(&segment_name(first))))? {
            let line = size.saturating_sub(first) + 1;
            return Err(LedgerError::Broken { segment: segment_name(first), line, reason });
        }
    }
    Ok(size)
}

/// Reads the entries of a segment from one on; a line that is not whole yet ends it.
fn read_segment(
    segment: &Held,
    from: u64,
    size: &mut u64,
    each: &mut impl FnMut(&[u8], &Entry<'_>),
) -> io::Result<Result<(), String>> {
    let mut lines = segment.lines(offset_before(segment, from)?);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 && line.last() == Some(&b'\n') {
        match Entry::parse(&line) {
            Ok(entry) if entry.seq > from.max(*size) => {
                return Ok(Err(format!("expected entry {}, found entry {}", from.max(*size), entry.seq)));
            }
            Ok(entry) => {
                *size = entry.seq + 1;
                if entry.seq >= from {
                    each(&line, &entry);
                }
            }
            Err(error) => return Ok(Err(error.to_string())),
        }
        line.clear();
    }
    Ok(Ok(()))
}

/// Where a line begins that is not far before an entry, or is that entry.
fn offset_before(segment: &Held, seq: u64) -> io::Result<u64> {
    let (mut low, mut high) = (0, segment.bytes);
    while high - low > NEAR {
        let middle = low + (high - low) / 2;
        let window = segment.window(middle, segment.bytes.min(middle + 2 * LONGEST_LINE as u64))?;
        let mut parts = window.split_inclusive(|byte| *byte == b'\n');
        let skipped = parts.next().ok_or(ErrorKind::UnexpectedEof)?.len() as u64;
        match parts.next().map(Entry::parse) {
            Some(Ok(entry)) if entry.seq <= seq => low = middle + skipped,
            // What is no entry is found when it is read.
            Some(Ok(_) | Err(_)) | None => high = middle,
        }
    }
    Ok(low)
}
