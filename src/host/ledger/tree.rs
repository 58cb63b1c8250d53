//! The tree over the ledger's lines, kept beside them so that a checkpoint need not read everything.
//!
//! The file `tree` is a cache: who verifies never looks at it, and whoever uses it holds it against the ledger's
//! lines first. Where it is missing, damaged or of other lines it is made anew. Its form is in `docs/formats.md`.

mod file;

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};

use memchr::memmem;

use super::before::{Before, is_missing};
use super::failed;
use super::folder::{Folder, Use};
use super::held::Held;
use super::snapshot::Snapshot;
use super::tail::Tail;
use crate::model::chain::LONGEST_LINE;
use crate::model::chain::state::State;
use crate::model::chain::walk::segment_name;
use crate::model::name::Digest;
use crate::model::tree::blocks::{Blocks, HEIGHT, LEAVES};
use crate::model::tree::{Growing, leaf};
use crate::world::ledger::LedgerError;

pub(super) use file::before;
use file::{Block, Content, End};

/// The tree, as far as the lines were read.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    /// What is not here any more.
    before: Option<Before>,
    /// The first is the one that has the first line which is here.
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

impl Tree {
    /// Loads the file; the tree without leaves where it is missing or damaged.
    pub(super) fn load(folder: &Folder) -> Self {
        file::read(folder).map_or_else(Tree::default, |Content { before, blocks, end }| {
            let (kept, whole) = (blocks.len(), end.clone());
            Tree { before, blocks, kept, whole, end, ..Tree::default() }
        })
    }

    /// Begins after what is not here any more.
    fn begin(folder: &Folder, segments: &[u64]) -> Result<Self, LedgerError> {
        let Some(first) = segments.first().copied().filter(|first| *first > 0) else { return Ok(Tree::default()) };
        let before = Snapshot::take(folder)?.before()?.cloned();
        let broken = || LedgerError::Broken { segment: segment_name(first), line: 1, reason: is_missing(first) };
        let before = before.ok_or_else(broken)?;
        let State { origin, hash, key, .. } = &before.state;
        let (last, key) = (hash.to_string(), key.as_ref().map(ToString::to_string));
        let end = End { segment: first, bytes: 0, last, origin: origin.clone(), key, note: None };
        Ok(Tree { before: Some(before), whole: end.clone(), end, ..Tree::default() })
    }

    /// Writes the file, if there is more to keep than it has.
    ///
    /// # Errors
    /// When it cannot be written. Nothing depends on it.
    pub(super) fn keep(&mut self, folder: &Folder) -> Result<(), LedgerError> {
        if self.blocks.len() == self.kept {
            return Ok(());
        }
        file::write(folder, self.before.as_ref(), &self.blocks, &self.whole)?;
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
        if self.first() != segments.first().copied().unwrap_or(0) || !self.is_of(folder, &segments) {
            *self = Tree::begin(folder, &segments)?;
        }
        let ahead = segments.iter().copied().filter(|first| *first >= self.end.segment);
        for first in ahead.collect::<Vec<_>>() {
            let held = Held::open(folder, first, Use::Read)?;
            let unread = |error| failed("read", &folder.file(&segment_name(first)))(error);
            let length = until.filter(|(segment, _)| *segment == first).map_or(held.bytes, |(_, bytes)| bytes);
            if first != self.end.segment {
                // In a segment without a line there is no end.
                if length == 0 {
                    continue;
                }
                (self.end.segment, self.end.bytes) = (first, 0);
            }
            self.read_segment(&held, length).map_err(unread)?;
        }
        Ok(())
    }

    /// Reads on to where the next entry goes.
    ///
    /// # Errors
    /// When the ledger cannot be read, or has another number of lines.
    pub(super) fn catch_up(&mut self, tail: &Tail) -> Result<(), LedgerError> {
        self.read_on(&tail.folder, Some((tail.segment, tail.bytes)))?;
        let (found, expected) = (self.size(), tail.last_seq() + 1);
        if found == expected {
            return Ok(());
        }
        let line = tail.last_seq().saturating_sub(tail.segment) + 1;
        let reason = format!("there are {found} lines before entry {expected}");
        Err(LedgerError::Broken { segment: segment_name(tail.segment), line, reason })
    }

    /// Whether the line before the end is the one that was read there.
    fn is_of(&self, folder: &Folder, segments: &[u64]) -> bool {
        let line = || {
            let held = Held::open(folder, self.end.segment, Use::Read).ok()?;
            (self.end.bytes <= held.bytes).then_some(())?;
            held.line_before(self.end.bytes).ok()
        };
        self.size() == self.first()
            || segments.contains(&self.end.segment)
                && line().is_some_and(|line| Digest::of(&line).to_string() == self.end.last)
    }

    fn read_segment(&mut self, held: &Held, length: u64) -> io::Result<()> {
        let ahead = length.checked_sub(self.end.bytes).ok_or(ErrorKind::UnexpectedEof)?;
        let mut lines = held.lines(self.end.bytes).take(ahead);
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
        if self.size().is_multiple_of(LEAVES) {
            let mut tree = if self.blocks.is_empty() { self.tree_before().divided(HEIGHT).1 } else { Growing::new() };
            self.leaves.drain(..).for_each(|leaf| tree.push(leaf));
            self.blocks.push(Block { root: tree.root(), begins: self.begins });
            self.end.last = Digest::of(line).to_string();
            self.whole = self.end.clone();
        }
    }

    /// What is not here any more.
    pub(super) fn before(&self) -> Option<&Before> {
        self.before.as_ref()
    }

    /// The number of the first line that is here.
    pub(super) fn first(&self) -> u64 {
        self.before.as_ref().map_or(0, |before| before.state.size())
    }

