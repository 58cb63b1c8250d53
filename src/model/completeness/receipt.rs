//! What a ledger itself says was sent away: its receipts.
//!
//! They are the ledger's own word, so they make nothing complete. But what one of them names must be where it says: an
//! archive that has lost it was tampered with, or is another.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::anchor::Measure;
use crate::model::chain::entry::Entry;
use crate::model::chain::signed::Signatures;
use crate::model::chain::state::State;
use crate::model::chain::walk;
use crate::model::completeness::{Found, Kind};
use crate::model::name::Digest;
use crate::model::note::Note;
use crate::model::note::key::WitnessKey;
use crate::model::time::Timestamp;

/// The receipts of a ledger.
#[derive(Clone, Debug, Default)]
pub struct Receipts(Vec<Receipt>);

/// One of them.
#[derive(Clone, Debug)]
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
    /// The root of the tree over them.
    pub root: Digest,
    /// The name of what was sent, below the ledger's own folder in an archive.
    pub name: String,
    /// What that was.
    pub sent: Sent,
    /// The note that a witness has cosigned.
    note: Option<String>,
}

/// What was sent; nothing is known of it where the receipt is not as it must be.
#[derive(Clone, Debug)]
pub enum Sent {
    /// A checkpoint.
    Checkpoint,
    /// A closed segment, and what the ledger came to at its end.
    Segment(Option<(Measure, Box<State>)>),
    /// A recording.
    Recording(Option<Measure>),
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

/// Something that an archive has in the place of what it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Altered {
    /// The archive.
    #[serde(rename = "from")]
    pub to: String,
    /// Its name there.
    pub name: String,
    /// The entry that has the receipt.
    pub seq: u64,
    /// How it is another.
    pub reason: String,
}

/// The details of `ledger.anchor`.
#[derive(Deserialize)]
struct Anchored {
    size: u64,
    root: Digest,
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
        let is_so = |receipt: &&Receipt| signatures.root_at(receipt.size) == Some(receipt.root);
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

    /// All of them, in the order in which they were taken.
    pub fn iter(&self) -> impl Iterator<Item = &Receipt> {
        self.0.iter()
    }

    /// Adds those of a segment that is not here; the others are known already.
    pub fn join(&mut self, more: Receipts) {
        let known: BTreeSet<u64> = self.0.iter().map(|receipt| receipt.seq).collect();
        self.0.extend(more.0.into_iter().filter(|receipt| !known.contains(&receipt.seq)));
    }

    /// What the ledger came to before an entry with which a segment begins, if one of them says so.
    pub fn state_before(&self, seq: u64) -> Option<&State> {
        let mut states = self.0.iter().filter_map(|receipt| match &receipt.sent {
            Sent::Segment(Some((_, state))) => Some(state.as_ref()),
            Sent::Segment(None) | Sent::Checkpoint | Sent::Recording(_) => None,
        });
        states.find(|state| state.size() == seq)
    }
}

fn receipt(entry: &Entry<'_>) -> Option<Receipt> {
    let Anchored { size, root, kind, to, receipt, segment, recording } = serde_json::from_str(entry.d).ok()?;
    let (name, sent) = match (segment["name"].as_str(), recording["session"].as_str()) {
        (Some(name), _) => {
            let state = State::deserialize(&segment["state"]).ok().map(Box::new);
            (segment_name(name), Sent::Segment(Measure::deserialize(&segment).ok().zip(state)))
        }
        (None, Some(session)) => (recording_name(session), Sent::Recording(Measure::deserialize(&recording).ok())),
        (None, None) => (checkpoint_name(size), Sent::Checkpoint),
    };
    let note = receipt["note"].as_str().map(str::to_owned);
    Some(Receipt { seq: entry.seq, at: Timestamp::parse(entry.ts).ok()?, kind, to, size, root, name, sent, note })
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

/// The name of a recording in an archive, below the ledger's own folder.
pub fn recording_name(session: &str) -> String {
    format!("recording/{session}.cast.gz")
}

/// The name of a segment in an archive, below the ledger's own folder, by that of its file.
pub fn segment_name(file: &str) -> String {
    format!("segment/{file}.gz")
}

/// The number of the first entry of a segment, if the name is one's.
pub fn segment_first(name: &str) -> Option<u64> {
    walk::segment_first(name.strip_prefix("segment/")?.strip_suffix(".gz")?)
}
