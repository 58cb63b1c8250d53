//! Alice's phone, lying beside the keyboard: it shows each code as it comes up.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::cli::out;
use crate::sandbox::practice::ALICES_DEVICE;
use crate::sandbox::{Sandbox, Seen};

/// How often it is looked at.
const GLANCE: Duration = Duration::from_millis(250);

/// A phone that shows codes until one of them has opened a session, or it is put away (dropped).
pub struct Phone {
    hand: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Phone {
    /// Takes the phone out.
    pub fn take_out(sandbox: &Arc<Sandbox>) -> Self {
        let sandbox = Arc::clone(sandbox);
        let calls = sandbox.trail().len();
        let (hand, put_away) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut shown = None;
            while !sandbox.trail().iter().skip(calls).any(Seen::opened_a_session) {
                let code = sandbox.code(ALICES_DEVICE);
                if code != shown {
                    out::say(&picture(code.as_deref().unwrap_or_default()));
                    shown = code;
                }
                match put_away.recv_timeout(GLANCE) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        Phone { hand: Some(hand), thread: Some(thread) }
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        drop(self.hand.take());
        if let Some(thread) = self.thread.take() {
            // A panic in it was reported when it happened.
            let _ = thread.join();
        }
    }
}

/// A line of its own, also when a question is open on the one before.
fn picture(code: &str) -> String {
    let (left, right) = code.split_at(code.len() / 2);
    format!("\r\n     [ your phone: {left} {right} ]\r")
}
