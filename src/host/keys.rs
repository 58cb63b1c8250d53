//! A terminal that gives single keys, and shows none of them, until this is dropped.

use std::fs::File;
use std::io;

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

use super::terminal;

/// The terminal that controls this process, with the modes that it had.
pub(super) struct Keys {
    tty: File,
    before: Termios,
}

impl Keys {
    /// Opens the terminal; it changes with [`Keys::listen`].
    pub(super) fn open() -> io::Result<Keys> {
        let tty = terminal::open()?;
        let before = tcgetattr(&tty)?;
        Ok(Keys { tty, before })
    }

    /// Takes keys one by one from now on; Ctrl-C and its like are signals still.
    pub(super) fn listen(&self) -> io::Result<()> {
        let mut modes = self.before.clone();
        modes.local_modes &= !(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ECHONL);
        modes.local_modes |= LocalModes::ISIG;
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        Ok(tcsetattr(&self.tty, OptionalActions::Drain, &modes)?)
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
