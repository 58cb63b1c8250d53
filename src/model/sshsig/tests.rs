//! What OpenSSH made, and what somebody could make of it.

use super::*;

const VECTORS: &str = include_str!("../../../tests/vectors/sshsig/signatures.txt");

const PURPOSE: &str = "glass-approval@v1";

/// The text that all vectors sign.
const TEXT: &str = "glass-approval-v1\napprove\nbob\n2026-01-02T03:04:05Z\n\
    0000000000000000000000000000000000000000000000000000000000000000\n\n";

struct Vector {
    title: &'static str,
    expected: &'static str,
    key: SshKey,
    armoured: &'static str,
}

impl Vector {
    fn said(&self, armoured: &str) -> String {
        said(verify(armoured, PURPOSE, TEXT.as_bytes(), [&self.key]))
    }
}

fn said(outcome: Result<&SshKey, SignatureError>) -> String {
    outcome.map_or_else(|error| error.to_string(), |_| "good".to_owned())
}

fn vectors() -> impl Iterator<Item = Vector> {
    VECTORS.split("\n== ").skip(1).map(|block| {
        let (head, rest) = block.split_once('\n').unwrap();
        let (title, expected) = head.split_once(": ").unwrap();
        let (key, armoured) = rest.split_once('\n').unwrap();
        // An RSA key that is too short for the catalogue: any other stands in its place.
        let key = SshKey::parse(key).unwrap_or_else(|_| some_key());
        Vector { title, expected, key, armoured }
    })
}

fn good() -> impl Iterator<Item = Vector> {
    vectors().filter(|vector| vector.expected == "good")
}

fn some_key() -> SshKey {
    SshKey::parse("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDB6/SDyLWPeT2czK/WpYdtSK3RDzELGEQqrzNg5wJxs").unwrap()
}

/// A text in the armour's lines, whatever it is.
fn wrapped(blob: &[u8]) -> String {
    format!("{BEGIN}\n{}\n{END}\n", Base64::encode_string(blob))
}

#[test]
fn every_signature_is_what_its_vector_says() {
    assert!(vectors().count() > 40 && good().count() > 8);
    for vector in vectors() {
        assert_eq!(vector.said(vector.armoured), vector.expected, "{}", vector.title);
    }
}

#[test]
fn a_signature_counts_for_its_words_its_purpose_and_its_key_alone() {
    let stranger = some_key();
    for Vector { title, key, armoured, .. } in good() {
        let of = |purpose, text: &str, keys: &[&SshKey]| {
            verify(armoured, purpose, text.as_bytes(), keys.iter().copied()).map(|key| key.blob().to_vec())
        };
        assert_eq!(of(PURPOSE, TEXT, &[&stranger, &key]), Ok(key.blob().to_vec()), "{title}");
        assert_eq!(of("file", TEXT, &[&key]), Err(SignatureError::Namespace(PURPOSE.to_owned())), "{title}");
        assert_eq!(of(PURPOSE, &TEXT[1..], &[&key]), Err(SignatureError::Bad), "{title}");
        let other = SignatureError::OtherKey(key.fingerprint().to_string());
        assert_eq!(of(PURPOSE, TEXT, &[&stranger]), Err(other.clone()), "{title}");
        assert_eq!(of(PURPOSE, TEXT, &[]), Err(other), "{title}");
    }
}

#[test]
fn a_signature_with_any_bit_changed_does_not_count() {
    for vector in good() {
        let blob = dearmoured(vector.armoured).unwrap();
        for (at, bit) in (0..blob.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut changed = blob.clone();
            changed[at] ^= 1 << bit;
            assert_ne!(vector.said(&wrapped(&changed)), "good", "{}: byte {at}, bit {bit}", vector.title);
        }
        for at in 0..vector.armoured.len() {
            let mut changed = vector.armoured.as_bytes().to_vec();
            changed[at] ^= 1;
            let changed = String::from_utf8(changed).unwrap();
            assert_ne!(vector.said(&changed), "good", "{}: character {at}", vector.title);
        }
    }
}

#[test]
fn a_signature_that_is_cut_or_goes_on_does_not_count() {
    for vector in good() {
        let blob = dearmoured(vector.armoured).unwrap();
        for length in 0..blob.len() {
            assert_ne!(vector.said(&wrapped(&blob[..length])), "good", "{}: {length} bytes", vector.title);
        }
        let whole = vector.armoured.trim_end();
        for length in 0..whole.len() {
            assert_ne!(vector.said(&whole[..length]), "good", "{}: {length} characters", vector.title);
        }
        for more in ["x", "\n\n", "\nx\n", "\n-----BEGIN SSH SIGNATURE-----\n"] {
            assert_ne!(vector.said(&format!("{whole}{more}")), "good", "{}", vector.title);
            assert_ne!(vector.said(&format!("{more}{whole}")), "good", "{}", vector.title);
        }
    }
}

#[test]
fn lines_may_be_of_any_length_and_end_as_on_other_systems() {
    for vector in good() {
        let blob = dearmoured(vector.armoured).unwrap();
        assert_eq!(vector.said(&wrapped(&blob)), "good");
        assert_eq!(vector.said(&vector.armoured.replace('\n', "\r\n")), "good");
        assert_eq!(vector.said(vector.armoured.trim_end()), "good");
    }
}

#[test]
fn what_is_too_large_is_not_looked_at() {
    let huge = wrapped(&vec![0; LARGEST]);
    let error = verify(&huge, PURPOSE, b"", [&some_key()]).unwrap_err();
    assert_eq!(error, SignatureError::TooLarge(huge.len()));
}

#[test]
fn what_is_put_into_the_form_of_a_file_is_as_ssh_keygen_writes_it() {
    let made = vectors().filter(|vector| vector.title.starts_with("ssh-keygen") && vector.expected == "good");
    assert_eq!(
        made.map(|vector| {
            let blob = dearmoured(vector.armoured).unwrap();
            let parts = Parts::read(&blob).unwrap();
            assert_eq!(armoured(&vector.key, PURPOSE, parts.signature), vector.armoured);
        })
        .count(),
        3
    );
}
