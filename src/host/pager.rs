//! The pager: a long text on a terminal, a screen at a time.

use std::io::{self, IsTerminal, Write};
use std::process::{Command, Stdio};

use super::places::variable;
use super::signals;
use crate::world::variables;

/// What is started when `PAGER` says nothing.
const USUAL: &str = "less";

/// What `less` is told, unless the caller tells it otherwise: to leave what fits on a screen there.
const LESS: &str = "FX";

/// Shows a text in `$PAGER`, its words taken as program and arguments without a shell, or in `less`.
///
/// The answer is whether it was shown: not so where stdout is no terminal, or nothing can be started.
pub fn show(text: &str) -> bool {
    io::stdout().is_terminal() && page(text).is_ok()
}

fn page(text: &str) -> io::Result<()> {
    let words = variable(variables::PAGER).and_then(|words| words.into_string().ok());
    let mut words = words.as_deref().unwrap_or(USUAL).split_whitespace();
    let mut pager = Command::new(words.next().unwrap_or(USUAL));
    if variable(variables::LESS).is_none() {
        pager.env(variables::LESS, LESS);
    }
    // Ctrl-C is the pager's: glass waits for its end, whatever is typed.
    let _held = signals::hold()?;
    let mut child = pager.args(words).stdin(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // Whoever leaves before the end has seen enough.
        let _ = stdin.write_all(text.as_bytes());
    }
    child.wait().map(drop)
}
