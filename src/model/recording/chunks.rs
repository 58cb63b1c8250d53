//! The chunks of a recording, by whose hashes the ledger holds it fast.

use memchr::memrchr;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::model::name::Digest;

/// How many bytes a chunk has at most.
pub const LONGEST: usize = super::LONGEST_LINE;

/// A run of whole lines of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chunk {
    /// Where it begins, in bytes. The next one begins where it ends.
    pub from: u64,
    /// How many bytes it has.
    pub bytes: u64,
    /// Their hash.
    pub sha256: Digest,
}

/// A whole recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// How many bytes it has.
    pub bytes: u64,
    /// Their hash.
    pub sha256: Digest,
    /// How long it lasts, in seconds.
    pub seconds: u64,
}

/// A recording as its chunks.
#[derive(Default)]
pub struct Chunks {
    /// Where the open chunk begins.
    from: u64,
    /// How many bytes it has so far.
    size: usize,
    open: Sha256,
    whole: Sha256,
}

impl Chunks {
    /// Adds whole lines; the chunks that this closes.
    pub fn add(&mut self, lines: &[u8]) -> Vec<Chunk> {
        self.whole.update(lines);
        let (mut closed, mut rest) = (Vec::new(), lines);
        loop {
            let room = LONGEST - self.size;
            let (lines, more) = rest.split_at(whole_lines(rest, room));
            self.open.update(lines);
            self.size += lines.len();
            if more.is_empty() {
                return closed;
            }
            closed.extend(self.close());
            rest = more;
        }
    }

    /// Closes the open chunk, if there is anything in it.
    pub fn close(&mut self) -> Option<Chunk> {
        let bytes = u64::try_from(std::mem::take(&mut self.size)).unwrap_or(u64::MAX);
        if bytes == 0 {
            return None;
        }
        let sha256 = Digest::from_bytes(self.open.finalize_reset().into());
        let chunk = Chunk { from: self.from, bytes, sha256 };
        self.from += bytes;
        Some(chunk)
    }

    /// The whole recording, when its last chunk is closed.
    pub fn end(self, seconds: u64) -> Ended {
        Ended { bytes: self.from, sha256: Digest::from_bytes(self.whole.finalize().into()), seconds }
    }
}

/// How many bytes of these lines have room together; at least one line has where there is all the room.
fn whole_lines(lines: &[u8], room: usize) -> usize {
    if lines.len() <= room {
        return lines.len();
    }
    memrchr(b'\n', &lines[..room]).map_or(if room == LONGEST { room } else { 0 }, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All chunks of what comes in these pieces.
    fn chunks<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Chunk>, Ended) {
        let mut chunks = Chunks::default();
        let mut closed: Vec<Chunk> = pieces.into_iter().flat_map(|lines| chunks.add(lines)).collect();
        closed.extend(chunks.close());
        assert_eq!(chunks.close(), None);
        (closed, chunks.end(7))
    }

    #[test]
    fn chunks_follow_each_other_end_on_whole_lines_and_hash_what_is_in_them() {
        let lines: Vec<String> = (1..400).map(|n| format!("{}\n", "x".repeat(n * 97 % 50_000))).collect();
        let all = lines.concat().into_bytes();
        for together in [1, 7, 400] {
            let pieces: Vec<_> = lines.chunks(together).map(|lines| lines.concat().into_bytes()).collect();
            let (closed, whole) = chunks(pieces.iter().map(Vec::as_slice));
            let mut at = 0;
            for chunk in closed {
                let (from, bytes) = (usize::try_from(chunk.from).unwrap(), usize::try_from(chunk.bytes).unwrap());
                let content = &all[from..from + bytes];
                assert_eq!((from, content.last()), (at, Some(&b'\n')));
                assert!(bytes <= LONGEST);
                assert_eq!(chunk.sha256, Digest::of(content));
                at += bytes;
            }
            assert_eq!(at, all.len());
            assert_eq!(whole, Ended { bytes: all.len() as u64, sha256: Digest::of(&all), seconds: 7 });
        }
    }

    #[test]
    fn nothing_is_no_chunk_and_a_line_without_end_is_cut() {
        assert_eq!(chunks([b"".as_slice()]).0, []);
        let sizes: Vec<u64> = chunks([[b'x'; 2 * LONGEST + 5].as_slice()]).0.iter().map(|chunk| chunk.bytes).collect();
        assert_eq!(sizes, [LONGEST as u64, LONGEST as u64, 5]);
    }
}
