//! A clock of the kernel's that goes off also for a process that was stopped.
//!
//! Keeps the promise of the deadline against a session that stops both the watcher and the supervisor: SIGCONT wakes
//! whoever it is sent to, and a timer needs nobody to send it.

use nix::errno::Errno;
use nix::sys::signal::{SigEvent, SigevNotify, Signal};
use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;
use std::time::Duration;

use crate::model::time::BootTime;

/// How long after it went off it goes off again.
const AGAIN: Duration = Duration::from_millis(250);

/// Sends SIGCONT to this process from a moment on, over and over, as long as this is kept.
pub struct Alarm {
    _timer: Timer,
}

impl Alarm {
    /// Sets it; the clock is the one that runs on while the machine sleeps.
    ///
    /// # Errors
    /// When the kernel has no timer left for this user.
    pub fn set(at: BootTime) -> Result<Alarm, Errno> {
        let signal = SigevNotify::SigevSignal { signal: Signal::SIGCONT, si_value: 0 };
        let mut timer = Timer::new(ClockId::CLOCK_BOOTTIME, SigEvent::new(signal))?;
        let first = TimeSpec::from_duration(Duration::from_nanos(at.0));
        let again = TimeSpec::from_duration(AGAIN);
        timer.set(Expiration::IntervalDelayed(first, again), TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
        Ok(Alarm { _timer: timer })
    }
}
