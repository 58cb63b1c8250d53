//! Whether somebody may not have been told yet: one file beside the ledger, so that a run of glass that has nothing to
//! tell looks at nothing else.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::model::catalogue::can_be_told;
use crate::world::ledger::Record;

/// There as long as somebody may not have been told; written to at the time from which on they are to be.
const UNTOLD: &str = "untold";

/// The same from when somebody tells it until it is told: whoever is killed meanwhile leaves it to another.
const TAKEN_UP: &str = "untold.taken";

/// How long after the first failure it is tried again by itself; after each further one it is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(60);

/// The longest such time.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// What may not have been told of a ledger.
pub struct Untold {
    path: PathBuf,
    taken_up: PathBuf,
}

impl Untold {
    /// Of the ledger in a folder.
    pub fn of(ledger: &Path) -> Self {
        Untold { path: ledger.join(UNTOLD), taken_up: ledger.join(TAKEN_UP) }
    }

    /// Notes that there is something to tell, if a hook can be on one of these.
    pub fn note_among(&self, records: &[Record]) {
        if records.iter().any(|record| can_be_told(record.event.name())) {
            self.note();
        }
    }

    /// Notes that there is something to tell. Nothing depends on it: the next that is noted has it told too.
    fn note(&self) {
        let mut options = OpenOptions::new();
        let noted = options.write(true).create(true).truncate(false).mode(0o600).open(&self.path);
        let _ = noted.and_then(|file| at(&file, SystemTime::now()));
    }

    /// Notes that it is to be tried again after so many failures; not if something else is to be told by now.
    pub fn note_again(&self, tries: u64) {
        let mut options = OpenOptions::new();
        let noted = options.write(true).create_new(true).mode(0o600).open(&self.path);
        let _ = noted.and_then(|file| at(&file, SystemTime::now() + pause(tries)));
    }

    /// Takes up what there is to tell; what is noted from now on is told after that.
    pub fn take_up(&self) {
        if fs::rename(&self.path, &self.taken_up).is_ok() {
            let opened = OpenOptions::new().write(true).open(&self.taken_up);
            let _ = opened.and_then(|file| at(&file, SystemTime::now() + FIRST_PAUSE));
        }
    }

    /// Notes that what was taken up is told, or noted again.
    pub fn done(&self) {
        let _ = fs::remove_file(&self.taken_up);
    }

    /// Notes that nothing is to be told.
    pub fn forget(&self) {
        let _ = fs::remove_file(&self.path);
        self.done();
    }

    /// Whether there is something to tell now.
    pub fn is_due(&self) -> bool {
        is_due(&self.path) || is_due(&self.taken_up)
    }
}

fn is_due(path: &Path) -> bool {
    let Ok(noted) = fs::symlink_metadata(path).and_then(|found| found.modified()) else { return false };
    // A clock that was set back makes it later than it can be.
    noted.duration_since(SystemTime::now()).map_or(true, |ahead| ahead.is_zero() || ahead > LONGEST_PAUSE)
}

fn at(file: &File, time: SystemTime) -> io::Result<()> {
    file.set_times(FileTimes::new().set_modified(time))
}

fn pause(tries: u64) -> Duration {
    let doubled = u32::try_from(tries.saturating_sub(1).min(16)).unwrap_or(16);
    (FIRST_PAUSE * 2_u32.pow(doubled)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_due_later_and_what_is_new_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let untold = Untold::of(folder.path());
        assert!(!untold.is_due());
        untold.note_again(1);
        assert!(!untold.is_due());
        untold.note();
        assert!(untold.is_due());
        untold.note_again(1);
        assert!(untold.is_due(), "what is new is not put off");
        untold.forget();
        assert!(!untold.is_due());
        untold.note();
        let file = OpenOptions::new().write(true).open(folder.path().join(UNTOLD)).expect("it is there");
        at(&file, SystemTime::now() + LONGEST_PAUSE * 2).expect("a time");
        assert!(untold.is_due(), "the clock was set back");
    }

    #[test]
    fn what_was_taken_up_is_due_later_until_it_is_told_and_what_comes_meanwhile_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let untold = Untold::of(folder.path());
        untold.note();
        untold.take_up();
        assert!(!untold.is_due() && folder.path().join(TAKEN_UP).exists());
        untold.note();
        untold.done();
        assert!(untold.is_due(), "that came too late for it");
        untold.take_up();
        let file = OpenOptions::new().write(true).open(folder.path().join(TAKEN_UP)).expect("it is there");
        at(&file, SystemTime::now() - FIRST_PAUSE).expect("a time");
        assert!(untold.is_due(), "whoever took it up is gone");
        untold.done();
        assert!(!untold.is_due());
    }

    #[test]
    fn pauses_grow_to_an_hour() {
        assert_eq!([1, 2, 3, 7, 90].map(|tries| pause(tries).as_secs()), [60, 120, 240, 3600, 3600]);
    }
}
