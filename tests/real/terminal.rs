//! glass and a person at a real terminal.

use crate::support::{Practice, Pty, WORDS};

/// What the terminal's driver is set to, as `stty` tells it.
const SETTINGS: &str = "stty -a | tr ';' '\\n' | grep -E 'echo|icanon|isig|intr'";

/// Runs a command line of `sh` on a terminal, with `glass` as `$0`.
fn at_the_shell(practice: &Practice, line: &str) -> Pty {
    practice.home.terminal("/bin/sh", &["-c", line, env!("CARGO_BIN_EXE_glass")])
}

#[test]
fn the_code_is_asked_and_hidden_and_the_shell_is_elevated() {
    let practice = Practice::new().asking().with("SHELL", "/bin/sh").with("PS1", "elevated> ");
    let code = practice.code();
    let mut terminal = practice.assume_on_terminal(&[]);
    terminal.expect("code");
    terminal.expect(": ");
    terminal.send(&format!(" {} {}\r", &code[..3], &code[3..]));
    let shown = terminal.expect("elevated> ");
    assert!(!shown.contains(&code) && !shown.contains(&code[..3]), "{shown}");
    terminal.send("echo $GLASS_PROFILE:$AWS_VAULT:$GLASS_PERSON\r");
    terminal.expect("\nprod-db-emergency:glass:prod-db-emergency:alice");
    terminal.send("exit 9\r");
    let (code, _) = terminal.wait();
    assert_eq!(code, 9);
    assert_eq!(practice.told("session.end")[0]["cause"], "exit");
}

#[test]
fn whatever_is_missing_is_asked() {
    let practice = Practice::new();
    let mut terminal = practice.home.terminal(
        env!("CARGO_BIN_EXE_glass"),
        &["assume", "staging-db-read", "--", "/bin/echo", "elevated by", "hand"],
    );
    terminal.expect("rigger");
    terminal.expect(": ");
    terminal.send("db-outage\r");
    terminal.expect("ncident");
    terminal.expect(": ");
    terminal.send("INC-4711\r");
    terminal.expect("eason");
    terminal.expect(": ");
    terminal.send("orders database lost its writer\r");
    terminal.expect("elevated by hand");
    assert_eq!(terminal.wait().0, 0);
    let intent = &practice.told("elevate.intent")[0];
    assert_eq!(intent["trigger"], "db-outage");
    assert_eq!(intent["incident"], "INC-4711");
    assert_eq!(intent["reason"], "orders database lost its writer");
}

#[test]
fn ctrl_c_and_ctrl_d_at_each_question_leave_the_terminal_as_it_was() {
    let questions =
        [("Incident: ", "INC-4711\r"), ("Reason: ", "orders database lost its writer\r"), ("mfa/alice: ", "")];
    for key in ["\x03", "\x04"] {
        for last in 0..questions.len() {
            let practice = Practice::new().asking();
            // The shell is to live on after Ctrl-C.
            let line = format!(
                "trap : INT; {SETTINGS} >before; \"$0\" assume prod-db-emergency; echo ended $?; {SETTINGS} >after"
            );
            let mut terminal = at_the_shell(&practice, &line);
            for (question, answer) in &questions[..last] {
                terminal.expect(question);
                terminal.send(answer);
            }
            terminal.expect(questions[last].0);
            terminal.send(key);
            terminal.expect("ended ");
            terminal.wait();
            assert_eq!(practice.home.read("before"), practice.home.read("after"), "{key:?} at {}", questions[last].0);
            assert!(practice.told("elevate.ok").is_empty());
            assert_eq!(practice.told("run.end").len(), 1, "{key:?} at {}", questions[last].0);
        }
    }
}

#[test]
fn three_wrong_codes_and_no_more() {
    let practice = Practice::new().asking();
    let mut terminal = practice.assume_on_terminal(&[]);
    for wrong in ["000000\r", "000001\r", "000002\r"] {
        terminal.expect("code");
        terminal.expect(": ");
        terminal.send(wrong);
    }
    let (code, text) = terminal.wait();
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("hint:"), "{text}");
    assert_eq!(practice.told("elevate.intent").len(), 3, "each AssumeRole has an intent of its own");
    assert_eq!(practice.told("elevate.fail").len(), 3);
}

#[test]
fn a_code_that_is_none_is_not_sent() {
    let practice = Practice::new().asking();
    let mut terminal = practice.assume_on_terminal(&["--", "/bin/true"]);
    terminal.expect("code");
    terminal.expect(": ");
    terminal.send("12345\r");
    terminal.expect("code");
    terminal.expect(": ");
    assert!(practice.told("elevate.intent").is_empty());
    terminal.send(&format!("{}\r", practice.code()));
    let (code, text) = terminal.wait();
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_code_is_not_sent_twice() {
    let practice = Practice::new().asking();
    let code = practice.code();
    let mut terminal = practice.assume_on_terminal(&["--", "/bin/true"]);
    terminal.expect("mfa/alice: ");
    terminal.send(&format!("{code}\r"));
    assert_eq!(terminal.wait().0, 0);
    // The second time it waits for the next half minute, and nobody stays for it.
    let mut terminal = practice.assume_on_terminal(&["--", "/bin/true"]);
    terminal.expect("waiting for the next one (");
    terminal.send("\x03");
    let (code, text) = terminal.wait();
    assert!(code == 1 && text.contains("interrupted"), "{code} {text}");
    assert_eq!(practice.told("elevate.intent").len(), 1, "the second time nothing is sent");
    assert_eq!(practice.told("run.end").len(), 2, "and that is in the ledger");
}

/// Ctrl-C reaches glass alone: the program that it asks has a process group of its own.
#[test]
fn a_program_that_is_asked_does_not_outlive_ctrl_c() {
    let summary = "summary = \"The orders database is down or losing writes\"";
    let confirm = "confirm = [\"/bin/sh\", \"-c\", \"echo pid $$. >/dev/tty; exec sleep 60\"]";
    let practice = Practice::new().asking().edited("profiles.toml", summary, &format!("{summary}\n{confirm}"));
    let mut terminal = practice.assume_on_terminal(&["--", "/bin/true"]);
    terminal.expect("pid ");
    let program = format!("/proc/{}", terminal.expect("."));
    terminal.send("\x03");
    let (code, text) = terminal.wait();
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("was interrupted"), "{text}");
    assert!(!std::path::Path::new(&program).exists(), "{program} lives");
    assert_eq!(practice.told("elevate.refused")[0]["rules"][0], "confirm");
    assert_eq!(practice.told("run.end")[0]["code"], 3);
}

