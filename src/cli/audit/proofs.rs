//! `glass audit prove` and `glass audit check-proof`: one entry shown without the rest of the ledger.

use std::fmt::Write;

use serde_json::json;

use super::own;
use super::source::nothing_in;
use crate::cli::args::{AuditCheckProof, AuditProve};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::host::files;
use crate::host::ledger::{ProveError, prove_from_copy};
use crate::model::catalogue::Catalogue;
use crate::model::checkpoint::proof::EntryProof;
use crate::model::note::key::VerifierKey;
use crate::model::text::escaped;
use crate::world::ledger::{LedgerError, Unsigned};

/// Prints the proof of an entry.
pub fn prove(args: &AuditProve, context: &Context) -> Result<Exit, Failure> {
    let proof = match &args.ledger {
        None => own(context)?.prove(args.seq),
        Some(copy) => prove_from_copy(copy, args.seq),
    };
    let proof = proof.map_err(|error| match (error, &args.ledger) {
        (ProveError::NoEntry { size: 0, .. }, Some(copy)) => nothing_in(copy),
        (error @ ProveError::NoEntry { .. }, _) => {
            Failure::of(Exit::Usage, &error).hint("`glass audit show` numbers the entries")
        }
        (error @ ProveError::NotHere { .. }, _) => Failure::of(Exit::Failed, &error)
            .hint("put the segments that were shipped beside the others, in a copy, and name that with --ledger"),
        (error @ ProveError::NotSigned { .. }, _) => Failure::of(Exit::Failed, &error)
            .hint("copy what follows as well: a session ends with a checkpoint, and a segment begins with one"),
        (ProveError::Unsigned(Unsigned::Ledger(error)), Some(_)) => Failure::of(exit_of_copy(&error), &error),
        (ProveError::Unsigned(error), _) => error.into(),
    })?;
    out::print(&proof.to_string()).map(|()| Exit::Done)
}

/// A copy that does not verify is broken evidence; that it cannot be read is not.
fn exit_of_copy(error: &LedgerError) -> Exit {
    if matches!(error, LedgerError::Broken { .. }) { Exit::Evidence } else { Exit::Failed }
}

/// Checks a proof, and prints the entry that it shows.
pub fn check(args: &AuditCheckProof, context: &Context) -> Result<Exit, Failure> {
    let bytes = files::read_anybodys(&args.file)
        .map_err(|error| Failure::new(Exit::Failed, "the proof cannot be read").caused_by(&error))?;
    let no_proof = || Failure::new(Exit::Evidence, format!("{} is no proof", args.file.display()));
    let text = String::from_utf8(bytes).map_err(|error| no_proof().caused_by(&error))?;
    let proof = EntryProof::parse(&text).map_err(|error| no_proof().caused_by(&error))?;
    let keys = if args.key.is_empty() { known_keys(context)? } else { args.key.clone() };
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

/// The keys that the catalogue has for people's ledgers, and that of this user's own unless it has one for that.
fn known_keys(context: &Context) -> Result<Vec<VerifierKey>, Failure> {
    let catalogue = context.catalogue_if_any()?;
    let mut keys: Vec<VerifierKey> = catalogue.iter().flat_map(Catalogue::ledger_keys).cloned().collect();
    let of_own = own(context)?.known_key();
    keys.extend(of_own.filter(|own| keys.iter().all(|pinned| pinned.name() != own.name())));
    Ok(keys)
}
