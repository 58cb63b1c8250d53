//! The seed of an authenticator, and the MFA codes that follow from it (RFC 6238, as AWS uses it).
//!
//! A seed that glass keeps lies in the system keyring, beside the access key that it should
//! protect; whoever wants that is told so.

use std::fmt;

use totp_rs::{Builder, Secret as Bytes};

use super::mfa::STEP;
use super::name::PersonName;
use super::secret::Secret;
use super::time::Timestamp;

/// The fewest bytes of a seed: 80 bits. AWS gives 40.
const FEWEST: usize = 10;

/// The seed of a virtual MFA device. It is wiped when dropped.
pub struct Seed(Bytes);

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Seed {
    /// The name of a person's entry in the keyring.
    pub fn entry(person: &PersonName) -> String {
        format!("totp-seed/{person}")
    }

    /// Reads a seed as AWS shows it (base32; case, white space and `-` do not matter) or as a QR code holds it (`otpauth://totp/…`).
    ///
    /// # Errors
    /// When it is neither, is too short, or asks for other codes than AWS takes.
    pub fn parse(typed: &Secret) -> Result<Self, SeedError> {
        let text = typed.expose().trim();
        let base32 = match text.strip_prefix("otpauth://") {
            Some(rest) => secret_of_uri(rest)?,
            None => text,
        };
        let mut letters = String::with_capacity(base32.len());
        letters.extend(base32.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_uppercase()));
        let letters = Secret::new(letters);
        let bare = letters.expose().trim_end_matches('=');
        let seed = Bytes::try_from_base32(bare).map_err(|_| SeedError::NotBase32)?;
        // 1, 3 or 6 letters over are no whole bytes: some were lost on the way.
        if matches!(bare.len() % 8, 1 | 3 | 6) {
            return Err(SeedError::NotBase32);
        }
        if seed.as_bytes().len() < FEWEST {
            return Err(SeedError::TooShort);
        }
        Ok(Seed(seed))
    }

    /// The text that the keyring keeps: base32 in upper case.
    pub fn format(&self) -> Secret {
        Secret::new(self.0.to_base32())
    }

    /// The code of the step that `now` is in: 6 digits, SHA-1.
    pub fn code_at(&self, now: Timestamp) -> Secret {
        // Noncompliant only for seeds between 80 and 128 bits, which authenticators take too.
        let totp = Builder::new().with_secret(self.0.clone()).with_step_duration(STEP).build_noncompliant();
        Secret::new(totp.generate(u64::try_from(now.seconds()).unwrap_or(0)).to_string())
    }
}

/// The `secret` of `totp/LABEL?secret=…&algorithm=…&digits=…&period=…`.
fn secret_of_uri(rest: &str) -> Result<&str, SeedError> {
    let query = rest.strip_prefix("totp/").and_then(|rest| rest.split_once('?')).ok_or(SeedError::NotTotp)?.1;
    let mut found = None;
    for pair in query.split('&') {
        match pair.split_once('=').unwrap_or((pair, "")) {
            ("secret", value) => found = Some(value.trim_end_matches("%3D").trim_end_matches("%3d")),
            ("algorithm", value) if !value.eq_ignore_ascii_case("SHA1") => return Err(SeedError::OtherCodes),
            ("digits", value) if value != "6" => return Err(SeedError::OtherCodes),
            ("period", value) if value != "30" => return Err(SeedError::OtherCodes),
            _ => {}
        }
    }
    found.ok_or(SeedError::NotTotp)
}

/// Why a text is not a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedError {
    /// It has characters other than A-Z and 2-7, or lost some.
    NotBase32,
    /// It has less than 80 bits.
    TooShort,
    /// It is an `otpauth` address without `totp/` or without a secret.
    NotTotp,
    /// It asks for codes that AWS does not take.
    OtherCodes,
}

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SeedError::NotBase32 => "the seed is not whole base32 (letters A to Z and digits 2 to 7)",
            SeedError::TooShort => "the seed is too short: 16 letters at least, and 64 from AWS",
            SeedError::NotTotp => "the otpauth address is not of the form otpauth://totp/NAME?secret=…",
            SeedError::OtherCodes => "AWS takes 6 digits every 30 seconds by SHA-1, and this seed is for other codes",
        })
    }
}

impl std::error::Error for SeedError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 6238 appendix B, `12345678901234567890`.
    const RFC: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn parse(text: &str) -> Result<Seed, SeedError> {
        Seed::parse(&Secret::new(text.into()))
    }

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        let seed = parse(RFC).expect("valid");
        for (second, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(seed.code_at(Timestamp::from_seconds(second)).expose(), code);
        }
    }

    #[test]
    fn a_seed_is_taken_as_people_have_it() {
        for text in [
            " gezd-gnbv gy3t qojq\tgezdgnbvgy3tqojq \n",
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ======",
            "otpauth://totp/Amazon%20Web%20Services:alice@acme?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=AWS",
            "otpauth://totp/a?issuer=AWS&algorithm=sha1&digits=6&period=30&secret=gezdgnbvgy3tqojqgezdgnbvgy3tqojq%3D",
        ] {
            assert_eq!(parse(text).expect("valid").format().expose(), RFC, "{text}");
        }
        assert!(!format!("{:?}", parse(RFC)).contains("GEZD"));
    }

    #[test]
    fn what_is_no_seed_says_why() {
        for (text, why) in [
            ("", SeedError::TooShort),
            ("GEZDGNBVGY3TQOJ1", SeedError::NotBase32),
            ("GEZDGNBVGY3TQOJQG", SeedError::NotBase32),
            ("GEZDGNBV", SeedError::TooShort),
            ("otpauth://hotp/a?secret=GEZDGNBVGY3TQOJQ", SeedError::NotTotp),
            ("otpauth://totp/a?issuer=AWS", SeedError::NotTotp),
            ("otpauth://totp/a?secret=GEZDGNBVGY3TQOJQ&digits=8", SeedError::OtherCodes),
            ("otpauth://totp/a?secret=GEZDGNBVGY3TQOJQ&algorithm=SHA256", SeedError::OtherCodes),
        ] {
            assert_eq!(parse(text).expect_err(text), why, "{text}");
        }
    }
}
