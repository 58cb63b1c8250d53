//! One line of the ledger, read strictly: what is not exactly an entry is none.

use std::fmt;

use serde::Deserialize;

use super::LONGEST_LINE;
use super::json::Reader;
use crate::model::name::Digest;
use crate::model::text::escaped;

/// An entry, as it lies in its line. Texts are between their quotes as stored.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its number, from 0.
    pub seq: u64,
    /// What it says the hash of the line before is, 64 hex digits.
    pub prev: &'a str,
    /// The wall clock, RFC 3339 with microseconds.
    pub ts: &'a str,
    /// The process that wrote it.
    pub pid: u64,
    /// Who, or nothing.
    pub who: &'a str,
    /// The name of the event.
    pub ev: &'a str,
    /// The session, or nothing.
    pub session: &'a str,
    /// The details, a JSON object.
    pub d: &'a str,
}

/// Why a line is no entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryError {
    /// The line does not end with LF.
    Unfinished(usize),
    /// The line is longer than one may be.
    TooLong(usize),
    /// The line is not UTF-8.
    NotUtf8(usize),
    /// Something else stands where this was expected.
    Expected {
        /// What was expected.
        what: &'static str,
        /// The byte of the line, from 0.
        at: usize,
        /// What is there.
        found: String,
    },
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EntryError::Unfinished(bytes) => write!(f, "the line of {bytes} bytes does not end with LF"),
            EntryError::TooLong(bytes) => write!(f, "the line is longer than {LONGEST_LINE} bytes: {bytes} or more"),
            EntryError::NotUtf8(at) => write!(f, "the line is not UTF-8 at byte {at}"),
            EntryError::Expected { what, at, found } => {
                write!(f, "expected {what} at byte {at}, found `{}`", escaped(found))
            }
        }
    }
}

impl std::error::Error for EntryError {}

impl<'a> Entry<'a> {
    /// Reads a line with its LF.
    ///
    /// # Errors
    /// When it is anything but an entry: keys in their order, no white space, no key twice.
    pub fn parse(line: &'a [u8]) -> Result<Self, EntryError> {
        if line.len() > LONGEST_LINE {
            return Err(EntryError::TooLong(line.len()));
        }
        let Some((b'\n', text)) = line.split_last() else {
            return Err(EntryError::Unfinished(line.len()));
        };
        let text = std::str::from_utf8(text).map_err(|error| EntryError::NotUtf8(error.valid_up_to()))?;
        let mut reader = Reader::new(text);
        read(&mut reader).map_err(|what| {
            let found = text.get(reader.at()..).unwrap_or_default().chars().take(24).collect();
            EntryError::Expected { what, at: reader.at(), found }
        })
    }

    /// What the first entry of a ledger says of it, if this is one.
    pub fn opened(&self) -> Option<Opened> {
        if self.ev == "ledger.open" { serde_json::from_str(self.d).ok() } else { None }
    }
}

fn read<'a>(reader: &mut Reader<'a>) -> Result<Entry<'a>, &'static str> {
    reader.literal("{\"v\":1,\"seq\":")?;
    let seq = reader.number()?;
    reader.literal(",\"prev\":")?;
    let prev = checked(reader, "a SHA-256 in lower-case hex", is_hash)?;
    reader.literal(",\"ts\":")?;
    let ts = checked(reader, "a time with microseconds, in UTC", is_time)?;
    reader.literal(",\"mono\":")?;
    checked(reader, "nanoseconds as a string", |t| {
        (1..=20).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit())
    })?;
    reader.literal(",\"boot\":")?;
    checked(reader, "the id of a boot", |t| !t.is_empty() && is_plain(t))?;
    reader.literal(",\"host\":")?;
    reader.string()?;
    reader.literal(",\"pid\":")?;
    let pid = reader.number()?;
    reader.literal(",\"uid\":")?;
    reader.number()?;
    reader.literal(",\"who\":")?;
    let who = checked(reader, "a person", is_plain)?;
    reader.literal(",\"ev\":")?;
    let ev = checked(reader, "an event", |t| !t.is_empty() && is_plain(t))?;
    reader.literal(",\"session\":")?;
    let session = checked(reader, "a session", is_plain)?;
    reader.literal(",\"d\":")?;
    let d = reader.object()?;
    reader.literal("}")?;
    reader.end()?;
    Ok(Entry { seq, prev, ts, pid, who, ev, session, d })
}

fn checked<'a>(reader: &mut Reader<'a>, what: &'static str, valid: fn(&str) -> bool) -> Result<&'a str, &'static str> {
    let text = reader.string()?;
    if valid(text) { Ok(text) } else { Err(what) }
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && consists_of(text, |b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'))
}

