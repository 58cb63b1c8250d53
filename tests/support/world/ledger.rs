//! The made-up ledger, and what hears of it.

use std::time::Duration;

use glass::model::anchor::{Anchor, AnchorReceipt, Receipt};
use glass::model::catalogue::Hook;
use glass::model::chain::entry::Entry;
use glass::model::chain::origin::Origin;
use glass::model::event::Event;
use glass::model::identity::Store;
use glass::model::name::{Digest, Id, PersonName};
use glass::model::policy::NoSignOff;
use glass::model::sign_off::growth::Step;
use glass::model::sign_off::using::Using;
use glass::world::anchor::{Anchoring, Anchors, NotAnchored};
use glass::world::hooks::{Calling, Hooks, NotTold};
use glass::world::ledger::{Appended, Checkpointed, KeyFault, Ledger, LedgerError, Measure, Past, Record, Unsigned};

use super::{ORIGIN, Parts, broken};

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

    fn append_once(
        &self,
        records: &[Record],
        mut using: Using,
    ) -> Result<Result<Vec<Appended>, NoSignOff>, LedgerError> {
        self.0.read_entries(using.from(), &mut |entry| using.read(entry));
        if let Some(why) = using.against() {
            return Ok(Err(why));
        }
        let effect = || {
            let mut entries = self.0.entries.lock().unwrap();
            let first = entries.len() as u64;
            entries.extend(records.iter().cloned());
            let place = |seq: u64| Appended { seq, hash: hash_of(seq) };
            Ok(Ok((first..entries.len() as u64).map(place).collect()))
        };
        self.0.call(effect, || LedgerError::File { doing: "append to", path: "ledger".into(), source: broken() })
    }

    fn read_back(&self, from: u64, each: &mut dyn FnMut(&Entry<'_>)) -> Result<Past, LedgerError> {
        let size = self.0.read_entries(from, each);
        let past = Past { origin: Origin::parse(ORIGIN).unwrap(), first: 0, size, latest: Some(self.0.time()) };
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

/// What the made-up ledger has for the hash of an entry.
pub fn hash_of(seq: u64) -> Digest {
    Digest::of(&seq.to_be_bytes())
}
