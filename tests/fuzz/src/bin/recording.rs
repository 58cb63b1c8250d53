//! A recording that somebody hands over: what is shown of it is a picture, and `--text` has no control characters.
#![no_main]

use glass_fuzz::model::recording::harmless::Harmless;
use glass_fuzz::model::recording::plain::Plain;
use glass_fuzz::model::recording::read::{Reader, What};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut reader) = Reader::begin(bytes) else { return };
    let (mut harmless, mut plain) = (Harmless::default(), Plain::new(reader.size().columns));
    while let Ok(Some(moment)) = reader.read() {
        match moment.what {
            What::Output(output) => {
                let shown = harmless.filter(&output);
                let may_stand =
                    |letter: char| !letter.is_control() || ('\x07'..='\x0f').contains(&letter) || letter == '\x1b';
                assert!(
                    shown.chars().all(may_stand) && !shown.contains("\x1b]") && !shown.contains("\x1bP"),
                    "{shown:?}"
                );
                plain.write(&output);
            }
            What::Resized(columns) => plain.resize(columns),
            What::Marker(_) | What::Other => {}
        }
    }
    assert!(reader.cut() <= bytes.len());
    let text = plain.finish();
    assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()), "{text:?}");
});
