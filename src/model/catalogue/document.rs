//! A TOML file on its way to a checked value: its bytes, its text, its mistakes.
//!
//! Keeps the promise that a file is refused in bounded time, with everything that is
//! wrong with it in one run. The catalogue and the identity file are read through here.

use std::fmt;
use std::path::Path;

use toml::de::DeTable;

use super::mistake::{Mistake, Source, quoted};
use super::reader::{Flaws, MOST_MISTAKES, Section};
use crate::model::text::escaped;

/// The text of a TOML file, before it is known to be TOML.
pub struct Document<'a> {
    file: String,
    text: &'a str,
}

impl<'a> Document<'a> {
    /// Takes the bytes of a file in, `largest` of them at most.
    ///
    /// # Errors
    /// When there are more, or when they are not UTF-8.
    pub fn parse(path: &Path, bytes: &'a [u8], largest: usize) -> Result<Self, DocumentError> {
        let file = path.display().to_string();
        if bytes.len() > largest {
            return Err(DocumentError::TooLarge { file, size: bytes.len(), largest });
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Document { file, text }),
            Err(error) => Err(DocumentError::NotText { file, valid: error.valid_up_to() }),
        }
    }

    /// The text.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Walks the document, and goes on after a mistake.
    ///
    /// # Errors
    /// All mistakes: those against TOML itself if there is one, otherwise what the walk noted.
    pub fn read<T>(&self, walk: impl FnOnce(Section<'_>, &Source<'_>) -> Option<T>) -> Result<T, DocumentError> {
        let source = Source::new(&self.file, self.text);
        let flaws = Flaws::default();
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let end = self.text.len();
            flaws.note(error.span().unwrap_or(end..end), escaped(error.message()), None);
        }
        let mut value = None;
        if flaws.is_empty() {
            value = walk(Section::new(String::new(), 0..0, table.get_ref(), &flaws), &source);
        }
        match value {
            Some(value) if flaws.is_empty() => Ok(value),
            Some(_) | None => {
                Err(DocumentError::Mistakes { file: self.file.clone(), mistakes: flaws.into_mistakes(&source) })
            }
        }
    }
}

/// A TOML file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentError {
    /// Larger than such a file is read.
    TooLarge {
        /// The file.
        file: String,
        /// Its size in bytes.
        size: usize,
        /// The most that is read, in bytes.
        largest: usize,
    },
    /// Not UTF-8.
    NotText {
        /// The file.
        file: String,
        /// How many bytes are, at its beginning.
        valid: usize,
    },
    /// Mistakes.
    Mistakes {
        /// The file.
        file: String,
        /// All of them, in the order of the text.
        mistakes: Vec<Mistake>,
    },
}

impl DocumentError {
    /// The mistakes with their places.
    pub fn mistakes(&self) -> &[Mistake] {
        match self {
            DocumentError::Mistakes { mistakes, .. } => mistakes,
            DocumentError::TooLarge { .. } | DocumentError::NotText { .. } => &[],
        }
    }

    /// The same error with more mistakes.
    pub(super) fn with(mut self, more: impl Iterator<Item = Mistake>) -> Self {
        if let DocumentError::Mistakes { mistakes, .. } = &mut self {
            mistakes.extend(more);
            mistakes.sort_by_key(|mistake| (mistake.line, mistake.column));
        }
        self
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DocumentError::TooLarge { file, size, largest } => {
                write!(f, "{} has {size} bytes, {largest} are the most that is read", quoted(file))
            }
            DocumentError::NotText { file, valid } => write!(f, "{} is not UTF-8 after byte {valid}", quoted(file)),
            DocumentError::Mistakes { file, mistakes } => {
                let noun = match mistakes.len() {
                    1 => "mistake",
                    2..MOST_MISTAKES => "mistakes",
                    _ => "mistakes or more",
                };
                write!(f, "{} {noun} in {}", mistakes.len(), quoted(file))
            }
        }
    }
}

impl std::error::Error for DocumentError {}
