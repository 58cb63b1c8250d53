//! Makes the lines of a recording of what is seen in a session.
//!
//! Keeps the promise that the session's credentials are in none of them, and that whatever bytes a program
//! shows, each line is one that can be played.

use std::io::Write;
use std::rc::Rc;
use std::string::FromUtf8Error;
use std::time::Duration;

use super::{Header, Kind, Stream};
use crate::model::mask::{Mask, Passing};

/// How much text a line has at most: JSON takes six bytes for a byte of it at most, and a line is to stay below
/// [`super::LONGEST_LINE`].
const LONGEST_TEXT: usize = 8 * 1024;

/// A recording that is being made. Times are since its beginning.
pub struct Recorder {
    mask: Rc<Mask>,
    terminal: Flow,
    output: Flow,
    errors: Flow,
    typed: Flow,
    lines: Lines,
}

impl Recorder {
    /// Begins a recording.
    pub fn new(mask: Rc<Mask>, header: &Header) -> Recorder {
        let mut lines = Lines::default();
        lines.put(header);
        let [terminal, output, errors, typed] = Default::default();
        Recorder { mask, terminal, output, errors, typed, lines }
    }

    /// Something was shown.
    pub fn shown(&mut self, at: Duration, stream: Stream, bytes: &[u8]) {
        let flow = match stream {
            Stream::Terminal => &mut self.terminal,
            Stream::Output => &mut self.output,
            Stream::Errors => &mut self.errors,
        };
        let held = flow.passing.held();
        let released = flow.passing.pass(&self.mask, bytes);
        // What was held back is told with the time at which it came.
        let (old, new) = released.split_at(held.min(released.len()));
        for (at, bytes) in [(flow.held_since, old), (at, new)] {
            self.lines.output(at, stream, flow.text.take(bytes));
        }
        if held <= released.len() {
            flow.held_since = at;
        }
    }

    /// Something was typed. Nothing of it is held back, so that it comes before what it leads to.
    pub fn typed(&mut self, at: Duration, bytes: &[u8]) {
        self.settle();
        let mut text = self.typed.text.take(self.typed.passing.pass(&self.mask, bytes)).to_owned();
        text.push_str(self.typed.text.take(self.typed.passing.release()));
        self.lines.event(at, Kind::Input, &text);
    }

    /// The terminal has another size.
    pub fn resized(&mut self, at: Duration, columns: u16, rows: u16) {
        self.lines.event(at, Kind::Size, &format!("{columns}x{rows}"));
    }

    /// Marks a place; a long name is cut.
    pub fn mark(&mut self, at: Duration, name: &str) {
        let name = self.mask.text(name);
        self.lines.event(at, Kind::Marker, &name[..name.floor_char_boundary(LONGEST_TEXT)]);
    }

    /// Since when something is held back, if anything is.
    pub fn held_since(&self) -> Option<Duration> {
        let flows = [&self.terminal, &self.output, &self.errors];
        flows.into_iter().filter(|flow| flow.passing.held() > 0).map(|flow| flow.held_since).min()
    }

    /// Releases what is held back: nothing has come for a while that makes a value of it.
    pub fn settle(&mut self) {
        self.each_flow(|flow| flow.text.take(flow.passing.release()));
    }

    /// Releases everything: nothing more will come.
    pub fn finish(&mut self) {
        self.settle();
        self.each_flow(|flow| flow.text.finish());
    }

    fn each_flow(&mut self, text: fn(&mut Flow) -> &str) {
        let Recorder { terminal, output, errors, lines, .. } = self;
        for (stream, flow) in [(Stream::Terminal, terminal), (Stream::Output, output), (Stream::Errors, errors)] {
            let at = flow.held_since;
            lines.output(at, stream, text(flow));
        }
    }

    /// The lines that were made since they were last forgotten, whole ones.
    pub fn lines(&self) -> &[u8] {
        &self.lines.bytes
    }

    /// Forgets the lines that were made. Their room is kept: new memory for every read costs more than all else.
    pub fn forget_lines(&mut self) {
        self.lines.bytes.clear();
    }
}

/// What one stream has.
#[derive(Default)]
struct Flow {
    passing: Passing,
    text: Text,
    held_since: Duration,
}

/// Bytes that become text. What is no UTF-8 becomes U+FFFD, as terminals show it.
#[derive(Default)]
struct Text {
    /// The beginning of a character whose end has not come.
    begun: Vec<u8>,
    whole: String,
}

