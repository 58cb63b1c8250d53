//! Stars in place of a session's own three values, wherever they turn up in what is kept.
//!
//! Keeps the promise that a session that shows its credentials leaves them in no recording and in no ledger:
//! of a value, or of the forms it takes in a URL, in JSON or in base64, no [`SHORTEST`] characters in a row are kept,
//! whatever colours are between them. Pieces count, and not whole values alone, because programs break long values into
//! lines, and show them again in part. A star stands for each character, so everything else stays where it was.

mod form;
mod visible;

use std::ops::Range;

use memchr::memchr_iter;
use zeroize::Zeroizing;

use super::session::Credentials;
use visible::Visible;

/// How long a piece of a value is masked. What AWS gives has 16 characters or more.
pub const SHORTEST: usize = 12;

/// How long the pieces are that are looked up.
const SEED: usize = 6;

/// How far apart text is looked at: a piece of [`SHORTEST`] characters has a whole seed at one of these places.
const STRIDE: usize = SHORTEST - SEED + 1;

/// Between the forms in [`Mask::forms`].
const BORDER: u8 = 0;

/// How many bits of a seed's hash say whether it may be one of a value's.
const FILTER_BITS: u32 = 18;

/// The most bytes that are kept of a stream to see how they go on: a few characters, and all that colours them.
const LONGEST_END: usize = 4096;

/// The values that are masked.
pub struct Mask {
    /// Each form of each value, and a border after each.
    forms: Zeroizing<Vec<u8>>,
    /// Every seed of the forms and where it is, in order.
    seeds: Zeroizing<Vec<(u64, usize)>>,
    /// One bit for each hash of a seed.
    filter: Zeroizing<Vec<u64>>,
}

impl Mask {
    /// Masks these credentials.
    pub fn of(credentials: &Credentials) -> Mask {
        let Credentials { access_key_id, secret_access_key, session_token } = credentials;
        let values = [access_key_id, secret_access_key.expose(), session_token.expose()];
        let mut forms = Zeroizing::new(Vec::new());
        for form in values.into_iter().flat_map(form::all) {
            forms.extend_from_slice(&form);
            forms.push(BORDER);
        }
        let mut seeds: Vec<_> = forms.array_windows().enumerate().map(|(at, window)| (seed(window), at)).collect();
        seeds.sort_unstable();
        let mut filter = vec![0; 1 << (FILTER_BITS - 6)];
        for (seed, _) in &seeds {
            let (word, bit) = place(*seed);
            filter[word] |= bit;
        }
        Mask { forms, seeds: Zeroizing::new(seeds), filter: Zeroizing::new(filter) }
    }

    /// A whole text, masked.
    pub fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }

    /// The same for what may be no text.
    pub fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut masked = bytes.to_vec();
        cover(&mut masked, &self.covered(&Visible::of(bytes)));
        masked
    }

    /// Where in the whole text the pieces of values are; they may overlap.
    fn covered(&self, visible: &Visible<'_>) -> Vec<Range<usize>> {
        self.pieces(visible.bytes()).into_iter().flat_map(|(start, end)| visible.pieces(start..end)).collect()
    }

    /// Where pieces of values start and end; they may overlap.
    fn pieces(&self, text: &[u8]) -> Vec<(usize, usize)> {
        let mut pieces = Vec::new();
        let mut at = 0;
        while let Some(window) = text.get(at..).and_then(<[u8]>::first_chunk) {
            at += STRIDE;
            let seed = seed(window);
            let (word, bit) = place(seed);
            if self.filter[word] & bit == 0 {
                continue;
            }
            let first = self.seeds.partition_point(|(known, _)| *known < seed);
            for (_, form) in self.seeds[first..].iter().take_while(|(known, _)| *known == seed) {
                let (start, end) = self.around(text, at - STRIDE, *form);
                if end - start >= SHORTEST {
                    pieces.push((start, end));
                    // What overlaps it and goes on behind it has a seed from here on.
                    at = at.max(end + 1 - SHORTEST);
                }
            }
        }
        pieces
    }

    /// How far the text around a seed is that of the forms around theirs.
    fn around(&self, text: &[u8], at: usize, form: usize) -> (usize, usize) {
        let same = |(text, form): &(&u8, &u8)| text == form;
        let before = text[..at].iter().rev().zip(self.forms[..form].iter().rev()).take_while(same).count();
        let after = text[at..].iter().zip(&self.forms[form..]).take_while(same).count();
        (at - before, at + after)
    }

    /// How much of a text's end may be the beginning of a piece that goes on behind it, [`SHORTEST`] - 1 at most.
    fn open_end(&self, text: &[u8]) -> usize {
        let Some((last, before)) = text.split_last() else { return 0 };
        let longest = |at: usize| {
            let known = self.forms[..at].iter().rev();
            1 + before.iter().rev().zip(known).take(SHORTEST - 2).take_while(|(text, form)| text == form).count()
        };
        let goes_on = |at: &usize| self.forms[at + 1] != BORDER;
        // The last byte of all is a border.
        let ends = memchr_iter(*last, &self.forms[..self.forms.len() - 1]).filter(goes_on);
        ends.map(longest).max().unwrap_or(0)
    }
}

