//! Reading a recording: a line at a time, so that one of any size takes the memory of its longest line.
//!
//! Keeps the promise that a recording that was cut short is read up to its last whole line, and that any
//! other flaw is told with its line.

use std::io::{self, BufRead, Read};
use std::time::Duration;
use std::{error, fmt};

use serde::Deserialize;

use super::VERSION;
use crate::model::text::escaped;

/// The most bytes of a line, its LF included: more than glass writes, as others may.
const LONGEST_LINE: usize = 16 * super::LONGEST_LINE;

/// The latest moment of a recording; no session comes near it.
const LATEST: Duration = Duration::from_secs(366 * 86_400);

/// The terminal that was recorded, at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// How many columns it had.
    pub columns: u16,
    /// How many rows.
    pub rows: u16,
}

/// Something that happened, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// How long after the beginning.
    pub at: Duration,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The session wrote this; it may hold any escape sequence.
    Output(String),
    /// The terminal has so many columns now.
    Resized(u16),
    /// A marker with its label.
    Marker(String),
    /// Something that is not shown: what was typed, and events that this version does not know.
    Other,
}

/// A recording that is being read.
#[derive(Debug)]
pub struct Reader<R> {
    lines: R,
    line: Vec<u8>,
    number: u64,
    size: Size,
    at: Duration,
    cut: usize,
}

/// Why a recording is not read on.
#[derive(Debug)]
pub enum ReadError {
    /// The system did not give the bytes.
    File(io::Error),
    /// There is not one whole line.
    NoHeader,
    /// It is of another version of the format.
    Version(u64),
    /// A line is longer than one may be.
    TooLong(u64),
    /// A line is not what it should be.
    Malformed {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::File(_) => f.write_str("the recording cannot be read"),
            ReadError::NoHeader => f.write_str("the recording has not one whole line"),
            ReadError::Version(found) => {
                write!(f, "line 1: the recording is asciicast version {found}, version {VERSION} is what is read")
            }
            ReadError::TooLong(line) => write!(f, "line {line} of the recording is longer than {LONGEST_LINE} bytes"),
            ReadError::Malformed { line, reason } => write!(f, "line {line} of the recording is malformed: {reason}"),
        }
    }
}

impl error::Error for ReadError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            ReadError::File(source) => Some(source),
            ReadError::NoHeader | ReadError::Version(_) | ReadError::TooLong(_) | ReadError::Malformed { .. } => None,
        }
    }
}

impl<R: BufRead> Reader<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// When the first line is no header of the version that is read.
    pub fn begin(lines: R) -> Result<Self, ReadError> {
        let size = Size { columns: 0, rows: 0 };
        let mut reader = Reader { lines, line: Vec::new(), number: 0, size, at: Duration::ZERO, cut: 0 };
        if !reader.read_line()? {
            return Err(ReadError::NoHeader);
        }
        reader.size = reader.read_header()?;
        Ok(reader)
    }

    /// The terminal that was recorded, at first.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Reads what happened next; nothing at the end of the last whole line.
    ///
    /// # Errors
    /// When a line is not what it should be. There is nothing to be read after that.
    pub fn read(&mut self) -> Result<Option<Moment>, ReadError> {
        if !self.read_line()? {
            return Ok(None);
        }
        let (seconds, code, data): (f64, String, String) =
            serde_json::from_slice(&self.line).map_err(|error| self.malformed(&shown(&error)))?;
        let at = Duration::try_from_secs_f64(seconds).ok().filter(|at| *at <= LATEST);
        let at = at.ok_or_else(|| self.malformed("its time is none of a session"))?;
        if at < self.at {
            return Err(self.malformed("its time is before that of the line above"));
        }
        self.at = at;
        let what = match code.as_str() {
            "o" => What::Output(data),
            "m" => What::Marker(data),
            "r" => What::Resized(columns(&data).ok_or_else(|| self.malformed("it is no size such as 80x24"))?),
            _ => What::Other,
        };
        Ok(Some(Moment { at, what }))
    }

    /// How many bytes stand after the last whole line, once that was read.
    pub fn cut(&self) -> usize {
        self.cut
    }

    /// Reads a line without its LF; false when there is no whole one any more.
    fn read_line(&mut self) -> Result<bool, ReadError> {
        self.line.clear();
        self.number += 1;
        let most = LONGEST_LINE as u64;
        self.lines.by_ref().take(most).read_until(b'\n', &mut self.line).map_err(ReadError::File)?;
        if self.line.pop_if(|last| *last == b'\n').is_some() {
            return Ok(true);
        }
        if self.line.len() == LONGEST_LINE {
            return Err(ReadError::TooLong(self.number));
        }
        self.cut = self.line.len();
        Ok(false)
    }

    fn read_header(&self) -> Result<Size, ReadError> {
        /// Of all that a header can say. Other versions have their size elsewhere.
        #[derive(Deserialize)]
        struct Says {
            version: u64,
            width: Option<u16>,
            height: Option<u16>,
        }
        let says: Says = serde_json::from_slice(&self.line).map_err(|error| self.malformed(&shown(&error)))?;
        if says.version != u64::from(VERSION) {
            return Err(ReadError::Version(says.version));
        }
        match (says.width, says.height) {
            (Some(columns), Some(rows)) => Ok(Size { columns, rows }),
            (Some(_) | None, None) | (None, Some(_)) => Err(self.malformed("it has no `width` and `height`")),
        }
    }

    fn malformed(&self, reason: &str) -> ReadError {
        ReadError::Malformed { line: self.number, reason: reason.to_owned() }
    }
}

