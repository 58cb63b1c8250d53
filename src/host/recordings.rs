//! The files of recordings: this user's alone, and each made anew for its session.
//!
//! Keeps the promise that what is recorded is where the ledger says: a file that was put in its place, taken
//! away, or changed by anybody else is noticed.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::getuid;

use crate::model::name::Id;
use crate::world::recording::{RecordingError, RecordingFile, Recordings};

/// The recordings below a folder.
pub struct HostRecordings {
    folder: PathBuf,
}

impl HostRecordings {
    /// The recordings in this folder, which is made when it is needed.
    pub fn new(folder: PathBuf) -> Self {
        HostRecordings { folder }
    }

    fn path(&self, session: &Id) -> PathBuf {
        self.folder.join(format!("{session}.cast"))
    }

    fn make_folder(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let found = fs::symlink_metadata(&self.folder)?;
        if found.is_dir() && found.uid() == getuid().as_raw() && found.mode() & 0o077 == 0 {
            return Ok(());
        }
        Err(io::Error::other("the folder must be yours alone (mode 0700), and no link"))
    }
}

impl Recordings for HostRecordings {
    fn make(&self, session: &Id) -> Result<(), RecordingError> {
        let path = self.path(session);
        let made = || {
            self.make_folder()?;
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?.sync_all()?;
            File::open(&self.folder)?.sync_all()
        };
        made().map_err(failed("make", &path))
    }

    fn open(&self, session: &Id) -> Result<Box<dyn RecordingFile>, RecordingError> {
        let path = self.path(session);
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let file = OpenOptions::new().append(true).custom_flags(flags).open(&path).map_err(failed("open", &path))?;
        let recording = HostRecording { path, file, bytes: 0 };
        recording.check()?;
        Ok(Box::new(recording))
    }

    fn discard(&self, session: &Id) {
        let path = self.path(session);
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_file() && found.len() == 0) {
            // An empty file that stays says nothing wrong.
            let _ = fs::remove_file(path);
        }
    }
}

struct HostRecording {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl HostRecording {
    fn is_as_it_was_left(&self) -> io::Result<()> {
        let (ours, there) = (self.file.metadata()?, fs::symlink_metadata(&self.path)?);
        let is_it = |found: &Metadata| (found.dev(), found.ino());
        if is_it(&ours) != is_it(&there) {
            return Err(io::Error::other("another file is in its place"));
        }
        if ours.len() != self.bytes {
            return Err(io::Error::other(format!("it has {} bytes and not {}", ours.len(), self.bytes)));
        }
        Ok(())
    }
}

impl RecordingFile for HostRecording {
    fn add(&mut self, lines: &[u8]) -> Result<(), RecordingError> {
        self.file.write_all(lines).map_err(failed("write to", &self.path))?;
        self.bytes += u64::try_from(lines.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    fn check(&self) -> Result<(), RecordingError> {
        self.is_as_it_was_left().map_err(failed("go on with", &self.path))
    }

    fn sync(&self) -> Result<(), RecordingError> {
        self.file.sync_data().map_err(failed("sync", &self.path))
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RecordingError {
    let path = path.to_owned();
    move |source| RecordingError { doing, path, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A state folder, its recordings, and the file of a session.
    fn ground() -> (tempfile::TempDir, HostRecordings, Id, PathBuf) {
        let state = tempfile::tempdir().unwrap();
        let recordings = HostRecordings::new(state.path().join("recordings"));
        let session = Id::from_random([7; 5]);
        let path = recordings.path(&session);
        (state, recordings, session, path)
    }

    #[test]
    fn a_recording_is_this_users_alone_and_has_what_was_added() {
        let (_state, recordings, session, path) = ground();
        recordings.make(&session).unwrap();
        let mut recording = recordings.open(&session).unwrap();
        recording.add(b"one\n").unwrap();
        recording.add(b"two\n").unwrap();
        recording.check().unwrap();
        recording.sync().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        recordings.discard(&session);
        assert_eq!(fs::read(path).unwrap(), b"one\ntwo\n");
    }

    #[test]
    fn nothing_that_was_there_is_written_to_and_no_link_followed() {
        let (state, recordings, session, path) = ground();
        recordings.make(&session).unwrap();
        assert!(recordings.make(&session).is_err());
        fs::write(&path, "something").unwrap();
        assert!(recordings.open(&session).is_err());
        recordings.discard(&session);
        assert!(path.exists());
        let elsewhere = state.path().join("elsewhere");
        fs::write(&elsewhere, "").unwrap();
        fs::remove_file(&path).unwrap();
        symlink(&elsewhere, &path).unwrap();
        assert!(recordings.make(&session).is_err() && recordings.open(&session).is_err());
        recordings.discard(&session);
        assert!(path.is_symlink());
    }

    #[test]
    fn a_folder_that_others_can_look_into_is_refused() {
        let (_state, recordings, session, path) = ground();
        recordings.make(&session).unwrap();
        let folder = path.parent().unwrap();
        fs::remove_file(&path).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o750)).unwrap();
        assert!(recordings.make(&session).unwrap_err().source.to_string().contains("0700"));
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_is_taken_away_replaced_cut_or_added_to_is_noticed() {
        let changes: [fn(&Path); 4] = [
            |path| fs::remove_file(path).unwrap(),
            |path| {
                fs::remove_file(path).unwrap();
                fs::write(path, "one\n").unwrap();
            },
            |path| fs::write(path, "on").unwrap(),
            |path| fs::write(path, "one\ntwo\n").unwrap(),
        ];
        for change in changes {
            let (_state, recordings, session, path) = ground();
            recordings.make(&session).unwrap();
            let mut recording = recordings.open(&session).unwrap();
            recording.add(b"one\n").unwrap();
            recording.check().unwrap();
            change(&path);
            assert!(recording.check().is_err());
        }
    }
}