/// What is known of a stream that passes through a [`Mask`].
#[derive(Default)]
pub struct Passing {
    /// The end of what has come, as it came: as much of it as may be the beginning of a piece.
    end: Zeroizing<Vec<u8>>,
    /// How much of that end is held back, the last bytes of it.
    held: usize,
    buffer: Vec<u8>,
}

impl Passing {
    /// How many bytes are held back: less than [`SHORTEST`] characters, and what colours them.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Takes more of the stream; what can be released, byte for byte what came, but for the stars.
    pub fn pass(&mut self, mask: &Mask, bytes: &[u8]) -> &[u8] {
        self.buffer.clear();
        self.buffer.extend_from_slice(&self.end);
        self.buffer.extend_from_slice(bytes);
        let released = self.end.len() - self.held;
        let visible = Visible::of(&self.buffer);
        let (mut open, mut known) = (self.buffer.len(), visible.unfinished());
        let open_end = mask.open_end(visible.bytes());
        if open_end > 0 {
            open = visible.whole(visible.bytes().len() - open_end);
            known = open;
        }
        if self.buffer.len() - known > LONGEST_END {
            (open, known) = (self.buffer.len(), self.buffer.len());
        }
        let pieces = mask.covered(&visible);
        drop(visible);
        self.end.clear();
        self.end.extend_from_slice(&self.buffer[known..]);
        cover(&mut self.buffer, &pieces);
        // Stars have nothing to wait for.
        let covered = pieces.iter().map(|piece| piece.end).max().unwrap_or(0);
        let until = open.max(covered).max(released);
        self.held = self.buffer.len() - until;
        &self.buffer[released..until]
    }

    /// Releases what is held back. It stays known, so that of a piece that goes on only this much is seen.
    pub fn release(&mut self) -> &[u8] {
        let held = std::mem::take(&mut self.held);
        &self.end[self.end.len() - held..]
    }
}

/// The bytes of a seed as a number.
fn seed(window: &[u8; SEED]) -> u64 {
    let [a, b, c, d, e, f] = *window;
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

/// A seed's bit in the filter.
fn place(seed: u64) -> (usize, u64) {
    // Fibonacci hashing.
    let hash = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - FILTER_BITS);
    (usize::try_from(hash >> 6).unwrap_or(0), 1 << (hash & 63))
}

