//! Checkpoints: what the ledger holds is signed, and the signature is its next entry.
//!
//! Keeps the promise that nothing is signed which contradicts what was signed before.

use super::HostLedger;
use super::folder::{Folder, LONGEST_WAIT};
use super::key::{self, Asking, Ready};
use super::tail::{ANY, Tail};
use super::tree::Tree;
use crate::host::ship::background::Due;
use crate::model::chain::origin::Origin;
use crate::model::chain::walk::segment_name;
use crate::model::checkpoint::Checkpoint;
use crate::model::event::Event;
use crate::model::name::{Digest, Id, PersonName};
use crate::model::note::Note;
use crate::model::note::key::VerifierKey;
use crate::model::tree::proof::is_consistent;
use crate::world::ledger::{Checkpointed, LedgerError, Measure, Record, Unsigned};

/// The key of a ledger.
#[derive(Clone, Debug)]
pub struct LedgerKey {
    /// What its signatures are held against.
    pub vkey: VerifierKey,
    /// Where it lies: `file`, or a keyring's name.
    pub store: &'static str,
}

/// What is done at the end of the ledger with its tree and its key.
struct Sealing<'s> {
    ledger: &'s HostLedger,
    tail: &'s mut Tail,
    tree: &'s mut Tree,
    ready: &'s Ready,
    who: Option<&'s PersonName>,
    session: Option<&'s Id>,
}

impl HostLedger {
    /// The key that signs this ledger; made, and made known, where there is none.
    ///
    /// # Errors
    /// When there is no key that can be used now, or the ledger does not take it.
    pub fn key(&self, asking: Asking) -> Result<LedgerKey, Unsigned> {
        self.sealing(asking, None, None, |sealing| {
            sealing.make_known()?;
            Ok(LedgerKey { vkey: sealing.ready.key.verifier().clone(), store: sealing.ready.store })
        })
    }

    /// The key that the ledger made known last, if it can be read.
    pub fn known_key(&self) -> Option<VerifierKey> {
        let folder = Folder::check(&self.path).ok()?;
        let mut tree = Tree::load(&folder);
        tree.read_on(&folder, None).ok()?;
        VerifierKey::parse(tree.key()?).ok()
    }

    /// Signs what the ledger holds, and appends that.
    ///
    /// # Errors
    /// When there is no key that can be used now, or it is not certain that the checkpoint was kept.
    pub fn seal(
        &self,
        asking: Asking,
        who: Option<&PersonName>,
        session: Option<&Id>,
    ) -> Result<Checkpointed, Unsigned> {
        self.sealing(asking, who, session, sign)
    }

    /// Tells what the ledger comes to, unsigned.
    pub(super) fn measured(&self) -> Result<Measure, LedgerError> {
        // As below.
        let folder = Folder::check(&self.path)?;
        let mut tree = Tree::load(&folder);
        tree.read_on(&folder, None)?;
        self.at_the_end(LONGEST_WAIT, |tail| {
            tree.catch_up(tail)?;
            let (size, root) = (tree.size(), tree.root());
            follows_the_last(tail, &tree, size, root)?;
            Ok(Measure { origin: origin_of(tail, &tree)?, size, root })
        })
    }

    fn sealing<T>(
        &self,
        asking: Asking,
        who: Option<&PersonName>,
        session: Option<&Id>,
        work: impl FnOnce(&mut Sealing<'_>) -> Result<T, LedgerError>,
    ) -> Result<T, Unsigned> {
        // What takes long is done before others have to wait.
        let folder = Folder::check(&self.path)?;
        let mut tree = Tree::load(&folder);
        tree.read_on(&folder, None)?;
        let ready = key::ready(&self.path, tree.origin(), asking)?;
        let done = self.at_the_end(LONGEST_WAIT, |tail| {
            let mut sealing = Sealing { ledger: self, tail, tree: &mut tree, ready: &ready, who, session };
            sealing.catch_up()?;
            work(&mut sealing)
        })?;
        if let Err(error) = tree.keep(&folder) {
            tracing::debug!(%error, "the tree is not kept");
        }
        Due::of(&self.path).note();
        Ok(done)
    }
}

/// Signs all that there is.
fn sign(sealing: &mut Sealing<'_>) -> Result<Checkpointed, LedgerError> {
    let new_key = sealing.make_known()?;
    let (size, root) = (sealing.tree.size(), sealing.tree.root());
    follows_the_last(sealing.tail, sealing.tree, size, root)?;
    let origin = origin_of(sealing.tail, sealing.tree)?;
    let checkpoint = Checkpoint { origin: origin.to_string(), size, root, extensions: Vec::new() };
    let note = checkpoint.sign(&sealing.ready.key).map_err(|error| broken(sealing.tail, error.to_string()))?;
    sealing.append(Event::LedgerCheckpoint { size, root, note: note.clone() })?;
    Ok(Checkpointed { origin, size, root, note, new_key })
}

impl Sealing<'_> {
    /// Reads what was appended meanwhile.
    fn catch_up(&mut self) -> Result<(), LedgerError> {
        self.tree.catch_up(self.tail)?;
        if self.tree.origin() != self.ready.key.verifier().name() {
            return Err(LedgerError::Busy(self.tail.folder.file("lock")));
        }
        Ok(())
    }

    /// Makes the key known, if it is not the one that the ledger made known last; gives it then.
    fn make_known(&mut self) -> Result<Option<VerifierKey>, LedgerError> {
        let vkey = self.ready.key.verifier().clone();
        if self.tree.key() == Some(&vkey.to_string()) {
            return Ok(None);
        }
        let previous = self.tree.key().and_then(|key| VerifierKey::parse(key).ok());
        let lost = previous.is_some().then(|| vkey.clone());
        self.append(Event::LedgerKey { vkey, store: self.ready.store, previous })?;
        self.catch_up()?;
        Ok(lost)
    }

    fn append(&mut self, event: Event) -> Result<(), LedgerError> {
        let record = Record { who: self.who.cloned(), session: self.session.cloned(), event };
        self.tail.append(&self.ledger.machine, &[record], ANY).map(drop)
    }
}

/// Checks that the tree begins with the one that was signed last.
fn follows_the_last(tail: &Tail, tree: &Tree, size: u64, root: Digest) -> Result<(), LedgerError> {
    let Some(last) = tree.note().and_then(checkpoint_in) else { return Ok(()) };
    let blocks = tree.blocks_at(&tail.folder, &[last.size, size])?;
    let path = blocks.consistency(last.size, size);
    if path.is_some_and(|path| is_consistent((last.size, last.root), (size, root), &path)) {
        return Ok(());
    }
    Err(broken(tail, format!("the checkpoint of {} entries is not one of these", last.size)))
}

fn origin_of(tail: &Tail, tree: &Tree) -> Result<Origin, LedgerError> {
    let origin = tree.origin();
    Origin::parse(origin).ok_or_else(|| broken(tail, format!("`{origin}` is no origin")))
}

fn broken(tail: &Tail, reason: String) -> LedgerError {
    let line = tail.last_seq().saturating_sub(tail.segment) + 1;
    LedgerError::Broken { segment: segment_name(tail.segment), line, reason }
}

/// The checkpoint in a note of this ledger; its entry was checked when it was appended, and is by whoever verifies.
pub(super) fn checkpoint_in(note: &str) -> Option<Checkpoint> {
    Checkpoint::parse(Note::parse(note.as_bytes()).ok()?.unverified_text()).ok()
}
