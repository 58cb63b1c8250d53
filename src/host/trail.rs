//! Files of CloudTrail events, as the AWS CLI prints them or as they come from S3, packed or not.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::model::cloudtrail::{Trail, TrailError};

/// The most bytes that a file may unpack to.
const MOST: u64 = 4 * 1024 * 1024 * 1024;

/// How a file that was packed by gzip begins (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Why a file tells nothing.
#[derive(Debug)]
pub enum TrailFileError {
    /// It cannot be read.
    Unreadable(PathBuf, io::Error),
    /// It is no file of events.
    NoTrail(PathBuf, TrailError),
    /// It unpacks to more than may be.
    TooLong(PathBuf),
}

impl fmt::Display for TrailFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrailFileError::Unreadable(path, _) => write!(f, "{} cannot be read", path.display()),
            TrailFileError::NoTrail(path, _) => write!(f, "{} holds no events of CloudTrail", path.display()),
            TrailFileError::TooLong(path) => write!(f, "{} is of more than 4 GiB", path.display()),
        }
    }
}

impl std::error::Error for TrailFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TrailFileError::Unreadable(_, source) => Some(source),
            TrailFileError::NoTrail(_, source) => Some(source),
            TrailFileError::TooLong(_) => None,
        }
    }
}

/// Reads one file into what others have told.
///
/// # Errors
/// When it cannot be read, or is no file of events.
pub fn read(path: &Path, trail: &mut Trail) -> Result<(), TrailFileError> {
    let unreadable = |error| TrailFileError::Unreadable(path.to_owned(), error);
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let is_packed = file.fill_buf().map_err(unreadable)?.starts_with(&GZIP);
    let unpacked: Box<dyn Read> =
        if is_packed { Box::new(BufReader::new(MultiGzDecoder::new(file))) } else { Box::new(file) };
    let mut limited = unpacked.take(MOST);
    trail.read(&mut limited).map_err(|error| match limited.limit() {
        0 => TrailFileError::TooLong(path.to_owned()),
        _ => TrailFileError::NoTrail(path.to_owned(), error),
    })
}
