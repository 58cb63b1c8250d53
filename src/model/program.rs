//! A program that was started in a session: what its supervisor saw of it, and what the ledger tells.
//!
//! Keeps the promises that no command line is too long to be told, and that nothing of it is lost without
//! a trace: what is too long for an entry is cut, and its number, length and hash are told.

use std::fmt;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::name::Digest;
use super::text::{lossless, stored_bytes};

/// How many bytes of the arguments are kept.
const MOST_KEPT: usize = 64 * 1024;

/// How many bytes of an entry one word, all words, and a path may take.
const LONGEST_WORD: usize = 8_000;
const LONGEST_ARGV: usize = 30_000;
const LONGEST_PATH: usize = 12_000;

/// What stands where something was cut off.
const CUT: &str = "…";

/// A program that has just taken the place of another in a process. Paths are bytes, as the kernel has them.
#[derive(Debug)]
pub struct Started {
    /// The process.
    pub pid: u32,
    /// Its parent at that moment.
    pub parent: u32,
    /// The program's file; for a script its interpreter's. None where it may not be known.
    pub path: Option<Vec<u8>>,
    /// The folder in which it was started.
    pub cwd: Option<Vec<u8>>,
    /// The program's word for itself and its arguments.
    pub arguments: Arguments,
}

/// The words of a command line, each with a NUL behind it. Of long ones the beginning is kept, and what all
/// of them come to.
#[derive(Default)]
pub struct Arguments {
    kept: Vec<u8>,
    words: u64,
    bytes: u64,
    hash: Sha256,
}

/// What all words of a command line come to when they are not all told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Whole {
    /// How many there are.
    pub words: u64,
    /// How many bytes they are, with a NUL behind each.
    pub bytes: u64,
    /// SHA-256 of these bytes.
    pub sha256: Digest,
}

impl Arguments {
    /// Adds what comes next.
    pub fn add(&mut self, piece: &[u8]) {
        let room = MOST_KEPT.saturating_sub(self.kept.len()).min(piece.len());
        self.kept.extend_from_slice(&piece[..room]);
        self.words += piece.iter().map(|byte| u64::from(*byte == 0)).sum::<u64>();
        self.bytes += piece.len() as u64;
        self.hash.update(piece);
    }

    /// Whether there is not even a program's word for itself.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// The words as they are told, masked, and what they come to if they are not told as they were.
    pub fn told(self, masked: impl Fn(&str) -> String) -> (Vec<String>, Option<Whole>) {
        let kept = self.kept.strip_suffix(&[0]).unwrap_or(&self.kept);
        let mut cut = self.kept.len() as u64 != self.bytes;
        let mut left = LONGEST_ARGV;
        let mut argv = Vec::new();
        for word in kept.split(|byte| *byte == 0) {
            let (word, bytes, was_cut) = shortened(masked(&lossless(word)), LONGEST_WORD);
            // Its quotes and its comma.
            let bytes = bytes + 3;
            if bytes > left {
                cut = true;
                break;
            }
            left -= bytes;
            cut |= was_cut;
            argv.push(word);
        }
        let sha256 = || Digest::from_bytes(self.hash.finalize().into());
        let whole = cut.then(|| Whole { words: self.words, bytes: self.bytes, sha256: sha256() });
        (argv, whole)
    }
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} words", self.words)
    }
}

/// A path as it is told.
pub fn path(bytes: &[u8], masked: impl Fn(&str) -> String) -> String {
    shortened(masked(&lossless(bytes)), LONGEST_PATH).0
}

/// A text that takes no more than so many bytes in an entry, how many it takes, and whether it was cut.
fn shortened(mut text: String, most: usize) -> (String, usize, bool) {
    let mut bytes = 0;
    for (at, character) in text.char_indices() {
        let more = stored_bytes(character);
        if bytes + more > most {
            text.truncate(at);
            text.push_str(CUT);
            return (text, bytes + CUT.len(), true);
        }
        bytes += more;
    }
    (text, bytes, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(words: &[&[u8]]) -> Arguments {
        let mut arguments = Arguments::default();
        for word in words {
            arguments.add(word);
            arguments.add(&[0]);
        }
        arguments
    }

    fn told(words: &[&[u8]]) -> (Vec<String>, Option<Whole>) {
        arguments(words).told(str::to_owned)
    }

    #[test]
    fn words_are_told_as_they_are() {
        assert_eq!(told(&[b"sh", b"", b"a b\n"]), (vec!["sh".into(), String::new(), "a b\n".into()], None));
        assert_eq!(told(&[b""]), (vec![String::new()], None));
        assert_eq!(told(&[b"\xff\\"]).0, ["\\xff\\"]);
    }

    #[test]
    fn what_is_secret_is_masked_before_it_is_cut() {
        let word = [b"x".repeat(LONGEST_WORD - 3).as_slice(), b"SECRET"].concat();
        let (argv, whole) = arguments(&[&word]).told(|text| text.replace("SECRET", "******"));
        assert!(argv[0].ends_with("x***…") && whole.is_some(), "{}", &argv[0][LONGEST_WORD - 10..]);
    }

    #[test]
    fn of_what_is_cut_number_length_and_hash_are_told() {
        let long = b"y".repeat(5 * MOST_KEPT);
        let words: [&[u8]; 3] = [b"echo", &long, b"end"];
        let (argv, whole) = told(&words);
        let all = [b"echo\0".as_slice(), &long, b"\0end\0"].concat();
        assert_eq!(whole, Some(Whole { words: 3, bytes: all.len() as u64, sha256: Digest::of(&all) }));
        assert_eq!(argv.len(), 2);
        assert_eq!(argv[1].chars().count(), LONGEST_WORD + 1);
    }

    #[test]
    fn whatever_a_command_line_holds_fits_into_an_entry() {
        for letter in ["x", "\0", "\u{1b}", "\u{e0041}", "\"", "\\", "é"] {
            for (times, count) in [(1, 10_000), (100, 500), (100_000, 2)] {
                let word = letter.repeat(times);
                let (argv, whole) = told(&vec![word.as_bytes(); count]);
                let bytes = |word: &String| word.chars().map(stored_bytes).sum::<usize>() + 3;
                let stored: usize = argv.iter().map(bytes).sum();
                assert!(
                    stored <= LONGEST_ARGV + CUT.len() * count && !argv.is_empty() && whole.is_some(),
                    "{letter:?}: {stored}"
                );
            }
            assert!(path(letter.repeat(4096).as_bytes(), str::to_owned).len() <= LONGEST_PATH + 3);
        }
    }
}
