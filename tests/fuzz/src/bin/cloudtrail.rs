//! A file of CloudTrail's events, in either form.
#![no_main]

use glass_fuzz::model::cloudtrail::read;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(trail) = read(bytes) {
        assert!(trail.calls.len() as u64 <= trail.events);
        assert_eq!(trail.span.is_some(), trail.events > 0);
    }
});
