//! Witnesses: others, who keep of a ledger what it has signed, and sign that it only grew.
//!
//! Keeps the promise that a ledger which was cut or rewritten after a witness had seen it is found out by the next
//! checkpoint that the witness is shown.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::host::web::{self, Answer, Limit, Post, WebError};
use crate::model::checkpoint::CheckpointError;
use crate::model::name::Digest;
use crate::model::note::key::WitnessKey;
use crate::model::text::escaped;
use crate::model::time::Timestamp;
use crate::model::web_address::WebAddress;
use crate::model::witness::{Cosigned, Heard, Question, Reply, ReplyError};

/// What is waited for. A cosignature has some hundred bytes, one that withstands quantum computers some thousand.
const LIMIT: Limit = Limit { bytes: 128 * 1024, time: Duration::from_secs(10) };

/// One witness.
#[derive(Clone, Debug)]
pub struct Witness {
    /// What its `add-checkpoint` lies below.
    pub address: WebAddress,
    /// The keys that it may cosign with.
    pub keys: Vec<WitnessKey>,
    /// The certificates that are trusted instead of the system's.
    pub ca_bundle: Option<PathBuf>,
}

/// Why a checkpoint was not cosigned.
#[derive(Debug)]
pub enum WitnessError {
    /// The witness has cosigned more entries of this ledger than there are: the ledger was cut off, or is a copy
    /// of an earlier state.
    Ahead {
        /// As many.
        known: u64,
        /// As many as there are.
        size: u64,
    },
    /// What the witness has cosigned is not the beginning of this ledger: the ledger was rewritten.
    Refuted {
        /// As many entries as it has cosigned.
        known: u64,
    },
    /// It says no.
    Refused {
        /// The status of its answer.
        status: u16,
        /// What it says.
        message: String,
    },
    /// It has cosigned another checkpoint meanwhile: this can be tried again.
    Overtaken,
    /// It gives no answer.
    Web(WebError),
    /// Its answer is not believed.
    Reply(ReplyError),
    /// What it was to cosign is no checkpoint.
    Checkpoint(CheckpointError),
    /// There is no proof that the ledger begins with so many entries.
    NoProof(u64),
}

impl fmt::Display for WitnessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WitnessError::Ahead { known, size } => {
                write!(f, "the witness has cosigned {known} entries of this ledger, and it has {size}")
            }
            WitnessError::Refuted { known } => {
                write!(f, "the {known} entries that the witness has cosigned are not the beginning of this ledger")
            }
            WitnessError::Refused { status, message } => {
                write!(f, "the witness says no ({status}): {}", escaped(message))
            }
            WitnessError::Overtaken => f.write_str("the witness has cosigned another checkpoint meanwhile"),
            WitnessError::Web(_) => f.write_str("the witness gives no answer"),
            WitnessError::Reply(_) => f.write_str("the witness's answer is not believed"),
            WitnessError::Checkpoint(_) => f.write_str("what the witness is to cosign is no checkpoint"),
            WitnessError::NoProof(size) => write!(f, "there is no proof that the ledger begins with {size} entries"),
        }
    }
}

impl Error for WitnessError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            WitnessError::Web(source) => Some(source),
            WitnessError::Reply(source) => Some(source),
            WitnessError::Checkpoint(source) => Some(source),
            WitnessError::Ahead { .. }
            | WitnessError::Refuted { .. }
            | WitnessError::Refused { .. }
            | WitnessError::Overtaken
            | WitnessError::NoProof(_) => None,
        }
    }
}

impl Witness {
    /// Has a checkpoint cosigned.
    ///
    /// `hint` is how many entries the witness is thought to have cosigned, 0 if nothing is known: it says so itself
    /// if they are others. `consistency` proves that the ledger, as the checkpoint has it, begins with so many.
    ///
    /// # Errors
    /// When it was not; [`WitnessError::Ahead`] and [`WitnessError::Refuted`] speak against the ledger.
    pub fn cosign(
        &self,
        note: &str,
        hint: u64,
        consistency: &dyn Fn(u64) -> Option<Vec<Digest>>,
        now: Timestamp,
    ) -> Result<Cosigned, WitnessError> {
        let question = Question::new(note).map_err(WitnessError::Checkpoint)?;
        let size = question.size();
        let mut old = hint.min(size);
        // Once with what is thought, once with what it says.
        for _ in 0..2 {
            match self.ask(&question, old, consistency, now)? {
                Reply::Cosigned(cosigned) => return Ok(*cosigned),
                Reply::Refused { status, message } => return Err(WitnessError::Refused { status, message }),
                Reply::Refuted => return Err(WitnessError::Refuted { known: old }),
                Reply::Knows(known) if known > size => return Err(WitnessError::Ahead { known, size }),
                Reply::Knows(known) => old = known,
            }
        }
        Err(WitnessError::Overtaken)
    }

    fn ask(
        &self,
        question: &Question<'_>,
        old: u64,
        consistency: &dyn Fn(u64) -> Option<Vec<Digest>>,
        now: Timestamp,
    ) -> Result<Reply, WitnessError> {
        let trivial = old == 0 || old == question.size();
        let proof = if trivial { Vec::new() } else { consistency(old).ok_or(WitnessError::NoProof(old))? };
        let (address, body) = (self.address.below("add-checkpoint"), question.body(old, &proof));
        let headers = [("content-type", "text/plain; charset=utf-8")];
        let post = Post { address: &address, headers: &headers, body: body.as_bytes() };
        let Answer { status, content_type, body } =
            web::post(&post, LIMIT, self.ca_bundle.as_deref()).map_err(WitnessError::Web)?;
        let heard = Heard { status, content_type: content_type.as_deref(), body: &body };
        question.reply(old, &heard, &self.keys, now).map_err(WitnessError::Reply)
    }
}
