//! A made-up world: every call is counted, and one of them can be told to fail, before or after its effect.

mod aws;
mod children;
mod desk;
mod ledger;
mod machine;
mod made;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use glass::broker::review::{self, Settled};
use glass::broker::{self, BreakError, Environment, Setting, Work};
use glass::model::catalogue::Catalogue;
use glass::model::chain::entry::Entry;
use glass::model::chain::{Stamp, line};
use glass::model::event::{Event, NamedRequest, SessionKind};
use glass::model::identity::Identity;
use glass::model::live::{Kept, Live};
use glass::model::mfa::UsedCodes;
use glass::model::name::Digest;
use glass::model::request::Wish;
use glass::model::sign_off::papers::Bundle;
use glass::model::time::{BootTime, Timestamp};
use glass::world::aws::AwsError;
use glass::world::ledger::{LedgerError, Record};
use glass::world::machine::Ended;
use glass::world::{Session, World};

use super::SoftKey;

pub use aws::wrong_code;
pub use ledger::hash_of;

/// The catalogue of the journeys.
pub const CATALOGUE: &str = r#"
version = 1
organisation = "acme"
[naming]
environments = ["prod"]
[levels.emergency]
max_duration = "1h"
[levels.hook]
max_duration = "1h"
recording = false
mfa = "source"
[triggers.outage]
summary = "It is down"
incident = "INC-[0-9]+"
confirm = ["/bin/sh", "{incident}"]
[people.alice]
arn = "arn:aws:iam::111122223333:user/alice"
mfa = "arn:aws:iam::111122223333:mfa/alice"
groups = ["oncall"]
[profiles.prod-db-emergency]
summary = "The database"
role = "arn:aws:iam::444455556666:role/glass/prod-db-emergency"
region = "eu-west-1"
for = ["oncall"]
triggers = ["outage"]
duration = "15m"
max_duration = "30m"
steps = { failover = ["/bin/failover", "orders"] }
[profiles.prod-db-hook]
summary = "The database, read"
role = "arn:aws:iam::444455556666:role/glass/prod-db-hook"
region = "eu-west-1"
for = ["oncall"]
triggers = ["outage"]
duration = "15m"
max_duration = "30m"
"#;

/// The identity file of the journeys.
pub const IDENTITY: &str = "version = 1\nperson = \"alice\"\nsource = { profile = \"daily\" }\n";

/// The secret access key that the made-up STS gives; it must never be seen anywhere.
pub const SECRET: &str = "wJalrXUtnFEMIxK7MDENGxbPxRfiCYEXAMPLEKEY";

/// Whose the made-up ledger is.
pub const ORIGIN: &str = "glass/acme/laptop/alice/62rp5vxh";

/// When a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fails {
    /// Before it has an effect.
    Before,
    /// After it.
    After,
}

/// The surroundings of one journey.
pub struct Fake {
    catalogue: Catalogue,
    /// Who sits there.
    pub identity: Identity,
    calls: AtomicUsize,
    failing: Option<(usize, Fails)>,
    ids: AtomicUsize,
    now: Mutex<i64>,
    used: Mutex<UsedCodes>,
    /// What the ledger holds.
    pub entries: Mutex<Vec<Record>>,
    /// The code of each AssumeRole that was sent.
    pub sent: Mutex<Vec<Option<String>>>,
    /// The session name of each AssumeRole that was sent.
    pub named: Mutex<Vec<String>>,
    /// How AWS answers the next calls of AssumeRole; when there are none left it says yes.
    pub answers: Mutex<VecDeque<AwsError>>,
    /// What the person types.
    pub typed: Mutex<VecDeque<String>>,
    /// What others append to the ledger while the person types something.
    pub meanwhile: Mutex<Vec<Record>>,
    /// How long the person takes to type something.
    pub typing: Duration,
    /// What the person pastes while they wait.
    pub pasted: Mutex<VecDeque<String>>,
    /// What was said.
    pub said: Mutex<Vec<String>>,
    /// What is in the recording.
    pub recorded: Mutex<Vec<u8>>,
    /// How many children were started.
    pub started: AtomicUsize,
    /// Who AWS says is calling.
    pub caller: String,
    /// How many seconds the local clock is ahead of AWS's.
    pub clock_ahead: i64,
    /// Whether the daily credentials are temporary.
    pub temporary: bool,
    /// Whether they come from `aws login`.
    pub login: bool,
    /// The seed of the MFA device, if the keyring has it.
    pub seed: Option<&'static str>,
    /// Whether somebody sits at a terminal.
    pub terminal: bool,
    /// What the trigger's program exits with.
    pub confirm: i32,
    /// By how much STS's expiry lies beyond what was asked for, in seconds.
    pub beyond: i64,
    /// Whether the child lives until the person has been warned of the deadline.
    pub lasts_to_the_end: bool,
    /// How often a live session finds the ledger's lock held.
    pub busy: AtomicUsize,
    /// The key that the person signs with.
    pub key: SoftKey,
    /// The request that is used.
    pub bundle: Option<Bundle>,
    /// The larger contents that the ledger keeps.
    pub kept: Mutex<Vec<Vec<u8>>>,
    /// Whether the ledger's key is in a keyring that is locked.
    pub keyring_is_locked: bool,
    /// What lies where requests are left.
    pub papers: Mutex<BTreeMap<String, Vec<u8>>>,
    /// The call that panics: `verify` or `caller`.
    pub panics: &'static str,
}

