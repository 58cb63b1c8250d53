//! A recording as plain text: what stood on the screen, line by line.
//!
//! Keeps the promise that nothing in it steers a terminal. Within a line what was written over is written
//! over, so a command that was edited stands there as it was entered; whatever moves between lines, as a
//! program that fills the screen does, begins another line, so that nothing of it is lost.

use super::escapes::{Escapes, Part};
use crate::model::text::escaped;

/// The columns of a terminal that has not said how many.
const USUAL_COLUMNS: usize = 80;

/// The most characters of a line; what is longer goes on in the next.
const LONGEST_LINE: usize = 1 << 16;

/// The distance between tab stops.
const TAB: usize = 8;

/// A terminal of one line, which takes as many rows as it needs.
#[derive(Debug)]
pub struct Plain {
    escapes: Escapes,
    columns: usize,
    /// The rows of the line, one after another, each of `columns` cells but for the last.
    cells: Vec<char>,
    at: usize,
    /// Whether the cursor stays at the end of its row until something is written: then `at` is one further.
    waits: bool,
    last: char,
    text: String,
}

impl Plain {
    /// A terminal of so many columns.
    pub fn new(columns: u16) -> Plain {
        let (escapes, text) = (Escapes::default(), String::new());
        let mut plain = Plain { escapes, columns: 0, cells: Vec::new(), at: 0, waits: false, last: ' ', text };
        plain.resize(columns);
        plain
    }

    /// Gives the terminal another number of columns.
    pub fn resize(&mut self, columns: u16) {
        self.leave();
        self.columns = if columns == 0 { USUAL_COLUMNS } else { columns.into() };
        self.at = 0;
    }

    /// Takes the next piece of output.
    pub fn write(&mut self, output: &str) {
        let mut escapes = std::mem::take(&mut self.escapes);
        for character in output.chars() {
            match escapes.take(character) {
                Some(Part::Text(character)) => self.put(character),
                Some(Part::Control(control)) => self.control(control),
                Some(Part::Escape("", last)) => self.escape(last),
                Some(Part::Csi(parameters, "", last)) => self.sequence(parameters, last),
                Some(Part::Escape(..) | Part::Csi(..)) | None => {}
            }
        }
        self.escapes = escapes;
    }

    /// Takes the lines that are complete, each with its line feed.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// Completes the last line and takes what is left.
    pub fn finish(mut self) -> String {
        self.leave();
        self.text
    }

    fn put(&mut self, character: char) {
        if self.at >= LONGEST_LINE {
            self.end_line();
            self.at = 0;
        }
        self.last = character;
        if self.cells.len() <= self.at {
            self.cells.resize(self.at + 1, ' ');
        }
        self.cells[self.at] = character;
        self.at += 1;
        self.waits = self.at.is_multiple_of(self.columns);
    }

    fn control(&mut self, control: char) {
        match control {
            '\n' | '\u{b}' | '\u{c}' => self.line_feed(),
            '\r' => self.go(self.row() * self.columns),
            '\u{8}' => self.move_left(1),
            '\t' => self.move_right(TAB - self.column() % TAB),
            _ => {}
        }
    }

    fn escape(&mut self, last: char) {
        match last {
            'D' => self.line_feed(),
            'E' => {
                self.go(self.row() * self.columns);
                self.line_feed();
            }
            'M' => self.move_up(1),
            'c' => self.leave(),
            _ => {}
        }
    }

    fn sequence(&mut self, parameters: &str, last: char) {
        let mut numbers = parameters.trim_start_matches(['?', '>', '=', '<']).split([';', ':']);
        let first = number(numbers.next());
        let count = first.max(1);
        match last {
            'A' => self.move_up(count),
            'F' => {
                self.move_up(count);
                self.go(self.row() * self.columns);
            }
            'B' | 'e' => self.move_down(count),
            'E' => {
                self.move_down(count);
                self.go(self.row() * self.columns);
            }
            'C' | 'a' => self.move_right(count),
            'D' => self.move_left(count),
            'G' | '`' => self.go(self.row() * self.columns + (count - 1).min(self.columns - 1)),
            'H' | 'f' => self.jump((number(numbers.next()).max(1) - 1).min(self.columns - 1)),
            'd' => self.jump(self.column()),
            'J' if first == 0 => self.cells.truncate(self.cursor()),
            'J' => self.jump(self.column()),
            'K' => self.erase_in_row(first),
            'X' => self.blank(self.cursor(), self.cursor() + count.min(self.columns)),
            'P' => self.delete(count),
            '@' => self.insert(count),
            'b' => (0..count.min(self.columns)).for_each(|_| self.put(self.last)),
            'h' | 'l' if parameters.starts_with('?') && parameters.contains("47") | parameters.contains("1049") => {
                self.leave();
            }
            _ => {}
        }
    }

