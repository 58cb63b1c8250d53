//! What lies outside of this machine, for `glass audit verify --against`: archives and notes that somebody kept.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use serde::Serialize;

use crate::broker::place_of;
use crate::cli::args::AuditVerify;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::host::archive::{HostArchives, is_same_folder};
use crate::host::aws::HostAws;
use crate::host::files;
use crate::host::keychain::Keychain;
use crate::model::completeness::receipt::{Gone, Receipts, checkpoint_size};
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
pub struct Archived(Vec<Listed>);

/// What one archive has of them.
struct Listed {
    at: Destination,
    /// The names below each ledger's folder.
    ledgers: BTreeMap<String, BTreeSet<String>>,
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
pub fn read(args: &AuditVerify, context: &Context, origin: Option<&str>) -> Result<(Claims, Archived), Failure> {
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
        let archive = open(&at, args, context)?;
        let listed = Listed::of(at, &*archive, origin).and_then(|listed| {
            listed.read(&*archive, origin, &mut claims)?;
            Ok(listed)
        });
        archived.0.push(listed.map_err(|error| unreadable(named, &error))?);
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

fn open(at: &Destination, args: &AuditVerify, context: &Context) -> Result<Box<dyn Archive>, Failure> {
    let missing = |fact: String, hint: &str| Failure::new(Exit::Usage, fact).hint(hint);
    let is_bucket = matches!(at, Destination::Bucket { .. });
    let catalogue = context.catalogue().ok();
    let of_catalogue = || catalogue.as_ref().and_then(|catalogue| catalogue.shipping().region.clone());
    let region = args.region.clone().or_else(of_catalogue);
    let source = args.profile.clone().map(Source::Profile);
    let source = source.or_else(|| catalogue.as_ref().and_then(|catalogue| catalogue.shipping().source.clone()));
    if is_bucket && region.is_none() {
        return Err(missing(format!("the region of {at} is not known"), "name it with --region"));
    }
    // A folder is in no region: any will do.
    let region = region.unwrap_or_else(|| Region::parse("us-east-1").expect("it is the name of a region"));
    let place = match catalogue {
        Some(catalogue) => place_of(&catalogue, region),
        // Who audits the ledgers of others may have none: then AWS is where AWS is.
        None => Place { region, endpoint: None, ca_bundle: None },
    };
    let identity = context.identity().ok();
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

/// Takes no more than a note can have.
struct Short(Vec<u8>);

impl io::Write for Short {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        match self.0.len() {
            length if length > LONGEST_NOTE => Err(io::Error::other("it is longer than a note")),
            _ => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Listed {
    fn of(at: Destination, archive: &dyn Archive, origin: Option<&str>) -> Result<Listed, ArchiveError> {
        let above = origin.and_then(|origin| origin.rsplit_once('/')).map_or("glass", |(above, _)| above);
        let mut ledgers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for name in archive.names(above)? {
            if let Some((origin, below)) = apart(&name) {
                ledgers.entry(origin.to_owned()).or_default().insert(below.to_owned());
            }
        }
        Ok(Listed { at, ledgers })
    }

    /// Reads all checkpoints of a ledger.
    fn read(&self, archive: &dyn Archive, origin: Option<&str>, claims: &mut Claims) -> Result<(), ArchiveError> {
        let Some((origin, names)) = origin.and_then(|origin| Some((origin, self.ledgers.get(origin)?))) else {
            return Ok(());
        };
        for name in names.iter().filter(|name| name.starts_with(CHECKPOINTS)) {
            let full = format!("{origin}/{name}");
            let mut note = Short(Vec::new());
            let at = match archive.oldest(&full, &mut note) {
                // It is too long to be a note, and what there is of it is none either.
                Err(_) if note.0.len() > LONGEST_NOTE => None,
                put => put?,
            };
            let place = format!("{}/{full}", self.at);
            // A name that is none of a checkpoint's is of no size that there could be.
            let named = Some(checkpoint_size(name).unwrap_or(u64::MAX));
            claims.take(Found { kind: self.kind(), place, note: note.0, named, at });
        }
        Ok(())
    }

    fn kind(&self) -> Kind {
        match &self.at {
            Destination::Folder(_) => Kind::Folder,
            Destination::Bucket { .. } => Kind::S3,
        }
    }

    /// Whether a place that a receipt is of is this one.
    fn is(&self, to: &str) -> bool {
        match &self.at {
            Destination::Folder(path) => is_same_folder(path, Path::new(to)),
            Destination::Bucket { .. } => self.at.to_string() == to,
        }
    }
}

impl Archived {
    /// What they should have by the ledger's receipts, and do not.
    pub fn gone(&self, receipts: &Receipts, origin: &str) -> Vec<Gone> {
        let nothing = BTreeSet::new();
        let of = |listed: &Listed| {
            let names = listed.ledgers.get(origin).unwrap_or(&nothing);
            let places = receipts.places().into_iter().filter(|to| listed.is(to));
            places.flat_map(|to| receipts.gone(to, names)).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of).collect()
    }

    /// The other ledgers of this user and machine of which they have checkpoints.
    pub fn others(&self, origin: &str) -> Vec<Other> {
        let of = |listed: &Listed| {
            let others = listed.ledgers.iter().filter(|(other, _)| *other != origin);
            let newest = |names: &BTreeSet<String>| names.iter().filter_map(|name| checkpoint_size(name)).max();
            let other = |(other, names)| {
                let size = newest(names)?;
                Some(Other { from: listed.at.to_string(), origin: String::clone(other), size })
            };
            others.filter_map(other).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of).collect()
    }
}
