//! A terminal that gives single keys, and shows none of them, until this is dropped.

use std::fs::File;
use std::io;

use rustix::termios::{LocalModes, OptionalActions, OutputModes, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

use super::terminal;

/// The terminal that controls this process, with the modes that it had.
pub(super) struct Keys {
    tty: File,
    before: Termios,
    wanted: Termios,
}

impl Keys {
    /// Opens the terminal; it changes with [`Keys::listen`].
    pub(super) fn open() -> io::Result<Keys> {
        let tty = terminal::open()?;
        let before = tcgetattr(&tty)?;
        let mut wanted = before.clone();
        wanted.local_modes &= !(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ECHONL);
        wanted.local_modes |= LocalModes::ISIG;
        wanted.special_codes[SpecialCodeIndex::VMIN] = 1;
        wanted.special_codes[SpecialCodeIndex::VTIME] = 0;
        Ok(Keys { tty, before, wanted })
    }

    /// The same, and what is shown reaches the terminal as it is: a line feed is no return.
    pub(super) fn with_output_as_it_is(mut self) -> Keys {
        self.wanted.output_modes &= !OutputModes::OPOST;
        self
    }

    /// Takes keys one by one from now on; Ctrl-C and its like are signals still.
    pub(super) fn listen(&self) -> io::Result<()> {
        Ok(tcsetattr(&self.tty, OptionalActions::Drain, &self.wanted)?)
    }

    /// The terminal.
    pub(super) fn tty(&self) -> &File {
        &self.tty
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // The terminal may be gone; then there is nothing to put back.
        let _ = tcsetattr(&self.tty, OptionalActions::Flush, &self.before);
    }
}