    /// The cell that the cursor is on.
    fn cursor(&self) -> usize {
        self.at - usize::from(self.waits)
    }

    fn row(&self) -> usize {
        self.cursor() / self.columns
    }

    fn column(&self) -> usize {
        self.cursor() % self.columns
    }

    /// The number of the last row in which there is something.
    fn last_row(&self) -> usize {
        self.cells.iter().rposition(|cell| *cell != ' ').unwrap_or(0) / self.columns
    }

    fn go(&mut self, cell: usize) {
        self.at = cell;
        self.waits = false;
    }

    fn move_left(&mut self, count: usize) {
        self.go(self.cursor() - count.min(self.column()));
    }

    fn move_right(&mut self, count: usize) {
        self.go(self.cursor() + count.min(self.columns - 1 - self.column()));
    }

    fn move_up(&mut self, count: usize) {
        if count <= self.row() { self.go(self.cursor() - count * self.columns) } else { self.jump(self.column()) }
    }

    fn move_down(&mut self, count: usize) {
        if self.row().saturating_add(count) <= self.last_row() {
            self.go(self.cursor() + count * self.columns);
        } else {
            self.jump(self.column());
        }
    }

    fn line_feed(&mut self) {
        if self.row() < self.last_row() {
            return self.go(self.cursor() + self.columns);
        }
        let column = self.column();
        self.end_line();
        self.go(column);
    }

    /// Goes to a place that is not in this line.
    fn jump(&mut self, column: usize) {
        self.leave();
        self.go(column);
    }

    /// Completes the line if there is something in it.
    fn leave(&mut self) {
        if self.cells.iter().any(|cell| *cell != ' ') {
            self.end_line();
        }
        self.cells.clear();
        self.go(0);
    }

    /// Completes the line: its rows are one, but where one has ended before the margin.
    fn end_line(&mut self) {
        self.cells.truncate(self.cells.iter().rposition(|cell| *cell != ' ').map_or(0, |last| last + 1));
        let mut line = String::with_capacity(self.cells.len());
        for row in self.cells.chunks(self.columns) {
            if line.ends_with("  ") {
                self.text.push_str(&escaped(line.trim_end_matches(' ')));
                self.text.push('\n');
                line.clear();
            }
            line.extend(row);
        }
        self.text.push_str(&escaped(&line));
        self.text.push('\n');
        self.cells.clear();
    }

    fn erase_in_row(&mut self, which: usize) {
        let (row, cursor) = (self.row() * self.columns, self.cursor());
        match which {
            0 => self.blank(cursor, row + self.columns),
            1 => self.blank(row, cursor + 1),
            _ => self.blank(row, row + self.columns),
        }
    }

    /// Blanks cells, as far as there are any.
    fn blank(&mut self, from: usize, to: usize) {
        let to = to.min(self.cells.len());
        if from < to {
            self.cells[from..to].fill(' ');
        }
    }

    /// The cells from the cursor to the end of its row, as far as there are any.
    fn rest_of_row(&mut self) -> &mut [char] {
        let length = self.cells.len();
        let (from, to) = (self.cursor().min(length), ((self.row() + 1) * self.columns).min(length));
        &mut self.cells[from..to]
    }

    fn delete(&mut self, count: usize) {
        let cells = self.rest_of_row();
        let count = count.min(cells.len());
        cells.rotate_left(count);
        let kept = cells.len() - count;
        cells[kept..].fill(' ');
    }

    fn insert(&mut self, count: usize) {
        // There is room for what moves to the right, up to the end of the row.
        let (cursor, end) = (self.cursor(), (self.row() + 1) * self.columns);
        if cursor < self.cells.len() {
            let length = self.cells.len();
            self.cells.resize(length.max(end.min(length.saturating_add(count))), ' ');
        }
        let cells = self.rest_of_row();
        let count = count.min(cells.len());
        cells.rotate_right(count);
        cells[..count].fill(' ');
    }
}

