//! How SSH writes things down: numbers of 4 bytes, and strings with their length before them (RFC 4251, section 5).
//!
//! Keeps the promise that nothing is read beyond the bytes that are there, whatever a length claims.

use std::{error, fmt};

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    /// They end too early.
    Cut,
    /// So many follow where they should end.
    Trailing(usize),
    /// A number is negative that cannot be.
    Negative,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireError::Cut => f.write_str("it is cut short"),
            WireError::Trailing(count) => write!(f, "{count} bytes follow its end"),
            WireError::Negative => f.write_str("it has a negative number"),
        }
    }
}

impl error::Error for WireError {}

/// What is left to be read.
pub struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    /// Reads from the beginning of these bytes.
    pub fn new(bytes: &'b [u8]) -> Self {
        Reader(bytes)
    }

    /// The next so many bytes.
    ///
    /// # Errors
    /// When there are fewer.
    pub fn take(&mut self, count: usize) -> Result<&'b [u8], WireError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(WireError::Cut)?;
        self.0 = rest;
        Ok(taken)
    }

    /// `byte`.
    ///
    /// # Errors
    /// When there is none.
    pub fn byte(&mut self) -> Result<u8, WireError> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// `uint32`.
    ///
    /// # Errors
    /// When there are fewer bytes.
    pub fn number(&mut self) -> Result<u32, WireError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(WireError::Cut)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*bytes))
    }

    /// `string`: any bytes.
    ///
    /// # Errors
    /// When it is longer than what is there.
    pub fn string(&mut self) -> Result<&'b [u8], WireError> {
        let length = self.number()?;
        self.take(usize::try_from(length).map_err(|_| WireError::Cut)?)
    }

    /// `string` that is a name, shown with what is no UTF-8 replaced: no name that is known has any.
    ///
    /// # Errors
    /// When it is longer than what is there.
    pub fn name(&mut self) -> Result<String, WireError> {
        self.string().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// `mpint` of a number that is not negative, without zeros before it.
    ///
    /// # Errors
    /// When it is negative, or longer than what is there.
    pub fn natural(&mut self) -> Result<&'b [u8], WireError> {
        let bytes = self.string()?;
        if bytes.first().is_some_and(|first| first & 0x80 != 0) {
            return Err(WireError::Negative);
        }
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Ok(&bytes[zeros..])
    }

    /// All that is left.
    pub fn rest(self) -> &'b [u8] {
        self.0
    }

    /// Ends reading.
    ///
    /// # Errors
    /// When something is left.
    pub fn end(self) -> Result<(), WireError> {
        if self.0.is_empty() { Ok(()) } else { Err(WireError::Trailing(self.0.len())) }
    }
}

/// Writes `string`s one after the other.
pub fn strings(strings: &[&[u8]]) -> Vec<u8> {
    let mut written = Vec::new();
    for bytes in strings {
        let length = u32::try_from(bytes.len()).expect("nothing that is written here has 4 GiB");
        written.extend(length.to_be_bytes());
        written.extend_from_slice(bytes);
    }
    written
}

/// The bytes of an `mpint` for a number that is not negative, the greatest first.
pub fn natural(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let number = &bytes[zeros..];
    let sign: &[u8] = if number.first().is_some_and(|first| first & 0x80 != 0) { &[0] } else { &[] };
    [sign, number].concat()
}
