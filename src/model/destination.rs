//! Where an archive is: a folder, or a bucket of S3.
//!
//! What a catalogue or a command line names is checked here once, so that no text from outside becomes part of
//! an address.

use std::fmt;
use std::path::{Path, PathBuf};

use super::name::{BucketName, KeyPrefix, NameError};
use super::text::{escaped, is_hostile};

/// Where an archive is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A folder: a mounted share, a git checkout.
    Folder(PathBuf),
    /// A bucket of S3, with versioning and Object Lock.
    Bucket {
        /// The bucket's name.
        bucket: BucketName,
        /// What the keys in it begin with, followed by a slash; none for the bucket's top.
        prefix: Option<KeyPrefix>,
    },
}

/// Why a text names no archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DestinationError {
    /// A bucket or a prefix that cannot be.
    Name(NameError),
    /// Neither a folder nor `s3://bucket/prefix`.
    Neither(String),
}

impl Destination {
    /// Reads `s3://bucket/prefix`, or the path of a folder, relative to `base`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str, base: &Path) -> Result<Self, DestinationError> {
        if let Some(address) = text.strip_prefix("s3://") {
            let (bucket, prefix) = address.split_once('/').unwrap_or((address, ""));
            let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
            return Ok(Destination::Bucket {
                bucket: BucketName::parse(bucket).map_err(DestinationError::Name)?,
                prefix: match prefix {
                    "" => None,
                    prefix => Some(KeyPrefix::parse(prefix).map_err(DestinationError::Name)?),
                },
            });
        }
        if text.is_empty() || text.contains("://") || text.chars().any(is_hostile) {
            return Err(DestinationError::Neither(text.to_owned()));
        }
        Ok(Destination::Folder(base.join(text)))
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Folder(path) => write!(f, "{}", path.display()),
            Destination::Bucket { bucket, prefix: None } => write!(f, "s3://{bucket}"),
            Destination::Bucket { bucket, prefix: Some(prefix) } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

impl fmt::Display for DestinationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DestinationError::Name(error) => error.fmt(f),
            DestinationError::Neither(text) => {
                let shown: String = text.chars().take(80).collect();
                write!(f, "`{}` is neither a folder nor s3://bucket/prefix", escaped(&shown))
            }
        }
    }
}

impl std::error::Error for DestinationError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Destination, DestinationError> {
        Destination::parse(text, Path::new("/etc/glass"))
    }

    #[test]
    fn what_is_read_is_shown_again() {
        for (text, shown) in [
            ("s3://acme-ledger", "s3://acme-ledger"),
            ("s3://acme-ledger/", "s3://acme-ledger"),
            ("s3://acme-ledger/glass/eu", "s3://acme-ledger/glass/eu"),
            ("s3://acme.ledger.2/glass/", "s3://acme.ledger.2/glass"),
            ("/srv/share/glass", "/srv/share/glass"),
            ("../share", "/etc/glass/../share"),
        ] {
            assert_eq!(parse(text).map(|destination| destination.to_string()).as_deref(), Ok(shown));
        }
    }

    #[test]
    fn what_aws_takes_for_no_bucket_is_none() {
        for bucket in [
            "",
            "ab",
            "Acme",
            "acme_ledger",
            "-acme",
            "acme-",
            "acme..ledger",
            ".acme",
            "acme.",
            "192.0.2.7",
            "xn--acme",
            "sthree-acme",
            "amzn-s3-demo-acme",
            "acme-s3alias",
            "acme--ol-s3",
            "acme.mrap",
            "acme--x-s3",
            "acme--table-s3",
            "acme@evil.example",
            "acme:80",
            "acme ledger",
            "acme%2fx",
            "arn:aws:s3:::acme",
            &"a".repeat(64),
        ] {
            assert!(parse(&format!("s3://{bucket}/glass")).is_err(), "{bucket}");
        }
    }

    #[test]
    fn a_prefix_has_no_way_out_of_itself() {
        for prefix in ["//", "a//b", "/a", "..", "a/../b", ".", "a b", "a?versions", "a\n", "ä", &"a".repeat(257)] {
            assert!(parse(&format!("s3://acme-ledger/{prefix}")).is_err(), "{prefix}");
        }
    }

    #[test]
    fn other_places_are_refused() {
        for text in ["", "https://acme.example/", "S3://acme-ledger", "/srv/\u{1b}[2J"] {
            let error = parse(text).expect_err(text);
            assert!(error.to_string().ends_with("is neither a folder nor s3://bucket/prefix"), "{error}");
        }
    }
}
