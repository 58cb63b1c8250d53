//! The tree over the ledger's lines, kept beside them so that a checkpoint need not read everything.
//!
//! The file `tree` is a cache: who verifies never looks at it, and whoever uses it holds it against the ledger's
//! lines first. Where it is missing, damaged or of other lines it is made anew. Its form is in `docs/formats.md`.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};

use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::failed;
use super::folder::{Folder, Use};
use super::snapshot::Held;
use crate::model::chain::LONGEST_LINE;
use crate::model::chain::entry::Entry;
use crate::model::chain::walk::segment_name;
use crate::model::name::Digest;
use crate::model::tree::blocks::{Blocks, HEIGHT, LEAVES};
use crate::model::tree::{Growing, leaf};
use crate::world::ledger::LedgerError;

/// The file that keeps it.
const FILE: &str = "tree";

/// What one block takes in the file: its root, and where in its segment it begins.
const RECORD: usize = 40;

/// The largest first line of the file; a real one has fewer than a thousand bytes.
const LONGEST_HEAD: u64 = 1 << 16;

/// The tree, as far as the lines were read.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    blocks: Vec<Block>,
    /// The leaves after the last whole block.
    leaves: Vec<Digest>,
    /// Where the last whole block ends, and what was said until then.
    whole: End,
    /// The same of the last line that was read.
    end: End,
    /// Where in its segment the block begins that is not whole.
    begins: u64,
    /// How many blocks the file has.
    kept: usize,
}

/// 256 lines.
#[derive(Clone, Copy, Debug)]
struct Block {
    root: Digest,
    begins: u64,
}

/// A place between two lines, and what the lines before it say.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct End {
    /// The number of the first entry of the segment.
    segment: u64,
    /// Where in it.
    bytes: u64,
    /// The hash of the line that ends here, in hex.
    last: String,
    /// Whose ledger it is.
    origin: String,
    /// The key that was made known last.
    key: Option<String>,
    /// The last checkpoint's note.
    note: Option<String>,
}

/// The first line of the file.
#[derive(Serialize, Deserialize)]
struct Head {
    v: u8,
    blocks: usize,
    /// SHA-256 of what follows this line.
    sha256: String,
    #[serde(flatten)]
    end: End,
}

impl Tree {
    /// Loads the file; the tree without leaves where it is missing or damaged.
    pub(super) fn load(folder: &Folder) -> Self {
        Tree::kept(folder).ok().flatten().unwrap_or_default()
    }

    fn kept(folder: &Folder) -> Result<Option<Self>, LedgerError> {
        let Some(file) = folder.open_if_there(FILE, Use::Read)? else { return Ok(None) };
        let unread = |error| failed("read", &folder.file(FILE))(error);
        let (mut file, mut head, mut records) = (BufReader::new(file), Vec::new(), Vec::new());
        file.by_ref().take(LONGEST_HEAD).read_until(b'\n', &mut head).map_err(unread)?;
        file.read_to_end(&mut records).map_err(unread)?;
        let Ok(head) = serde_json::from_slice::<Head>(&head) else { return Ok(None) };
        let whole = head.v == 1
            && head.blocks.checked_mul(RECORD) == Some(records.len())
            && head.sha256 == Digest::of(&records).to_string();
        let blocks = records.chunks_exact(RECORD).filter_map(Block::parse).collect();
        let (kept, end) = (head.blocks, head.end);
        Ok(whole.then(|| Tree { blocks, kept, whole: end.clone(), end, ..Tree::default() }))
    }

    /// Writes the file, if there is more to keep than it has.
    ///
    /// # Errors
    /// When it cannot be written. Nothing depends on it.
    pub(super) fn keep(&mut self, folder: &Folder) -> Result<(), LedgerError> {
        if self.blocks.len() == self.kept {
            return Ok(());
        }
        let records: Vec<u8> = self.blocks.iter().flat_map(|block| block.to_bytes()).collect();
        let sha256 = Digest::of(&records).to_string();
        let head = Head { v: 1, blocks: self.blocks.len(), sha256, end: self.whole.clone() };
        let mut content = serde_json::to_vec(&head).expect("every field is text or a number");
        content.push(b'\n');
        content.extend(records);
        folder.replace(FILE, &content)?;
        self.kept = self.blocks.len();
        Ok(())
    }

