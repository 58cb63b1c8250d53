//! One mistake in a TOML file: what is wrong, and exactly where.
//!
//! Keeps the promise that a mistake cites file:line:column with the line and a
//! caret, however long the line is and whatever it holds.

use std::fmt;
use std::ops::Range;

use crate::model::text::escaped;

/// As much of a line as is shown, in characters.
const SHOWN_COLUMNS: usize = 100;

/// How much of a long line is shown before the place of the mistake, in characters.
const SHOWN_BEFORE: usize = 40;

/// A mistake with its place; safe to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file, as it is named to people.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The character of the line, from 1.
    pub column: usize,
    /// What is wrong, in one clause.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    excerpt: String,
    caret: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mistake { file, line, column, message, hint, excerpt, caret } = self;
        let gutter = line.to_string().len();
        writeln!(f, "{}:{line}:{column}: {message}", escaped(file))?;
        writeln!(f, "  {line} | {excerpt}")?;
        write!(f, "  {:gutter$} | {caret}", "")?;
        match hint {
            Some(hint) => write!(f, "\n  {:gutter$} = hint: {hint}", ""),
            None => Ok(()),
        }
    }
}

/// The text of a file, for finding lines and columns in it.
pub struct Source<'a> {
    file: &'a str,
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Source<'a> {
    /// Takes the text of a file in, with the name that people know the file by.
    pub fn new(file: &'a str, text: &'a str) -> Self {
        let after_newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Source { file, text, line_starts: std::iter::once(0).chain(after_newlines).collect() }
    }

    /// Makes a mistake of what is wrong with a range of bytes of the text.
    pub fn mistake(&self, span: &Range<usize>, message: String, hint: Option<String>) -> Mistake {
        let start = self.character_boundary(span.start);
        let line = self.line_starts.partition_point(|line_start| *line_start <= start) - 1;
        let text = self.line(line);
        let before = start - self.line_starts[line];
        let before = before.min(text.len());
        let marked = self.character_boundary(span.end).saturating_sub(start).clamp(0, text.len() - before);
        let (excerpt, caret) = excerpt(text, before, marked);
        let column = text[..before].chars().count() + 1;
        Mistake { file: self.file.to_owned(), line: line + 1, column, message, hint, excerpt, caret }
    }

    fn line(&self, index: usize) -> &'a str {
        let start = self.line_starts[index];
        let end = self.line_starts.get(index + 1).map_or(self.text.len(), |next| next - 1);
        self.text[start..end].trim_end_matches('\r')
    }

    fn character_boundary(&self, at: usize) -> usize {
        let at = at.min(self.text.len());
        (0..=at).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0)
    }
}

/// The part of a line that is shown, and the carets below the marked bytes of it.
fn excerpt(line: &str, before: usize, marked: usize) -> (String, String) {
    let left: Vec<char> = line[..before].chars().collect();
    let skipped = if left.len() > SHOWN_COLUMNS - SHOWN_BEFORE { left.len() - SHOWN_BEFORE } else { 0 };
    let room = SHOWN_COLUMNS - (left.len() - skipped);
    let shown_left = shown(left[skipped..].iter().copied());
    let shown_marked = shown(line[before..before + marked].chars().take(room));
    let left_over = room.saturating_sub(line[before..before + marked].chars().count());
    let shown_right = shown(line[before + marked..].chars().take(left_over));
    let cut = line[before..].chars().count() > room;
    let (first, last) = (if skipped > 0 { "…" } else { "" }, if cut { "…" } else { "" });
    let indent = first.chars().count() + shown_left.chars().count();
    let carets = shown_marked.chars().count().max(1);
    (format!("{first}{shown_left}{shown_marked}{shown_right}{last}"), format!("{:indent$}{}", "", "^".repeat(carets)))
}

/// A tab takes one column, like every other character.
fn shown(part: impl Iterator<Item = char>) -> String {
    escaped(&part.map(|character| if character == '\t' { ' ' } else { character }).collect::<String>())
}

/// Text from a file within a message: between backquotes, escaped, and not too long.
pub fn quoted(text: &str) -> String {
    let start: String = text.chars().take(80).collect();
    let more = if start.len() < text.len() { "…" } else { "" };
    format!("`{}{more}`", escaped(&start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown_for(text: &str, span: Range<usize>) -> String {
        Source::new("profiles.toml", text).mistake(&span, "is wrong".into(), None).to_string()
    }

    #[test]
    fn a_mistake_shows_its_line_and_a_caret() {
        let text = "version = 1\nsumary = \"x\"\n";
        assert_eq!(shown_for(text, 12..18), "profiles.toml:2:1: is wrong\n  2 | sumary = \"x\"\n    | ^^^^^^");
        let hint = Some("did you mean `summary`?".to_owned());
        let mistake = Source::new("p", text).mistake(&(12..18), "is wrong".into(), hint);
        assert!(mistake.to_string().ends_with("\n    = hint: did you mean `summary`?"));
    }

    #[test]
    fn tabs_escapes_and_wide_lines_keep_the_caret_in_place() {
        assert_eq!(
            shown_for("\té\u{1b} = 1", 5..6),
            "profiles.toml:1:5: is wrong\n  1 |  é\\u{1b} = 1\n    |          ^"
        );
        let long = format!("x = \"{}\" WRONG {}", "a".repeat(500), "b".repeat(500));
        let text = shown_for(&long, 507..512);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("profiles.toml:1:508:"));
        assert!(lines.iter().all(|line| line.chars().count() <= 110), "{text}");
        let caret = lines[2].chars().position(|c| c == '^').expect("a caret");
        assert_eq!(lines[1].chars().skip(caret).take(5).collect::<String>(), "WRONG");
    }

    #[test]
    fn any_range_of_any_text_can_be_shown() {
        for text in ["", "\n", "é", "a\r\nb", "\u{feff}x\n\n"] {
            for start in 0..text.len() + 2 {
                for end in start..text.len() + 3 {
                    assert!(shown_for(text, start..end).contains('^'));
                }
            }
        }
    }
}
