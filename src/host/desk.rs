//! Where requests and the answers to them lie, for real: a folder of the user's own, and a folder or bucket that is
//! shared with others.
//!
//! Keeps the promise that nobody waits long for a store that does not answer, and that what is wrong with one place
//! leaves the other as it is.

mod clerk;

use std::fs::DirBuilder;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::archive::{FolderArchive, HostArchives};
use super::aws::HostAws;
use super::keychain::Keychain;
use crate::model::destination::Destination;
use crate::model::sign_off::papers::{self, Paper, Pile};
use crate::model::sign_off::sheet::Sheet;
use crate::model::sign_off::{approval, sheet};
use crate::world::archive::{Archive, ArchiveError, Archives, Content, Sender};
use crate::world::desk::{Desk, Desks, Found, Store, Trouble, Wanted};
use clerk::Clerk;

/// How long a folder has to answer; one on a share may never do.
const FOLDER_TIME: Duration = Duration::from_secs(5);

/// How long a bucket has: somewhat longer than a call of AWS may take.
const BUCKET_TIME: Duration = Duration::from_secs(20);

/// The most names of one place that are looked at, newest first.
const MOST_NAMES: usize = 50_000;

/// How many papers a clerk brings at once.
const ARMFUL: usize = 16;

/// The largest paper that is read, in bytes.
const LARGEST: usize = if sheet::LONGEST > approval::LARGEST { sheet::LONGEST } else { approval::LARGEST };

/// Opens the desks of a user.
pub struct HostDesks {
    state: PathBuf,
}

impl HostDesks {
    /// The desks of a user whose state lies in this folder.
    pub fn new(state: &Path) -> Self {
        HostDesks { state: state.to_owned() }
    }
}

impl Desks for HostDesks {
    fn open(&self, store: Option<&Store<'_>>) -> Box<dyn Desk + '_> {
        let state = self.state.clone();
        let own = state.join(papers::FOLDER).display().to_string();
        let own = Clerk::start(own, FOLDER_TIME, move || open_own(&state));
        Box::new(HostDesk { clerks: std::iter::once(own).chain(store.map(clerk_of)).collect() })
    }
}

/// The user's own folder, which is nobody else's.
fn open_own(state: &Path) -> Result<Box<dyn Archive>, ArchiveError> {
    let folder = state.join(papers::FOLDER);
    match DirBuilder::new().recursive(true).mode(0o700).create(&folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(ArchiveError::of_file("make", &folder, &error)),
        Ok(()) | Err(_) => Ok(Box::new(FolderArchive::open(state)?)),
    }
}

/// Somebody who goes to a store.
fn clerk_of(store: &Store<'_>) -> Clerk {
    let Sender { person, source, place, retain_days } = store.sender;
    let (to, person, source, place) = (store.place.clone(), person.clone(), source.cloned(), place.clone());
    let patience = match to {
        Destination::Folder(_) => FOLDER_TIME,
        Destination::Bucket { .. } => BUCKET_TIME,
    };
    Clerk::start(to.to_string(), patience, move || {
        let sender = Sender { person: &person, source: source.as_ref(), place: &place, retain_days };
        HostArchives { aws: HostAws { vault: &Keychain } }.open(&to, &sender)
    })
}

/// The places of one user, their own first.
struct HostDesk {
    clerks: Vec<Clerk>,
}

impl Desk for HostDesk {
    fn keep(&self, sheet: &Sheet, paper: Paper<'_>) -> Vec<Trouble> {
        let troubles = self.clerks.iter().filter_map(|clerk| {
            let (name, content) = (paper.name(sheet), paper.content(sheet));
            clerk.send(move |archive| keep(archive, &name, &content)).err().map(|why| clerk.trouble(why))
        });
        troubles.collect()
    }

    fn look(&self, wanted: Wanted<'_>) -> Found {
        let mut pile = Pile::default();
        let folders = match wanted {
            Wanted::Id(_) | Wanted::All => vec![papers::FOLDER.to_owned()],
            Wanted::Recent(now) => papers::recent_folders(now),
            Wanted::Beside(sheet) => {
                pile.add_sheet(sheet);
                vec![papers::folder(sheet.asked().expires)]
            }
        };
        let id = match wanted {
            Wanted::Id(id) => Some(id),
            Wanted::Beside(sheet) => Some(&sheet.asked().id),
            Wanted::Recent(_) | Wanted::All => None,
        };
        let is_wanted = |name: &String| id.is_none_or(|id| papers::is_of(name, id));
        let read =
            |clerk: &Clerk| read(clerk, folders.clone(), &is_wanted, &mut pile).err().map(|why| clerk.trouble(why));
        let troubles = self.clerks.iter().filter_map(read).collect();
        Found { papers: pile.sorted(), troubles }
    }
}

/// Puts a paper where it is not yet.
fn keep(archive: &dyn Archive, name: &str, content: &[u8]) -> Result<(), ArchiveError> {
    match archive.put(name, Content::Bytes(content)) {
        Err(ArchiveError::Taken) => match bring(archive, name)? {
            Some(found) if found == content => Ok(()),
            Some(_) | None => Err(ArchiveError::Taken),
        },
        put => put.map(drop),
    }
}

/// Reads what a place has into a pile.
fn read(
    clerk: &Clerk,
    folders: Vec<String>,
    is_wanted: &dyn Fn(&String) -> bool,
    pile: &mut Pile,
) -> Result<(), ArchiveError> {
    let mut names = clerk.send(move |archive| {
        let mut names = Vec::new();
        for folder in folders {
            names.extend(archive.names(&folder)?);
        }
        Ok(names)
    })?;
    names.retain(is_wanted);
    let beyond = names.len().saturating_sub(MOST_NAMES);
    for armful in names[beyond..].rchunks(ARMFUL) {
        let wanted: Vec<String> = armful.iter().filter(|name| pile.wants(name)).cloned().collect();
        let brought = clerk.send(move |archive| {
            wanted
                .into_iter()
                .map(|name| bring(archive, &name).map(|content| (name, content)))
                .collect::<Result<Vec<_>, _>>()
        })?;
        for (name, content) in brought {
            pile.add(&name, content.as_deref());
        }
    }
    match beyond {
        0 => Ok(()),
        beyond => Err(ArchiveError::Unfit(format!("{beyond} more lie there than are read, {MOST_NAMES}"))),
    }
}

/// What lies under a name; nothing where it cannot be read or is too large to be a paper.
fn bring(archive: &dyn Archive, name: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
    let mut bounded = Bounded(Vec::new());
    match archive.oldest(name, &mut bounded) {
        Ok(found) => Ok(found.map(|_| bounded.0)),
        // Who does not answer now will not answer for the next one.
        Err(error @ (ArchiveError::Aws { .. } | ArchiveError::Source(_) | ArchiveError::NoSource)) => Err(error),
        Err(ArchiveError::Unreachable { .. } | ArchiveError::Unfit(_) | ArchiveError::Taken) => Ok(None),
    }
}

/// As many bytes as a paper may have.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LARGEST {
            return Err(ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
