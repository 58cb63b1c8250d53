//! `glass audit verify`: the verdict on the ledger, on the recordings and contents that it tells of, and by CloudTrail.

use std::fmt::Write;

use serde_json::json;

use super::against;
use super::cloudtrail::Compared;
use super::completeness::{Evidence, Judged};
use super::contents::Contents;
use super::recordings::Proofs;
use super::source::Source;
use super::tell_of_failures;
use crate::cli::args::{AuditVerify, KnownKey};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::host::ledger::reader::{Reader, Reading, Verified};
use crate::host::ledger::{Before, Since};
use crate::host::recorded::Recorded;
use crate::model::catalogue::Catalogue;
use crate::model::chain::signed::{Asked, Believed, Signatures, Signed};
use crate::model::chain::walk::{Integrity, Judgement};
use crate::model::cloudtrail::compare::Elevations;
use crate::model::completeness::receipt::Receipts;
use crate::model::contents::Named;
use crate::model::note::key::WitnessKey;
use crate::model::text::escaped;
use crate::world::ledger::LedgerError;

/// What was found, and how it is to be told.
pub struct Verdict<'a> {
    verified: Verified,
    proofs: Proofs,
    /// The contents that entries refer to; not looked at by the fast way.
    contents: Option<Contents>,
    compared: Option<Compared>,
    judged: Judged,
    /// How many entries the checkpoint has with which the reading began.
    since: Option<u64>,
    args: &'a AuditVerify,
}

/// Finds the verdict.
pub fn find<'a>(args: &'a AuditVerify, context: &Context) -> Result<Verdict<'a>, Failure> {
    let catalogue = context.catalogue_if_any()?;
    let source = Source::of(args.ledger.as_deref(), context)?;
    let mut proofs = match &args.ledger {
        None => Proofs::of(Recorded::of_own(&context.places().recordings()), Some(context.places().state())),
        Some(folder) => Proofs::of(Recorded::beside(folder), None),
    };
    let origin = source.found(source.reader.origin())?;
    let (claims, mut archived) = against::read(args, context, catalogue.as_ref(), origin.as_deref())?;
    let (mut elevations, mut receipts, mut named) = (Elevations::default(), Receipts::default(), Named::default());
    let (believed, witnesses) = known_keys(args, catalogue.as_ref());
    // CloudTrail is looked through for everybody who is in any entry.
    let is_asked = !args.cloudtrail.is_empty();
    let is_told = |event: &str| is_asked || Proofs::takes(event) || Receipts::takes(event) || Named::takes(event);
    let fast = if args.since_checkpoint { since_checkpoint(&source.reader, &believed) } else { Ok(None) };
    let fast = source.found(fast)?;
    let since = fast.as_ref().map(|(size, _)| *size);
    let verified = match fast {
        Some((_, verified)) => Ok(verified),
        None => source.reader.verify(Asked { believed, sizes: claims.sizes() }, is_told, |line, entry| {
            proofs.take(entry);
            elevations.take(line, entry);
            receipts.take(entry);
            named.take(entry);
        }),
    };
    let verified = source.found(verified)?;
    source.is_there(&verified.reading)?;
    let contents = if since.is_none() { Some(Contents::of(&named, &source)?) } else { None };
    let now = context.world().clock.now();
    if let (None, Some(person)) = (&args.ledger, context.person()) {
        elevations.expect(person.as_str());
    }
    let compared = is_asked.then(|| Compared::of(&args.cloudtrail, &elevations, now)).transpose()?;
    let cloudtrail = compared.as_ref().map(Compared::held);
    archived.hold(receipts.clone())?;
    let evidence = Evidence { verified: &verified, receipts, claims, archived, witnesses: &witnesses, cloudtrail };
    let judged = Judged::of(evidence, args, now);
    Ok(Verdict { verified, proofs: proofs.conclude()?, contents, compared, judged, since, args })
}

/// The verdict by the fast way, with the size of the checkpoint that it begins with; says so where there is no such way.
fn since_checkpoint(reader: &Reader, believed: &Believed) -> Result<Option<(u64, Verified)>, LedgerError> {
    match reader.verify_since(believed.clone())? {
        Since::Checkpoint(size, verified) => Ok(Some((size, *verified))),
        Since::NoWay(why) => {
            out::say(&format!("glass: everything is verified: {why}"));
            Ok(None)
        }
    }
}

