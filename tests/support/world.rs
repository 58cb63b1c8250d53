//! A made-up world: every call is counted, and one of them can be told to fail, before or after its effect.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsStr;
use std::io;
use std::path::Path;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use glass::broker::review::{self, Settled};
use glass::broker::{self, BreakError, Environment, Setting, Work};
use glass::model::anchor::{Anchor, AnchorReceipt, Receipt};
use glass::model::catalogue::{Catalogue, Hook, SshKey};
use glass::model::chain::entry::Entry;
use glass::model::chain::origin::Origin;
use glass::model::chain::{Stamp, line};
use glass::model::event::{Cause, Event, SessionKind};
use glass::model::identity::{Identity, Source, Store};
use glass::model::live::{Kept, Live};
use glass::model::mfa::UsedCodes;
use glass::model::name::{Digest, Id, Incident, MfaSerial, PersonName, Reason};
use glass::model::recording::Stream;
use glass::model::request::Wish;
use glass::model::secret::Secret;
use glass::model::session::{Answer, Credentials};
use glass::model::sign_off::approval::{Answer as Answered, Approval, NAMESPACE, Statement};
use glass::model::sign_off::growth::Step;
use glass::model::sign_off::history::Spending;
use glass::model::sign_off::papers::{self, Bundle, Paper, Pile};
use glass::model::sign_off::sheet::{Asked, Extent, Nonce, Sheet};
use glass::model::time::{BootTime, Timestamp};
use glass::world::anchor::{Anchoring, Anchors, NotAnchored};
use glass::world::archive::ArchiveError;
use glass::world::aws::{Aws, AwsError, Caller, Daily, Place, SourceError, Why};
use glass::world::desk::{Desk, Desks, Found, Store as DeskStore, Trouble, Wanted};
use glass::world::hooks::{Calling, Hooks, NotTold};
use glass::world::keeping::{Happening, Keeper, Then, WARNINGS};
use glass::world::ledger::{Appended, Checkpointed, KeyFault, Ledger, LedgerError, Measure, Past, Record, Unsigned};
use glass::world::machine::{
    AskError, Chance, Child, ChildError, Children, Clock, Codes, CodesError, Command, Ended, Hold, ProgramError,
    Programs, Ran, Terminal, Vault, VaultError, Watched,
};
use glass::world::recording::{RecordingError, RecordingFile, Recordings};
use glass::world::signing::{AgentError, Keys, Signer, SigningError};
use glass::world::{Declined, Issued, Session, Warrant, World};

