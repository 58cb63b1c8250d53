//! Recordings shown on a real terminal, and what is left of the terminal afterwards.

use std::fs;
use std::time::Duration;

use crate::support::{Home, Practice, Pty};

/// What the terminal's driver is set to, as `stty` tells it.
const SETTINGS: &str = "stty -a | tr ';' '\\n' | grep -E 'echo|icanon|isig|intr'";

const HEADER: &str = "{\"version\":2,\"width\":80,\"height\":24}\n";

fn recorded(events: &str) -> Home {
    let home = Home::new();
    home.write(".local/state/glass/recordings/0a1b2c3d.cast", &format!("{HEADER}{events}"));
    home
}

/// Replays at the shell, which says what the driver was set to before and after.
fn replay(home: &Home, args: &str) -> Pty {
    let line =
        format!("trap : INT; {SETTINGS} >before; \"$0\" replay 0a1b2c3d {args}; echo ended $?; {SETTINGS} >after");
    home.terminal("/bin/sh", &["-c", &line, env!("CARGO_BIN_EXE_glass")])
}

/// Waits for the end of it; all that was shown.
#[track_caller]
fn shown(home: &Home, terminal: Pty) -> String {
    let (_, shown) = terminal.wait();
    assert_eq!(home.read("before"), home.read("after"), "{shown}");
    shown
}

#[test]
fn a_recording_is_shown_as_a_picture_and_no_more() {
    let home = recorded(
        "[0.0,\"o\",\"\\u001b[1;31mred\\u001b[0m\\u001b]52;c;ZXZpbA==\\u0007 \\u001b[6n\\u001b[c\\u001b[21t\\u0005\"]\n\
         [0.1,\"o\",\"\\u001b]0;ti\"]\n[0.2,\"o\",\"tle\\u0007\\u001bP$qm\\u001b\\\\\\u001b[?1000;25h\\u001b[?2004hend\\n\"]\n",
    );
    let terminal = replay(&home, "");
    let shown = shown(&home, terminal);
    let picture = "\u{1b}[1;31mred\u{1b}[0m \u{1b}[?25hend\n\u{f}";
    assert!(shown.contains(picture), "{shown:?}");
    assert!(shown.contains("glass: end of the replay of 0a1b2c3d\r\nended 0\r\n"), "{shown:?}");
    for hostile in ["52;c", "\u{1b}[6n", "\u{1b}[c", "21t", "\u{5}", "\u{1b}P", "1000", "2004", "title"] {
        assert!(!shown.contains(hostile), "{hostile:?} in {shown:?}");
    }
}

#[test]
fn ctrl_c_ends_a_replay_at_once_and_the_terminal_is_as_it_was() {
    let home = recorded("[0,\"o\",\"\\u001b[?1049h\\u001b[?25l\\u001b[7mfull screen\"]\n[3000,\"o\",\"never\"]\n");
    let mut terminal = replay(&home, "");
    terminal.expect("full screen");
    terminal.send("\x03");
    let before = terminal.expect("ended 0");
    assert!(before.starts_with("\u{1b}[?1049l") && before.contains("\u{1b}[0m"), "{before:?}");
    assert!(before.contains("\u{1b}[?7;25h"), "{before:?}");
    assert!(!shown(&home, terminal).contains("never"));
}

#[test]
fn a_recording_that_is_malformed_is_shown_up_to_there() {
    let home = recorded("[0,\"o\",\"\\u001b[?1049hgood\"]\n[0,\"o\"]\n[0,\"o\",\"never\"]\n");
    let mut terminal = replay(&home, "");
    terminal.expect("good\u{1b}[?1049l");
    terminal.expect("line 3 of the recording is malformed");
    terminal.expect("ended 1");
    assert!(!shown(&home, terminal).contains("never"));
}

#[test]
fn the_space_bar_stops_a_replay_and_goes_on() {
    let home = recorded("[0,\"o\",\"one\"]\n[3,\"o\",\"two\"]\n");
    let mut terminal = replay(&home, "");
    terminal.expect("one");
    terminal.send(" ");
    assert!(terminal.is_quiet_for(Duration::from_millis(3200)), "{}", terminal.text());
    terminal.send(" ");
    terminal.expect("two");
    shown(&home, terminal);
}

#[test]
fn what_comes_before_the_part_that_is_wanted_is_shown_at_once() {
    let home = recorded(
        "[0,\"o\",\"a\"]\n[1000,\"m\",\"make\"]\n[1000,\"o\",\"b\"]\n[1002,\"o\",\"c\"]\n[2000,\"m\",\"rm\"]\n[2000,\"o\",\"d\"]\n",
    );
    let mut terminal = replay(&home, "--from make --until '#2' --speed 100");
    terminal.expect("abc\u{f}");
    terminal.expect("ended 0");
    let terminal = replay(&home, "--from nowhere");
    let shown = shown(&home, terminal);
    assert!(shown.contains(" no marker of the recording contains `nowhere`\r\nended 2"), "{shown}");
}

/// What glass records it can show, and the ledger has the hashes of it.
#[test]
fn a_session_that_was_recorded_is_replayed_and_verified() {
    let practice = Practice::new();
    practice.assume(&["--", "/bin/sh", "-c", "echo seen; env | grep AWS_SECRET | base64"]).exits(0);
    let session =
        practice.entries().into_iter().find(|entry| entry["ev"] == "recording.end").unwrap()["session"].clone();
    let session = session.as_str().unwrap();
    let text = practice.home.glass(&["replay", session, "--text"]).exits(0).stdout;
    assert!(text.starts_with("seen\n") && text.contains("************"), "{text}");
    let verify = || practice.home.glass(&["audit", "verify", "--json"]);
    assert_eq!(verify().exits(0).json()["recordings"][0]["state"], "verified");
    let path = practice.file(&format!("state/glass/recordings/{session}.cast"));
    let changed = fs::read_to_string(&path).unwrap().replace("seen", "SEEN");
    fs::write(&path, changed).unwrap();
    assert_eq!(verify().exits(4).json()["recordings"][0]["first_bad"]["chunk"], 1);
}