    /// Reads on to the end of the ledger, or to the place given: a segment and a length. All anew, if the lines are
    /// not those that were read before. What is not a whole line is left.
    ///
    /// # Errors
    /// When the ledger cannot be read, or is shorter.
    pub(super) fn read_on(&mut self, folder: &Folder, until: Option<(u64, u64)>) -> Result<(), LedgerError> {
        let segments = folder.segments()?;
        if !self.is_of(folder, &segments) {
            *self = Tree::default();
        }
        let ahead = segments.iter().copied().filter(|first| *first >= self.end.segment);
        for first in ahead.collect::<Vec<_>>() {
            let held = Held::open(folder, first, Use::Read)?;
            let unread = |error| failed("read", &folder.file(&segment_name(first)))(error);
            if first != self.end.segment && held.bytes > 0 {
                (self.end.segment, self.end.bytes) = (first, 0);
            }
            let length = until.filter(|(segment, _)| *segment == first).map_or(held.bytes, |(_, bytes)| bytes);
            self.read_segment(&held, length).map_err(unread)?;
        }
        Ok(())
    }

    /// Whether the line before the end is the one that was read there.
    fn is_of(&self, folder: &Folder, segments: &[u64]) -> bool {
        let line = || {
            let held = Held::open(folder, self.end.segment, Use::Read).ok()?;
            (self.end.bytes <= held.bytes).then_some(())?;
            held.line_before(self.end.bytes).ok()
        };
        self.size() == 0
            || segments.contains(&self.end.segment)
                && line().is_some_and(|line| Digest::of(&line).to_string() == self.end.last)
    }