impl Text {
    /// Takes more bytes; the text of what is whole.
    fn take(&mut self, bytes: &[u8]) -> &str {
        let mut whole = std::mem::take(&mut self.whole).into_bytes();
        whole.clear();
        whole.append(&mut self.begun);
        whole.extend_from_slice(bytes);
        let length = whole.len() - begun(&whole);
        self.begun.extend_from_slice(&whole[length..]);
        whole.truncate(length);
        let lossy = |error: FromUtf8Error| String::from_utf8_lossy(error.as_bytes()).into_owned();
        self.whole = String::from_utf8(whole).unwrap_or_else(lossy);
        &self.whole
    }

    /// What is left of a character whose end never came.
    fn finish(&mut self) -> &str {
        self.whole = String::from_utf8_lossy(&std::mem::take(&mut self.begun)).into_owned();
        &self.whole
    }
}

/// How many bytes at the end are the beginning of a character.
fn begun(bytes: &[u8]) -> usize {
    let begins = |count: &usize| {
        let end = std::str::from_utf8(&bytes[bytes.len() - count..]);
        end.is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    };
    (1..=bytes.len().min(3)).find(begins).unwrap_or(0)
}

/// Lines that were made.
#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
    /// The time of the last event. None is before it.
    last: Duration,
}

impl Lines {
    fn put(&mut self, json: &impl serde::Serialize) {
        serde_json::to_writer(&mut self.bytes, json).expect("it has only texts and numbers");
        self.bytes.push(b'\n');
    }

    fn output(&mut self, at: Duration, stream: Stream, text: &str) {
        match stream {
            Stream::Terminal => self.event(at, Kind::Output, text),
            // A terminal's driver makes two characters of a line's end, which players expect.
            Stream::Output | Stream::Errors => self.event(at, Kind::Output, &text.replace('\n', "\r\n")),
        }
    }

