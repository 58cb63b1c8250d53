//! Recordings of real sessions: what is in them, what is not, and what becomes of a session that cannot be recorded.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use glass::model::name::Digest;
use serde_json::{Value, json};

use crate::support::{Outcome, Practice, Pty, tool};

/// The length of the pieces of a secret that must not be left anywhere.
const PIECE: usize = 12;

fn folder(practice: &Practice) -> PathBuf {
    practice.ledger().parent().unwrap().join("recordings")
}

/// The one recording.
fn path(practice: &Practice) -> PathBuf {
    let files: Vec<_> = fs::read_dir(folder(practice)).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

/// The events of the one recording.
fn events(practice: &Practice) -> Vec<Value> {
    let text = fs::read_to_string(path(practice)).unwrap();
    text.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// All text of the events of one kind.
fn text(practice: &Practice, kind: &str) -> String {
    let events = events(practice).into_iter().filter(|event| event[1] == kind);
    events.map(|event| event[2].as_str().unwrap().to_owned()).collect()
}

/// Checks the chunks of the one recording against its bytes; how many bytes they cover.
#[track_caller]
fn covered(practice: &Practice) -> usize {
    let bytes = fs::read(path(practice)).unwrap();
    let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let mut at = 0;
    for chunk in practice.told("recording.chunk") {
        let content = &bytes[at..at + number(&chunk["bytes"])];
        assert_eq!(number(&chunk["from"]), at);
        assert_eq!(chunk["sha256"], Digest::of(content).to_string());
        assert!(content.len() <= 64 * 1024 && content.ends_with(b"\n"));
        at += content.len();
    }
    at
}

/// Checks that the one recording is whole, and that the ledger says so before it says that the session is over.
#[track_caller]
fn is_whole(practice: &Practice) {
    let bytes = fs::read(path(practice)).unwrap();
    assert_eq!(covered(practice), bytes.len());
    let end = &practice.told("recording.end")[0];
    assert_eq!((&end["bytes"], &end["sha256"]), (&json!(bytes.len()), &json!(Digest::of(&bytes).to_string())));
    let ends: Vec<_> = practice.entries().iter().map(|entry| entry["ev"].clone()).collect();
    assert!(
        ends.ends_with(
            &["recording.end", "session.end", "ledger.key", "ledger.checkpoint", "run.end"].map(|name| json!(name))
        ),
        "{ends:?}"
    );
}

/// A session's shell on a terminal.
fn shell(practice: Practice) -> (Practice, Pty) {
    let practice = practice.with("SHELL", "/bin/sh").with("PS1", "elevated> ");
    let mut terminal = practice.assume_on_terminal(&[]);
    terminal.expect("elevated> ");
    (practice, terminal)
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() && !path.is_symlink() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn what_the_terminal_showed_is_recorded_and_asciinema_plays_it() {
    let (practice, mut terminal) = shell(Practice::new());
    terminal.send("printf '\\303\\251 \\033[1mbold\\033[0m \\377\\n'\r");
    terminal.expect("bold");
    terminal.resize(40, 120);
    terminal.send("until stty size | grep '40 120'; do :; done; exit 9\r");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 9);
    is_whole(&practice);
    let recorded = text(&practice, "o");
    assert!(shown.ends_with(&recorded), "{shown}\n---\n{recorded}");
    assert!(recorded.contains("\u{e9} \u{1b}[1mbold\u{1b}[0m \u{fffd}\r\n"), "{recorded}");
    assert!(events(&practice).iter().any(|event| event[1] == "r" && event[2] == "120x40"));
    assert_eq!(text(&practice, "i"), "");
    let header: Value =
        serde_json::from_str(fs::read_to_string(path(&practice)).unwrap().lines().next().unwrap()).unwrap();
    assert_eq!((&header["version"], &header["width"], &header["height"]), (&json!(2), &json!(80), &json!(24)));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path(&practice)), mode(&folder(&practice))), (0o600, 0o700));
    let played = practice.home.terminal(tool("asciinema"), &["cat", path(&practice).to_str().unwrap()]);
    assert_eq!(played.wait(), (0, recorded));
}

