//! `glass audit prove` and `glass audit check-proof`: one entry shown without the rest of the ledger.

use std::fmt::Write;

use serde_json::json;

use super::own;
use crate::cli::args::{AuditCheckProof, AuditProve};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::host::files;
use crate::host::ledger::ProveError;
use crate::model::checkpoint::proof::EntryProof;
use crate::model::note::key::VerifierKey;
use crate::model::text::escaped;

/// Prints the proof of an entry.
pub fn prove(args: &AuditProve, context: &Context) -> Result<Exit, Failure> {
    let proof = own(context)?.prove(args.seq).map_err(|error| match error {
        ProveError::NoEntry { .. } => Failure::of(Exit::Usage, &error).hint("`glass audit show` numbers the entries"),
        ProveError::NotHere { .. } => {
            Failure::of(Exit::Failed, &error).hint("prove it from the copy that was shipped, on a machine that has it")
        }
        ProveError::Unsigned(error) => error.into(),
    })?;
    out::print(&proof.to_string()).map(|()| Exit::Done)
}

/// Checks a proof, and prints the entry that it shows.
pub fn check(args: &AuditCheckProof, context: &Context) -> Result<Exit, Failure> {
    let bytes = files::read_anybodys(&args.file)
        .map_err(|error| Failure::new(Exit::Failed, "the proof cannot be read").caused_by(&error))?;
    let no_proof = || Failure::new(Exit::Evidence, format!("{} is no proof", args.file.display()));
    let text = String::from_utf8(bytes).map_err(|error| no_proof().caused_by(&error))?;
    let proof = EntryProof::parse(&text).map_err(|error| no_proof().caused_by(&error))?;
    let keys = if args.key.is_empty() { known_keys(context) } else { args.key.clone() };
    let failure = |error| {
        Failure::of(Exit::Evidence, &error).hint("name the ledger's key with --key, as `glass audit key` prints it")
    };
    let (entry, checkpoint, key) = proof.check(&keys).map_err(failure)?;
    let line = String::from_utf8_lossy(&proof.line);
    if args.json {
        let entry: serde_json::Value = serde_json::from_str(&line).map_err(|error| no_proof().caused_by(&error))?;
        let (origin, size, root) = (&checkpoint.origin, checkpoint.size, checkpoint.root);
        out::print_json(&json!({ "origin": origin, "size": size, "root": root, "key": key, "entry": entry }))?;
        return Ok(Exit::Done);
    }
    let mut told = String::new();
    writeln!(told, "entry       {} of {}", entry.seq, escaped(&checkpoint.origin)).expect(WRITES);
    writeln!(
        told,
        "signed      with {} entries, by {}\n\n{}",
        checkpoint.size,
        escaped(&key.to_string()),
        escaped(line.trim_end())
    )
    .expect(WRITES);
    out::print(&told).map(|()| Exit::Done)
}

const WRITES: &str = "writing to a String cannot fail";

/// The keys that the catalogue has for people's ledgers, and that of this user's own.
fn known_keys(context: &Context) -> Vec<VerifierKey> {
    let of_people = context.catalogue().map(|catalogue| catalogue.ledger_keys().cloned().collect());
    let mut keys: Vec<VerifierKey> = of_people.unwrap_or_default();
    keys.extend(own(context).ok().and_then(|ledger| ledger.known_key()));
    keys
}