    fn event(&mut self, at: Duration, kind: Kind, mut text: &str) {
        self.last = self.last.max(at);
        while !text.is_empty() {
            let (piece, rest) = text.split_at(text.floor_char_boundary(LONGEST_TEXT));
            let (seconds, micros) = (self.last.as_secs(), self.last.subsec_micros());
            write!(self.bytes, "[{seconds}.{micros:06},\"{}\",", kind.code()).expect("memory takes what is written");
            serde_json::to_writer(&mut self.bytes, piece).expect("it is a text");
            self.bytes.extend_from_slice(b"]\n");
            text = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::recording::{LONGEST_LINE, VERSION};
    use crate::model::secret::Secret;
    use crate::model::session::Credentials;

    const KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    fn recorder() -> Recorder {
        let mask = Mask::of(&Credentials {
            access_key_id: "ASIAY34FZKBOKMUTVV7A".into(),
            secret_access_key: Secret::new(KEY.into()),
            session_token: Secret::new("IQoJb3JpZ2luX2VjEDoaCXVzLWVhc3QtMSJHMEUCIQDK".into()),
        });
        let header = Header { version: VERSION, width: 80, height: 24, timestamp: 1, title: "a \"title\"".into() };
        Recorder::new(Rc::new(mask), &header)
    }

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    /// The lines behind the header, each as the JSON that it is.
    fn events(recorder: &mut Recorder) -> Vec<Value> {
        let lines = recorder.lines();
        assert_eq!(lines.last(), Some(&b'\n'));
        let lines = lines.split_inclusive(|byte| *byte == b'\n').inspect(|line| assert!(line.len() < LONGEST_LINE));
        let mut values = lines.map(|line| serde_json::from_slice(line).unwrap());
        assert_eq!(
            values.next(),
            Some(json!({"version": 2, "width": 80, "height": 24, "timestamp": 1, "title": "a \"title\""}))
        );
        values.collect()
    }

    /// All that was shown.
    fn text(events: &[Value]) -> String {
        events.iter().filter(|event| event[1] == "o").map(|event| event[2].as_str().unwrap()).collect()
    }

    #[test]
    fn each_kind_of_event_is_a_line_of_its_own() {
        let mut recorder = recorder();
        recorder.mark(ms(0), "start");
        recorder.shown(ms(1), Stream::Terminal, b"\x1b[1m$ \"\\\r\n\x07\x7f");
        recorder.typed(ms(1500), b"ls\r");
        recorder.resized(ms(61_000), 120, 40);
        let expected = [
            json!([0.0, "m", "start"]),
            json!([0.001, "o", "\u{1b}[1m$ \"\\\r\n\u{7}\u{7f}"]),
            json!([1.5, "i", "ls\r"]),
            json!([61.0, "r", "120x40"]),
        ];
        assert_eq!(events(&mut recorder), expected);
    }

    #[test]
    fn credentials_are_stars_in_every_kind_of_event_however_they_come() {
        for size in [1, 3, 11, KEY.len()] {
            let mut recorder = recorder();
            for piece in KEY.as_bytes().chunks(size) {
                recorder.shown(ms(0), Stream::Terminal, piece);
                recorder.shown(ms(0), Stream::Output, piece);
                recorder.shown(ms(0), Stream::Errors, piece);
            }
            recorder.finish();
            assert_eq!(text(&events(&mut recorder)), "*".repeat(3 * KEY.len()), "pieces of {size}");
        }
        let mut recorder = recorder();
        recorder.typed(ms(0), KEY.as_bytes());
        recorder.mark(ms(0), &format!("echo {KEY}"));
        let stars = "*".repeat(KEY.len());
        let expected = [json!([0.0, "i", stars]), json!([0.0, "m", format!("echo {stars}")])];
        assert_eq!(events(&mut recorder), expected);
    }

    #[test]
    fn what_was_held_back_is_told_with_its_own_time_and_none_is_before_another() {
        let mut recorder = recorder();
        recorder.shown(ms(1000), Stream::Terminal, b"$ w");
        assert_eq!(recorder.held_since(), Some(ms(1000)));
        recorder.shown(ms(2000), Stream::Terminal, b"!");
        assert_eq!(recorder.held_since(), None);
        recorder.shown(ms(3000), Stream::Terminal, b"v w");
        recorder.mark(ms(4000), "later");
        recorder.settle();
        let expected = [
            json!([1.0, "o", "$ "]),
            json!([1.0, "o", "w"]),
            json!([2.0, "o", "!"]),
            json!([3.0, "o", "v "]),
            json!([4.0, "m", "later"]),
            json!([4.0, "o", "w"]),
        ];
        assert_eq!(events(&mut recorder), expected);
    }

    #[test]
    fn a_character_that_is_split_is_joined_and_bytes_that_are_none_are_replaced() {
        let shown = "\u{e9} \u{20ac} \u{1f512} \u{fffd}!";
        for size in 1..shown.len() {
            let mut recorder = recorder();
            for piece in shown.as_bytes().chunks(size) {
                recorder.shown(ms(0), Stream::Terminal, piece);
            }
            assert_eq!(text(&events(&mut recorder)), shown, "pieces of {size}");
        }
        for (bytes, expected) in [
            (b"\xff\xfe".as_slice(), "\u{fffd}\u{fffd}"),
            (b"\xe2\x82A", "\u{fffd}A"),
            (b"\xed\xa0\x80", "\u{fffd}\u{fffd}\u{fffd}"),
            (b"A\xf0\x9f\x94", "A\u{fffd}"),
            (b"\x80\x80\x80\x80\x80", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
        ] {
            let mut recorder = recorder();
            recorder.shown(ms(0), Stream::Terminal, bytes);
            recorder.finish();
            assert_eq!(text(&events(&mut recorder)), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_flood_of_any_bytes_makes_lines_of_bounded_length() {
        for byte in [0, b'"', b'\n', b'x', 0x80, 0xc3] {
            let mut recorder = recorder();
            recorder.shown(ms(0), Stream::Terminal, &[byte; 64 * 1024]);
            recorder.shown(ms(0), Stream::Output, &[byte; 64 * 1024]);
            recorder.mark(ms(0), &char::from(byte).to_string().repeat(64 * 1024));
            recorder.finish();
            let events = events(&mut recorder);
            assert!(text(&events).chars().count() >= 128 * 1024, "{byte}");
        }
    }

    #[test]
    fn a_line_that_ends_outside_a_terminal_begins_at_the_left_all_the_same() {
        let mut recorder = recorder();
        recorder.shown(ms(0), Stream::Output, b"one\ntwo\n");
        recorder.shown(ms(0), Stream::Terminal, b"one\ntwo\r\n");
        assert_eq!(text(&events(&mut recorder)), "one\r\ntwo\r\none\ntwo\r\n");
    }
}
