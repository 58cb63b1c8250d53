//! A hook that follows the ledger: what it is told, in which order, and what is noted of that.
//!
//! Keeps the promises that nothing is passed over in silence, and that an intent which somebody waits for was taken from
//! this very process, whatever a note says.

use std::time::Duration;

use serde::Deserialize;

use super::HookError;
use super::call::{Teller, Told};
use super::progress::{Failing, Note, Progress};
use crate::host::clock::HostClock;
use crate::host::ledger::HostLedger;
use crate::model::catalogue::Hook;
use crate::model::event::{Event, FailedHook, RecoveredHook};
use crate::model::name::Digest;
use crate::model::time::Timestamp;
use crate::world::ledger::{Appended, Ledger, LedgerError, Record};
use crate::world::machine::Clock;

/// How old an entry may be that somebody is told of: nobody wants to hear next week that there was an emergency.
const OLDEST: Duration = Duration::from_secs(72 * 60 * 60);

/// How many entries are in memory at once.
const BATCH: usize = 100;

/// Who is told, how, and how far.
pub struct Follower {
    pub hook: Hook,
    pub teller: Teller,
    pub ledger: HostLedger,
    pub note: Note,
    /// Where it begins if it is new.
    pub began: Option<u64>,
}

impl Follower {
    /// Tells the hook, in their order, the entries that it was not told of yet.
    ///
    /// # Errors
    /// When it does not take one of them; it is told no later one then.
    pub fn follow(&self) -> Result<(), HookError> {
        self.go_on(None).map(drop)
    }

    /// The same up to an intent, and that in any case.
    ///
    /// # Errors
    /// When it has not taken that very intent from this process.
    pub fn confirm(&self, intent: Appended) -> Result<(), HookError> {
        if self.go_on(Some(intent.seq))? == Some(intent.hash) { Ok(()) } else { Err(gone("intent")) }
    }

    /// Tells what is due, up to the entry that somebody waits for; gives the hash of the last one.
    fn go_on(&self, awaited: Option<u64>) -> Result<Option<Digest>, HookError> {
        let _lock = self.note.hold().map_err(HookError::file("lock", &self.note.path()))?;
        let Some(mut progress) = self.begin()? else { return Ok(None) };
        // A note is no receipt: whoever says that it was told of this one may be another process, or nobody.
        progress.seq = progress.seq.min(awaited.unwrap_or(u64::MAX));
        let mut last = None;
        loop {
            let (due, end) = self.due(progress.seq, awaited)?;
            let is_all = due.len() < BATCH;
            for told in due {
                self.tell(&mut progress, &told, awaited)?;
                last = Some(Digest::of(&told.line));
            }
            if is_all {
                progress.seq = awaited.map_or(end, |awaited| end.min(awaited + 1)).max(progress.seq);
                return self.keep(&progress).map(|()| last);
            }
        }
    }

    /// Where to go on: where its note says; if there is none, where the ledger says that it was told in vain, or else
    /// with what is new; and if the note says nothing that can be, with all that is young enough, which may tell it twice.
    fn begin(&self) -> Result<Option<Progress>, HookError> {
        let why = match self.note.read() {
            Ok(None) => {
                let owed = self.owed()?.map(|seq| Progress { seq, failing: Some(Failing::since(HostClock.now())) });
                return Ok(owed.or(self.began.map(|seq| Progress { seq, failing: None })));
            }
            Ok(Some(noted)) if self.ledger.lines_from(noted.seq, |_, _| {})? >= noted.seq => return Ok(Some(noted)),
            Ok(Some(_)) => HookError::BadNote(self.note.path()),
            Err(error) => error,
        };
        let mut young = None;
        let end = self.ledger.lines_from(0, |_, entry| {
            if young.is_none() && !is_old(entry.ts) {
                young = Some(entry.seq);
            }
        })?;
        let mut progress = Progress { seq: young.unwrap_or(end), failing: None };
        let seq = progress.seq;
        self.failed(&mut progress, seq, &why.in_one_line())?;
        Ok(Some(progress))
    }

