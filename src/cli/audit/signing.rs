//! `glass audit checkpoint`, `glass audit rotate` and `glass audit key`: what the ledger signs of itself, when, and with what.

use serde_json::json;

use super::own;
use crate::cli::args::{AuditCheckpoint, AuditKey, AuditRotate};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::host::ledger::{Asking, Rotated};
use crate::model::checkpoint::Checkpoint;
use crate::model::note::Note;
use crate::world::ledger::Unsigned;

/// Signs what the ledger holds, and prints the note.
pub fn checkpoint(args: &AuditCheckpoint, context: &Context) -> Result<Exit, Failure> {
    let person = context.person();
    let made = own(context)?.seal(Asking::Allowed, person.as_ref(), None)?;
    if let Some(key) = &made.new_key {
        out::say(&format!("glass: the ledger's key was lost; it signs with another now: {key}"));
    }
    if args.json {
        let note = Note::parse(made.note.as_bytes()).map_err(|error| Failure::of(Exit::Failed, &error))?;
        let checkpoint =
            Checkpoint::parse(note.unverified_text()).map_err(|error| Failure::of(Exit::Failed, &error))?;
        let Checkpoint { origin, size, root, .. } = checkpoint;
        out::print_json(&json!({ "origin": origin, "size": size, "root": root, "note": made.note }))?;
    } else {
        out::print(&made.note)?;
    }
    Ok(Exit::Done)
}

/// Closes the segment that is written to, and prints its name. The next one begins with a checkpoint, if there is a key.
pub fn rotate(args: &AuditRotate, context: &Context) -> Result<Exit, Failure> {
    let (ledger, person) = (own(context)?, context.person());
    let Rotated { segment, size, root } = ledger.rotate(person.as_ref())?;
    match ledger.seal(Asking::Allowed, person.as_ref(), None) {
        Err(Unsigned::Key(fault)) => out::say(&format!("glass: the segment is closed, and nothing is signed: {fault}")),
        sealed => drop(sealed?),
    }
    if args.json {
        out::print_json(&json!({ "segment": segment, "size": size, "root": root }))?;
    } else {
        out::print(&format!("{segment}\n"))?;
    }
    Ok(Exit::Done)
}

/// Prints the key that checkpoints are held against.
pub fn key(args: &AuditKey, context: &Context) -> Result<Exit, Failure> {
    let key = own(context)?.key(Asking::Allowed)?;
    if args.json {
        out::print_json(&json!({ "origin": key.vkey.name(), "key": key.vkey, "store": key.store }))?;
    } else {
        out::print(&format!("{}\n", key.vkey))?;
    }
    Ok(Exit::Done)
}
