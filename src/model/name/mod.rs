//! Names that are checked once and valid ever after.
//!
//! Each type here has one maker, `parse`, and says in its error what the rule is.
//! Their texts are safe to print, to log and to send to AWS.

use std::fmt;

use super::text::{escaped, is_hostile, one_line};

mod arn;

pub use arn::{PersonArn, RoleArn};

/// A text that is not the name it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError {
    /// What it should have been, e.g. `profile name`.
    pub kind: &'static str,
    /// The text, as it came.
    pub text: String,
    /// The rule it breaks.
    pub rule: &'static str,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.text.chars().take(80).collect();
        let more = if shown.len() < self.text.len() { "…" } else { "" };
        write!(f, "`{}{more}` is no {}: {}", escaped(&shown), self.kind, self.rule)
    }
}

impl std::error::Error for NameError {}

/// Defines a name: its documentation, its kind, its rule in words, and its rule in code.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Checks a text against the rule.
            ///
            /// # Errors
            /// When the text breaks it; the error holds the rule.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok($name(text.to_owned()))
                } else {
                    Err(NameError { kind: $kind, text: text.to_owned(), rule: $rule })
                }
            }

            /// The checked text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                $name::parse(&text).map_err(serde::de::Error::custom)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

fn word(text: &str, extra: &[u8], longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || extra.contains(&b))
}

fn person(text: &str) -> bool {
    (2..=22).contains(&text.len()) && text.starts_with(|c: char| c.is_ascii_lowercase()) && word(text, b"_-", 22)
}

name! {
    /// The organisation a catalogue belongs to.
    Organisation, "organisation", "1 to 32 of a-z, 0-9 and -", |t| word(t, b"-", 32)
}
name! {
    /// A profile: environment, purpose words and level, joined by `-`.
    ProfileName, "profile name", "environment-purpose-level, of a-z and 0-9, at most 64 characters",
    |t| t.len() <= 64 && t.split('-').count() >= 3 && t.split('-').all(|w| word(w, b"", 64))
}
name! {
    /// An environment, the first word of a profile's name.
    Environment, "environment", "1 to 32 of a-z and 0-9", |t| word(t, b"", 32)
}
name! {
    /// A level, the last word of a profile's name.
    LevelName, "level", "1 to 32 of a-z and 0-9", |t| word(t, b"", 32)
}
name! {
    /// A trigger: what counts as an emergency.
    TriggerName, "trigger", "1 to 64 of a-z, 0-9 and -", |t| word(t, b"-", 64)
}
name! {
    /// A person of the catalogue; also the `SourceIdentity` in AWS (2 to 64 characters there).
    PersonName, "person", "a lower-case letter, then 1 to 21 of a-z, 0-9, _ and -", person
}
name! {
    /// A group of people.
    GroupName, "group", "1 to 64 of a-z, 0-9, _ and -", |t| word(t, b"_-", 64)
}
name! {
    /// A hook: somebody or something that is told of what happens. Also the name of a file.
    HookName, "hook", "1 to 32 of a-z, 0-9 and -", |t| word(t, b"-", 32)
}
name! {
    /// The ARN of one SNS topic.
    TopicArn, "topic ARN", "arn:aws:sns:<region>:<12 digits>:<name>", arn::is_topic
}
name! {
    /// A step of a runbook.
    StepName, "step", "1 to 64 of a-z, 0-9, _ and -", |t| word(t, b"_-", 64)
}
name! {
    /// An AWS region; its partition follows from its first word.
    Region, "region", "such as eu-west-1",
    |t| word(t, b"-", 32) && t.split('-').count() >= 3 && t.split('-').all(|w| !w.is_empty())
        && t.ends_with(|c: char| c.is_ascii_digit())
}
name! {
    /// A reference to the incident, before a trigger's own pattern is applied.
    Incident, "incident reference", "1 to 128 of A-Z, a-z, 0-9, space and _.:/=+@-, not beginning with - or a space or ending with one",
    |t| (1..=128).contains(&t.len()) && t.trim() == t && !t.starts_with('-')
        && t.bytes().all(|b| b.is_ascii_alphanumeric() || b" _.:/=+@-".contains(&b))
}
name! {
    /// Why somebody breaks the glass, in their words, with one space between two of them: white space can draw lines on a
    /// screen that are none.
    Reason, "reason", "10 to 500 characters on one line, no control characters",
    |t| (10..=500).contains(&t.chars().count()) && !t.chars().any(is_hostile) && one_line(t) == t
}
name! {
    /// A session or a request: 8 characters of lower-case Crockford base32, 40 random bits.
    Id, "id", "8 of 0-9 and a-z without i, l, o and u",
    |t| t.len() == 8 && t.bytes().all(|b| CROCKFORD.contains(&b))
}
name! {
    /// An MFA device: the ARN of a virtual device, or the serial number of a hardware one.
    MfaSerial, "MFA serial", "9 to 256 of A-Z, a-z, 0-9 and _+=/:,.@-",
    |t| (9..=256).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=/:,.@-".contains(&b))
}
name! {
    /// A bucket of S3. Its rules are those of the S3 User Guide for general purpose buckets, with the
    /// beginnings and ends that AWS keeps for itself.
    BucketName, "bucket", "3 to 63 of a-z, 0-9, . and -, as AWS allows for buckets", bucket
}
name! {
    /// What the keys of objects begin with; together with the name of an object it stays within S3's 1,024 bytes.
    KeyPrefix, "prefix", "1 to 256 of A-Z, a-z, 0-9 and ._-, in parts between slashes",
    |t| (1..=256).contains(&t.len()) && t.split('/').all(|part| !["", ".", ".."].contains(&part)
        && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)))
}