#[test]
fn a_session_that_shows_its_credentials_leaves_no_piece_of_them_behind() {
    let (practice, mut terminal) = shell(Practice::new().edited(
        "profiles.toml",
        "summary = \"Write access to the orders database\"",
        "summary = \"Write access\"\nrecord_input = true",
    ));
    terminal.send("env | grep ^AWS_; echo =\r");
    terminal.expect("env");
    let env = terminal.expect("\n=");
    let value =
        |name: &str| env.split(&format!("{name}=")).nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let [id, key, token] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].map(value);
    for line in [
        "printf %s \"$AWS_SESSION_TOKEN$AWS_SECRET_ACCESS_KEY\" | dd bs=1 status=none",
        "printf %s \"$AWS_SESSION_TOKEN\" | fold -w 60",
        "echo ${AWS_SECRET_ACCESS_KEY#?} $AWS_ACCESS_KEY_ID | tee copy >&2; rm copy",
        "jq -rn 'env.AWS_SESSION_TOKEN | @uri, @json'",
        "sh -c \"$AWS_SESSION_TOKEN\"",
        &format!(": typed {key} and {token}"),
    ] {
        terminal.send(&format!("{line}; echo; echo =\r"));
        terminal.expect("\n=");
    }
    terminal.send("exit\r");
    assert_eq!(terminal.wait().0, 0);
    is_whole(&practice);
    assert!(text(&practice, "i").contains(": typed ****") && text(&practice, "o").contains("AWS_SESSION_TOKEN=****"));
    let pieces: HashSet<&[u8]> =
        [&id, &key, &token].into_iter().flat_map(|value| value.as_bytes().windows(PIECE)).collect();
    for file in files(&practice.home.path("")).into_iter().filter(|file| file.is_file()) {
        let mut bytes = fs::read(&file).unwrap();
        if file.starts_with(practice.ledger()) {
            // The id of a key is no secret, and is in the ledger so that CloudTrail can be held against it.
            bytes = String::from_utf8_lossy(&bytes).replace(&format!("{{\"access_key_id\":\"{id}\""), "").into_bytes();
        }
        let found = bytes.windows(PIECE).find(|window| pieces.contains(window));
        assert_eq!(found, None, "{}", file.display());
    }
}

#[test]
fn what_is_typed_is_recorded_where_the_profile_says_so_but_for_hidden_answers() {
    let (practice, mut terminal) = shell(Practice::new().edited(
        "profiles.toml",
        "summary = \"Write access to the orders database\"",
        "summary = \"Write access\"\nrecord_input = true",
    ));
    terminal.send("stty -echo; printf 'Password: '; read answer; stty echo; echo \"got ${#answer}\"\r");
    terminal.expect("\nPassword: ");
    terminal.send("hunter2\r");
    terminal.expect("got 7");
    terminal.send("exit\r");
    assert_eq!(terminal.wait().0, 0);
    let typed = text(&practice, "i");
    assert!(typed.starts_with("stty -echo;") && typed.ends_with("\rexit\r"), "{typed:?}");
    assert!(!fs::read_to_string(path(&practice)).unwrap().contains("hunter2"));
}

/// Runs a command line of bash with a session in place of `GLASS`, in a folder with a file `input`: how it ended,
/// and what was recorded as shown.
fn script(line: &str, input: &str) -> (Practice, Outcome, String) {
    let practice = Practice::new();
    fs::write(practice.home.path("input"), input).unwrap();
    let words = "\"$0\" assume prod-db-emergency --incident INC-4711 --reason 'orders database lost its writer' --";
    let mut command = practice.home.command("/bin/bash");
    command.args(["-c", &line.replace("GLASS", words), env!("CARGO_BIN_EXE_glass")]);
    let outcome = Outcome::of(&mut command, "");
    is_whole(&practice);
    let recorded = text(&practice, "o");
    (practice, outcome, recorded)
}

#[test]
fn a_script_gets_every_byte_and_they_are_recorded() {
    let input: String = (0..200_000).map(|number| format!("{number}\r\n\u{e9}")).collect();
    let (practice, outcome, recorded) = script("GLASS cat <input >output", &input);
    assert_eq!(outcome.code, 0);
    assert!(fs::read_to_string(practice.home.path("output")).unwrap() == input);
    assert!(recorded == input.replace('\n', "\r\n"));
}

#[test]
fn a_slow_reader_of_a_session_gets_every_byte() {
    let input: String = (0..60_000).map(|number| format!("{number}\n")).collect();
    let (_, outcome, recorded) = script("GLASS cat input | dd bs=7 status=none | cmp - input", &input);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""));
    assert!(recorded == input.replace('\n', "\r\n"));
}

#[test]
fn a_session_whose_reader_has_gone_dies_of_it_as_without_glass() {
    let (_, outcome, _) = script("GLASS yes | head -n 1; echo ${PIPESTATUS[0]}", "");
    assert_eq!(outcome.stdout, "y\n141\n");
}

#[test]
fn what_goes_to_the_same_place_keeps_its_order() {
    let both = "GLASS sh -c 'while read n; do echo $n; echo $n >&2; done <input; exit 3' >both 2>&1";
    let (practice, outcome, recorded) = script(both, "1\n2\n3\n4\n5\n");
    assert_eq!(outcome.code, 3);
    let expected = "1\n1\n2\n2\n3\n3\n4\n4\n5\n5\n";
    assert!(practice.home.read("both").ends_with(expected));
    assert_eq!(recorded, expected.replace('\n', "\r\n"));
}

