//! Moments and lengths of time, and the texts they have in files.
//!
//! Wall-clock moments are [`Timestamp`]s; deadlines are [`BootTime`]s, which go on
//! while the machine sleeps and do not move when somebody sets the clock.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The longest session there is, for every profile of every catalogue.
pub const LONGEST_SESSION: Duration = Duration::from_secs(3600);

/// The shortest session that STS gives (`DurationSeconds` ≥ 900).
pub const SHORTEST_SESSION: Duration = Duration::from_secs(900);

/// A moment by the wall clock, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Makes a moment from microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Timestamp(micros)
    }

    /// Makes a moment from whole seconds since 1970.
    pub const fn from_seconds(seconds: i64) -> Self {
        Timestamp(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since 1970.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Reads RFC 3339 text, with a `T` between date and time.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let wrong = || TimeError::Moment(text.to_owned());
        // The parser takes any character there, one that steers a terminal too.
        if text.as_bytes().get(10) != Some(&b'T') {
            return Err(wrong());
        }
        let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| wrong())?;
        i64::try_from(moment.unix_timestamp_nanos() / 1000).map(Timestamp).map_err(|_| wrong())
    }

    /// `YYYY-MM-DDTHH:MM:SS.ffffffZ`, as ledger entries have it.
    pub fn to_micros_text(self) -> String {
        let micros = self.0.rem_euclid(1_000_000);
        let whole = self.to_seconds_text();
        format!("{}.{micros:06}Z", whole.trim_end_matches('Z'))
    }

    /// `YYYY-MM-DDTHH:MM:SSZ`, exactly what every AWS SDK accepts as `Expiration`.
    pub fn to_seconds_text(self) -> String {
        let moment = OffsetDateTime::from_unix_timestamp(self.seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            moment.year(),
            u8::from(moment.month()),
            moment.day(),
            moment.hour(),
            moment.minute(),
            moment.second()
        )
    }

    /// The moment `length` later.
    #[must_use]
    pub fn plus(self, length: Duration) -> Self {
        Timestamp(self.0.saturating_add(i64::try_from(length.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_seconds_text())
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_seconds_text())
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Timestamp::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A moment since the machine was started, in nanoseconds, sleep included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BootTime(pub u64);

impl BootTime {
    /// The moment `length` later.
    #[must_use]
    pub fn plus(self, length: Duration) -> Self {
        BootTime(self.0.saturating_add(u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: BootTime) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Reads a length of time as the files write it: `900s`, `15m`, `1h`, nothing else.
///
/// # Errors
/// When the text is none of these, or more than a year.
pub fn parse_duration(text: &str) -> Result<Duration, TimeError> {
    let wrong = || TimeError::Length(text.to_owned());
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds_each = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return Err(wrong()),
    };
    let digits = &text[..text.len() - unit.len_utf8()];
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    let seconds = count * seconds_each;
    if seconds > 366 * 86_400 { Err(wrong()) } else { Ok(Duration::from_secs(seconds)) }
}

/// Writes a length of time in the largest unit that divides it: `90s`, `15m`, `1h`.
pub fn show_duration(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0 => "0s".to_owned(),
        s if s % 3600 == 0 => format!("{}h", s / 3600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

/// A text that is not the time it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeError {
    /// Not RFC 3339.
    Moment(String),
    /// Not `900s`, `15m` or `1h`.
    Length(String),
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TimeError::Moment(text) => {
                write!(f, "`{}` is not a time such as 2026-01-31T02:13:00Z", super::text::escaped(text))
            }
            TimeError::Length(text) => {
                write!(f, "`{}` is not a duration such as 900s, 15m or 1h", super::text::escaped(text))
            }
        }
    }
}

impl std::error::Error for TimeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_one_unit() {
        assert_eq!(parse_duration("900s"), Ok(Duration::from_secs(900)));
        assert_eq!(parse_duration("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(parse_duration("1h"), Ok(LONGEST_SESSION));
        for wrong in ["", "m", "15", "15 m", "1h30m", "-1m", "+1m", "1.5h", "15M", "99999999h", "１5m"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_are_shown_as_they_would_be_written() {
        for text in ["901s", "15m", "1h", "90m"] {
            let length = parse_duration(text).expect(text);
            assert_eq!(parse_duration(&show_duration(length)), Ok(length));
        }
        assert_eq!(show_duration(Duration::from_secs(7200)), "2h");
    }

    #[test]
    fn moments_have_one_text() {
        let moment = Timestamp::parse("2026-01-31T02:13:00.000042Z").expect("RFC 3339");
        assert_eq!(moment.to_micros_text(), "2026-01-31T02:13:00.000042Z");
        assert_eq!(moment.to_seconds_text(), "2026-01-31T02:13:00Z");
        assert_eq!(Timestamp::parse("2026-01-31T03:13:00+01:00").map(Timestamp::seconds), Ok(moment.seconds()));
        for wrong in ["yesterday", "2026-01-31 02:13:00Z", "2026-01-31\u{14}02:13:00Z", "2026-01-31T02:13:00", ""] {
            assert!(Timestamp::parse(wrong).is_err(), "{wrong}");
        }
    }
}
