//! A catalogue, and the file that says who somebody is: whatever is refused has a mistake that can be read, and what is
//! taken says the same when it is read again.
#![no_main]

use std::path::Path;

use glass_fuzz::model::catalogue::{Beside, Catalogue};
use glass_fuzz::model::identity::Identity;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let beside = Beside { read: &|_| Err("there are no files here".to_owned()), check: &|_| Ok(None) };
    if let Err(error) = Catalogue::load(Path::new("/etc/glass/profiles.toml"), bytes, beside) {
        let told = error.to_string();
        assert!(told.chars().all(|letter| letter == '\n' || !letter.is_control()), "{told:?}");
    }
    let load = |bytes: &[u8]| Identity::load(Path::new("identity.toml"), bytes);
    if let Ok(identity) = load(bytes) {
        let text = identity.format();
        assert_eq!(load(text.as_bytes()).expect("glass wrote it").format(), text);
    }
});
