//! What a webhook is sent with, and what its answer means.
//!
//! Keeps the promise that whoever receives an entry can tell that it comes from somebody who has the secret, and that
//! it is not an old one sent again: `docs/formats.md`, section 7.

use std::ops::RangeInclusive;

use ring::hmac::{HMAC_SHA256, Key, sign};

use super::secret::Secret;

/// How many characters a secret has.
const LENGTHS: RangeInclusive<usize> = 16..=256;

/// The value of `glass-signature`: HMAC-SHA256 over the time in seconds since 1970, a full stop, and the body.
pub fn signature(secret: &Secret, seconds: i64, body: &[u8]) -> String {
    let key = Key::new(HMAC_SHA256, secret.expose().as_bytes());
    let signed = [format!("{seconds}.").as_bytes(), body].concat();
    let tag: String = sign(&key, &signed).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={tag}")
}

/// Checks a secret: 16 to 256 visible ASCII characters.
///
/// # Errors
/// When it is none; the error does not hold it.
pub fn check_secret(text: &str) -> Result<Secret, &'static str> {
    let text = text.trim_end_matches(['\n', '\r']);
    if LENGTHS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(Secret::new(text.to_owned()))
    } else {
        Err("a webhook's secret has 16 to 256 visible ASCII characters, and no white space")
    }
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The entry was taken.
    Taken,
    /// This entry will never be taken.
    NotThisOne,
    /// Not now: it is sent again.
    NotNow,
}

impl Reply {
    /// The meaning of a status. One that is about what was sent will be the same for ever; anything else may be mended.
    pub fn of(status: u16) -> Reply {
        match status {
            200..=299 => Reply::Taken,
            400 | 413 | 415 | 422 => Reply::NotThisOne,
            _ => Reply::NotNow,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python's hmac and hashlib.
    #[test]
    fn a_signature_is_what_others_compute() {
        let secret = Secret::new("whsec_0123456789abcdef".to_owned());
        assert_eq!(
            signature(&secret, 1_769_825_580, b"{\"v\":1}\n"),
            "t=1769825580,v1=4b37418e5fdaada62cfc921599a4a6a160ab80decf1fd51aee962cd348f7c701"
        );
    }

    #[test]
    fn a_secret_is_long_and_visible() {
        for good in ["0123456789abcdef", "0123456789abcdef\n", &"~".repeat(256)] {
            assert_eq!(check_secret(good).expect(good).expose(), good.trim_end());
        }
        for wrong in ["", "0123456789abcde", "0123456789 abcdef", "0123456789abcdéf", &"a".repeat(257)] {
            assert!(check_secret(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_what_is_about_the_entry_itself_is_final() {
        let of = |status| (200..600).filter(|code| Reply::of(*code) == status).count();
        assert_eq!((of(Reply::Taken), of(Reply::NotThisOne)), (100, 4));
        assert_eq!(Reply::of(410), Reply::NotNow);
        assert_eq!(Reply::of(307), Reply::NotNow);
    }
}
