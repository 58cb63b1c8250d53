//! What the entries of a ledger call for, and what of it has a receipt.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::sent::Sent;
use crate::host::ledger::spool::Spool;
use crate::model::chain::entry::Entry;
use crate::model::completeness::receipt::{checkpoint_name, recording_name, segment_name};
use crate::model::name::Id;
use crate::world::ledger::LedgerError;

/// What is to be sent because of entries.
#[derive(Default)]
pub struct Called {
    /// The number of the entry after the last of them.
    pub end: u64,
    /// In the order of the entries, each with the number of the one that calls for it.
    pub items: Vec<(u64, Item)>,
    /// Whether something refers to larger contents.
    pub blobs: bool,
    /// The size of the newest checkpoint that has a receipt of this place.
    pub checkpoint: u64,
    /// The names of all that has one.
    receipts: BTreeSet<String>,
}

/// What an entry calls for.
pub enum Item {
    /// The recording of a session that has ended.
    Recording(Id),
    /// A segment that was closed.
    Segment,
}

/// What is read of `ledger.anchor`.
#[derive(Deserialize)]
struct Anchored {
    size: u64,
    to: String,
    segment: Option<Segment>,
    recording: Option<Recording>,
}

#[derive(Deserialize)]
struct Segment {
    name: String,
}

#[derive(Deserialize)]
struct Recording {
    session: String,
}

impl Called {
    /// Reads the entries since what was sent to a place.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn since(spool: &Spool, sent: &Sent) -> Result<Self, LedgerError> {
        let mut called = Called { end: spool.size(), ..Called::default() };
        spool.since(sent.seq, |entry| match entry.ev {
            "session.end" => {
                let session = Id::parse(entry.session).ok();
                called.items.extend(session.map(|session| (entry.seq, Item::Recording(session))));
            }
            "ledger.rotate" => called.items.push((entry.seq, Item::Segment)),
            "elevate.intent" => called.blobs = true,
            "ledger.anchor" => called.receipt(entry, &sent.to),
            _ => {}
        })?;
        Ok(called)
    }

    fn receipt(&mut self, entry: &Entry<'_>, to: &str) {
        let Some(anchored) = serde_json::from_str::<Anchored>(entry.d).ok().filter(|one| one.to == to) else { return };
        self.receipts.insert(match anchored {
            Anchored { recording: Some(Recording { session }), .. } => recording_name(&session),
            Anchored { segment: Some(Segment { name }), .. } => segment_name(&name),
            Anchored { size, .. } => {
                self.checkpoint = self.checkpoint.max(size);
                checkpoint_name(size)
            }
        });
    }

    /// The same, for a place that has lost what it gave receipts for.
    pub fn without_receipts(self) -> Self {
        Called { checkpoint: 0, receipts: BTreeSet::new(), ..self }
    }

    /// Whether the ledger has a receipt for a name.
    pub fn has_receipt(&self, name: &str) -> bool {
        self.receipts.contains(name)
    }
}
