//! The note of how far a hook was told: what is wrong with it loses no alarm, and is told.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::support::Home;

use super::program::{scripted, write};
use super::{date_back, ledger, lines_of, refuse, send, told, warned};

/// What is done to a note.
type Damage = fn(&Path);

/// A home with two refusals of which the hook was told of none yet.
fn untold() -> Home {
    let home = scripted("exit 3");
    refuse(&home);
    refuse(&home);
    send(&home).exits(1);
    write(&home, "cat >> \"$HOME/read\"");
    home
}

#[test]
fn a_note_that_says_nothing_loses_no_alarm_and_is_told() {
    let unsaid = "does not say how far it was told";
    let damages: [(&str, Damage); 6] = [
        (unsaid, |note| fs::write(note, "garbage").unwrap()),
        (unsaid, |note| fs::write(note, "").unwrap()),
        (unsaid, |note| fs::write(note, "{\"seq\":4294967295,\"failing\":null}\n").unwrap()),
        ("it has more than 65536 bytes", |note| fs::write(note, " ".repeat(65_537)).unwrap()),
        ("others may read or write it (mode 666): chmod 600", |note| {
            fs::set_permissions(note, Permissions::from_mode(0o666)).unwrap();
        }),
        ("Too many levels of symbolic links", |note| {
            fs::remove_file(note).unwrap();
            symlink("/dev/null", note).unwrap();
        }),
    ];
    for (why, damage) in damages {
        let home = untold();
        damage(&ledger(&home).join("told/pager"));
        let warning = warned(&home);
        // That it is ahead is known only to who reads the ledger.
        assert!(
            warning.contains(why) || (warning == "glass: no session is alive\n" && why.contains("how far")),
            "{why}: {warning}"
        );
        send(&home).exits(0);
        assert_eq!(home.read("read"), lines_of(&home, "elevate.refused").concat(), "{why}");
        let (failed, well) = (told(&home, "hook.failed"), told(&home, "hook.recovered"));
        assert_eq!((failed.len(), well.len()), (2, 1), "{why}: {failed:?} {well:?}");
        assert!(failed[1]["why"].as_str().unwrap().contains(why), "{why}: {failed:?}");
        assert_eq!((&well[0]["tries"], &well[0]["passed_over"]), (&1.into(), &0.into()));
        send(&home).exits(0);
        assert_eq!(home.read("read").lines().count(), 2, "and that is all");
        assert_eq!(warned(&home), "glass: no session is alive\n");
    }
}

/// It goes back as far as anybody is told of anything.
#[test]
fn a_note_that_is_lost_in_part_has_nobody_told_of_what_is_too_old() {
    let home = untold();
    date_back(&home, "2020-01-01");
    fs::write(ledger(&home).join("told/pager"), "{\"seq\":").unwrap();
    send(&home).exits(0);
    assert_eq!([home.read("read")], lines_of(&home, "elevate.refused")[1..]);
    assert_eq!(told(&home, "hook.recovered")[0]["passed_over"], 0);
}

/// What does not say when it was written is told all the same.
#[test]
fn an_entry_without_a_time_is_not_too_old() {
    let home = untold();
    date_back(&home, "2026-02-31");
    send(&home).exits(0);
    assert_eq!(home.read("read"), lines_of(&home, "elevate.refused").concat());
    assert_eq!(told(&home, "hook.recovered")[0]["passed_over"], 0);
}

/// What stands where the note should be, and cannot be replaced, is told by who looks.
#[test]
fn a_note_that_cannot_be_kept_is_a_failure() {
    let home = untold();
    let note = ledger(&home).join("told/pager");
    fs::remove_file(&note).unwrap();
    fs::create_dir(&note).unwrap();
    let sent = send(&home).exits(1);
    assert!(sent.stderr.contains("caused by: cannot write ") && sent.stderr.contains("told/pager"), "{}", sent.stderr);
    assert!(warned(&home).contains("it is no file"));
    fs::remove_dir(&note).unwrap();
}
