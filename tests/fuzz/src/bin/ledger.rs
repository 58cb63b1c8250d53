//! A segment: what is verified in pieces is what a walk over the lines verifies, and no line is let through that is not.
#![no_main]

use glass_fuzz::model::chain::piece::Piece;
use glass_fuzz::model::chain::signed::{Asked, Signatures};
use glass_fuzz::model::chain::verify::Verifier;
use glass_fuzz::model::chain::walk::{Integrity, Segment, walk};
use glass_fuzz::model::tree::leaf;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let mut signatures = Signatures::new(Asked::default());
    let segment = Segment { first: 0, bytes: text.len() as u64, lines: text };
    let walked = walk(vec![segment], 0, Verifier::new(), None, |line, entry| {
        let _said = signatures.check(entry, None);
        signatures.push(leaf(line));
    });
    let walked = walked.expect("memory can be read");
    assert_eq!(signatures.tree().size(), walked.verifier.next());
    assert_eq!(walked.judgement.first_bad.is_none(), walked.judgement.integrity == Integrity::Verified);
    let mut verifier = Verifier::new();
    let whole = Piece::read(text, |_| true, None).is_some_and(|piece| verifier.join(&piece));
    if !text.is_empty() {
        assert_eq!(whole, walked.judgement.integrity == Integrity::Verified);
    }
});