/// What is wrong with a line's JSON, at which of its columns. serde counts lines too, and sees one only.
fn shown(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let reason = said.split(" at line ").next().unwrap_or(&said);
    format!("{} at column {}", escaped(reason), error.column())
}

/// The columns of a size such as `80x24`.
fn columns(size: &str) -> Option<u16> {
    let (columns, rows) = size.split_once('x')?;
    rows.parse::<u16>().ok()?;
    columns.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "{\"version\":2,\"width\":80,\"height\":24,\"timestamp\":1790000000}\n";

    fn read(text: &[u8]) -> Result<(Vec<Moment>, usize), ReadError> {
        let mut reader = Reader::begin(text)?;
        let mut moments = Vec::new();
        while let Some(moment) = reader.read()? {
            moments.push(moment);
        }
        Ok((moments, reader.cut()))
    }

    fn wrong(text: &str) -> String {
        read(text.as_bytes()).expect_err(text).to_string()
    }

    #[test]
    fn what_happened_is_read_with_its_time() {
        let text = format!(
            "{HEADER}[0.5,\"o\",\"a\\u001b[1m\"]\n[0.5, \"i\", \"x\"]\n[1,\"r\",\"100x30\"]\n[2e0,\"m\",\"ls\"]\n\
             [3,\"later\",\"?\"]\n"
        );
        let (moments, cut) = read(text.as_bytes()).expect("a recording");
        let of = |seconds, what| Moment { at: Duration::from_secs_f64(seconds), what };
        let output = What::Output("a\u{1b}[1m".to_owned());
        let expected = [
            of(0.5, output),
            of(0.5, What::Other),
            of(1.0, What::Resized(100)),
            of(2.0, What::Marker("ls".to_owned())),
            of(3.0, What::Other),
        ];
        assert_eq!((moments.as_slice(), cut), (expected.as_slice(), 0));
    }

    #[test]
    fn a_recording_that_was_cut_anywhere_is_read_to_its_last_whole_line() {
        let text = format!("{HEADER}[0.5,\"o\",\"über\"]\n[0.6,\"o\",\"b\"]\n");
        let whole = read(text.as_bytes()).expect("a recording").0;
        for end in 0..text.len() {
            let lines = text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count();
            match read(&text.as_bytes()[..end]) {
                Ok((moments, cut)) => {
                    assert_eq!(moments, whole[..lines - 1]);
                    let after = text.as_bytes()[..end].iter().rev().take_while(|byte| **byte != b'\n').count();
                    assert_eq!(cut, after);
                }
                Err(error) => assert!(lines == 0 && matches!(error, ReadError::NoHeader), "{end}: {error}"),
            }
        }
    }

    #[test]
    fn a_line_that_is_not_what_it_should_be_is_named() {
        for (line, reason) in [
            ("", "EOF while parsing a value at column "),
            ("[0.1,\"o\"]", "invalid length 2, expected a tuple of size 3 at column "),
            ("[0.1,\"o\",\"a\",1]", "trailing characters at column "),
            ("[\"0.1\",\"o\",\"a\"]", "invalid type: string \"0.1\", expected f64 at column "),
            (
                "[0.1,\"o\",\"\u{1b}[2J\"]",
                "control character (\\u0000-\\u001F) found while parsing a string at column ",
            ),
            ("[0.1,\"o\",\"\\ud800\"]", "unexpected end of hex escape at column "),
            ("[-1,\"o\",\"a\"]", "its time is none of a session"),
            ("[1e300,\"o\",\"a\"]", "its time is none of a session"),
            ("[1e999,\"o\",\"a\"]", "number out of range at column "),
            ("[NaN,\"o\",\"a\"]", "expected value at column "),
            ("[0.01,\"o\",\"a\"]", "its time is before that of the line above"),
            ("[1,\"r\",\"80\"]", "it is no size such as 80x24"),
            ("[1,\"r\",\"80x99999\"]", "it is no size such as 80x24"),
            ("{\"o\":1}", "invalid type: map, expected a tuple of size 3 at column "),
        ] {
            let said = wrong(&format!("{HEADER}[0.05,\"o\",\"a\"]\n{line}\n"));
            assert!(said.starts_with(&format!("line 3 of the recording is malformed: {reason}")), "{line}: {said}");
        }
        let not_utf8 = [HEADER.as_bytes(), b"[1,\"o\",\"\xff\"]\n"].concat();
        let said = read(&not_utf8).expect_err("not UTF-8").to_string();
        assert_eq!(said, "line 2 of the recording is malformed: invalid unicode code point at column 9");
        let deep = format!("{HEADER}[1,\"o\",{}\n", "[".repeat(100_000));
        assert!(wrong(&deep).starts_with("line 2 of the recording is malformed: "));
    }

    #[test]
    fn another_version_and_what_is_no_recording_are_told() {
        let version = |found| format!("line 1: the recording is asciicast version {found}, version 2 is what is read");
        assert_eq!(wrong("{\"version\":3,\"term\":{\"cols\":80,\"rows\":24}}\n"), version(3));
        assert_eq!(wrong("{\"version\":1,\"width\":80,\"height\":24,\"stdout\":[]}\n"), version(1));
        let malformed = "line 1 of the recording is malformed: ";
        assert_eq!(wrong("{\"version\":2,\"width\":80}\n"), format!("{malformed}it has no `width` and `height`"));
        assert!(wrong("{\"version\":2,\"width\":-1,\"height\":1}\n").starts_with(malformed));
        assert!(wrong("\u{7f}ELF\n").starts_with(malformed));
        assert!(wrong("\n").starts_with(malformed));
        assert_eq!(wrong(""), "the recording has not one whole line");
    }

    /// Gives `a` for ever and counts how much was taken.
    #[derive(Debug)]
    struct Endless(u64);

    impl Read for Endless {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            bytes.fill(b'a');
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut endless = Endless(0);
        let error = Reader::begin(io::BufReader::new(&mut endless)).expect_err("no line");
        assert_eq!(error.to_string(), "line 1 of the recording is longer than 1048576 bytes");
        assert!(endless.0 < 2 << 20, "{}", endless.0);
        let mut endless = Endless(0);
        let mut reader = Reader::begin(io::BufReader::new(HEADER.as_bytes().chain(&mut endless))).expect("a header");
        assert!(matches!(reader.read(), Err(ReadError::TooLong(2))));
    }

    #[test]
    fn a_mangled_recording_never_panics() {
        let text = format!("{HEADER}[0.5,\"o\",\"a\\u001b[1mü\"]\n[0.75,\"r\",\"100x30\"]\n[1.5,\"m\",\"ls\"]\n");
        for at in 0..text.len() {
            for byte in [0, b'"', b'\\', b'\n', b'9', b']', 0xff] {
                let mut bytes = text.clone().into_bytes();
                bytes[at] = byte;
                // What is left of it is read or told; only its end is looked for.
                drop(read(&bytes));
                bytes.remove(at);
                drop(read(&bytes));
            }
        }
    }
}
