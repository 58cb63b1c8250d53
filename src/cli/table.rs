//! Labels and what stands beside them, on paper or on a terminal of any width.
//!
//! Keeps the promise that nothing that others wrote steers a terminal, and that no word is broken for which a line has
//! room.

use super::out::{Paint, Style};
use crate::model::text::{escaped, wrapped};

/// What is shown beside one label, a line each.
pub type Labelled = (&'static str, Vec<String>);

/// The columns of a label, with what is before it and behind it.
const LABEL: usize = 20;

/// Where a line begins that has no room beside its label.
const INDENT: usize = 4;

/// How labels and lines are shown.
#[derive(Clone, Copy)]
pub struct Table {
    paint: Paint,
    columns: Option<usize>,
}

impl Table {
    /// One whose lines are as long as they are.
    pub fn wide(paint: Paint) -> Table {
        Table { paint, columns: None }
    }

    /// One for a screen of so many columns, if they are known.
    pub fn fitted(paint: Paint, columns: Option<usize>) -> Table {
        Table { paint, columns }
    }

    /// The labels and what is beside them, escaped.
    pub fn rows(self, rows: &[Labelled]) -> String {
        rows.iter().map(|(label, lines)| self.row(Style::Faint, label, lines)).collect()
    }

    /// One label and what is beside it, escaped.
    pub fn row(self, style: Style, label: &str, lines: &[String]) -> String {
        let mut text = String::new();
        for (index, line) in lines.iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            text += &self.line(style, label, &escaped(line));
        }
        text
    }

    /// A title and what it is about, escaped.
    pub fn title(self, title: &str, about: &str) -> String {
        let text = self.sentence(&escaped(&format!("{title}: {about}")));
        text.replacen(title, &self.paint.paint(Style::Strong, title), 1)
    }

    /// A sentence of glass's own.
    pub fn sentence(self, sentence: &str) -> String {
        self.columns.map_or_else(|| sentence.to_owned(), |columns| wrapped(sentence, columns).join("\n")) + "\n"
    }

    fn line(self, style: Style, label: &str, line: &str) -> String {
        let beside = format!("  {}  ", self.paint.paint(style, &format!("{label:16}")));
        let Some(columns) = self.columns else { return format!("{beside}{line}\n") };
        let room = columns.saturating_sub(LABEL).max(LABEL);
        let has_long_word = line.split(' ').any(|word| word.chars().count() > room);
        if has_long_word && line.chars().count() + INDENT <= columns {
            let label =
                if label.is_empty() { String::new() } else { format!("  {}\n", self.paint.paint(style, label)) };
            return format!("{label}{:INDENT$}{line}\n", "");
        }
        beside + &wrapped(line, room).join(&format!("\n{:LABEL$}", "")) + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::ColorChoice;

    fn shown(columns: usize, lines: &[&str]) -> String {
        let table = Table::fitted(Paint::for_stdout(ColorChoice::Never), Some(columns));
        let lines = lines.iter().map(ToString::to_string).collect();
        table.rows(&[("label", lines)])
    }

    #[test]
    fn what_is_long_goes_on_below_and_what_is_one_word_stands_alone() {
        assert_eq!(shown(42, &["it has room"]), "  label             it has room\n");
        assert_eq!(
            shown(42, &["one two three four five six", "seven"]),
            "  label             one two three four\n                    five six\n                    seven\n"
        );
        assert_eq!(shown(42, &["a word-of-thirty-characters-12"]), "  label\n    a word-of-thirty-characters-12\n");
        let beside = " ".repeat(LABEL);
        assert_eq!(
            shown(42, &["sha256", &"0".repeat(42)]),
            format!("  label             sha256\n{beside}{0}\n{beside}{0}\n", "0".repeat(21))
        );
    }

    #[test]
    fn what_steers_a_terminal_is_shown() {
        assert_eq!(shown(80, &["a\x1b[2Jb\nc"]), "  label             a\\u{1b}[2Jb\\nc\n");
    }
}
