//! The open reviews of this user's ledger, found without reading all of it: a small file knows how they stood at one
//! entry, and only what came after it is read.
//!
//! The file reminds, and decides nothing: whether somebody may override is read from the ledger itself.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::rewrite::{Rewrite, RewriteError};
use crate::model::chain::origin::Origin;
use crate::model::sign_off::reviews::{Override, Reviews};
use crate::world::ledger::{Ledger, LedgerError};

/// How many entries are read again and again before the file is written anew.
const FAR: u64 = 500;

/// The overrides of a ledger as its first entries tell of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    origin: Origin,
    size: u64,
    reviews: Reviews,
}

/// Begins to keep an eye on a ledger's overrides; before the first one nobody has to look for any.
///
/// # Errors
/// When the ledger cannot be read.
pub fn watch(state: &Path, ledger: &dyn Ledger) -> Result<(), LedgerError> {
    let known = read(ledger, None)?;
    write(Rewrite::open(&path(state)), &known);
    Ok(())
}

/// Finds the overrides of a ledger that are watched and that nobody has reviewed yet.
///
/// # Errors
/// When the ledger cannot be read.
pub fn open(state: &Path, ledger: &dyn Ledger) -> Result<Vec<Override>, LedgerError> {
    let file = Rewrite::open(&path(state));
    let Some(file) = file.ok().filter(Rewrite::exists) else { return Ok(Vec::new()) };
    let before = serde_json::from_str::<Known>(file.text()).ok();
    let now = read(ledger, before.as_ref())?;
    if before.is_none_or(|before| before.reviews != now.reviews || now.size > before.size + FAR) {
        write(Ok(file), &now);
    }
    Ok(now.reviews.open().cloned().collect())
}

fn path(state: &Path) -> PathBuf {
    state.join("reviews.json")
}

fn read(ledger: &dyn Ledger, before: Option<&Known>) -> Result<Known, LedgerError> {
    let (from, mut reviews) = before.map_or((0, Reviews::default()), |known| (known.size, known.reviews.clone()));
    let past = ledger.read_back(from, &mut |entry| reviews.read(entry))?;
    if before.is_some_and(|known| known.origin != past.origin || known.size > past.size) {
        return read(ledger, None);
    }
    Ok(Known { origin: past.origin, size: past.size, reviews })
}

/// Without the file nobody is reminded, and that is all.
fn write(file: Result<Rewrite, RewriteError>, known: &Known) {
    let text = serde_json::to_string(known).expect("every field is text, a number, or an object of these");
    if let Err(error) = file.and_then(|file| file.replace(&format!("{text}\n"))) {
        tracing::warn!(%error, "nobody will be reminded of open reviews");
    }
}
