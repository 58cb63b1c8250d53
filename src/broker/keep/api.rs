//! Keeps the log of a session's API calls, as its SDKs tell of them: partial, and spoofed if the session wants.
//!
//! Keeps the promise that what is not in the log is counted, and that nobody fills the ledger by telling a lot.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use crate::model::api_call::{Calls, Heard};
use crate::model::event::Event;
use crate::model::mask::Mask;
use crate::model::time::BootTime;

/// How many calls are written down in a second at the most.
const MOST_A_SECOND: usize = 1000;

/// What is known of a session's API calls.
pub(super) struct ApiLog {
    calls: Calls,
    /// The ports of those who told of a call.
    clients: BTreeSet<u16>,
    losses: Losses,
    second: BootTime,
    written: usize,
}

/// What was not written down, since that was last told.
#[derive(Default)]
struct Losses {
    malformed: u64,
    foreign: u64,
    dropped: u64,
    too_many: u64,
}

impl ApiLog {
    pub(super) fn new(access_key_id: &str, mask: Rc<Mask>, now: BootTime) -> Self {
        let (calls, clients, losses) = (Calls::of(access_key_id, mask), BTreeSet::new(), Losses::default());
        ApiLog { calls, clients, losses, second: now, written: 0 }
    }

    /// Takes what was heard; gives what is to be written down of it.
    pub(super) fn heard(&mut self, heard: Heard) -> Vec<Event> {
        self.losses.malformed += heard.malformed;
        self.losses.foreign += heard.foreign;
        self.losses.dropped += heard.dropped;
        let mut events = Vec::new();
        for (port, told) in heard.told {
            self.clients.insert(port);
            let Some(call) = self.calls.take(port, told) else { continue };
            if self.written < MOST_A_SECOND {
                self.written += 1;
                events.push(Event::Api(Box::new(call)));
            } else {
                self.losses.too_many += 1;
            }
        }
        events
    }

    /// What is to be written down once a second.
    pub(super) fn ticked(&mut self, now: BootTime) -> Vec<Event> {
        if now.since(self.second) < Duration::from_secs(1) {
            return Vec::new();
        }
        (self.second, self.written) = (now, 0);
        self.losses.told()
    }

    /// What is to be written down in the end.
    pub(super) fn left(&mut self) -> Vec<Event> {
        let left = self.calls.left().into_iter().map(|call| Event::Api(Box::new(call)));
        left.chain(self.losses.told()).collect()
    }

    /// How many clients told of calls: sockets, of which an SDK has one for each of its own sessions.
    pub(super) fn clients(&self) -> u64 {
        self.clients.len() as u64
    }
}

impl Losses {
    fn told(&mut self) -> Vec<Event> {
        let Losses { malformed, foreign, dropped, too_many } = std::mem::take(self);
        let losses = [
            ("api datagrams not understood", malformed),
            ("api datagrams not of this session", foreign),
            ("api datagrams dropped by the system", dropped),
            ("api calls over 1000 a second", too_many),
        ];
        let losses = losses.into_iter().filter(|(_, count)| *count > 0);
        losses.map(|(what, count)| Event::Loss { what, count }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::api_call::Told;
    use crate::model::secret::Secret;
    use crate::model::session::Credentials;

    fn log() -> ApiLog {
        let secret = |text: &str| Secret::new(text.into());
        let (secret_access_key, session_token) = (secret("secret"), secret("token"));
        let credentials = Credentials { access_key_id: "ASIAEXAMPLE".into(), secret_access_key, session_token };
        ApiLog::new("ASIAEXAMPLE", Rc::new(Mask::of(&credentials)), BootTime(0))
    }

    fn told(kind: &str) -> Told {
        let text =
            format!(r#"{{"Version":1,"ClientId":"c","Type":"{kind}","Service":"S3","Api":"GetObject","Timestamp":1}}"#);
        Told::parse(text.as_bytes(), "c").expect("a datagram")
    }

    fn names(events: &[Event]) -> Vec<&'static str> {
        events.iter().map(Event::name).collect()
    }

    #[test]
    fn a_flood_is_counted_and_not_written_down() {
        let mut log = log();
        let flood =
            |count: u16| Heard { told: (0..count).map(|port| (port, told("ApiCall"))).collect(), ..Heard::default() };
        assert_eq!(log.heard(flood(1500)).len(), MOST_A_SECOND);
        assert_eq!(log.clients(), 1500);
        assert!(log.ticked(BootTime(999_999_999)).is_empty());
        let told = log.ticked(BootTime(1_000_000_000));
        assert!(matches!(told[..], [Event::Loss { what: "api calls over 1000 a second", count: 500 }]), "{told:?}");
        assert_eq!(log.heard(flood(1500)).len(), MOST_A_SECOND);
    }

    #[test]
    fn every_loss_is_told_once_and_at_the_latest_in_the_end() {
        let mut log = log();
        let told = vec![(1, told("ApiCallAttempt"))];
        let heard = Heard { told, malformed: 1, foreign: 2, dropped: 3 };
        assert!(log.heard(heard).is_empty());
        assert_eq!(names(&log.left()), ["api", "loss", "loss", "loss"]);
        assert!(log.left().is_empty());
        assert_eq!(log.clients(), 1);
    }
}
