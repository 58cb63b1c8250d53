//! The ledger as what is to be sent away: its own entries say what there is, and in which order.
//!
//! Keeps the promise that no checkpoint leaves this machine that is not one of these very lines.

use std::fs::File;
use std::io::{BufRead, Read};
use std::path::Path;

use super::closed::Closed;
use super::contents::Contents;
use super::folder::{Folder, Use};
use super::held::Held;
use super::reader::Reader;
use super::seal::checkpoint_in;
use super::snapshot::stop;
use super::tree::Tree;
use super::{HostLedger, failed};
use crate::model::chain::LONGEST_LINE;
use crate::model::chain::entry::Entry;
use crate::model::chain::signed::Asked;
use crate::model::chain::walk::segment_name;
use crate::model::checkpoint::Checkpoint;
use crate::model::name::Digest;
use crate::world::ledger::LedgerError;

/// A ledger at one moment, to be sent.
pub struct Spool {
    folder: Folder,
    tree: Tree,
}

impl HostLedger {
    /// Looks at what there is to be sent; nothing where there is no ledger yet.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn spool(&self) -> Result<Option<Spool>, LedgerError> {
        Spool::of(&self.path)
    }
}

impl Spool {
    /// What there is to be sent of the ledger in a folder; nothing where there is none yet.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn of(ledger: &Path) -> Result<Option<Self>, LedgerError> {
        if !ledger.exists() {
            return Ok(None);
        }
        let folder = Folder::check(ledger)?;
        let mut tree = Tree::load(&folder);
        tree.read_on(&folder, None)?;
        Ok((tree.size() > 0).then_some(Spool { folder, tree }))
    }

    /// Whose ledger it is.
    pub fn origin(&self) -> &str {
        self.tree.origin()
    }

    /// How many entries it has.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The last checkpoint and its note, if there is one.
    ///
    /// # Errors
    /// When it is not one of these lines.
    pub fn checkpoint(&self) -> Result<Option<(Checkpoint, &str)>, LedgerError> {
        let Some((note, last)) = self.tree.note().and_then(|note| Some((note, checkpoint_in(note)?))) else {
            return Ok(None);
        };
        if self.root_at(last.size)? == Some(last.root) {
            return Ok(Some((last, note)));
        }
        let reason = format!("the checkpoint of {} entries is not one of these", last.size);
        let (segment, line) = self.tree.last_line();
        Err(LedgerError::Broken { segment: segment_name(segment), line, reason })
    }

    /// The root of the tree over the first so many entries; nothing if there are fewer.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn root_at(&self, size: u64) -> Result<Option<Digest>, LedgerError> {
        Ok(self.tree.blocks_at(&self.folder, &[size])?.root(size).filter(|_| size <= self.size()))
    }

    /// The proof that the first so many entries are the beginning of the first so many others; nothing if they are not,
    /// or are not here any more.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn consistency(&self, older: u64, newer: u64) -> Result<Option<Vec<Digest>>, LedgerError> {
        Ok(self.tree.blocks_at(&self.folder, &[older, newer])?.consistency(older, newer))
    }

    /// Reads the entries from a number on.
    ///
    /// # Errors
    /// When they cannot be read, or a line is none.
    pub fn since(&self, seq: u64, mut each: impl FnMut(&Entry<'_>)) -> Result<(), LedgerError> {
        let segments = self.folder.segments()?;
        let within = segments.iter().rposition(|first| *first <= seq).unwrap_or(0);
        for first in segments.iter().skip(within).take_while(|first| **first < self.size()) {
            let held = Held::open(&self.folder, *first, Use::Read)?;
            let unread = |error| failed("read", &self.folder.file(&segment_name(*first)))(error);
            let mut lines = held.lines(0);
            let (mut line, mut next) = (Vec::new(), *first);
            while next < self.size() {
                line.clear();
                lines.by_ref().take(LONGEST_LINE as u64 + 1).read_until(b'\n', &mut line).map_err(unread)?;
                if line.is_empty() {
                    break;
                }
                if next >= seq {
                    let entry = Entry::parse(&line).map_err(|error| {
                        let (segment, reason) = (segment_name(*first), error.to_string());
                        LedgerError::Broken { segment, line: next - first + 1, reason }
                    })?;
                    each(&entry);
                }
                next += 1;
            }
        }
        Ok(())
    }

    /// The segments that were closed and are here. All of the ledger is verified for that.
    ///
    /// # Errors
    /// When it does not verify, or cannot be read.
    pub fn closed(&self) -> Result<Vec<Closed>, LedgerError> {
        let verified = Reader::of_own(&self.folder.file(""))?.verify(Asked::default(), |_| false, |_, _| ())?;
        stop(&verified.reading.walked.judgement).map(|()| verified.closed)
    }

    /// Opens a segment by the number of its first entry; nothing where it is gone.
    ///
    /// # Errors
    /// When it cannot be opened, or others could have written it.
    pub fn segment(&self, first: u64) -> Result<Option<File>, LedgerError> {
        self.folder.open_if_there(&segment_name(first), Use::Read)
    }

    /// The larger contents that entries refer to.
    pub fn contents(&self) -> Contents {
        Contents::of(&self.folder)
    }
}
