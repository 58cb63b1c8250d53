//! One line of a ledger: what is taken for an entry is JSON to others, and says the same to them.
#![no_main]

use glass_fuzz::model::chain::entry::Entry;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|line: &[u8]| {
    let Ok(entry) = Entry::parse(line) else { return };
    let read: Value = match serde_json::from_slice(line) {
        Ok(read) => read,
        // JSON bounds no number; this reader does.
        Err(error) if error.to_string().starts_with("number out of range") => return,
        Err(error) => panic!("an entry is JSON: {error}"),
    };
    assert_eq!((read["seq"].as_u64(), read["prev"].as_str()), (Some(entry.seq), Some(entry.prev)));
    assert_eq!((read["ev"].as_str(), read["ts"].as_str()), (Some(entry.ev), Some(entry.ts)));
    assert!(read["d"].is_object());
});
