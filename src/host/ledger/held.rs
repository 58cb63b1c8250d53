//! The files of segments: looked at when the ledger is, and opened while they are read.
//!
//! Keeps the promise that what is read is the file that was looked at, and that a ledger of however many segments needs
//! few open files.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Take};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};

use super::failed;
use super::folder::{Folder, Use};
use crate::model::chain::LONGEST_LINE;
use crate::model::chain::walk::segment_name;
use crate::world::ledger::LedgerError;

/// How much is read to find one line: most lines are short.
const WINDOWS: [u64; 2] = [2048, LONGEST_LINE as u64 + 1];

/// How much of a file is read at once.
const PIECE: usize = 1 << 16;

/// A segment, to be read.
pub(super) struct Held {
    pub(super) first: u64,
    pub(super) bytes: u64,
    place: Place,
}

/// Where its lines are.
enum Place {
    Open(File),
    /// In a file of this folder: which one it was.
    Named {
        folder: Folder,
        device: u64,
        number: u64,
    },
}

/// Lines of a segment, whose file is opened when the first of them is read.
pub(super) struct Lines<'h> {
    held: &'h Held,
    from: u64,
    reader: Option<BufReader<Take<File>>>,
}

impl Held {
    /// Opens a segment.
    pub(super) fn open(folder: &Folder, first: u64, purpose: Use) -> Result<Self, LedgerError> {
        let (file, found) = opened(folder, first, purpose)?;
        Ok(Held { first, bytes: found.len(), place: Place::Open(file) })
    }

    /// Looks at a segment, which is opened when it is read.
    pub(super) fn look_at(folder: &Folder, first: u64) -> Result<Self, LedgerError> {
        let (_, found) = opened(folder, first, Use::Read)?;
        let place = Place::Named { folder: folder.clone(), device: found.dev(), number: found.ino() };
        Ok(Held { first, bytes: found.len(), place })
    }

    /// Does something with the file.
    fn with<T>(&self, work: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
        match &self.place {
            Place::Open(file) => work(file),
            Place::Named { .. } => work(&self.file()?),
        }
    }

    /// A file of its own, for whoever reads on from somewhere.
    fn file(&self) -> io::Result<File> {
        let (folder, device, number) = match &self.place {
            Place::Open(file) => return file.try_clone(),
            Place::Named { folder, device, number } => (folder, *device, *number),
        };
        let (file, found) = opened(folder, self.first, Use::Read).map_err(|error| match error {
            LedgerError::File { source, .. } => source,
            error => io::Error::other(error),
        })?;
        if (found.dev(), found.ino()) == (device, number) {
            Ok(file)
        } else {
            Err(io::Error::other(format!("{} is another file by now", segment_name(self.first))))
        }
    }

    /// The file, to be written to.
    pub(super) fn into_file(self) -> io::Result<File> {
        match self.place {
            Place::Open(file) => Ok(file),
            Place::Named { .. } => self.file(),
        }
    }

    /// Whether its owner may write to it.
    pub(super) fn is_writable(&self) -> io::Result<bool> {
        self.with(|file| Ok(file.metadata()?.permissions().mode() & 0o200 != 0))
    }

    /// Reads just so many bytes.
    pub(super) fn read(&self, bytes: &mut [u8], from: u64) -> io::Result<()> {
        self.with(|file| file.read_exact_at(bytes, from))
    }

    /// The lines from a place on.
    pub(super) fn lines(&self, from: u64) -> Lines<'_> {
        Lines { held: self, from, reader: None }
    }

    pub(super) fn first_line(&self) -> io::Result<Option<Vec<u8>>> {
        for longest in WINDOWS {
            let bytes = self.window(0, self.bytes.min(longest))?;
            if let Some(lf) = bytes.iter().position(|byte| *byte == b'\n') {
                return Ok(Some(bytes[..=lf].to_vec()));
            }
        }
        Ok(None)
    }

    /// The line that ends at a place, or as much of it as a line may be long.
    pub(super) fn line_before(&self, end: u64) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        for longest in WINDOWS {
            let start = end.saturating_sub(longest);
            line = self.window(start, end)?;
            let text = line.strip_suffix(b"\n").unwrap_or(&line);
            if let Some(lf) = text.iter().rposition(|byte| *byte == b'\n') {
                return Ok(line.split_off(lf + 1));
            }
        }
        Ok(line)
    }

    /// The bytes between two places.
    pub(super) fn window(&self, start: u64, end: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(end - start).map_err(|_| ErrorKind::FileTooLarge)?;
        let mut bytes = vec![0; length];
        self.read(&mut bytes, start)?;
        Ok(bytes)
    }
}

fn opened(folder: &Folder, first: u64, purpose: Use) -> Result<(File, Metadata), LedgerError> {
    let name = segment_name(first);
    let file = folder.open(&name, purpose)?;
    let found = file.metadata().map_err(failed("look at", &folder.file(&name)))?;
    Ok((file, found))
}

impl Lines<'_> {
    fn reader(&mut self) -> io::Result<&mut BufReader<Take<File>>> {
        match &mut self.reader {
            Some(reader) => Ok(reader),
            none => {
                let mut file = self.held.file()?;
                file.seek(SeekFrom::Start(self.from))?;
                let ahead = file.take(self.held.bytes.saturating_sub(self.from));
                Ok(none.insert(BufReader::with_capacity(PIECE, ahead)))
            }
        }
    }
}

impl Read for Lines<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.reader()?.read(into)
    }
}

impl BufRead for Lines<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader()?.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // What was not read cannot be taken.
        if let Some(reader) = &mut self.reader {
            reader.consume(amount);
        }
    }
}
