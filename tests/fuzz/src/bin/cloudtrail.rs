//! A file of CloudTrail's events, in either form.
#![no_main]

use std::collections::BTreeSet;

use glass_fuzz::model::cloudtrail::{Known, Trail};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let of = |text: &str| BTreeSet::from([text.to_owned()]);
    let (people, roles) = (of("alice"), of("arn:aws:iam::444455556666:role/x"));
    let mut trail = Trail::of(Known { people, roles, ..Known::default() });
    if trail.read(bytes).is_ok() {
        let sessions = trail.strangers.values().chain(trail.others.values()).map(|sessions| sessions.count);
        assert!(trail.calls().count() as u64 + sessions.sum::<u64>() + trail.left_out <= trail.events);
        assert_eq!(trail.span.is_some(), trail.events > 0);
    }
});
