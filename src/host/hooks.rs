//! Tells others of what is in the ledger: webhooks, programs, topics of SNS.
//!
//! The ledger is the queue: each hook follows it, in its order, and a note says how far it has come. So nothing is lost
//! when nobody listens, and what was told just before glass was killed is told once more: at least once, always under
//! the same id. Keeps the promises that nobody waits for a hook that is not required, and that one which fails is seen.

mod call;
mod fault;
mod follow;
mod progress;
mod secret;
pub mod telling;
mod topic;
mod untold;

use std::fs::{File, TryLockError};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::clock::HostClock;
use super::ledger::{Asking, HostLedger};
use super::private;
use crate::model::catalogue::Hook;
use crate::model::name::HookName;
use crate::world::hooks::{Calling, Hooks, NotTold};
use crate::world::ledger::Appended;
use crate::world::machine::Clock;

use call::Teller;
use follow::{Follower, gone};
use progress::{Note, Progress};

pub use call::Told;
pub use fault::HookError;
pub use progress::Failing;
pub use secret::HookSecrets;
pub use untold::Untold;

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells for real.
pub struct HostHooks {
    ledger: PathBuf,
    state: PathBuf,
    /// The number of the first entry of this process, once there is one.
    began: Arc<OnceLock<u64>>,
    /// The catalogue's file, if it was named by flag.
    catalogue: Option<PathBuf>,
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
            // One that says nothing is seen to when the hook is told.
            if matches!(note.read(), Ok(None)) {
                let path = note.path();
                let _lock = note.hold().map_err(HookError::file("lock", &path))?;
                if matches!(note.read(), Ok(None)) {
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
            let follow = |hook| move || self.follower(hook, calling, asking)?.follow();
            let started: Vec<_> = calling.hooks.iter().map(|hook| (&hook.name, scope.spawn(follow(hook)))).collect();
            let ended = started
                .into_iter()
                .map(|(name, told)| (name.clone(), told.join().unwrap_or_else(|panic| resume_unwind(panic))));
            ended.collect()
        });
        if outcomes.iter().any(|(_, told)| told.is_err()) {
            let tries = self.failing(calling.hooks).into_iter().map(|(_, failing)| failing.tries).min();
            untold.note_again(tries.unwrap_or_default());
        }
        untold.done();
        outcomes
    }

    /// Has this process alone be the one that stays to try again, until the result is dropped; nothing if another does.
    ///
    /// # Errors
    /// When that cannot be told.
    pub fn stay(&self) -> Result<Option<File>, HookError> {
        let path = self.ledger.join("told/.stays");
        let lock = private::to_lock(&path).map_err(HookError::file("open", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(HookError::file("lock", &path)(error)),
        }
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
        let run = run.ok_or_else(|| gone("run"))?;
        teller.tell(&run).map(|()| run)
    }

    /// The hooks among these that fail, with what is known of it.
    pub fn failing<'h>(&self, hooks: &'h [Hook]) -> Vec<(&'h Hook, Failing)> {
        let failing = |hook: &Hook| match Note::of(&self.ledger, &hook.name).read() {
            Ok(noted) => noted?.failing,
            Err(error) => Some(Failing { why: error.in_one_line(), ..Failing::since(HostClock.now()) }),
        };
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
        for hook in calling.hooks.iter().filter(|hook| hook.required) {
            match self.follower(hook, calling, Asking::Allowed) {
                Ok(follower) => {
                    let (tell, name, intent) = (tell.clone(), hook.name.clone(), *intent);
                    waiting.push(name.clone());
                    // Nobody may be listening any more.
                    thread::spawn(move || drop(tell.send((name, follower.confirm(intent)))));
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
