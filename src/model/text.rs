//! Text from outside on its way to a terminal.
//!
//! Reasons, incidents, names and AWS's messages may hold escape sequences or
//! characters that turn the direction of writing; [`escaped`] makes them visible.

use std::fmt::Write;

/// Shows control, format and bidirectional characters as `\u{…}`, everything else as it is.
pub fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            _ if is_hostile(character) => {
                write!(shown, "\\u{{{:x}}}", u32::from(character)).expect("writing to a String cannot fail");
            }
            _ => shown.push(character),
        }
    }
    shown
}

/// Shows a text of many lines: its line feeds and tabs as they are, everything else as [`escaped`] does.
pub fn escaped_lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    text.split_inclusive(['\n', '\t'])
        .map(|part| {
            let end = part.strip_suffix(['\n', '\t']).map_or(part.len(), str::len);
            escaped(&part[..end]) + &part[end..]
        })
        .collect()
}

/// Shows bytes that should be a text: what is no UTF-8 as `\xff`, everything else as it is.
pub fn lossless(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        shown.push_str(chunk.valid());
        for byte in chunk.invalid() {
            write!(shown, "\\x{byte:02x}").expect("writing to a String cannot fail");
        }
    }
    shown
}

/// Breaks a line at its spaces into rows of at most so many characters; a word that is longer is cut into equal parts.
pub fn wrapped(line: &str, columns: usize) -> Vec<String> {
    let length = |text: &str| text.chars().count();
    let mut rows: Vec<String> = Vec::new();
    for word in line.split(' ') {
        match rows.last_mut() {
            Some(row) if length(row) + 1 + length(word) <= columns => *row += &format!(" {word}"),
            _ if length(word) <= columns => rows.push(word.to_owned()),
            _ => {
                let letters: Vec<char> = word.chars().collect();
                let part = letters.len().div_ceil(letters.len().div_ceil(columns.max(1)));
                rows.extend(letters.chunks(part).map(|part| part.iter().collect::<String>()));
            }
        }
    }
    rows
}

/// How many bytes a character takes in an entry of the ledger at the most, escaped.
pub fn stored_bytes(character: char) -> usize {
    match character {
        '"' | '\\' => 2,
        _ if is_hostile(character) => 12,
        _ => character.len_utf8(),
    }
}

/// A text with one space between its words.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a character can steer a terminal or hide what is written around it.
pub fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character,
            // Some of them are letters or blanks by their kind, and nothing is seen of them.
            '\u{00ad}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_shown_and_do_nothing() {
        assert_eq!(escaped("a\x1b[2Jb\u{202e}c\nd\u{9b}é"), "a\\u{1b}[2Jb\\u{202e}c\\nd\\u{9b}é");
    }

    #[test]
    fn a_line_is_broken_at_its_spaces_and_loses_nothing() {
        assert_eq!(wrapped("", 5), [""]);
        assert_eq!(wrapped("éne two  six", 7), ["éne two", " six"]);
        assert_eq!(wrapped("a 1234567890 b", 6), ["a", "12345", "67890", "b"]);
        assert_eq!(wrapped("ab", 0), ["a", "b"]);
    }

    #[test]
    fn bytes_that_are_no_text_are_shown() {
        assert_eq!(lossless(b"caf\xc3\xa9 \xff\xc3"), "caf\u{e9} \\xff\\xc3");
    }

    #[test]
    fn a_text_of_many_lines_keeps_its_shape_and_nothing_that_steers() {
        assert_eq!(escaped_lines("# a\r\n\n\tb\x1b]0;x\x07\rc\n"), "# a\n\n\tb\\u{1b}]0;x\\u{7}\\rc\n");
        assert_eq!(escaped_lines("no line feed"), "no line feed");
    }
}
