//! A thread of its own for each place: a share that is gone holds up whoever touches it, for as long as it likes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use crate::world::archive::{Archive, ArchiveError};
use crate::world::desk::Trouble;

/// What is to be done at a place, with it or with why it is not there.
type Errand = Box<dyn FnOnce(Result<&dyn Archive, ArchiveError>) + Send>;

/// Whether a place answered when somebody was there last.
pub(super) type Health = Arc<AtomicBool>;

/// How long is waited for a place that did not answer the last time.
const SECOND_CHANCE: Duration = Duration::from_secs(1);

/// Goes to one place, and is left there if it does not come back in time.
pub(super) struct Clerk {
    place: String,
    patience: Duration,
    health: Health,
    errands: Sender<Errand>,
    /// How many errands nobody has come back from.
    away: Arc<AtomicUsize>,
}

/// What somebody is to bring back.
pub(super) struct Awaited<T>(Receiver<Result<T, ArchiveError>>);

impl Clerk {
    /// Has somebody go to a place, which is opened at the first errand, and again until it is there.
    pub(super) fn start(
        place: String,
        patience: Duration,
        health: &Health,
        open: impl Fn() -> Result<Box<dyn Archive>, ArchiveError> + Send + 'static,
    ) -> Self {
        let (errands, received) = mpsc::channel();
        // Where there is no thread nobody receives, which every errand finds out.
        let _ = thread::Builder::new().spawn(move || work(&open, &received));
        Clerk { place, patience, health: Arc::clone(health), errands, away: Arc::default() }
    }

    /// Sends them on an errand, and waits for what comes of it.
    ///
    /// # Errors
    /// When the place is not there, or they are not back in time, or still away from an earlier errand.
    pub(super) fn send<T: Send + 'static>(
        &self,
        errand: impl FnOnce(&dyn Archive) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        self.wait(&self.begin(errand)?)
    }

    /// Sends them on an errand.
    ///
    /// # Errors
    /// When they are still away from an earlier one.
    pub(super) fn begin<T: Send + 'static>(
        &self,
        errand: impl FnOnce(&dyn Archive) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<Awaited<T>, ArchiveError> {
        if self.away.load(Ordering::SeqCst) > 0 {
            return Err(self.silent());
        }
        let (tell, told) = mpsc::sync_channel(1);
        self.away.fetch_add(1, Ordering::SeqCst);
        let (away, health) = (Arc::clone(&self.away), Arc::clone(&self.health));
        let errand: Errand = Box::new(move |archive| {
            let done = archive.and_then(errand);
            health.store(!matches!(done, Err(ArchiveError::Aws { .. })), Ordering::SeqCst);
            away.fetch_sub(1, Ordering::SeqCst);
            // Nobody may be waiting any more.
            let _ = tell.send(done);
        });
        self.errands.send(errand).map_err(|_| self.silent())?;
        Ok(Awaited(told))
    }

    /// Waits for what comes of an errand; not long, if nothing came of the last one.
    ///
    /// # Errors
    /// When the place is not there, or they are not back in time.
    pub(super) fn wait<T>(&self, awaited: &Awaited<T>) -> Result<T, ArchiveError> {
        awaited.0.recv_timeout(self.patience()).map_err(|_| {
            let silent = self.silent();
            self.health.store(false, Ordering::SeqCst);
            silent
        })?
    }

    fn patience(&self) -> Duration {
        if self.health.load(Ordering::SeqCst) { self.patience } else { self.patience.min(SECOND_CHANCE) }
    }

    fn silent(&self) -> ArchiveError {
        let seconds = self.patience().as_secs();
        ArchiveError::Unreachable { doing: "go on".to_owned(), message: format!("no answer within {seconds} s") }
    }

    /// What is told of the place.
    pub(super) fn trouble(&self, why: ArchiveError) -> Trouble {
        Trouble { place: self.place.clone(), why }
    }
}

fn work(open: &dyn Fn() -> Result<Box<dyn Archive>, ArchiveError>, errands: &Receiver<Errand>) {
    let mut archive: Option<Box<dyn Archive>> = None;
    for errand in errands {
        errand(match &archive {
            Some(archive) => Ok(archive.as_ref()),
            None => open().map(|opened| &**archive.insert(opened)),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::archive::FolderArchive;

    #[test]
    fn nobody_waits_for_a_place_that_does_not_answer_and_it_is_there_again_when_it_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_owned();
        let open = move || FolderArchive::open(&path).map(|archive| Box::new(archive) as Box<dyn Archive>);
        let clerk = Clerk::start("share".to_owned(), Duration::from_millis(50), &Health::new(true.into()), open);
        let (release, held) = mpsc::channel::<()>();
        let (tell, back) = mpsc::channel();
        let first = clerk.send(move |_| {
            let _ = held.recv();
            tell.send(()).map_err(|_| ArchiveError::Taken)
        });
        assert_eq!(first.expect_err("it is held").to_string(), "cannot go on: no answer within 0 s");
        let second = clerk.send(|_| Ok(()));
        assert!(second.is_err(), "they are still away");
        release.send(()).expect("somebody waits for it");
        back.recv().expect("they are back");
        // The count follows the answer at once.
        while clerk.away.load(Ordering::SeqCst) > 0 {
            thread::yield_now();
        }
        clerk.send(|_| Ok(())).expect("they are back");
    }
}
