//! `glass audit verify`: the verdict on the ledger, on the recordings that it tells of, and by CloudTrail.

use std::fmt::Write;
use std::path::Path;

use serde_json::json;

use super::cloudtrail::{self, Compared};
use super::recordings::Proofs;
use crate::cli::args::AuditVerify;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::host::ledger::reader::{Reader, Reading};
use crate::host::recorded::Recorded;
use crate::model::chain::walk::{Integrity, Judgement};
use crate::model::cloudtrail::compare::Elevations;
use crate::model::text::escaped;

/// What was found, and how it is to be told.
pub struct Verdict<'a> {
    reading: Reading,
    proofs: Proofs,
    compared: Option<Compared>,
    args: &'a AuditVerify,
}

/// Finds the verdict.
pub fn find<'a>(args: &'a AuditVerify, context: &Context) -> Result<Verdict<'a>, Failure> {
    let trail = cloudtrail::read(&args.cloudtrail)?;
    let places = context.places();
    let (reader, mut proofs) = match &args.ledger {
        None => {
            let recordings = Recorded::of_own(&places.recordings());
            (Reader::of_own(&places.ledger())?, Proofs::of(recordings, Some(places.state())))
        }
        Some(folder) => (Reader::of_copy(folder)?, Proofs::of(Recorded::beside(folder), None)),
    };
    let mut elevations = Elevations::default();
    let reading = reader.verify(|line, entry| {
        proofs.take(entry);
        elevations.take(line, entry);
    });
    let reading = match &args.ledger {
        None => reading?,
        Some(folder) => of_copy(folder, reading.map_err(|error| Failure::of(Exit::Failed, &error))?)?,
    };
    let compared = trail.map(|trail| Compared::of(trail, &elevations, context.world().clock.now()));
    Ok(Verdict { reading, proofs: proofs.conclude()?, compared, args })
}

/// What was read of a copy, which is to be there.
fn of_copy(folder: &Path, reading: Reading) -> Result<Reading, Failure> {
    if reading.segments == 0 {
        let fact = format!("there is no ledger in {}", folder.display());
        return Err(Failure::new(Exit::Failed, fact).hint("name the folder that log-….jsonl is in"));
    }
    Ok(reading)
}

/// Tells a verdict; 4 if the ledger does not verify, a recording is not what the ledger has, or CloudTrail contradicts
/// it. What an interrupted append left is no reason, nor is a recording that is not there.
pub fn tell(verdict: &Verdict<'_>) -> Result<Exit, Failure> {
    let Reading { segments, walked } = &verdict.reading;
    let Judgement { integrity, first_bad } = &walked.judgement;
    if verdict.args.json {
        let mut document = json!({
            "entries": walked.verifier.next(),
            "segments": segments,
            "head": walked.verifier.last(),
            "integrity": integrity,
            "first_bad": first_bad,
            "anchored": null,
            "unresolved": walked.verifier.unresolved().collect::<Vec<_>>(),
            "recordings": verdict.proofs.as_json(),
        });
        if let Some(compared) = &verdict.compared {
            document["cloudtrail"] = compared.as_json();
        }
        out::print_json(&document)?;
    } else {
        let compared = verdict.compared.as_ref().map(Compared::described).unwrap_or_default();
        out::print(&(described(&verdict.reading) + &verdict.proofs.described() + &compared))?;
    }
    let contradicted = verdict.proofs.differ() || verdict.compared.as_ref().is_some_and(Compared::contradicts);
    Ok(match integrity {
        Integrity::Verified | Integrity::Torn if !contradicted => Exit::Done,
        Integrity::Verified | Integrity::Torn | Integrity::Broken | Integrity::RolledBack => Exit::Evidence,
    })
}

fn described(reading: &Reading) -> String {
    let Reading { segments, walked } = reading;
    let integrity = match walked.judgement.integrity {
        Integrity::Verified => "verified",
        Integrity::Torn => "torn: an append was interrupted; the next one keeps aside what it left, and says so",
        Integrity::Broken => "broken",
        Integrity::RolledBack => "rolled back",
    };
    let head = walked.verifier.last().map_or("none".to_owned(), |head| head.to_string());
    let mut text = format!("integrity   {integrity}\n");
    if let Some(bad) = &walked.judgement.first_bad {
        let reason = escaped(&bad.reason);
        writeln!(text, "first bad   {} line {}: {reason}", escaped(&bad.segment), bad.line).expect(WRITES);
    }
    writeln!(text, "entries     {}\nsegments    {segments}\nhead        {head}", walked.verifier.next()).expect(WRITES);
    for session in walked.verifier.unresolved() {
        writeln!(text, "unresolved  {session}: an elevation was begun and has no outcome").expect(WRITES);
    }
    text
}

const WRITES: &str = "writing to a String cannot fail";
