//! What is answered to whoever asks something of a live session through its socket.
//!
//! Keeps the promise that nothing is handed out that is not in the ledger first.

use std::time::Duration;

use super::Keep;
use crate::broker::handover::handed;
use crate::model::event::Event;
use crate::model::live::{Answer, Ask};
use crate::world::keeping::Asker;

/// With less time left than this a session serves nobody: an entry may wait for the ledger's lock for seconds, and
/// the deadline waits for nobody.
const LEAST: Duration = Duration::from_secs(10);

impl Keep<'_> {
    /// Answers; the session is to end when the answer is [`Answer::Ending`].
    pub(super) fn answer(&mut self, ask: Ask, by: &Asker) -> Answer {
        let left = self.session.deadline().since(self.world.clock.boot());
        match ask {
            Ask::Status => Answer::Status(Box::new(self.live.clone()), left.as_secs()),
            Ask::End => {
                self.ending = true;
                Answer::Ending(self.session.expires())
            }
            Ask::Credentials if !self.session.grant().serves() => Answer::No("its profile keeps nothing".to_owned()),
            Ask::Credentials if self.ending || left < LEAST => Answer::No("it is ending".to_owned()),
            Ask::Credentials => self.hand_out(by),
        }
    }

    fn hand_out(&mut self, by: &Asker) -> Answer {
        // What a process outside does with them is seen by nobody.
        let recorded = by.inside && self.recording.is_some();
        let event = Event::SessionReissue { pid: by.pid, exe: by.exe.clone(), uid: by.uid, recorded };
        if self.evidence.write_or_refuse(event) {
            Answer::Credentials(handed(self.session))
        } else {
            Answer::No("the ledger does not take it".to_owned())
        }
    }
}
