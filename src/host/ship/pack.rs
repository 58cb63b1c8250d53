//! What is sent, packed by gzip (RFC 1952), and what is there, unpacked: a piece at a time, whatever its size.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use flate2::Compression;
use flate2::write::{GzEncoder, MultiGzDecoder};
use sha2::{Digest as _, Sha256};

use crate::model::name::Digest;

/// How much is read at once.
const PIECE: usize = 1 << 16;

/// A content, by its length and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// How long it is.
    pub bytes: u64,
    /// SHA-256 of it.
    pub sha256: Digest,
}

/// Packs a file into another, which is made anew.
///
/// # Errors
/// When the one cannot be read or the other not be written.
pub fn pack(from: &mut impl Read, into: &Path) -> io::Result<Measure> {
    let into = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(into)?;
    let mut packed = GzEncoder::new(into, Compression::default());
    let (mut measured, mut piece) = (Measuring::default(), vec![0; PIECE]);
    loop {
        let length = match from.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            length => length?,
        };
        if length == 0 {
            packed.finish()?;
            return Ok(measured.done());
        }
        measured.take(&piece[..length]);
        packed.write_all(&piece[..length])?;
    }
}

#[derive(Default)]
struct Measuring {
    bytes: u64,
    hash: Sha256,
}

impl Measuring {
    fn take(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.hash.update(piece);
    }

    fn done(self) -> Measure {
        Measure { bytes: self.bytes, sha256: Digest::from_bytes(self.hash.finalize().into()) }
    }
}

/// Unpacks what is written to it, to hold it against a content. What is no gzip, or too long, is another content
/// and no error.
pub struct Unpacked {
    decoder: MultiGzDecoder<Within>,
    is_other: bool,
}

/// Measures so many bytes at the most.
struct Within {
    measured: Measuring,
    most: u64,
}

impl Unpacked {
    /// Begins to compare with a content.
    pub fn against(expected: Measure) -> Self {
        let within = Within { measured: Measuring::default(), most: expected.bytes };
        Unpacked { decoder: MultiGzDecoder::new(within), is_other: false }
    }

    /// Whether all that was written was this content.
    pub fn is(mut self, expected: Measure) -> bool {
        !self.is_other
            && self.decoder.try_finish().is_ok()
            && std::mem::take(&mut self.decoder.get_mut().measured).done() == expected
    }
}

impl Write for Unpacked {
    fn write(&mut self, packed: &[u8]) -> io::Result<usize> {
        if !self.is_other {
            self.is_other = self.decoder.write_all(packed).is_err();
        }
        Ok(packed.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Within {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.measured.take(piece);
        if self.measured.bytes > self.most { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(piece.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes what has so many bytes at the most; the rest is let go.
pub struct AtMost {
    /// What was taken.
    pub taken: Vec<u8>,
    most: usize,
}

impl AtMost {
    /// Begins with nothing.
    pub fn new(most: usize) -> Self {
        AtMost { taken: Vec::new(), most }
    }
}

impl Write for AtMost {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let room = self.most.saturating_sub(self.taken.len()).min(piece.len());
        self.taken.extend_from_slice(&piece[..room]);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
