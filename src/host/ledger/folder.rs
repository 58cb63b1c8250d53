//! The ledger's folder: who may own it, where it may lie, how its files are opened and its lock is held.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::process::geteuid;

use super::failed;
use crate::model::chain::walk::segment_first;
use crate::world::ledger::LedgerError;

/// How long another process may hold the lock.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How long to wait before the lock is tried again.
const STEP: Duration = Duration::from_millis(2);

/// The ledger's folder, checked.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
    trust: Trust,
}

/// Whose files are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Those of this user that nobody else can change.
    Ours,
    /// All: what is read is a copy, and only its own bytes speak for it.
    Anybodys,
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// To be read.
    Read,
    /// To be read and written.
    Write,
    /// The same, and to be made if it is not there.
    Make,
}

impl Folder {
    /// Checks the folder, which must be there.
    pub(super) fn check(path: &Path) -> Result<Self, LedgerError> {
        let found = fs::metadata(path).map_err(failed("look at", path))?;
        if !found.is_dir() {
            return Err(LedgerError::Untrusted { reason: format!("{} is no folder", path.display()) });
        }
        trusted(path, &found)?;
        local(path)?;
        Ok(Folder { path: path.to_owned(), trust: Trust::Ours })
    }

    /// Takes a folder as it is, to be read only.
    pub(super) fn of_anybody(path: &Path) -> Result<Self, LedgerError> {
        fs::read_dir(path).map_err(failed("list", path))?;
        Ok(Folder { path: path.to_owned(), trust: Trust::Anybodys })
    }

    /// Checks the folder, and makes it where there is none.
    pub(super) fn make(path: &Path) -> Result<Self, LedgerError> {
        match Folder::check(path) {
            Err(LedgerError::File { source, .. }) if source.kind() == ErrorKind::NotFound => {}
            found => return found,
        }
        // Somebody who acknowledges puts a new ledger beside the old one, and may have been interrupted.
        if fs::rename(next_to(path), path).is_err() {
            DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("make", path))?;
            if let Some(parent) = path.parent() {
                sync(parent)?;
            }
        }
        Folder::check(path)
    }

    /// Takes the lock for appending; it is held until the file is dropped.
    ///
    /// The folder may be renamed while the lock is awaited, when somebody acknowledges: then another one is
    /// there, with a lock of its own.
    pub(super) fn hold(path: &Path, longest: Duration) -> Result<(Self, File), LedgerError> {
        let until = Instant::now() + longest;
        loop {
            let folder = Folder::make(path)?;
            let lock = folder.open("lock", Use::Make)?;
            folder.lock(&lock, until)?;
            let same = |now: Metadata, held: Metadata| (now.dev(), now.ino()) == (held.dev(), held.ino());
            let held = lock.metadata().map_err(failed("look at", &folder.file("lock")))?;
            if fs::metadata(folder.file("lock")).is_ok_and(|now| same(now, held)) {
                return Ok((folder, lock));
            }
        }
    }

    /// Locks the folder's lock, which is open.
    pub(super) fn lock(&self, lock: &File, until: Instant) -> Result<(), LedgerError> {
        self.wait(until, || lock.try_lock())
    }

    /// Keeps others from appending until the result is dropped; none where there is no lock to take.
    pub(super) fn hold_still(&self) -> Result<Option<File>, LedgerError> {
        let until = Instant::now() + LONGEST_WAIT;
        match self.open_if_there("lock", Use::Read) {
            Ok(Some(lock)) => self.wait(until, || lock.try_lock_shared()).map(|()| Some(lock)),
            Err(error) if self.trust == Trust::Ours => Err(error),
            Ok(None) | Err(_) => Ok(None),
        }
    }

    fn wait(&self, until: Instant, attempt: impl Fn() -> Result<(), TryLockError>) -> Result<(), LedgerError> {
        loop {
            match attempt() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(STEP),
                Err(TryLockError::WouldBlock) => return Err(LedgerError::Busy(self.file("lock"))),
                Err(TryLockError::Error(error)) => return Err(failed("lock", &self.file("lock"))(error)),
            }
        }
    }

    /// The path of a file in the folder.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Opens a file in the folder that must be ours, and no link.
    pub(super) fn open(&self, name: &str, purpose: Use) -> Result<File, LedgerError> {
        let path = self.file(name);
        let file = OpenOptions::new()
            .read(true)
            .write(purpose != Use::Read)
            .create(purpose == Use::Make)
            .truncate(false)
            .mode(0o600)
            // A pipe in a file's place must not make anybody wait.
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(&path)
            .map_err(failed("open", &path))?;
        let found = file.metadata().map_err(failed("look at", &path))?;
        if !found.is_file() {
            return Err(LedgerError::Untrusted { reason: format!("{} is no file", path.display()) });
        }
        if self.trust == Trust::Ours {
            trusted(&path, &found)?;
        }
        Ok(file)
    }

    /// The same, if there is such a file.
    pub(super) fn open_if_there(&self, name: &str, purpose: Use) -> Result<Option<File>, LedgerError> {
        match self.open(name, purpose) {
            Err(LedgerError::File { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some),
        }
    }

    /// The numbers of the first entries of all segments, in order.
    pub(super) fn segments(&self) -> Result<Vec<u64>, LedgerError> {
        let failed = || failed("list", &self.path);
        let mut segments = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(failed())? {
            let name = entry.map_err(failed())?.file_name();
            segments.extend(name.to_str().and_then(segment_first));
        }
        segments.sort_unstable();
        Ok(segments)
    }

    /// Makes the names in the folder durable.
    pub(super) fn sync(&self) -> Result<(), LedgerError> {
        sync(&self.path)
    }

    /// Puts a content under a name, in a folder below this one or in this one, whole or not at all, and durably. Another
    /// one that is there already stays as it is: it is evidence that somebody put it there.
    pub(super) fn put(&self, name: &str, content: &[u8]) -> Result<(), LedgerError> {
        let path = self.file(name);
        let folder = path.parent().unwrap_or(&self.path);
        match self.open_if_there(name, Use::Read)? {
            Some(file) if !is(&file, content).map_err(failed("read", &path))? => {
                return Err(LedgerError::Spoilt(path.clone()));
            }
            Some(_) => {}
            None => put_new(folder, &path, content)?,
        }
        // Also one that was put by somebody who was killed before its name was durable.
        sync(folder)?;
        self.sync()
    }

    /// Puts a content under a name in place of another, whole or not at all; after a loss of power it may be neither.
    pub(super) fn replace(&self, name: &str, content: &[u8]) -> Result<(), LedgerError> {
        let unfinished = self.file(&format!(".{name}.{}", std::process::id()));
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)
            .map_err(failed("make", &unfinished))?;
        io::Write::write_all(&mut file, content).map_err(failed("write", &unfinished))?;
        fs::rename(&unfinished, self.file(name)).map_err(failed("make", &self.file(name)))
    }
}

