//! The made-up machine: clock, chance, keyring, codes, terminal and programs.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use glass::model::identity::Store;
use glass::model::mfa::UsedCodes;
use glass::model::name::{Id, MfaSerial};
use glass::model::secret::Secret;
use glass::model::sign_off::sheet::Nonce;
use glass::model::time::{BootTime, Timestamp};
use glass::world::machine::{
    AskError, Chance, Clock, Codes, CodesError, Hold, ProgramError, Programs, Ran, Terminal, Vault, VaultError,
};

use super::{Fake, Parts, broken};

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
            self.0.entries.lock().unwrap().append(&mut self.0.meanwhile.lock().unwrap());
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
