//! A recording held against the hashes that the ledger has of it: section 3 of `docs/formats.md`.
//!
//! Keeps the promise that a recording is the ledger's, byte for byte, or that the first chunk is named that
//! is not. One that was deleted is missing, and no more than that.

use std::io::{self, Read, Seek, SeekFrom};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::model::name::Digest;

/// How much of a recording is read at once.
const PIECE: usize = 1 << 16;

/// What a recording is by its ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All of it is as the ledger has it.
    Verified,
    /// So far it is, and the ledger has no end of it: it is being made, or its session was lost.
    Unfinished,
    /// So is what is there of it, and the rest is gone: what a power loss leaves, as the ledger has no end of it.
    Cut,
    /// It is not what the ledger has.
    Differs,
    /// It is not there.
    Missing,
    /// The ledger has nothing about it.
    Unknown,
}

/// The first place where a recording is not what the ledger has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FirstBad {
    /// The chunk, from 1; none when it is the recording as a whole.
    pub chunk: Option<u64>,
    /// Where it begins, in bytes.
    pub from: u64,
    /// How long it is.
    pub bytes: u64,
    /// What is wrong.
    pub reason: String,
}

/// What is known of one recording after some of the ledger's entries.
#[derive(Clone, Default)]
pub struct Proof {
    whole: Sha256,
    bytes: u64,
    chunks: u64,
    ended: bool,
    missing: bool,
    /// Where its file ends too soon.
    cut: Option<FirstBad>,
    first_bad: Option<FirstBad>,
}

/// What is wrong with a chunk.
enum Wrong {
    /// The file ends within it or before it, at this byte at the latest.
    Ends(u64),
    /// Something else.
    Differs(String),
}

#[derive(Deserialize)]
struct Chunk {
    from: u64,
    bytes: u64,
    sha256: String,
}

#[derive(Deserialize)]
struct End {
    bytes: u64,
    sha256: String,
}

impl Proof {
    /// Takes a `recording.chunk`, and the recording if there is one, or why it cannot be read.
    pub fn chunk<F: Read + Seek>(&mut self, d: &str, recording: Result<Option<F>, String>) {
        self.chunks += 1;
        let expected = self.bytes;
        let bad = |from, bytes, reason| Err(FirstBad { chunk: Some(self.chunks), from, bytes, reason });
        let Ok(Chunk { from, bytes, sha256 }) = serde_json::from_str(d) else {
            return self.hold(bad(expected, 0, "the entry is no recording.chunk".to_owned()));
        };
        let found = if self.ended {
            bad(from, bytes, "it comes after the end".to_owned())
        } else if from != expected {
            bad(from, bytes, format!("the chunk before it ends at byte {expected}"))
        } else {
            Ok(())
        };
        self.hold(found);
        self.bytes = from.saturating_add(bytes);
        let found = match recording {
            Ok(Some(mut recording)) => self.hash(&mut recording, from, bytes, &sha256),
            Ok(None) => {
                self.missing = true;
                Ok(())
            }
            Err(reason) => Err(Wrong::Differs(reason)),
        };
        let bad = |reason| FirstBad { chunk: Some(self.chunks), from, bytes, reason };
        match found {
            Ok(()) => {}
            Err(Wrong::Ends(at)) if self.cut.is_none() => {
                self.cut = Some(bad(format!("the recording ends at byte {at}")));
            }
            Err(Wrong::Ends(_)) => {}
            Err(Wrong::Differs(reason)) => self.hold(Err(bad(reason))),
        }
    }

    /// Takes a `recording.end`.
    pub fn end(&mut self, d: &str) {
        let whole = Digest::from_bytes(self.whole.clone().finalize().into());
        let reason = match serde_json::from_str(d) {
            Err(_) => "the entry is no recording.end".to_owned(),
            Ok(End { .. }) if self.ended => "it has ended before".to_owned(),
            Ok(End { bytes, .. }) if bytes != self.bytes => {
                format!("its chunks have {} bytes, its end says {bytes}", self.bytes)
            }
            Ok(End { sha256, .. }) if !self.missing && self.cut.is_none() && Digest::parse(&sha256) != Some(whole) => {
                format!("its SHA-256 is {whole}, its end says otherwise")
            }
            Ok(End { .. }) => String::new(),
        };
        self.ended = true;
        if !reason.is_empty() {
            self.hold(Err(FirstBad { chunk: None, from: 0, bytes: self.bytes, reason }));
        }
    }

