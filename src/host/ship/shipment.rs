//! One ledger on its way to one place.

use std::collections::BTreeSet;
use std::io::Read;

use super::called::{Called, Item};
use super::pack::pack;
use super::put::{Put, put, put_note, read_note, text_in};
use super::sent::{Sent, SentNotes};
use super::{Contradiction, ShipError, Shipper, Told};
use crate::host::archive::unpacked::unpack;
use crate::host::ledger::Closed;
use crate::host::ledger::spool::Spool;
use crate::model::anchor::{Anchor, AnchorReceipt, Measure, SentRecording, SentSegment};
use crate::model::chain;
use crate::model::checkpoint::Checkpoint;
use crate::model::completeness::receipt::{checkpoint_name, checkpoint_size, recording_name, segment_name};
use crate::model::destination::Destination;
use crate::model::name::Id;
use crate::world::archive::{Archive, Content, Receipt};

/// The file in which things are packed.
const PACKED: &str = ".packed";

/// What is sent, and where to.
pub struct Shipment<'s> {
    pub shipper: &'s Shipper<'s>,
    pub to: &'s Destination,
    pub archive: Box<dyn Archive>,
    pub spool: &'s Spool,
    /// The last checkpoint.
    pub last: Checkpoint,
    pub notes: &'s SentNotes,
}

