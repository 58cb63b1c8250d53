//! The start-up file of a session's shell: this user's alone, nothing secret in it, gone with the session.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::live;
use crate::model::name::Id;

/// What the folder of a session's file ends in.
const EXTENSION: &str = "shell";

/// A file in a folder of its own, which is removed with this value.
pub struct StartFile(PathBuf);

impl StartFile {
    /// Writes the file of a live session, below the state folder.
    ///
    /// # Errors
    /// When it cannot be written; then nothing of it stays.
    pub fn write(state: &Path, session: &Id, name: &str, text: &str) -> io::Result<StartFile> {
        let run = state.join("run");
        remove_left(state, &run);
        let folder = run.join(format!("{session}.{EXTENSION}"));
        DirBuilder::new().mode(0o700).create(&folder)?;
        let file = StartFile(folder.join(name));
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(file.path())?.write_all(text.as_bytes())?;
        Ok(file)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for StartFile {
    fn drop(&mut self) {
        if let Some(folder) = self.0.parent() {
            // What stays is removed when the next one is written.
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// Removes what sessions have left whose glass was killed.
fn remove_left(state: &Path, run: &Path) {
    let Ok(entries) = fs::read_dir(run) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let session = path.file_stem().and_then(OsStr::to_str).and_then(|name| Id::parse(name).ok());
        let ours = path.extension().is_some_and(|extension| extension == EXTENSION);
        if ours && session.is_some_and(|session| !live::is_alive(state, &session)) {
            // It does no harm where it lies.
            let _ = fs::remove_dir_all(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::host::live::begin;
    use crate::host::places::Places;
    use crate::model::live::Live;

    #[test]
    fn it_is_private_and_goes_with_its_session_or_with_the_next_one() {
        let home = tempfile::tempdir().unwrap();
        let places = Places::of(home.path());
        let state = places.state();
        let [first, second] = ["f0tdn06d", "g1ven2me"].map(|id| Id::parse(id).unwrap());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;

        let (mark, _) = begin(&places, &Live::example(first.clone())).unwrap();
        let file = StartFile::write(state, &first, "bashrc", "text").unwrap();
        let path = file.path().to_owned();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        std::mem::forget(file);

        let _other = begin(&places, &Live::example(second.clone())).unwrap();
        drop(StartFile::write(state, &second, "bashrc", "text").unwrap());
        assert!(path.exists(), "its session is alive");
        drop(mark);
        let file = StartFile::write(state, &second, "bashrc", "text").unwrap();
        assert!(!path.exists() && file.path().exists());
        drop(file);
        let left: Vec<_> = fs::read_dir(state.join("run")).unwrap().flatten().map(|entry| entry.path()).collect();
        assert!(left.iter().all(|path| !path.is_dir()), "{left:?}");
    }
}