    fn read_segment(&mut self, held: &Held, length: u64) -> io::Result<()> {
        let mut file = held.file.try_clone()?;
        file.seek(SeekFrom::Start(self.end.bytes))?;
        let ahead = length.checked_sub(self.end.bytes).ok_or(ErrorKind::UnexpectedEof)?;
        let mut lines = BufReader::with_capacity(1 << 16, file.take(ahead));
        let (mut line, mut last) = (Vec::new(), Vec::new());
        loop {
            line.clear();
            lines.by_ref().take(LONGEST_LINE as u64 + 1).read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') {
                break;
            }
            self.take(&line);
            std::mem::swap(&mut line, &mut last);
        }
        if !last.is_empty() {
            self.end.last = Digest::of(&last).to_string();
        }
        Ok(())
    }

    fn take(&mut self, line: &[u8]) {
        if self.leaves.is_empty() {
            self.begins = self.end.bytes;
        }
        if memmem::find(line, b"\"ev\":\"ledger.").is_some() {
            self.end.follow(line);
        }
        self.leaves.push(leaf(line));
        self.end.bytes += line.len() as u64;
        if self.leaves.len() as u64 == LEAVES {
            let mut tree = Growing::new();
            self.leaves.drain(..).for_each(|leaf| tree.push(leaf));
            self.blocks.push(Block { root: tree.root(), begins: self.begins });
            self.end.last = Digest::of(line).to_string();
            self.whole = self.end.clone();
        }
    }

    /// How many lines were read.
    pub(super) fn size(&self) -> u64 {
        self.blocks.len() as u64 * LEAVES + self.leaves.len() as u64
    }

    /// The root over them.
    pub(super) fn root(&self) -> Digest {
        let mut tree = Growing::new();
        self.blocks.iter().for_each(|block| tree.push_perfect(HEIGHT, block.root));
        self.leaves.iter().for_each(|leaf| tree.push(*leaf));
        tree.root()
    }

    /// The segment and the number in it of the last line that was read.
    pub(super) fn last_line(&self) -> (u64, u64) {
        (self.end.segment, self.size().saturating_sub(self.end.segment))
    }

    /// Whose ledger it is.
    pub(super) fn origin(&self) -> &str {
        &self.end.origin
    }

    /// The key that was made known last.
    pub(super) fn key(&self) -> Option<&str> {
        self.end.key.as_deref()
    }

    /// The note of the last checkpoint.
    pub(super) fn note(&self) -> Option<&str> {
        self.end.note.as_deref()
    }

    /// The tree for roots and proofs at these sizes and entries.
    ///
    /// # Errors
    /// When the lines there cannot be read.
    pub(super) fn blocks_at(&self, folder: &Folder, places: &[u64]) -> Result<Blocks, LedgerError> {
        let mut blocks = Blocks::new(self.blocks.iter().map(|block| block.root).collect());
        for block in places.iter().map(|place| place / LEAVES) {
            let leaves = match usize::try_from(block).ok().filter(|block| *block < self.blocks.len()) {
                Some(_) => self.lines(folder, block)?.iter().map(|line| leaf(line)).collect(),
                None => self.leaves.clone(),
            };
            blocks.open(block, leaves);
        }
        Ok(blocks)
    }

    /// The line of an entry that was read.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn line(&self, folder: &Folder, seq: u64) -> Result<Option<Vec<u8>>, LedgerError> {
        let mut lines = self.lines(folder, seq / LEAVES)?;
        let place = usize::try_from(seq % LEAVES).unwrap_or(usize::MAX);
        Ok((place < lines.len()).then(|| lines.swap_remove(place)))
    }

    /// The lines of a block.
    fn lines(&self, folder: &Folder, block: u64) -> Result<Vec<Vec<u8>>, LedgerError> {
        let whole = usize::try_from(block).ok().and_then(|block| self.blocks.get(block));
        let (begins, count) = match whole {
            Some(block) => (block.begins, usize::try_from(LEAVES).unwrap_or(usize::MAX)),
            None => (self.begins, self.leaves.len()),
        };
        let segments = folder.segments()?;
        let within = segments.iter().rposition(|first| *first <= block * LEAVES).unwrap_or(0);
        let (mut lines, mut begins) = (Vec::new(), begins);
        for first in &segments[within.min(segments.len())..] {
            let unread = |error| failed("read", &folder.file(&segment_name(*first)))(error);
            let mut file = folder.open(&segment_name(*first), Use::Read)?;
            file.seek(SeekFrom::Start(begins)).map_err(unread)?;
            let mut reader = BufReader::with_capacity(1 << 16, file);
            while lines.len() < count {
                let mut line = Vec::new();
                reader.by_ref().take(LONGEST_LINE as u64 + 1).read_until(b'\n', &mut line).map_err(unread)?;
                if line.last() != Some(&b'\n') {
                    break;
                }
                lines.push(line);
            }
            begins = 0;
        }
        Ok(lines)
    }
}

impl End {
    /// Remembers what an entry says of the ledger.
    fn follow(&mut self, line: &[u8]) {
        let Ok(entry) = Entry::parse(line) else { return };
        let said = |name: &str| {
            let details: serde_json::Value = serde_json::from_str(entry.d).ok()?;
            details[name].as_str().map(str::to_owned)
        };
        match entry.ev {
            "ledger.open" => self.origin = said("origin").unwrap_or_default(),
            "ledger.key" => self.key = said("vkey"),
            "ledger.checkpoint" => self.note = said("note"),
            _ => {}
        }
    }
}

impl Block {
    fn parse(record: &[u8]) -> Option<Self> {
        let (root, begins) = record.split_first_chunk::<32>()?;
        Some(Block { root: Digest::from_bytes(*root), begins: u64::from_be_bytes(begins.try_into().ok()?) })
    }

    fn to_bytes(self) -> [u8; RECORD] {
        let mut bytes = [0; RECORD];
        bytes[..32].copy_from_slice(self.root.bytes());
        bytes[32..].copy_from_slice(&self.begins.to_be_bytes());
        bytes
    }
}
