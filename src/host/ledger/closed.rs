//! Segments that were closed, as whoever verifies a ledger comes by their ends.
//!
//! Keeps the promise that a `ledger.rotate` stands where it says, and that a `ledger.anchor` says of a segment what is so:
//! else it could stand for one that never was.

use serde::Deserialize;

use super::before::shipped;
use super::held::Held;
use crate::model::chain::entry::Entry;
use crate::model::chain::signed::Signatures;
use crate::model::chain::state::State;

/// A segment that was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The number of its first entry.
    pub first: u64,
    /// Its length, in bytes.
    pub bytes: u64,
    /// What the ledger came to at its end.
    pub state: State,
}

/// The ends that were come by.
pub(super) struct Closes {
    before: Option<State>,
    ends: Vec<Closed>,
}

/// The details of `ledger.rotate`.
#[derive(Deserialize)]
struct Rotated {
    size: u64,
    root: String,
    bytes: u64,
}

impl Closes {
    /// Begins with the first segment that is here.
    pub(super) fn after(before: Option<State>) -> Self {
        Closes { before, ends: Vec::new() }
    }

    /// Checks an entry, before its leaf is taken.
    ///
    /// # Errors
    /// With what was expected and what was found, when it says what is not so.
    pub(super) fn check(&mut self, line: &[u8], entry: &Entry<'_>, so_far: &Signatures) -> Result<(), String> {
        match entry.ev {
            "ledger.rotate" => {
                let rotated: Rotated =
                    serde_json::from_str(entry.d).map_err(|_| "ledger.rotate has not what it must have")?;
                let (size, root) = (so_far.tree().size(), so_far.tree().root());
                if rotated.size != size || rotated.root != root.to_string() {
                    let Rotated { size: of, root: says, .. } = rotated;
                    return Err(format!(
                        "the {size} entries before have the root {root}, ledger.rotate says {of} and {says}"
                    ));
                }
                let first = self.last().map_or(0, State::size);
                let state = so_far.state_with(line).ok_or("the ledger does not say whose it is")?;
                let bytes = rotated.bytes.saturating_add(line.len() as u64);
                self.ends.push(Closed { first, bytes, state });
            }
            "ledger.anchor" => self.anchored(entry)?,
            _ => {}
        }
        Ok(())
    }

    fn last(&self) -> Option<&State> {
        self.ends.last().map(|closed| &closed.state).or(self.before.as_ref())
    }

    /// Checks what an anchor says of a segment that is here, or ends where this ledger begins.
    fn anchored(&self, entry: &Entry<'_>) -> Result<(), String> {
        let Some((state, _)) = shipped(entry) else { return Ok(()) };
        let size = state.size();
        if self.before.as_ref().is_some_and(|before| size < before.size()) {
            return Ok(());
        }
        let ends = self.before.iter().chain(self.ends.iter().map(|closed| &closed.state));
        match ends.into_iter().find(|end| end.size() == size) {
            Some(end) if *end == state => Ok(()),
            Some(_) => Err(format!("ledger.anchor says of the first {size} entries what is not so")),
            None => Err(format!("ledger.anchor speaks of a segment that ends with {size} entries, and none does")),
        }
    }

    /// The segments, if each of them ends where its `ledger.rotate` ends.
    ///
    /// # Errors
    /// With the entry that is not so, and why.
    pub(super) fn held_against(self, segments: &[Held]) -> Result<Vec<Closed>, (u64, String)> {
        for Closed { bytes, state, .. } in &self.ends {
            let held = segments.iter().rfind(|segment| segment.first < state.size()).map_or(0, |segment| segment.bytes);
            if held != *bytes {
                let reason = format!("by its ledger.rotate the segment ends at byte {bytes}, it ends at {held}");
                return Err((state.size() - 1, reason));
            }
        }
        Ok(self.ends)
    }
}
