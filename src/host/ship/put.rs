//! Putting something into a place that keeps it, where it may be already.

use super::fault::{Contradiction, ShipError};
use super::pack::AtMost;
use crate::model::destination::Destination;
use crate::model::note::Note;
use crate::world::archive::{Archive, ArchiveError, Content, Receipt};

/// The largest note that is read back; one of a checkpoint has a few hundred bytes, and perhaps cosignatures.
const LARGEST_NOTE: usize = 1_000_000;

/// What became of it.
pub struct Put {
    /// What the place says.
    pub receipt: Receipt,
    /// Whether it was not there before.
    pub is_new: bool,
}

/// Puts something under a name. That it is there already is as good, if it is the `same`.
///
/// # Errors
/// When it is not certain that the place has it, or that has something else.
pub fn put(
    archive: &dyn Archive,
    to: &Destination,
    name: &str,
    content: Content<'_>,
    same: impl FnOnce() -> Result<bool, ShipError>,
) -> Result<Put, ShipError> {
    match archive.put(name, content) {
        Ok(receipt) => Ok(Put { receipt, is_new: true }),
        Err(ArchiveError::Taken) if same()? => {
            let receipt = Receipt { name: format!("{to}/{name}"), version: None, retained_until: None };
            Ok(Put { receipt, is_new: false })
        }
        Err(ArchiveError::Taken) => Err(ShipError::Contradicted(Contradiction::Other(name.to_owned()))),
        Err(error) => Err(error.into()),
    }
}

/// Puts a note. One of the same text is the same, whoever has signed it too.
///
/// # Errors
/// As for [`put`].
pub fn put_note(archive: &dyn Archive, to: &Destination, name: &str, note: &str) -> Result<Put, ShipError> {
    let same = || Ok(text_in(&read_note(archive, name)?) == text_in(note.as_bytes()));
    put(archive, to, name, Content::Bytes(note.as_bytes()), same)
}

/// What a place has under the name of a note, or the beginning of it.
///
/// # Errors
/// When it cannot be read.
pub fn read_note(archive: &dyn Archive, name: &str) -> Result<Vec<u8>, ShipError> {
    let mut note = AtMost::new(LARGEST_NOTE);
    archive.oldest(name, &mut note)?;
    Ok(note.taken)
}

/// The text of a note; nothing of what is none.
pub fn text_in(note: &[u8]) -> Option<&str> {
    Note::parse(note).ok().map(|note| note.unverified_text())
}
