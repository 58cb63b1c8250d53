//! Sixteen writers, killed at any moment, for a minute: what a test does for some seconds. `cargo bench --bench writers`,
//! with a number behind `--` for so many seconds; whatever a ledger may not lose or leave unsaid ends it with a panic.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it takes time, starts programs, says what it found and may fail loudly"
)]

#[allow(dead_code, unused_imports, reason = "it needs a part of the tests of the ledger")]
#[path = "../tests"]
mod suite {
    pub mod ledger;
}
#[allow(dead_code, unused_imports, reason = "and of what they stand on")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

fn main() {
    let seconds = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(60);
    let until = Instant::now() + Duration::from_secs(seconds);
    let (begun, whole, torn) = suite::ledger::writers::write_for(|_| Instant::now() < until);
    println!(
        "{seconds} s: {begun} writers, {whole} ended by themselves, {} were killed; {torn} torn ends, each told of once",
        begun - whole
    );
}