/// Where a ledger is prepared that will take the place of another.
pub(super) fn next_to(path: &Path) -> PathBuf {
    path.with_extension("next")
}

/// Puts a content into a folder, which is made where there is none.
fn put_new(folder: &Path, path: &Path, content: &[u8]) -> Result<(), LedgerError> {
    let made = DirBuilder::new().mode(0o700).create(folder);
    if made.as_ref().is_err_and(|error| error.kind() != ErrorKind::AlreadyExists) {
        return made.map_err(failed("make", folder));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = folder.join(format!(".{name}.{}", std::process::id()));
    write_durably(&unfinished, content).map_err(failed("write", &unfinished))?;
    fs::rename(&unfinished, path).map_err(failed("make", path))
}

/// Whether a file has just this content.
fn is(file: &File, content: &[u8]) -> io::Result<bool> {
    use io::Read;
    let mut found = Vec::with_capacity(content.len());
    file.take(content.len() as u64 + 1).read_to_end(&mut found)?;
    Ok(found == content)
}

fn write_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    use io::Write;
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Makes the names in a folder durable.
pub(super) fn sync(folder: &Path) -> Result<(), LedgerError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("sync", folder))
}

/// Checks that nobody else owns or could change what was found.
fn trusted(path: &Path, found: &Metadata) -> Result<(), LedgerError> {
    let reason = if found.uid() != geteuid().as_raw() {
        format!("{} is owned by user id {}", path.display(), found.uid())
    } else if found.permissions().mode() & 0o022 != 0 {
        format!("{} can be changed by others (mode {:o})", path.display(), found.permissions().mode() & 0o7777)
    } else {
        return Ok(());
    };
    Err(LedgerError::Untrusted { reason })
}

/// Checks that a folder lies on this machine: over a network neither locks nor syncs can be relied on.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn local(path: &Path) -> Result<(), LedgerError> {
    /// NFS, SMB, CIFS, SMB2, NCP, Coda, AFS, 9P, Ceph, Lustre: statfs(2), `f_type`.
    const REMOTE: [u32; 10] = [
        0x6969,
        0x517b,
        0xff53_4d42,
        0xfe53_4d42,
        0x564c,
        0x7375_7245,
        0x5346_414f,
        0x0102_1997,
        0x00c3_6400,
        0x0bd0_0bd0,
    ];
    let found = rustix::fs::statfs(path).map_err(|error| failed("look at", path)(error.into()))?;
    // The type's width and sign differ between architectures; the 32 bits are the same.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the 32 bits are what is compared")]
    let kind = found.f_type as u32;
    if REMOTE.contains(&kind) { Err(over_network(path)) } else { Ok(()) }
}

/// macOS says of a mount whether it is local; elsewhere this is not checked.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn local(path: &Path) -> Result<(), LedgerError> {
    #[cfg(target_os = "macos")]
    {
        /// `MNT_LOCAL` of `<sys/mount.h>`.
        const LOCAL: u32 = 0x1000;
        let found = rustix::fs::statfs(path).map_err(|error| failed("look at", path)(error.into()))?;
        if found.f_flags & LOCAL == 0 {
            return Err(over_network(path));
        }
    }
    let _ = path;
    Ok(())
}

fn over_network(path: &Path) -> LedgerError {
    LedgerError::Untrusted { reason: format!("{} lies on a network file system", path.display()) }
}