    /// The tree over what is not here any more.
    fn tree_before(&self) -> Growing {
        self.before.as_ref().map_or_else(Growing::new, |before| before.state.tree.clone())
    }

    /// How many lines there are, those included that are not here any more.
    pub(super) fn size(&self) -> u64 {
        self.last_begins() + self.leaves.len() as u64
    }

    /// The first line that is here of the block that is not whole yet.
    fn last_begins(&self) -> u64 {
        match self.blocks.len() as u64 {
            0 => self.first(),
            whole => (self.first() / LEAVES + whole) * LEAVES,
        }
    }

    /// The root over them.
    pub(super) fn root(&self) -> Digest {
        let mut tree = self.tree_before();
        if !self.blocks.is_empty() {
            tree = tree.divided(HEIGHT).0;
            self.blocks.iter().for_each(|block| tree.push_perfect(HEIGHT, block.root));
        }
        self.leaves.iter().for_each(|leaf| tree.push(*leaf));
        tree.root()
    }

    /// Whether nothing was read yet.
    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.leaves.is_empty()
    }

    /// The tree at an earlier size, if that is one of lines that are here.
    ///
    /// # Errors
    /// When the lines there cannot be read.
    pub(super) fn grown_to(&self, folder: &Folder, size: u64) -> Result<Option<Growing>, LedgerError> {
        let Some(whole) =
            (size / LEAVES).checked_sub(self.first() / LEAVES).and_then(|whole| usize::try_from(whole).ok())
        else {
            return Ok(None);
        };
        let mut tree = self.tree_before();
        if whole > 0 {
            tree = tree.divided(HEIGHT).0;
            self.blocks.iter().take(whole).for_each(|block| tree.push_perfect(HEIGHT, block.root));
        }
        let missing = size.saturating_sub(tree.size());
        let lines = if missing > 0 { self.lines(folder, size)? } else { Vec::new() };
        lines.iter().zip(0..missing).for_each(|(line, _)| tree.push(leaf(line)));
        Ok((tree.size() == size).then_some(tree))
    }

    /// The segment of a line, and where in it the line begins.
    ///
    /// # Errors
    /// When the lines before it cannot be read.
    pub(super) fn place(&self, folder: &Folder, seq: u64) -> Result<(u64, u64), LedgerError> {
        let first = folder.segments()?.into_iter().rfind(|first| *first <= seq).unwrap_or(0);
        let from = self.begins_in(seq);
        let lines = (from..seq).zip(self.lines(folder, seq)?).filter(|(number, _)| *number >= first);
        let length: u64 = lines.map(|(_, line)| line.len() as u64).sum();
        Ok((first, if from >= first { self.begins_at(from) + length } else { length }))
    }

    /// Where in its segment the block begins that a line is in.
    fn begins_at(&self, seq: u64) -> u64 {
        let block =
            (seq / LEAVES - self.first() / LEAVES).try_into().ok().and_then(|block: usize| self.blocks.get(block));
        block.map_or(self.begins, |block| block.begins)
    }

    /// How many bytes were not read yet.
    ///
    /// # Errors
    /// When the segments cannot be looked at.
    pub(super) fn behind(&self, folder: &Folder) -> Result<u64, LedgerError> {
        let segments = folder.segments()?;
        let ahead = segments.iter().filter(|first| **first >= self.end.segment);
        let lengths = ahead.map(|first| Held::open(folder, *first, Use::Read).map(|held| held.bytes));
        Ok(lengths.sum::<Result<u64, _>>()?.saturating_sub(self.end.bytes))
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
        let roots = self.blocks.iter().map(|block| block.root).collect();
        let mut blocks = Blocks::after(&self.tree_before(), roots);
        for place in places {
            let leaves = match self.begins_in(*place) {
                from if from == self.last_begins() => self.leaves.clone(),
                _ => self.lines(folder, *place)?.iter().map(|line| leaf(line)).collect(),
            };
            blocks.open(self.begins_in(*place), leaves);
        }
        Ok(blocks)
    }

    /// The first line that is here of the block that a line is in.
    fn begins_in(&self, seq: u64) -> u64 {
        (seq / LEAVES * LEAVES).max(self.first())
    }

    /// The line of an entry that was read.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn line(&self, folder: &Folder, seq: u64) -> Result<Option<Vec<u8>>, LedgerError> {
        let mut lines = self.lines(folder, seq)?;
        let place = seq
            .checked_sub(self.begins_in(seq))
            .map_or(usize::MAX, |place| usize::try_from(place).unwrap_or(usize::MAX));
        Ok((place < lines.len()).then(|| lines.swap_remove(place)))
    }

    /// The lines that are here of the block that a line is in.
    fn lines(&self, folder: &Folder, seq: u64) -> Result<Vec<Vec<u8>>, LedgerError> {
        let from = self.begins_in(seq);
        let block = (from / LEAVES).checked_sub(self.first() / LEAVES).and_then(|block| usize::try_from(block).ok());
        let (mut begins, count) = match block.and_then(|block| self.blocks.get(block)) {
            Some(block) => (block.begins, LEAVES - from % LEAVES),
            None => (self.begins, self.leaves.len() as u64),
        };
        let segments = folder.segments()?;
        let within = segments.iter().rposition(|first| *first <= from).unwrap_or(0);
        let mut lines = Vec::new();
        for first in &segments[within.min(segments.len())..] {
            let unread = |error| failed("read", &folder.file(&segment_name(*first)))(error);
            let mut file = folder.open(&segment_name(*first), Use::Read)?;
            file.seek(SeekFrom::Start(begins)).map_err(unread)?;
            let mut reader = BufReader::with_capacity(1 << 16, file);
            while (lines.len() as u64) < count {
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