/// Whoever gives up while glass waits for the next code has that in the ledger too.
#[test]
fn ctrl_c_ends_the_wait_for_the_next_code() {
    let practice = Practice::new().asking();
    let code = practice.code();
    let mut terminal = practice.assume_on_terminal(&["--", "/bin/true"]);
    terminal.expect("MFA code");
    terminal.send(&format!("{code}\r"));
    terminal.wait();
    let mut terminal = practice.assume_on_terminal(&["--", "/bin/true"]);
    // Should the next half minute have begun, it waits because this very code was sent.
    terminal.send(&format!("{code}\r"));
    terminal.expect("waiting for the next one");
    terminal.send("\x03");
    let (code, text) = terminal.wait();
    assert_eq!(code, 1, "{text}");
    assert_eq!(practice.told("elevate.fail")[0]["code"], "NoCode", "{text}");
    assert_eq!(practice.told("run.end").len(), 2);
}

#[test]
fn a_command_gets_the_terminal_and_its_signals() {
    let practice = Practice::new();
    let script = "trap 'echo trapped; exit 5' INT; echo ready; while :; do sleep 1; done";
    let mut terminal = practice.assume_on_terminal(&["--", "/bin/sh", "-c", script]);
    terminal.expect("ready");
    terminal.send("\x03");
    terminal.expect("trapped");
    assert_eq!(terminal.wait().0, 5);
}

#[test]
fn without_a_terminal_it_says_all_that_is_missing() {
    let practice = Practice::new();
    let outcome = practice.home.glass(&["assume", "staging-db-read"]).exits(2);
    for word in ["trigger", "incident", "reason"] {
        assert!(outcome.stderr.contains(word), "{}", outcome.stderr);
    }
}

#[test]
fn without_a_terminal_no_code_can_be_asked() {
    let practice = Practice::new().asking().unrecorded();
    let outcome = practice.assume(&["--", "/bin/true"]).exits(1);
    assert!(outcome.stderr.contains("terminal"), "{}", outcome.stderr);
    let hook: Vec<_> = ["credential-process", "prod-db-emergency"].iter().chain(&WORDS).copied().collect();
    let outcome = practice.home.glass(&hook).exits(1);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.lines().count()), ("", 1), "{}", outcome.stderr);
}

#[test]
fn ctrl_z_stops_the_command_and_fg_goes_on_with_it() {
    let practice = Practice::new().with("PS1", "daily> ").with("glass", env!("CARGO_BIN_EXE_glass"));
    let mut terminal = practice.home.terminal("/bin/bash", &["--norc", "--noprofile"]);
    terminal.expect("daily> ");
    let words: Vec<_> = practice.words(&["--"]).iter().map(|word| format!("'{word}'")).collect();
    terminal.send(&format!("$glass {} sh -c 'echo re''ady; read x; echo got-$x'\r", words.join(" ")));
    terminal.expect("ready");
    terminal.send("\x1a");
    terminal.expect("Stopped");
    terminal.expect("daily> ");
    terminal.send("fg\r");
    terminal.expect("assume");
    terminal.send("on\r");
    terminal.expect("got-on");
    terminal.expect("daily> ");
    terminal.send("echo left $?; exit\r");
    terminal.expect("left 0");
    assert_eq!(terminal.wait().0, 0);
}

#[test]
fn an_elevated_bash_has_job_control_of_its_own() {
    let practice = Practice::new().with("SHELL", "/bin/bash").with("PROMPT_COMMAND", "PS1='now$ '");
    let mut terminal = practice.assume_on_terminal(&[]);
    terminal.expect("now$ ");
    terminal.send("echo ready; cat\r");
    terminal.expect("ready\r");
    terminal.send("typed\r");
    terminal.expect("typed\r\ntyped");
    terminal.send("\x1a");
    terminal.expect("Stopped");
    terminal.expect("now$ ");
    terminal.send("fg\r");
    terminal.expect("cat\r");
    terminal.send("\x04");
    terminal.expect("now$ ");
    terminal.send("exit 3\r");
    let (code, text) = terminal.wait();
    assert_eq!(code, 3, "{text}");
}

#[test]
fn glass_that_is_told_to_end_ends_its_command_and_says_so() {
    let practice = Practice::new();
    let ledger = practice.ledger();
    let script = "until grep -q session.start \"$0\"/log-*; do :; done; kill -TERM $PPID; exec sleep 60";
    practice.assume(&["--", "/bin/sh", "-c", script, ledger.to_str().unwrap()]).exits(128 + 15);
    assert_eq!(practice.told("session.end")[0]["cause"], "signal");
}
