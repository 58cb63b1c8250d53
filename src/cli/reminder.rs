//! The reminder of overrides that nobody has reviewed yet.

use super::context::Context;
use super::out;
use crate::host::reviews;
use crate::model::sign_off::reviews::Override;

/// The most that are told one by one.
const MOST: usize = 3;

/// Tells on stderr which overrides of this ledger are not reviewed yet. One that cannot be read is told elsewhere.
pub fn remind(context: &Context) {
    let open = reviews::open(context.places().state(), context.world().ledger).unwrap_or_default();
    for Override { session, profile, person, at, .. } in open.iter().take(MOST) {
        out::say(&format!(
            "glass: {person}'s override {session} of {profile}, at {at}, is not reviewed yet (`glass review`)"
        ));
    }
    if let Some(more) = open.len().checked_sub(MOST).filter(|more| *more > 0) {
        out::say(&format!("glass: and {more} more"));
    }
}
