//! A checkpoint's note with its cosignatures: what the key has signed is what it was made to sign.
#![no_main]

use glass_fuzz::model::checkpoint::Checkpoint;
use glass_fuzz::model::note::Note;
use glass_fuzz::model::note::key::{VerifierKey, WitnessKey};
use glass_fuzz::{ledger_key, witness_key};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(note) = Note::parse(bytes) {
        let _cosigned = note.cosignatures(&witness_key());
        if let Ok(checkpoint) = Checkpoint::parse(note.unverified_text()) {
            assert_eq!(Checkpoint::parse(&checkpoint.to_string()), Ok(checkpoint));
        }
    }
    if let Ok((checkpoint, key)) = Checkpoint::open(bytes, &ledger_key()) {
        assert_eq!((checkpoint.origin.as_str(), checkpoint.size), (key.name(), 4), "nothing else was signed");
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        for again in
            [VerifierKey::parse(text).map(|key| key.to_string()), WitnessKey::parse(text).map(|key| key.to_string())]
                .into_iter()
                .flatten()
        {
            assert_eq!(again, text);
        }
    }
});
