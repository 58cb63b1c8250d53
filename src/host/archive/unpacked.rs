//! What an archive has, unpacked by gzip (RFC 1952) and measured: a piece at a time, whatever its size.
//!
//! Keeps the promise that no more is unpacked than was packed, whatever somebody has put in its place.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use sha2::{Digest as _, Sha256};

use crate::model::anchor::Measure;
use crate::model::name::Digest;
use crate::world::archive::{Archive, ArchiveError};

/// What was found under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it was before it was packed; nothing if it is no gzip, too long, or not there.
    pub measure: Option<Measure>,
    /// How many bytes were read for that, packed as they are.
    pub read: u64,
}

/// Unpacks what was put under a name first, and shows it to `each`; what is no gzip, or has more than `most` bytes, is
/// not read to its end.
///
/// # Errors
/// When it cannot be read.
pub fn unpack(archive: &dyn Archive, name: &str, most: u64, each: impl FnMut(&[u8])) -> Result<Found, ArchiveError> {
    let within = Within { measuring: Measuring::default(), most, each };
    let mut unpacked = Unpacked { decoder: MultiGzDecoder::new(within), read: 0, is_other: false };
    let is_there = match archive.oldest(name, &mut unpacked) {
        Err(_) if unpacked.is_other => false,
        put => put?.is_some(),
    };
    let Unpacked { mut decoder, read, .. } = unpacked;
    let is_whole = is_there && decoder.try_finish().is_ok();
    let measuring = std::mem::take(&mut decoder.get_mut().measuring);
    Ok(Found { measure: is_whole.then(|| measuring.done()), read })
}

struct Unpacked<F: FnMut(&[u8])> {
    decoder: MultiGzDecoder<Within<F>>,
    read: u64,
    is_other: bool,
}

/// Takes so many bytes at the most.
struct Within<F> {
    measuring: Measuring,
    most: u64,
    each: F,
}

impl<F: FnMut(&[u8])> Write for Unpacked<F> {
    fn write(&mut self, packed: &[u8]) -> io::Result<usize> {
        self.read += packed.len() as u64;
        let written = self.decoder.write_all(packed);
        self.is_other = written.is_err();
        written.map(|()| packed.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<F: FnMut(&[u8])> Write for Within<F> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.measuring.bytes + piece.len() as u64 > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.measuring.take(piece);
        (self.each)(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A content whose measure is taken.
#[derive(Default)]
pub struct Measuring {
    bytes: u64,
    hash: Sha256,
}

impl Measuring {
    /// Takes the next bytes.
    pub fn take(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.hash.update(piece);
    }

    /// What they come to.
    pub fn done(self) -> Measure {
        Measure { bytes: self.bytes, sha256: Digest::from_bytes(self.hash.finalize().into()) }
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::host::archive::FolderArchive;
    use crate::world::archive::Content;

    fn packed(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).expect("memory takes everything");
        encoder.finish().expect("memory takes everything")
    }

    /// What comes of some bytes under a name, if so much of them is wanted at the most.
    fn found(bytes: &[u8], most: u64) -> (Found, Vec<u8>) {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = FolderArchive::open(folder.path()).expect("it is there");
        archive.put("one.gz", Content::Bytes(bytes)).expect("it is new");
        let mut shown = Vec::new();
        let found = unpack(&archive, "one.gz", most, |piece| shown.extend_from_slice(piece)).expect("it can be read");
        (found, shown)
    }

    #[test]
    fn what_was_packed_is_shown_and_measured() {
        let content: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        let packed = packed(&content);
        let measure = Measure { bytes: content.len() as u64, sha256: Digest::of(&content) };
        assert_eq!(
            found(&packed, measure.bytes),
            (Found { measure: Some(measure), read: packed.len() as u64 }, content)
        );
    }

    #[test]
    fn nothing_else_is_unpacked_further_than_it_may_be() {
        // Fifty million bytes in fifty thousand.
        let bomb = packed(&vec![0; 50_000_000]);
        let (bombed, shown) = found(&bomb, 1000);
        assert!(bombed.measure.is_none() && shown.len() <= 1000 && bombed.read < bomb.len() as u64, "{bombed:?}");
        let good = packed(b"content");
        for other in [&b""[..], b"x", b"something else", &good[..good.len() - 1], &[&good[..], b"x"].concat()] {
            assert_eq!(found(other, 1000).0.measure, None, "{other:?}");
        }
        assert_eq!(found(&good, 6).0.measure, None);
        assert!(found(&good, 7).0.measure.is_some());
    }

    #[test]
    fn what_is_not_there_is_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = FolderArchive::open(folder.path()).expect("it is there");
        let found = unpack(&archive, "one.gz", 9, |_| ()).expect("it can be looked for");
        assert_eq!(found, Found { measure: None, read: 0 });
    }
}
