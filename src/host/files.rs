//! The catalogue, the identity file and what they name: found, and read only when nobody else can have written them.
//!
//! Keeps the promise that a file which decides who may do what is the caller's or root's own work. Every
//! folder and link on the way to it is looked at, and the file once more after it was opened: whoever
//! could swap it in between could write to one of those folders, and then it is refused.
//! Why folders count: docs/decisions/0006-trusted-files.md

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, Stat};

use crate::model::text::escaped;

/// Where every machine's catalogue is, when the caller has none.
const SYSTEM_CATALOGUE: &str = "/etc/glass/profiles.toml";

/// The largest file that is read, in bytes.
pub(super) const LARGEST: u64 = 1024 * 1024;

/// As many links as Linux itself follows on the way to a file.
const MOST_LINKS: usize = 40;

/// Finds the catalogue: what was given, by flag before variable, else the first that exists below `config` and in `/etc`.
///
/// # Errors
/// When none is given and none exists.
pub fn find_catalogue(flag: Option<&Path>, variable: Option<&Path>, config: &Path) -> Result<PathBuf, FileError> {
    find("catalogue", flag.or(variable), &[config.join("glass/profiles.toml"), SYSTEM_CATALOGUE.into()])
}

/// Finds the identity file: what the variable gives, else the one below `config`.
///
/// # Errors
/// When none is given and none exists.
pub fn find_identity(variable: Option<&Path>, config: &Path) -> Result<PathBuf, FileError> {
    find("identity file", variable, &[config.join("glass/identity.toml")])
}

fn find(what: &'static str, given: Option<&Path>, usual: &[PathBuf]) -> Result<PathBuf, FileError> {
    if let Some(given) = given {
        return std::path::absolute(given).map_err(|source| FileError::Unreadable { path: given.into(), source });
    }
    // One that is there and cannot be read is not passed over: reading it tells why.
    let absent = |path: &&PathBuf| {
        let found = std::fs::symlink_metadata(path);
        found.is_err_and(|error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory))
    };
    let found = usual.iter().find(|path| !absent(path));
    found.cloned().ok_or_else(|| FileError::Absent { what, looked_at: usual.to_vec() })
}

/// Reads a file that nobody but the caller and root can have written, 1 MiB at most.
///
/// # Errors
/// When it is not such a file, or cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    if path.is_symlink() {
        return Err(FileError::Link(path.to_owned()));
    }
    let resolved = resolve(path)?;
    read_checked(path, &resolved, |stat| check(&resolved, stat))
}

/// Whether there is a file at a path, or a link to one.
pub fn is_file(path: &Path) -> bool {
    path.is_file()
}

/// Reads a file whoever may have written it, 1 MiB at most: what is in it speaks for itself.
///
/// # Errors
/// When it is no file, or cannot be read.
pub fn read_anybodys(path: &Path) -> Result<Vec<u8>, FileError> {
    let unreadable = |source: io::Error| FileError::Unreadable { path: path.to_owned(), source };
    read_checked(path, &std::fs::canonicalize(path).map_err(unreadable)?, |_| Ok(()))
}

fn read_checked(
    path: &Path,
    resolved: &Path,
    check: impl FnOnce(&Stat) -> Result<(), FileError>,
) -> Result<Vec<u8>, FileError> {
    let unreadable = |source: io::Error| FileError::Unreadable { path: path.to_owned(), source };
    // Not blocking, or a named pipe would be waited for.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let file = rustix::fs::open(resolved, flags, Mode::empty()).map_err(|error| unreadable(error.into()))?;
    let stat = rustix::fs::fstat(&file).map_err(|error| unreadable(error.into()))?;
    if !FileType::from_raw_mode(stat.st_mode).is_file() {
        return Err(FileError::NotAFile(path.to_owned()));
    }
    check(&stat)?;
    let mut bytes = Vec::new();
    std::fs::File::from(file).take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        let size = u64::try_from(stat.st_size).unwrap_or(LARGEST + 1);
        return Err(FileError::TooLarge { path: path.to_owned(), size });
    }
    Ok(bytes)
}

/// Checks a file that is not read here, such as a program, as [`read`] does; it may be a link to such a file.
///
/// # Errors
/// When others can have written it, or it is no file.
pub fn check_writers(path: &Path) -> Result<(), FileError> {
    let resolved = resolve(path)?;
    let unreadable = |error: rustix::io::Errno| FileError::Unreadable { path: path.to_owned(), source: error.into() };
    let stat = rustix::fs::lstat(&resolved).map_err(unreadable)?;
    if !FileType::from_raw_mode(stat.st_mode).is_file() {
        return Err(FileError::NotAFile(path.to_owned()));
    }
    check(&resolved, &stat)
}

