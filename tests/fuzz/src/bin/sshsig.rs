//! SSH signatures and files of private keys.
#![no_main]

use std::sync::LazyLock;

use glass_fuzz::model::catalogue::SshKey;
use glass_fuzz::model::private_key::KeyFile;
use glass_fuzz::model::sshsig::verify;
use libfuzzer_sys::fuzz_target;

/// The keys of the vectors.
static KEYS: LazyLock<Vec<SshKey>> = LazyLock::new(|| {
    let vectors = include_str!("../../../vectors/sshsig/signatures.txt");
    vectors.lines().filter_map(|line| SshKey::parse(line).ok()).collect()
});

fuzz_target!(|text: &str| {
    let signer = verify(text, "glass-approval@v1", b"nobody has signed this", KEYS.iter());
    assert!(signer.is_err());
    if let Ok(file) = KeyFile::parse(text) {
        let _opened = file.unlocked();
    }
    let _key = SshKey::parse(text);
});
