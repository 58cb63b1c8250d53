//! The reminder of overrides that nobody has reviewed yet.

use super::context::Context;
use super::out;
use crate::host::reviews;
use crate::model::sign_off::reviews::{Override, Said};

/// The most that are told one by one.
const MOST: usize = 3;

/// Tells on stderr which overrides of this ledger are not reviewed yet. One that cannot be read is told elsewhere.
pub fn remind(context: &Context) {
    let open = reviews::open(context.places().state(), context.world().ledger).unwrap_or_default();
    for Override { session, said, .. } in open.iter().take(MOST) {
        let which = match said {
            Some(Said { person, profile, at, .. }) => format!("{person}'s override {session} of {profile}, at {at},"),
            None => format!("the override {session}, of which the ledger says nothing that can be read,"),
        };
        out::say(&format!("glass: {which} is not reviewed yet (`glass review`)"));
    }
    if let Some(more) = open.len().checked_sub(MOST).filter(|more| *more > 0) {
        out::say(&format!("glass: and {more} more"));
    }
}