use super::{Kind, SoftKey};

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
confirm = ["/bin/confirm", "{incident}"]
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
    /// A world in which everything goes well.
    pub fn new() -> Fake {
        let read = |_: &Path| Err("there are no files here".to_owned());
        Fake {
            catalogue: Catalogue::load(Path::new("profiles.toml"), CATALOGUE.as_bytes(), &read).unwrap(),
            identity: Identity::load(Path::new("identity.toml"), IDENTITY.as_bytes()).unwrap(),
            calls: AtomicUsize::new(0),
            failing: None,
            ids: AtomicUsize::new(0),
            now: Mutex::new(1_800_000_000_000_000),
            used: Mutex::default(),
            entries: Mutex::default(),
            sent: Mutex::default(),
            named: Mutex::default(),
            answers: Mutex::default(),
            typed: Mutex::new(["123456", "234567", "345678", "456789"].map(str::to_owned).into()),
            typing: Duration::ZERO,
            pasted: Mutex::default(),
            said: Mutex::default(),
            recorded: Mutex::default(),
            started: AtomicUsize::new(0),
            caller: "arn:aws:iam::111122223333:user/alice".to_owned(),
            clock_ahead: 0,
            temporary: false,
            login: false,
            seed: None,
            terminal: true,
            confirm: 0,
            beyond: 0,
            lasts_to_the_end: false,
            busy: AtomicUsize::new(0),
            key: SoftKey::new(Kind::Ed25519),
            papers: Mutex::default(),
            bundle: None,
            kept: Mutex::default(),
            keyring_is_locked: false,
            panics: "",
        }
    }

    /// A world whose emergencies need an anchor.
    pub fn anchored() -> Fake {
        let read = |_: &Path| Err("there are no files here".to_owned());
        let shipped = "[ledger]\nship = [\"/srv/share\"]\n[levels.emergency]\nanchor = \"required\"";
        let text = CATALOGUE.replacen("[levels.emergency]", shipped, 1);
        let catalogue = Catalogue::load(Path::new("profiles.toml"), text.as_bytes(), &read).unwrap();
        Fake { catalogue, ..Fake::new() }
    }

    /// A world in which a hook must hear of every elevation first.
    pub fn hooked() -> Fake {
        let read = |_: &Path| Err("there are no files here".to_owned());
        let hook = "name = \"pager\"\non = [\"elevate.intent\"]\nprogram = [\"/bin/page\"]\nrequired = true";
        let text = format!("{CATALOGUE}[[hooks]]\n{hook}\n");
        let catalogue = Catalogue::load(Path::new("profiles.toml"), text.as_bytes(), &read).unwrap();
        Fake { catalogue, ..Fake::new() }
    }

    /// A world in which something is otherwise.
    pub fn with(change: impl FnOnce(&mut Fake)) -> Fake {
        let mut fake = Fake::new();
        change(&mut fake);
        fake
    }

    /// A world in which one call fails.
    pub fn failing(call: usize, fails: Fails) -> Fake {
        Fake::new().with_failing(call, fails)
    }

    /// The same world, in which one call fails.
    pub fn with_failing(self, call: usize, fails: Fails) -> Fake {
        Fake { failing: Some((call, fails)), ..self }
    }

    /// A world whose profile needs an approval, which bob has given.
    pub fn approved() -> Fake {
        Fake::approved_with(|_| ())
    }

    /// The same with something otherwise.
    pub fn with_approved(change: impl FnOnce(&mut Fake)) -> Fake {
        let mut fake = Fake::approved();
        change(&mut fake);
        fake
    }

    /// The same with another request or other approvals.
    pub fn approved_with(change: impl FnOnce(&mut Bundle)) -> Fake {
        let key = SoftKey::new(Kind::Ed25519);
        let rule = "max_duration = \"30m\"\napproval = { count = 1, from = [\"bob\"] }\nsteps =";
        let bob = format!(
            "[people.bob]\ngroups = [\"security\"]\ncontact = \"+44 20 7946 0000\"\nkeys = [\"{}\"]\n[people.alice]",
            key.line()
        );
        let text = CATALOGUE.replace("max_duration = \"30m\"\nsteps =", rule).replace("[people.alice]", &bob);
        let read = |_: &Path| Err("there are no files here".to_owned());
        let catalogue = Catalogue::load(Path::new("profiles.toml"), text.as_bytes(), &read).unwrap();
        let fake = Fake { catalogue, ..Fake::new() };
        let sheet = fake.sheet();
        let statement = Statement {
            answer: Answered::Approve,
            person: PersonName::parse("bob").unwrap(),
            at: fake.time(),
            request: sheet.digest(),
            remark: String::new(),
        };
        let signature = key.approve(NAMESPACE, statement.to_text().unwrap().as_bytes());
        let approvals = vec![Approval::new(&statement, &signature).unwrap()];
        let mut bundle = Bundle { approvals, ..Bundle::of(sheet) };
        change(&mut bundle);
        Fake { bundle: Some(bundle), ..fake }
    }

    /// A world in which alice may go on without bob's approval.
    pub fn overridable() -> Fake {
        Fake::overridable_with("", "")
    }

    /// The same with something more in the level, and before it.
    pub fn overridable_with(level: &str, before: &str) -> Fake {
        let rule = "max_duration = \"30m\"\napproval = { count = 1, from = [\"bob\"] }\n\
                    override = { for = [\"oncall\"], max_duration = \"15m\" }\nsteps =";
        let bob = format!(
            "[people.bob]\ngroups = [\"security\"]\nkeys = [\"{}\"]\n[people.alice]",
            SoftKey::new(Kind::Ed25519).line()
        );
        let text = CATALOGUE.replace("max_duration = \"30m\"\nsteps =", rule).replace("[people.alice]", &bob);
        let level = format!("{before}[levels.emergency]\n{level}");
        let text = text.replacen("[levels.emergency]", &level, 1);
        let read = |_: &Path| Err("there are no files here".to_owned());
        let catalogue = Catalogue::load(Path::new("profiles.toml"), text.as_bytes(), &read).unwrap();
        Fake { catalogue, ..Fake::new() }
    }

    /// Alice's request for what [`wish`] wishes for.
    fn sheet(&self) -> Sheet {
        let catalogue = &self.catalogue;
        let profile = catalogue.profile("prod-db-emergency").unwrap();
        let (trigger, alice) = (catalogue.trigger("outage").unwrap(), catalogue.person("alice").unwrap());
        let asked = Asked {
            id: Id::parse("0123abcd").unwrap(),
            organisation: catalogue.organisation().clone(),
            origin: Origin::parse(ORIGIN).unwrap(),
            person: alice.name.clone(),
            profile: profile.name.clone(),
            parts: catalogue.parts(profile, trigger, alice),
            role: profile.role.clone(),
            trigger: trigger.name.clone(),
            incident: Incident::parse("INC-42").unwrap(),
            reason: Reason::parse("the orders database is down").unwrap(),
            duration: 900,
            step: None,
            overrides: false,
            made: self.time(),
            expires: self.time().plus(Duration::from_secs(1800)),
            ledger: Extent { size: 0, root: Digest::of(b"") },
            nonce: Nonce::from_random([7; 16]),
        };
        Sheet::write(&asked).unwrap()
    }

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
        for (seq, record) in (0..).zip(entries.iter()).filter(|(seq, _)| *seq >= from) {
            let line = line(seq, Digest::of(b""), &stamp, record.said()).unwrap();
            each(&Entry::parse(&line).unwrap());
        }
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

