//! Replacing a file of the person's as a whole: identity file, files of the AWS CLI.
//!
//! Keeps the promises that a crash leaves the old text or the new one, that mode and owner stay as
//! they were, that a link stays a link, and that no copy of the old text is left behind.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::{error, fmt};

use zeroize::Zeroizing;

/// The largest file that is rewritten, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;

/// A file as it was read, or the place where one will be.
pub struct Rewrite {
    path: PathBuf,
    before: Option<(Zeroizing<Vec<u8>>, Metadata)>,
}

impl Rewrite {
    /// Reads a file at the end of its links; one that is not there is empty.
    ///
    /// # Errors
    /// When it cannot be read, is no file of text, or is too large.
    pub fn open(path: &Path) -> Result<Rewrite, RewriteError> {
        let failed = |source| RewriteError::File { doing: "read", path: path.to_owned(), source };
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Rewrite { path: path.to_owned(), before: None });
            }
            other => other.map_err(failed)?,
        };
        let path = fs::canonicalize(path).map_err(failed)?;
        let metadata = fs::metadata(&path).map_err(failed)?;
        if !metadata.is_file() || metadata.len() > LARGEST {
            return Err(RewriteError::NotText(path));
        }
        let bytes = Zeroizing::new(fs::read(&path).map_err(failed)?);
        if std::str::from_utf8(&bytes).is_err() {
            return Err(RewriteError::NotText(path));
        }
        Ok(Rewrite { path, before: Some((bytes, metadata)) })
    }

    /// Where the file is, at the end of its links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is a file.
    pub fn exists(&self) -> bool {
        self.before.is_some()
    }

    /// The text as it was read.
    pub fn text(&self) -> &str {
        let bytes = self.before.as_ref().map_or(&[][..], |(bytes, _)| bytes);
        std::str::from_utf8(bytes).expect("it was checked when it was read")
    }

    /// Puts another text in its place, on the disk for good when this returns; a new file is 0600, new folders 0700.
    ///
    /// # Errors
    /// When the old text is still there, or was changed by somebody else meanwhile.
    pub fn replace(&self, text: &str) -> Result<(), RewriteError> {
        if self.exists() && self.text() == text {
            return Ok(());
        }
        let folder = self.path.parent().filter(|path| *path != Path::new("")).unwrap_or(Path::new("."));
        let failed = |source| RewriteError::File { doing: "write", path: self.path.clone(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let mut name = std::ffi::OsString::from(".");
        name.push(self.path.file_name().unwrap_or_default());
        name.push(format!(".glass-{}", std::process::id()));
        let new = folder.join(name);
        let written = self.write(&new, text).map_err(failed).and_then(|()| self.put(&new).map_err(failed));
        match written {
            Ok(true) => File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed),
            Ok(false) | Err(_) => {
                // What went wrong before is what matters.
                let _ = fs::remove_file(&new);
                written.and(Err(RewriteError::Changed(self.path.clone())))
            }
        }
    }

    fn write(&self, new: &Path, text: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(new)?;
        file.write_all(text.as_bytes())?;
        if let Some((_, before)) = &self.before {
            fchown(&file, Some(before.uid()), Some(before.gid()))?;
            file.set_permissions(Permissions::from_mode(before.mode() & 0o7777))?;
        }
        file.sync_all()
    }

    /// Moves the new file over the old one, unless that is not what was read.
    fn put(&self, new: &Path) -> io::Result<bool> {
        let now = match fs::read(&self.path) {
            Ok(bytes) => Some(Zeroizing::new(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let same = now.as_ref() == self.before.as_ref().map(|(bytes, _)| bytes);
        if same {
            fs::rename(new, &self.path)?;
        }
        Ok(same)
    }
}

/// Why a file was not rewritten.
#[derive(Debug)]
pub enum RewriteError {
    /// It could not be read or written.
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no file of text, or too large.
    NotText(PathBuf),
    /// Somebody else changed it meanwhile.
    Changed(PathBuf),
}

impl fmt::Display for RewriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RewriteError::File { doing, path, .. } => write!(f, "cannot {doing} {}", path.display()),
            RewriteError::NotText(path) => write!(f, "{} is no file of text, or too large", path.display()),
            RewriteError::Changed(path) => write!(f, "{} was changed meanwhile and is left as it is", path.display()),
        }
    }
}

impl error::Error for RewriteError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            RewriteError::File { source, .. } => Some(source),
            RewriteError::NotText(_) | RewriteError::Changed(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_and_a_mode_stay_and_no_copy_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, "old").expect("written");
        fs::set_permissions(&real, Permissions::from_mode(0o640)).expect("set");
        symlink("real", &link).expect("linked");
        let rewrite = Rewrite::open(&link).expect("it is there");
        assert_eq!(rewrite.text(), "old");
        rewrite.replace("new").expect("nobody else is here");
        assert!(fs::symlink_metadata(&link).expect("it is there").is_symlink());
        assert_eq!(fs::read_to_string(&real).expect("it is there"), "new");
        assert_eq!(fs::metadata(&real).expect("it is there").mode() & 0o7777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 2);
    }

    #[test]
    fn a_new_file_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b");
        let rewrite = Rewrite::open(&path).expect("a place");
        assert!(!rewrite.exists());
        rewrite.replace("new").expect("nobody else is here");
        assert_eq!(fs::metadata(&path).expect("it is there").mode() & 0o7777, 0o600);
        assert_eq!(fs::metadata(folder.path().join("a")).expect("it is there").mode() & 0o7777, 0o700);
    }

    #[test]
    fn what_somebody_else_wrote_meanwhile_is_left_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config");
        let rewrite = Rewrite::open(&path).expect("a place");
        fs::write(&path, "theirs").expect("written");
        assert!(matches!(rewrite.replace("ours"), Err(RewriteError::Changed(_))));
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "theirs");
        assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 1);
    }
}
