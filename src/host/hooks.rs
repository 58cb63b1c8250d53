//! Tells others of what is in the ledger: webhooks, programs, topics of SNS.
//!
//! The ledger is the queue: each hook follows it, in its order, and a note says how far it has come. So nothing is lost
//! when nobody listens, and what was told just before glass was killed is told once more: at least once, always under
//! the same id. Keeps the promises that nobody waits for a hook that is not required, and that one which fails is seen.

mod call;
mod fault;
mod progress;
mod secret;
pub mod telling;
mod topic;
mod untold;

use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::clock::HostClock;
use super::ledger::{Asking, HostLedger};
use crate::model::catalogue::Hook;
use crate::model::event::{Event, FailedHook, RecoveredHook};
use crate::model::name::HookName;
use crate::model::time::Timestamp;
use crate::world::hooks::{Calling, Hooks, NotTold};
use crate::world::ledger::{Appended, Ledger, LedgerError, Record};
use crate::world::machine::Clock;

use call::Teller;
use progress::{Note, Progress};

pub use call::Told;
pub use fault::HookError;
pub use progress::Failing;
pub use secret::HookSecrets;
pub use untold::Untold;

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How old an entry may be that somebody is told of: nobody wants to hear next week that there was an emergency.
const OLDEST: Duration = Duration::from_secs(72 * 60 * 60);

/// How many entries are in memory at once.
const BATCH: usize = 100;

/// Tells for real.
pub struct HostHooks {
    ledger: PathBuf,
    state: PathBuf,
    /// The number of the first entry of this process, once there is one.
    began: Arc<OnceLock<u64>>,
    /// The catalogue's file, if it was named by flag.
    catalogue: Option<PathBuf>,
}

/// Who is told, how, and how far.
struct Follower {
    hook: Hook,
    teller: Teller,
    ledger: HostLedger,
    note: Note,
    /// Where it begins if it is new.
    began: Option<u64>,
}

impl HostHooks {
    /// Of a ledger; `catalogue` is the one that was named by flag.
    pub fn of(ledger: &HostLedger, state: &Path, catalogue: Option<&Path>) -> Self {
        let (path, state, began) = (ledger.path().to_owned(), state.to_owned(), ledger.first());
        HostHooks { ledger: path, state, began, catalogue: catalogue.map(Path::to_owned) }
    }

    /// Notes of those that are new that they are told of what has come since this process began.
    ///
    /// # Errors
    /// When nothing can be noted.
    pub fn begin(&self, hooks: &[Hook]) -> Result<(), HookError> {
        let Some(seq) = self.began.get().copied() else { return Ok(()) };
        for hook in hooks {
            let note = Note::of(&self.ledger, &hook.name);
            if note.read().is_none() {
                let path = note.path();
                let _lock = note.hold().map_err(HookError::file("lock", &path))?;
                if note.read().is_none() {
                    let begins = Progress { seq, failing: None };
                    note.keep(&begins).map_err(HookError::file("write", &path))?;
                }
            }
        }
        Ok(())
    }

    /// Tells all hooks, at the same time, what they were not told yet; says of each what came of it.
    pub fn tell_all(&self, calling: Calling<'_>, asking: Asking) -> Vec<(HookName, Result<(), HookError>)> {
        let untold = Untold::of(&self.ledger);
        untold.take_up();
        let outcomes: Vec<_> = thread::scope(|scope| {
            let follow = |hook| move || self.follower(hook, calling, asking)?.follow(None);
            let started: Vec<_> = calling.hooks.iter().map(|hook| (&hook.name, scope.spawn(follow(hook)))).collect();
            let ended = started
                .into_iter()
                .map(|(name, told)| (name.clone(), told.join().expect("a hook's failure is an error, and no panic")));
            ended.collect()
        });
        if outcomes.iter().any(|(_, told)| told.is_err()) {
            let tries = self.failing(calling.hooks).into_iter().map(|(_, failing)| failing.tries).min();
            untold.note_again(tries.unwrap_or_default());
        }
        untold.done();
        outcomes
    }

    /// Tells one hook of the `run.start` of this process, now, whatever else it was told; gives what it was told.
    ///
    /// # Errors
    /// When it does not take it.
    pub fn tell_of_this_run(&self, hook: &Hook, calling: Calling<'_>) -> Result<Told, HookError> {
        let Follower { ledger, teller, began, .. } = self.follower(hook, calling, Asking::Allowed)?;
        let mut run = None;
        ledger.lines_from(began.unwrap_or_default(), |line, entry| {
            if run.is_none() && entry.ev == "run.start" && entry.pid == u64::from(process::id()) {
                run = Some(Told::of(line, entry));
            }
        })?;
        let gone = || LedgerError::Untrusted { reason: "the entry of this run is gone".to_owned() };
        let run = run.ok_or_else(gone)?;
        teller.tell(&run).map(|()| run)
    }