impl Clock for Parts {
    fn now(&self) -> Timestamp {
        self.0.time()
    }

    fn boot(&self) -> BootTime {
        BootTime(u64::try_from(self.0.time().micros()).unwrap() * 1000)
    }

    fn wait(&self, length: Duration) {
        self.0.pass(length);
    }
}

impl Chance for Parts {
    fn id(&self) -> Id {
        let number = u8::try_from(self.0.ids.fetch_add(1, Ordering::SeqCst)).unwrap();
        Id::from_random([number; 5])
    }

    fn nonce(&self) -> Nonce {
        Nonce::from_random([7; 16])
    }
}

impl Ledger for Parts {
    fn append(&self, record: &Record) -> Result<Appended, LedgerError> {
        let effect = || {
            let mut entries = self.0.entries.lock().unwrap();
            entries.push(record.clone());
            let seq = entries.len() as u64 - 1;
            Ok(Appended { seq, hash: hash_of(seq) })
        };
        self.0.call(effect, || LedgerError::File { doing: "append to", path: "ledger".into(), source: broken() })
    }

    fn append_once(&self, record: &Record, request: &Id, from: u64) -> Result<Result<Appended, Id>, LedgerError> {
        let mut spending = Spending::new(request.clone());
        self.0.read_entries(from, &mut |entry| spending.read(entry));
        match spending.used() {
            Some(session) => Ok(Err(session.clone())),
            None => self.append(record).map(Ok),
        }
    }

