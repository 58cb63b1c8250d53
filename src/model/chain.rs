//! The chain: how an entry of the ledger is written, and what makes a row of them believable.
//!
//! Keeps the promise that an entry cannot be edited, dropped, swapped or slipped in unseen: each line
//! carries the hash of the one before. Rules: section 1 of `docs/formats.md`. Files are the host's.

pub mod entry;
pub mod head;
mod json;
pub mod origin;
pub mod piece;
pub mod signed;
pub mod state;
pub mod verify;
pub mod walk;

use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use super::event::Event;
use super::name::{Digest, Id, PersonName};
use super::text::is_hostile;
use super::time::{BootTime, Timestamp};

/// The longest line, its LF included.
pub const LONGEST_LINE: usize = 65_535;

/// The hash that stands before the first entry of a ledger.
pub fn genesis(origin: &str) -> Digest {
    Digest::of(format!("glass-ledger-v1\n{origin}\n").as_bytes())
}

/// When, where and by which process an entry is written.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// The wall clock.
    pub at: Timestamp,
    /// The clock since boot.
    pub mono: BootTime,
    /// The id of this boot.
    pub boot: String,
    /// The machine's name.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// The real user id.
    pub uid: u32,
}

/// What an entry says, apart from when and where.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// Who, once that is known.
    pub who: Option<&'a PersonName>,
    /// The session it belongs to.
    pub session: Option<&'a Id>,
    /// What happened.
    pub event: &'a Event,
}

/// The fields of an entry, in the order they are stored.
#[derive(Serialize)]
struct Fields<'a> {
    v: u8,
    seq: u64,
    prev: Digest,
    ts: String,
    mono: String,
    boot: &'a str,
    host: &'a str,
    pid: u32,
    uid: u32,
    who: &'a str,
    ev: &'a str,
    session: &'a str,
    d: &'a Event,
}

/// Writes entry number `seq`, which follows the line whose hash is `prev`, with its LF.
///
/// # Errors
/// With its length, when the line would be longer than [`LONGEST_LINE`].
pub fn line(seq: u64, prev: Digest, stamp: &Stamp, said: Said<'_>) -> Result<Vec<u8>, usize> {
    let fields = Fields {
        v: 1,
        seq,
        prev,
        ts: stamp.at.to_micros_text(),
        mono: stamp.mono.0.to_string(),
        boot: &stamp.boot,
        host: &stamp.host,
        pid: stamp.pid,
        uid: stamp.uid,
        who: said.who.map_or("", PersonName::as_str),
        ev: said.event.name(),
        session: said.session.map_or("", Id::as_str),
        d: said.event,
    };
    let mut line = Vec::with_capacity(512);
    let mut serializer = Serializer::with_formatter(&mut line, Visible);
    fields.serialize(&mut serializer).expect("every field is text, a number, or a list of these");
    line.push(b'\n');
    if line.len() > LONGEST_LINE { Err(line.len()) } else { Ok(line) }
}

/// JSON without white space in which every character that could steer a terminal is escaped, so that stored
/// entries can be shown as they are.
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: io::Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((place, hostile)) = rest.char_indices().find(|(_, character)| is_hostile(*character)) {
            writer.write_all(&rest.as_bytes()[..place])?;
            for unit in hostile.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[place + hostile.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp() -> Stamp {
        Stamp {
            at: Timestamp::from_micros(1_769_825_580_000_042),
            mono: BootTime(7),
            boot: "b05b68d6-8b9b-4ffe-a67a-6c3d5323b3e5".into(),
            host: "laptop".into(),
            pid: 4242,
            uid: 1000,
        }
    }

    #[test]
    fn a_line_has_its_keys_in_order_and_ends_with_lf() {
        let event = Event::RunStart { command: "list".into(), args: vec!["--json".into()] };
        let said = Said { who: None, session: None, event: &event };
        let line = line(3, genesis("o"), &stamp(), said).expect("short");
        let expected = format!(
            "{{\"v\":1,\"seq\":3,\"prev\":\"{}\",\"ts\":\"2026-01-31T02:13:00.000042Z\",\"mono\":\"7\",\
             \"boot\":\"b05b68d6-8b9b-4ffe-a67a-6c3d5323b3e5\",\"host\":\"laptop\",\"pid\":4242,\"uid\":1000,\
             \"who\":\"\",\"ev\":\"run.start\",\"session\":\"\",\"d\":{{\"command\":\"list\",\"args\":[\"--json\"]}}}}\n",
            genesis("o")
        );
        assert_eq!(String::from_utf8(line), Ok(expected));
    }

    #[test]
    fn what_could_steer_a_terminal_is_escaped_and_means_the_same() {
        let text = "\u{1b}[2J \u{9b}2J \u{202e}evil\u{e0041} é\n";
        let event = Event::RunStart { command: text.into(), args: vec![] };
        let line = line(0, genesis("o"), &stamp(), Said { who: None, session: None, event: &event }).expect("short");
        let line = String::from_utf8(line).expect("UTF-8");
        assert!(line.contains(r"\u001b[2J \u009b2J \u202eevil\udb40\udc41 é\n"), "{line}");
        let entry = entry::Entry::parse(line.as_bytes()).expect("an entry");
        let read: serde_json::Value = serde_json::from_str(entry.d).expect("JSON");
        assert_eq!(read["command"], text);
    }

    #[test]
    fn a_line_over_the_limit_is_refused_with_its_length() {
        let event = Event::RunStart { command: "x".repeat(LONGEST_LINE), args: vec![] };
        let said = Said { who: None, session: None, event: &event };
        assert!(line(0, genesis("o"), &stamp(), said).is_err_and(|bytes| bytes > LONGEST_LINE));
    }

    #[test]
    fn genesis_is_what_the_format_says() {
        // printf 'glass-ledger-v1\n%s\n' glass/-/h/u/0123abcd | sha256sum
        let expected = "db3d69e2bd7d019004484dec984c642110e87dfa1f1365560804aafe057d9074";
        assert_eq!(genesis("glass/-/h/u/0123abcd").to_string(), expected);
    }
}
