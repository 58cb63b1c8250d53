//! What shells report of themselves: the same reports and the same count of what is none, in whatever pieces it comes.
#![no_main]

use glass_fuzz::model::report::Reader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|pieces: (u8, &[u8])| {
    let (length, bytes) = pieces;
    let whole = Reader::default().take(bytes);
    assert!(whole.0.len() as u64 + whole.1 == bytes.iter().filter(|byte| **byte == 0).count() as u64);
    let (mut reader, mut reports, mut malformed) = (Reader::default(), Vec::new(), 0);
    for piece in bytes.chunks(usize::from(length).max(1)) {
        let taken = reader.take(piece);
        reports.extend(taken.0);
        malformed += taken.1;
    }
    assert_eq!((reports, malformed), whole);
});