    /// Takes how long the recording is, once all entries were taken.
    pub fn length(&mut self, length: u64) {
        if self.ended && length > self.bytes {
            let (from, bytes) = (self.bytes, length - self.bytes);
            let reason = "they were added after its end".to_owned();
            self.hold(Err(FirstBad { chunk: None, from, bytes, reason }));
        }
    }

    /// What it is.
    pub fn state(&self) -> State {
        if self.first_bad.is_some() || (self.cut.is_some() && self.ended) {
            State::Differs
        } else if self.cut.is_some() {
            State::Cut
        } else if self.missing {
            State::Missing
        } else if self.ended {
            State::Verified
        } else if self.chunks > 0 {
            State::Unfinished
        } else {
            State::Unknown
        }
    }

    /// How many bytes of it the ledger has.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where it first is not what the ledger has.
    pub fn first_bad(&self) -> Option<&FirstBad> {
        self.first_bad.as_ref().or(self.cut.as_ref())
    }

    fn hold(&mut self, found: Result<(), FirstBad>) {
        if let (None, Err(bad)) = (&self.first_bad, found) {
            self.first_bad = Some(bad);
        }
    }

    /// Hashes a chunk's bytes, also into the hash of the whole.
    fn hash(&mut self, recording: &mut (impl Read + Seek), from: u64, bytes: u64, sha256: &str) -> Result<(), Wrong> {
        let unread = |error: io::Error| Wrong::Differs(format!("it cannot be read: {error}"));
        recording.seek(SeekFrom::Start(from)).map_err(unread)?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; PIECE];
        let mut left = bytes;
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let count = match recording.read(&mut buffer[..wanted]) {
                Ok(0) => return Err(Wrong::Ends(from.saturating_add(bytes - left))),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(unread(error)),
            };
            hash.update(&buffer[..count]);
            self.whole.update(&buffer[..count]);
            left -= count as u64;
        }
        let found = Digest::from_bytes(hash.finalize().into());
        if Digest::parse(sha256) == Some(found) {
            Ok(())
        } else {
            Err(Wrong::Differs(format!("its SHA-256 is {found}, the ledger's is another")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    const RECORDING: &[u8] = b"header\nfirst\nsecond\n";

    fn chunk(from: usize, to: usize) -> String {
        let sha256 = Digest::of(&RECORDING[from..to]);
        format!("{{\"from\":{from},\"bytes\":{},\"sha256\":\"{sha256}\"}}", to - from)
    }

    fn end() -> Option<String> {
        Some(format!("{{\"bytes\":{},\"sha256\":\"{}\",\"seconds\":1}}", RECORDING.len(), Digest::of(RECORDING)))
    }

    /// The proof of a recording against entries.
    fn proof(recording: Option<&[u8]>, entries: &[String], end: Option<String>) -> Proof {
        let mut proof = Proof::default();
        for entry in entries {
            proof.chunk(entry, Ok(recording.map(Cursor::new)));
        }
        if let Some(end) = end {
            proof.end(&end);
        }
        if let Some(recording) = recording {
            proof.length(recording.len() as u64);
        }
        proof
    }

    fn bad(proof: &Proof) -> (Option<u64>, u64, u64, &str) {
        assert_eq!(proof.state(), State::Differs);
        let bad = proof.first_bad().expect("it differs");
        (bad.chunk, bad.from, bad.bytes, &bad.reason)
    }

    #[test]
    fn a_recording_is_the_ledgers_or_not() {
        let entries = [chunk(0, 7), chunk(7, 20)];
        assert_eq!(proof(Some(RECORDING), &entries, end()).state(), State::Verified);
        assert_eq!(proof(Some(RECORDING), &entries, None).state(), State::Unfinished);
        assert_eq!(proof(Some(RECORDING), &entries[..1], None).state(), State::Unfinished);
        assert_eq!(proof(None, &entries, end()).state(), State::Missing);
        assert_eq!(proof(Some(RECORDING), &[], None).state(), State::Unknown);
    }

    #[test]
    fn every_byte_that_is_changed_is_found_in_its_chunk() {
        let entries = [chunk(0, 7), chunk(7, 20)];
        for at in 0..RECORDING.len() {
            let mut changed = RECORDING.to_vec();
            changed[at] ^= 1;
            let expected = if at < 7 { (Some(1), 0, 7) } else { (Some(2), 7, 13) };
            for end in [end(), None] {
                let proof = proof(Some(&changed), &entries, end);
                let (chunk, from, bytes, reason) = bad(&proof);
                assert_eq!((chunk, from, bytes), expected, "{at}");
                assert!(reason.ends_with("the ledger's is another"), "{reason}");
            }
        }
        for length in 0..RECORDING.len() {
            let reason = format!("the recording ends at byte {length}");
            let expected =
                if length < 7 { (Some(1), 0, 7, reason.as_str()) } else { (Some(2), 7, 13, reason.as_str()) };
            assert_eq!(bad(&proof(Some(&RECORDING[..length]), &entries, end())), expected);
            let without_end = proof(Some(&RECORDING[..length]), &entries, None);
            assert_eq!(without_end.state(), State::Cut, "a loss of power may have done it");
            assert_eq!(without_end.first_bad().map(|bad| bad.chunk), Some(expected.0));
        }
        let longer = [RECORDING, b"more\n"].concat();
        assert_eq!(bad(&proof(Some(&longer), &entries, end())), (None, 20, 5, "they were added after its end"));
    }

    #[test]
    fn a_ledger_that_does_not_say_all_of_it_is_told() {
        let verdict = |entries: &[String]| {
            let proof = proof(Some(RECORDING), entries, end());
            let (chunk, from, bytes, reason) = bad(&proof);
            (chunk, from, bytes, reason.to_owned())
        };
        assert_eq!(verdict(&[chunk(0, 7)]), (None, 0, 7, "its chunks have 7 bytes, its end says 20".to_owned()));
        let after = "the chunk before it ends at byte 7".to_owned();
        assert_eq!(verdict(&[chunk(0, 7), chunk(13, 20)]), (Some(2), 13, 7, after.clone()));
        assert_eq!(verdict(&[chunk(0, 7), chunk(0, 7)]), (Some(2), 0, 7, after));
        let no_chunk = "the entry is no recording.chunk".to_owned();
        for wrong in ["{}", "{\"from\":0,\"bytes\":-1,\"sha256\":\"\"}", "[]"] {
            assert_eq!(verdict(&[wrong.to_owned()]), (Some(1), 0, 0, no_chunk.clone()));
        }
        let mut proof = proof(Some(RECORDING), &[chunk(0, 20)], end());
        proof.chunk(&chunk(0, 7), Ok(Some(Cursor::new(RECORDING))));
        assert_eq!(bad(&proof), (Some(2), 0, 7, "it comes after the end"));
        let mut proof = Proof::default();
        proof.chunk(&chunk(0, 20), Ok(Some(Cursor::new(RECORDING))));
        proof.end("{\"bytes\":20,\"sha256\":\"\"}");
        assert!(bad(&proof).3.ends_with("its end says otherwise"));
    }

    #[test]
    fn a_chunk_of_any_size_is_read_to_the_end_of_the_file_and_no_further() {
        let huge = format!("{{\"from\":0,\"bytes\":{},\"sha256\":\"{}\"}}", u64::MAX, Digest::of(RECORDING));
        let proof = proof(Some(RECORDING), &[huge], None);
        let expected =
            FirstBad { chunk: Some(1), from: 0, bytes: u64::MAX, reason: "the recording ends at byte 20".into() };
        assert_eq!((proof.state(), proof.first_bad()), (State::Cut, Some(&expected)));
        let none: Result<Option<Cursor<&[u8]>>, String> = Err("it is a link".to_owned());
        let mut proof = Proof::default();
        proof.chunk(&chunk(0, 7), none);
        assert_eq!(bad(&proof), (Some(1), 0, 7, "it is a link"));
    }
}
