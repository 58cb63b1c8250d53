//! The proof of one entry: the key of the seeds has signed no other.
#![no_main]

use glass_fuzz::ledger_key;
use glass_fuzz::model::checkpoint::proof::EntryProof;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(proof) = EntryProof::parse(text)
        && let Ok((entry, checkpoint, _)) = proof.check(&ledger_key())
    {
        assert!(entry.seq < checkpoint.size && checkpoint.size == 4, "{text}");
    }
});
