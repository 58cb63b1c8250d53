//! What a witness answers.
#![no_main]

use glass_fuzz::model::time::Timestamp;
use glass_fuzz::model::witness::{Heard, Question, Reply};
use glass_fuzz::witness_key;
use libfuzzer_sys::fuzz_target;

const NOTE: &str = include_str!("../../seeds/note/checkpoint");

fuzz_target!(|answer: (u8, bool, &[u8])| {
    let (status, typed, body) = answer;
    let status = [200, 409, 422, 404, 500][usize::from(status % 5)];
    let heard = Heard { status, content_type: typed.then_some("text/x.tlog.size"), body };
    let question = Question::new(NOTE).expect("a checkpoint");
    let reply = question.reply(2, &heard, &witness_key(), Timestamp::from_seconds(1_769_825_580));
    assert!(!matches!(reply, Ok(Reply::Cosigned(_))), "nobody has cosigned this one");
});