    /// The first entry that it was told of in vain since it last took one, by the ledger.
    fn owed(&self) -> Result<Option<u64>, HookError> {
        let mut owed = None;
        self.ledger.lines_from(0, |_, entry| {
            let said =
                || serde_json::from_str(entry.d).ok().filter(|said: &Tried| said.hook == self.hook.name.as_str());
            match entry.ev {
                "hook.failed" => owed = owed.or(said().map(|said| said.seq)),
                "hook.recovered" if said().is_some() => owed = None,
                _ => {}
            }
        })?;
        Ok(owed)
    }

    /// The next entries that the hook is on, and the number of the entry after all that were read.
    fn due(&self, from: u64, last: Option<u64>) -> Result<(Vec<Told>, u64), HookError> {
        let mut due = Vec::new();
        let end = self.ledger.lines_from(from, |line, entry| {
            if due.len() < BATCH && last.is_none_or(|last| entry.seq <= last) && self.hook.is_on(entry.ev) {
                due.push(Told::of(line, entry));
            }
        })?;
        Ok((due, end))
    }

    /// Tells of an entry, or passes over it; the one that somebody waits for is never passed over.
    fn tell(&self, progress: &mut Progress, told: &Told, awaited: Option<u64>) -> Result<(), HookError> {
        let is_awaited = awaited == Some(told.seq);
        if !is_awaited && is_old(&told.at) {
            return self.pass_over(progress, told, "it was not told of it within three days");
        }
        match self.teller.tell(told) {
            Ok(()) => self.recovered(progress, told),
            Err(error) if error.is_final() => {
                self.pass_over(progress, told, &error.in_one_line())?;
                if is_awaited { Err(error) } else { Ok(()) }
            }
            Err(error) => {
                self.failed(progress, told.seq, &error.in_one_line())?;
                Err(error)
            }
        }
    }

    fn recovered(&self, progress: &mut Progress, told: &Told) -> Result<(), HookError> {
        progress.seq = told.seq + 1;
        let failing = progress.failing.take();
        self.keep(progress)?;
        let Some(Failing { tries, passed_over, .. }) = failing else { return Ok(()) };
        let (hook, kind, seq) = (self.hook.name.clone(), self.hook.call.kind(), told.seq);
        self.append(Event::HookRecovered(RecoveredHook { hook, kind, seq, tries, passed_over }))
    }

    fn pass_over(&self, progress: &mut Progress, told: &Told, why: &str) -> Result<(), HookError> {
        progress.seq = told.seq + 1;
        self.failed(progress, told.seq, why)?;
        progress.failing.iter_mut().for_each(|failing| failing.passed_over += 1);
        self.keep(progress)
    }

    /// Notes a failure; the ledger is told of the first one alone.
    fn failed(&self, progress: &mut Progress, seq: u64, why: &str) -> Result<(), HookError> {
        let is_first = progress.failing.is_none();
        let failing = progress.failing.get_or_insert_with(|| Failing::since(HostClock.now()));
        failing.tries += 1;
        why.clone_into(&mut failing.why);
        self.keep(progress)?;
        if !is_first {
            return Ok(());
        }
        let (hook, kind) = (self.hook.name.clone(), self.hook.call.kind());
        self.append(Event::HookFailed(FailedHook { hook, kind, seq, why: why.to_owned() }))
    }

    fn append(&self, event: Event) -> Result<(), HookError> {
        let record = Record { who: Some(self.teller.person.clone()), session: None, event };
        self.ledger.append(&record)?;
        Ok(())
    }

    fn keep(&self, progress: &Progress) -> Result<(), HookError> {
        self.note.keep(progress).map_err(HookError::file("write", &self.note.path()))
    }
}

/// What matters of `hook.failed` and `hook.recovered` here.
#[derive(Deserialize)]
struct Tried {
    hook: String,
    seq: u64,
}

/// Whether an entry of this time is too old; one that does not say its time is not.
fn is_old(at: &str) -> bool {
    Timestamp::parse(at).is_ok_and(|written| HostClock.now().since(written) > OLDEST)
}

