//! The fast way to verify: from the last checkpoint on, by the tree that is kept beside the ledger.
//!
//! Keeps the promise that nothing is taken for signed that is not: the kept tree must have the root that was signed, and
//! the line with which the reading begins must be in it. What is before is not read, and the verdict says so.

use super::ahead::Ahead;
use super::folder::Folder;
use super::reader::{Reader, Verified};
use super::seal::checkpoint_in;
use super::snapshot::Snapshot;
use super::tree::Tree;
use crate::model::chain::signed::{Believed, Signatures};
use crate::model::chain::verify::Verifier;
use crate::model::chain::walk::{FirstBad, Integrity, Judgement};
use crate::model::name::Digest;
use crate::model::note::key::VerifierKey;
use crate::model::tree::leaf;
use crate::model::tree::proof::root_of_inclusion;
use crate::world::ledger::LedgerError;

/// What came of the fast way.
#[derive(Debug)]
pub enum Since {
    /// What follows a checkpoint of so many entries was verified.
    Checkpoint(u64, Box<Verified>),
    /// There is no such way, and why.
    NoWay(String),
}

/// Where the reading begins: before the checkpoint's own entry.
struct Beginning {
    size: u64,
    place: usize,
    offset: u64,
    verifier: Verifier,
    signatures: Signatures,
}

impl Reader {
    /// Verifies what follows the last checkpoint.
    ///
    /// # Errors
    /// When the files cannot be read or trusted.
    pub fn verify_since(&self, believed: Believed) -> Result<Since, LedgerError> {
        let Some((folder, snapshot)) = self.snapshot()? else { return Ok(Since::NoWay("there is no ledger".into())) };
        let Beginning { size, place, offset, verifier, mut signatures } = match begin(&folder, &snapshot, believed)? {
            Ok(beginning) => beginning,
            Err(why) => return Ok(Since::NoWay(why.to_owned())),
        };
        let known = snapshot.head.as_ref().map(|head| head.known(self.boot())).filter(|known| known.seq >= size);
        let mut wrong = None;
        let ahead = Ahead { place, offset, verifier };
        let mut walked = snapshot.walk_from(ahead, known.as_ref(), |line, entry| {
            if wrong.is_none() {
                wrong = signatures.check(entry, None).err().map(|reason| (entry.seq, reason));
            }
            signatures.push(leaf(line));
        })?;
        if let Some((seq, reason)) = wrong {
            let first_bad: FirstBad = snapshot.place_of(seq, reason);
            walked.judgement = Judgement { integrity: Integrity::Broken, first_bad: Some(first_bad) };
        }
        if signatures.last().is_none() && walked.judgement.integrity == Integrity::Verified {
            return Ok(Since::NoWay("the last checkpoint is by none of the keys that count".into()));
        }
        let reading = self.judged(&folder, &snapshot, walked)?;
        Ok(Since::Checkpoint(size, Box::new(Verified { reading, signatures, closed: Vec::new() })))
    }
}

/// Finds the last checkpoint, and holds the kept tree against it.
fn begin(
    folder: &Folder,
    snapshot: &Snapshot,
    believed: Believed,
) -> Result<Result<Beginning, &'static str>, LedgerError> {
    let mut tree = Tree::load(folder);
    if tree.is_empty() {
        return Ok(Err("no tree is kept beside the ledger"));
    }
    tree.read_on(folder, None)?;
    let (Some(checkpoint), Some(key)) =
        (tree.note().and_then(checkpoint_in), tree.key().and_then(|key| VerifierKey::parse(key).ok()))
    else {
        return Ok(Err("nothing of it is signed"));
    };
    let size = checkpoint.size;
    let Some(last) = size.checked_sub(1).filter(|last| *last >= tree.first() && size < tree.size()) else {
        return Ok(Err("what the last checkpoint is of is not here"));
    };
    let blocks = tree.blocks_at(folder, &[last, size])?;
    let shown = tree.line(folder, last)?.zip(blocks.inclusion(last, size));
    let shown = shown.filter(|(line, path)| root_of_inclusion(last, size, leaf(line), path) == Some(checkpoint.root));
    let (Some((line, _)), Some(grown)) = (shown, tree.grown_to(folder, size)?) else {
        return Ok(Err("the tree that is kept is not the one that was signed"));
    };
    let (first, offset) = tree.place(folder, size)?;
    let Some(place) = snapshot.segments.iter().position(|segment| segment.first == first) else {
        return Ok(Err("the ledger was changed meanwhile"));
    };
    let signatures = Signatures::midway(checkpoint.origin, grown, key, believed);
    Ok(Ok(Beginning { size, place, offset, verifier: Verifier::after(size, Digest::of(&line)), signatures }))
}