/// The path without links, each folder and each link on the way checked.
fn resolve(path: &Path) -> Result<PathBuf, FileError> {
    let unreadable = |source: io::Error| FileError::Unreadable { path: path.to_owned(), source };
    let path = std::path::absolute(path).map_err(unreadable)?;
    let mut ahead: Vec<OsString> = backwards(&path);
    let mut resolved = PathBuf::from("/");
    let mut links = 0;
    while let Some(next) = ahead.pop() {
        let folder = rustix::fs::lstat(&resolved).map_err(|error| unreadable(error.into()))?;
        check(&resolved, &folder)?;
        if next == ".." {
            resolved.pop();
            continue;
        }
        let step = resolved.join(next);
        let stat = rustix::fs::lstat(&step).map_err(|error| unreadable(error.into()))?;
        if !FileType::from_raw_mode(stat.st_mode).is_symlink() {
            resolved = step;
            continue;
        }
        check_owner(&step, &stat)?;
        links += 1;
        if links > MOST_LINKS {
            return Err(unreadable(rustix::io::Errno::LOOP.into()));
        }
        let target = std::fs::read_link(&step).map_err(unreadable)?;
        if target.is_absolute() {
            resolved = PathBuf::from("/");
        }
        ahead.extend(backwards(&target));
    }
    Ok(resolved)
}

/// The names in a path, last first.
fn backwards(path: &Path) -> Vec<OsString> {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    let mut names: Vec<OsString> = names.collect();
    names.reverse();
    names
}

/// Checks that nobody but the caller and root can write a file, or put another into a folder.
pub(super) fn check(path: &Path, stat: &Stat) -> Result<(), FileError> {
    check_owner(path, stat)?;
    let mode = Mode::from_raw_mode(stat.st_mode);
    let is_folder = FileType::from_raw_mode(stat.st_mode).is_dir();
    // In a sticky folder, such as /tmp, others can add files and not touch ours.
    let sticky = is_folder && mode.contains(Mode::SVTX);
    if mode.intersects(Mode::WGRP | Mode::WOTH) && !sticky {
        return Err(FileError::Writable { path: path.to_owned(), mode });
    }
    Ok(())
}

fn check_owner(path: &Path, stat: &Stat) -> Result<(), FileError> {
    let caller = rustix::process::geteuid().as_raw();
    if stat.st_uid != 0 && stat.st_uid != caller {
        return Err(FileError::Foreign { path: path.to_owned(), owner: stat.st_uid, caller });
    }
    Ok(())
}

