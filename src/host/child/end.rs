//! The end of a session's processes, at the deadline, by a signal, or with the child's own.

use rustix::process::{Signal, WaitStatus, kill_process_group};

use super::{Ending, Front, HostChild};
use crate::host::descent;
use crate::model::event::Cause;
use crate::model::time::BootTime;

/// The exit code of what SIGKILL has ended.
const KILLED: u8 = 128 + 9;

/// The exit code of what has ended; 128+n when it died of signal n.
pub(super) fn code_of(status: WaitStatus) -> u8 {
    let died_of = status.terminating_signal().map(|signal| 128 + signal);
    status.exit_status().or(died_of).and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

impl HostChild {
    /// The end, once the child has ended and nothing that descends from it is left.
    pub(super) fn over(&mut self, now: BootTime) -> Option<(Cause, u8)> {
        // What has gained another user's rights does not die, and the end does not wait for it.
        let given_up = self.ending.as_ref().is_some_and(|ending| ending.is_given_up(now));
        if self.status.is_none() && !given_up {
            return None;
        }
        let died_of = self.status.map_or(Some(Signal::KILL.as_raw()), WaitStatus::terminating_signal);
        let code = self.status.map_or(KILLED, code_of);
        if self.is_something_left(now) {
            return None;
        }
        // What it has written gets through, however slowly it is read, as long as nothing ends the session.
        if self.ending.is_none() && (self.pipes.carry() || !self.pipes.are_empty()) {
            return None;
        }
        if let Front::Shared { shared, .. } = &self.front {
            shared.take_back();
            if died_of.is_some() {
                shared.restore();
            }
        }
        Some((self.ending.as_ref().map_or(Cause::Exit, Ending::cause), code))
    }

    /// Whether anything outlives the child; whatever does not end by itself is made to.
    fn is_something_left(&mut self, now: BootTime) -> bool {
        if !self.finds_all() {
            if self.ending.is_some() {
                // What is left of the child's group does not outlive it.
                self.send(Signal::KILL);
            }
            return false;
        }
        if self.ending.as_ref().is_some_and(Ending::is_done) {
            // Nothing more can be done than was done.
            return false;
        }
        if !self.is_last && self.ending.is_none() {
            self.left_behind = descent::all().map_or(0, |left| left.len());
            self.begin(Ending::of_what_is_left(now));
        }
        !self.is_last
    }

    /// Whether all that descends from the child can be found.
    pub(super) fn finds_all(&self) -> bool {
        self.watcher.is_some() && cfg!(target_os = "linux")
    }

    /// Sends a signal to the child and all that descends from it; it may be gone already.
    fn send(&self, signal: Signal) {
        if self.finds_all() {
            match descent::all() {
                Ok(all) => descent::send(&all, signal),
                Err(_) => self.send_to_group(signal),
            }
        } else {
            self.send_to_group(signal);
        }
    }

    /// Sends a signal to the child's process group, and to the job that a shell has put into the foreground in
    /// its place.
    pub(super) fn send_to_group(&self, signal: Signal) {
        let _ = kill_process_group(self.pid, signal);
        if let Front::Shared { shared, .. } = &self.front
            && let Some(job) = shared.job().filter(|job| *job != self.pid)
        {
            let _ = kill_process_group(job, signal);
        }
    }

    pub(super) fn begin(&mut self, ending: Ending) {
        let now = ending.began();
        self.ending = Some(ending);
        self.go_on_ending(now);
    }

    /// Ends the child at the deadline, or when nobody watches any more; goes on with an end that was begun.
    pub(super) fn end_at(&mut self, deadline: BootTime, now: BootTime) {
        let is_lost = self.is_lost();
        if let (true, Front::Own(pty)) = (is_lost, &mut self.front) {
            // Before the caller's shell takes its terminal back.
            pty.stop();
        }
        match &self.ending {
            Some(ending) if is_lost && !ending.is_done() => self.begin(Ending::at_once(now)),
            None if is_lost => self.begin(Ending::at_once(now)),
            None if now >= deadline => self.begin(Ending::at_deadline(now)),
            Some(_) => self.go_on_ending(now),
            None => {}
        }
    }

    fn go_on_ending(&mut self, now: BootTime) {
        let due = self.ending.as_mut().map(|ending| ending.due(now)).unwrap_or_default();
        for signal in due {
            if signal == Signal::KILL && self.finds_all() {
                descent::kill(|| {
                    self.bury();
                    descent::all()
                });
            } else {
                self.send(signal);
                // What is stopped is woken to hear it.
                self.send(Signal::CONT);
            }
        }
    }

    fn is_lost(&self) -> bool {
        self.watcher.as_ref().is_some_and(|watcher| watcher.is_gone())
    }
}
