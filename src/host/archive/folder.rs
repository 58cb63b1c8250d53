//! An archive in a folder: a mounted share, a synchronised drive, a git checkout.
//!
//! Nothing in it is ever overwritten by glass, and no link in it is followed: whoever shares it leads nobody out of it.
//! That others overwrite nothing is for whoever owns the folder.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, RawMode, RenameFlags, fchmod, linkat, mkdirat, open, openat, renameat_with,
    statat, unlinkat,
};
use rustix::io::Errno;

use crate::host::chance::HostChance;
use crate::model::time::Timestamp;
use crate::world::archive::{Archive, ArchiveError, Brought, Content, Receipt};
use crate::world::machine::Chance;

/// How deep below an archive its names go at the most.
const DEEPEST: usize = 8;

/// How a folder is opened, and how one below it.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const BELOW: OFlags = FOLDER.union(OFlags::NOFOLLOW);

/// How a file is opened to be read; a pipe that lies in its place holds nobody up.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// How a file is made.
const MAKE: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// An archive in a folder that is there. What is put there is as open to others as that folder is: it is sealed by
/// hashes and signatures, not by modes.
pub struct FolderArchive {
    folder: PathBuf,
    mode: RawMode,
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

    /// Goes to a folder that is there.
    fn enter(&self, below: &Path) -> rustix::io::Result<OwnedFd> {
        downwards(below)?;
        let archive = open(&self.folder, FOLDER, Mode::empty())?;
        below.iter().try_fold(archive, |here, part| openat(&here, part, BELOW, Mode::empty()))
    }

    /// Goes to a folder; makes those on the way for everybody who may write into the archive.
    fn make(&self, below: &Path) -> rustix::io::Result<OwnedFd> {
        downwards(below)?;
        let archive = open(&self.folder, FOLDER, Mode::empty())?;
        below.iter().try_fold(archive, |here, part| {
            match openat(&here, part, BELOW, Mode::empty()) {
                Err(Errno::NOENT) => {}
                there => return there,
            }
            let made = mkdirat(&here, part, Mode::RWXU);
            if made.is_err() && made != Err(Errno::EXIST) {
                made?;
            }
            let there = openat(&here, part, BELOW, Mode::empty())?;
            // The mask of this process is not the archive's.
            if made.is_ok() {
                fchmod(&there, Mode::from_raw_mode(self.mode))?;
            }
            Ok(there)
        })
    }

    /// Writes beside the name, and gives what was written that name if nothing has it.
    fn write(&self, name: &Path, content: Content<'_>) -> Result<(), ArchiveError> {
        let path = self.folder.join(name);
        let failed = |doing| {
            let path = &path;
            move |error: io::Error| ArchiveError::of_file(doing, path, &error)
        };
        let (parent, name) = halves(name);
        let folder = self.make(parent).map_err(|error| failed("make")(error.into()))?;
        // No other writer has the same.
        let unfinished = format!(".{}.{}", name.to_string_lossy(), HostChance.id());
        let written = write(&folder, &unfinished, content, self.mode & 0o444 | 0o600)
            .map_err(failed("write"))
            .and_then(|()| match without_replacing(&folder, &unfinished, name) {
                Err(Errno::EXIST) => Err(ArchiveError::Taken),
                renamed => renamed.map_err(|error| failed("make")(error.into())),
            });
        if written.is_err() {
            let _ = unlinkat(&folder, &unfinished, AtFlags::empty());
        }
        if matches!(written, Ok(()) | Err(ArchiveError::Taken)) {
            // Also of what is there already: whoever put it may have been interrupted before this.
            self.sync(parent).map_err(failed("sync"))?;
        }
        written
    }

    /// Makes the names in a folder durable, and its own, and those of the folders on the way to it.
    fn sync(&self, below: &Path) -> io::Result<()> {
        below.ancestors().try_for_each(|below| File::from(self.enter(below)?).sync_all())
    }