impl Shipment<'_> {
    /// Holds the newest checkpoint that the place has against the ledger; its size, 0 if there is none.
    pub fn newest(&self) -> Result<u64, ShipError> {
        let below = self.name("checkpoint");
        let size_of = |name: &str| checkpoint_size(name.strip_prefix(self.spool.origin())?.strip_prefix('/')?);
        let names = self.archive.names(&below)?;
        let Some((name, size)) = names.iter().rev().find_map(|name| Some((name, size_of(name)?))) else {
            return Ok(0);
        };
        let other = || ShipError::Contradicted(Contradiction::Other(name.clone()));
        let note = read_note(self.archive.as_ref(), name)?;
        let found = text_in(&note).and_then(|text| Checkpoint::parse(text).ok()).ok_or_else(other)?;
        if found.origin != self.spool.origin() || found.size != size {
            return Err(other());
        }
        match self.spool.root_at(size)? {
            Some(root) if root == found.root => Ok(size),
            Some(_) => Err(other()),
            None => {
                let (name, size) = (name.clone(), self.spool.size());
                Err(ShipError::Contradicted(Contradiction::Longer { name, size }))
            }
        }
    }

    /// Sends what the place does not have, the newest checkpoint first.
    pub fn send(
        &self,
        note: &str,
        called: &Called,
        sent: &mut Sent,
        told: &mut dyn FnMut(Told),
    ) -> Result<(), ShipError> {
        if self.last.size > sent.checkpoint {
            self.checkpoint(note, called, told)?;
            sent.checkpoint = self.last.size;
            self.keep(sent)?;
        }
        if called.blobs {
            self.blobs(told)?;
        }
        let mut closed = None;
        for (seq, item) in &called.items {
            match item {
                Item::Recording(session) => self.recording(session, called, told)?,
                Item::Segment => {
                    let closed = match &mut closed {
                        Some(closed) => closed,
                        none => none.insert(self.spool.closed()?),
                    };
                    if let Some(closed) = closed.iter().find(|closed| closed.state.size() == seq + 1) {
                        self.segment(closed, called, told)?;
                    }
                }
            }
            sent.seq = seq + 1;
            self.keep(sent)?;
        }
        sent.seq = called.end;
        Ok(())
    }

    fn checkpoint(&self, note: &str, called: &Called, told: &mut dyn FnMut(Told)) -> Result<(), ShipError> {
        let name = checkpoint_name(self.last.size);
        let Put { receipt, is_new } = put_note(self.archive.as_ref(), self.to, &self.name(&name), note)?;
        if is_new {
            told(Told::Sent(self.name(&name)));
        }
        if called.has_receipt(&name) { Ok(()) } else { self.shipper.append(self.anchor(receipt)) }
    }

    /// Sends what entries refer to by its hash. A name says what must be under it, so no receipt is needed.
    fn blobs(&self, told: &mut dyn FnMut(Told)) -> Result<(), ShipError> {
        let known: BTreeSet<String> = self.archive.names(&self.name("blob"))?.into_iter().collect();
        let contents = self.spool.contents();
        for digest in contents.list()?.unwrap_or_default() {
            let name = format!("blob/{digest}.gz");
            if !known.contains(&self.name(&name)) {
                let measure = self.pack(&mut contents.open(&digest)?)?;
                if measure.sha256 != digest {
                    return Err(ShipError::Spoilt(digest));
                }
                self.put_packed(&name, measure, told)?;
            }
        }
        Ok(())
    }

    /// Sends the recording of a session, if there is one.
    fn recording(&self, session: &Id, called: &Called, told: &mut dyn FnMut(Told)) -> Result<(), ShipError> {
        let name = recording_name(session.as_str());
        if called.has_receipt(&name) {
            return Ok(());
        }
        let Some(mut file) = self.shipper.recordings.open(session).map_err(ShipError::Recording)? else {
            return Ok(());
        };
        let measure = self.pack(&mut file)?;
        let receipt = self.put_packed(&name, measure, told)?;
        let recording = Some(SentRecording { session: session.clone(), measure });
        self.shipper.append(Anchor { recording, ..self.anchor(receipt) })
    }

    /// Sends a closed segment; one that is gone was sent.
    fn segment(&self, closed: &Closed, called: &Called, told: &mut dyn FnMut(Told)) -> Result<(), ShipError> {
        let segment = chain::walk::segment_name(closed.first);
        let name = segment_name(&segment);
        if called.has_receipt(&name) {
            return Ok(());
        }
        let Some(mut file) = self.spool.segment(closed.first)? else { return Ok(()) };
        let measure = self.pack(&mut file)?;
        let receipt = self.put_packed(&name, measure, told)?;
        let state = closed.state.clone();
        let (size, root) = (state.size(), state.root());
        let segment = Some(SentSegment { name: segment, measure, state });
        self.shipper.append(Anchor { size, root, segment, ..self.anchor(receipt) })
    }

    fn pack(&self, from: &mut impl Read) -> Result<Measure, ShipError> {
        let path = self.notes.path(PACKED);
        pack(from, &path).map_err(ShipError::file("pack into", &path))
    }

    /// Puts what was packed last.
    fn put_packed(&self, name: &str, measure: Measure, told: &mut dyn FnMut(Told)) -> Result<Receipt, ShipError> {
        let (name, path) = (self.name(name), self.notes.path(PACKED));
        let same = || Ok(unpack(self.archive.as_ref(), &name, measure.bytes, |_| ())?.measure == Some(measure));
        let Put { receipt, is_new } = put(self.archive.as_ref(), self.to, &name, Content::File(&path), same)?;
        // Only its room is lost if it stays.
        let _ = std::fs::remove_file(&path);
        if is_new {
            told(Told::Sent(name));
        }
        Ok(receipt)
    }

    /// The anchor of the last checkpoint.
    fn anchor(&self, receipt: Receipt) -> Anchor {
        let Checkpoint { size, root, .. } = self.last;
        let (kind, to, receipt) = (self.to.kind(), self.to.to_string(), AnchorReceipt::Archive(receipt));
        Anchor { size, root, kind, to, receipt, segment: None, recording: None }
    }

    fn keep(&self, sent: &Sent) -> Result<(), ShipError> {
        self.notes.keep(sent).map_err(ShipError::file("write", &self.notes.path("")))
    }

    fn name(&self, below: &str) -> String {
        format!("{}/{below}", self.spool.origin())
    }
}
