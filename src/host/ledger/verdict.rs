//! A verdict that is kept: once the ledger was found broken or rolled back, elevation stops until somebody
//! acknowledges it, also when the files have been put back in the meantime.

use std::io::Read;

use super::failed;
use super::folder::{Folder, Use};
use super::snapshot::stop;
use crate::model::chain::walk::{FirstBad, Integrity, Judgement};
use crate::world::ledger::LedgerError;

/// The file that keeps it: one JSON line.
pub(super) const FILE: &str = "verdict.json";

/// The largest verdict that is read; a real one has a few hundred bytes.
const LARGEST: u64 = 64 * 1024;

/// Keeps a verdict that stops everything.
///
/// # Errors
/// With the verdict, or because it cannot be written: it stands all the same.
pub(super) fn keep(folder: &Folder, judgement: &Judgement) -> Result<(), LedgerError> {
    stop(judgement).or_else(|verdict| {
        let mut line = serde_json::to_vec(judgement).expect("every field is text or a number");
        line.push(b'\n');
        // The first one stays.
        if kept(folder)?.is_none() {
            folder.put(FILE, &line)?;
        }
        Err(verdict)
    })
}

/// Reads the verdict that is kept, if there is one.
pub(super) fn kept(folder: &Folder) -> Result<Option<Judgement>, LedgerError> {
    let Some(file) = folder.open_if_there(FILE, Use::Read)? else { return Ok(None) };
    let mut text = Vec::new();
    file.take(LARGEST).read_to_end(&mut text).map_err(failed("read", &folder.file(FILE)))?;
    let unreadable = || Judgement {
        integrity: Integrity::Broken,
        first_bad: Some(FirstBad {
            segment: FILE.to_owned(),
            line: 1,
            reason: "the verdict cannot be read".to_owned(),
        }),
    };
    Ok(Some(serde_json::from_slice(&text).unwrap_or_else(|_| unreadable())))
}

/// The error that a kept verdict makes of every append.
pub(super) fn refuse_kept(folder: &Folder) -> Result<(), LedgerError> {
    kept(folder)?.map_or(Ok(()), |judgement| stop(&judgement))
}
