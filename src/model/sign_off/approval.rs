//! An approval: what somebody says to a request, in six lines, and their SSH signature under them.
//!
//! Keeps the promise that what is signed is plain text that a person can write and sign by hand, and that the
//! signature is of just these bytes. Whether it counts is decided elsewhere: here nothing is verified.

use std::fmt;

use crate::model::name::{Digest, PersonName};
use crate::model::text::{escaped, is_hostile};
use crate::model::time::Timestamp;

/// What an approval is signed for, the namespace of its SSH signature.
pub const NAMESPACE: &str = "glass-approval@v1";

/// The largest approval that is read, in bytes.
pub const LARGEST: usize = 16 * 1024;

/// The longest remark, in characters.
pub const LONGEST_REMARK: usize = 500;

/// The first of the lines.
const HEADING: &str = "glass-approval-v1";

/// How many lines are signed.
const LINES: usize = 6;

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes.
    Approve,
    /// No.
    Deny,
}

impl Answer {
    /// Its word in the signed text.
    pub fn as_str(self) -> &'static str {
        match self {
            Answer::Approve => "approve",
            Answer::Deny => "deny",
        }
    }
}

/// What somebody says to a request: the text that is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Yes or no.
    pub answer: Answer,
    /// Who says so.
    pub person: PersonName,
    /// When, by their clock.
    pub at: Timestamp,
    /// The hash of the request's line with its LF.
    pub request: Digest,
    /// Why, on one line; may be empty.
    pub remark: String,
}

impl Statement {
    /// The text that is signed, with its last LF.
    ///
    /// # Errors
    /// When the remark is longer than it may be, or not one line without control characters.
    pub fn to_text(&self) -> Result<String, ApprovalError> {
        let Statement { answer, person, at, request, remark } = self;
        check_remark(remark)?;
        Ok(format!("{HEADING}\n{}\n{person}\n{at}\n{request}\n{remark}\n", answer.as_str()))
    }

    /// Reads the text that is signed.
    fn parse(text: &str) -> Result<Self, ApprovalError> {
        let lines: Vec<&str> = text.split_terminator('\n').collect();
        let [HEADING, answer, person, at, request, remark] = lines.as_slice() else {
            return Err(ApprovalError::Start);
        };
        let line = |line: u8, why: String| ApprovalError::Line { line, why };
        let answer = [Answer::Approve, Answer::Deny].into_iter().find(|known| known.as_str() == *answer);
        check_remark(remark)?;
        Ok(Statement {
            answer: answer.ok_or_else(|| line(2, "it must be `approve` or `deny`".to_owned()))?,
            person: PersonName::parse(person).map_err(|error| line(3, error.to_string()))?,
            at: Timestamp::parse(at).map_err(|error| line(4, error.to_string()))?,
            request: Digest::parse(request)
                .ok_or_else(|| line(5, "it must be a SHA-256 in 64 lower-case hex digits".to_owned()))?,
            remark: (*remark).to_owned(),
        })
    }
}

fn check_remark(remark: &str) -> Result<(), ApprovalError> {
    if remark.chars().count() > LONGEST_REMARK || remark.chars().any(is_hostile) {
        return Err(ApprovalError::Remark);
    }
    Ok(())
}

/// A statement with the signature that claims to be under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    statement: Statement,
    stored: String,
    /// Where the signature begins in what is stored.
    signature: usize,
    digest: Digest,
}

impl Approval {
    /// Puts a signature, armoured as `ssh-keygen` does, under a statement.
    ///
    /// # Errors
    /// When the statement cannot be signed, or what is put under it is no armoured signature.
    pub fn new(statement: &Statement, signature: &str) -> Result<Self, ApprovalError> {
        // What cannot be read back is not made.
        Approval::parse(format!("{}{signature}", statement.to_text()?).as_bytes())
    }

    /// Reads what is stored: the lines that are signed, and the armoured signature.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(bytes: &[u8]) -> Result<Self, ApprovalError> {
        if bytes.len() > LARGEST {
            return Err(ApprovalError::TooLarge(bytes.len()));
        }
        let stored = std::str::from_utf8(bytes).map_err(|error| ApprovalError::NotUtf8(error.valid_up_to()))?;
        let signature = stored.split_inclusive('\n').take(LINES).map(str::len).sum();
        let statement = Statement::parse(&stored[..signature])?;
        if !stored[signature..].starts_with("-----BEGIN SSH SIGNATURE-----\n") {
            return Err(ApprovalError::Unsigned);
        }
        if !stored.ends_with("\n-----END SSH SIGNATURE-----\n") {
            return Err(ApprovalError::Unfinished);
        }
        Ok(Approval { statement, stored: stored.to_owned(), signature, digest: Digest::of(bytes) })
    }

    /// What is said.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// All of it, as it is stored.
    pub fn stored(&self) -> &str {
        &self.stored
    }

    /// The lines that are signed.
    pub fn text(&self) -> &str {
        &self.stored[..self.signature]
    }

    /// The armoured signature.
    pub fn signature(&self) -> &str {
        &self.stored[self.signature..]
    }

    /// The hash of what is stored, by which the ledger names it.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// Why some bytes are no approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApprovalError {
    /// More bytes than are read.
    TooLarge(usize),
    /// Not UTF-8 after so many bytes.
    NotUtf8(usize),
    /// Its first lines are not the six of an approval, of the version that this glass reads.
    Start,
    /// A line is not what it should be.
    Line {
        /// Which one, from 1.
        line: u8,
        /// What is wrong with it.
        why: String,
    },
    /// The remark is too long, or not plain text on one line.
    Remark,
    /// No signature follows the lines.
    Unsigned,
    /// The signature has no end.
    Unfinished,
}

impl fmt::Display for ApprovalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ApprovalError::TooLarge(bytes) => write!(f, "the approval has {bytes} bytes, {LARGEST} are the most"),
            ApprovalError::NotUtf8(at) => write!(f, "the approval is not UTF-8 after byte {at}"),
            ApprovalError::Start => {
                write!(f, "it does not begin with the {LINES} lines of an approval that this version reads")
            }
            ApprovalError::Line { line, why } => write!(f, "line {line} of the approval is wrong: {}", escaped(why)),
            ApprovalError::Remark => {
                write!(f, "the reason is not one line of at most {LONGEST_REMARK} characters, no control characters")
            }
            ApprovalError::Unsigned => f.write_str("the approval is not signed: no SSH signature follows its lines"),
            ApprovalError::Unfinished => f.write_str("the approval is cut off: its signature has no end"),
        }
    }
}

impl std::error::Error for ApprovalError {}