    fn read_back(&self, from: u64, each: &mut dyn FnMut(&Entry<'_>)) -> Result<Past, LedgerError> {
        let size = self.0.read_entries(from, each);
        let past = Past { origin: Origin::parse(ORIGIN).unwrap(), size, latest: Some(self.0.time()) };
        let failure = || LedgerError::File { doing: "read", path: "ledger".into(), source: broken() };
        self.0.call(|| Ok(past), failure)
    }

    fn append_all(&self, records: &[Record], _: Duration) -> Result<(), LedgerError> {
        self.0.is_held()?;
        records.iter().try_for_each(|record| self.append(record).map(drop))
    }

    fn sync(&self, _: Duration) -> Result<(), LedgerError> {
        self.0.is_held()
    }

    fn checkpoint(&self, who: Option<&PersonName>, session: Option<&Id>) -> Result<Checkpointed, Unsigned> {
        if self.0.keyring_is_locked {
            return Err(Unsigned::Key(KeyFault::Closed(Store::SecretService)));
        }
        let event = Event::LedgerCheckpoint { size: 0, root: Digest::of(b""), note: "a note\n".into() };
        let record = Record { who: who.cloned(), session: session.cloned(), event };
        self.append(&record)?;
        let origin = Origin::parse(ORIGIN).unwrap();
        Ok(Checkpointed { origin, size: 0, root: Digest::of(b""), note: "a note\n".into(), new_key: None })
    }

    fn measure(&self) -> Result<Measure, LedgerError> {
        let size = self.0.entries.lock().unwrap().len() as u64;
        let measure = Measure { origin: Origin::parse(ORIGIN).unwrap(), size, root: Digest::of(b"") };
        let failure = || LedgerError::File { doing: "read", path: "ledger".into(), source: broken() };
        self.0.call(|| Ok(measure), failure)
    }

    fn growth(&self, _: &[u64], _: u64) -> Result<Vec<Step>, LedgerError> {
        self.0.call(|| Ok(Vec::new()), || LedgerError::File { doing: "read", path: "ledger".into(), source: broken() })
    }

    fn verify(&self) -> Result<(), LedgerError> {
        assert_ne!(self.0.panics, "verify", "made to panic");
        let failure = || LedgerError::RolledBack { segment: "log-0".into(), reason: "made to fail".into() };
        self.0.call(|| Ok(()), failure)
    }

    fn keep(&self, content: &[u8]) -> Result<Digest, LedgerError> {
        self.0.call(
            || {
                self.0.kept.lock().unwrap().push(content.to_vec());
                Ok(Digest::of(content))
            },
            || LedgerError::File { doing: "keep", path: "b".into(), source: broken() },
        )
    }
}

impl Anchors for Parts {
    fn confirm(&self, checkpoint: &Checkpointed, anchoring: Anchoring<'_>) -> Result<Vec<Anchor>, NotAnchored> {
        let [to] = anchoring.places else { panic!("{:?}", anchoring.places) };
        let confirm = || {
            let (kind, to) = (to.kind(), to.to_string());
            let receipt = Receipt { name: "checkpoint".to_owned(), version: None, retained_until: None };
            let (size, root, receipt) = (checkpoint.size, Digest::of(b""), AnchorReceipt::Archive(receipt));
            Ok(vec![Anchor { size, root, kind, to, receipt, segment: None, recording: None }])
        };
        self.0.call(confirm, || NotAnchored::Nowhere(vec![(to.to_string(), "made to fail".to_owned())]))
    }
}

impl Hooks for Parts {
    fn confirm(&self, intent: &Appended, calling: Calling<'_>) -> Result<(), NotTold> {
        let required: Vec<_> =
            calling.hooks.iter().filter(|hook| hook.required).map(|hook| hook.name.clone()).collect();
        let fail = || NotTold(required.iter().map(|hook| (hook.clone(), "made to fail".to_owned())).collect());
        let last = self.0.entries.lock().unwrap().len() as u64 - 1;
        assert_eq!((required.len(), intent.seq), (1, last), "what is told is the last entry");
        self.0.call(|| Ok(()), fail)
    }

    fn start(&self, _: &[Hook]) {}
}

impl Aws for Parts {
    fn sign_in(&self, _: &PersonName, _: &Source, _: &Place) -> Result<Box<dyn Daily>, SourceError> {
        let daily = || Ok(Box::new(FakeDaily(Arc::clone(&self.0))) as Box<dyn Daily>);
        self.0.call(daily, || SourceError::UnknownProfile("daily".into()))
    }

    fn take(&self, _: Credentials, _: String, _: &Place) -> Result<Box<dyn Daily>, SourceError> {
        self.0
            .call(|| Ok(Box::new(FakeDaily(Arc::clone(&self.0))) as Box<dyn Daily>), || SourceError::Network(broken()))
    }
}

struct FakeDaily(Arc<Fake>);

impl Daily for FakeDaily {
    fn how(&self) -> &str {
        "profile daily (made up)"
    }

    fn is_temporary(&self) -> bool {
        self.0.temporary
    }

    fn is_login(&self) -> bool {
        self.0.login
    }

