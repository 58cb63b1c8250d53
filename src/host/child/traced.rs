//! A child under trace: what it and all that descends from it stops for, and how it goes on.

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait, waitpid};

use super::HostChild;
use super::end::code_of;
use crate::host::trace::{self, Stop, Trace};
use crate::world::keeping::{Happening, Keeper, Then};
use crate::world::machine::ChildError;

/// Takes hold of a child that was just started; one that cannot be traced is killed.
pub(super) fn take(child: Pid) -> Result<Trace, ChildError> {
    Trace::take(child).map_err(|error| {
        let _ = kill_process(child, Signal::KILL);
        let _ = waitpid(Some(child), WaitOptions::empty());
        ChildError::CannotTrace(error)
    })
}

impl HostChild {
    /// Tells of the child's own program, and lets it run.
    pub(super) fn begin_trace(&mut self, keeper: &mut dyn Keeper) {
        if self.trace.is_some() {
            self.tell_of(self.pid, keeper);
        }
        if let Some(trace) = &self.trace {
            trace.let_go_on();
        }
    }

    /// A process has stopped: the child as every child does, or any process under trace.
    pub(super) fn stopped_at(&mut self, pid: Pid, status: WaitStatus, keeper: &mut dyn Keeper) {
        let stop = if self.trace.is_some() { Stop::of(status) } else { Stop::Group };
        if stop == Stop::Exec {
            self.tell_of(pid, keeper);
        }
        if let Some(trace) = &self.trace {
            trace.pass(pid, stop);
        }
        if stop == Stop::Group && pid == self.pid {
            self.stopped(status);
        }
    }

    /// A process has ended: the child, or any other that is traced, or an orphan.
    pub(super) fn ended_at(&mut self, pid: Pid, status: WaitStatus, keeper: &mut dyn Keeper) {
        if pid == self.pid {
            self.status = Some(status);
        }
        if self.trace.is_some() {
            let pid = pid.as_raw_nonzero().get().unsigned_abs();
            let then = keeper.happened(Happening::Finished { pid, code: code_of(status) });
            self.act(then);
        }
    }

    /// Tells the keeper which program was started in a process, before it runs. One that the session is to end
    /// for never does.
    fn tell_of(&mut self, pid: Pid, keeper: &mut dyn Keeper) {
        let then = keeper.happened(trace::started(pid).map_or(Happening::Unseen, Happening::Started));
        if matches!(then, Then::End(_) | Then::TellAndEnd(..)) {
            let _ = kill_process(pid, Signal::KILL);
        }
        self.act(then);
    }

    /// While all is being killed: nothing under trace goes on any more, and who was killed is taken note of,
    /// without which a thread would seem to live.
    pub(super) fn bury(&mut self) {
        if self.trace.is_none() {
            return;
        }
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG | trace::options()) {
            if pid == self.pid && !status.stopped() {
                self.status = Some(status);
            }
        }
    }
}
