//! The words that glass was called with.
//!
//! Keeps the promise that a session's own values are nowhere in what is kept, also when they are words of a glass that
//! runs within the session.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::model::mask::Mask;
use crate::model::session::Credentials;

/// A command line, the program's name first.
pub struct Words {
    /// As it is understood: what stands behind `--` as it came, for it is run.
    pub run: Vec<OsString>,
    /// As it is told.
    pub told: Vec<OsString>,
}

impl Words {
    /// Masks the values of these credentials, if glass was started with any.
    pub fn masked(words: Vec<OsString>, inherited: Option<&Credentials>) -> Words {
        let Some(mask) = inherited.map(Mask::of) else { return Words { run: words.clone(), told: words } };
        let told: Vec<_> = words.iter().map(|word| OsString::from_vec(mask.bytes(word.as_bytes()))).collect();
        let own = words.iter().position(|word| word == OsStr::new("--")).unwrap_or(words.len());
        let run = told[..own].iter().chain(&words[own..]).cloned().collect();
        Words { run, told }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::secret::Secret;

    #[test]
    fn the_values_of_a_session_are_told_by_no_word_and_reach_a_command_as_they_are() {
        let credentials = Credentials {
            access_key_id: "ASIAEXAMPLEEXAMPLE".into(),
            secret_access_key: Secret::new("dYnDF/BoJd0ta6OIW+6HCv0VFyiqbLuV".into()),
            session_token: Secret::new("IVyMerRoOfQ0CkFDXSkkJtRFf4nZug".into()),
        };
        let words = ["glass", "show", "x dYnDF/BoJd0ta6OIW+6HCv0VFyiqbLuV", "--", "IVyMerRoOfQ0CkFDXSkkJtRFf4nZug"];
        let words: Vec<OsString> = words.map(Into::into).to_vec();
        let (secret, token) = (format!("x {}", "*".repeat(32)), "*".repeat(30));
        let masked = Words::masked(words.clone(), Some(&credentials));
        assert_eq!(masked.told, ["glass", "show", &secret, "--", &token]);
        assert_eq!(masked.run, ["glass", "show", &secret, "--", "IVyMerRoOfQ0CkFDXSkkJtRFf4nZug"]);
        let plain = Words::masked(words.clone(), None);
        assert!(plain.told == words && plain.run == words);
    }
}