    fn caller(&self) -> Result<Caller, AwsError> {
        assert_ne!(self.0.panics, "caller", "made to panic");
        let caller = Caller {
            account: "111122223333".into(),
            arn: self.0.caller.clone(),
            user_id: "AIDA".into(),
            clock_ahead: self.0.clock_ahead,
        };
        self.0.call(|| Ok(caller), || AwsError::NotSent("made to fail".into()))
    }

    fn mfa_devices(&self) -> Result<Vec<MfaSerial>, AwsError> {
        self.0.call(|| Ok(Vec::new()), || AwsError::NotSent("made to fail".into()))
    }

    fn assume(&self, warrant: Warrant, code: Option<&Secret>) -> Result<Issued, Box<Declined>> {
        let send = || {
            self.0.sent.lock().unwrap().push(code.map(|code| code.expose().to_owned()));
            self.0.named.lock().unwrap().push(warrant.session_name().to_owned());
            Ok(())
        };
        let outcome = self.0.call(send, || AwsError::MaybeSent("made to fail".into()));
        let outcome = outcome.and_then(|()| self.0.answers.lock().unwrap().pop_front().map_or(Ok(()), Err));
        if let Err(error) = outcome {
            return Err(warrant.declined(error));
        }
        let (name, lasts) = (warrant.session_name().to_owned(), warrant.order().duration);
        let role = warrant.order().role.clone();
        warrant.answered(Answer {
            credentials: Credentials {
                access_key_id: "ASIAEXAMPLE".into(),
                secret_access_key: Secret::new(SECRET.into()),
                session_token: Secret::new("token".into()),
            },
            expires: Timestamp::from_seconds(self.0.time().seconds() + self.0.beyond).plus(lasts),
            assumed_role_id: format!("AROA:{name}"),
            assumed_role_arn: format!("arn:aws:sts::{}:assumed-role/{}/{name}", role.account(), role.role_name()),
            request_id: "request".into(),
            date: self.0.time(),
            sent_at: BootTime(u64::try_from(self.0.time().micros()).unwrap() * 1000),
        })
    }
}

impl Keys for Parts {
    fn find<'k>(&'k self, _: Option<&Path>, accepted: &'k [SshKey]) -> Result<Box<dyn Signer + 'k>, SigningError> {
        let mine = self.0.key.public();
        let found = accepted.iter().find(|key| key.blob() == mine.blob());
        let signer = found.map(|key| Box::new(FakeSigner { fake: &self.0, key }) as Box<dyn Signer>);
        self.0
            .call(|| signer.ok_or(SigningError::NoKey(AgentError::Absent)), || SigningError::NoKey(AgentError::Silent))
    }
}

struct FakeSigner<'k> {
    fake: &'k Fake,
    key: &'k SshKey,
}

impl Signer for FakeSigner<'_> {
    fn key(&self) -> &SshKey {
        self.key
    }

    fn sign(&self, namespace: &str, message: &[u8]) -> Result<String, SigningError> {
        let signed = || Ok(self.fake.key.approve(namespace, message));
        self.fake.call(signed, || SigningError::Agent(AgentError::Refused))
    }
}

impl Desks for Parts {
    fn open(&self, _: Option<&DeskStore<'_>>) -> Box<dyn Desk + '_> {
        Box::new(FakeDesk(&self.0))
    }
}

struct FakeDesk<'d>(&'d Fake);

fn left_out() -> Trouble {
    let why = ArchiveError::Unreachable { doing: "open".into(), message: "made to fail".into() };
    Trouble { place: "the store".into(), why }
}

impl Desk for FakeDesk<'_> {
    fn keep(&self, sheet: &Sheet, paper: Paper<'_>) -> Vec<Trouble> {
        let keep = || {
            self.0.papers.lock().unwrap().entry(paper.name(sheet)).or_insert_with(|| paper.content(sheet));
            Ok(Vec::new())
        };
        self.0.call(keep, || vec![left_out()]).unwrap_or_else(|troubles| troubles)
    }

    fn look(&self, wanted: Wanted<'_>) -> Found {
        let mut pile = Pile::default();
        let id = match wanted {
            Wanted::Id(id) => Some(id),
            Wanted::Beside(sheet) => {
                pile.add_sheet(sheet);
                Some(&sheet.asked().id)
            }
            Wanted::Recent(_) | Wanted::All | Wanted::Own => None,
        };
        let read = || {
            for (name, content) in self.0.papers.lock().unwrap().iter() {
                if id.is_none_or(|id| papers::is_of(name, id)) && pile.wants(name) {
                    pile.add(name, Some(content));
                }
            }
            Ok(())
        };
        let troubles = self.0.call(read, || vec![left_out()]).err().unwrap_or_default();
        Found { papers: pile.sorted(), troubles }
    }
}

