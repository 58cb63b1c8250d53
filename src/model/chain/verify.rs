//! The verifier: takes lines one after another and says of each whether it continues the chain.

use std::fmt;

use super::entry::{Entry, EntryError};
use super::genesis;
use super::piece::Piece;
use crate::model::name::Digest;

/// What has been verified so far, and what the next line must continue.
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    next: u64,
    last: Option<Digest>,
}

/// Why a line does not continue the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainError {
    /// The line is no entry.
    Entry(EntryError),
    /// The entry has another number.
    Seq {
        /// The number that follows.
        expected: u64,
        /// The number it has.
        found: u64,
    },
    /// The entry follows another line.
    Prev {
        /// The hash of the line before.
        expected: Digest,
        /// The hash it says the line before has.
        found: String,
    },
    /// The first entry does not say whose ledger this is.
    NotOpened,
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChainError::Entry(_) => f.write_str("the line is no entry"),
            ChainError::Seq { expected, found } => write!(f, "expected entry {expected}, found entry {found}"),
            ChainError::Prev { expected, found } => {
                write!(f, "the line before has the hash {expected}, `prev` says {found}")
            }
            ChainError::NotOpened => f.write_str("the first entry is no ledger.open with an origin"),
        }
    }
}

impl std::error::Error for ChainError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ChainError::Entry(source) => Some(source),
            ChainError::Seq { .. } | ChainError::Prev { .. } | ChainError::NotOpened => None,
        }
    }
}

/// Whether a text is a hash in hex, without making a text of the hash: this is done for every line.
fn is_written(hash: &Digest, hex: &str) -> bool {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [0; 64];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(hash.bytes()) {
        (pair[0], pair[1]) = (DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]);
    }
    hex.as_bytes() == digits
}

impl Verifier {
    /// Begins before the first entry.
    pub fn new() -> Self {
        Verifier::default()
    }

    /// Goes on after an entry that is taken as it is: `next` is the number that follows it.
    pub fn after(next: u64, last: Digest) -> Self {
        Verifier { next, last: Some(last) }
    }

    /// Takes the next line, with its LF.
    ///
    /// # Errors
    /// When it does not continue the chain; nothing is taken then.
    pub fn accept<'l>(&mut self, line: &'l [u8]) -> Result<Entry<'l>, ChainError> {
        let entry = Entry::parse(line).map_err(ChainError::Entry)?;
        if entry.seq != self.next {
            return Err(ChainError::Seq { expected: self.next, found: entry.seq });
        }
        let expected = match self.last {
            Some(last) => last,
            None => genesis(&entry.opened().ok_or(ChainError::NotOpened)?.origin),
        };
        if !is_written(&expected, entry.prev) {
            return Err(ChainError::Prev { expected, found: entry.prev.to_owned() });
        }
        self.next += 1;
        self.last = Some(Digest::of(line));
        Ok(entry)
    }

    /// Takes lines that were verified by themselves, if they continue the chain.
    pub fn join(&mut self, piece: &Piece) -> bool {
        if (piece.first, piece.prev) != (self.next, self.last) {
            return false;
        }
        (self.next, self.last) = (piece.verifier.next, piece.verifier.last);
        true
    }

    /// The number that the next entry must have; so many were verified from the beginning.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The hash of the last line.
    pub fn last(&self) -> Option<Digest> {
        self.last
    }
}
