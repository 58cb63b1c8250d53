//! Where requests and the answers to them lie: this user's own folder, and the store that a catalogue names.
//!
//! Neither is believed, and neither is needed: what cannot be put there or read there is told, and can be pasted.

use std::fmt;

use crate::model::destination::Destination;
use crate::model::name::Id;
use crate::model::sign_off::papers::{Paper, Papers};
use crate::model::sign_off::sheet::Sheet;
use crate::model::text::escaped;
use crate::model::time::Timestamp;
use crate::world::archive::{ArchiveError, Sender};

/// Opens desks.
pub trait Desks: Sync {
    /// Opens the desk of this user and of a store, if there is one. Nothing is asked of the store yet.
    fn open(&self, store: Option<&Store<'_>>) -> Box<dyn Desk + '_>;
}

/// A store that is shared with others.
#[derive(Clone, Copy)]
pub struct Store<'s> {
    /// The folder or bucket.
    pub place: &'s Destination,
    /// Who comes to it.
    pub sender: Sender<'s>,
}

/// The user's own folder and a store, as one.
pub trait Desk {
    /// Puts a paper into all places that do not have it yet, durably; gives those that did not take it.
    fn keep(&self, sheet: &Sheet, paper: Paper<'_>) -> Vec<Trouble>;

    /// Reads what all places have of something.
    fn look(&self, wanted: Wanted<'_>) -> Found;
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'w> {
    /// The request of an id, with all that lies beside it.
    Id(&'w Id),
    /// All that lies beside a request that is known: what is asked again and again while somebody waits.
    Beside(&'w Sheet),
    /// Every request that can still be used now, or expired within the last day.
    Recent(Timestamp),
    /// Every request.
    All,
    /// Every request that lies in the user's own folder.
    Own,
}

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// The requests and answers.
    pub papers: Papers,
    /// The places that could not be read, or not all of them.
    pub troubles: Vec<Trouble>,
}

/// A place that is not there, not well, or full.
#[derive(Debug)]
pub struct Trouble {
    /// The place.
    pub place: String,
    /// Why.
    pub why: ArchiveError,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is left out: {}", escaped(&self.place), self.why)
    }
}
