//! One entry shown without the rest: its line, its place, the path to a root, and the checkpoint with that root.
//!
//! The form is C2SP's tlog-proof; its `extra` line carries the entry's line, so one file is all that is needed.

use std::fmt;

use base64ct::{Base64, Encoding};

use super::{Checkpoint, CheckpointError, decimal, hash};
use crate::model::chain::LONGEST_LINE;
use crate::model::chain::entry::{Entry, EntryError};
use crate::model::name::Digest;
use crate::model::note::key::VerifierKey;
use crate::model::tree::leaf;
use crate::model::tree::proof::root_of_inclusion;

/// The first line of a proof.
const KIND: &str = "c2sp.org/tlog-proof@v1";

/// The longest path: a tree has fewer than 2^64 leaves.
const LONGEST_PATH: usize = 64;

/// A proof that an entry is in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryProof {
    /// The entry's line, with its LF.
    pub line: Vec<u8>,
    /// Its number.
    pub index: u64,
    /// The hashes beside the way from it to the root.
    pub path: Vec<Digest>,
    /// The checkpoint with the root: a signed note.
    pub note: String,
}

/// Why a proof does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProofError {
    /// It is none.
    Malformed(&'static str),
    /// The line that it carries is no entry.
    Entry(EntryError),
    /// The entry has another number than the proof.
    Number {
        /// The number in the proof.
        expected: u64,
        /// The number in the entry.
        found: u64,
    },
    /// The checkpoint is not believed.
    Checkpoint(CheckpointError),
    /// The path does not lead from the entry to the root of the checkpoint.
    Path,
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProofError::Malformed(why) => write!(f, "the proof is malformed: {why}"),
            ProofError::Entry(_) => f.write_str("what the proof carries is no entry"),
            ProofError::Number { expected, found } => {
                write!(f, "the proof is of entry {expected}, and carries entry {found}")
            }
            ProofError::Checkpoint(_) => f.write_str("the proof's checkpoint is not believed"),
            ProofError::Path => f.write_str("the entry is not in the tree that the checkpoint is of"),
        }
    }
}

impl std::error::Error for ProofError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ProofError::Entry(source) => Some(source),
            ProofError::Checkpoint(source) => Some(source),
            ProofError::Malformed(_) | ProofError::Number { .. } | ProofError::Path => None,
        }
    }
}

impl EntryProof {
    /// Reads a proof.
    ///
    /// # Errors
    /// When it is none, or carries no entry.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let malformed = ProofError::Malformed;
        let (proof, note) = text.split_once("\n\n").ok_or(malformed("there is no empty line before the checkpoint"))?;
        let mut lines = proof.split('\n');
        if lines.next() != Some(KIND) {
            return Err(malformed("its first line is not that of a proof"));
        }
        let extra = lines.next().and_then(|line| line.strip_prefix("extra "));
        let extra = extra.filter(|text| text.len() <= LONGEST_LINE.div_ceil(3) * 4);
        let line = extra.and_then(|text| Base64::decode_vec(text).ok()).ok_or(malformed("it carries no entry"))?;
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(decimal);
        let index = index.ok_or(malformed("it does not say the entry's number"))?;
        let path: Option<Vec<Digest>> = lines.by_ref().take(LONGEST_PATH).map(hash).collect();
        let path = path.filter(|_| lines.next().is_none()).ok_or(malformed("its path is none"))?;
        Ok(EntryProof { line, index, path, note: note.to_owned() })
    }

    /// Checks that the entry is in the log, by a checkpoint that one of these keys of the log has signed.
    ///
    /// # Errors
    /// When the proof does not hold.
    pub fn check<'k>(&self, keys: &'k [VerifierKey]) -> Result<(Entry<'_>, Checkpoint, &'k VerifierKey), ProofError> {
        let entry = Entry::parse(&self.line).map_err(ProofError::Entry)?;
        if entry.seq != self.index {
            return Err(ProofError::Number { expected: self.index, found: entry.seq });
        }
        let (checkpoint, key) = Checkpoint::open(self.note.as_bytes(), keys).map_err(ProofError::Checkpoint)?;
        let root = root_of_inclusion(self.index, checkpoint.size, leaf(&self.line), &self.path);
        if root == Some(checkpoint.root) { Ok((entry, checkpoint, key)) } else { Err(ProofError::Path) }
    }
}

