//! Where requests and the answers to them lie, for real: a folder of the user's own, and a folder or bucket that is
//! shared with others.
//!
//! Keeps the promise that nobody waits long for a store that does not answer, and that what is wrong with one place
//! leaves the other as it is.

mod clerk;

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::archive::{FolderArchive, HostArchives};
use super::aws::HostAws;
use super::clock::HostClock;
use super::keychain::Keychain;
use crate::model::destination::Destination;
use crate::model::name::Id;
use crate::model::sign_off::papers::{self, Paper, Pile};
use crate::model::sign_off::sheet::Sheet;
use crate::model::sign_off::{approval, sheet};
use crate::world::archive::{Archive, ArchiveError, Archives, Content, Sender};
use crate::world::desk::{Desk, Desks, Found, Store, Trouble, Wanted};
use crate::world::machine::Clock;
use clerk::{Clerk, Health};

/// How long a folder has to answer; one on a share may never do.
const FOLDER_TIME: Duration = Duration::from_secs(5);

/// How long a bucket has, credentials included: somebody waits, and can paste instead.
const BUCKET_TIME: Duration = Duration::from_secs(10);

/// How long a place may take for all that is read of it.
const LONGEST_LOOK: Duration = Duration::from_secs(30);

/// The most names of one place that are looked at, newest first.
const MOST_NAMES: usize = 50_000;

/// How many papers a clerk brings at once.
const ARMFUL: usize = 256;

/// The largest paper that is read, in bytes.
const LARGEST: usize = if sheet::LONGEST > approval::LARGEST { sheet::LONGEST } else { approval::LARGEST };

/// Opens the desks of a user.
pub struct HostDesks {
    state: PathBuf,
    own: Health,
    store: Health,
}

impl HostDesks {
    /// The desks of a user whose state lies in this folder.
    pub fn new(state: &Path) -> Self {
        let well = || Health::new(true.into());
        HostDesks { state: state.to_owned(), own: well(), store: well() }
    }
}

impl Desks for HostDesks {
    fn open(&self, store: Option<&Store<'_>>) -> Box<dyn Desk + '_> {
        let state = self.state.clone();
        let own = state.join(papers::FOLDER).display().to_string();
        let own = Clerk::start(own, FOLDER_TIME, &self.own, move || open_own(&state));
        let store = store.map(|store| clerk_of(store, &self.store));
        Box::new(HostDesk { clerks: std::iter::once(own).chain(store).collect() })
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
fn clerk_of(store: &Store<'_>, health: &Health) -> Clerk {
    let Sender { person, source, place, retain_days } = store.sender;
    let (to, person, source, place) = (store.place.clone(), person.clone(), source.cloned(), place.clone());
    let patience = match to {
        Destination::Folder(_) => FOLDER_TIME,
        Destination::Bucket { .. } => BUCKET_TIME,
    };
    Clerk::start(to.to_string(), patience, health, move || {
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
        let (all, own) = (&self.clerks[..], &self.clerks[..1]);
        let mut pile = Pile::default();
        let troubles = match wanted {
            Wanted::All => read_all(all, &everywhere(), None, &mut pile),
            Wanted::Own => read_all(own, &everywhere(), None, &mut pile),
            Wanted::Recent(now) => read_all(all, &papers::recent_folders(now), None, &mut pile),
            Wanted::Beside(sheet) => {
                pile.add_sheet(sheet);
                read_all(all, &[papers::folder(sheet.asked().expires)], Some(&sheet.asked().id), &mut pile)
            }
            Wanted::Id(id) => {
                // What can be used is not far; all the rest may be many years.
                let troubles = read_all(all, &papers::recent_folders(HostClock.now()), Some(id), &mut pile);
                if pile.has(id) { troubles } else { read_all(all, &everywhere(), Some(id), &mut pile) }
            }
        };
        Found { papers: pile.sorted(), troubles }
    }
}

fn everywhere() -> [String; 1] {
    [papers::FOLDER.to_owned()]
}

/// Reads what some places have in these folders, of one request or of all; gives those that could not be read.
fn read_all(clerks: &[Clerk], folders: &[String], id: Option<&Id>, pile: &mut Pile) -> Vec<Trouble> {
    let read = |clerk: &Clerk| read(clerk, folders, id, pile).err().map(|why| clerk.trouble(why));
    clerks.iter().filter_map(read).collect()
}

/// Puts a paper where it is not yet.
fn keep(archive: &dyn Archive, name: &str, content: &[u8]) -> Result<(), ArchiveError> {
    match archive.put(name, Content::Bytes(content)) {
        Err(ArchiveError::Taken) => match archive.bring(&[name.to_owned()], LARGEST)?.as_slice() {
            [Some(found)] if found.content == content => Ok(()),
            _ => Err(ArchiveError::Taken),
        },
        put => put.map(drop),
    }
}

/// Reads what a place has into a pile, what expires last first.
fn read(clerk: &Clerk, folders: &[String], id: Option<&Id>, pile: &mut Pile) -> Result<(), ArchiveError> {
    let began = Instant::now();
    let folders = folders.to_vec();
    let mut names = clerk.send(move |archive| {
        let listed = folders.iter().map(|folder| archive.names(folder)).collect::<Result<Vec<_>, _>>();
        Ok(listed?.concat())
    })?;
    names.retain(|name| id.is_none_or(|id| papers::is_of(name, id)));
    let mut unread = names.len();
    let mut armfuls = names.rchunks(ARMFUL).take(MOST_NAMES / ARMFUL);
    let mut fetch = |pile: &mut Pile| {
        let wanted: Vec<String> = armfuls.next()?.iter().filter(|name| pile.wants(name)).cloned().collect();
        Some(clerk.begin(move |archive| {
            let brought = archive.bring(&wanted, LARGEST)?;
            Ok(wanted.into_iter().zip(brought).collect::<Vec<_>>())
        }))
    };
    let mut under_way = fetch(pile);
    while let Some(awaited) = under_way {
        let brought = clerk.wait(&awaited?)?;
        unread = unread.saturating_sub(ARMFUL);
        // The next are fetched while these are looked at.
        under_way = if began.elapsed() < LONGEST_LOOK { fetch(pile) } else { None };
        for (name, brought) in brought {
            pile.add(&name, brought.as_ref().map(|brought| brought.content.as_slice()));
        }
    }
    match unread {
        0 => Ok(()),
        more => Err(ArchiveError::Unfit(format!("{more} more lie there than are read"))),
    }
}

#[cfg(test)]
mod tests;