impl Vault for Parts {
    fn read(&self, store: Store, entry: &str) -> Result<Secret, VaultError> {
        let kept = self.0.seed.filter(|_| entry == "totp-seed/alice");
        kept.map(|seed| Secret::new(seed.into())).ok_or(VaultError::Missing { store, entry: entry.to_owned() })
    }

    fn write(&self, store: Store, _: &str, _: &Secret) -> Result<(), VaultError> {
        Err(VaultError::Unavailable { store, message: "there is none".into() })
    }

    fn remove(&self, store: Store, _: &str) -> Result<(), VaultError> {
        Err(VaultError::Unavailable { store, message: "there is none".into() })
    }

    fn stores(&self) -> Vec<Store> {
        Vec::new()
    }
}

impl Codes for Parts {
    fn hold(&self, _: &MfaSerial) -> Result<Box<dyn Hold>, CodesError> {
        let used = self.0.used.lock().unwrap().clone();
        let hold = || Ok(Box::new(FakeHold { fake: Arc::clone(&self.0), used }) as Box<dyn Hold>);
        self.0.call(hold, || CodesError { doing: "lock", path: "codes".into(), source: broken() })
    }
}

struct FakeHold {
    fake: Arc<Fake>,
    used: UsedCodes,
}

impl Hold for FakeHold {
    fn used(&self) -> &UsedCodes {
        &self.used
    }

    fn remember(&mut self, used: UsedCodes) -> Result<(), CodesError> {
        let keep = || {
            *self.fake.used.lock().unwrap() = used;
            Ok(())
        };
        self.fake.call(keep, || CodesError { doing: "write", path: "codes".into(), source: broken() })
    }
}

impl Terminal for Parts {
    fn is_there(&self) -> bool {
        self.0.terminal
    }

    fn size(&self) -> Option<(u16, u16)> {
        self.0.terminal.then_some((80, 24))
    }

    fn ask(&self, _: &str) -> Result<String, AskError> {
        let answer = || {
            self.0.pass(self.0.typing);
            self.0.typed.lock().unwrap().pop_front().ok_or(AskError::Closed)
        };
        self.0.call(answer, || AskError::Interrupted)
    }

    fn ask_secret(&self, question: &str) -> Result<Secret, AskError> {
        self.ask(question).map(Secret::new)
    }

    fn hear(&self, longest: Duration) -> Result<Option<String>, AskError> {
        let hear = || {
            self.0.pass(longest);
            Ok(self.0.pasted.lock().unwrap().pop_front())
        };
        self.0.call(hear, || AskError::Interrupted)
    }

    fn forget_unread(&self) {
        self.0.pasted.lock().unwrap().clear();
    }

    fn say(&self, line: &str) {
        self.0.said.lock().unwrap().push(line.to_owned());
    }

    fn count_down(&self, what: &str, length: Duration) -> Result<(), AskError> {
        self.say(what);
        let wait = || {
            self.0.pass(length);
            Ok(())
        };
        self.0.call(wait, || AskError::Interrupted)
    }
}

impl Programs for Parts {
    fn run(&self, argv: &[String], limit: Duration) -> Result<Ran, ProgramError> {
        let ran = Ran { code: self.0.confirm, stdout: Secret::new(String::new()), stderr: String::new() };
        self.0.call(|| Ok(ran), || ProgramError::TimedOut { program: argv[0].clone(), limit })
    }

    fn check_writers(&self, program: &str) -> Result<(), ProgramError> {
        let untrusted = || ProgramError::Untrusted { program: program.to_owned(), why: "others wrote it".to_owned() };
        self.0.call(|| Ok(()), untrusted)
    }
}

