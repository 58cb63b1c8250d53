//! A line at the socket of a live session, to it and from it: what is taken is written in the same words.
#![no_main]

use glass_fuzz::model::live::{Answer, Ask};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    if let Ok(ask) = Ask::parse(line) {
        assert_eq!(Ask::parse(ask.to_line().trim_end().as_bytes()), Ok(ask));
    }
    if let Ok(answer) = Answer::parse(line) {
        let written = answer.to_line();
        let again = Answer::parse(written.expose().trim_end_matches('\n').as_bytes()).expect("glass wrote it");
        assert_eq!(again.to_line().expose(), written.expose());
    }
});
