//! The forms in which programs show a value: as it is, in a URL, in JSON, in base64.

use zeroize::Zeroizing;

/// The letters of base64 (RFC 4648, section 4); those for URLs differ in two, so that what is between these is found.
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A value in one of its forms.
pub(super) type Form = Zeroizing<Vec<u8>>;

/// All forms of a value, each once.
pub(super) fn all(value: &str) -> Vec<Form> {
    let escapes: [Escape; 4] = [as_it_is, in_a_url, in_a_url_with_small_letters, in_json];
    let escaped = escapes.into_iter().map(|escape| escaped(value, escape));
    let encoded = (0..3).map(|before| in_base64(value, before));
    let mut forms = Vec::new();
    for form in escaped.chain(encoded) {
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    forms
}

/// What stands for a character in one form of a value, if not the character.
type Escape = fn(u8) -> Option<String>;

fn escaped(value: &str, escape: Escape) -> Form {
    let characters = value.bytes().map(|byte| escape(byte).map_or_else(|| vec![byte], String::into_bytes));
    Zeroizing::new(characters.flatten().collect())
}

fn as_it_is(_: u8) -> Option<String> {
    None
}

fn in_a_url(byte: u8) -> Option<String> {
    in_a_url_with_small_letters(byte).map(|escape| escape.to_uppercase())
}

fn in_a_url_with_small_letters(byte: u8) -> Option<String> {
    let stays = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (!stays).then(|| format!("%{byte:02x}"))
}

fn in_json(byte: u8) -> Option<String> {
    (byte == b'/').then(|| "\\/".to_owned())
}

/// The value within a text in base64 of which so many bytes come before it, but for `3n` more: those of the letters
/// that tell of nothing but the value.
fn in_base64(value: &str, before: usize) -> Form {
    let mut bits = Zeroizing::new(vec![0u8; before]);
    bits.extend_from_slice(value.as_bytes());
    let letter = |at: usize| {
        // Six bits lie in two bytes at the most.
        let (byte, shift) = (at * 6 / 8, at * 6 % 8);
        let pair = u16::from_be_bytes([bits[byte], bits.get(byte + 1).copied().unwrap_or(0)]);
        BASE64[usize::from(pair >> (10 - shift) & 63)]
    };
    Zeroizing::new(((before * 8).div_ceil(6)..bits.len() * 8 / 6).map(letter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_are_those_that_others_make() {
        let forms = all("k/e+y=1~");
        let of = |text: &str| Zeroizing::new(text.as_bytes().to_vec());
        // As `printf %s | base64` has them, without what is of the bytes before and behind.
        for form in
            ["k/e+y=1~", "k%2Fe%2By%3D1~", "k%2fe%2by%3d1~", "k\\/e+y=1~", "ay9lK3k9MX", "svZSt5PTF+", "rL2UreT0xf"]
        {
            assert!(forms.contains(&of(form)), "{form} is not in {forms:?}");
        }
        assert_eq!(forms.len(), 7);
    }
}
