//! Waiting for what nobody announces: a file that appears, a process that is gone.

use std::thread;
use std::time::{Duration, Instant};

use super::DEADLINE;

/// How long a core has for others between two looks.
const PAUSE: Duration = Duration::from_millis(2);

/// Looks until there is something, and gives it; fails when nothing comes in time. `what` says what did not.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "not within {DEADLINE:?}: {what}");
        thread::sleep(PAUSE);
    }
}
