//! The foreground of the terminal that glass shares with its child, as under sudo.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

use rustix::process::{Pid, Signal, getpgrp, kill_process_group, test_kill_process_group};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp};

use super::descent;
use super::signals::with_ttou_blocked;
use super::terminal;

/// The terminal whose foreground glass shares with its child.
pub struct Foreground {
    terminal: File,
    child: Pid,
    before: Termios,
}

impl Foreground {
    /// Shares the terminal that controls this process with the child's group.
    ///
    /// The child gets it at once when all three standard streams are a terminal and glass is in front; as part of
    /// a pipeline it gets it when it asks, so that a pager at the end of the pipeline can have it.
    pub fn share(child: Pid) -> Option<Foreground> {
        let terminal = terminal::open().ok()?;
        let before = tcgetattr(&terminal).ok()?;
        let foreground = Foreground { terminal, child, before };
        let all_terminals = io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal();
        if all_terminals && foreground.is_ours() {
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

    /// The process group that the child, or a shell that it is, has put there in glass's place.
    pub fn job(&self) -> Option<Pid> {
        tcgetpgrp(&self.terminal).ok().filter(|group| *group != getpgrp() && self.is_of_child(*group))
    }

    /// Gives it to the child, with these modes.
    pub fn give_to_child(&self, modes: Option<&Termios>) {
        self.give(self.child, modes);
    }

    /// Takes it back from the child, or from what is left of its jobs; the answer is the modes that were set.
    /// In the background it is somebody else's, and stays there.
    pub fn take_back(&self) -> Option<Termios> {
        self.job()?;
        let modes = tcgetattr(&self.terminal).ok();
        self.give(getpgrp(), None);
        modes
    }

    /// Sets the modes that it had before the child.
    pub fn restore(&self) {
        if self.is_ours() {
            with_ttou_blocked(|| {
                let _ = tcsetattr(&self.terminal, OptionalActions::Drain, &self.before);
            });
        }
    }

    /// Whether a process group is the child's, one of its jobs, or what such a one left behind.
    fn is_of_child(&self, group: Pid) -> bool {
        let is_empty = || test_kill_process_group(group) == Err(rustix::io::Errno::SRCH);
        group == self.child || is_empty() || descent::has_group(group)
    }

    fn give(&self, group: Pid, modes: Option<&Termios>) {
        with_ttou_blocked(|| {
            if let Some(modes) = modes {
                let _ = tcsetattr(&self.terminal, OptionalActions::Drain, modes);
            }
            let _ = tcsetpgrp(self.terminal.as_fd(), group);
        });
    }
}