impl Children for Parts {
    fn find(&self, program: &OsStr) -> Result<(), ChildError> {
        self.0.call(|| Ok(()), || ChildError::NotFound(program.to_owned()))
    }

    fn check(&self, _: Watched) -> Result<(), ChildError> {
        self.0.call(|| Ok(()), || ChildError::CannotTrace(broken()))
    }

    fn start(&self, command: &Command) -> Result<Box<dyn Child>, ChildError> {
        let start = || {
            self.0.started.fetch_add(1, Ordering::SeqCst);
            Ok(Box::new(FakeChild(Arc::clone(&self.0))) as Box<dyn Child>)
        };
        self.0.call(start, || ChildError::NotFound(command.argv[0].clone()))
    }

    fn folder(&self) -> String {
        "/home/alice".to_owned()
    }
}

struct FakeChild(Arc<Fake>);

impl Child for FakeChild {
    fn pid(&self) -> u32 {
        4711
    }

    fn wait(self: Box<Self>, deadline: BootTime, keeper: &mut dyn Keeper) -> Ended {
        let shown = format!("key {SECRET}\r\n");
        let seen =
            [Happening::Shown(Stream::Terminal, shown.as_bytes()), Happening::Typed(b"x"), Happening::Resized(120, 40)];
        for what in seen {
            if let Then::End(cause) = keeper.happened(what) {
                return Ended { cause, code: 129, left_behind: 0 };
            }
        }
        if self.0.lasts_to_the_end {
            // A minute before the end the supervisor looks around for ten seconds.
            let ticks = std::iter::repeat_with(|| Happening::Tick).take(10);
            for what in WARNINGS.map(Happening::TimeLeft).into_iter().chain(ticks) {
                match keeper.happened(what) {
                    Then::GoOn => {}
                    Then::Tell(line) => self.0.said.lock().unwrap().push(line),
                    Then::End(cause) => return Ended { cause, code: 0, left_behind: 0 },
                    Then::TellAndEnd(line, cause) => {
                        self.0.said.lock().unwrap().push(line);
                        return Ended { cause, code: 0, left_behind: 0 };
                    }
                }
                self.0.pass(Duration::from_secs(1));
            }
        }
        let now = BootTime(u64::try_from(self.0.time().micros()).unwrap() * 1000);
        let cause = if deadline <= now { Cause::Deadline } else { Cause::Exit };
        Ended { cause, code: 0, left_behind: 0 }
    }
}

fn not_recorded() -> RecordingError {
    RecordingError { doing: "write to", path: "recording".into(), source: broken() }
}

impl Recordings for Parts {
    fn make(&self, _: &Id) -> Result<(), RecordingError> {
        self.0.call(|| Ok(()), not_recorded)
    }

    fn open(&self, _: &Id) -> Result<Box<dyn RecordingFile>, RecordingError> {
        let file = || Ok(Box::new(FakeRecording(Arc::clone(&self.0))) as Box<dyn RecordingFile>);
        self.0.call(file, not_recorded)
    }

    fn discard(&self, _: &Id) {
        self.0.recorded.lock().unwrap().clear();
    }
}

struct FakeRecording(Arc<Fake>);

impl RecordingFile for FakeRecording {
    fn add(&mut self, lines: &[u8]) -> Result<(), RecordingError> {
        let add = || {
            self.0.recorded.lock().unwrap().extend_from_slice(lines);
            Ok(())
        };
        self.0.call(add, not_recorded)
    }

    fn check(&self) -> Result<(), RecordingError> {
        self.0.call(|| Ok(()), not_recorded)
    }

    fn sync(&self) -> Result<(), RecordingError> {
        self.0.call(|| Ok(()), not_recorded)
    }
}

/// What the made-up ledger has for the hash of an entry.
pub fn hash_of(seq: u64) -> Digest {
    Digest::of(&seq.to_be_bytes())
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

/// AWS's no to a wrong code.
pub fn wrong_code() -> AwsError {
    AwsError::Refused {
        code: "AccessDenied".into(),
        message: "MultiFactorAuthentication failed with invalid MFA one time pass code.".into(),
        request_id: Some("request".into()),
        why: Why::WrongCode,
    }
}
