//! The model alone, which needs nothing of what is above it, to be fuzzed; and the keys that the seeds are signed with.

#[path = "../../../src/model/mod.rs"]
pub mod model;

use model::note::key::{VerifierKey, WitnessKey};

/// The origin of the ledgers that the vectors have.
pub const ORIGIN: &str = "glass/acme/laptop/alice/7m2kq9xw";

/// The key of the ledgers that the vectors have.
pub fn ledger_key() -> Vec<VerifierKey> {
    let key = "glass/acme/laptop/alice/7m2kq9xw+ac0934da+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";
    vec![VerifierKey::parse(key).expect("a key")]
}

/// The keys of the note in `docs/formats.md`.
pub fn witness_key() -> Vec<WitnessKey> {
    vec![WitnessKey::parse("witness.example/w1+aa4a09d1+BOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs").expect("a key")]
}
