//! What is sent, packed by gzip (RFC 1952): a piece at a time, whatever its size.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::host::archive::unpacked::Measuring;
use crate::model::anchor::Measure;

/// How much is read at once.
const PIECE: usize = 1 << 16;

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
