//! What a ledger has signed of itself, checked entry after entry: the tree, the keys, the checkpoints.
//!
//! Keeps the promise that a checkpoint in the ledger is what it says: of everything before it, with the root
//! that these lines have, signed by the key that the ledger has made known.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::entry::{Entry, Opened};
use super::state::State;
use crate::model::checkpoint::Checkpoint;
use crate::model::name::Digest;
use crate::model::note::Note;
use crate::model::note::key::VerifierKey;
use crate::model::time::Timestamp;
use crate::model::tree::{Growing, leaf};

/// The tree so far, and who has signed it.
#[derive(Clone, Debug, Default)]
pub struct Signatures {
    tree: Growing,
    origin: String,
    machine: Option<Digest>,
    /// The keys that the ledger has made known, the last of which signs.
    keys: Vec<VerifierKey>,
    /// The sessions of elevations that were begun and have no outcome (yet).
    unresolved: BTreeSet<String>,
    believed: Believed,
    /// The sizes at which the root is still to be noted, the next one last.
    wanted: Vec<u64>,
    /// The roots at the sizes that are asked for, and at those of checkpoints.
    roots: BTreeMap<u64, Digest>,
    /// When the checkpoints among them were made.
    times: BTreeMap<u64, Timestamp>,
    /// Where the first entry is that was seen.
    begins: u64,
    last: Option<Signed>,
    /// Whether there is a checkpoint by a key that does not count.
    by_others: bool,
}

/// What is asked of a ledger's signatures.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Whose count.
    pub believed: Believed,
    /// The sizes at which the tree's roots are wanted.
    pub sizes: BTreeSet<u64>,
}

/// Whose signatures count.
#[derive(Clone, Debug)]
pub enum Believed {
    /// These keys' alone.
    Only(Vec<VerifierKey>),
    /// Those of them that are keys of this ledger; if none is, of whatever key the ledger makes known.
    Known(Vec<VerifierKey>),
}

impl Default for Believed {
    fn default() -> Self {
        Believed::Known(Vec::new())
    }
}

impl Believed {
    fn counts(&self, key: &VerifierKey) -> bool {
        match self {
            Believed::Only(keys) => keys.contains(key),
            Believed::Known(keys) => keys.contains(key) || keys.iter().all(|known| known.name() != key.name()),
        }
    }

    /// The keys of a ledger that were known before it was read; none if it is believed what it says of its keys.
    fn pinned(&self, origin: &str) -> Option<Vec<VerifierKey>> {
        let (Believed::Only(keys) | Believed::Known(keys)) = self;
        let of_ledger: Vec<VerifierKey> = keys.iter().filter(|key| key.name() == origin).cloned().collect();
        (matches!(self, Believed::Only(_)) || !of_ledger.is_empty()).then_some(of_ledger)
    }
}

/// A checkpoint that is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// How many entries it is of.
    pub size: u64,
    /// The time of its entry.
    pub at: String,
    /// The key that signed it.
    pub key: VerifierKey,
}

/// The details of `ledger.key`.
#[derive(Deserialize)]
struct KeyMade {
    vkey: String,
    previous: Option<String>,
}

/// The details of `ledger.checkpoint`.
#[derive(Deserialize)]
struct Checked {
    size: u64,
    root: String,
    note: String,
}

impl Signatures {
    /// Begins before the first entry.
    pub fn new(asked: Asked) -> Self {
        Signatures::default().asked(asked)
    }

    /// Goes on after a state.
    pub fn after(state: State, asked: Asked) -> Self {
        let State { origin, machine, tree, hash: _, key, unresolved } = state;
        let (begins, keys) = (tree.size(), key.into_iter().collect());
        let begun =
            Signatures { origin, machine: Some(machine), tree, keys, unresolved, begins, ..Signatures::default() };
        begun.asked(asked)
    }

    /// Goes on in a ledger of which only the tree is known, and the key that was made known last.
    pub fn midway(origin: String, tree: Growing, key: VerifierKey, believed: Believed) -> Self {
        let begun = Signatures { origin, begins: tree.size(), tree, keys: vec![key], ..Signatures::default() };
        begun.asked(Asked { believed, ..Asked::default() })
    }

    /// What was taken comes to with one more line, if it says whose ledger it is.
    pub fn state_with(&self, line: &[u8]) -> Option<State> {
        let mut tree = self.tree.clone();
        tree.push(leaf(line));
        Some(State {
            origin: self.origin.clone(),
            machine: self.machine?,
            tree,
            hash: Digest::of(line),
            key: self.key().cloned(),
            unresolved: self.unresolved.clone(),
        })
    }

    /// Whether an entry is more to this than its leaf.
    pub fn concerns(ev: &str) -> bool {
        ev.starts_with("ledger.") || ["elevate.intent", "elevate.ok", "elevate.fail"].contains(&ev)
    }

    /// Takes the leaf of the next entry; the entry itself is told before, by [`Signatures::check`], if it concerns.
    pub fn push(&mut self, leaf: Digest) {
        self.tree.push(leaf);
        self.note_root();
    }

    /// Notes the root that the tree has now, if it is asked for.
    fn note_root(&mut self) {
        let size = self.tree.size();
        if self.wanted.last() == Some(&size) {
            self.wanted.pop();
            self.roots.insert(size, self.tree.root());
        }
    }

