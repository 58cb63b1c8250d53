//! What a terminal is told, taken apart: text, controls, and escape sequences (ECMA-48), over any number of pieces.
//!
//! Strings for the terminal (OSC, DCS, APC, PM, SOS, and the title of screen) are swallowed here: none of
//! them is a picture, and all that types answers, sets clipboards or moves files is one of them.

/// The most characters of a sequence that are kept; a longer one is dropped.
const LONGEST: usize = 256;

/// One part of what a terminal is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'p> {
    /// A character to be shown.
    Text(char),
    /// A control character: C0, DEL, C1.
    Control(char),
    /// ESC, intermediates, and a final character.
    Escape(&'p str, char),
    /// ESC `[`, parameters, intermediates, and a final character.
    Csi(&'p str, &'p str, char),
}

/// Where in a sequence a terminal is.
#[derive(Debug, Default)]
pub(super) struct Escapes {
    state: State,
    collected: String,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Ground,
    Escape,
    Csi,
    String,
}

impl Escapes {
    /// Takes the next character, which may complete a part.
    ///
    /// What goes wrong shows too much rather than too little: a character that has no place in a sequence
    /// ends it and is shown.
    pub(super) fn take(&mut self, character: char) -> Option<Part<'_>> {
        match (character, self.state) {
            ('\u{1b}', _) => self.enter(State::Escape),
            // CAN and SUB give up whatever was begun.
            ('\u{18}' | '\u{1a}', _) => self.enter(State::Ground),
            ('\u{7}' | '\u{9c}', State::String) => self.enter(State::Ground),
            (_, State::String) | ('\u{7f}', State::Escape | State::Csi) => None,
            // Terminals obey a control within a sequence, and go on with that.
            (_, _) if character.is_control() => Some(Part::Control(character)),
            (' '..='/', State::Escape) | (' '..='?', State::Csi) => self.collect(character),
            ('[', State::Escape) if self.collected.is_empty() => self.enter(State::Csi),
            (']' | 'P' | 'X' | '^' | '_' | 'k', State::Escape) if self.collected.is_empty() => {
                self.enter(State::String)
            }
            ('0'..='~', State::Escape) | ('@'..='~', State::Csi) => self.complete(character),
            (_, State::Ground | State::Escape | State::Csi) => {
                self.state = State::Ground;
                Some(Part::Text(character))
            }
        }
    }

    fn enter(&mut self, state: State) -> Option<Part<'_>> {
        self.state = state;
        self.collected.clear();
        None
    }

    fn collect(&mut self, character: char) -> Option<Part<'_>> {
        if self.collected.len() <= LONGEST {
            self.collected.push(character);
        }
        None
    }

    fn complete(&mut self, last: char) -> Option<Part<'_>> {
        let state = std::mem::replace(&mut self.state, State::Ground);
        if self.collected.len() > LONGEST {
            return None;
        }
        let parameters = self.collected.find(|character| character < '0').unwrap_or(self.collected.len());
        let (parameters, between) = self.collected.split_at(parameters);
        match state {
            State::Escape => Some(Part::Escape(between, last)),
            State::Csi if between.contains(|character| character >= '0') => None,
            State::Csi => Some(Part::Csi(parameters, between, last)),
            State::Ground | State::String => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<String> {
        let mut escapes = Escapes::default();
        text.chars().filter_map(|character| escapes.take(character).map(|part| format!("{part:?}"))).collect()
    }

    #[test]
    fn sequences_are_taken_apart() {
        assert_eq!(parts("é\r"), ["Text('é')", "Control('\\r')"]);
        assert_eq!(parts("\u{1b}[?25;7h"), ["Csi(\"?25;7\", \"\", 'h')"]);
        assert_eq!(parts("\u{1b}[2 q"), ["Csi(\"2\", \" \", 'q')"]);
        assert_eq!(parts("\u{1b}(0"), ["Escape(\"(\", '0')"]);
        assert_eq!(parts("\u{1b}[1\n2m"), ["Control('\\n')", "Csi(\"12\", \"\", 'm')"]);
        assert_eq!(parts("\u{1b}[1\u{1b}7"), ["Escape(\"\", '7')"]);
        assert_eq!(parts("\u{1b}[1\u{18}m\u{1b}[é"), ["Text('m')", "Text('é')"]);
        assert_eq!(parts("\u{1b}[ 1m"), [""; 0]);
    }

    #[test]
    fn strings_are_swallowed_to_their_end() {
        for begin in ["\u{1b}]52;c;", "\u{1b}P+q", "\u{1b}_G", "\u{1b}^", "\u{1b}X", "\u{1b}k"] {
            for end in ["\u{7}", "\u{9c}", "\u{1b}\\", "\u{18}"] {
                let shown = parts(&format!("{begin}aGk=\r\n{end}x"));
                assert_eq!(shown.last().map(String::as_str), Some("Text('x')"), "{begin:?} {end:?}");
                assert!(shown.len() <= 2, "{shown:?}");
            }
        }
    }

    #[test]
    fn a_sequence_without_end_takes_no_memory() {
        let mut escapes = Escapes::default();
        for character in "\u{1b}[".chars().chain(std::iter::repeat_n('1', 1_000_000)) {
            assert_eq!(escapes.take(character), None);
        }
        assert!(escapes.collected.capacity() < 4 * LONGEST);
        assert_eq!(escapes.take('m'), None);
        assert_eq!(escapes.take('m'), Some(Part::Text('m')));
    }
}