fn bucket(text: &str) -> bool {
    const BEGINNINGS: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
    const ENDS: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];
    let at_the_edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() >= 3
        && word(text, b".-", 63)
        && text.starts_with(at_the_edge)
        && text.ends_with(at_the_edge)
        && !text.contains("..")
        && text.parse::<std::net::Ipv4Addr>().is_err()
        && !BEGINNINGS.iter().any(|part| text.starts_with(part))
        && !ENDS.iter().any(|part| text.ends_with(part))
}

const CROCKFORD: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl Id {
    /// Makes an id of 40 random bits.
    pub fn from_random(bytes: [u8; 5]) -> Self {
        let bits = bytes.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        Id((0..8).rev().map(|place| char::from(CROCKFORD[(bits >> (place * 5) & 31) as usize])).collect())
    }
}

impl ProfileName {
    /// The first word: where the profile reaches.
    pub fn environment(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }

    /// The last word: how much it may do, and so what it demands.
    pub fn level(&self) -> &str {
        self.0.rsplit('-').next().unwrap_or_default()
    }
}

impl Region {
    /// Some region, for what is the same in all of them or in none.
    pub fn any() -> Region {
        Region::parse("us-east-1").expect("it is the name of a region")
    }

    /// The partition a region belongs to, as ARNs name it.
    pub fn partition(&self) -> &'static str {
        if self.0.starts_with("cn-") {
            "aws-cn"
        } else if self.0.starts_with("us-gov-") {
            "aws-us-gov"
        } else {
            "aws"
        }
    }
}

/// A SHA-256, shown as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Hashes bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Digest(sha2::Sha256::digest(bytes).into())
    }

    /// Takes a hash that was computed piece by piece.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Digest(bytes)
    }

    /// Reads 64 lower-case hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0u8; 32];
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Digest(bytes))
    }

    /// The 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0u8; 64];
        for (pair, byte) in text.chunks_mut(2).zip(self.0) {
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        f.pad(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Digest::parse(&text).ok_or_else(|| serde::de::Error::custom("a SHA-256 is 64 lower-case hex digits"))
    }
}

/// The known name nearest to one that is not known, if one is near enough to be a slip.
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let unknown: String = unknown.chars().take(128).collect();
    known
        .into_iter()
        .map(|name| (distance(&unknown, name), name))
        .filter(|(far, name)| *far <= name.len().max(4) / 3)
        .min()
        .map(|(_, name)| name)
}

/// The Levenshtein distance, in bytes.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_name_says_where_what_and_how_much() {
        let name = ProfileName::parse("prod-orders-db-emergency").expect("valid");
        assert_eq!((name.environment(), name.level()), ("prod", "emergency"));
        for wrong in ["prod", "prod-emergency", "prod--emergency", "Prod-db-emergency", "prod-db_x-emergency", ""] {
            assert!(ProfileName::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_reason_is_one_honest_line() {
        assert!(Reason::parse("orders database lost its writer").is_ok());
        for wrong in [
            "too short",
            "          x",
            "row after row         a screen",
            "no\u{a0}break or other blanks",
            "ends with a blank ",
            "a line\nand another one",
            "escape \u{1b}[2J sequences",
            &"x".repeat(501),
        ] {
            assert!(Reason::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ids_are_eight_characters_of_crockford() {
        assert_eq!(Id::from_random([0; 5]).as_str(), "00000000");
        assert_eq!(Id::from_random([255; 5]).as_str(), "zzzzzzzz");
        assert!(Id::parse("0123456i").is_err());
    }

    #[test]
    fn a_slip_finds_the_name_that_was_meant() {
        let known = ["prod-db-emergency", "prod-net-emergency", "dev-db-read"];
        assert_eq!(nearest("prod-db-emergancy", known), Some("prod-db-emergency"));
        assert_eq!(nearest("something-else-entirely", known), None);
    }

    #[test]
    fn a_digest_reads_what_it_writes() {
        let digest = Digest::of(b"abc");
        assert_eq!(digest.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
        assert_eq!(Digest::parse(&digest.to_string().to_uppercase()), None);
    }
}
