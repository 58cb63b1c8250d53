//! A strict reader of JSON's shape: it says where a value ends, and nothing about what it means.
//!
//! Stricter than RFC 8259, so that every reader sees the same entry: no white space, no key twice, no
//! escapes in keys, surrogates only in pairs, and [`DEEPEST`] levels at most. Linear in the text's length,
//! but for the keys of an object, which are held against each other.

/// How deep values may be nested.
const DEEPEST: usize = 16;

/// So many keys have room without more memory being asked for: hardly any object of an entry has more.
const KEYS: usize = 16;

/// A text that is read from its beginning. Positions are bytes.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    keys: Vec<&'a str>,
}

/// What was expected at [`Reader::at`] and was not there.
pub(super) type Expected = &'static str;

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Reader { text, at: 0, keys: Vec::with_capacity(KEYS) }
    }

    /// How far the text has been read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Checks that nothing follows.
    pub(super) fn end(&self) -> Result<(), Expected> {
        if self.at == self.text.len() { Ok(()) } else { Err("the end of the line") }
    }

    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, byte: u8) -> bool {
        let found = self.next() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Reads exactly this.
    pub(super) fn literal(&mut self, literal: Expected) -> Result<(), Expected> {
        if self.text.as_bytes()[self.at..].starts_with(literal.as_bytes()) {
            self.at += literal.len();
            Ok(())
        } else {
            Err(literal)
        }
    }

    /// Reads digits without a leading zero, and gives their number.
    pub(super) fn number(&mut self) -> Result<u64, Expected> {
        let start = self.at;
        self.digits();
        let digits = &self.text[start..self.at];
        if digits.len() > 1 && digits.starts_with('0') {
            return Err("a number without a leading zero");
        }
        digits.parse().map_err(|_| "a number")
    }

    /// Reads a string and gives what is between its quotes, escapes and all.
    pub(super) fn string(&mut self) -> Result<&'a str, Expected> {
        if !self.skip(b'"') {
            return Err("a string");
        }
        let start = self.at;
        loop {
            self.at += plain(&self.text.as_bytes()[self.at..]);
            match self.next() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(_) | None => return Err("the end of a string"),
            }
        }
        self.at += 1;
        Ok(&self.text[start..self.at - 1])
    }

    fn escape(&mut self) -> Result<(), Expected> {
        self.at += 1;
        match self.next() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => match self.code_unit()? {
                0xd800..=0xdbff => {
                    let paired = self.skip(b'\\') && matches!(self.code_unit()?, 0xdc00..=0xdfff);
                    if !paired {
                        return Err("the second half of a surrogate pair");
                    }
                }
                0xdc00..=0xdfff => return Err("the first half of a surrogate pair"),
                _ => {}
            },
            _ => return Err("an escape"),
        }
        Ok(())
    }

    fn code_unit(&mut self) -> Result<u16, Expected> {
        if !self.skip(b'u') {
            return Err("the second half of a surrogate pair");
        }
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        self.at += 4;
        digits.and_then(|d| u16::from_str_radix(d, 16).ok()).ok_or("four hex digits")
    }

    /// Reads any object and gives its text.
    pub(super) fn object(&mut self) -> Result<&'a str, Expected> {
        let start = self.at;
        if self.next() != Some(b'{') {
            return Err("an object");
        }
        self.value(DEEPEST)?;
        Ok(&self.text[start..self.at])
    }

    fn value(&mut self, deeper: usize) -> Result<(), Expected> {
        if deeper == 0 {
            return Err("no more nesting");
        }
        match self.next() {
            Some(b'{') => self.members(deeper),
            Some(b'[') => self.items(deeper),
            Some(b'"') => self.string().map(drop),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            Some(b'-' | b'0'..=b'9') => self.decimal(),
            _ => Err("a value"),
        }
    }

    fn members(&mut self, deeper: usize) -> Result<(), Expected> {
        self.at += 1;
        let outer = self.keys.len();
        if !self.skip(b'}') {
            loop {
                let key = self.string()?;
                if key.contains('\\') {
                    return Err("a key without escapes");
                }
                self.keys.push(key);
                self.literal(":")?;
                self.value(deeper - 1)?;
                if !self.skip(b',') {
                    break;
                }
            }
            self.literal("}")?;
        }
        if has_twins(&mut self.keys[outer..]) {
            return Err("no key twice in an object");
        }
        self.keys.truncate(outer);
        Ok(())
    }

    fn items(&mut self, deeper: usize) -> Result<(), Expected> {
        self.at += 1;
        if self.skip(b']') {
            return Ok(());
        }
        loop {
            self.value(deeper - 1)?;
            if !self.skip(b',') {
                return self.literal("]");
            }
        }
    }

    fn decimal(&mut self) -> Result<(), Expected> {
        self.skip(b'-');
        let start = self.at;
        if self.digits() == 0 || (self.text.as_bytes()[start] == b'0' && self.at > start + 1) {
            return Err("a number without a leading zero");
        }
        if self.skip(b'.') && self.digits() == 0 {
            return Err("a digit");
        }
        if self.skip(b'e') || self.skip(b'E') {
            if !self.skip(b'+') {
                self.skip(b'-');
            }
            if self.digits() == 0 {
                return Err("a digit");
            }
        }
        Ok(())
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.next().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }
}

