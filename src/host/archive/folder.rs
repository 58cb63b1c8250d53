//! An archive in a folder: a mounted share, a synchronised drive, a git checkout.
//!
//! Nothing in it is ever overwritten by glass. That others overwrite nothing is for whoever owns the folder.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};

use crate::model::time::Timestamp;
use crate::world::archive::{Archive, ArchiveError, Content, Receipt};

/// How deep below an archive its names go at the most.
const DEEPEST: usize = 8;

/// An archive in a folder that is there. What is put there is as open to others as that folder is: it is sealed by
/// hashes and signatures, not by modes.
pub struct FolderArchive {
    folder: PathBuf,
    mode: u32,
}

impl FolderArchive {
    /// Opens a folder, which is not made: a share that is not mounted must not be taken for an empty one.
    pub fn open(folder: &Path) -> Result<Self, ArchiveError> {
        match fs::metadata(folder) {
            Ok(found) if found.is_dir() => Ok(FolderArchive { folder: folder.to_owned(), mode: found.mode() & 0o7777 }),
            Ok(_) => Err(ArchiveError::Unfit(format!("{} is no folder", folder.display()))),
            Err(error) => Err(ArchiveError::of_file("open", folder, &error)),
        }
    }

    /// Writes beside the name, and gives what was written that name if nothing has it.
    fn write(&self, path: &Path, content: Content<'_>) -> Result<(), ArchiveError> {
        let parent = path.parent().unwrap_or(&self.folder);
        let failed = |doing, path: &Path| {
            let path = path.to_owned();
            move |error: io::Error| ArchiveError::of_file(doing, &path, &error)
        };
        self.make(parent).map_err(failed("make", parent))?;
        let unfinished = parent.join(format!(".{}.{}", name_of(path), std::process::id()));
        let written = write(&unfinished, content, self.mode & 0o444 | 0o600)
            .map_err(failed("write", &unfinished))
            .and_then(|()| match without_replacing(&unfinished, path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(ArchiveError::Taken),
                renamed => renamed.map_err(failed("make", path)),
            });
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written?;
        File::open(parent).and_then(|folder| folder.sync_all()).map_err(failed("sync", parent))
    }

    /// Makes the folders on the way to a name, for everybody who may write into the archive.
    fn make(&self, folder: &Path) -> io::Result<()> {
        let below = folder.strip_prefix(&self.folder).unwrap_or(Path::new(""));
        let mut made = self.folder.clone();
        for part in below {
            made.push(part);
            match DirBuilder::new().mode(0o700).create(&made) {
                // The mask of this process is not the archive's.
                Ok(()) => fs::set_permissions(&made, Permissions::from_mode(self.mode))?,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Archive for FolderArchive {
    fn put(&self, name: &str, content: Content<'_>) -> Result<Receipt, ArchiveError> {
        let path = self.folder.join(name);
        self.write(&path, content)?;
        Ok(Receipt { name: path.to_string_lossy().into_owned(), version: None, retained_until: None })
    }

    fn oldest(&self, name: &str, into: &mut dyn Write) -> Result<Option<Timestamp>, ArchiveError> {
        let path = self.folder.join(name);
        let failed = |error: io::Error| ArchiveError::of_file("read", &path, &error);
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let mut file = match OpenOptions::new().read(true).custom_flags(flags).open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        let found = file.metadata().map_err(failed)?;
        if !found.is_file() {
            return Err(ArchiveError::Unfit(format!("{} is no file", path.display())));
        }
        io::copy(&mut file, into).map_err(failed)?;
        Ok(Some(Timestamp::from_seconds(found.mtime())))
    }

    fn names(&self, below: &str) -> Result<Vec<String>, ArchiveError> {
        let mut names = Vec::new();
        self.collect(below, DEEPEST, &mut names)?;
        names.sort_unstable();
        Ok(names)
    }
}

impl FolderArchive {
    fn collect(&self, below: &str, deeper: usize, names: &mut Vec<String>) -> Result<(), ArchiveError> {
        let folder = self.folder.join(below);
        let failed = |error: io::Error| ArchiveError::of_file("list", &folder, &error);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            // What begins with a dot is unfinished, or not of glass.
            if name.starts_with('.') {
                continue;
            }
            let name = format!("{below}/{name}");
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_file() {
                names.push(name);
            } else if kind.is_dir() && deeper > 0 {
                self.collect(&name, deeper - 1, names)?;
            }
        }
        Ok(())
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn write(path: &Path, content: Content<'_>, mode: u32) -> io::Result<()> {
    // Whoever shares the folder may have laid a link there.
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).custom_flags(flags).open(path)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    match content {
        Content::Bytes(bytes) => file.write_all(bytes)?,
        Content::File(from) => drop(io::copy(&mut File::open(from)?, &mut file)?),
    }
    file.sync_all()
}

/// Renames, unless there is something of that name; not every share knows how to do that at once.
fn without_replacing(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        renamed => Ok(renamed?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_name_keeps_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = FolderArchive::open(folder.path()).expect("it is there");
        let receipt = archive.put("a/b/one", Content::Bytes(b"first")).expect("it is new");
        assert_eq!(receipt.name, folder.path().join("a/b/one").to_string_lossy());
        assert!(matches!(archive.put("a/b/one", Content::Bytes(b"second")), Err(ArchiveError::Taken)));
        let mut found = Vec::new();
        let put = fs::metadata(folder.path().join("a/b/one")).and_then(|found| found.modified()).expect("it is there");
        let at = archive.oldest("a/b/one", &mut found).expect("it can be read").expect("it is there");
        let seconds = put.duration_since(std::time::UNIX_EPOCH).expect("it is later").as_secs();
        assert_eq!((found.as_slice(), at), (&b"first"[..], Timestamp::from_seconds(seconds.cast_signed())));
        assert_eq!(archive.oldest("a/b/two", &mut found).expect("there is none"), None);
        let (file, other) = (folder.path().join("a/.unfinished"), folder.path().join("a/two"));
        fs::write(&file, "x").and_then(|()| fs::write(other, "y")).expect("it can be written");
        archive.put("a/three", Content::File(&file)).expect("it is new");
        assert_eq!(archive.names("a").expect("a list"), ["a/b/one", "a/three", "a/two"]);
        assert_eq!(archive.names("c").expect("a list"), [""; 0]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_not_made() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(FolderArchive::open(&folder.path().join("share")).is_err());
    }

    #[test]
    fn what_is_put_is_as_open_as_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        for (own, below, file) in [(0o700, 0o700, 0o600), (0o1777, 0o1777, 0o644), (0o770, 0o770, 0o640)] {
            fs::set_permissions(folder.path(), Permissions::from_mode(own)).expect("it is ours");
            let archive = FolderArchive::open(folder.path()).expect("it is there");
            archive.put(&format!("{own}/a/one"), Content::Bytes(b"x")).expect("it is new");
            let mode = |name: &str| fs::metadata(folder.path().join(name)).expect("it is there").mode() & 0o7777;
            let modes = [format!("{own}"), format!("{own}/a"), format!("{own}/a/one")].map(|name| mode(&name));
            assert_eq!(modes, [below, below, file]);
        }
    }

    #[test]
    fn no_link_is_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("elsewhere"), "secret").expect("it can be written");
        std::os::unix::fs::symlink("elsewhere", folder.path().join("one")).expect("a link");
        let archive = FolderArchive::open(folder.path()).expect("it is there");
        assert!(archive.oldest("one", &mut Vec::new()).is_err());
        assert!(matches!(archive.put("one", Content::Bytes(b"x")), Err(ArchiveError::Taken)));
    }
}
