//! One entry shown without the rest: by the last checkpoint, or a new one if none has it yet and the ledger is one's own.

use std::error::Error;
use std::fmt;
use std::path::Path;

use super::HostLedger;
use super::folder::Folder;
use super::key::Asking;
use super::seal::checkpoint_in;
use super::tree::Tree;
use crate::model::chain::walk::segment_name;
use crate::model::checkpoint::proof::EntryProof;
use crate::model::text::escaped;
use crate::world::ledger::{LedgerError, Unsigned};

/// Why there is no proof.
#[derive(Debug)]
pub enum ProveError {
    /// The ledger has no such entry.
    NoEntry {
        /// The entry that was asked for.
        seq: u64,
        /// How many there are.
        size: u64,
    },
    /// The entry is in a segment that is not here any more.
    NotHere {
        /// The entry that was asked for.
        seq: u64,
        /// The first entry that is here.
        first: u64,
        /// Where what is before was shipped to.
        to: String,
    },
    /// No checkpoint in a copy has it.
    NotSigned {
        /// The entry that was asked for.
        seq: u64,
        /// How many entries the last checkpoint has.
        signed: u64,
    },
    /// The ledger cannot be read, or no checkpoint has it and none can be made.
    Unsigned(Unsigned),
}

impl fmt::Display for ProveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProveError::NoEntry { seq, size } => write!(f, "there is no entry {seq}: the ledger has {size}, from 0"),
            ProveError::NotHere { seq, first, to } => {
                let to = escaped(to);
                write!(
                    f,
                    "entry {seq} is not here: the ledger begins with entry {first}, what is before was shipped to {to}"
                )
            }
            ProveError::NotSigned { seq, signed } => {
                write!(f, "no checkpoint in the copy has entry {seq}: the last one is of {signed} entries")
            }
            ProveError::Unsigned(_) => f.write_str("no checkpoint has this entry, and none can be made"),
        }
    }
}

impl Error for ProveError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ProveError::NoEntry { .. } | ProveError::NotHere { .. } | ProveError::NotSigned { .. } => None,
            ProveError::Unsigned(source) => Some(source),
        }
    }
}

impl<E: Into<Unsigned>> From<E> for ProveError {
    fn from(error: E) -> Self {
        ProveError::Unsigned(error.into())
    }
}

impl HostLedger {
    /// Proves that an entry is in the ledger.
    ///
    /// # Errors
    /// When there is no such entry, or no checkpoint that has it.
    pub fn prove(&self, seq: u64) -> Result<EntryProof, ProveError> {
        let folder = Folder::check(&self.path)?;
        let mut tree = Tree::load(&folder);
        tree.read_on(&folder, None)?;
        is_here(&tree, seq)?;
        if let Some(proof) = proof(&folder, &tree, seq)? {
            return Ok(proof);
        }
        self.seal(Asking::Allowed, None, None)?;
        tree.read_on(&folder, None)?;
        let proof = proof(&folder, &tree, seq)?;
        proof.ok_or_else(|| broken(&tree, "the checkpoint that was just made has another tree".to_owned()).into())
    }
}

/// Proves that an entry is in a ledger, from a copy of it that has a checkpoint with the entry.
///
/// # Errors
/// When there is no such entry or checkpoint, or the copy cannot be read.
pub fn prove_from_copy(copy: &Path, seq: u64) -> Result<EntryProof, ProveError> {
    let folder = Folder::of_anybody(copy)?;
    // The file `tree` of a copy is anybody's: its lines alone speak for it.
    let mut tree = Tree::default();
    tree.read_on(&folder, None)?;
    is_here(&tree, seq)?;
    let signed = tree.note().and_then(checkpoint_in).map_or(0, |checkpoint| checkpoint.size);
    proof(&folder, &tree, seq)?.ok_or(ProveError::NotSigned { seq, signed })
}

/// Checks that there is such an entry, and that it is still here.
fn is_here(tree: &Tree, seq: u64) -> Result<(), ProveError> {
    if seq >= tree.size() {
        return Err(ProveError::NoEntry { seq, size: tree.size() });
    }
    match tree.before().filter(|before| seq < before.state.size()) {
        Some(before) => Err(ProveError::NotHere { seq, first: before.state.size(), to: before.to.clone() }),
        None => Ok(()),
    }
}

/// The proof by the last checkpoint, if that has the entry.
fn proof(folder: &Folder, tree: &Tree, seq: u64) -> Result<Option<EntryProof>, LedgerError> {
    let Some((note, checkpoint)) = tree.note().and_then(|note| Some((note, checkpoint_in(note)?))) else {
        return Ok(None);
    };
    if checkpoint.size <= seq {
        return Ok(None);
    }
    let blocks = tree.blocks_at(folder, &[seq, checkpoint.size])?;
    if blocks.root(checkpoint.size) != Some(checkpoint.root) {
        return Err(broken(tree, format!("the checkpoint of {} entries is not one of these", checkpoint.size)));
    }
    let Some((path, line)) = blocks.inclusion(seq, checkpoint.size).zip(tree.line(folder, seq)?) else {
        return Ok(None);
    };
    Ok(Some(EntryProof { line, index: seq, path, note: note.to_owned() }))
}

fn broken(tree: &Tree, reason: String) -> LedgerError {
    let (segment, line) = tree.last_line();
    LedgerError::Broken { segment: segment_name(segment), line, reason }
}