/// Whether a key is there twice. Few are compared each with each, which sorting costs more than; many are sorted.
fn has_twins(keys: &mut [&str]) -> bool {
    if keys.len() <= KEYS {
        return keys.iter().enumerate().any(|(place, key)| keys[..place].contains(key));
    }
    keys.sort_unstable();
    keys.windows(2).any(|pair| pair[0] == pair[1])
}

/// How many bytes stand before the first quote, backslash or control character, eight being looked at at a time.
fn plain(text: &[u8]) -> usize {
    const EACH: u64 = u64::MAX / 0xff;
    // A byte below the least borrows, and has not had its own highest bit. A borrow may mark the bytes above it
    // wrongly, never those below: the lowest mark is right, and in a word read little-endian it is the first.
    let below = |word: u64, least: u64| word.wrapping_sub(least * EACH) & !word & (0x80 * EACH);
    let is = |word: u64, byte: u8| below(word ^ (u64::from(byte) * EACH), 1);
    let (words, rest) = text.as_chunks();
    for (place, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let marks = below(word, 0x20) | is(word, b'"') | is(word, b'\\');
        if marks != 0 {
            return place * 8 + marks.trailing_zeros() as usize / 8;
        }
    }
    let ends = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    words.len() * 8 + rest.iter().position(ends).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> bool {
        let mut reader = Reader::new(text);
        reader.object().is_ok() && reader.at() == text.len()
    }

    #[test]
    fn what_json_allows_is_read() {
        for text in [
            "{}",
            r#"{"a":[],"b":[1,-0.5,1e9,2E-3,0],"c":{"a":null},"d":true,"e":false}"#,
            r#"{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é"}"#,
        ] {
            assert!(whole(text), "{text}");
            assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"a":{"b":1,"c":2,"b":3}}"#,
            r#"{ "a":1}"#,
            r#"{"a": 1}"#,
            r#"{"a":1 }"#,
            r#"{"a":01}"#,
            r#"{"a":-}"#,
            r#"{"a":1.}"#,
            r#"{"a":1e}"#,
            r#"{"a":+1}"#,
            r#"{"a":"\ud83d"}"#,
            r#"{"a":"\ude00"}"#,
            r#"{"a":"\ud83d\u0061"}"#,
            r#"{"a":"\x"}"#,
            "{\"a\":\"\t\"}",
            r#"{"a":1,}"#,
            r#"{"a":[1,]}"#,
            r#"{"a":nul}"#,
            r#"{"a"}"#,
            r#"{"a":"#,
            r#"[]"#,
            "",
        ] {
            assert!(!whole(text), "{text}");
        }
    }

    #[test]
    fn what_ends_plain_text_is_found_wherever_it_is() {
        for length in 0..40 {
            for filler in [b' ', b'!', b'#', b'[', b']', b'a', 0x7f, 0x80, 0xa2, 0xdc, 0xff] {
                let text = vec![filler; length];
                assert_eq!(plain(&text), length, "{filler}");
                for at in 0..length {
                    for end in [0, 1, b'\n', 0x1f, b'"', b'\\'] {
                        let mut text = text.clone();
                        text[at] = end;
                        assert_eq!(plain(&text), at, "{length} {filler} {end}");
                        text[at..].fill(end);
                        assert_eq!(plain(&text), at, "{length} {filler} {end}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_key_is_found_twice_among_few_and_many() {
        for keys in [2, KEYS, KEYS + 1, 10 * KEYS] {
            let members = |last: usize| {
                let names = (0..keys - 1).chain([last]).map(|key| format!("\"{key}\":0"));
                format!("{{{}}}", names.collect::<Vec<_>>().join(","))
            };
            assert!(whole(&members(keys)), "{keys}");
            (0..keys - 1).for_each(|twin| assert!(!whole(&members(twin)), "{twin} of {keys}"));
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(whole(&nested(DEEPEST - 1)));
        assert!(!whole(&nested(DEEPEST)));
    }
}
