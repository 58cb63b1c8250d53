//! What a witness is asked, and what its answers mean: `add-checkpoint` of C2SP's tlog-witness.
//!
//! Keeps the promise that only a cosignature under a key that was known beforehand counts as an answer, and that a
//! witness which has seen more of a ledger, or another, is heard.

use std::fmt::{self, Write};
use std::time::Duration;

use base64ct::{Base64, Encoding};

use super::checkpoint::{Checkpoint, CheckpointError, decimal};
use super::name::Digest;
use super::note::key::WitnessKey;
use super::note::{Note, NoteError};
use super::time::Timestamp;

/// How far a witness's clock may be ahead.
const AHEAD: Duration = Duration::from_secs(5 * 60);

/// What the answer that names a size is called.
const SIZE: &str = "text/x.tlog.size";

/// The most letters of an answer that are told.
const MOST_TOLD: usize = 200;

/// A checkpoint that is to be cosigned.
#[derive(Clone, Debug)]
pub struct Question<'q> {
    note: &'q str,
    text: &'q str,
    size: u64,
}

/// An answer, as it came.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'h> {
    /// E.g. 200.
    pub status: u16,
    /// The header `content-type`.
    pub content_type: Option<&'h str>,
    /// All of it.
    pub body: &'h [u8],
}

/// A checkpoint that was cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// The checkpoint with its signatures and the cosignatures.
    pub note: String,
    /// The witness: if it has several keys, the one with which it cosigned last.
    pub by: WitnessKey,
    /// When it cosigned last, by its own clock.
    pub at: Timestamp,
    /// How many entries it says that it had cosigned before; when they were more, it has forgotten them.
    pub before: u64,
}

/// What a witness answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It has cosigned.
    Cosigned(Box<Cosigned>),
    /// It has last cosigned a checkpoint of this size.
    Knows(u64),
    /// What it has cosigned before is not the beginning of this.
    Refuted,
    /// It does not cosign this.
    Refused {
        /// The answer's status.
        status: u16,
        /// What it says, shortened, and not escaped.
        message: String,
    },
}

/// Why an answer is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyError {
    /// It is not made as such an answer is.
    Malformed(&'static str),
    /// A cosignature in it is wrong.
    Note(NoteError),
    /// No witness that is known has cosigned.
    Unknown,
    /// The cosignature is of a time that is yet to come.
    Future(Timestamp),
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReplyError::Malformed(why) => write!(f, "the witness's answer is malformed: {why}"),
            ReplyError::Note(_) => f.write_str("the witness's cosignature is wrong"),
            ReplyError::Unknown => f.write_str("the witness has cosigned with no key that is known"),
            ReplyError::Future(at) => write!(f, "the witness has cosigned at {at}, which is yet to come"),
        }
    }
}

impl std::error::Error for ReplyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ReplyError::Note(source) => Some(source),
            ReplyError::Malformed(_) | ReplyError::Unknown | ReplyError::Future(_) => None,
        }
    }
}

impl<'q> Question<'q> {
    /// Takes a checkpoint, signed by its log.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(note: &'q str) -> Result<Self, CheckpointError> {
        let text = Note::parse(note.as_bytes())?.unverified_text();
        Ok(Question { note, text, size: Checkpoint::parse(text)?.size })
    }

    /// How many entries the checkpoint is of.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What is posted to a witness that has cosigned `old` entries before, with the proof that this begins with them.
    pub fn body(&self, old: u64, proof: &[Digest]) -> String {
        let mut body = format!("old {old}\n");
        for hash in proof {
            // Writing into a text cannot fail.
            let _ = writeln!(body, "{}", Base64::encode_string(hash.bytes()));
        }
        body + "\n" + self.note
    }

    /// What an answer to that says.
    ///
    /// # Errors
    /// When it is not to be believed: by the keys of the witness, and by what the time is.
    pub fn reply(&self, old: u64, heard: &Heard<'_>, keys: &[WitnessKey], now: Timestamp) -> Result<Reply, ReplyError> {
        match heard.status {
            200 => self.cosigned(old, heard.body, keys, now).map(|cosigned| Reply::Cosigned(Box::new(cosigned))),
            409 if heard.content_type == Some(SIZE) => {
                match size(heard.body).ok_or(ReplyError::Malformed("it names no size"))? {
                    // In the first edition of the specification this says that the witness has another root of that size.
                    known if known == old && old == self.size => Ok(Reply::Refuted),
                    known if known == old => Err(ReplyError::Malformed("it names the size that it was asked with")),
                    known => Ok(Reply::Knows(known)),
                }
            }
            422 if old > 0 => Ok(Reply::Refuted),
            status => Ok(Reply::Refused { status, message: told(heard.body) }),
        }
    }

    fn cosigned(&self, before: u64, lines: &[u8], keys: &[WitnessKey], now: Timestamp) -> Result<Cosigned, ReplyError> {
        let answered = [self.text.as_bytes(), b"\n", lines].concat();
        let answered = Note::parse(&answered).map_err(ReplyError::Note)?;
        // An empty line among the witness's would make a part of the text of what stands before it.
        if answered.unverified_text() != self.text {
            return Err(ReplyError::Malformed("there is more in it than lines of signatures"));
        }
        let cosignatures = answered.cosignatures(keys).map_err(ReplyError::Note)?;
        let last = cosignatures.iter().max_by_key(|one| one.at).ok_or(ReplyError::Unknown)?;
        if last.at > now.plus(AHEAD) {
            return Err(ReplyError::Future(last.at));
        }
        let lines: String = cosignatures.iter().map(|one| one.line.as_str()).collect();
        Ok(Cosigned { note: self.note.to_owned() + &lines, by: last.by.clone(), at: last.at, before })
    }
}

/// A number of entries and LF.
fn size(body: &[u8]) -> Option<u64> {
    decimal(std::str::from_utf8(body).ok()?.strip_suffix('\n')?)
}

/// The beginning of what an answer says, unescaped.
fn told(body: &[u8]) -> String {
    String::from_utf8_lossy(body).trim().chars().take(MOST_TOLD).collect()
}

#[cfg(test)]
mod tests;
