//! Which part of a recording is wanted: from one place to another.
//!
//! A place is a time, the number of a marker, or a text that a marker's label contains.

use std::io::BufRead;
use std::time::Duration;
use std::{error, fmt};

use super::read::{Moment, ReadError, Reader, What};
use crate::model::text::escaped;

/// A place in a recording, as a person names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// So long after the beginning: `90`, `12.5`, `01:30`, `1:00:00`.
    Time(Duration),
    /// The marker of this number, from 1: `#3`.
    Marker(u64),
    /// The first marker whose label contains this.
    Label(String),
}

/// The moments of a recording that are wanted, by their number from 0; the last is not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub first: u64,
    /// The first that is not wanted any more.
    pub end: u64,
}

/// A text that is no place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceError(String);

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = escaped(&self.0);
        write!(f, "`{text}` is neither a time (90, 01:30, 1:00:00), nor a marker (#3, or words of its label)")
    }
}

impl error::Error for PlaceError {}

/// Why a recording has no such part.
#[derive(Debug)]
pub enum SpanError {
    /// It cannot be read so far.
    Read(ReadError),
    /// It ends before that time.
    Ended(Duration),
    /// It has only so many markers.
    NoMarker {
        /// The number that was wanted.
        wanted: u64,
        /// How many there are.
        markers: u64,
    },
    /// No marker's label contains this.
    NoLabel(String),
    /// The part would end before it begins.
    Backwards,
}

impl fmt::Display for SpanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpanError::Read(error) => error.fmt(f),
            SpanError::Ended(at) => write!(f, "the recording ends before that, after {:.1} s", at.as_secs_f64()),
            SpanError::NoMarker { wanted, markers } => {
                write!(f, "the recording has no marker #{wanted}: it has {markers}")
            }
            SpanError::NoLabel(text) => write!(f, "no marker of the recording contains `{}`", escaped(text)),
            SpanError::Backwards => f.write_str("that part of the recording ends before it begins"),
        }
    }
}

impl error::Error for SpanError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            SpanError::Read(error) => error.source(),
            SpanError::Ended(_) | SpanError::NoMarker { .. } | SpanError::NoLabel(_) | SpanError::Backwards => None,
        }
    }
}

impl Place {
    /// Reads a place; what is no number is a label.
    ///
    /// # Errors
    /// When it looks like a time or a number and is none.
    pub fn parse(text: &str) -> Result<Place, PlaceError> {
        let wrong = || PlaceError(text.to_owned());
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.strip_prefix('#').filter(|number| digits(number)) {
            Some(number) => number.parse().ok().filter(|number| *number > 0).map(Place::Marker).ok_or_else(wrong),
            None if text.trim().is_empty() => Err(wrong()),
            None if text.bytes().all(|byte| byte.is_ascii_digit() || b":.".contains(&byte)) => seconds(text)
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                .map(Place::Time)
                .ok_or_else(wrong),
            None => Ok(Place::Label(text.to_owned())),
        }
    }

    /// What it means that the recording has ended without it.
    fn missed(&self, markers: u64, at: Duration) -> SpanError {
        match self {
            Place::Time(_) => SpanError::Ended(at),
            Place::Marker(wanted) => SpanError::NoMarker { wanted: *wanted, markers },
            Place::Label(text) => SpanError::NoLabel(text.clone()),
        }
    }
}

/// Seconds, minutes and seconds, or hours, minutes and seconds.
fn seconds(text: &str) -> Option<f64> {
    let parts: Vec<&str> = text.split(':').collect();
    let (last, whole) = parts.split_last()?;
    if whole.len() > 2 || !last.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let mut all = 0.0;
    for part in whole {
        all = (all + f64::from(part.parse::<u16>().ok()?)) * 60.0;
    }
    let last: f64 = last.parse().ok()?;
    let within = |part: f64| whole.is_empty() || part < 60.0;
    let minutes_within = whole.len() < 2 || whole[1].parse::<u16>().is_ok_and(|minutes| minutes < 60);
    (within(last) && minutes_within).then_some(all + last)
}