    /// Opens a file, with what is known of it; nothing if it is not there.
    fn file(&self, folder: &OwnedFd, name: &OsStr) -> io::Result<Option<(File, fs::Metadata)>> {
        let file = match openat(folder, name, READ, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            opened => File::from(opened?),
        };
        let found = file.metadata()?;
        if found.is_file() { Ok(Some((file, found))) } else { Err(io::Error::other("it is no file")) }
    }
}

impl Archive for FolderArchive {
    fn put(&self, name: &str, content: Content<'_>) -> Result<Receipt, ArchiveError> {
        self.write(Path::new(name), content)?;
        let name = self.folder.join(name).to_string_lossy().into_owned();
        Ok(Receipt { name, version: None, retained_until: None })
    }

    fn oldest(&self, name: &str, into: &mut dyn Write) -> Result<Option<Timestamp>, ArchiveError> {
        let failed = |error: io::Error| ArchiveError::of_file("read", &self.folder.join(name), &error);
        let (parent, name) = halves(Path::new(name));
        let folder = match self.enter(parent) {
            Err(Errno::NOENT) => return Ok(None),
            folder => folder.map_err(|error| failed(error.into()))?,
        };
        let Some((mut file, found)) = self.file(&folder, name).map_err(failed)? else { return Ok(None) };
        io::copy(&mut file, into).map_err(failed)?;
        Ok(Some(Timestamp::from_seconds(found.mtime())))
    }

    fn names(&self, below: &str) -> Result<Vec<String>, ArchiveError> {
        let mut names = Vec::new();
        let listed = match self.enter(Path::new(below)) {
            Err(Errno::NOENT) => Ok(()),
            folder => folder.and_then(|folder| collect(&folder, below, DEEPEST, &mut names)),
        };
        listed.map_err(|error| ArchiveError::of_file("list", &self.folder.join(below), &error.into()))?;
        names.sort_unstable();
        Ok(names)
    }

    fn bring(&self, names: &[String], largest: usize) -> Result<Vec<Option<Brought>>, ArchiveError> {
        let mut within: Option<(&Path, OwnedFd)> = None;
        let mut brought = Vec::with_capacity(names.len());
        for name in names {
            let (parent, name) = halves(Path::new(name));
            // Most lie in one folder.
            if within.as_ref().is_none_or(|(known, _)| *known != parent) {
                within = self.enter(parent).ok().map(|folder| (parent, folder));
            }
            let file = within.as_ref().and_then(|(_, folder)| self.file(folder, name).ok().flatten());
            brought.push(file.and_then(|(file, found)| {
                let at = Timestamp::from_seconds(found.mtime());
                Some(Brought { content: whole(file, found.len(), largest)?, at })
            }));
        }
        Ok(brought)
    }
}

/// Checks that a name leads nowhere but into the archive.
fn downwards(below: &Path) -> rustix::io::Result<()> {
    let is_down = below.components().all(|part| matches!(part, Component::Normal(_)));
    if is_down { Ok(()) } else { Err(Errno::INVAL) }
}

/// All of a file, if that is not too much.
fn whole(file: File, length: u64, largest: usize) -> Option<Vec<u8>> {
    let most = usize::try_from(length).ok().filter(|length| *length <= largest)?;
    let mut content = Vec::with_capacity(most);
    // One that is growing is not whole.
    let read = file.take(length).read_to_end(&mut content).ok()?;
    (read == most).then_some(content)
}

/// The folder of a name, and the rest.
fn halves(name: &Path) -> (&Path, &OsStr) {
    (name.parent().unwrap_or(Path::new("")), name.file_name().unwrap_or_default())
}

