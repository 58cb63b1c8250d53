//! The words of `glass audit`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as Group, Subcommand, ValueEnum};

use crate::model::name::{Id, NameError, Reason, Region};
use crate::model::note::key::{KeyError, VerifierKey, WitnessKey};
use crate::model::text::one_line;
use crate::model::time::{Timestamp, parse_duration};

/// `glass audit`.
#[derive(Debug, Group)]
pub struct Audit {
    /// What to do with the ledger.
    #[command(subcommand)]
    pub action: AuditAction,
}

/// What `glass audit` can do.
#[derive(Debug, Subcommand)]
pub enum AuditAction {
    /// Verify every entry, what the ledger has signed, recordings and contents; 4 if something is not as it was written
    Verify(AuditVerify),
    /// Print entries
    Show(AuditShow),
    /// Print the last entries and those that come, until Ctrl-C
    Tail(AuditTail),
    /// Sign what the ledger holds now, and print that: a note to be kept elsewhere
    Checkpoint(AuditCheckpoint),
    /// Close the segment that is written to, and go on in the next one; done by itself at 64 MiB
    Rotate(AuditRotate),
    /// Print the key that the ledger's checkpoints are held against
    Key(AuditKey),
    /// Print a proof that an entry is in the ledger, with the entry and nothing else of it
    Prove(AuditProve),
    /// Check such a proof, without the ledger; 4 if it does not hold
    CheckProof(AuditCheckProof),
    /// Send the ledger to the places that the catalogue names; 4 if one of them contradicts it
    Ship(AuditShip),
    /// Close a ledger that does not verify, and begin a new one that refers to it
    Acknowledge(AuditAcknowledge),
    /// Write the entries in a form that other programs take
    Export(AuditExport),
}

/// `glass audit verify`.
#[derive(Debug, Group)]
pub struct AuditVerify {
    /// The folder of another ledger, e.g. of a copy
    #[arg(long, value_name = "DIR")]
    pub ledger: Option<PathBuf>,

    /// Events of CloudTrail to hold against the ledger: the output of `aws cloudtrail lookup-events`, or a log file
    /// from S3, gzip or not; may be repeated
    #[arg(long, value_name = "FILE")]
    pub cloudtrail: Vec<PathBuf>,

    /// What left this machine, to hold the ledger against: an archive, s3://BUCKET/PREFIX or a folder, or a file with a
    /// checkpoint that somebody kept; may be repeated
    #[arg(long, value_name = "ARCHIVE|FILE")]
    pub against: Vec<String>,

    /// 5 unless the last checkpoint is anchored: by what --against and --cloudtrail name, or else by the ledger's receipts
    #[arg(long)]
    pub anchored: bool,

    /// 5 unless what was anchored last is at most so old, e.g. 15m, 24h
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub max_age: Option<Duration>,

    /// The region of the buckets of --against [default: the catalogue's]
    #[arg(long, value_name = "REGION", value_parser = Region::parse)]
    pub region: Option<Region>,

    /// The AWS CLI profile that reads the buckets of --against [default: the catalogue's, or the daily identity's source]
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,

    /// A key that is known from elsewhere: the ledger's, and it is 4 if that has signed nothing; or a witness's
    #[arg(long, value_name = "VKEY", value_parser = KnownKey::parse)]
    pub key: Vec<KnownKey>,

    /// The fast way: read only what follows the last checkpoint, and no recordings or contents; everything, where that is impossible
    #[arg(long, conflicts_with_all = ["cloudtrail", "against", "anchored", "max_age"])]
    pub since_checkpoint: bool,

    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Which entries are meant; all, if nothing is said.
#[derive(Debug, Group)]
pub struct AuditFilter {
    /// Only those of a session
    #[arg(long, value_name = "ID", value_parser = Id::parse)]
    pub session: Option<Id>,

    /// Only those from this moment on, e.g. 2026-01-31T02:13:00Z
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    pub since: Option<Timestamp>,

