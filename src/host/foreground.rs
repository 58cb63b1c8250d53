//! The foreground of the terminal that glass shares with its child, as under sudo.

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

use rustix::process::{Pid, Signal, getpgrp, kill_process_group};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp};

use super::signals::with_ttou_blocked;

/// The terminal whose foreground glass shares with its child.
pub struct Foreground {
    terminal: io::Stdin,
    before: Termios,
}

impl Foreground {
    /// Shares the terminal with the child, if glass has its foreground.
    ///
    /// The child gets it at once when all three standard streams are the terminal; as part of a
    /// pipeline it gets it when it asks, so that a pager at the end of the pipeline can have it.
    pub fn share(child: Pid) -> Option<Foreground> {
        let terminal = io::stdin();
        if !terminal.is_terminal() {
            return None;
        }
        let before = tcgetattr(&terminal).ok()?;
        let foreground = Foreground { terminal, before };
        if !foreground.is_ours() {
            return None;
        }
        if io::stdout().is_terminal() && io::stderr().is_terminal() {
            foreground.give(child, None);
            // It may have reached for the terminal before it was given it, and been stopped.
            let _ = kill_process_group(child, Signal::CONT);
        }
        Some(foreground)
    }

    /// Whether glass has it now.
    pub fn is_ours(&self) -> bool {
        tcgetpgrp(&self.terminal).is_ok_and(|group| group == getpgrp())
    }

    /// The process group that has the foreground in glass's place.
    pub fn job(&self) -> Option<Pid> {
        tcgetpgrp(&self.terminal).ok().filter(|group| *group != getpgrp())
    }

    /// Gives it to a process group, with these modes.
    pub fn give(&self, group: Pid, modes: Option<&Termios>) {
        with_ttou_blocked(|| {
            if let Some(modes) = modes {
                let _ = tcsetattr(&self.terminal, OptionalActions::Drain, modes);
            }
            let _ = tcsetpgrp(self.terminal.as_fd(), group);
        });
    }

    /// Takes the foreground back; the answer is the modes the child had set.
    pub fn take_back(&self) -> Option<Termios> {
        let modes = tcgetattr(&self.terminal).ok();
        self.give(getpgrp(), None);
        modes
    }

    /// Sets the modes that it had before the child.
    pub fn restore(&self) {
        with_ttou_blocked(|| {
            let _ = tcsetattr(&self.terminal, OptionalActions::Drain, &self.before);
        });
    }
}