    /// The beginning of what is asked; no root is known of what is before it.
    fn asked(mut self, Asked { believed, mut sizes }: Asked) -> Self {
        self.believed = believed;
        self.wanted = sizes.split_off(&self.begins).into_iter().rev().collect();
        self.note_root();
        self
    }

    /// Checks an entry that [concerns](Signatures::concerns) this, before its leaf is taken. `signer` is the key that
    /// its note was verified with already.
    ///
    /// # Errors
    /// With what was expected and what was found, when it says what is not so.
    pub fn check(&mut self, entry: &Entry<'_>, signer: Option<&VerifierKey>) -> Result<(), String> {
        match entry.ev {
            "ledger.open" => {
                let opened = entry.opened();
                self.machine = opened.as_ref().and_then(Opened::machine);
                self.origin = opened.map(|opened| opened.origin).unwrap_or_default();
            }
            "elevate.intent" => drop(self.unresolved.insert(entry.session.to_owned())),
            "elevate.ok" | "elevate.fail" => drop(self.unresolved.remove(entry.session)),
            "ledger.key" => self.keys.push(self.key_made(entry)?),
            "ledger.checkpoint" => {
                let signed = self.checkpoint(entry, signer)?;
                self.roots.insert(signed.size, self.tree.root());
                self.times.extend(Timestamp::parse(&signed.at).map(|at| (signed.size, at)));
                if self.believed.counts(&signed.key) {
                    self.last = Some(signed);
                } else {
                    self.by_others = true;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn key_made(&self, entry: &Entry<'_>) -> Result<VerifierKey, String> {
        let made: KeyMade = serde_json::from_str(entry.d).map_err(|_| "ledger.key has not what it must have")?;
        let key = VerifierKey::parse(&made.vkey).map_err(|why| format!("`vkey` is no key: {why}"))?;
        if key.name() != self.origin {
            return Err(format!("the key is one of {}, the ledger is {}", key.name(), self.origin));
        }
        let [found, expected] =
            [made.previous, self.key().map(ToString::to_string)].map(|key| key.unwrap_or_else(|| "none".to_owned()));
        if found != expected {
            return Err(format!("the key before was {expected}, `previous` says {found}"));
        }
        Ok(key)
    }

    /// What a checkpoint shows.
    fn checkpoint(&self, entry: &Entry<'_>, signer: Option<&VerifierKey>) -> Result<Signed, String> {
        let checked = checked(entry).ok_or("ledger.checkpoint has not what it must have")?;
        let (size, root) = (self.tree.size(), self.tree.root());
        if checked.size != size {
            return Err(format!("the checkpoint is of {} entries, and follows {size}", checked.size));
        }
        if checked.root != root.to_string() {
            return Err(format!(
                "the tree of {size} entries has the root {root}, the checkpoint says {}",
                checked.root
            ));
        }
        let key = self.key().ok_or("a checkpoint before any key was made known")?;
        if signer != Some(key) {
            Checkpoint::open(checked.note.as_bytes(), std::slice::from_ref(key)).map_err(|error| error.to_string())?;
        }
        let note = Note::parse(checked.note.as_bytes()).map_err(|error| error.to_string())?;
        let expected = Checkpoint { origin: self.origin.clone(), size, root, extensions: Vec::new() };
        if note.unverified_text() != expected.to_string() {
            return Err("the signed note is of another size or root than its entry".to_owned());
        }
        Ok(Signed { size, at: entry.ts.to_owned(), key: key.clone() })
    }

    /// The note of a checkpoint's entry.
    pub(super) fn note(entry: &Entry<'_>) -> Option<String> {
        checked(entry).map(|checked| checked.note)
    }

    /// The last checkpoint that is believed.
    pub fn last(&self) -> Option<&Signed> {
        self.last.as_ref()
    }

    /// Whether it is signed, and by no key that counts.
    pub fn is_by_others(&self) -> bool {
        self.by_others && self.last.is_none()
    }

    /// The key that the ledger has made known last.
    pub fn key(&self) -> Option<&VerifierKey> {
        self.keys.last()
    }

    /// The keys whose signatures count if they were known before; otherwise none.
    pub fn pinned(&self) -> Option<Vec<VerifierKey>> {
        self.believed.pinned(&self.origin)
    }

    /// The keys that the ledger has made known.
    pub fn keys(&self) -> &[VerifierKey] {
        &self.keys
    }

    /// Whose ledger it is.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The root that the tree had at a size that was asked for, or that is a checkpoint's.
    pub fn root_at(&self, size: u64) -> Option<Digest> {
        self.roots.get(&size).copied()
    }

    /// When the checkpoint of a size was made, if the ledger has one.
    pub fn made_at(&self, size: u64) -> Option<Timestamp> {
        self.times.get(&size).copied()
    }

    /// How many entries are before the first that was seen.
    pub fn begins(&self) -> u64 {
        self.begins
    }

    /// The sessions of elevations that were begun and have no outcome (yet).
    pub fn unresolved(&self) -> impl Iterator<Item = &str> {
        self.unresolved.iter().map(String::as_str)
    }

    /// The tree over what was taken.
    pub fn tree(&self) -> &Growing {
        &self.tree
    }
}

fn checked(entry: &Entry<'_>) -> Option<Checked> {
    serde_json::from_str(entry.d).ok()
}