impl Fake {
    /// How many calls were made.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// The names of the events in the ledger, in their order.
    pub fn events(&self) -> Vec<&'static str> {
        self.entries.lock().unwrap().iter().map(|record| record.event.name()).collect()
    }

    /// Breaks the glass for a command.
    pub fn break_glass(self: &Arc<Self>, wish: &Wish) -> Result<Session, BreakError> {
        self.break_glass_in(self.setting(), wish)
    }

    /// Breaks the glass in a setting of the test's own.
    pub fn break_glass_in(self: &Arc<Self>, setting: Setting<'_>, wish: &Wish) -> Result<Session, BreakError> {
        broker::break_glass(Parts(Arc::clone(self)).world(), setting, wish)
    }

    /// Breaks the glass without approvals.
    pub fn override_approvals(self: &Arc<Self>, wish: &Wish) -> Result<Session, BreakError> {
        broker::override_approvals(Parts(Arc::clone(self)).world(), self.setting(), wish)
    }

    /// Looks for what closes the reviews that are open.
    pub fn settle(self: &Arc<Self>) -> Result<Settled, LedgerError> {
        review::settle(Parts(Arc::clone(self)).world(), &self.catalogue, &self.identity)
    }

    /// Gets the request approved, or one that is made.
    pub fn obtain(self: &Arc<Self>) -> Result<Bundle, BreakError> {
        let parts = Parts(Arc::clone(self));
        broker::obtain(parts.world(), self.setting(), &wish("prod-db-emergency"), &|_| {}).map(Option::unwrap)
    }

    /// The usual setting.
    pub fn setting(&self) -> Setting<'_> {
        Setting {
            catalogue: &self.catalogue,
            identity: &self.identity,
            kind: SessionKind::Command,
            inside: None,
            bundle: self.bundle.as_ref(),
        }
    }

    /// What is told of a session.
    fn live(&self, session: &Session, kind: SessionKind) -> Live {
        let began = Timestamp::from_micros(*self.now.lock().unwrap());
        let kept = Kept { catalogue: "profiles.toml".to_owned(), kind, pid: 4242, began, expires: session.expires() };
        Live::of(session.grant(), kept)
    }

    /// Breaks the glass and runs a child.
    pub fn run(self: &Arc<Self>, wish: &Wish) -> Result<Ended, String> {
        let parts = Parts(Arc::clone(self));
        let session = self.break_glass(wish).map_err(|error| error.to_string())?;
        let environment = Environment::of(&session, &self.catalogue);
        let command =
            || Work { kind: SessionKind::Command, argv: vec!["true".into()], logged: vec!["true".to_owned()] };
        let work = session.grant().step().map_or_else(command, Work::of_step);
        let live = self.live(&session, work.kind);
        broker::give_to_child(parts.world(), session, live, environment, work).map_err(|error| error.to_string())
    }

    /// Counts a call and makes it fail when its turn has come.
    fn call<T, E>(&self, effect: impl FnOnce() -> Result<T, E>, failure: impl FnOnce() -> E) -> Result<T, E> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        match self.failing {
            Some((turn, Fails::Before)) if turn == number => Err(failure()),
            Some((turn, Fails::After)) if turn == number => {
                effect()?;
                Err(failure())
            }
            Some(_) | None => effect(),
        }
    }

    fn is_held(&self) -> Result<(), LedgerError> {
        let less = |times: usize| times.checked_sub(1);
        match self.busy.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) {
            Ok(_) => Err(LedgerError::Busy("lock".into())),
            Err(_) => Ok(()),
        }
    }

    /// Reads the entries from one on as the ledger would have them, and gives how many there are.
    fn read_entries(&self, from: u64, each: &mut dyn FnMut(&Entry<'_>)) -> u64 {
        let (boot, host) = ("boot".to_owned(), "laptop".to_owned());
        let stamp = Stamp { at: self.time(), mono: BootTime(0), boot, host, pid: 1, uid: 1 };
        let entries = self.entries.lock().unwrap();
        let mut read = |seq, record: &Record| {
            let line = line(seq, Digest::of(b""), &stamp, record.said()).unwrap();
            each(&Entry::parse(&line).unwrap());
        };
        if let Some(bundle) = &self.bundle {
            // It was made before the story begins.
            let event = Event::RequestMade(NamedRequest::of(&bundle.sheet));
            read(from, &Record { who: None, session: None, event });
        }
        (0..).zip(entries.iter()).filter(|(seq, _)| *seq >= from).for_each(|(seq, record)| read(seq, record));
        entries.len() as u64
    }

    fn time(&self) -> Timestamp {
        Timestamp::from_micros(*self.now.lock().unwrap())
    }

    fn pass(&self, length: Duration) {
        *self.now.lock().unwrap() += i64::try_from(length.as_micros()).unwrap();
    }
}

/// The traits of the world, over one [`Fake`] that its daily identities share.
struct Parts(Arc<Fake>);

impl Parts {
    fn world(&self) -> World<'_> {
        World {
            clock: self,
            chance: self,
            ledger: self,
            aws: self,
            vault: self,
            codes: self,
            terminal: self,
            programs: self,
            children: self,
            recordings: self,
            keys: self,
            anchors: self,
            hooks: self,
            desks: self,
        }
    }
}

fn broken() -> io::Error {
    io::Error::other("made to fail")
}

/// A wish that is granted.
pub fn wish(profile: &str) -> Wish {
    Wish {
        profile: profile.to_owned(),
        incident: Some("INC-42".to_owned()),
        reason: Some("the orders database is down".to_owned()),
        ..Wish::default()
    }
}
