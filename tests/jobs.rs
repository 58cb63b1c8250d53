//! Job control: a session in a shell's foreground, in its background, on its way between, and where there is no
//! shell that could do any of it.

use std::fs;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{DEADLINE, Practice, Pty, ends_within, tool, until};

/// An interactive bash in which `$glass` is the program.
fn bash(practice: Practice) -> (Practice, Pty) {
    let practice = practice.with("PS1", "daily> ").with("glass", env!("CARGO_BIN_EXE_glass"));
    let mut terminal = practice.home.terminal("/bin/bash", &["--norc", "--noprofile"]);
    terminal.expect("daily> ");
    (practice, terminal)
}

/// The line of a shell that runs a script of `sh` in a session.
fn line(practice: &Practice, script: &str) -> String {
    let words: Vec<_> = practice.words(&["--", "/bin/sh", "-c"]).iter().map(|word| format!("'{word}'")).collect();
    format!("$glass {} '{script}'", words.join(" "))
}

#[test]
fn ctrl_z_stops_nothing_that_nobody_could_continue() {
    let practice = Practice::new();
    let script = "echo ready; read x; echo got-$x";
    let mut terminal = practice.assume_on_terminal(&["--", "/bin/sh", "-c", script]);
    terminal.expect("ready");
    terminal.send("\x1a");
    terminal.expect("^Z");
    terminal.send("on\r");
    terminal.expect("got-on");
    assert_eq!(terminal.wait().0, 0);
}

#[test]
fn a_session_goes_on_in_the_background_and_comes_back() {
    let (practice, mut terminal) = bash(Practice::new());
    let script = "echo re\"\"ady; until test -e go; do :; done; echo went \"\"on; read x; echo got-$x";
    terminal.send(&format!("{}\r", line(&practice, script)));
    terminal.expect("ready");
    terminal.send("\x1a");
    terminal.expect("Stopped");
    terminal.expect("daily> ");
    terminal.send("bg\r");
    terminal.expect("daily> ");
    terminal.send("touch go\r");
    terminal.expect("went on");
    // bash sends no SIGCONT to a job that runs.
    terminal.send("fg\r");
    terminal.expect("assume");
    terminal.send("typed\r");
    terminal.expect("got-typed");
    terminal.expect("daily> ");
    terminal.send("exit\r");
    assert_eq!(terminal.wait().0, 0);
}

#[test]
fn a_session_that_is_begun_in_the_background_stops_when_it_reads_and_comes_to_the_front() {
    let (practice, mut terminal) = bash(Practice::new());
    terminal.send(&format!("{} &\r", line(&practice, "read x; echo got-$x")));
    terminal.expect("daily> ");
    terminal.send("wait\r");
    terminal.expect("Stopped");
    terminal.expect("daily> ");
    terminal.send("fg\r");
    terminal.expect("assume");
    terminal.send("typed\r");
    terminal.expect("got-typed");
    terminal.expect("daily> ");
    terminal.send("exit\r");
    assert_eq!(terminal.wait().0, 0);
}

#[test]
fn a_command_with_piped_input_can_ask_on_the_terminal() {
    let (practice, mut terminal) = bash(Practice::new());
    let script = "read a; echo re\"\"ady; read b </dev/tty; echo $a-$b";
    terminal.send(&format!("echo piped | {}\r", line(&practice, script)));
    terminal.expect("ready");
    terminal.send("typed\r");
    terminal.expect("piped-typed");
    terminal.expect("daily> ");
    terminal.send("exit\r");
    assert_eq!(terminal.wait().0, 0);
}

#[test]
fn a_session_that_ends_in_the_background_leaves_the_terminal_to_who_has_it() {
    let (practice, mut terminal) = bash(Practice::new());
    let script = "echo re\"\"ady >&2; until test -e go; do :; done";
    terminal.send(&format!("{} | cat\r", line(&practice, script)));
    terminal.expect("ready");
    terminal.send("\x1a");
    terminal.expect("Stopped");
    terminal.expect("daily> ");
    terminal.send("bg\r");
    terminal.expect("daily> ");
    let ledger = practice.ledger();
    let other = format!(
        "touch go; until grep -q session.end {}/log-*; do :; done; echo as\"\"king; read y; echo got-$y",
        ledger.display()
    );
    terminal.send(&format!("sh -c '{other}'\r"));
    terminal.expect("asking");
    terminal.send("typed\r");
    terminal.expect("got-typed");
    terminal.expect("daily> ");
    terminal.send("exit\r");
    assert_eq!(terminal.wait().0, 0);
}

#[test]
fn nohup_takes_a_session_through_a_hang_up() {
    let practice = Practice::new();
    let home = &practice.home;
    let script = "echo ready >ready; until test -e go; do :; done; echo went on >on";
    let mut command: Command = home.command(tool("nohup"));
    command.arg(env!("CARGO_BIN_EXE_glass")).args(practice.words(&["--", "/bin/sh", "-c", script]));
    let mut glass = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the session begins", || home.path("ready").exists().then_some(()));
    kill_process(Pid::from_child(&glass), Signal::HUP).unwrap();
    fs::write(home.path("go"), "").unwrap();
    assert!(ends_within(&glass, DEADLINE));
    assert_eq!(glass.wait().unwrap().code(), Some(0));
    assert_eq!(home.read("on"), "went on\n");
    assert_eq!(practice.told("session.end")[0]["cause"], "exit");
}

#[test]
fn ctrl_z_and_fg_stop_and_continue_a_session_in_every_shell() {
    let fish = "function fish_prompt; echo 'daily> '; end";
    let shells: [(&str, &[&str], &str); 3] = [
        ("bash", &["--norc", "--noprofile"], "Stopped"),
        ("zsh", &["-f"], "suspended"),
        ("fish", &["--no-config", "--init-command", fish], "has stopped"),
    ];
    for (shell, args, stopped) in shells {
        let practice = Practice::new().with("PS1", "daily> ").with("glass", env!("CARGO_BIN_EXE_glass"));
        let mut terminal = practice.home.terminal(tool(shell), args);
        terminal.expect("daily> ");
        terminal.send(&format!("{}\r", line(&practice, "echo re\"\"ady; read x; echo got-$x")));
        terminal.expect("ready\r\n");
        terminal.send("\x1a");
        terminal.expect(stopped);
        terminal.expect("daily> ");
        terminal.send("fg\r");
        terminal.expect("assume");
        // It may still be on its way back to the front.
        terminal.send("typed\r");
        terminal.expect("got-typed");
        terminal.expect("daily> ");
        terminal.send("exit\r");
        assert_eq!(terminal.wait().0, 0, "{shell}");
    }
}
