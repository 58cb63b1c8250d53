//! People who ask, sign, forge and repeat: what is read, what counts, and in which words the rest does not.

mod counting;
mod pasted;
pub(crate) mod people;
mod sheets;
mod told;

use super::approval::Approval;
use super::count::{self, Scene, Tally};
use super::objection::Objection;
use super::sheet::Sheet;
use crate::model::catalogue::Catalogue;
use crate::model::time::Timestamp;
use people::{after, load, text};

fn tally_at(catalogue: &Catalogue, sheet: &Sheet, approvals: &[Approval], now: Timestamp) -> Tally {
    count::count(Scene { catalogue, now, used: None }, sheet, approvals)
}

fn tally(sheet: &Sheet, approvals: &[Approval]) -> Tally {
    tally_at(&load(&text()), sheet, approvals, after(600))
}

fn who(tally: &Tally) -> Vec<&str> {
    tally.counted().iter().map(|signed| signed.person.as_str()).collect()
}

/// The one approval that does not count, and why.
#[track_caller]
fn why(tally: &Tally) -> &Objection {
    let [other] = tally.others() else { panic!("one does not count: {:?}", tally.others()) };
    &other.why
}

// The sheet.