/// Puts stars in the place of pieces.
fn cover(text: &mut [u8], pieces: &[Range<usize>]) {
    for piece in pieces {
        text[piece.clone()].fill(b'*');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::secret::Secret;

    const KEY_ID: &str = "ASIAY34FZKBOKMUTVV7A";
    const KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const TOKEN: &str =
        "IQoJb3JpZ2luX2VjE//////////wEaCXVzLWVhc3QtMSJHMEUCIQDKh5c6+Q0zPq8mB1F7vL2sXn4TgYwRkJd3Hf9uVaZbE==";

    fn mask() -> Mask {
        Mask::of(&Credentials {
            access_key_id: KEY_ID.into(),
            secret_access_key: Secret::new(KEY.into()),
            session_token: Secret::new(TOKEN.into()),
        })
    }

    fn stars(text: &str) -> String {
        "*".repeat(text.len())
    }

    /// What comes out of a stream that arrives in these pieces.
    fn passed<'a>(mask: &Mask, pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
        let mut passing = Passing::default();
        let mut out = Vec::new();
        for piece in pieces {
            out.extend_from_slice(passing.pass(mask, piece));
            assert!(passing.held() < SHORTEST);
        }
        out.extend_from_slice(passing.release());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_value_in_a_text_is_stars_and_the_rest_stays() {
        let (mask, text) = (mask(), format!("AWS_ACCESS_KEY_ID={KEY_ID}\nKEY='{KEY}'\n\u{e9}{TOKEN}\u{e9}\n"));
        let expected =
            format!("AWS_ACCESS_KEY_ID={}\nKEY='{}'\n\u{e9}{}\u{e9}\n", stars(KEY_ID), stars(KEY), stars(TOKEN));
        assert_eq!(mask.text(&text), expected);
        assert_eq!(mask.text(&format!("{KEY}{TOKEN}{KEY_ID}\0{KEY}")).replace(['*', '\0'], ""), "");
    }

    #[test]
    fn every_form_of_a_value_is_masked() {
        for form in form::all(TOKEN) {
            let form = String::from_utf8(form.to_vec()).unwrap();
            assert_eq!(mask().text(&format!("?t={form}&x")), format!("?t={}&x", stars(&form)));
        }
    }

    /// As `grep --color` shows a value in which it has found something.
    #[test]
    fn colours_within_a_value_do_not_show_it() {
        let mask = mask();
        for letter in ['E', 'M', '/', 'X'] {
            let coloured = |value: &str, shown: fn(char) -> char| {
                let colour = |character| match shown(character) {
                    shown if character == letter => format!("\u{1b}[01;31m\u{1b}[K{shown}\u{1b}[m\u{1b}[K"),
                    shown => shown.to_string(),
                };
                value.chars().map(colour).collect::<String>()
            };
            let line = |shown| format!("KEY={} TOKEN={}\r\n", coloured(KEY, shown), coloured(TOKEN, shown));
            let (text, expected) = (line(|character| character), line(|_| '*'));
            assert_eq!(mask.text(&text), expected);
            for size in 1..text.len() {
                let (mut passing, mut out) = (Passing::default(), Vec::new());
                for piece in text.as_bytes().chunks(size) {
                    out.extend_from_slice(passing.pass(&mask, piece));
                }
                out.extend_from_slice(passing.release());
                assert_eq!(String::from_utf8(out).unwrap(), expected, "pieces of {size}");
            }
        }
    }

    #[test]
    fn colours_without_end_are_not_kept() {
        let (mask, mut passing, mut out) = (mask(), Passing::default(), 0);
        for count in 0..2000 {
            out += passing.pass(&mask, if count == 0 { b"wJalr\x1b[m" } else { b"\x1b[31m" }).len();
            assert!(passing.end.len() <= LONGEST_END && passing.held() <= LONGEST_END);
        }
        assert_eq!(out + passing.held(), 8 + 1999 * 5);
        let mut passing = Passing::default();
        assert_eq!(passing.pass(&mask, b"\x1b[3"), b"\x1b[3");
        assert_eq!(passing.pass(&mask, b"1mw"), b"1m");
        assert_eq!(passing.held(), 1);
    }

    #[test]
    fn what_is_split_anywhere_is_masked_as_if_it_were_whole() {
        let (mask, text) = (mask(), format!("a {KEY} b {KEY_ID}{TOKEN}\u{e9} wJalrXUtnF IQoJb3JpZ2lu\r\n"));
        let whole = mask.text(&text);
        assert!(whole.contains(" wJalrXUtnF ") && whole.contains(" ************\r"), "{whole}");
        for size in 1..text.len() {
            assert_eq!(passed(&mask, text.as_bytes().chunks(size)), whole, "pieces of {size}");
            let (first, second) = text.as_bytes().split_at(size);
            assert_eq!(passed(&mask, [first, b"", second]), whole, "split at {size}");
        }
    }

    #[test]
    fn of_lines_that_a_program_has_wrapped_no_piece_is_shown() {
        let mask = mask();
        for width in SHORTEST..=TOKEN.len() {
            for border in ["\r\n", " \r", "\u{2502}\n"] {
                let lines: Vec<_> = TOKEN.as_bytes().chunks(width).map(String::from_utf8_lossy).collect();
                let shown = passed(&mask, [lines.join(border).as_bytes()]);
                let left = shown.split(border).filter(|line| line.len() >= SHORTEST && line.contains(|c| c != '*'));
                assert_eq!(left.count(), 0, "{width}: {shown}");
            }
        }
    }

    #[test]
    fn what_is_released_for_its_age_shows_no_more_than_the_beginning() {
        let mask = mask();
        let (mut passing, mut out) = (Passing::default(), Vec::new());
        for byte in TOKEN.bytes() {
            out.extend_from_slice(passing.pass(&mask, &[byte]));
            out.extend_from_slice(passing.release());
        }
        assert_eq!(String::from_utf8(out).unwrap(), format!("{}{}", &TOKEN[..11], stars(&TOKEN[11..])));
    }

    #[test]
    fn nothing_is_held_back_that_cannot_go_on_as_a_value() {
        let (mask, mut passing) = (mask(), Passing::default());
        for (text, held) in [("$ ", 0), ("w", 1), (" ", 0), ("env\r\n", 0), ("x=wJalr", 5), ("!", 0), (TOKEN, 0)] {
            passing.pass(&mask, text.as_bytes());
            assert_eq!(passing.held(), held, "after `{text}`");
        }
    }

    #[test]
    fn hostile_bytes_are_passed_as_they_are() {
        let mask = mask();
        let bytes: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        let mut passing = Passing::default();
        let mut out = passing.pass(&mask, &bytes).to_vec();
        out.extend_from_slice(passing.release());
        assert_eq!(out, bytes);
        assert_eq!(mask.text(""), "");
        let slashes = "/".repeat(SHORTEST);
        assert_eq!(mask.text(&slashes), slashes);
    }
}