/// That an entry of this process is not in the ledger any more.
pub fn gone(what: &str) -> HookError {
    HookError::Ledger(LedgerError::Untrusted { reason: format!("the entry of this {what} is gone") })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::host::hooks::HookSecrets;
    use crate::host::ledger::Asking;
    use crate::model::catalogue::HookCall;
    use crate::model::name::{HookName, PersonName, Region};
    use crate::world::aws::Place;

    /// A follower of a ledger in this folder, that has a shell run these words for each refusal.
    fn follower(state: &std::path::Path, script: &str) -> Follower {
        let name = HookName::parse("pager").expect("a name");
        let call = HookCall::Program(["/bin/sh", "-c", script].map(str::to_owned).into());
        let place = Place { region: Region::parse("eu-west-1").expect("a region"), endpoint: None, ca_bundle: None };
        let teller = Teller {
            call: call.clone(),
            name: name.clone(),
            person: PersonName::parse("alice").expect("a name"),
            source: None,
            place,
            secrets: HookSecrets::of(state),
            asking: Asking::Never,
        };
        let path = state.join("ledger");
        let note = Note::of(&path, &name);
        let ledger = HostLedger::new(path, None).expect("this is a boot");
        Follower {
            hook: Hook { name, on: vec!["elevate.refused"], call, required: true },
            teller,
            ledger,
            note,
            began: Some(0),
        }
    }

    fn refused() -> Record {
        let event = Event::ElevateRefused { profile: "prod-db-emergency".into(), rules: vec!["group"], request: None };
        Record { who: None, session: None, event }
    }

    /// Whoever takes the note away loses no alarm.
    #[test]
    fn without_its_note_a_hook_begins_with_what_the_ledger_says_it_was_told_in_vain() {
        let state = tempfile::tempdir().expect("a folder");
        let told = state.path().join("told.txt");
        let down = follower(state.path(), "exit 3");
        let first = down.ledger.append(&refused()).expect("nobody else is here");
        down.ledger.append(&refused()).expect("nobody else is here");
        assert!(down.follow().is_err());
        fs::remove_file(down.note.path()).expect("it was there");
        let up = Follower { began: None, ..follower(state.path(), &format!("cat >> {}", told.display())) };
        up.follow().expect("it takes all");
        let lines = fs::read(&told).expect("it was told");
        let all: Vec<Digest> = lines.split_inclusive(|byte| *byte == b'\n').map(Digest::of).collect();
        assert_eq!((all.len(), all[0]), (2, first.hash));
        // It has recovered: nothing is owed any more.
        fs::remove_file(up.note.path()).expect("it was there");
        up.follow().expect("there is nothing to tell");
        assert_eq!(fs::read(&told).expect("it was told"), lines);
    }

    /// Whoever can write the note cannot spare a hook the entry that somebody waits for.
    #[test]
    fn a_note_that_says_so_is_no_receipt_of_an_intent() {
        let state = tempfile::tempdir().expect("a folder");
        let told = state.path().join("told");
        let takes = follower(state.path(), &format!("cat >> {}", told.display()));
        let before = takes.ledger.append(&refused()).expect("nobody else is here");
        takes.confirm(before).expect("it takes it");
        let intent = takes.ledger.append(&refused()).expect("nobody else is here");
        let forged = Progress { seq: intent.seq + 1, failing: None };
        let refuses = follower(state.path(), "exit 3");
        refuses.keep(&forged).expect("a note");
        assert!(matches!(refuses.confirm(intent), Err(HookError::Ended { code: 3, .. })));
        takes.keep(&forged).expect("a note");
        takes.confirm(intent).expect("it takes it");
        let all: Vec<Digest> =
            fs::read(&told).expect("it was told").split_inclusive(|byte| *byte == b'\n').map(Digest::of).collect();
        assert_eq!(all, [before.hash, intent.hash]);
        // Nor can a ledger that has another entry in its place.
        let other = Appended { hash: Digest::of(b"another"), ..intent };
        assert!(takes.confirm(other).is_err());
    }
}