/// A file that is not read.
#[derive(Debug)]
pub enum FileError {
    /// There is none.
    Absent {
        /// `catalogue` or `identity file`.
        what: &'static str,
        /// Where it would have been.
        looked_at: Vec<PathBuf>,
    },
    /// The system does not let it be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is itself a link to somewhere else.
    Link(PathBuf),
    /// A folder, a pipe, a device.
    NotAFile(PathBuf),
    /// It, or a folder on the way to it, can be written by a group or by everybody.
    Writable {
        /// The file or folder.
        path: PathBuf,
        /// Its permissions.
        mode: Mode,
    },
    /// It, or a folder or link on the way to it, belongs to somebody else.
    Foreign {
        /// The file, folder or link.
        path: PathBuf,
        /// The user id of its owner.
        owner: u32,
        /// The caller's user id.
        caller: u32,
    },
    /// Larger than any file that glass reads.
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
    },
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |path: &Path| format!("`{}`", escaped(&path.display().to_string()));
        match self {
            FileError::Absent { what, looked_at } => {
                let places: Vec<String> = looked_at.iter().map(|path| shown(path)).collect();
                write!(f, "there is no {what}: looked for {}", places.join(", "))
            }
            FileError::Unreadable { path, .. } => write!(f, "{} cannot be read", shown(path)),
            FileError::Link(path) => write!(f, "{} is a link to somewhere else", shown(path)),
            FileError::NotAFile(path) => write!(f, "{} is not a file", shown(path)),
            FileError::Writable { path, mode } => {
                write!(f, "{} can be written by others (mode {:04o})", shown(path), mode.bits() & 0o7777)
            }
            FileError::Foreign { path, owner, caller } => {
                write!(f, "{} belongs to user {owner}, and neither to the caller ({caller}) nor to root", shown(path))
            }
            FileError::TooLarge { path, size } => {
                write!(f, "{} has {size} bytes, {LARGEST} are the most that is read", shown(path))
            }
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            FileError::Unreadable { source, .. } => Some(source),
            FileError::Absent { .. }
            | FileError::Link(_)
            | FileError::NotAFile(_)
            | FileError::Writable { .. }
            | FileError::Foreign { .. }
            | FileError::TooLarge { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Folder(tempfile::tempdir().expect("a folder"))
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn write(&self, name: &str, mode: u32) -> PathBuf {
            let path = self.path(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(&path, name).expect("a file");
            self.set_mode(name, mode);
            path
        }

        fn set_mode(&self, name: &str, mode: u32) {
            fs::set_permissions(self.path(name), Permissions::from_mode(mode)).expect("a mode");
        }
    }

    #[test]
    fn a_file_that_others_can_write_is_refused() {
        let folder = Folder::new();
        assert_eq!(read(&folder.write("mine", 0o644)).expect("mine"), b"mine");
        for mode in [0o664, 0o646, 0o666] {
            let error = read(&folder.write("shared", mode)).expect_err("shared");
            assert!(error.to_string().ends_with(&format!("can be written by others (mode {mode:04o})")), "{error}");
        }
    }

    #[test]
    fn a_file_in_a_folder_that_others_can_write_is_refused_unless_the_folder_is_sticky() {
        let folder = Folder::new();
        let path = folder.write("a/b/file", 0o600);
        for (mode, good) in [(0o755, true), (0o775, false), (0o777, false), (0o1777, true)] {
            folder.set_mode("a", mode);
            assert_eq!(read(&path).is_ok(), good, "{mode:o}");
        }
    }

    #[test]
    fn a_link_in_the_files_place_is_refused_wherever_it_leads() {
        let folder = Folder::new();
        folder.write("real/good", 0o600);
        symlink("real/good", folder.path("link")).expect("a link");
        assert!(matches!(read(&folder.path("link")), Err(FileError::Link(_))));
    }

    #[test]
    fn a_program_may_be_a_link_but_not_to_one_that_others_can_write() {
        let folder = Folder::new();
        folder.write("good", 0o755);
        folder.write("shared", 0o775);
        for (target, good) in [("good", true), ("shared", false), ("absent", false), (".", false)] {
            symlink(target, folder.path("program")).expect("a link");
            assert_eq!(check_writers(&folder.path("program")).is_ok(), good, "{target}");
            fs::remove_file(folder.path("program")).expect("the link");
        }
    }

    #[test]
    fn a_folder_may_be_a_link_to_one_that_is_trusted() {
        let folder = Folder::new();
        folder.write("real/good", 0o600);
        folder.write("open/good", 0o600);
        folder.set_mode("open", 0o777);
        for (target, good) in [("real", true), ("open", false), ("open/../real", false), ("door", false)] {
            symlink(target, folder.path("door")).expect("a link");
            assert_eq!(read(&folder.path("door/good")).is_ok(), good, "{target}");
            fs::remove_file(folder.path("door")).expect("the link");
        }
    }

    #[test]
    fn what_belongs_to_somebody_else_is_refused() {
        let path = Folder::new().write("mine", 0o600);
        let mut stat = rustix::fs::lstat("/").expect("there is a root");
        for (owner, good) in [(0, true), (rustix::process::geteuid().as_raw(), true), (12345, false)] {
            stat.st_uid = owner;
            assert_eq!(check(&path, &stat).is_ok(), good, "{owner}");
        }
    }

    #[test]
    fn only_files_of_a_sane_size_are_read() {
        let folder = Folder::new();
        assert!(matches!(read(folder.0.path()), Err(FileError::NotAFile(_))));
        rustix::fs::mknodat(rustix::fs::CWD, folder.path("pipe"), FileType::Fifo, Mode::RUSR, 0).expect("a pipe");
        assert!(matches!(read(&folder.path("pipe")), Err(FileError::NotAFile(_))));
        assert!(matches!(read(Path::new("/dev/null")), Err(FileError::NotAFile(_))));
        fs::write(folder.path("large"), vec![b' '; 1024 * 1024 + 1]).expect("a file");
        assert!(matches!(read(&folder.path("large")), Err(FileError::TooLarge { size: 1_048_577, .. })));
        assert!(matches!(read(&folder.path("absent")), Err(FileError::Unreadable { .. })));
    }

    #[test]
    fn the_catalogue_is_the_first_that_is_given_or_exists() {
        let folder = Folder::new();
        let (flag, variable) = (folder.path("flag.toml"), folder.path("variable.toml"));
        let config = folder.path("config");
        assert_eq!(find_catalogue(Some(&flag), Some(&variable), &config).expect("given"), flag);
        assert_eq!(find_catalogue(None, Some(&variable), &config).expect("given"), variable);
        let own = folder.write("config/glass/profiles.toml", 0o600);
        assert_eq!(find_catalogue(None, None, &config).expect("exists"), own);
        let error = find_identity(None, &config).expect_err("there is none");
        let expected =
            format!("there is no identity file: looked for `{}`", config.join("glass/identity.toml").display());
        assert_eq!(error.to_string(), expected);
        symlink("nowhere", folder.path("config/glass/identity.toml")).expect("a link");
        assert!(find_identity(None, &config).is_ok(), "a link to nowhere is not passed over");
    }
}
