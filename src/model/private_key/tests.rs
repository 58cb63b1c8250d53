//! Files that ssh-keygen wrote, and what can become of them.

use ring::rand::SystemRandom;

use super::*;
use crate::model::catalogue::SshKey;
use crate::model::sshsig;

const VECTORS: &str = include_str!("../../../tests/vectors/sshsig/keys.txt");

fn passphrase() -> Secret {
    Secret::new("correct horse".to_owned())
}

/// What each file is, its public key, and its text.
fn vectors() -> impl Iterator<Item = (&'static str, SshKey, &'static str)> {
    VECTORS.split("\n== ").skip(1).map(|block| {
        let (title, rest) = block.split_once('\n').unwrap();
        let (public, text) = rest.split_once('\n').unwrap();
        (title, SshKey::parse(public).unwrap(), text)
    })
}

fn is_locked(title: &str) -> bool {
    title.contains("passphrase")
}

#[test]
fn what_a_file_signs_counts_for_its_public_key() {
    assert_eq!(vectors().count(), 9);
    for (title, public, text) in vectors() {
        let file = KeyFile::parse(text).unwrap();
        assert_eq!(file.public(), public.blob(), "{title}");
        let key = match file.unlocked().unwrap() {
            Some(key) => key,
            None => file.unlock(&passphrase()).unwrap(),
        };
        let signature = key.sign(&sshsig::to_sign("purpose", b"a text"), &SystemRandom::new()).unwrap();
        let armoured = sshsig::armoured(&public, "purpose", &signature);
        sshsig::verify(&armoured, "purpose", b"a text", [&public]).unwrap_or_else(|error| panic!("{title}: {error}"));
    }
}

#[test]
fn a_key_with_a_passphrase_opens_by_that_alone() {
    for (title, _, text) in vectors() {
        let file = KeyFile::parse(text).unwrap();
        assert_eq!(file.unlocked().unwrap().is_none(), is_locked(title), "{title}");
        if is_locked(title) {
            for wrong in ["", "correct hors", "Correct horse", "correct horse "] {
                let error = file.unlock(&Secret::new(wrong.to_owned())).err();
                assert_eq!(error, Some(KeyFileError::WrongPassphrase), "{title}: {wrong}");
            }
        }
    }
}

#[test]
fn a_file_with_any_byte_changed_or_cut_off_never_signs_as_another_key() {
    for (title, public, text) in vectors().filter(|(title, ..)| !is_locked(title)) {
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let bytes = Base64::decode_vec(&body).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x55;
            for changed in [&changed[..], &bytes[..at]] {
                let Ok(file) = KeyFile::read(changed) else { continue };
                let Ok(Some(key)) = file.unlocked() else { continue };
                assert_eq!(key.public(), Ok(file.public().to_vec()), "{title}: {at}");
                // What has been changed in the private part makes it unusable, or a signature that does not count.
                if title == "ed25519" && file.public() == public.blob() {
                    let _ = key.sign(b"", &SystemRandom::new());
                }
            }
        }
    }
}

#[test]
fn what_is_no_key_of_openssh_is_told_apart() {
    let parsed = |text: &str| KeyFile::parse(text).err();
    assert_eq!(parsed(""), Some(KeyFileError::NoKey));
    assert_eq!(parsed("ssh-ed25519 AAAA"), Some(KeyFileError::NoKey));
    assert_eq!(parsed("-----BEGIN RSA PRIVATE KEY-----\n-----END RSA PRIVATE KEY-----\n"), Some(KeyFileError::Older));
    assert_eq!(parsed(&format!("{BEGIN}\n{END}\n")), Some(KeyFileError::Damaged));
    assert_eq!(parsed(&format!("{BEGIN}\n!\n{END}\n")), Some(KeyFileError::Damaged));
    let (_, _, text) = vectors().next().unwrap();
    assert_eq!(parsed(&text.replace('\n', "\r\n")), None);
}