/// A parameter; 0 where there is none, and no more than any terminal has columns or rows.
fn number(parameter: Option<&str>) -> usize {
    let digits = parameter.unwrap_or_default();
    if digits.is_empty() { 0 } else { digits.parse::<u16>().unwrap_or(u16::MAX).into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(columns: u16, text: &str) -> String {
        let mut plain = Plain::new(columns);
        plain.write(text);
        plain.finish()
    }

    #[test]
    fn escapes_are_gone_and_lines_are_as_they_stood() {
        assert_eq!(plain(80, "\u{1b}[1;31mred\u{1b}[0m\r\n\r\n\u{1b}]0;t\u{7}b\ta\r\n$ "), "red\n\nb       a\n$\n");
        assert_eq!(plain(80, " 10%\r 55%\r100%\r\ndone"), "100%\ndone\n");
        assert_eq!(plain(80, "lsx\u{8} \u{8}\r\n"), "ls\n");
        assert_eq!(plain(80, "long text\r\u{1b}[Kshort\r\n"), "short\n");
        assert_eq!(plain(80, "no feed\u{9b}31m \u{202e}x"), "no feed31m \\u{202e}x\n");
    }

    #[test]
    fn a_command_that_was_edited_stands_as_it_was_entered() {
        // readline: three to the left, insert, delete.
        assert_eq!(plain(80, "ls -l\u{8}\u{8}\u{1b}[1@a\r\n"), "ls a-l\n");
        assert_eq!(plain(80, "ls -la\u{8}\u{8}\u{8}\u{1b}[2P\r\n"), "ls a\n");
        assert_eq!(
            plain(80, "a\u{1b}[5C\u{1b}[2Dx\u{1b}[1Gb\u{1b}[20Gy\u{1b}[19G\u{1b}[1K\r\n"),
            "                   y\n"
        );
        assert_eq!(plain(80, "abc\r\u{1b}[X\u{1b}[2b"), "ccc\n");
    }

    #[test]
    fn what_is_wider_than_the_terminal_is_one_line() {
        assert_eq!(plain(10, "0123456789abcde\r\nx"), "0123456789abcde\nx\n");
        // readline at the margin: a blank and a return to be in the next row for certain.
        assert_eq!(plain(10, "0123456789 \rabc\u{1b}[A\rX\u{1b}[B\rY\r\nx"), "X123456789Ybc\nx\n");
        // zsh marks a line that did not end: a row of blanks, and what it says is written over.
        assert_eq!(plain(10, "%         \r \r\u{1b}[J$ ls\r\n"), "$ ls\n");
        // readline: a search that took two rows, and what was found takes one.
        assert_eq!(plain(10, "(search): ls\r\u{1b}[A$ ls      \r\n   \r\u{1b}[A\u{1b}[4C\r\nout\r\n"), "$ ls\nout\n");
        assert_eq!(plain(10, "out%         \r \r\u{1b}[J$ ls\r\n"), "out%\n$ ls\n");
        assert_eq!(plain(10, "0123456789\rx\r\n"), "x123456789\n");
        assert_eq!(plain(10, "0123456789\u{8}x\r\n"), "01234567x9\n");
    }

    #[test]
    fn what_moves_about_the_screen_loses_nothing() {
        let screen = "$ vi\r\n\u{1b}[?1049h\u{1b}[H\u{1b}[2Jfirst\u{1b}[5;3Hsecond\u{1b}[1;1Hthird\u{1b}[?1049l$ ";
        assert_eq!(plain(80, screen), "$ vi\nfirst\n  second\nthird\n$\n");
        assert_eq!(
            plain(80, "one\r\ntwo\u{1b}[Athree\u{1b}[2Jfour\u{1b}cfive\u{1b}Msix"),
            "one\ntwo\n   three\n        four\nfive\n    six\n"
        );
    }

    #[test]
    fn a_terminal_that_changes_its_size_begins_a_line() {
        let mut plain = Plain::new(0);
        plain.write("a");
        plain.resize(3);
        plain.write("bcde\u{1b}[A\rx\r\n\nf");
        assert_eq!(plain.finish(), "a\nxcde\nf\n");
    }

    #[test]
    fn nothing_steers_and_nothing_grows_without_bound() {
        let mut hostile = String::new();
        let mut state = 1u32;
        for _ in 0..300_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let characters = b"\x1b\x1b[[[?;;0199999ABCDEFGHJKMPX@bdhlm`\r\n\t\x08\x07\x9b x]\\Pk";
            hostile.push(char::from(characters[(state >> 16) as usize % characters.len()]));
        }
        for columns in [1, 2, 7, 80, u16::MAX] {
            let mut plain = Plain::new(columns);
            for piece in hostile.as_bytes().chunks(1000) {
                plain.write(&String::from_utf8_lossy(piece));
                assert!(plain.cells.len() <= LONGEST_LINE + usize::from(u16::MAX));
                plain.take();
            }
            plain.write(&hostile);
            let text = plain.finish();
            assert!(!text.chars().any(|character| character.is_control() && character != '\n'));
        }
        let mut plain = Plain::new(80);
        plain.write(&"x".repeat(1_000_000));
        assert_eq!(plain.take().lines().map(str::len).max(), Some(LONGEST_LINE));
    }
}