impl Span {
    /// Reads a recording until both places are found; nothing stands for its beginning and its end.
    ///
    /// # Errors
    /// When it has no such part, or cannot be read so far.
    pub fn find<R: BufRead>(
        reader: &mut Reader<R>,
        from: Option<&Place>,
        until: Option<&Place>,
    ) -> Result<Span, SpanError> {
        let mut first = if from.is_none() { Some(0) } else { None };
        let mut end = if until.is_none() { Some(u64::MAX) } else { None };
        let (mut number, mut markers, mut at) = (0, 0, Duration::ZERO);
        while first.is_none() || end.is_none() {
            let Some(moment) = reader.read().map_err(SpanError::Read)? else { break };
            at = moment.at;
            markers += u64::from(matches!(moment.what, What::Marker(_)));
            // A label at which it ends is one after that at which it begins.
            let looks = first.is_some() || !matches!(until, Some(Place::Label(_)));
            if end.is_none() && looks && until.is_some_and(|until| until.ends_before(&moment, markers)) {
                end = Some(number);
            }
            if first.is_none() && from.is_some_and(|from| from.begins_with(&moment, markers)) {
                first = Some(number);
            }
            number += 1;
        }
        let first = match (first, from) {
            (Some(first), _) => first,
            (None, Some(from)) => return Err(from.missed(markers, at)),
            (None, None) => 0,
        };
        let end = match (end, until) {
            (Some(end), _) => end,
            // What ends before that time is wanted to its end.
            (None, Some(Place::Time(_)) | None) => u64::MAX,
            (None, Some(until)) => return Err(until.missed(markers, at)),
        };
        if first < end { Ok(Span { first, end }) } else { Err(SpanError::Backwards) }
    }
}

impl Place {
    fn begins_with(&self, moment: &Moment, markers: u64) -> bool {
        match self {
            Place::Time(time) => moment.at >= *time,
            Place::Marker(_) | Place::Label(_) => self.is_marker(moment, markers),
        }
    }

    fn ends_before(&self, moment: &Moment, markers: u64) -> bool {
        match self {
            Place::Time(time) => moment.at > *time,
            Place::Marker(_) | Place::Label(_) => self.is_marker(moment, markers),
        }
    }

    fn is_marker(&self, moment: &Moment, markers: u64) -> bool {
        let What::Marker(label) = &moment.what else { return false };
        match self {
            Place::Time(_) => false,
            Place::Marker(number) => *number == markers,
            Place::Label(text) => label.contains(text.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDING: &str = "{\"version\":2,\"width\":80,\"height\":24}\n[0,\"o\",\"a\"]\n[1,\"m\",\"ls -l\"]\n[2,\"o\",\"b\"]\n\
                             [3,\"m\",\"make all\"]\n[4,\"o\",\"c\"]\n[5,\"m\",\"ls\"]\n[5.5,\"o\",\"d\"]\n";

    fn find(from: &str, until: &str) -> Result<(u64, u64), String> {
        let place = |text: &str| (!text.is_empty()).then(|| Place::parse(text).expect("a place"));
        let mut reader = Reader::begin(RECORDING.as_bytes()).expect("a recording");
        let span = Span::find(&mut reader, place(from).as_ref(), place(until).as_ref());
        span.map(|span| (span.first, span.end)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_place_is_a_time_a_number_or_a_label() {
        let time = |seconds| Ok(Place::Time(Duration::from_secs_f64(seconds)));
        assert_eq!(Place::parse("0"), time(0.0));
        assert_eq!(Place::parse("90"), time(90.0));
        assert_eq!(Place::parse("12.5"), time(12.5));
        assert_eq!(Place::parse("01:30"), time(90.0));
        assert_eq!(Place::parse("90:00"), time(5400.0));
        assert_eq!(Place::parse("1:00:00.5"), time(3600.5));
        assert_eq!(Place::parse("#3"), Ok(Place::Marker(3)));
        assert_eq!(Place::parse("#include"), Ok(Place::Label("#include".into())));
        assert_eq!(Place::parse("10s"), Ok(Place::Label("10s".into())));
        for wrong in
            ["", " ", "#0", "1:2:3:4", "1:60", "1:60:00", ":30", "30:", "1..2", ".", ".5", "#99999999999999999999"]
        {
            assert!(Place::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_part_that_is_wanted_is_found() {
        const END: u64 = u64::MAX;
        for (from, until, expected) in [
            ("", "", (0, END)),
            ("2", "", (2, END)),
            ("1.5", "00:04", (2, 5)),
            ("#2", "", (3, END)),
            ("make", "", (3, END)),
            ("ls", "", (1, END)),
            ("#1", "#2", (1, 3)),
            ("ls", "ls", (1, 5)),
            ("", "make", (0, 3)),
            ("#3", "99", (5, END)),
        ] {
            assert_eq!(find(from, until), Ok(expected), "{from} {until}");
        }
    }

    #[test]
    fn a_part_that_is_not_there_is_told() {
        for (from, until, expected) in [
            ("6", "", "the recording ends before that, after 5.5 s"),
            ("#4", "", "the recording has no marker #4: it has 3"),
            ("", "#9", "the recording has no marker #9: it has 3"),
            ("rm", "", "no marker of the recording contains `rm`"),
            ("make", "make", "no marker of the recording contains `make`"),
            ("#2", "#1", "that part of the recording ends before it begins"),
            ("#2", "#2", "that part of the recording ends before it begins"),
            ("4", "2", "that part of the recording ends before it begins"),
        ] {
            assert_eq!(find(from, until), Err(expected.to_owned()), "{from} {until}");
        }
    }
}
