//! Signals and job control: the child stops and goes on with glass, and what asks glass to end asks it too.

use rustix::process::{Signal, WaitStatus, getpgrp, kill_process_group};

use super::{Ending, Front, HostChild};
use crate::host::watcher;
use crate::model::time::BootTime;

impl HostChild {
    /// What asks glass to end asks the child to: SIGHUP and SIGTERM for good, the keyboard's as they are.
    pub(super) fn pass_signals_on(&mut self, now: BootTime) {
        while let Some(signal) = self.signals.take_ending() {
            let Some(signal) = Signal::from_named_raw(signal) else { continue };
            // Whoever asks when the child is dead does not want to wait for the reader of its output.
            let for_good = matches!(signal, Signal::HUP | Signal::TERM) || self.status.is_some();
            if self.ending.is_none() && for_good {
                self.begin(Ending::by_signal(signal, now));
            } else {
                self.send_to_group(signal);
            }
        }
        if let Front::Own(pty) = &mut self.front {
            if self.signals.take(Signal::WINCH.as_raw()) {
                pty.resize();
            }
            if pty.has_hung_up() && self.ending.is_none() {
                self.begin(Ending::by_signal(Signal::HUP, now));
            }
        }
        // Without a watcher SIGTSTP has stopped this process already.
        if self.signals.take(Signal::TSTP.as_raw()) && self.watcher.is_some() {
            self.stop();
        }
        // The alarm continues this process too, and what ends does not take the terminal again.
        if self.signals.take(Signal::CONT.as_raw()) && self.watcher.is_some() && self.ending.is_none() {
            self.go_on();
        }
        if self.signals.take(watcher::BEHIND.as_raw()) && self.watcher.is_some() {
            self.go_on_behind();
        }
    }

    /// Stops the child, because glass is asked to stop. When it has stopped so does glass's job.
    fn stop(&mut self) {
        match &mut self.front {
            Front::Own(pty) => {
                if let (false, Some(watcher)) = (pty.is_stopped(), &self.watcher) {
                    pty.stop();
                    pty.send_to_front(Signal::STOP);
                    self.send_to_group(Signal::STOP);
                    watcher.stop();
                }
            }
            Front::Shared { stopped: Some(_), .. } => {}
            Front::Shared { shared, stopped } => {
                // Its job stops by itself.
                *stopped = Some(shared.take_back());
                self.send_to_group(Signal::TSTP);
            }
            Front::Streams => self.send_to_group(Signal::TSTP),
        }
    }

    /// The child has stopped, and takes glass's job along.
    pub(super) fn stopped(&mut self, status: WaitStatus) {
        let wants_terminal = status
            .stopping_signal()
            .is_some_and(|signal| signal == Signal::TTIN.as_raw() || signal == Signal::TTOU.as_raw());
        match (&mut self.front, &self.watcher) {
            (Front::Streams, _) => return,
            // It may have reached for the terminal before it was given it.
            (Front::Own(pty), _) if wants_terminal => pty.put_in_front(self.pid),
            (Front::Own(pty), Some(watcher)) => {
                if !pty.is_stopped() {
                    pty.stop();
                    watcher.stop();
                }
                return;
            }
            (Front::Own(_), None) => {}
            (Front::Shared { shared, .. }, _) if wants_terminal && shared.is_ours() => shared.give_to_child(None),
            (Front::Shared { shared, stopped }, watcher) => {
                if stopped.is_none() {
                    *stopped = Some(shared.take_back());
                    // This stops glass too, unless there is a watcher that stops in its place.
                    let _ = kill_process_group(getpgrp(), Signal::TSTP);
                }
                if watcher.is_none() {
                    self.go_on();
                }
                return;
            }
        }
        self.send_to_group(Signal::CONT);
    }

    /// glass's job was continued in the background; so is the child.
    fn go_on_behind(&mut self) {
        if let Front::Own(pty) = &mut self.front
            && pty.is_stopped()
        {
            pty.go_behind();
            pty.send_to_front(Signal::CONT);
            self.send_to_group(Signal::CONT);
        }
    }

    /// glass's job was continued; so is the child.
    fn go_on(&mut self) {
        match &mut self.front {
            Front::Own(pty) => {
                if !pty.is_in_front() {
                    pty.resume();
                    pty.send_to_front(Signal::CONT);
                }
            }
            Front::Shared { shared, stopped } => {
                if let Some(modes) = stopped.take()
                    && shared.is_ours()
                {
                    shared.give_to_child(modes.as_ref());
                }
            }
            Front::Streams => {}
        }
        self.send_to_group(Signal::CONT);
    }
}
