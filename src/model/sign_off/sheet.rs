//! The sheet: a request as one line, which is what approvers sign the hash of.
//!
//! Keeps the promise that a request has one form: a line that glass would not have written like this is none.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::catalogue::Parts;
use crate::model::chain::origin::Origin;
use crate::model::name::{
    Digest, Id, Incident, Organisation, PersonName, ProfileName, Reason, RoleArn, StepName, TriggerName,
};
use crate::model::time::Timestamp;

/// The longest line, its LF included, in bytes.
pub const LONGEST: usize = 16 * 1024;

/// What every sheet begins with.
pub(super) const START: &str = "{\"v\":1,\"kind\":\"glass-request\",";

/// A request in the form in which it is stored, sent and signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    asked: Asked,
    line: String,
    digest: Digest,
}

/// What a sheet says, its fields in the order in which they are stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The request's id.
    pub id: Id,
    /// Whose catalogue it rests on.
    pub organisation: Organisation,
    /// The ledger of the machine that it can be used on.
    pub origin: Origin,
    /// Who asks.
    pub person: PersonName,
    /// For which profile.
    pub profile: ProfileName,
    /// By which text of the catalogue.
    pub parts: Parts,
    /// The role that the profile names.
    pub role: RoleArn,
    /// Which kind of emergency.
    pub trigger: TriggerName,
    /// The reference to it.
    pub incident: Incident,
    /// Why.
    pub reason: Reason,
    /// For how long, in seconds.
    pub duration: u64,
    /// The step of the runbook that it is for, and nothing else.
    pub step: Option<StepName>,
    /// Whether it is made to be used without approvals; then a signature under it is its review.
    #[serde(rename = "override")]
    pub overrides: bool,
    /// When it was made.
    pub made: Timestamp,
    /// Until when it can be signed and used.
    pub expires: Timestamp,
    /// What the ledger of the machine held then.
    pub ledger: Extent,
    /// What makes it unlike any other, also to those who know the rest.
    pub nonce: Nonce,
}

/// A ledger at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extent {
    /// How many entries it has.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Digest,
}

/// 128 random bits, as 32 lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Nonce(String);

impl Nonce {
    /// Makes one of random bytes.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Nonce(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl TryFrom<String> for Nonce {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_hex = text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if is_hex { Ok(Nonce(text)) } else { Err("a nonce is 32 lower-case hex digits") }
    }
}

impl From<Nonce> for String {
    fn from(nonce: Nonce) -> String {
        nonce.0
    }
}

impl Sheet {
    /// Writes a request down. Times are kept in whole seconds.
    ///
    /// # Errors
    /// When it has no span of time in which it can be used, or is too long.
    pub fn write(asked: &Asked) -> Result<Self, SheetError> {
        let fields = serde_json::to_string(asked).expect("every field is text, a number, or an object of these");
        // What cannot be read back is not written.
        Sheet::parse(format!("{START}{}\n", &fields[1..]).as_bytes())
    }

    /// Reads a line with its LF.
    ///
    /// # Errors
    /// When it is anything but a line that glass would have written in just these bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, SheetError> {
        if bytes.len() > LONGEST {
            return Err(SheetError::TooLong(bytes.len()));
        }
        let line = std::str::from_utf8(bytes).map_err(|error| SheetError::NotUtf8(error.valid_up_to()))?;
        let fields = line.strip_prefix(START).ok_or(SheetError::Start)?;
        let fields = fields.strip_suffix("}\n").ok_or(SheetError::Unfinished)?;
        let asked: Asked =
            serde_json::from_str(&format!("{{{fields}}}")).map_err(|error| SheetError::Malformed(error.to_string()))?;
        let again = serde_json::to_string(&asked).expect("every field is text, a number, or an object of these");
        if again[1..again.len() - 1] != *fields {
            return Err(SheetError::NotAsWritten);
        }
        if asked.expires <= asked.made {
            return Err(SheetError::NoTime);
        }
        Ok(Sheet { asked, line: line.to_owned(), digest: Digest::of(bytes) })
    }

    /// What it says.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// The line with its LF.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The hash that approvals sign: that of the line with its LF.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// Why some bytes are no sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SheetError {
    /// More bytes than are read.
    TooLong(usize),
    /// Not UTF-8 after so many bytes.
    NotUtf8(usize),
    /// It does not begin as a request does, of the version that this glass reads.
    Start,
    /// It does not end as a request does.
    Unfinished,
    /// A field is missing, unknown, or not what it should be.
    Malformed(String),
    /// Its fields are good, and not in the one form that they have.
    NotAsWritten,
    /// It expires before it was made.
    NoTime,
}

impl fmt::Display for SheetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SheetError::TooLong(bytes) => write!(f, "the request has {bytes} bytes, {LONGEST} are the most"),
            SheetError::NotUtf8(at) => write!(f, "the request is not UTF-8 after byte {at}"),
            SheetError::Start => f.write_str("it does not begin as a request of glass does that this version reads"),
            SheetError::Unfinished => f.write_str("the request is cut off: its end is missing"),
            SheetError::Malformed(why) => {
                write!(f, "the request is damaged: {}", crate::model::text::escaped(why))
            }
            SheetError::NotAsWritten => f.write_str("the request is not in the form in which glass writes one"),
            SheetError::NoTime => f.write_str("the request expires before it was made"),
        }
    }
}

impl std::error::Error for SheetError {}
