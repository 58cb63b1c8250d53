//! What a session's supervisor listens to, besides its terminal and its signals.

use std::os::fd::BorrowedFd;

use crate::world::keeping::{Keeper, Then};

/// Something outside that has to say what happens in a session.
///
/// One loop waits for all sources, so that the deadline is always met: nothing here may block.
pub trait Source {
    /// What becomes readable when there is something to hear.
    fn waits_for(&self) -> Vec<BorrowedFd<'_>>;

    /// Tells the keeper what there is to hear now, a bounded piece of it; the answer is left to the supervisor.
    fn listen(&mut self, keeper: &mut dyn Keeper) -> Then;
}