fn is_plain(text: &str) -> bool {
    consists_of(text, |b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// Looks at every byte, also after a wrong one: so many are looked at at once.
fn consists_of(text: &str, valid: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(true, |all, byte| all & valid(byte))
}

fn is_time(text: &str) -> bool {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00.000000Z";
    let shaped = text.len() == SHAPE.len()
        && text.bytes().zip(SHAPE).all(|(b, shape)| if *shape == b'0' { b.is_ascii_digit() } else { b == *shape });
    let within = |range: std::ops::Range<usize>, least: &str, most: &str| (least..=most).contains(&&text[range]);
    shaped
        && within(5..7, "01", "12")
        && within(8..10, "01", "31")
        && within(11..13, "00", "23")
        && within(14..16, "00", "59")
        && within(17..19, "00", "60")
}

/// What `ledger.open` says: whose ledger this is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Opened {
    /// The origin.
    pub origin: String,
    /// SHA-256 of the machine id.
    machine: String,
}

impl Opened {
    /// SHA-256 of the machine id.
    pub fn machine(&self) -> Option<Digest> {
        Digest::parse(&self.machine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = concat!(
        r#"{"v":1,"seq":3,"prev":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","#,
        r#""ts":"2026-01-31T02:13:00.000042Z","mono":"7","boot":"b05b68d6-8b9b","host":"h\u00e9","pid":1,"uid":0,"#,
        r#""who":"alice","ev":"some.future","session":"","d":{"x":[1]}}"#
    );

    fn parse(text: &str) -> Result<(), EntryError> {
        Entry::parse(format!("{text}\n").as_bytes()).map(drop)
    }

    #[test]
    fn an_entry_of_an_unknown_event_is_read() {
        let line = format!("{GOOD}\n");
        let entry = Entry::parse(line.as_bytes()).expect("an entry");
        assert_eq!((entry.seq, entry.who, entry.ev, entry.d), (3, "alice", "some.future", r#"{"x":[1]}"#));
        assert_eq!(entry.opened(), None);
    }

    #[test]
    fn what_is_not_exactly_an_entry_is_none() {
        for (from, to) in [
            ("\"v\":1", "\"v\":2"),
            ("\"seq\":3", "\"seq\":03"),
            ("\"seq\":3", "\"seq\":-3"),
            ("\"seq\":3", "\"seq\":3.0"),
            ("\"seq\":3", "\"seq\":18446744073709551616"),
            ("\"seq\":3", "\"seq\": 3"),
            ("ba7816", "BA7816"),
            ("ba7816", "a7816"),
            ("000042Z", "042Z"),
            ("000042Z", "000042+00:00"),
            ("2026-01", "2026-13"),
            ("T02:13", "T24:13"),
            ("\"mono\":\"7\"", "\"mono\":7"),
            ("\"mono\":\"7\"", "\"mono\":\"-7\""),
            ("\"pid\":1,\"uid\":0", "\"uid\":0,\"pid\":1"),
            ("\"pid\":1,", "\"pid\":1,\"pid\":1,"),
            ("\"who\":\"alice\",", ""),
            ("some.future", "some\\u002efuture"),
            ("some.future", ""),
            ("{\"x\":[1]}", "[1]"),
            ("{\"x\":[1]}", "{\"x\":1,\"x\":1}"),
            ("{\"x\":[1]}}", "{\"x\":[1]}} "),
            ("{\"x\":[1]}}", "{\"x\":[1]},\"y\":1}"),
            ("{\"x\":[1]}}", "{\"x\":[1]}"),
        ] {
            let wrong = GOOD.replacen(from, to, 1);
            assert_ne!(wrong, GOOD, "{from}");
            assert!(matches!(parse(&wrong), Err(EntryError::Expected { .. })), "{wrong}");
        }
        assert!(parse(&format!("{GOOD}\r")).is_err());
    }

    #[test]
    fn a_line_without_lf_or_not_utf8_or_too_long_is_none() {
        assert_eq!(Entry::parse(GOOD.as_bytes()).err(), Some(EntryError::Unfinished(GOOD.len())));
        assert_eq!(Entry::parse(b"").err(), Some(EntryError::Unfinished(0)));
        assert_eq!(Entry::parse(b"{\"v\xff\n").err(), Some(EntryError::NotUtf8(3)));
        let long = GOOD.replace("[1]", &format!("\"{}\"", "x".repeat(LONGEST_LINE)));
        assert!(matches!(parse(&long), Err(EntryError::TooLong(_))));
    }
}
