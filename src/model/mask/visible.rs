//! What of a text is seen on a terminal: all but the escape sequences, which programs put anywhere, for colours.

use std::borrow::Cow;
use std::hint::black_box;
use std::ops::Range;

use memchr::memchr3;

/// The most bytes of an escape sequence; what is longer is taken for text.
const LONGEST_SEQUENCE: usize = 1024;

/// Shift out and shift in, which choose letters, and mostly come with colours.
const SHIFTS: [u8; 2] = [0x0e, 0x0f];

/// A text without its escape sequences.
pub(super) struct Visible<'t> {
    bytes: Cow<'t, [u8]>,
    /// Where each run of bytes begins here, and where in the whole text.
    runs: Vec<(usize, usize)>,
    /// Where in the whole text a sequence begins whose end has not come; its length where there is none.
    unfinished: usize,
}

impl<'t> Visible<'t> {
    pub(super) fn of(text: &'t [u8]) -> Visible<'t> {
        let mut visible = Visible { bytes: Cow::Borrowed(text), runs: vec![(0, 0)], unfinished: text.len() };
        let Some(first) = memchr3(0x1b, SHIFTS[0], SHIFTS[1], text) else { return visible };
        let mut bytes = text[..first].to_vec();
        bytes.reserve_exact(text.len() - first);
        let mut at = first;
        while at < text.len() {
            let Some(skipped) = sequence(&text[at..]) else {
                visible.unfinished = at;
                break;
            };
            at += skipped;
            let rest = &text[at..];
            let run = memchr3(0x1b, SHIFTS[0], SHIFTS[1], rest).unwrap_or(rest.len());
            visible.runs.push((bytes.len(), at));
            bytes.extend_from_slice(&rest[..run]);
            at += run;
        }
        visible.bytes = Cow::Owned(bytes);
        visible
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// Where in the whole text a byte is.
    pub(super) fn whole(&self, at: usize) -> usize {
        let (run, whole) = self.runs[self.runs.partition_point(|(run, _)| *run <= at) - 1];
        whole + at - run
    }

    /// Where in the whole text some bytes are, piece by piece.
    pub(super) fn pieces(&self, range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let first = self.runs.partition_point(|(run, _)| *run <= range.start) - 1;
        let ends = self.runs[first + 1..].iter().map(|(run, _)| *run).chain([self.bytes.len()]);
        let pieces = self.runs[first..].iter().zip(ends);
        pieces.take_while(move |((run, _), _)| *run < range.end).map(move |((run, whole), end)| {
            let (start, end) = (range.start.max(*run), range.end.min(end));
            whole + start - run..whole + end - run
        })
    }
}

impl Drop for Visible<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(bytes) = &mut self.bytes {
            bytes.fill(0);
            // So that the copy is wiped although nobody reads it: a volatile write for each byte takes too long here.
            black_box(bytes);
        }
    }
}

/// How long the escape sequence, or the shift, is that a text begins with; nothing where it goes on behind the text.
fn sequence(text: &[u8]) -> Option<usize> {
    let seen = &text[..text.len().min(LONGEST_SEQUENCE)];
    let length = match seen {
        [first, ..] if SHIFTS.contains(first) => return Some(1),
        [_, b'[', rest @ ..] => ended(rest, 2, |byte| (0x20..0x40).contains(byte)),
        [_, b']' | b'P' | b'X' | b'^' | b'_', rest @ ..] => string(rest),
        [_, 0x20..=0x2f, rest @ ..] => ended(rest, 2, |byte| (0x20..0x30).contains(byte)),
        [_, 0x30..=0x7e, ..] => Some(2),
        [_, _, ..] => Some(1),
        _ => None,
    };
    if length.is_none() && seen.len() == LONGEST_SEQUENCE { Some(1) } else { length }
}

/// A sequence goes on with such bytes, and then has one more, if that can be its last.
fn ended(rest: &[u8], begun: usize, goes_on: fn(&u8) -> bool) -> Option<usize> {
    let at = rest.iter().position(|byte| !goes_on(byte))?;
    Some(begun + at + usize::from((0x30..=0x7e).contains(&rest[at])))
}

/// A string ends with BEL or ESC `\`; another ESC begins something else.
fn string(rest: &[u8]) -> Option<usize> {
    let at = rest.iter().position(|byte| [0x07, 0x1b].contains(byte))?;
    match (rest[at], rest.get(at + 1)) {
        (0x07, _) => Some(2 + at + 1),
        (_, Some(b'\\')) => Some(2 + at + 2),
        (_, Some(_)) => Some(2 + at),
        (_, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_not_seen_and_everything_else_is_where_it_was() {
        let sequences =
            ["\u{1b}[31m", "\u{1b}[K", "\u{1b}(B", "\u{1b}]8;;http://x\u{7}", "\u{1b}]0;t\u{1b}\\", "\u{1b}7", "\u{f}"];
        for sequence in sequences {
            let text = format!("ab{sequence}{sequence}cd{sequence}e");
            let visible = Visible::of(text.as_bytes());
            assert_eq!((visible.bytes(), visible.unfinished()), (b"abcde".as_slice(), text.len()), "{sequence:?}");
            for (at, byte) in visible.bytes().iter().enumerate() {
                assert_eq!(text.as_bytes()[visible.whole(at)], *byte);
            }
            for (start, end) in [(0, 5), (1, 3), (2, 4), (4, 5), (0, 1)] {
                let covered: Vec<u8> =
                    visible.pieces(start..end).flat_map(|piece| text.as_bytes()[piece].to_vec()).collect();
                assert_eq!(covered, b"abcde"[start..end], "{sequence:?} {start}..{end}");
            }
        }
    }

    #[test]
    fn a_sequence_whose_end_has_not_come_is_told() {
        for unfinished in ["\u{1b}", "\u{1b}[", "\u{1b}[38;2", "\u{1b}(", "\u{1b}]8;;http", "\u{1b}]0;t\u{1b}"] {
            let text = format!("ab{unfinished}");
            let visible = Visible::of(text.as_bytes());
            assert_eq!((visible.bytes(), visible.unfinished()), (b"ab".as_slice(), 2), "{unfinished:?}");
        }
        let endless = [b"ab\x1b]".as_slice(), &[b'x'; 2 * LONGEST_SEQUENCE]].concat();
        assert_eq!(Visible::of(&endless).bytes().len(), endless.len() - 1);
    }

    #[test]
    fn what_is_no_sequence_is_text() {
        for (text, seen) in
            [("\u{1b}\nab", "\nab"), ("\u{1b}[3\nab", "\nab"), ("\u{1b}\u{1b}[mab", "ab"), ("\u{1b}]x\u{1b}[mab", "ab")]
        {
            assert_eq!(Visible::of(text.as_bytes()).bytes(), seen.as_bytes(), "{text:?}");
        }
        assert_eq!(Visible::of(b"").bytes(), b"");
    }
}
