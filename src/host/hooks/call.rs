//! One hook, and how it is told of one entry.

use std::time::Duration;

use super::secret::HookSecrets;
use super::topic::publish;
use super::{HookError, PATIENCE};
use crate::host::clock::HostClock;
use crate::host::keychain::Keychain;
use crate::host::ledger::Asking;
use crate::host::programs::{self, HostPrograms};
use crate::host::web::{self, Limit, Post};
use crate::model::catalogue::HookCall;
use crate::model::chain::entry::Entry;
use crate::model::identity::Source;
use crate::model::name::{Digest, HookName, PersonName};
use crate::model::web_address::WebAddress;
use crate::model::webhook::{Reply, signature};
use crate::world::aws::Place;
use crate::world::machine::{Clock, Programs};

/// The most bytes of an answer; none of them is looked at.
const LONGEST_ANSWER: usize = 64 * 1024;

/// An entry that somebody is told of.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its number.
    pub seq: u64,
    /// When it was written, RFC 3339.
    pub at: String,
    /// Its event.
    pub event: String,
    /// Its line as it is stored, with the LF.
    pub line: Vec<u8>,
}

impl Told {
    /// An entry and its line.
    pub fn of(line: &[u8], entry: &Entry<'_>) -> Self {
        let (at, event) = (entry.ts.to_owned(), entry.ev.to_owned());
        Told { seq: entry.seq, at, event, line: line.to_vec() }
    }

    /// What tells the entry apart from all others: the hash of its line.
    pub fn id(&self) -> String {
        Digest::of(&self.line).to_string()
    }

    /// The line as a text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.line).into_owned()
    }
}

/// What one hook is told with.
#[derive(Clone, Debug)]
pub struct Teller {
    pub call: HookCall,
    pub name: HookName,
    pub person: PersonName,
    pub source: Option<Source>,
    pub place: Place,
    pub secrets: HookSecrets,
    pub asking: Asking,
}

impl Teller {
    /// Tells of an entry.
    pub fn tell(&self, told: &Told) -> Result<(), HookError> {
        match &self.call {
            HookCall::Webhook(address) => self.post(address, told),
            HookCall::Program(argv) => run(argv, told, PATIENCE),
            HookCall::Topic { topic, source } => {
                let source = source.as_ref().or(self.source.as_ref()).ok_or(HookError::NoSource)?;
                match source {
                    Source::Keyring(store) if self.asking == Asking::Never && !Keychain.is_open(*store) => {
                        Err(HookError::Closed(*store))
                    }
                    Source::Keyring(_) | Source::Profile(_) => publish(told, topic, &self.person, source, &self.place),
                }
            }
        }
    }

    fn post(&self, address: &WebAddress, told: &Told) -> Result<(), HookError> {
        let secret = self.secrets.read(&self.name, self.asking)?;
        let (signature, id) = (signature(&secret, HostClock.now().seconds(), &told.line), told.id());
        let headers = [
            ("content-type", "application/json"),
            ("glass-event", told.event.as_str()),
            ("glass-id", id.as_str()),
            ("glass-signature", signature.as_str()),
        ];
        let limit = Limit { bytes: LONGEST_ANSWER, time: PATIENCE };
        let post = Post { address, headers: &headers, body: &told.line };
        let answer = web::post(&post, limit, self.place.ca_bundle.as_deref()).map_err(HookError::Web)?;
        match Reply::of(answer.status) {
            Reply::Taken => Ok(()),
            Reply::NotThisOne | Reply::NotNow => Err(HookError::Answered(answer.status)),
        }
    }
}

/// Has a program read an entry. Exit 0 says that it was taken.
fn run(argv: &[String], told: &Told, limit: Duration) -> Result<(), HookError> {
    let program = argv.first().map_or("", String::as_str);
    HostPrograms.check_writers(program).map_err(HookError::Program)?;
    let ran = programs::feed(argv, &told.line, limit).map_err(HookError::Program)?;
    if ran.code == 0 { Ok(()) } else { Err(HookError::Ended { code: ran.code, stderr: ran.stderr }) }
}
