//! The worlds that journeys begin with: one in which everything goes well, and others in which something is otherwise.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use glass::model::catalogue::{Beside, Catalogue};
use glass::model::chain::origin::Origin;
use glass::model::identity::Identity;
use glass::model::name::{Digest, Id, Incident, PersonName, Reason};
use glass::model::sign_off::approval::{Answer as Answered, Approval, NAMESPACE, Statement};
use glass::model::sign_off::papers::Bundle;
use glass::model::sign_off::sheet::{Asked, Extent, Nonce, Sheet};

use super::{CATALOGUE, Fails, Fake, IDENTITY, ORIGIN};
use crate::support::{Kind, SoftKey};

impl Fake {
    /// A world in which everything goes well.
    pub fn new() -> Fake {
        Fake {
            catalogue: catalogue(CATALOGUE),
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
            meanwhile: Mutex::default(),
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
        let shipped = "[ledger]\nship = [\"/srv/share\"]\n[levels.emergency]\nanchor = \"required\"";
        let text = CATALOGUE.replacen("[levels.emergency]", shipped, 1);
        Fake { catalogue: catalogue(&text), ..Fake::new() }
    }

    /// A world in which a hook must hear of every elevation first.
    pub fn hooked() -> Fake {
        let hook = "name = \"pager\"\non = [\"elevate.intent\"]\nprogram = [\"/bin/page\"]\nrequired = true";
        let text = format!("{CATALOGUE}[[hooks]]\n{hook}\n");
        Fake { catalogue: catalogue(&text), ..Fake::new() }
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
        let fake = Fake { catalogue: catalogue(&text), ..Fake::new() };
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
        Fake { catalogue: catalogue(&text), ..Fake::new() }
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
}

fn catalogue(text: &str) -> Catalogue {
    let beside = Beside { read: &|_| Err("there are no files here".to_owned()), check: &|_| Ok(None) };
    Catalogue::load(Path::new("profiles.toml"), text.as_bytes(), beside).unwrap()
}
