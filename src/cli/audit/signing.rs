//! `glass audit checkpoint` and `glass audit key`: what the ledger signs of itself, and with what.

use serde_json::json;

use super::own;
use crate::cli::args::{AuditCheckpoint, AuditKey};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::host::ledger::Asking;
use crate::model::checkpoint::Checkpoint;
use crate::model::note::Note;

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