fn collect(folder: &OwnedFd, below: &str, deeper: usize, names: &mut Vec<String>) -> rustix::io::Result<()> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        // What begins with a dot is unfinished, or not of glass.
        let Some(name) = entry.file_name().to_str().ok().filter(|name| !name.starts_with('.')) else { continue };
        let kind = match entry.file_type() {
            // Not every share tells.
            FileType::Unknown => match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => continue,
                found => FileType::from_raw_mode(found?.st_mode),
            },
            kind => kind,
        };
        let path = format!("{below}/{name}");
        if kind == FileType::RegularFile {
            names.push(path);
        } else if kind == FileType::Directory && deeper > 0 {
            match openat(folder, name, BELOW, Mode::empty()) {
                // Its owner may have meant it for themself.
                Err(Errno::NOENT | Errno::ACCESS) => {}
                opened => collect(&opened?, &path, deeper - 1, names)?,
            }
        }
    }
    Ok(())
}

fn write(folder: &OwnedFd, name: &str, content: Content<'_>, mode: RawMode) -> io::Result<()> {
    let mut file = File::from(openat(folder, name, MAKE, Mode::RUSR | Mode::WUSR)?);
    fchmod(&file, Mode::from_raw_mode(mode))?;
    match content {
        Content::Bytes(bytes) => file.write_all(bytes)?,
        Content::File(from) => drop(io::copy(&mut File::open(from)?, &mut file)?),
    }
    file.sync_all()
}

/// Renames, unless there is something of that name; not every share knows how to do that at once.
fn without_replacing(folder: &OwnedFd, from: &str, to: &OsStr) -> rustix::io::Result<()> {
    match renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            linkat(folder, from, folder, to, AtFlags::empty())?;
            unlinkat(folder, from, AtFlags::empty())
        }
        renamed => renamed,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

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
        let elsewhere = tempfile::tempdir().expect("a folder");
        fs::write(elsewhere.path().join("two"), "secret").expect("it can be written");
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("out")).expect("a link");
        assert!(archive.names("out").is_err() && archive.oldest("out/two", &mut Vec::new()).is_err());
        assert_eq!(archive.bring(&["out/two".to_owned()], 9).expect("others may be there"), [None]);
        assert!(archive.put("out/three", Content::Bytes(b"x")).is_err());
        assert_eq!(fs::read_dir(elsewhere.path()).expect("it is there").count(), 1);
    }

    #[test]
    fn no_name_leads_out() {
        let outer = tempfile::tempdir().expect("a folder");
        fs::write(outer.path().join("one"), "secret").expect("it can be written");
        let folder = outer.path().join("archive");
        fs::create_dir(&folder).expect("it can be made");
        let archive = FolderArchive::open(&folder).expect("it is there");
        let absolute = outer.path().join("two").to_string_lossy().into_owned();
        for name in ["../two", "new/../../two", &absolute] {
            assert!(archive.put(name, Content::Bytes(b"x")).is_err(), "{name}");
        }
        assert!(archive.names("..").is_err() && archive.oldest("../one", &mut Vec::new()).is_err());
        assert_eq!(archive.bring(&["../one".to_owned()], 9).expect("others may be there"), [None]);
        assert!(!outer.path().join("two").exists() && !folder.join("new").exists());
    }

    #[test]
    fn what_is_too_large_or_no_file_is_not_brought() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = FolderArchive::open(folder.path()).expect("it is there");
        for (name, content) in [("a/one", "123"), ("a/two", "1234"), ("b/one", "")] {
            archive.put(name, Content::Bytes(content.as_bytes())).expect("it is new");
        }
        fs::create_dir(folder.path().join("a/three")).expect("it is new");
        let pipe = folder.path().join("a/four");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, Mode::RUSR | Mode::WUSR).expect("it is new");
        let names = ["a/one", "a/two", "a/three", "a/four", "a/five", "b/one", "c/one"].map(str::to_owned);
        let brought = archive.bring(&names, 3).expect("some are there");
        let brought: Vec<_> = brought.into_iter().map(|one| one.map(|one| one.content)).collect();
        assert_eq!(brought, [Some(b"123".to_vec()), None, None, None, None, Some(Vec::new()), None]);
    }
}
