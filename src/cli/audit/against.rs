//! What lies outside of this machine, for `glass audit verify --against`: archives and notes that somebody kept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use crate::broker::place_of;
use crate::cli::args::AuditVerify;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::host::archive::kept::{Amount, Findings, Kept};
use crate::host::archive::{HostArchives, is_same_folder};
use crate::host::aws::HostAws;
use crate::host::files;
use crate::host::keychain::Keychain;
use crate::model::catalogue::Catalogue;
use crate::model::completeness::receipt::{Receipts, checkpoint_size};
use crate::model::completeness::{Claims, Found, Kind};
use crate::model::destination::Destination;
use crate::model::identity::Source;
use crate::model::name::{PersonName, Region};
use crate::model::note::Note;
use crate::model::text::escaped;
use crate::world::archive::{Archive, ArchiveError, Archives, Sender};
use crate::world::aws::Place;

/// The most that is read of a note: that of a checkpoint has some hundred bytes, and some hundred more a signature.
const LONGEST_NOTE: usize = 64 * 1024;

/// Where checkpoints are, below a ledger's folder.
const CHECKPOINTS: &str = "checkpoint/";

/// What archives have of this user's ledgers.
#[derive(Default)]
pub struct Archived {
    archives: Vec<Listed>,
    findings: Findings,
}

/// What one archive has of them.
struct Listed {
    at: Destination,
    kept: Kept,
    others: Vec<Other>,
}

/// A ledger of the same user and machine that an archive has.
#[derive(Serialize)]
pub struct Other {
    /// The archive.
    pub from: String,
    /// Whose it is.
    pub origin: String,
    /// How many entries its newest checkpoint has.
    pub size: u64,
}

/// Reads all that is named, and what it says of the ledger of this origin.
pub fn read(
    args: &AuditVerify,
    context: &Context,
    catalogue: Option<&Catalogue>,
    origin: Option<&str>,
) -> Result<(Claims, Archived), Failure> {
    let mut claims = Claims::of(origin.unwrap_or_default());
    let mut archived = Archived::default();
    for named in &args.against {
        if files::is_file(Path::new(named)) {
            claims.take(kept_note(Path::new(named))?);
            continue;
        }
        let at = Destination::parse(named, Path::new("")).map_err(|error| {
            Failure::new(Exit::Usage, format!("the ledger cannot be held against `{}`", escaped(named)))
                .caused_by(&error)
                .hint("name s3://BUCKET/PREFIX, a folder, or a file with a checkpoint")
        })?;
        let archive = open(&at, args, context, catalogue)?;
        let read = &mut archived.findings.read;
        let listed = Listed::of(at, archive, origin.unwrap_or_default(), &mut claims, read);
        archived.archives.push(listed.map_err(|error| unreadable(named, &error))?);
    }
    Ok((claims, archived))
}

/// A note in a file, which must be one: it was named.
fn kept_note(path: &Path) -> Result<Found, Failure> {
    let no_note = || Failure::new(Exit::Failed, format!("{} is no signed note", path.display()));
    let note = files::read_anybodys(path)
        .map_err(|error| Failure::new(Exit::Failed, "the note cannot be read").caused_by(&error))?;
    Note::parse(&note).map_err(|error| no_note().caused_by(&error))?;
    Ok(Found { kind: Kind::File, place: path.display().to_string(), note, named: None, at: None })
}

fn open(
    at: &Destination,
    args: &AuditVerify,
    context: &Context,
    catalogue: Option<&Catalogue>,
) -> Result<Box<dyn Archive>, Failure> {
    let missing = |fact: String, hint: &str| Failure::new(Exit::Usage, fact).hint(hint);
    let is_bucket = matches!(at, Destination::Bucket { .. });
    let shipping = catalogue.map(Catalogue::shipping);
    let region = args.region.clone().or_else(|| shipping?.region.clone());
    let source = args.profile.clone().map(Source::Profile);
    let source = source.or_else(|| shipping?.source.clone());
    if is_bucket && region.is_none() {
        return Err(missing(format!("the region of {at} is not known"), "name it with --region"));
    }
    // A folder is in no region: any will do.
    let region = region.unwrap_or_else(Region::any);
    let place = match catalogue {
        Some(catalogue) => place_of(catalogue, region),
        // Who audits the ledgers of others may have none: then AWS is where AWS is.
        None => Place { region, endpoint: None, ca_bundle: None },
    };
    let identity = context.identity_if_any()?;
    let person = identity.as_ref().map(|identity| identity.person.clone());
    let person = person.unwrap_or_else(|| PersonName::parse("auditor").expect("it is a name"));
    let source = source.or(identity.and_then(|identity| identity.source));
    if is_bucket && source.is_none() {
        let fact = format!("there are no credentials for {at}");
        return Err(missing(fact, "name an AWS CLI profile with --profile"));
    }
    let sender = Sender { person: &person, source: source.as_ref(), place: &place, retain_days: None };
    let archives = HostArchives { aws: HostAws { vault: &Keychain } };
    archives.open(at, &sender).map_err(|error| unreadable(&at.to_string(), &error))
}

