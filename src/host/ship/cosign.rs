//! One ledger on its way to a witness, which is shown its checkpoints and nothing else.

use super::called::Called;
use super::sent::Sent;
use super::{ShipError, Shipper, Told};
use crate::host::clock::HostClock;
use crate::host::ledger::spool::Spool;
use crate::host::witness::Witness;
use crate::model::anchor::{Anchor, AnchorReceipt};
use crate::model::checkpoint::Checkpoint;
use crate::model::completeness::receipt::checkpoint_name;
use crate::model::witness::Cosigned;
use crate::world::machine::Clock;

impl Shipper<'_> {
    /// Has a witness cosign the last checkpoint, each time: only so it is held against what the witness has seen.
    pub(super) fn show(
        &self,
        witness: &Witness,
        spool: &Spool,
        (last, note): (Checkpoint, &str),
        sent: &mut Sent,
        told: &mut dyn FnMut(Told),
    ) -> Result<(), ShipError> {
        let called = Called::since(spool, sent)?;
        let known = sent.checkpoint.max(called.checkpoint);
        let cosigned = cosign(witness, spool, (&last, note), known)?;
        let anchor = anchor(&last, witness, cosigned, known);
        let forgot = anchor.receipt.is_of_one_that_forgot();
        if forgot {
            told(Told::Forgot);
        }
        let name = checkpoint_name(last.size);
        if forgot || last.size > sent.checkpoint && !called.has_receipt(&name) {
            self.append(anchor)?;
            told(Told::Sent(format!("{}/{name}", spool.origin())));
        }
        (sent.checkpoint, sent.seq) = (last.size, called.end);
        Ok(())
    }
}

/// Has a witness cosign a checkpoint of a ledger; `known` is how many entries it is thought to have cosigned.
pub fn cosign(
    witness: &Witness,
    spool: &Spool,
    (checkpoint, note): (&Checkpoint, &str),
    known: u64,
) -> Result<Cosigned, ShipError> {
    // What cannot be read proves nothing.
    let consistency = |old| spool.consistency(old, checkpoint.size).ok().flatten();
    Ok(witness.cosign(note, known, &consistency, HostClock.now())?)
}

/// The anchor of a checkpoint that was cosigned by a witness of which it is known how many entries it had cosigned.
pub fn anchor(checkpoint: &Checkpoint, witness: &Witness, cosigned: Cosigned, known: u64) -> Anchor {
    let Checkpoint { size, root, .. } = *checkpoint;
    let forgot = (cosigned.before < known).then_some(known);
    let (to, receipt) = (witness.address.to_string(), AnchorReceipt::Witness { note: cosigned.note, forgot });
    Anchor { size, root, kind: "witness", to, receipt, segment: None, recording: None }
}
