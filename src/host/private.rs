//! Files that are this user's alone: glass's own notes, keys and secrets.
//!
//! Keeps the promises that nothing is believed that somebody else owns, can read or can write, that a link or a pipe in a
//! file's place is not taken for it, and that a crash or a loss of power leaves the old content or the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::{error, fmt, process};

use rustix::fs::OFlags;
use rustix::process::geteuid;
use zeroize::Zeroizing;

/// Why a file that is there is not believed; inside the `io::Error` of who opens or reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It is somebody else's: their user id.
    Foreign(u32),
    /// Others may read or write it: its permissions.
    Shared(u32),
    /// It is a folder, a pipe, or the like.
    NoFile,
    /// It has more than so many bytes.
    TooLarge(u64),
}

/// Reads a file of so many bytes at the most; nothing if there is none.
///
/// # Errors
/// When it cannot be read, or there is a `Doubt`.
pub fn read(path: &Path, most: u64) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let file = match open(OpenOptions::new().read(true), path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let room = file.metadata()?.len().min(most) + 1;
    let mut content = Zeroizing::new(Vec::with_capacity(usize::try_from(room).unwrap_or_default()));
    file.take(most + 1).read_to_end(&mut content)?;
    if content.len() as u64 > most { Err(Doubt::TooLarge(most).into()) } else { Ok(Some(content)) }
}

/// Puts a content in the place of a file, or where none is; its folder must be there. It is on the disk for good when
/// this returns.
///
/// # Errors
/// When the old content is still there; or, at the very end, when it is not certain that the new one stays.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = path.with_file_name(format!(".{name}.{}", process::id()));
    // One may be left of a killed process that had the same number.
    remove(&unfinished)?;
    let written = write_new(&unfinished, content).and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // What went wrong before is what matters.
        let _ = remove(&unfinished);
    }
    written.and_then(|()| File::open(path.parent().unwrap_or(path))?.sync_all())
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Removes a file, if there is one.
///
/// # Errors
/// When it is still there.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Opens a file that is locked, and read and written under the lock; makes it first if there is none.
///
/// # Errors
/// When it cannot be opened, or there is a `Doubt`.
pub fn to_lock(path: &Path) -> io::Result<File> {
    open(OpenOptions::new().read(true).write(true).create(true).truncate(false), path)
}

/// Opens a file to append to; a new one is readable by this user only.
///
/// # Errors
/// When it cannot be opened.
pub fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// Opens a file, and looks at what was opened: at a path there may be something else by then.
fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    // A pipe in a file's place must not make anybody wait.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = options.mode(0o600).custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    let doubt = if found.uid() != geteuid().as_raw() {
        Doubt::Foreign(found.uid())
    } else if !found.is_file() {
        Doubt::NoFile
    } else if found.mode() & 0o077 != 0 {
        Doubt::Shared(found.mode() & 0o7777)
    } else {
        return Ok(file);
    };
    Err(doubt.into())
}

impl From<Doubt> for io::Error {
    fn from(doubt: Doubt) -> Self {
        io::Error::new(ErrorKind::InvalidData, doubt)
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::Foreign(user) => write!(f, "it is owned by user id {user}"),
            Doubt::Shared(mode) => write!(f, "others may read or write it (mode {mode:o}): chmod 600"),
            Doubt::NoFile => f.write_str("it is no file"),
            Doubt::TooLarge(most) => write!(f, "it has more than {most} bytes"),
        }
    }
}

impl error::Error for Doubt {}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    fn doubt<T>(outcome: io::Result<T>) -> Option<Doubt> {
        outcome.err()?.get_ref()?.downcast_ref().copied()
    }

    #[test]
    fn what_is_replaced_is_read_whole_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("note");
        assert!(read(&path, 8).expect("nothing is there").is_none());
        let left = folder.path().join(format!(".note.{}", process::id()));
        fs::write(left, "of a killed process").expect("written");
        for content in ["old", "newer"] {
            replace(&path, content.as_bytes()).expect("nobody else is here");
            assert_eq!(read(&path, 8).expect("it is there").expect("it is there").as_slice(), content.as_bytes());
        }
        assert_eq!(fs::metadata(&path).expect("it is there").mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 1);
        assert_eq!(doubt(read(&path, 4)), Some(Doubt::TooLarge(4)));
        assert!(read(&path, 5).is_ok());
    }

    #[test]
    fn what_cannot_be_replaced_is_left_and_nothing_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("note");
        fs::create_dir(&path).expect("a folder");
        assert!(replace(&path, b"new").is_err());
        assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 1);
        assert!(replace(&folder.path().join("nowhere/note"), b"new").is_err());
    }

    #[test]
    fn what_others_own_or_share_and_what_is_no_file_is_not_believed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("note");
        let both = || [doubt(read(&path, 8)), doubt(to_lock(&path))];
        for mode in [0o640, 0o604, 0o620, 0o602] {
            fs::write(&path, "text").expect("written");
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
            assert_eq!(both(), [Some(Doubt::Shared(mode)); 2]);
        }
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a mode");
        assert_eq!(both(), [None; 2]);
        // Only root can give a file away.
        if chown(&path, Some(65_534), None).is_ok() {
            assert_eq!(both(), [Some(Doubt::Foreign(65_534)); 2]);
        }
        fs::remove_file(&path).expect("it is there");
        fs::create_dir(&path).expect("a folder");
        assert_eq!(doubt(read(&path, 8)), Some(Doubt::NoFile));
        fs::remove_dir(&path).expect("it is there");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
        assert_eq!(both(), [Some(Doubt::NoFile); 2]);
    }

    #[test]
    fn a_link_is_not_followed_and_is_replaced_itself() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, real) = (folder.path().join("note"), folder.path().join("real"));
        replace(&real, b"real").expect("nobody else is here");
        symlink("real", &path).expect("linked");
        assert!(read(&path, 8).is_err() && to_lock(&path).is_err());
        replace(&path, b"new").expect("nobody else is here");
        assert_eq!(fs::read(&real).expect("it is there"), b"real");
        assert_eq!(read(&path, 8).expect("it is there").expect("it is there").as_slice(), b"new");
    }
}
