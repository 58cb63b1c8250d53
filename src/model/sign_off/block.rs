//! Blocks to paste: a request or an approval as text that survives mail, chat and a quotation of both.
//!
//! Keeps the promise that what was bent on the way is read as it was sent, as long as it can be read in one way
//! only, and that otherwise it is said what happened to it.

use std::fmt;

use base64ct::{Base64, Encoding};

use super::packed;
use crate::model::text::escaped;

/// The longest text that is searched for blocks, in bytes.
pub const LONGEST_PASTE: usize = 1024 * 1024;

/// The most blocks of one text: more than anybody sends, and few enough to be unpacked at once.
const MOST_BLOCKS: usize = 100;

/// How many characters of base64 a line has.
const COLUMNS: usize = 64;

/// With what the content of a block begins that is packed; base64 has no such character.
const PACKED: char = ':';

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A sheet.
    Request,
    /// An approval.
    Approval,
    /// What shows that the ledger of a request only grew.
    Proof,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Request, Kind::Approval, Kind::Proof];

    fn as_str(self) -> &'static str {
        match self {
            Kind::Request => "REQUEST",
            Kind::Approval => "APPROVAL",
            Kind::Proof => "PROOF",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GLASS {}", self.as_str())
    }
}

/// Makes a block, with its last LF.
pub fn write(kind: Kind, content: &[u8]) -> String {
    let encoded = Base64::encode_string(content);
    let mut text = format!("-----BEGIN {kind}-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(COLUMNS));
        text = text + line + "\n";
        rest = more;
    }
    format!("{text}-----END {kind}-----\n")
}

/// Makes a block on one line, as short as can be and with nothing that a QR code has no short form for.
pub fn write_packed(kind: Kind, content: &[u8]) -> String {
    format!("-----BEGIN {kind}-----{PACKED}{}-----END {kind}-----", packed::pack(content))
}

/// Finds the blocks of a text, in their order, whatever stands around them.
///
/// Lines may be wrapped, joined, indented and quoted, and end with CR LF. None is found in a text without one.
///
/// # Errors
/// When a block is not whole, or lies within another, or holds what no block holds, or there are too many.
pub fn read(text: &str) -> Result<Vec<(Kind, Vec<u8>)>, BlockError> {
    if text.len() > LONGEST_PASTE {
        return Err(BlockError::TooLong(text.len()));
    }
    let text = straightened(text);
    let mut blocks = Vec::new();
    let mut open: Option<(Kind, usize)> = None;
    for mark in marks(&text) {
        open = match (open, mark.is_end) {
            (None, false) => Some((mark.kind, mark.to)),
            (None, true) => return Err(BlockError::NoBegin(mark.kind)),
            (Some((outer, _)), false) => return Err(BlockError::NoEnd(outer)),
            (Some((kind, _)), true) if kind != mark.kind => {
                return Err(BlockError::Mixed { begun: kind, ended: mark.kind });
            }
            (Some(_), true) if blocks.len() == MOST_BLOCKS => return Err(BlockError::TooMany),
            (Some((kind, from)), true) => {
                // The dashes of two marks that follow each other are one run.
                blocks.push((kind, content(kind, text.get(from..mark.from).unwrap_or_default())?));
                None
            }
        };
    }
    match open {
        Some((kind, _)) => Err(BlockError::NoEnd(kind)),
        None => Ok(blocks),
    }
}

/// The text on one line: what mail clients put before lines is taken away, and whatever they break lines and
/// indent with becomes single spaces.
fn straightened(text: &str) -> String {
    let invisible = |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    let lines =
        text.split(['\n', '\r']).map(|line| line.trim_start_matches(|c: char| c.is_whitespace() || ">|".contains(c)));
    let visible: String = lines.flat_map(|line| line.chars().chain(['\n'])).filter(|c| !invisible(*c)).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The line at a block's beginning or end.
struct Mark {
    kind: Kind,
    is_end: bool,
    from: usize,
    to: usize,
}

/// The marks of a straightened text, in their order.
fn marks(text: &str) -> Vec<Mark> {
    let mut marks = Vec::new();
    for kind in Kind::ALL {
        for (word, is_end) in [("BEGIN", false), ("END", true)] {
            let words = format!("{word} {kind}");
            for (at, _) in text.match_indices(&words) {
                let before = text[..at].trim_end_matches(' ').trim_end_matches(is_dash);
                let after = text[at + words.len()..].trim_start_matches(' ').trim_start_matches(is_dash);
                let mark = Mark { kind, is_end, from: before.len(), to: text.len() - after.len() };
                // Somebody may well write about a block; only dashes on both sides make a mark of it.
                if text[mark.from..at].contains(is_dash) && text[at + words.len()..mark.to].contains(is_dash) {
                    marks.push(mark);
                }
            }
        }
    }
    marks.sort_by_key(|mark| mark.from);
    marks
}

/// Hyphens, and what programs that know better make of two of them.
fn is_dash(character: char) -> bool {
    matches!(character, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// What a block holds; quotation marks may have got between its lines when they were joined.
fn content(kind: Kind, text: &str) -> Result<Vec<u8>, BlockError> {
    let encoded: String = text.chars().filter(|c| !matches!(c, ' ' | '>' | '|')).collect();
    if let Some(text) = encoded.strip_prefix(PACKED) {
        return packed::unpack(text).filter(|content| !content.is_empty()).ok_or(BlockError::Damaged(kind));
    }
    let foreign = |c: &char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '/' | '=');
    if let Some(character) = encoded.chars().find(foreign) {
        return Err(BlockError::Foreign { kind, character });
    }
    match Base64::decode_vec(&encoded) {
        Ok(content) if !content.is_empty() => Ok(content),
        Ok(_) | Err(_) => Err(BlockError::Damaged(kind)),
    }
}

/// Why a text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockError {
    /// More bytes than are searched.
    TooLong(usize),
    /// More blocks than anybody sends.
    TooMany,
    /// A block has an end and no beginning.
    NoBegin(Kind),
    /// A block begins, and does not end before the next one or the text does.
    NoEnd(Kind),
    /// A block of one kind ends as one of the other.
    Mixed {
        /// As what it begins.
        begun: Kind,
        /// As what it ends.
        ended: Kind,
    },
    /// Something stands in a block that is no base64.
    Foreign {
        /// The block.
        kind: Kind,
        /// The first such character.
        character: char,
    },
    /// What stands in a block is no whole base64.
    Damaged(Kind),
}

impl fmt::Display for BlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlockError::TooLong(bytes) => write!(f, "the text has {bytes} bytes, {LONGEST_PASTE} are the most"),
            BlockError::TooMany => write!(f, "there are more than {MOST_BLOCKS} blocks in it"),
            BlockError::NoBegin(kind) => write!(f, "there is an END {kind} without its BEGIN: the start is missing"),
            BlockError::NoEnd(kind) => write!(f, "there is a BEGIN {kind} without its END: the rest is missing"),
            BlockError::Mixed { begun, ended } => write!(f, "a block begins as {begun} and ends as {ended}"),
            BlockError::Foreign { kind, character } => {
                write!(f, "a {kind} block has a `{}`, which none has", escaped(&character.to_string()))
            }
            BlockError::Damaged(kind) => write!(f, "a {kind} block is damaged: characters are missing or changed"),
        }
    }
}

impl std::error::Error for BlockError {}
