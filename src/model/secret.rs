//! Values that must never be seen: keys, tokens, codes.
//!
//! Keeps the promise that nothing secret is ever printed: a [`Secret`] shows
//! itself as `***` in every format, and its memory is wiped when it is dropped.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A text that prints as `***` and is wiped on drop.
///
/// Neither `Serialize` nor `Clone`: each copy is made on purpose, where it can be seen.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Takes a text in; its buffer is wiped when the secret is dropped.
    pub fn new(text: String) -> Self {
        Secret(text)
    }

    /// Hands the text out to the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Makes another secret of the same text.
    pub fn duplicate(&self) -> Self {
        Secret(self.0.clone())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_stars_in_every_format() {
        let secret = Secret::new("wJalrXUtnFEMI".into());
        assert_eq!(format!("{secret} {secret:?} {secret:#?}"), "*** *** ***");
    }
}
