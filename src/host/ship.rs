//! Sends the ledger away: its checkpoints, and what its entries call for.
//!
//! The ledger itself says what there is to send, so nothing is lost when sending fails: it is tried again. Keeps the
//! promises that what a place has is never overwritten, that it is held against the ledger each time, and that a
//! place which contradicts the ledger is told at once.

pub mod background;
mod called;
mod confirm;
mod cosign;
mod fault;
mod pack;
mod put;
mod sent;
mod shipment;

use std::path::Path;

use super::ledger::HostLedger;
use super::recorded::Recorded;
use super::witness::Witness;
use crate::model::anchor::{Anchor, AnchorPlace};
use crate::model::event::Event;
use crate::model::name::PersonName;
use crate::world::archive::{Archives, Sender};
use crate::world::ledger::{Ledger, Record};

use background::Due;
use called::Called;
use sent::{FailedAttempt, SentNotes};
use shipment::Shipment;

pub use confirm::HostAnchors;
pub use fault::{Contradiction, ShipError};
pub use sent::{Sent, Waiting};

/// Who sends a ledger, and by what.
pub struct Shipper<'s> {
    /// The ledger.
    pub ledger: &'s HostLedger,
    /// The person, for the entries.
    pub who: Option<&'s PersonName>,
    /// The recordings of its sessions.
    pub recordings: Recorded,
    /// What opens the places.
    pub archives: &'s dyn Archives,
    /// Who sends.
    pub sender: Sender<'s>,
}

/// What is told of a place while it is sent to, and in the end.
#[derive(Debug)]
pub enum Told {
    /// This was sent, under this name.
    Sent(String),
    /// The place has lost what it had, so everything is sent again.
    Forgot,
    /// It has all that there is.
    Done,
    /// It does not.
    Failed(ShipError),
}

/// The places among these that the last attempt to send failed for.
pub fn failed(ledger: &Path, places: &[AnchorPlace]) -> Vec<Sent> {
    let notes = SentNotes::of(ledger);
    let sent = places.iter().map(|to| notes.of_place(&to.to_string()));
    sent.filter(|sent| sent.failed.is_some()).collect()
}

impl Shipper<'_> {
    /// Sends to places, one after another, what they do not have yet; nothing is done when another process sends and
    /// that is not to be waited for. What one of them does not take is no matter to the others.
    ///
    /// # Errors
    /// When nothing can be kept of it.
    pub fn ship(
        &self,
        places: &[AnchorPlace],
        waiting: Waiting,
        told: &mut dyn FnMut(&AnchorPlace, Told),
    ) -> Result<(), ShipError> {
        let notes = SentNotes::of(self.ledger.path());
        let Some(_lock) = notes.hold(waiting).map_err(ShipError::file("lock", &notes.path("lock")))? else {
            return Ok(());
        };
        let due = Due::of(self.ledger.path());
        due.tried();
        due.take_up();
        let mut all = true;
        for to in places {
            let mut sent = notes.of_place(&to.to_string());
            let shipped = self.ship_to(to, &notes, &mut sent, &mut |what| told(to, what));
            sent.failed = shipped.as_ref().err().map(FailedAttempt::now);
            all &= sent.failed.is_none();
            told(to, shipped.map_or_else(Told::Failed, |()| Told::Done));
            notes.keep(&sent).map_err(ShipError::file("write", &notes.path("")))?;
        }
        if all {
            due.done();
        } else {
            due.note();
        }
        Ok(())
    }

    fn ship_to(
        &self,
        to: &AnchorPlace,
        notes: &SentNotes,
        sent: &mut Sent,
        told: &mut dyn FnMut(Told),
    ) -> Result<(), ShipError> {
        let Some(spool) = self.ledger.spool()? else { return Ok(()) };
        // Before its first checkpoint there is nothing that the ledger could be held to.
        let Some((last, note)) = spool.checkpoint()? else { return Ok(()) };
        let to = match to {
            AnchorPlace::Archive(to) => to,
            AnchorPlace::Witness { address, keys } => {
                let ca_bundle = self.sender.place.ca_bundle.clone();
                let witness = Witness { address: address.clone(), keys: keys.clone(), ca_bundle };
                return self.show(&witness, &spool, (last, note), sent, told);
            }
        };
        let archive = self.archives.open(to, &self.sender)?;
        let shipment = Shipment { shipper: self, to, archive, spool: &spool, last, notes };
        let newest = shipment.newest()?;
        let mut called = Called::since(&spool, sent)?;
        if newest < sent.checkpoint.max(called.checkpoint) {
            told(Told::Forgot);
            (sent.seq, sent.checkpoint) = (0, 0);
            called = Called::since(&spool, sent)?.without_receipts();
        }
        shipment.send(note, &called, sent, told)
    }

    fn append(&self, anchor: Anchor) -> Result<(), ShipError> {
        let event = Event::LedgerAnchor(Box::new(anchor));
        self.ledger.append(&Record { who: self.who.cloned(), session: None, event })?;
        Ok(())
    }
}