/// The keys that were named, or else those of the catalogue: ledgers', and witnesses'.
fn known_keys(args: &AuditVerify, catalogue: Option<&Catalogue>) -> (Believed, Vec<WitnessKey>) {
    let (mut keys, mut witnesses) = (Vec::new(), Vec::new());
    for key in args.key.iter().cloned() {
        match key {
            KnownKey::Ledger(key) => keys.push(key),
            KnownKey::Witness(key) => witnesses.push(key),
        }
    }
    if let (Some(catalogue), true) = (catalogue, witnesses.is_empty()) {
        witnesses = catalogue.shipping().witness_keys().to_vec();
    }
    let believed = match keys.as_slice() {
        [] => Believed::Known(catalogue.into_iter().flat_map(Catalogue::ledger_keys).cloned().collect()),
        _ => Believed::Only(keys),
    };
    (believed, witnesses)
}

/// Tells a verdict; 4 if the ledger does not verify, a key was given that has signed nothing of it, a recording is not
/// what the ledger has, a content is not or is gone, or CloudTrail contradicts it. What an interrupted append left is no
/// reason, nor is a recording that is not there.
pub fn tell(verdict: &Verdict<'_>, context: &Context) -> Result<Exit, Failure> {
    let Verified { reading: Reading { segments, before, walked }, signatures, .. } = &verdict.verified;
    let Judgement { integrity, first_bad } = &walked.judgement;
    let signed = signatures.last();
    if verdict.args.json {
        let (anchored, completeness) = verdict.judged.as_json();
        let mut document = json!({
            "entries": walked.verifier.next(),
            "segments": segments,
            "from": before.as_ref().map(|before| json!({ "entry": before.state.size(), "to": before.to })),
            "head": walked.verifier.last(),
            "integrity": integrity,
            "first_bad": first_bad,
            "completeness": completeness,
            "anchored": anchored,
            "unresolved": signatures.unresolved().collect::<Vec<_>>(),
            "signed": signed.map(|signed| json!({ "size": signed.size, "at": signed.at, "key": signed.key })),
            "recordings": verdict.proofs.as_json(),
            "contents": verdict.contents.as_ref().map(Contents::as_json),
        });
        if verdict.args.since_checkpoint {
            document["since"] = json!(verdict.since);
        }
        if let Some(compared) = &verdict.compared {
            document["cloudtrail"] = compared.as_json();
        }
        out::print_json(&document)?;
    } else {
        let contents = verdict.contents.as_ref().map(Contents::described).unwrap_or_default();
        let compared = verdict.compared.as_ref().map(Compared::described).unwrap_or_default();
        let signature = described_signature(signatures);
        out::print(
            &(described(&verdict.verified, verdict.since)
                + &signature
                + &verdict.judged.described()
                + &verdict.proofs.described()
                + &contents
                + &compared),
        )?;
    }
    if verdict.args.ledger.is_none() {
        tell_of_failures(context);
    }
    let is_named = verdict.args.key.iter().any(|key| matches!(key, KnownKey::Ledger(_)));
    let unsigned = signatures.is_by_others() || (signed.is_none() && is_named);
    let contradicted = unsigned
        || verdict.proofs.differ()
        || verdict.contents.as_ref().is_some_and(Contents::contradict)
        || verdict.judged.contradicts()
        || verdict.compared.as_ref().is_some_and(Compared::contradicts);
    Ok(match integrity {
        Integrity::Verified | Integrity::Torn if !contradicted => {
            verdict.judged.unanchored(verdict.args).unwrap_or(Exit::Done)
        }
        Integrity::Verified | Integrity::Torn | Integrity::Broken | Integrity::RolledBack => Exit::Evidence,
    })
}

fn described_signature(signatures: &Signatures) -> String {
    match signatures.last() {
        Some(Signed { size, at, key }) => {
            format!("signed      the first {size} entries, at {at}, by {}\n", escaped(&key.to_string()))
        }
        None if signatures.is_by_others() => "signed      by none of the keys that are known of it\n".to_owned(),
        None => "signed      nothing yet\n".to_owned(),
    }
}

fn described(verified: &Verified, since: Option<u64>) -> String {
    let Verified { reading: Reading { segments, before, walked }, signatures, .. } = verified;
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
    if let Some(Before { state, to, .. }) = before {
        let (first, to) = (state.size(), escaped(to));
        writeln!(text, "from        entry {first} on; what is before was shipped to {to}").expect(WRITES);
    }
    if let Some(size) = since {
        writeln!(
            text,
            "since       a checkpoint of {size} entries; these were not read, nor was any recording or content"
        )
        .expect(WRITES);
    }
    writeln!(text, "entries     {}\nsegments    {segments}\nhead        {head}", walked.verifier.next()).expect(WRITES);
    for session in signatures.unresolved() {
        writeln!(text, "unresolved  {session}: an elevation was begun and has no outcome").expect(WRITES);
    }
    text
}

const WRITES: &str = "writing to a String cannot fail";