#[test]
fn what_a_part_of_a_pipeline_shows_on_the_terminal_is_recorded_too() {
    let practice = Practice::new();
    let session = "sh -c 'read x; echo read $x; echo wrong >&2; test -t 0 && echo a terminal'";
    let words = "assume prod-db-emergency --incident INC-4711 --reason 'orders database lost its writer'";
    let line = format!("\"$0\" {words} -- {session} | sed s/^/piped:/");
    let mut terminal = practice.home.terminal("/bin/sh", &["-c", &line, env!("CARGO_BIN_EXE_glass")]);
    terminal.expect("for 15 min");
    terminal.send("it\r");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
    for expected in ["\npiped:read it\r\n", "\nwrong\r\n", "\npiped:a terminal\r\n"] {
        assert!(shown.contains(expected), "{shown}");
    }
    is_whole(&practice);
    let recorded = text(&practice, "o");
    assert!(recorded.contains("read it\r\n") && recorded.contains("wrong\r\n"), "{recorded}");
}

/// `glass assume` in a mount namespace of its own, after this command line of `sh` with the folder of the recordings as `$1`.
fn with_mounts(practice: &Practice, mount: &str, words: &[&str]) -> Command {
    fs::create_dir_all(folder(practice)).unwrap();
    let mut command = practice.home.command(tool("unshare"));
    let line = format!("{mount} && shift && exec \"$@\"");
    command.args(["--map-root-user", "--mount", "/bin/sh", "-c", &line, "sh"]).arg(folder(practice));
    command.arg(env!("CARGO_BIN_EXE_glass")).args(practice.words(words));
    command
}

const FULL_SOON: &str = "mount -t tmpfs -o size=64k,mode=0700 none \"$1\"";

#[test]
fn where_no_recording_can_be_made_nothing_is_asked_of_aws() {
    let practice = Practice::new();
    let read_only = format!("{FULL_SOON} && mount -o remount,ro \"$1\"");
    let outcome = Outcome::of(&mut with_mounts(&practice, &read_only, &["--", "/bin/echo", "elevated"]), "").exits(4);
    assert!(outcome.stdout.is_empty() && outcome.stderr.contains("cannot make the recording"), "{outcome:?}");
    assert_eq!(practice.told("elevate.fail")[0]["code"], "NotRecorded");
    assert!(practice.told("elevate.intent").is_empty());
    // Its beginning has no room: the credentials are there, and nobody gets them.
    let full = format!("{FULL_SOON} && ! head -c 1M /dev/zero 2>/dev/null >\"$1/filler\"");
    let outcome = Outcome::of(&mut with_mounts(&practice, &full, &["--", "/bin/echo", "elevated"]), "").exits(4);
    assert!(outcome.stdout.is_empty() && outcome.stderr.contains("cannot write to the recording"), "{outcome:?}");
    assert!(practice.told("session.start").is_empty());
    assert_eq!(practice.told("session.end")[0]["cause"], "lost");
}

#[test]
fn a_session_whose_recording_has_no_more_room_is_ended() {
    let practice = Practice::new();
    let words = ["--", "/bin/sh", "-c", "yes | head -c 300000; echo went on >proof; sleep 60"];
    let outcome = Outcome::of(&mut with_mounts(&practice, FULL_SOON, &words), "").exits(4);
    assert!(outcome.stderr.contains("cannot write to the recording"), "{outcome:?}");
    assert_eq!(practice.told("loss"), [json!({"what": "recording", "count": 1})]);
    let end = &practice.told("session.end")[0];
    assert_eq!((&end["cause"], &end["code"]), (&json!("end"), &json!(4)));
    assert!(practice.told("recording.end").is_empty());
}

#[test]
fn a_session_whose_recording_is_taken_away_or_changed_is_ended() {
    for change in ["rm \"$r\"", "mv \"$r\" \"$r.old\"", "echo x >>\"$r\"", ": >\"$r\""] {
        let practice = Practice::new();
        let script =
            format!("r=$(echo {}/*.cast); {change}; yes | head -c 300000; sleep 60", folder(&practice).display());
        let outcome = practice.assume(&["--", "/bin/sh", "-c", &script]).exits(4);
        assert!(outcome.stderr.contains("cannot go on with the recording"), "{change}: {outcome:?}");
        assert_eq!(practice.told("session.end")[0]["cause"], "end", "{change}");
    }
}

#[test]
fn after_a_kill_the_recording_is_whole_but_for_its_last_line_and_its_chunks_are_true() {
    let practice = Practice::new();
    let outcome = practice.assume(&["--", "/bin/sh", "-c", "yes | head -c 3000000; kill -KILL $PPID; sleep 60"]);
    assert_eq!(outcome.code, 124);
    let bytes = fs::read(path(&practice)).unwrap();
    let covered = covered(&practice);
    assert!(covered > 2_000_000 && covered <= bytes.len(), "{covered} of {}", bytes.len());
    let lines: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let whole = lines.iter().filter(|line| serde_json::from_slice::<Value>(line).is_ok()).count();
    assert!(whole + 1 >= lines.len(), "{whole} of {}", lines.len());
}
