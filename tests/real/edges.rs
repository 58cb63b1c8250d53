//! Bad input that a case file cannot lay out: open ends, links, a megabyte, a session within a session.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use crate::support::{Home, Practice};

const CATALOGUE: &str = ".config/glass/profiles.toml";
const ACME: &str = include_str!("../cases/files/acme.toml");

/// A home with the catalogue and the identity of the case files.
fn acme() -> Home {
    let home = Home::new();
    home.write(CATALOGUE, ACME);
    home.write(".config/glass/identity.toml", include_str!("../cases/files/alice.toml"));
    home
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let home = acme();
    for args in [["show", "prod-db-emergency"], ["audit", "show"], ["--help", "--"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = home.command(env!("CARGO_BIN_EXE_glass"));
        let mut child = command.args(args).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        drop(command);
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(child.wait().unwrap().success(), "{args:?}: {said}");
    }
}

#[test]
fn an_output_that_is_full_is_a_failure() {
    let home = acme();
    let mut command = home.command(env!("CARGO_BIN_EXE_glass"));
    let full = File::options().write(true).open("/dev/full").unwrap();
    let outcome = command.args(["show", "prod-db-emergency"]).stdout(full).output().unwrap();
    assert_eq!(outcome.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&outcome.stderr).starts_with("glass: stdout cannot be written"));
}

#[test]
fn a_catalogue_of_a_megabyte_is_read_and_one_of_more_is_refused() {
    let home = acme();
    let filler = "# so that nobody forgets\n";
    let most = (1024 * 1024 - ACME.len()) / filler.len();
    home.write(CATALOGUE, &format!("{ACME}{}", filler.repeat(most)));
    home.glass(&["list"]).exits(0);
    home.write(CATALOGUE, &format!("{ACME}{}", filler.repeat(most + 1)));
    let outcome = home.glass(&["list"]).exits(2);
    assert!(outcome.stderr.contains("1048576"), "{}", outcome.stderr);
    home.write(CATALOGUE, &"[".repeat(1024 * 1024));
    let outcome = home.glass(&["list"]).exits(2);
    assert!(outcome.stderr.len() < 16 * 1024, "{} bytes of talk", outcome.stderr.len());
}

#[test]
fn a_catalogue_that_is_a_link_is_refused() {
    let home = acme();
    fs::rename(home.path(CATALOGUE), home.path("elsewhere.toml")).unwrap();
    symlink(home.path("elsewhere.toml"), home.path(CATALOGUE)).unwrap();
    let outcome = home.glass(&["list"]).exits(2);
    assert!(outcome.stderr.contains("link"), "{}", outcome.stderr);
}

#[test]
fn a_session_within_a_session_is_refused_and_a_stale_one_does_not_count() {
    let practice = Practice::new();
    let glass = env!("CARGO_BIN_EXE_glass");
    let inner = practice.words(&["--", "/bin/echo", "twice"]);
    let outcome = practice.assume(&[&["--", glass], inner.as_slice()].concat()).exits(3);
    assert_eq!(outcome.stdout, "");
    assert!(outcome.stderr.contains("is refused") && outcome.stderr.contains("hint: leave this shell"), "{outcome:?}");
    assert_eq!(practice.told("elevate.refused").len(), 1);
    let session = practice.entries().iter().find(|entry| entry["ev"] == "session.start").unwrap()["session"].clone();
    // The code is used up for this half minute: another person's night.
    let practice = Practice::new().with("GLASS_SESSION", session.as_str().unwrap());
    practice.assume(&["--", "/bin/true"]).exits(0);
}

#[test]
fn a_confirm_program_that_hangs_is_killed_and_confirms_nothing() {
    let home = acme();
    let form = "incident = \"INC-[0-9]{1,8}\"";
    let confirm = format!("{form}\nconfirm = [\"/bin/sh\", \"-c\", \"sleep 60 & echo $$ >pid; wait\"]");
    home.write(CATALOGUE, &ACME.replacen(form, &confirm, 1));
    let words = ["assume", "prod-db-emergency", "--incident", "INC-1", "--reason", "nobody confirms this one"];
    let outcome = home.glass(&words).exits(3);
    assert!(outcome.stderr.contains("did not end within 10 s"), "{}", outcome.stderr);
    let pid = home.read("pid");
    assert!(!fs::exists(format!("/proc/{}", pid.trim())).unwrap(), "it is dead");
}

/// The session was given and is in the ledger, so its end must be too, although nobody got it.
#[test]
fn a_session_that_cannot_be_marked_as_alive_is_ended_in_the_ledger() {
    let practice = Practice::new();
    let run = practice.ledger().with_file_name("run");
    fs::create_dir_all(run.parent().unwrap()).unwrap();
    fs::write(&run, "no folder").unwrap();
    let outcome = practice.assume(&["--", "/bin/echo", "elevated"]).exits(1);
    assert_eq!(outcome.stdout, "");
    assert!(outcome.stderr.contains("cannot be marked as alive"), "{}", outcome.stderr);
    assert_eq!(practice.told("elevate.ok").len(), 1);
    assert_eq!(practice.told("session.end")[0]["cause"], "lost");
}

#[test]
fn a_program_that_is_not_there_costs_no_code() {
    let practice = Practice::new();
    practice.assume(&["--", "no-such-program"]).exits(127);
    practice.assume(&["--", "/etc/passwd"]).exits(126);
    practice.with("SHELL", "/no/such/shell").assume(&[]).exits(127);
    let practice = Practice::new();
    practice.assume(&["--", "/"]).exits(126);
    assert!(practice.told("elevate.intent").is_empty());
}

#[test]
fn what_is_run_within_a_session_is_told_as_part_of_it() {
    let practice = Practice::new();
    practice.assume(&["--", env!("CARGO_BIN_EXE_glass"), "list"]).exits(0);
    let entries = practice.entries();
    let session = &entries.iter().find(|entry| entry["ev"] == "session.start").unwrap()["session"];
    let ran = entries.iter().filter(|entry| entry["d"]["args"][0] == "list" || entry["d"]["command"] == "list");
    assert_eq!(ran.map(|entry| &entry["session"]).collect::<Vec<_>>(), [session]);
    let own = entries.iter().find(|entry| entry["d"]["command"] == "assume").unwrap();
    assert_eq!(own["session"], "");
}

#[test]
fn a_hook_that_cannot_ask_names_all_that_is_missing() {
    let practice = Practice::new().unrecorded();
    let outcome = practice.home.glass(&["credential-process", "prod-db-emergency"]).exits(2);
    assert_eq!(
        outcome.stderr.trim_end(),
        "glass: --incident, --reason are missing, and there is no terminal to ask on (give --incident, --reason or run it in a terminal)"
    );
}
