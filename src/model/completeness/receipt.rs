//! What a ledger itself says was sent away: its receipts.
//!
//! They are the ledger's own word, so they make nothing complete. But what one of them names must be where it says: an
//! archive that has lost it was tampered with, or is another.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::chain::entry::Entry;
use crate::model::chain::signed::Signatures;
use crate::model::completeness::{Found, Kind};
use crate::model::name::Digest;
use crate::model::note::Note;
use crate::model::note::key::WitnessKey;
use crate::model::time::Timestamp;

/// The receipts of a ledger.
#[derive(Debug, Default)]
pub struct Receipts(Vec<Receipt>);

/// One of them.
#[derive(Debug)]
pub struct Receipt {
    /// The entry that has it.
    pub seq: u64,
    /// The time of that entry.
    pub at: Timestamp,
    /// What took it: `folder`, `s3`, `witness`.
    pub kind: String,
    /// The place.
    pub to: String,
    /// How many entries the checkpoint has that was sent.
    pub size: u64,
    root: String,
    /// What was sent, below the ledger's own folder in an archive.
    name: String,
    /// The note that a witness has cosigned.
    note: Option<String>,
}

/// Something that an archive should have and does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gone {
    /// The archive.
    #[serde(rename = "from")]
    pub to: String,
    /// What it should have.
    pub name: String,
    /// The entry that has the receipt.
    pub seq: u64,
}

/// The details of `ledger.anchor`.
#[derive(Deserialize)]
struct Anchored {
    size: u64,
    root: String,
    kind: String,
    to: String,
    receipt: Value,
    segment: Value,
    recording: Value,
}

impl Receipts {
    /// Whether entries of an event are for this.
    pub fn takes(event: &str) -> bool {
        event == "ledger.anchor"
    }

    /// Takes an entry that was verified.
    pub fn take(&mut self, entry: &Entry<'_>) {
        if Self::takes(entry.ev) {
            self.0.extend(receipt(entry));
        }
    }

    /// The one of the most entries that the ledger has; of several the last.
    pub fn newest(&self, signatures: &Signatures) -> Option<&Receipt> {
        let is_so = |receipt: &&Receipt| {
            signatures.root_at(receipt.size).map(|root| root.to_string()).as_ref() == Some(&receipt.root)
        };
        self.0.iter().filter(is_so).max_by_key(|receipt| (receipt.size, receipt.seq))
    }

    /// The notes among them that one of the witnesses has cosigned: those are more than the ledger's own word.
    pub fn cosigned(&self, witnesses: &[WitnessKey]) -> Vec<Found> {
        let cosigned = |receipt: &&Receipt| {
            let note = receipt.note.as_ref().and_then(|note| Note::parse(note.as_bytes()).ok());
            note.is_some_and(|note| note.cosignatures(witnesses).is_ok_and(|by| !by.is_empty()))
        };
        let found = |Receipt { seq, to, note, .. }: &Receipt| Found {
            kind: Kind::Witness,
            place: format!("{to}, in entry {seq}"),
            note: note.clone().unwrap_or_default().into_bytes(),
            named: None,
            at: None,
        };
        self.0.iter().filter(cosigned).map(found).collect()
    }

    /// Where the receipts are from, each place once.
    pub fn places(&self) -> BTreeSet<&str> {
        self.0.iter().map(|receipt| receipt.to.as_str()).collect()
    }

    /// What a place has a receipt for that is not among these names.
    pub fn gone(&self, to: &str, names: &BTreeSet<String>) -> Vec<Gone> {
        let of_place = self.0.iter().filter(|receipt| receipt.to == to && !names.contains(&receipt.name));
        of_place.map(|Receipt { name, seq, .. }| Gone { to: to.to_owned(), name: name.clone(), seq: *seq }).collect()
    }
}

fn receipt(entry: &Entry<'_>) -> Option<Receipt> {
    let Anchored { size, root, kind, to, receipt, segment, recording } = serde_json::from_str(entry.d).ok()?;
    Digest::parse(&root)?;
    let name = match (segment["name"].as_str(), recording["session"].as_str()) {
        (Some(segment), _) => format!("segment/{segment}.gz"),
        (None, Some(session)) => format!("recording/{session}.cast.gz"),
        (None, None) => checkpoint_name(size),
    };
    let note = receipt["note"].as_str().map(str::to_owned);
    Some(Receipt { seq: entry.seq, at: Timestamp::parse(entry.ts).ok()?, kind, to, size, root, name, note })
}

/// The name of a checkpoint in an archive, below the ledger's own folder.
pub fn checkpoint_name(size: u64) -> String {
    format!("checkpoint/{size:016}")
}

/// The size of a checkpoint, if the name is one's.
pub fn checkpoint_size(name: &str) -> Option<u64> {
    let size = name.strip_prefix("checkpoint/")?.parse().ok()?;
    (checkpoint_name(size) == name).then_some(size)
}
