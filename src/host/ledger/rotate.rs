//! Rotation: a segment that is long enough is closed, and the ledger goes on in the next one.
//!
//! Keeps the promise that there is one chain and one tree over all segments, wherever a rotation was interrupted.

use super::folder::{Folder, LONGEST_WAIT};
use super::tail::Tail;
use super::tree::Tree;
use super::{Asking, HostLedger};
use crate::model::chain::walk::segment_name;
use crate::model::name::{Digest, PersonName};
use crate::world::ledger::{LedgerError, Record};

/// What makes a segment long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How long it may be without its `ledger.rotate`, in bytes.
    pub(super) segment: u64,
    /// How much is read at the most for the tree's root while others wait, in bytes. More is left to be read only where the
    /// file of the tree is missing or damaged.
    pub(super) at_once: u64,
}

pub(super) const LIMITS: Limits = Limits { segment: 64 << 20, at_once: 128 << 20 };

/// A segment that was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// Its file name.
    pub segment: String,
    /// How many entries the ledger had before the segment's last, `ledger.rotate`.
    pub size: u64,
    /// The root of the tree over these.
    pub root: Digest,
}

/// What was done so that entries have room in their segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// Nothing had to be.
    Enough,
    /// They go into the next segment.
    Rotated,
    /// They make this segment longer than it is to be: closing it would have held others up.
    Overdue,
}

impl HostLedger {
    /// Closes the current segment, and goes on in the next one; `who` has asked for it, if anybody has.
    ///
    /// # Errors
    /// When it is not certain that this was kept. Whatever is missing then, the next append mends.
    pub fn rotate(&self, who: Option<&PersonName>) -> Result<Rotated, LedgerError> {
        // What takes long is done before others have to wait.
        let folder = Folder::check(&self.path)?;
        let mut tree = Tree::load(&folder);
        tree.read_on(&folder, None)?;
        self.at_the_end(LONGEST_WAIT, |tail| self.close(tail, who, &mut tree))
    }

    /// Makes room for entries at the end of the ledger.
    pub(super) fn make_room(&self, tail: &mut Tail, records: &[Record]) -> Result<Room, LedgerError> {
        if tail.has_room(&self.machine, records, self.limits.segment)? {
            return Ok(Room::Enough);
        }
        let mut tree = Tree::load(&tail.folder);
        if tree.behind(&tail.folder)? > self.limits.at_once {
            return Ok(Room::Overdue);
        }
        self.close(tail, None, &mut tree).map(|_| Room::Rotated)
    }

    /// Does what a rotation leaves to be done, once the entries that needed room are appended.
    pub(super) fn settle_in(&self, room: Room) {
        let rotated = match room {
            Room::Enough => return,
            Room::Rotated => Ok(()),
            Room::Overdue => self.rotate(None).map(drop),
        };
        // The entries are kept whatever becomes of this, and the next append sees to it.
        let signed = rotated.map(|()| self.seal(Asking::Never, None, None));
        if let Err(error) = signed {
            tracing::debug!(%error, "the segment is not closed");
        }
    }

    fn close(&self, tail: &mut Tail, who: Option<&PersonName>, tree: &mut Tree) -> Result<Rotated, LedgerError> {
        tree.catch_up(tail)?;
        let rotated = Rotated { segment: segment_name(tail.segment), size: tree.size(), root: tree.root() };
        tail.rotate(&self.machine, who, rotated.root)?;
        if let Err(error) = tree.keep(&tail.folder) {
            tracing::debug!(%error, "the tree is not kept");
        }
        Ok(rotated)
    }
}
