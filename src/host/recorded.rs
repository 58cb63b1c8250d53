//! What was recorded on this machine, to be read.
//!
//! Keeps the promise that what is opened is a file that nobody else can have written, and no link to one.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, fstat};
use rustix::io::Errno;

use super::files::{self, FileError};
use crate::model::name::Id;
use crate::model::time::Timestamp;

/// A folder of recordings.
#[derive(Clone, Debug)]
pub struct Recorded {
    folder: PathBuf,
    trust: Trust,
}

/// Whose files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    Ours,
    Anybodys,
}

impl Recorded {
    /// This user's own.
    pub fn of_own(folder: &Path) -> Recorded {
        Recorded { folder: folder.to_owned(), trust: Trust::Ours }
    }

    /// Those beside a copy of anybody's ledger, whoever owns them.
    pub fn beside(ledger: &Path) -> Recorded {
        Recorded { folder: ledger.join("../recordings"), trust: Trust::Anybodys }
    }

    /// The file of a session's recording.
    pub fn path(&self, session: &Id) -> PathBuf {
        self.folder.join(format!("{session}.cast"))
    }

    /// Opens the recording of a session; nothing where there is none.
    ///
    /// # Errors
    /// When something else stands in its place, others could write it, or it cannot be opened.
    pub fn open(&self, session: &Id) -> Result<Option<File>, FileError> {
        let path = self.path(session);
        let unreadable = |source: io::Error| FileError::Unreadable { path: path.clone(), source };
        // Not blocking, or a named pipe would be waited for.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::NOFOLLOW;
        let file = match rustix::fs::open(&path, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(_) if path.is_symlink() => return Err(FileError::Link(path)),
            Err(error) => return Err(unreadable(error.into())),
        };
        let stat = fstat(&file).map_err(|error| unreadable(error.into()))?;
        if !FileType::from_raw_mode(stat.st_mode).is_file() {
            return Err(FileError::NotAFile(path));
        }
        if self.trust == Trust::Ours {
            files::check(&path, &stat)?;
        }
        Ok(Some(file.into()))
    }

    /// The sessions of which there is a recording, with the moment at which each was last written, the latest first.
    ///
    /// # Errors
    /// When the folder is there and cannot be listed.
    pub fn list(&self) -> io::Result<Vec<(Id, Timestamp)>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let Some(Ok(session)) = name.to_str().and_then(|name| name.strip_suffix(".cast")).map(Id::parse) else {
                continue;
            };
            // One that is gone by now is not there.
            let Ok(found_there) = entry.metadata() else { continue };
            found.push((session, Timestamp::from_seconds(found_there.mtime())));
        }
        found.sort_unstable_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn only_a_file_that_nobody_else_can_have_written_is_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let recordings = Recorded::of_own(folder.path());
        let session = Id::parse("0a1b2c3d").expect("an id");
        let path = recordings.path(&session);
        assert!(recordings.open(&session).expect("nothing is wrong").is_none());
        fs::write(&path, "x").expect("a file");
        for (mode, good) in [(0o600, true), (0o644, true), (0o660, false), (0o602, false)] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
            assert_eq!(recordings.open(&session).is_ok(), good, "{mode:o}");
            assert!(Recorded { trust: Trust::Anybodys, ..recordings.clone() }.open(&session).is_ok());
        }
        fs::rename(&path, folder.path().join("elsewhere")).expect("renamed");
        symlink("elsewhere", &path).expect("a link");
        assert!(matches!(recordings.open(&session), Err(FileError::Link(_))));
        fs::remove_file(&path).expect("the link");
        rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, Mode::RUSR, 0).expect("a pipe");
        assert!(matches!(recordings.open(&session), Err(FileError::NotAFile(_))));
    }

    #[test]
    fn the_latest_recording_is_listed_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let recordings = Recorded::of_own(&folder.path().join("recordings"));
        assert_eq!(recordings.list().expect("none"), []);
        fs::create_dir(&recordings.folder).expect("a folder");
        for (name, seconds) in [("00000001.cast", 5), ("00000002.cast", 7), ("x.cast", 9), ("00000003.txt", 9)] {
            let file = File::create(recordings.folder.join(name)).expect("a file");
            let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            file.set_modified(time).expect("a time");
        }
        let of = |id, seconds| (Id::parse(id).expect("an id"), Timestamp::from_seconds(seconds));
        assert_eq!(recordings.list().expect("two"), [of("00000002", 7), of("00000001", 5)]);
    }
}
