//! What a person sees: a terminal's bytes as the rows of a screen.

/// A screen of so many columns; it keeps what has scrolled away, as a terminal's window does.
pub struct Screen {
    columns: usize,
    rows: Vec<Vec<char>>,
    column: usize,
}

impl Screen {
    /// Shows these bytes on an empty screen. It knows what glass and a plain shell send, and fails at anything else.
    pub fn of(text: &str, columns: u16) -> Screen {
        let mut screen = Screen { columns: columns.into(), rows: vec![Vec::new()], column: 0 };
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '\r' => screen.column = 0,
                '\n' => screen.rows.push(Vec::new()),
                '\x08' => screen.column = screen.column.saturating_sub(1),
                '\x07' => {}
                '\x1b' => screen.obey(&mut letters),
                letter => screen.put(letter),
            }
        }
        screen
    }

    /// The last rows, as many as a terminal has, without what is blank at their ends.
    pub fn last(&self, count: usize) -> String {
        let rows = &self.rows[self.rows.len().saturating_sub(count)..];
        rows.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned() + "\n").collect()
    }

    /// All rows, also those that one has to scroll up for.
    pub fn all(&self) -> String {
        self.last(self.rows.len())
    }

    /// Carries out an escape sequence.
    fn obey(&mut self, letters: &mut std::str::Chars<'_>) {
        assert_eq!(letters.next(), Some('['), "an escape sequence that no test has seen");
        let mut sequence = String::new();
        while !sequence.ends_with(|letter: char| letter.is_ascii_alphabetic()) {
            sequence.push(letters.next().unwrap());
        }
        let row = self.rows.last_mut().unwrap();
        match sequence.as_str() {
            "K" => row.truncate(self.column),
            // Colours, and whether pastes are bracketed.
            other if other.ends_with('m') || other.starts_with("?2004") => {}
            other => panic!("an escape sequence that no test has seen: {other:?}"),
        }
    }

    fn put(&mut self, letter: char) {
        assert!(!letter.is_control(), "a control character: {letter:?}");
        if self.column == self.columns {
            self.rows.push(Vec::new());
            self.column = 0;
        }
        let row = self.rows.last_mut().unwrap();
        row.resize(row.len().max(self.column + 1), ' ');
        row[self.column] = letter;
        self.column += 1;
    }
}
