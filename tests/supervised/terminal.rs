//! A session on a terminal: its size, its bytes, and how it is left.

use crate::support::{Practice, Pty, tool};

#[test]
fn the_size_of_the_terminal_reaches_the_session_also_when_it_changes() {
    let practice = Practice::new();
    let script = "trap 'stty size; exit' WINCH; stty size; while :; do sleep 0.1; done";
    let mut terminal = practice.assume_on_terminal(&["--", "/bin/sh", "-c", script]);
    terminal.expect("24 80");
    terminal.resize(40, 132);
    terminal.expect("40 132");
    assert_eq!(terminal.wait().0, 0);
}

#[test]
fn every_byte_comes_through_in_both_directions() {
    let practice = Practice::new();
    let script = "
import os, sys, termios, tty
tty.setraw(0)
os.write(1, b'ready')
got = b''
while len(got) < 255: got += os.read(0, 255)
os.write(1, b'same' if got == bytes(range(1, 256)) else repr(got).encode())
os.write(1, 1000 * bytes(range(128, 256)))
";
    let python = tool("python3");
    let mut terminal = practice.assume_on_terminal(&["--", python.to_str().unwrap(), "-c", script]);
    terminal.expect("ready");
    terminal.send_bytes(&(1..=255).collect::<Vec<u8>>());
    terminal.expect("same");
    let (code, shown) = terminal.wait_bytes();
    assert_eq!(code, 0);
    let whole: Vec<u8> = (128..=255).collect();
    let count = shown.windows(128).filter(|window| *window == whole).count();
    assert_eq!(count, 1000);
}

/// Runs a script of `sh` in a session on a terminal, between two looks at the terminal's settings.
fn on_a_terminal(practice: &Practice, inner: &str) -> Pty {
    let settings = "stty -a | tr ';' '\\n' | grep -E 'echo|icanon|isig|opost'";
    let line = format!("{settings} >before; \"$@\"; echo ended $?; {settings} >after");
    let mut words = vec!["-c", line.as_str(), "sh", env!("CARGO_BIN_EXE_glass")];
    words.extend(practice.words(&["--", "/bin/sh", "-c", inner]));
    practice.home.terminal("/bin/sh", &words)
}

#[test]
fn a_terminal_is_as_it_was_when_the_supervisor_was_killed_or_told_to_end() {
    for (inner, ended) in [
        ("stty raw -echo; kill -KILL $PPID; sleep 1000", "ended 124"),
        ("stty raw -echo; kill -ABRT $PPID; sleep 1000", "ended 124"),
        ("stty raw -echo; kill -TERM $PPID; sleep 1000", "ended 143"),
    ] {
        let practice = Practice::new();
        let mut terminal = on_a_terminal(&practice, inner);
        terminal.expect(ended);
        terminal.wait();
        assert_eq!(practice.home.read("before"), practice.home.read("after"));
        practice.home.glass(&["audit", "verify"]).exits(0);
    }
}

/// Memory stays what it was, nothing is lost, and the terminal is as it was.
#[test]
fn two_hundred_megabytes_come_through_in_bounded_memory() {
    const FLOOD: usize = 200_000_000;
    let practice = Practice::new();
    let inner = format!("echo re\"\"ady; head -c {FLOOD} /dev/zero | tr \"\\\\0\" x; grep VmHWM: /proc/$PPID/status");
    let mut terminal = on_a_terminal(&practice, &inner);
    terminal.expect("ready\r\n");
    terminal.skip(FLOOD);
    terminal.expect("VmHWM:");
    let peak: u32 = terminal.expect("kB").trim().parse().unwrap();
    assert!(peak < 40_000, "{peak} kB");
    terminal.expect("ended 0");
    terminal.wait();
    assert_eq!(practice.home.read("before"), practice.home.read("after"));
}

#[test]
fn an_editor_has_the_whole_terminal() {
    let practice = Practice::new();
    let editor = tool("vim.tiny");
    let words = ["--", editor.to_str().unwrap(), "-u", "NONE", "written"];
    let mut terminal = practice.assume_on_terminal(&words);
    terminal.expect("\x1b[?1049h");
    terminal.resize(30, 100);
    terminal.send("ione two\x1bbcwthree\x1b");
    terminal.send(":wq\r");
    terminal.expect("\x1b[?1049l");
    assert_eq!(terminal.wait().0, 0);
    assert_eq!(practice.home.read("written"), "one three\n");
}

#[test]
fn what_a_full_screen_program_that_was_ended_left_on_is_switched_off() {
    let practice = Practice::new();
    let script = "printf '\\033[?1049hdrawn'; kill -TERM $PPID; sleep 1000";
    let mut terminal = practice.assume_on_terminal(&["--", "/bin/sh", "-c", script]);
    terminal.expect("drawn");
    terminal.expect("\u{1b}[?1047l");
    assert_eq!(terminal.wait().0, 143);
    let terminal = practice.assume_on_terminal(&["--", "/bin/echo", "done"]);
    let (code, shown) = terminal.wait();
    assert!(code == 0 && !shown.contains("\u{1b}[?1047l"), "{shown:?}");
}