impl fmt::Display for EntryProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{KIND}\nextra {}\nindex {}", Base64::encode_string(&self.line), self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", Base64::encode_string(hash.bytes())))?;
        write!(f, "\n{}", self.note)
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::model::note::key::SigningKey;
    use crate::model::tree::blocks::Blocks;

    const ORIGIN: &str = "glass/acme/laptop/alice/0123abcd";

    fn line(seq: u64) -> Vec<u8> {
        let prev = "b".repeat(64);
        format!(
            "{{\"v\":1,\"seq\":{seq},\"prev\":\"{prev}\",\"ts\":\"2026-01-31T02:13:00.000042Z\",\"mono\":\"7\",\
             \"boot\":\"b\",\"host\":\"h\",\"pid\":1,\"uid\":0,\"who\":\"\",\"ev\":\"x\",\"session\":\"\",\"d\":{{}}}}\n"
        )
        .into_bytes()
    }

    fn key(seed: u8) -> SigningKey {
        SigningKey::of_seed(ORIGIN, Zeroizing::new([seed; 32])).expect("a name")
    }

    fn proof(index: u64, size: u64) -> EntryProof {
        let mut blocks = Blocks::default();
        blocks.open(0, (0..size).map(|seq| leaf(&line(seq))).collect());
        let root = blocks.root(size).expect("all is open");
        let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root, extensions: Vec::new() };
        EntryProof {
            line: line(index),
            index,
            path: blocks.inclusion(index, size).expect("all is open"),
            note: checkpoint.sign(&key(1)).expect("a text"),
        }
    }

    #[test]
    fn a_proof_is_read_as_it_is_written_and_holds() {
        let keys = [key(1).verifier().clone()];
        for (index, size) in [(0, 1), (0, 7), (3, 7), (6, 7), (99, 100)] {
            let proof = proof(index, size);
            let read = EntryProof::parse(&proof.to_string()).expect("a proof");
            assert_eq!(read, proof);
            let (entry, checkpoint, _) = read.check(&keys).expect("it holds");
            assert_eq!((entry.seq, checkpoint.size), (index, size));
        }
    }

    #[test]
    fn a_proof_that_is_changed_in_any_byte_does_not_hold() {
        let keys = [key(1).verifier().clone()];
        let text = proof(3, 7).to_string();
        let holds = |bytes: &[u8]| {
            let proof = std::str::from_utf8(bytes).ok().and_then(|text| EntryProof::parse(text).ok());
            proof.is_some_and(|proof| proof.check(&keys).is_ok())
        };
        assert!(holds(text.as_bytes()));
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut changed = text.as_bytes().to_vec();
                changed[at] ^= 1 << bit;
                assert!(!holds(&changed), "byte {at} bit {bit}");
            }
            let without = [&text.as_bytes()[..at], &text.as_bytes()[at + 1..]].concat();
            assert!(!holds(&without), "byte {at} is gone");
            assert!(!holds(&text.as_bytes()[..at]), "cut at {at}");
        }
    }

    #[test]
    fn a_proof_shows_no_other_entry_log_or_key() {
        let keys = [key(1).verifier().clone()];
        let good = proof(3, 7);
        assert_eq!(EntryProof { line: line(4), ..good.clone() }.check(&keys).err(), number(3, 4));
        assert_eq!(EntryProof { line: line(4), index: 4, ..good.clone() }.check(&keys).err(), Some(ProofError::Path));
        assert_eq!(EntryProof { path: proof(3, 6).path, ..good.clone() }.check(&keys).err(), Some(ProofError::Path));
        assert_eq!(EntryProof { note: proof(3, 6).note, ..good.clone() }.check(&keys).err(), Some(ProofError::Path));
        assert!(matches!(good.check(&[key(2).verifier().clone()]), Err(ProofError::Checkpoint(_))));
        assert!(matches!(good.check(&[]), Err(ProofError::Checkpoint(_))));
    }

    fn number(expected: u64, found: u64) -> Option<ProofError> {
        Some(ProofError::Number { expected, found })
    }

    #[test]
    fn what_is_no_proof_is_refused_in_bounded_time() {
        let good = proof(3, 7).to_string();
        for wrong in [
            String::new(),
            good.replace("@v1", "@v2"),
            good.replace("index 3", "index 03"),
            good.replace("index 3", "index 18446744073709551616"),
            good.replace("index 3\n", ""),
            good.replace("extra ", "extra  "),
            good.replace("\n\n", "\n"),
            good.replace('\n', "\r\n"),
            good.replacen("index 3\n", &format!("index 3\n{}", "A".repeat(43) + "=\n").repeat(65), 1),
            good.replacen("extra ", &format!("extra {}", "AAAA".repeat(1 << 20)), 1),
        ] {
            assert!(matches!(EntryProof::parse(&wrong), Err(ProofError::Malformed(_))), "{wrong:.200}");
        }
    }
}
