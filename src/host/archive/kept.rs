//! What an archive has of a ledger, held to the ledger's receipts for it.
//!
//! Keeps the promise that what was sent is there as it was sent, whatever name something else may have by now: each
//! object is read as what was put first, and unpacked no further than its receipt says.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::unpacked::{Found, unpack};
use crate::model::anchor::Measure;
use crate::model::completeness::passage::Passage;
use crate::model::completeness::receipt::{Altered, Gone, Receipt, Receipts, Sent, segment_first};
use crate::model::name::Digest;
use crate::world::archive::{Archive, ArchiveError};

/// What one archive has of a ledger.
pub struct Kept {
    /// The archive.
    pub archive: Box<dyn Archive>,
    /// Where it is, for people.
    pub at: String,
    /// Whose ledger it is.
    pub origin: String,
    /// The names of all that it has, below the ledger's own folder.
    pub names: BTreeSet<String>,
    /// The roots of the checkpoints among them.
    pub checkpoints: BTreeMap<String, Digest>,
    /// The entries whose receipts it was held to.
    done: BTreeSet<u64>,
    /// The names that it was held to receipts for.
    held: BTreeSet<String>,
}

/// What was found where receipts say that something is.
#[derive(Debug, Default)]
pub struct Findings {
    /// What is not there.
    pub gone: Vec<Gone>,
    /// What is another.
    pub altered: Vec<Altered>,
    /// How much was read for that.
    pub read: Amount,
}

/// How much was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// How many objects.
    pub objects: u64,
    /// How many bytes, as they lie there.
    pub bytes: u64,
}

impl Amount {
    /// Adds an object.
    pub fn add(&mut self, bytes: u64) {
        self.objects += 1;
        self.bytes += bytes;
    }
}

impl Kept {
    /// What an archive has, of which the checkpoints are still to be read.
    pub fn of(archive: Box<dyn Archive>, at: String, origin: String, names: BTreeSet<String>) -> Self {
        let (checkpoints, done, held) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Kept { archive, at, origin, names, checkpoints, done, held }
    }

    /// Holds it to the receipts that it was not held to yet: those of it, and those of other places for names that it
    /// has, since a share may be mounted elsewhere by now. What a segment says was sent joins them: where that segment is
    /// gone from the ledger, nothing else says so.
    ///
    /// # Errors
    /// When something that is there cannot be read.
    pub fn hold(
        &mut self,
        receipts: &mut Receipts,
        is_of_it: impl Fn(&str) -> bool,
        findings: &mut Findings,
    ) -> Result<(), ArchiveError> {
        loop {
            let due = receipts.iter().filter(|receipt| !self.done.contains(&receipt.seq));
            let mut due: Vec<(bool, Receipt)> = due.map(|receipt| (is_of_it(&receipt.to), receipt.clone())).collect();
            if due.is_empty() {
                return Ok(());
            }
            due.sort_by_key(|(own, receipt)| Reverse((segment_first(&receipt.name), *own)));
            for (own, receipt) in due {
                self.done.insert(receipt.seq);
                let Receipt { to, name, seq, .. } = receipt.clone();
                let is_there = self.names.contains(&name);
                if !own && (!is_there || self.held.contains(&name)) {
                    continue;
                }
                self.held.insert(name.clone());
                if !is_there {
                    findings.gone.push(Gone { to, name, seq });
                } else if let Err(reason) = self.is_kept(&receipt, receipts, &mut findings.read)? {
                    let to = self.at.clone();
                    findings.altered.push(Altered { to, name, seq, reason });
                }
            }
        }
    }

    /// Whether it has what a receipt is of; with what it is that is not so.
    fn is_kept(
        &self,
        receipt: &Receipt,
        receipts: &mut Receipts,
        read: &mut Amount,
    ) -> Result<Result<(), String>, ArchiveError> {
        match &receipt.sent {
            Sent::Checkpoint => Ok(match self.checkpoints.get(&receipt.name) {
                Some(root) if *root == receipt.root => Ok(()),
                Some(_) | None => Err("it is no checkpoint with the root that was sent".to_owned()),
            }),
            Sent::Recording(None) | Sent::Segment(None) => Ok(Err("the receipt does not say what was sent".to_owned())),
            Sent::Recording(Some(sent)) => self.unpack(&receipt.name, *sent, |_| (), read),
            Sent::Segment(Some((sent, end))) => {
                let first = segment_first(&receipt.name).unwrap_or(u64::MAX);
                let mut passage = Passage::from(first);
                if let Err(reason) = self.unpack(&receipt.name, *sent, |piece| passage.take(piece), read)? {
                    return Ok(Err(reason));
                }
                let before = receipts.state_before(first).or_else(|| passage.receipts().state_before(first));
                let held = passage.held_to(end, before);
                if held.is_ok() {
                    receipts.join(passage.into_receipts());
                }
                Ok(held)
            }
        }
    }

    /// Unpacks what is there, and holds it to what was sent.
    fn unpack(
        &self,
        name: &str,
        sent: Measure,
        each: impl FnMut(&[u8]),
        read: &mut Amount,
    ) -> Result<Result<(), String>, ArchiveError> {
        let name = format!("{}/{name}", self.origin);
        let Found { measure, read: bytes } = unpack(self.archive.as_ref(), &name, sent.bytes, each)?;
        read.add(bytes);
        Ok(match measure {
            Some(found) if found == sent => Ok(()),
            Some(Measure { bytes, sha256 }) => {
                Err(format!("it has {bytes} bytes and SHA-256 {sha256}, {} and {} were sent", sent.bytes, sent.sha256))
            }
            None => Err(format!("it is no gzip of the {} bytes that were sent", sent.bytes)),
        })
    }
}