fn unreadable(named: &str, error: &ArchiveError) -> Failure {
    Failure::new(Exit::Failed, format!("{} cannot be held against the ledger", escaped(named))).caused_by(error)
}

/// The origin that a name begins with, `glass/<organisation>/<host>/<user>/<id>`, and what is below it.
fn apart(name: &str) -> Option<(&str, &str)> {
    let (end, _) = name.match_indices('/').nth(4)?;
    Some((&name[..end], &name[end + 1..]))
}

impl Listed {
    /// Lists what an archive has of a ledger and of others of the same user and machine, and reads the checkpoints of
    /// the one.
    fn of(
        at: Destination,
        archive: Box<dyn Archive>,
        origin: &str,
        claims: &mut Claims,
        read: &mut Amount,
    ) -> Result<Listed, ArchiveError> {
        let above = origin.rsplit_once('/').map_or("glass", |(above, _)| above);
        let mut ledgers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for name in archive.names(above)? {
            if let Some((origin, below)) = apart(&name) {
                ledgers.entry(origin.to_owned()).or_default().insert(below.to_owned());
            }
        }
        let (origin, names) = (origin.to_owned(), ledgers.remove(origin).unwrap_or_default());
        let others = ledgers.into_iter().filter_map(|(origin, names)| {
            let size = names.iter().filter_map(|name| checkpoint_size(name)).max()?;
            Some(Other { from: at.to_string(), origin, size })
        });
        let others = others.collect();
        let kept = Kept::of(archive, at.to_string(), origin, names);
        let mut listed = Listed { at, kept, others };
        listed.read(claims, read)?;
        Ok(listed)
    }

    /// Reads all checkpoints of the ledger.
    fn read(&mut self, claims: &mut Claims, read: &mut Amount) -> Result<(), ArchiveError> {
        let Kept { archive, origin, names, .. } = &self.kept;
        let names: Vec<String> = names.iter().filter(|name| name.starts_with(CHECKPOINTS)).cloned().collect();
        let full: Vec<String> = names.iter().map(|name| format!("{origin}/{name}")).collect();
        // What is too long to be a note, or cannot be read, is none.
        let brought = archive.bring(&full, LONGEST_NOTE)?;
        for ((name, full), brought) in names.into_iter().zip(full).zip(brought) {
            let (note, at) = brought.map_or_else(Default::default, |brought| (brought.content, Some(brought.at)));
            read.add(note.len() as u64);
            let place = format!("{}/{full}", self.at);
            // A name that is none of a checkpoint's is of no size that there could be.
            let named = Some(checkpoint_size(&name).unwrap_or(u64::MAX));
            if let Some(root) = claims.take(Found { kind: self.kind(), place, note, named, at }) {
                self.kept.checkpoints.insert(name, root);
            }
        }
        Ok(())
    }

    fn kind(&self) -> Kind {
        match &self.at {
            Destination::Folder(_) => Kind::Folder,
            Destination::Bucket { .. } => Kind::S3,
        }
    }
}

/// Whether a place that a receipt is of is this one.
fn is_same(at: &Destination, to: &str) -> bool {
    match at {
        Destination::Folder(path) => is_same_folder(path, Path::new(to)),
        Destination::Bucket { .. } => at.to_string() == to,
    }
}

impl Archived {
    /// Holds what they have to the ledger's receipts, and to those of segments that only they have.
    pub fn hold(&mut self, mut receipts: Receipts) -> Result<(), Failure> {
        // What one archive's segments say may be of another.
        for _ in 0..self.archives.len() {
            for Listed { at, kept, .. } in &mut self.archives {
                kept.hold(&mut receipts, |to| is_same(at, to), &mut self.findings)
                    .map_err(|error| unreadable(&at.to_string(), &error))?;
            }
        }
        Ok(())
    }

    /// What was found of what they should have, and the other ledgers of this user and machine that they have
    /// checkpoints of.
    pub fn into_findings(self) -> (Findings, Vec<Other>) {
        (self.findings, self.archives.into_iter().flat_map(|listed| listed.others).collect())
    }
}