    /// Only those of an event, e.g. elevate.ok
    #[arg(long, value_name = "NAME")]
    pub event: Option<String>,
}

impl AuditFilter {
    /// Whether anything is said.
    pub fn is_some(&self) -> bool {
        self.session.is_some() || self.since.is_some() || self.event.is_some()
    }
}

/// A key that signatures are held against.
#[derive(Clone, Debug)]
pub enum KnownKey {
    /// A ledger's.
    Ledger(VerifierKey),
    /// A witness's.
    Witness(WitnessKey),
}

impl KnownKey {
    fn parse(text: &str) -> Result<KnownKey, KeyError> {
        WitnessKey::parse(text).map(KnownKey::Witness).or_else(|_| VerifierKey::parse(text).map(KnownKey::Ledger))
    }
}

/// `glass audit show`.
#[derive(Debug, Group)]
pub struct AuditShow {
    /// Which of them.
    #[command(flatten)]
    pub only: AuditFilter,

    /// The folder of another ledger, e.g. of a copy
    #[arg(long, value_name = "DIR")]
    pub ledger: Option<PathBuf>,

    /// Only the last so many of these
    #[arg(long, value_name = "N")]
    pub last: Option<usize>,

    /// Print the entries as they are stored
    #[arg(long)]
    pub json: bool,
}

/// `glass audit tail`.
#[derive(Debug, Group)]
pub struct AuditTail {
    /// Print the entries as they are stored
    #[arg(long)]
    pub json: bool,
}

/// `glass audit checkpoint`.
#[derive(Debug, Group)]
pub struct AuditCheckpoint {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `glass audit rotate`.
#[derive(Debug, Group)]
pub struct AuditRotate {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `glass audit key`.
#[derive(Debug, Group)]
#[command(
    after_help = "It belongs into the catalogue, as one of your `ledger_keys`: then whoever verifies knows it is yours."
)]
pub struct AuditKey {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `glass audit prove`.
#[derive(Debug, Group)]
#[command(
    after_help = "Examples:\n  glass audit prove 42 > entry-42.tlog-proof\n  glass audit prove 42 --ledger COPY > entry-42.tlog-proof"
)]
pub struct AuditProve {
    /// The entry's number, see `glass audit show`
    #[arg(value_name = "SEQ")]
    pub seq: u64,

    /// The folder of another ledger, e.g. of a copy, in which a checkpoint has the entry
    #[arg(long, value_name = "DIR")]
    pub ledger: Option<PathBuf>,
}

/// `glass audit check-proof`.
#[derive(Debug, Group)]
pub struct AuditCheckProof {
    /// The proof
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// The key of the ledger that it must be of [default: those of the catalogue, and of your own ledger]
    #[arg(long, value_name = "VKEY", value_parser = VerifierKey::parse)]
    pub key: Vec<VerifierKey>,

    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `glass audit ship`.
#[derive(Debug, Group)]
#[command(
    after_help = "The places are `ship` in the catalogue's [ledger]: see docs/catalogue.md. What they have already is \
                  not sent again, and what failed is tried again by every later call."
)]
pub struct AuditShip {
    /// For nobody: with no terminal, and not at all if another process does it
    #[arg(long, hide = true)]
    pub background: bool,

    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `glass audit acknowledge`.
#[derive(Debug, Group)]
pub struct AuditAcknowledge {
    /// What happened to it, in 10 to 500 characters on one line
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: Reason,
}

/// `glass audit export`.
#[derive(Debug, Group)]
#[command(
    after_help = "Examples:\n  glass audit export --format csv --to ledger.csv\n  glass audit export --format ocsf --since 2026-01-31T00:00:00Z | gzip > events.json.gz\n  glass audit export --format tiles --to public/log"
)]
pub struct AuditExport {
    /// The form
    #[arg(long, value_enum, default_value = "jsonl")]
    pub format: ExportFormat,

    /// A file to make, instead of stdout; for tiles a folder, new or empty
    #[arg(long, value_name = "PATH")]
    pub to: Option<PathBuf>,

    /// The folder of another ledger, e.g. of a copy
    #[arg(long, value_name = "DIR")]
    pub ledger: Option<PathBuf>,

    /// Which of them.
    #[command(flatten)]
    pub only: AuditFilter,
}

/// A form in which the ledger is exported.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ExportFormat {
    /// The entries as they are stored
    Jsonl,
    /// A table for a spreadsheet, one row an entry
    Csv,
    /// Events of OCSF 1.8, one JSON object a line
    Ocsf,
    /// A transparency log's tiles, as C2SP's tlog-tiles has them, of the last checkpoint
    Tiles,
}

/// A reason, however the words of it were spaced.
fn reason(text: &str) -> Result<Reason, NameError> {
    Reason::parse(&one_line(text))
}
