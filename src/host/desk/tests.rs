//! Desks over folders that others share, and spoil.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::model::name::{Id, PersonName, Region};
use crate::model::sign_off::papers::{Bundle, Papers};
use crate::model::sign_off::sheet::{Asked, Nonce};
use crate::model::sign_off::tests::people::{after, approval, asked, id, load, text};
use crate::world::aws::Place;

/// Two homes and what they share.
struct Room {
    homes: TempDir,
    share: TempDir,
}

impl Room {
    fn new() -> Room {
        let folder = || tempfile::tempdir().expect("a folder");
        let room = Room { homes: folder(), share: folder() };
        for home in ["alice", "bob"] {
            fs::create_dir(room.homes.path().join(home)).expect("it is new");
        }
        room
    }

    fn share(&self) -> &Path {
        self.share.path()
    }

    /// Does something at somebody's desk, with the share as their store.
    fn at<T>(&self, home: &str, work: impl FnOnce(&dyn Desk) -> T) -> T {
        let person = PersonName::parse(home).expect("a name");
        let region = Region::parse("eu-west-1").expect("a region");
        let place = Place { region, endpoint: None, ca_bundle: None };
        let sender = Sender { person: &person, source: None, place: &place, retain_days: None };
        let to = Destination::Folder(self.share().to_owned());
        work(&*HostDesks::new(&self.homes.path().join(home)).open(Some(&Store { place: &to, sender })))
    }

    fn found(&self, home: &str, wanted: Wanted<'_>) -> Papers {
        let found = self.at(home, |desk| desk.look(wanted));
        assert!(found.troubles.is_empty(), "{:?}", found.troubles);
        found.papers
    }
}

fn sheet_of(number: u8) -> Sheet {
    let id = Id::from_random([number; 5]);
    Sheet::write(&Asked { id, nonce: Nonce::from_random([number; 16]), ..asked(&load(&text())) }).expect("a sheet")
}

#[test]
fn what_one_person_puts_there_another_finds() {
    let (room, sheet) = (Room::new(), sheet_of(1));
    let (bobs, session) = (approval(&sheet, "bob", 2, 60), id("66666666"));
    assert!(room.at("alice", |desk| desk.keep(&sheet, Paper::Request)).is_empty());
    let bundle = |approvals, used| Bundle { approvals, used, ..Bundle::of(sheet.clone()) };
    assert_eq!(room.found("bob", Wanted::Id(&sheet.asked().id)).bundles, [bundle(vec![], vec![])]);
    // Twice does no harm.
    for _ in 0..2 {
        assert!(room.at("bob", |desk| desk.keep(&sheet, Paper::Approval(&bobs))).is_empty());
    }
    room.at("alice", |desk| desk.keep(&sheet, Paper::Used(&session)));
    for wanted in [Wanted::Beside(&sheet), Wanted::Recent(after(0)), Wanted::All] {
        assert_eq!(room.found("alice", wanted).bundles, [bundle(vec![bobs.clone()], vec![session.clone()])]);
    }
    let long_after = after(10 * 24 * 3600);
    assert_eq!(room.found("alice", Wanted::Recent(long_after)), Papers::default());
    let mode = fs::metadata(room.homes.path().join("alice/requests")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn what_others_have_spoilt_is_passed_over() {
    let (room, sheet) = (Room::new(), sheet_of(1));
    room.at("alice", |desk| desk.keep(&sheet, Paper::Request));
    let folder = room.share().join(papers::folder(sheet.asked().expires));
    let other = Paper::Request.name(&sheet_of(2));
    let other = other.rsplit('/').next().expect("a name");
    fs::write(folder.join(".0123abcd.request.0.77"), "half").expect("it is ours");
    fs::write(folder.join(other), &sheet_of(2).line()[..100]).expect("it is ours");
    fs::write(folder.join("notes.txt"), "x").expect("it is ours");
    fs::write(folder.join(other.replace("request", "approval")), vec![b'x'; 1024 * 1024]).expect("it is ours");
    symlink("/dev/zero", folder.join(other.replace("request", "proof"))).expect("a link");
    symlink("..", folder.join("loop")).expect("a link");
    fs::create_dir_all(folder.join(format!("{other}/deeper"))).expect_err("it is a file");
    let papers = room.found("bob", Wanted::All);
    assert_eq!(papers.bundles.iter().map(|bundle| &bundle.sheet).collect::<Vec<_>>(), [&sheet]);
    assert_eq!(papers.passed_over, 3);
}

#[test]
fn a_store_that_is_gone_or_cannot_be_written_is_told_and_ones_own_folder_goes_on() {
    let (room, sheet) = (Room::new(), sheet_of(1));
    // Somebody else's file stands where the folder would be: not even root can write below it.
    fs::write(room.share().join(papers::FOLDER), "x").expect("it is ours");
    let troubles = room.at("alice", |desk| desk.keep(&sheet, Paper::Request));
    let [trouble] = troubles.as_slice() else { panic!("{troubles:?}") };
    assert!(trouble.to_string().starts_with(&format!("{} is left out: cannot make ", room.share().display())));
    fs::remove_dir_all(room.share()).expect("it is ours");
    let found = room.at("alice", |desk| desk.look(Wanted::All));
    assert_eq!((found.papers.bundles.len(), found.troubles.len()), (1, 1));
    fs::create_dir(room.share()).expect("it is mounted again");
}

#[test]
fn a_name_that_somebody_has_taken_is_told() {
    let (room, sheet) = (Room::new(), sheet_of(1));
    let squatted = room.share().join(Paper::Request.name(&sheet));
    fs::create_dir_all(squatted.parent().expect("a folder")).expect("it is ours");
    fs::write(&squatted, "mine").expect("it is ours");
    let troubles = room.at("alice", |desk| desk.keep(&sheet, Paper::Request));
    assert!(matches!(troubles.as_slice(), [Trouble { why: ArchiveError::Taken, .. }]), "{troubles:?}");
}

#[test]
fn the_store_cannot_take_a_request_for_another() {
    let (room, sheet) = (Room::new(), sheet_of(1));
    room.at("alice", |desk| desk.keep(&sheet, Paper::Request));
    let twin = Sheet::write(&Asked { duration: 1800, ..sheet.asked().clone() }).expect("a sheet");
    fs::write(room.share().join(Paper::Request.name(&twin)), twin.line()).expect("it is ours");
    let papers = room.found("alice", Wanted::Id(&sheet.asked().id));
    assert_eq!((papers.bundles.len(), papers.twins.len()), (0, 1));
}