    /// The hooks among these that fail, with what is known of it.
    pub fn failing<'h>(&self, hooks: &'h [Hook]) -> Vec<(&'h Hook, Failing)> {
        let failing = |hook: &Hook| Note::of(&self.ledger, &hook.name).read()?.failing;
        hooks.iter().filter_map(|hook| Some((hook, failing(hook)?))).collect()
    }

    fn follower(&self, hook: &Hook, calling: Calling<'_>, asking: Asking) -> Result<Follower, HookError> {
        let teller = Teller {
            call: hook.call.clone(),
            name: hook.name.clone(),
            person: calling.person.clone(),
            source: calling.source.cloned(),
            place: calling.place.clone(),
            secrets: HookSecrets::of(&self.state),
            asking,
        };
        let (ledger, note) = (HostLedger::new(self.ledger.clone(), None)?, Note::of(&self.ledger, &hook.name));
        Ok(Follower { hook: hook.clone(), teller, ledger, note, began: self.began.get().copied() })
    }
}

impl Hooks for HostHooks {
    fn confirm(&self, intent: &Appended, calling: Calling<'_>) -> Result<(), NotTold> {
        let (tell, answers) = mpsc::channel();
        let (mut waiting, mut failed) = (Vec::new(), Vec::new());
        let before = intent.seq + 1;
        for hook in calling.hooks.iter().filter(|hook| hook.required) {
            match self.follower(hook, calling, Asking::Allowed) {
                Ok(follower) => {
                    let (tell, name) = (tell.clone(), hook.name.clone());
                    waiting.push(name.clone());
                    // Nobody may be listening any more.
                    thread::spawn(move || drop(tell.send((name, follower.follow(Some(before))))));
                }
                Err(error) => failed.push((hook.name.clone(), error)),
            }
        }
        let until = Instant::now() + PATIENCE;
        while !waiting.is_empty()
            && let Ok((name, told)) = answers.recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            waiting.retain(|waiting| *waiting != name);
            failed.extend(told.err().map(|error| (name, error)));
        }
        failed.extend(waiting.into_iter().map(|name| (name, HookError::Late(PATIENCE))));
        let failed: Vec<_> = failed.into_iter().map(|(name, error)| (name, error.in_one_line())).collect();
        if failed.is_empty() { Ok(()) } else { Err(NotTold(failed)) }
    }

    fn start(&self, hooks: &[Hook]) {
        if hooks.is_empty() || !Untold::of(&self.ledger).is_due() {
            return;
        }
        let begun = self.begin(hooks).map_err(|error| error.in_one_line());
        let started =
            begun.and_then(|()| telling::start_apart(self.catalogue.as_deref()).map_err(|error| error.to_string()));
        if let Err(why) = started {
            tracing::debug!(why, "hooks are not told now");
        }
    }
}

impl Follower {
    /// Tells the hook, in their order, the entries that it was not told of yet, and that come before this one.
    fn follow(&self, before: Option<u64>) -> Result<(), HookError> {
        let _lock = self.note.hold().map_err(HookError::file("lock", &self.note.path()))?;
        let new = || self.began.map(|seq| Progress { seq, failing: None });
        let Some(mut progress) = self.note.read().or_else(new) else { return Ok(()) };
        loop {
            let (told, end) = self.due(progress.seq, before)?;
            // A note that is ahead is of a ledger that was longer, and would have the hook miss what comes now.
            if progress.seq > end {
                progress.seq = self.began.map_or(end, |began| began.min(end));
                continue;
            }
            let is_last = told.len() < BATCH;
            for told in told {
                self.tell(&mut progress, &told, before)?;
            }
            if is_last {
                progress.seq = progress.seq.max(before.map_or(end, |before| before.min(end)));
                return self.keep(&progress);
            }
        }
    }

    /// The next entries that the hook is on, and the number of the entry after all that were read.
    fn due(&self, from: u64, before: Option<u64>) -> Result<(Vec<Told>, u64), HookError> {
        let mut due = Vec::new();
        let end = self.ledger.lines_from(from, |line, entry| {
            if due.len() < BATCH && before.is_none_or(|before| entry.seq < before) && self.hook.is_on(entry.ev) {
                due.push(Told::of(line, entry));
            }
        })?;
        Ok((due, end))
    }

    fn tell(&self, progress: &mut Progress, told: &Told, before: Option<u64>) -> Result<(), HookError> {
        // Somebody waits for this very entry.
        let is_awaited = before == Some(told.seq + 1);
        let written = Timestamp::parse(&told.at).unwrap_or(Timestamp::from_seconds(0));
        if !is_awaited && HostClock.now().since(written) > OLDEST {
            return self.pass_over(progress, told, "it was not told of it within three days");
        }
        match self.teller.tell(told) {
            Ok(()) => self.recovered(progress, told),
            Err(error) if error.is_final() => {
                self.pass_over(progress, told, &error.in_one_line())?;
                if is_awaited { Err(error) } else { Ok(()) }
            }
            Err(error) => {
                self.failed(progress, told, &error.in_one_line())?;
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
        self.failed(progress, told, why)?;
        progress.failing.iter_mut().for_each(|failing| failing.passed_over += 1);
        self.keep(progress)
    }

    /// Notes a failure; the ledger is told of the first one alone.
    fn failed(&self, progress: &mut Progress, told: &Told, why: &str) -> Result<(), HookError> {
        let is_first = progress.failing.is_none();
        let failing = progress.failing.get_or_insert_with(|| Failing {
            since: HostClock.now().to_string(),
            why: String::new(),
            tries: 0,
            passed_over: 0,
        });
        failing.tries += 1;
        why.clone_into(&mut failing.why);
        self.keep(progress)?;
        if !is_first {
            return Ok(());
        }
        let (hook, kind, seq) = (self.hook.name.clone(), self.hook.call.kind(), told.seq);
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
