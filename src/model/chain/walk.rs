//! The walk over a ledger's segments, and the verdict: verified, torn, broken or rolled back.

use std::error::Error;
use std::io::{self, BufRead, Read};

use serde::Serialize;

use super::LONGEST_LINE;
use super::entry::Entry;
use super::head::Known;
use super::verify::Verifier;

/// The file name of the segment whose first entry has this number.
pub fn segment_name(first: u64) -> String {
    format!("log-{first:016}.jsonl")
}

/// The number of the first entry of a segment, if the file name is that of one.
pub fn segment_first(name: &str) -> Option<u64> {
    let first = name.strip_prefix("log-")?.strip_suffix(".jsonl")?.parse().ok()?;
    (segment_name(first) == name).then_some(first)
}

/// One segment, from where the walk begins in it.
#[derive(Debug)]
pub struct Segment<R> {
    /// The number of its first entry.
    pub first: u64,
    /// Its length, in bytes.
    pub bytes: u64,
    /// Its lines, from the place where the walk begins.
    pub lines: R,
}

/// What the ledger as a whole is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Integrity {
    /// Every line chains, up to the head and beyond.
    Verified,
    /// So does every line but what an interrupted append left at the end.
    Torn,
    /// A line does not chain, parse or match the head.
    Broken,
    /// Lines that were there are gone from the end.
    RolledBack,
}

/// The first place where a ledger is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FirstBad {
    /// The segment's file name.
    pub segment: String,
    /// The line in it, from 1.
    pub line: u64,
    /// What was expected and what was found.
    pub reason: String,
}

/// What a walk found.
#[derive(Debug)]
pub struct Walked {
    /// What was verified.
    pub verifier: Verifier,
    /// The number of the first entry of the segment where the walk ended.
    pub segment: u64,
    /// Where in it the last good line ends.
    pub bytes: u64,
    /// The verdict.
    pub integrity: Integrity,
    /// What is wrong; none when verified.
    pub first_bad: Option<FirstBad>,
}

/// Walks from a place in the first of the segments to the end of the last.
///
/// The verifier must stand before the line at `offset` of the first segment. `each` sees every good line.
///
/// # Errors
/// When a segment cannot be read.
pub fn walk<R: BufRead>(
    segments: Vec<Segment<R>>,
    offset: u64,
    verifier: Verifier,
    known: Option<&Known>,
    mut each: impl FnMut(&[u8], &Entry<'_>),
) -> io::Result<Walked> {
    let held = known.and_then(|k| segments.iter().find(|s| segment_name(s.first) == k.segment)).map(|s| s.bytes);
    let last = segments.last().map_or(0, |segment| segment.first);
    let mut walk = Walk { verifier, segment: last, bytes: offset, known };
    let mut bad = None;
    for (place, mut segment) in segments.into_iter().enumerate() {
        walk.segment = segment.first;
        walk.bytes = if place == 0 { offset } else { 0 };
        bad = walk.through(&mut segment.lines, &mut each)?;
        if bad.is_some() {
            break;
        }
    }
    Ok(walk.judge(bad, held, last))
}

/// A line that does not continue the chain.
struct Bad {
    reason: String,
    ends_with_lf: bool,
}

struct Walk<'k> {
    verifier: Verifier,
    segment: u64,
    bytes: u64,
    known: Option<&'k Known>,
}

impl Walk<'_> {
    fn through(
        &mut self,
        lines: &mut impl BufRead,
        each: &mut impl FnMut(&[u8], &Entry<'_>),
    ) -> io::Result<Option<Bad>> {
        let next = self.verifier.next();
        if self.bytes == 0 && self.segment != next {
            let reason = format!("expected entry {next}, the segment begins with {}", self.segment);
            return Ok(Some(Bad { reason, ends_with_lf: true }));
        }
        let mut line = Vec::new();
        loop {
            line.clear();
            if lines.by_ref().take(LONGEST_LINE as u64 + 1).read_until(b'\n', &mut line)? == 0 {
                return Ok(None);
            }
            match self.accept(&line) {
                Ok(entry) => {
                    self.bytes += line.len() as u64;
                    each(&line, &entry);
                }
                Err(reason) => {
                    let ends_with_lf = line.ends_with(b"\n") || has_lf(lines)?;
                    return Ok(Some(Bad { reason, ends_with_lf }));
                }
            }
        }
    }

    /// Takes a line if it chains and, where the head speaks of it, is what the head says.
    fn accept<'l>(&mut self, line: &'l [u8]) -> Result<Entry<'l>, String> {
        let known = self.known.filter(|known| known.seq == self.verifier.next());
        let before = known.map(|_| self.verifier.clone());
        let entry = self.verifier.accept(line).map_err(|error| match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        })?;
        if let (Some(known), Some(before)) = (known, before)
            && let Some(reason) = known.differs(line, self.bytes + line.len() as u64)
        {
            self.verifier = before;
            return Err(reason);
        }
        Ok(entry)
    }

    /// The verdict. `held` is the length of the segment that the head speaks of.
    fn judge(self, bad: Option<Bad>, held: Option<u64>, last: u64) -> Walked {
        let cut = self.known.filter(|known| held.unwrap_or(0) < known.bytes);
        let missing = self.known.filter(|known| known.seq >= self.verifier.next());
        let may_be_torn = self.known.is_some_and(|known| known.restarted) && missing.is_none();
        let at_the_end = |bad: &Bad| self.segment == last && (!bad.ends_with_lf || may_be_torn);
        let (integrity, reason) = match (bad, cut, missing) {
            (Some(bad), _, _) if !at_the_end(&bad) => (Integrity::Broken, Some(bad.reason)),
            (_, Some(known), _) => (Integrity::RolledBack, Some(shorter(known, held))),
            (Some(bad), None, Some(_)) => (Integrity::Broken, Some(bad.reason)),
            (Some(bad), None, None) => (Integrity::Torn, Some(bad.reason)),
            (None, None, Some(known)) => (Integrity::Broken, Some(format!("there is no entry {}", known.seq))),
            (None, None, None) => (Integrity::Verified, None),
        };
        let line = self.verifier.next().saturating_sub(self.segment) + 1;
        let first_bad = reason.map(|reason| FirstBad { segment: segment_name(self.segment), line, reason });
        Walked { verifier: self.verifier, segment: self.segment, bytes: self.bytes, integrity, first_bad }
    }
}

fn shorter(known: &Known, held: Option<u64>) -> String {
    let found = held.map_or("is gone".to_owned(), |bytes| format!("has {bytes}"));
    format!("{} had {} bytes at entry {}, and {found}", known.segment, known.bytes, known.seq)
}

/// Whether an LF follows.
fn has_lf(lines: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let ahead = lines.fill_buf()?;
        if ahead.is_empty() || ahead.contains(&b'\n') {
            return Ok(!ahead.is_empty());
        }
        let length = ahead.len();
        lines.consume(length);
    }
}
