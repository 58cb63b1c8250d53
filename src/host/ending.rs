//! The end that glass makes of a session, step by step.

use std::time::Duration;

use rustix::process::Signal;

use crate::model::event::Cause;
use crate::model::time::BootTime;

/// How long after the first signal SIGTERM follows.
const UNTIL_TERM: Duration = Duration::from_secs(2);

/// How long after the first signal SIGKILL follows.
const UNTIL_KILL: Duration = Duration::from_secs(7);

/// How long what the child left behind has to end by itself.
const UNTIL_LEFT_IS_KILLED: Duration = Duration::from_secs(2);

/// How long after SIGKILL glass waits no longer.
const UNTIL_GIVEN_UP: Duration = Duration::from_secs(2);

/// An end that was begun.
#[derive(Debug)]
pub struct Ending {
    began: BootTime,
    cause: Cause,
    /// Which signal is due how long after the beginning.
    steps: Vec<(Duration, Signal)>,
    taken: usize,
}

impl Ending {
    /// At the deadline: SIGHUP, SIGTERM after 2 s, SIGKILL after 5 s more.
    pub fn at_deadline(now: BootTime) -> Self {
        Ending::by_order(Cause::Deadline, now)
    }

    /// After a signal that asks glass to end: the same, beginning with that signal.
    pub fn by_signal(signal: Signal, now: BootTime) -> Self {
        Ending::polite(Cause::Signal, signal, now)
    }

    /// Because the keeper says so: as at the deadline.
    pub fn by_order(cause: Cause, now: BootTime) -> Self {
        Ending::polite(cause, Signal::HUP, now)
    }

    /// When nobody watches any more: SIGKILL.
    pub fn at_once(now: BootTime) -> Self {
        Ending::new(Cause::Lost, vec![(Duration::ZERO, Signal::KILL)], now)
    }

    /// What the child left behind when it ended by itself: SIGHUP and SIGTERM, SIGKILL after 2 s.
    pub fn of_what_is_left(now: BootTime) -> Self {
        let steps =
            vec![(Duration::ZERO, Signal::HUP), (Duration::ZERO, Signal::TERM), (UNTIL_LEFT_IS_KILLED, Signal::KILL)];
        Ending::new(Cause::Exit, steps, now)
    }

    fn polite(cause: Cause, first: Signal, now: BootTime) -> Self {
        let steps = vec![(Duration::ZERO, first), (UNTIL_TERM, Signal::TERM), (UNTIL_KILL, Signal::KILL)];
        Ending::new(cause, steps, now)
    }

    fn new(cause: Cause, steps: Vec<(Duration, Signal)>, now: BootTime) -> Self {
        Ending { began: now, cause, steps, taken: 0 }
    }

    /// When it was begun.
    pub fn began(&self) -> BootTime {
        self.began
    }

    /// Why.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// Whether every signal was taken.
    pub fn is_done(&self) -> bool {
        self.taken == self.steps.len()
    }

    /// Whether what did not end after every signal never will.
    pub fn is_given_up(&self, now: BootTime) -> bool {
        let last = self.steps.last().map_or(Duration::ZERO, |(at, _)| *at);
        self.is_done() && now.since(self.began) >= last + UNTIL_GIVEN_UP
    }

    /// Takes the signals that are due now and were not taken before.
    pub fn due(&mut self, now: BootTime) -> Vec<Signal> {
        let since = now.since(self.began);
        let steps = &self.steps[self.taken..];
        let due: Vec<Signal> = steps.iter().take_while(|(at, _)| *at <= since).map(|(_, signal)| *signal).collect();
        self.taken += due.len();
        due
    }
}
