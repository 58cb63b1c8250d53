//! What it takes to hold an SSH signature against a person's keys.
//! `cargo bench --bench signatures`; see docs/performance.md.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement takes time, says what it found and may fail loudly"
)]

use std::time::Instant;

use glass::model::catalogue::SshKey;
use glass::model::sshsig;

/// Signatures of each kind of key, some of them not good.
const VECTORS: &str = include_str!("../tests/vectors/sshsig/signatures.txt");

/// The text that all of them sign.
const TEXT: &str = "glass-approval-v1\napprove\nbob\n2026-01-02T03:04:05Z\n\
    0000000000000000000000000000000000000000000000000000000000000000\n\n";

const ROUNDS: u32 = 1_000;

fn main() {
    for block in VECTORS.split("\n== ").skip(1) {
        let (head, rest) = block.split_once('\n').unwrap();
        let Some(title) = head.strip_suffix(": good") else { continue };
        let (key, armoured) = rest.split_once('\n').unwrap();
        let key = SshKey::parse(key).unwrap();
        let began = Instant::now();
        for _ in 0..ROUNDS {
            sshsig::verify(armoured, "glass-approval@v1", TEXT.as_bytes(), [&key]).unwrap();
        }
        let each = began.elapsed().as_secs_f64() * 1e3 / f64::from(ROUNDS);
        println!("{title:<36} {each:>8.4} ms   (at most 1)");
    }
}
