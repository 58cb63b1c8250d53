//! stdout for data, colours for people.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use super::args::ColorChoice;
use super::exit::Exit;
use super::failure::Failure;
use crate::host::places::variable;
use crate::world::variables;

/// Writes data to stdout. A reader that has gone away has seen enough.
///
/// # Errors
/// When it cannot be written for another reason.
pub fn print(data: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    written(stdout.write_all(data.as_bytes()).and_then(|()| stdout.flush()))
}

/// What became of writing to stdout; a closed pipe is no failure.
///
/// # Errors
/// When it failed otherwise.
pub fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Failed, "stdout cannot be written").caused_by(&error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes one JSON document to stdout.
///
/// # Errors
/// When it cannot be written.
pub fn print_json(document: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(document).expect("the documents of glass have only texts for keys");
    print(&format!("{text}\n"))
}

/// Says one line on stderr. Nobody may be listening.
pub fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Says what is not as it should be, and stops nothing.
pub fn warn(fact: &dyn fmt::Display) {
    say(&format!("glass: warning: {fact}"));
}

/// How a word is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Bold.
    Strong,
    /// Red: no, or danger.
    Bad,
    /// Green: yes.
    Good,
    /// Yellow: look here.
    Warn,
    /// Dim: in passing.
    Faint,
    /// Black on white, whatever the terminal's colours are: for a camera.
    Code,
}

/// Colours words, or leaves them as they are.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    coloured: bool,
}

impl Paint {
    /// For data on stdout.
    pub fn for_stdout(choice: ColorChoice) -> Paint {
        Paint::new(choice, &io::stdout())
    }

    /// For talk on stderr.
    pub fn for_stderr(choice: ColorChoice) -> Paint {
        Paint::new(choice, &io::stderr())
    }

    fn new(choice: ColorChoice, stream: &impl IsTerminal) -> Paint {
        let coloured = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let dumb = variable(variables::TERM).is_none_or(|term| term == "dumb");
                stream.is_terminal() && !dumb && variable(variables::NO_COLOR).is_none()
            }
        };
        Paint { coloured }
    }

    /// Whether there are colours.
    pub fn is_coloured(self) -> bool {
        self.coloured
    }

    /// The text in a style.
    pub fn paint(self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Strong => "1",
            Style::Bad => "1;31",
            Style::Good => "32",
            Style::Warn => "33",
            Style::Faint => "2",
            Style::Code => "38;5;16;48;5;231",
        };
        if self.coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
