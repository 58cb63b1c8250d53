//! The walk over a ledger's segments, and the verdict: verified, torn, broken or rolled back.

use std::convert::Infallible;
use std::error::Error;
use std::io::{self, BufRead, Read};
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstBad {
    /// The segment's file name.
    pub segment: String,
    /// The line in it, from 1.
    pub line: u64,
    /// What was expected and what was found.
    pub reason: String,
}

/// The verdict and its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// The verdict.
    pub integrity: Integrity,
    /// What is wrong; none when verified.
    pub first_bad: Option<FirstBad>,
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
    pub judgement: Judgement,
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
    let each = |line: &[u8], entry: &Entry<'_>| {
        each(line, entry);
        ControlFlow::<Infallible>::Continue(())
    };
    let ControlFlow::Continue(walked) = walk_until(segments, offset, verifier, known, each)?;
    Ok(walked)
}

/// The same, until `each` has seen enough: then there is no verdict.
///
/// # Errors
/// When a segment cannot be read.
pub fn walk_until<R: BufRead, B>(
    segments: Vec<Segment<R>>,
    offset: u64,
    verifier: Verifier,
    known: Option<&Known>,
    mut each: impl FnMut(&[u8], &Entry<'_>) -> ControlFlow<B>,
) -> io::Result<ControlFlow<B, Walked>> {
    let held = known.and_then(|k| segments.iter().find(|s| segment_name(s.first) == k.segment)).map(|s| s.bytes);
    let last = segments.last().map_or(0, |segment| segment.first);
    let mut walk = Walk { verifier, segment: last, bytes: offset, known };
    let mut bad = None;
    for (place, mut segment) in segments.into_iter().enumerate() {
        walk.segment = segment.first;
        walk.bytes = if place == 0 { offset } else { 0 };
        bad = match walk.through(&mut segment.lines, &mut each)? {
            ControlFlow::Continue(bad) => bad,
            ControlFlow::Break(why) => return Ok(ControlFlow::Break(why)),
        };
        if bad.is_some() {
            break;
        }
    }
    Ok(ControlFlow::Continue(walk.judge(bad, held, last)))
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
    fn through<B>(
        &mut self,
        lines: &mut impl BufRead,
        each: &mut impl FnMut(&[u8], &Entry<'_>) -> ControlFlow<B>,
    ) -> io::Result<ControlFlow<B, Option<Bad>>> {
        let next = self.verifier.next();
        if self.bytes == 0 && self.segment != next {
            let reason = format!("expected entry {next}, the segment begins with {}", self.segment);
            return Ok(ControlFlow::Continue(Some(Bad { reason, ends_with_lf: true })));
        }
        let mut line = Vec::new();
        loop {
            line.clear();
            if lines.by_ref().take(LONGEST_LINE as u64 + 1).read_until(b'\n', &mut line)? == 0 {
                return Ok(ControlFlow::Continue(None));
            }
            match self.accept(&line) {
                Ok(entry) => {
                    self.bytes += line.len() as u64;
                    if let ControlFlow::Break(why) = each(&line, &entry) {
                        return Ok(ControlFlow::Break(why));
                    }
                }
                Err(reason) => {
                    let ends_with_lf = line.ends_with(b"\n") || has_lf(lines)?;
                    return Ok(ControlFlow::Continue(Some(Bad { reason, ends_with_lf })));
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
        Walked {
            verifier: self.verifier,
            segment: self.segment,
            bytes: self.bytes,
            judgement: Judgement { integrity, first_bad },
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::chain::{Said, Stamp, genesis, line};
    use crate::model::event::Event;
    use crate::model::name::Digest;
    use crate::model::time::{BootTime, Timestamp};

    /// A small generator of numbers that look random (xorshift64), so that a failure can be repeated.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, bound: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 % bound as u64).expect("it is below a usize")
        }
    }

    /// The lines of a ledger of so many entries.
    fn ledger(entries: usize, numbers: &mut Numbers) -> Vec<Vec<u8>> {
        let origin = "glass/-/host/user/0123abcd";
        let mut last = genesis(origin);
        let mut lines = Vec::new();
        for seq in 0..entries {
            let event = match (seq, numbers.below(2)) {
                (0, _) => Event::LedgerOpen {
                    origin: origin.into(),
                    machine: Digest::of(b"m"),
                    version: "0".into(),
                    previous: None,
                },
                (_, 0) => Event::RunEnd { code: 0, ms: numbers.below(1000) as u64 },
                _ => Event::RunStart { command: "é\n\u{202e}".repeat(numbers.below(20)), args: vec![] },
            };
            let at = Timestamp::from_seconds(1_769_825_580);
            let stamp = Stamp { at, mono: BootTime(9), boot: "b".into(), host: "h".into(), pid: 1, uid: 0 };
            let said = Said { who: None, session: None, event: &event };
            let line = line(seq as u64, last, &stamp, said).expect("short");
            last = Digest::of(&line);
            lines.push(line);
        }
        lines
    }

    fn known(lines: &[Vec<u8>]) -> Known {
        Known {
            seq: lines.len() as u64 - 1,
            hash: lines.last().map(|line| Digest::of(line)),
            segment: segment_name(0),
            bytes: lines.concat().len() as u64,
            restarted: false,
        }
    }

    /// What a head is held to after another boot.
    fn known_after_a_restart(lines: &[Vec<u8>]) -> Known {
        Known { hash: None, restarted: true, ..known(lines) }
    }

    fn judge(text: &[u8], known: Option<&Known>) -> Walked {
        let segment = Segment { first: 0, bytes: text.len() as u64, lines: text };
        walk(vec![segment], 0, Verifier::new(), known, |_, _| ()).expect("memory can be read")
    }

    #[test]
    fn an_edit_drop_swap_duplicate_or_cut_is_found_where_it_is() {
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        for round in 0..2000 {
            let entries = 2 + numbers.below(12);
            let good = ledger(entries, &mut numbers);
            let known = known(&good);
            let mut bad = good.clone();
            let at = numbers.below(entries);
            match round % 5 {
                0 => {
                    let byte = numbers.below(bad[at].len());
                    bad[at][byte] ^= 1 << numbers.below(8);
                }
                1 => drop(bad.remove(at)),
                2 => bad.swap(at, (at + 1) % entries),
                3 => bad.insert(at, good[at].clone()),
                _ => {
                    let keep = numbers.below(good.concat().len());
                    bad = vec![good.concat()[..keep].to_vec()];
                }
            }
            let walked = judge(&bad.concat(), Some(&known));
            assert!(
                matches!(walked.judgement.integrity, Integrity::Broken | Integrity::RolledBack),
                "round {round}, entry {at} of {entries}: {:?}",
                walked.judgement
            );
            let line = walked.judgement.first_bad.expect("a place").line;
            match round % 5 {
                // An edit shows in its own line, or in the `prev` of the next.
                0 => assert!((at as u64 + 1..=at as u64 + 2).contains(&line), "round {round}: {line}"),
                1 => assert_eq!(line, at as u64 + 1),
                2 if at + 1 < entries => assert_eq!(line, at as u64 + 1),
                2 => assert_eq!(line, 1),
                3 => assert_eq!(line, at as u64 + 2),
                _ => assert_eq!(walked.judgement.integrity, Integrity::RolledBack),
            }
        }
    }

    #[test]
    fn a_chain_that_was_written_anew_is_found_by_the_head() {
        let mut numbers = Numbers(7);
        let known = known(&ledger(5, &mut numbers));
        for entries in [5, 6, 60] {
            let other = judge(&ledger(entries, &mut numbers).concat(), Some(&known));
            assert_ne!(other.judgement.integrity, Integrity::Verified);
        }
    }

    #[test]
    fn whole_torn_and_continued_ledgers_are_told_apart() {
        let lines = ledger(6, &mut Numbers(1));
        let text = lines.concat();
        for head in [None, Some(known(&lines)), Some(known(&lines[..4])), Some(known_after_a_restart(&lines))] {
            let verdict = |text: &[u8]| judge(text, head.as_ref()).judgement.integrity;
            assert_eq!(verdict(&text), Integrity::Verified);
            assert_eq!(verdict(&[&text, &b"{\"v\":1"[..]].concat()), Integrity::Torn);
            assert_eq!(verdict(&[&text, &vec![b'x'; 100_000][..]].concat()), Integrity::Torn);
            let restarted = head.as_ref().is_some_and(|known| known.restarted);
            let garbage = if restarted { Integrity::Torn } else { Integrity::Broken };
            assert_eq!(verdict(&[&text, &b"{}\n"[..]].concat()), garbage);
            assert_eq!(verdict(&[&text, &vec![b'x'; 100_000][..], b"\n"].concat()), garbage);
        }
    }

    #[test]
    fn a_chain_goes_on_over_segments_and_a_missing_one_is_found() {
        let lines = ledger(9, &mut Numbers(3));
        let parts = [(0, &lines[..4]), (4, &lines[4..7]), (7, &lines[7..])];
        let verdict = |parts: &[(u64, &[Vec<u8>])]| {
            let texts: Vec<Vec<u8>> = parts.iter().map(|(_, lines)| lines.concat()).collect();
            let segments = parts.iter().zip(&texts);
            let segments = segments.map(|((first, _), text)| Segment {
                first: *first,
                bytes: text.len() as u64,
                lines: text.as_slice(),
            });
            let walked = walk(segments.collect(), 0, Verifier::new(), None, |_, _| ()).expect("memory can be read");
            (walked.judgement.integrity, walked.judgement.first_bad.map(|bad| (bad.segment, bad.line)))
        };
        assert_eq!(verdict(&parts), (Integrity::Verified, None));
        assert_eq!(verdict(&[parts[0], parts[2]]), (Integrity::Broken, Some((segment_name(7), 1))));
        assert_eq!(verdict(&parts[1..]), (Integrity::Broken, Some((segment_name(4), 1))));
        let cut = [parts[0], (4, &lines[4..6]), parts[2]];
        assert_eq!(verdict(&cut), (Integrity::Broken, Some((segment_name(7), 1))));
    }

    #[test]
    fn who_has_seen_enough_sees_no_more() {
        let text = ledger(9, &mut Numbers(3)).concat();
        let segment = Segment { first: 0, bytes: text.len() as u64, lines: text.as_slice() };
        let mut seen = Vec::new();
        let each = |_: &[u8], entry: &Entry<'_>| {
            seen.push(entry.seq);
            if entry.seq == 3 { ControlFlow::Break("enough") } else { ControlFlow::Continue(()) }
        };
        let walked = walk_until(vec![segment], 0, Verifier::new(), None, each).expect("memory can be read");
        assert!(matches!(walked, ControlFlow::Break("enough")));
        assert_eq!(seen, [0, 1, 2, 3]);
    }

    #[test]
    fn a_segment_is_named_by_its_first_entry() {
        assert_eq!(segment_name(42), "log-0000000000000042.jsonl");
        assert_eq!(segment_first("log-0000000000000042.jsonl"), Some(42));
        for wrong in ["log-42.jsonl", "log-0000000000000042.json", "log-+000000000000042.jsonl", "x"] {
            assert_eq!(segment_first(wrong), None, "{wrong}");
        }
    }
}
