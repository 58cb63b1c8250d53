//! The command log of real shells: what they report of themselves, what they cannot, and what is noticed of that.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Practice, Pty, tool, until};

/// A shell, and how its user configures it: a prompt that ends in `mine N> `, N the last command's status.
struct Shell {
    name: &'static str,
    rc: &'static str,
    own: &'static str,
}

const BASH: Shell = Shell {
    name: "bash",
    rc: ".bashrc",
    own: "make_prompt() { PS1=\"mine $?> \"; }\nPROMPT_COMMAND=make_prompt\nHISTCONTROL=ignoreboth\n",
};
const ZSH: Shell = Shell {
    name: "zsh",
    rc: ".zshrc",
    own: "make_prompt() { PROMPT='mine %?> ' }\nprecmd_functions+=(make_prompt)\nsetopt hist_ignore_space\n",
};
const FISH: Shell = Shell {
    name: "fish",
    rc: ".config/fish/config.fish",
    own: "function fish_prompt; echo -n \"mine $status> \"; end\nfunction fish_greeting; end\n",
};
const SHELLS: [&Shell; 3] = [&BASH, &ZSH, &FISH];

/// A practice whose shell this is, with more in its user's configuration.
fn practice(shell: &Shell, more: &str) -> Practice {
    let practice = Practice::new().unrecorded().with("SHELL", tool(shell.name).display()).with("NO_COLOR", "1");
    let configuration = practice.home.path(".config");
    let practice = practice.with("GLASS", env!("CARGO_BIN_EXE_glass")).with("XDG_CONFIG_HOME", configuration.display());
    practice.home.write(shell.rc, &format!("{}{more}", shell.own));
    // Without it fish begins to read all manual pages, which outlives it.
    practice.home.write(".local/share/fish/generated_completions/none", "");
    practice
}

/// Opens a shell in the practice, and waits until it can be typed in.
fn open(practice: &Practice) -> Pty {
    let mut terminal = practice.assume_on_terminal(&[]);
    terminal.expect("mine 0> ");
    terminal
}

/// Types a line, and waits for the prompt that shows this status.
fn run(terminal: &mut Pty, line: &str, status: u8) {
    terminal.send(&format!("{line}\r"));
    terminal.expect(&format!("mine {status}> "));
}

/// Runs what does not end, and waits until it has the terminal: its shell may give it that late.
fn wait_in_front(practice: &Practice, terminal: &mut Pty) {
    let script = "while read -r _ _ _ _ group _ _ front _ </proc/$$/stat; [ $group != $front ]; do :; done\n";
    practice.home.write("waits.sh", &format!("{script}echo ready\nexec sleep 1000\n"));
    terminal.send("sh ~/waits.sh\r");
    terminal.expect("ready");
}

/// The lines that the ledger has, and how each ended.
fn logged(practice: &Practice) -> Vec<(String, Option<u64>)> {
    let commands = practice.told("command").into_iter();
    commands.map(|command| (command["line"].as_str().unwrap().to_owned(), command["code"].as_u64())).collect()
}

fn lines<'a>(lines: &[(&'a str, Option<u64>)]) -> Vec<(String, Option<u64>)> {
    lines.iter().map(|(line, code): &(&'a str, _)| ((*line).to_owned(), *code)).collect()
}

/// What the ledger says is missing.
fn losses(practice: &Practice) -> Vec<(String, u64)> {
    let losses = practice.told("loss").into_iter();
    losses.map(|loss| (loss["what"].as_str().unwrap().to_owned(), loss["count"].as_u64().unwrap())).collect()
}

const SPECIAL: [&str; 3] = ["$(pwd) `id` \"'\\", "%s %n \u{1f512} é", "a\tb"];

#[test]
fn every_line_is_in_the_ledger_as_it_was_typed() {
    for shell in SHELLS {
        let practice = practice(shell, "");
        practice.home.write("folder of mine/x", "");
        let mut terminal = open(&practice);
        run(&mut terminal, "echo a; echo b | cat | cat", 0);
        run(&mut terminal, "cd 'folder of mine'", 0);
        run(&mut terminal, "false", 1);
        run(&mut terminal, &format!("true '{}'", SPECIAL[1]), 0);
        run(&mut terminal, "sleep 0.1 & wait", 0);
        wait_in_front(&practice, &mut terminal);
        terminal.send("\x03");
        terminal.expect("mine 130> ");
        terminal.send("\r");
        terminal.expect("mine 130> ");
        run(&mut terminal, " true with a space before it", 0);
        terminal.send("exit 7\r");
        assert_eq!(terminal.wait().0, 7);
        let special = format!("true '{}'", SPECIAL[1]);
        let expected = [
            ("echo a; echo b | cat | cat", Some(0)),
            ("cd 'folder of mine'", Some(0)),
            ("false", Some(1)),
            (special.as_str(), Some(0)),
            ("sleep 0.1 & wait", Some(0)),
            ("sh ~/waits.sh", Some(130)),
            (
                if shell.name == "bash" { "true with a space before it" } else { " true with a space before it" },
                Some(0),
            ),
            ("exit 7", None),
        ];
        assert_eq!(logged(&practice), lines(&expected), "{}", shell.name);
        assert_eq!(losses(&practice), [], "{}", shell.name);
        let commands = practice.told("command");
        let home = practice.home.path("");
        let home = home.to_str().unwrap().trim_end_matches('/');
        assert_eq!(
            (&commands[1]["cwd"], &commands[2]["cwd"]),
            (&json!(home), &json!(format!("{home}/folder of mine")))
        );
        for command in &commands {
            assert_eq!(command["source"], "shell");
            let keys: Vec<_> = command.as_object().unwrap().keys().collect();
            assert_eq!(keys, ["source", "line", "cwd", "start", "seconds", "code", "shell", "typed", "whole"]);
            assert_eq!(command["whole"], Value::Null);
        }
    }
}

/// What is typed, and what of it is in the ledger, as it was typed or command by command.
#[track_caller]
fn logs(practice: &Practice, typed: &[(&str, u8)], expected: &[(&str, bool)]) {
    let mut terminal = open(practice);
    for (line, status) in typed {
        run(&mut terminal, line, *status);
    }
    terminal.send("exit\r");
    terminal.wait();
    let commands = practice.told("command");
    let found: Vec<_> =
        commands.iter().map(|it| (it["line"].as_str().unwrap(), it["typed"].as_bool().unwrap())).collect();
    let mut all = expected.to_vec();
    all.push(("exit", true));
    assert_eq!(found, all);
    assert_eq!(losses(practice), []);
}

#[test]
fn bash_logs_also_what_it_keeps_out_of_its_history() {
    let typed = [
        ("echo one; echo two | cat", 0),
        ("echo one; echo two | cat", 0),
        (" echo 'not  in the' history; true", 0),
        ("for i in 1 2 3; do true $i; done", 0),
        ("for i in 1 2 3; do true $i; done", 0),
        ("(cd /; false)", 1),
        (" (cd /; false)", 1),
        ("f() { false; }", 0),
        ("f", 1),
        ("set +o history", 0),
        ("true unkept", 0),
        ("set -o history; history -c", 0),
        ("true kept", 0),
    ];
    let expected = [
        ("echo one; echo two | cat", true),
        ("echo one\necho two\ncat", false),
        ("echo 'not  in the' history\ntrue", false),
        ("for i in 1 2 3; do true $i; done", true),
        ("for i in 1 2 3\ntrue $i", false),
        ("(cd /; false)", true),
        ("cd /\nfalse", false),
        ("f() { false; }", true),
        ("f", true),
        ("set +o history", true),
        ("true unkept", false),
        ("set -o history\nhistory -c", false),
        ("true kept", true),
    ];
    logs(&practice(&BASH, ""), &typed, &expected);
}

#[test]
fn a_line_of_many_lines_is_one() {
    let document = "cat <<X\rin it\rX";
    let list = ["for i in 1 2\rdo true; done", "true 'a\rb'"];
    let bash = [("for i in 1 2; do true; done", true), ("true 'a\nb'", true), ("cat <<X\nin it\nX\n", true)];
    let typed = [(list[0], 0), (list[1], 0), (document, 0)];
    logs(&practice(&BASH, ""), &typed, &bash);
    let zsh = [("for i in 1 2\ndo true; done", true), ("true 'a\nb'", true), ("cat <<X\nin it\nX", true)];
    logs(&practice(&ZSH, ""), &typed, &zsh);
    let fish = [("for i in 1 2\ntrue\nend", true)];
    logs(&practice(&FISH, ""), &[("for i in 1 2\rtrue\rend", 0)], &fish);
}

#[test]
fn the_users_own_hooks_work_as_they_do_elsewhere() {
    let before = "mine() { echo \"<${1}>\"; }\nset_up() { trap 'mine \"$BASH_COMMAND\"' DEBUG; }\nset_up\n";
    let practice = practice(&BASH, before);
    let mut terminal = open(&practice);
    for round in ["echo $((40+2)) again", "echo $((40+3)) again"] {
        terminal.send(&format!("{round}\r"));
        terminal.expect(&format!("<{round}>"));
        terminal.expect("mine 0> ");
    }
    run(&mut terminal, "trap - DEBUG", 0);
    terminal.send("echo $((40+4))\r");
    assert!(!terminal.expect("mine 0> ").contains("<echo"), "{}", terminal.text());
    run(&mut terminal, "mkdir -p some/folder", 0);
    run(&mut terminal, "cd $_ && pwd", 0);
    terminal.send("trap 'echo \"{$BASH_COMMAND}\"' DEBUG\r");
    terminal.expect("mine 0> ");
    terminal.send("true again\r");
    terminal.expect("{true again}");
    terminal.expect("mine 0> ");
    terminal.send("exit\r");
    terminal.wait();
    let expected = [
        ("echo $((40+2)) again", Some(0)),
        ("echo $((40+3)) again", Some(0)),
        ("trap - DEBUG", Some(0)),
        ("echo $((40+4))", Some(0)),
        ("mkdir -p some/folder", Some(0)),
        ("cd $_ && pwd", Some(0)),
        ("trap 'echo \"{$BASH_COMMAND}\"' DEBUG", Some(0)),
        ("true again", Some(0)),
        ("exit", None),
    ];
    assert_eq!(logged(&practice), lines(&expected));
    assert!(practice.told("command").pop().unwrap()["cwd"].as_str().unwrap().ends_with("/some/folder"));
}

#[test]
fn what_still_runs_at_the_end_is_logged_with_what_is_known() {
    for shell in SHELLS {
        let practice = practice(shell, "");
        let terminal = {
            let mut terminal = open(&practice);
            wait_in_front(&practice, &mut terminal);
            terminal
        };
        let pid = practice.told("session.start")[0]["pid"].as_u64().unwrap();
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        terminal.wait();
        assert_eq!(logged(&practice), lines(&[("sh ~/waits.sh", None)]), "{}", shell.name);
        assert_eq!(practice.told("command")[0]["seconds"], Value::Null);
    }
}

#[test]
fn a_shell_that_reports_nothing_any_more_is_noticed() {
    let unset = [
        (&BASH, "unset PROMPT_COMMAND PS0; PS1='mine ''0> '; trap - DEBUG"),
        (&ZSH, "precmd_functions=() preexec_functions=() PROMPT='mine ''0> '"),
        (&FISH, "functions -e __glass_begin __glass_done __glass_report"),
    ];
    for (shell, unset) in unset {
        let practice = practice(shell, "");
        let mut terminal = open(&practice);
        run(&mut terminal, unset, 0);
        // Somebody thinks about the next line. glass looks once a second, and has nothing to tell.
        until("the shell has drawn its prompt", || terminal.is_quiet_for(Duration::from_millis(2500)).then_some(()));
        assert!(!terminal.text().contains("does not report"), "{}", terminal.text());
        for _ in 0..4 {
            run(&mut terminal, "sleep 1.2", 0);
        }
        terminal.send("exit\r");
        let (_, text) = terminal.wait();
        let losses = losses(&practice);
        let count: u64 = losses.iter().map(|(_, count)| count).sum();
        assert!(losses.iter().all(|(what, _)| what == "programs that the shell did not report"), "{losses:?}");
        assert!((3..=4).contains(&count), "{}: {losses:?} {text}", shell.name);
        assert_eq!(text.matches("does not report its commands").count(), 1, "{}: {text}", shell.name);
    }
}

#[test]
fn a_shell_that_closes_its_descriptor_or_becomes_another_is_noticed() {
    let lost = [
        ("exec {GLASS_REPORT}>&-", "commands of a shell that cannot report any more"),
        ("exec /bin/dash", "commands of a program in place of the shell"),
        ("exec bash --norc", "commands of a program in place of the shell"),
    ];
    for (line, what) in lost {
        let practice = practice(&BASH, "").with("PS1", "other> ");
        let mut terminal = open(&practice);
        terminal.send(&format!("{line}\r"));
        terminal.expect("does not report its commands");
        terminal.send("exit\r");
        terminal.wait();
        assert_eq!(losses(&practice), [(what.to_owned(), 1)], "{line}");
        assert_eq!(logged(&practice)[0].0, line);
    }
}

#[test]
fn a_shell_that_cannot_report_is_told_of_before_it_begins() {
    let practice = Practice::new().with("SHELL", "/bin/dash").with("PS1", "dash> ");
    let mut terminal = practice.assume_on_terminal(&[]);
    let text = terminal.expect("dash> ");
    assert!(text.contains("the session's commands are not logged"), "{text}");
    terminal.send("exit\r");
    terminal.wait();
    assert_eq!(losses(&practice), [("commands of a shell that reports none".to_owned(), 1)]);
}

#[test]
fn shells_within_the_shell_report_by_their_users_own_files() {
    let practice = practice(&BASH, "eval \"$($GLASS init bash)\"\n");
    let mut terminal = open(&practice);
    run(&mut terminal, "bash", 0);
    run(&mut terminal, "false", 1);
    run(&mut terminal, "exit", 1);
    terminal.send("exit\r");
    terminal.wait();
    let expected = [("false", Some(1)), ("bash", Some(1)), ("exit", None), ("exit", None)];
    assert_eq!(logged(&practice), lines(&expected));
    let shells: std::collections::BTreeSet<_> =
        practice.told("command").iter().map(|it| it["shell"].as_u64()).collect();
    assert_eq!(shells.len(), 2);
}

#[test]
fn the_sessions_own_values_are_in_no_line_of_the_log() {
    for shell in SHELLS {
        let practice = practice(shell, "");
        let mut terminal = open(&practice);
        run(
            &mut terminal,
            "printf '%s\\n' $AWS_SECRET_ACCESS_KEY >secret; printf '%s\\n' $AWS_SESSION_TOKEN >token",
            0,
        );
        let [secret, token] = ["secret", "token"].map(|name| practice.home.read(name).trim().to_owned());
        run(&mut terminal, &format!("true {secret} {token}"), 0);
        terminal.send("exit\r");
        terminal.wait();
        let all = serde_json::to_string(&practice.entries()).unwrap();
        assert!(!all.contains(&secret) && !all.contains(&token), "{}", shell.name);
        let masked = format!("true {} {}", "*".repeat(secret.len()), "*".repeat(token.len()));
        assert!(masked.starts_with(&logged(&practice)[1].0), "{}", shell.name);
    }
}

#[test]
fn what_is_long_or_no_text_is_cut_and_named_by_its_digest() {
    use glass::model::name::Digest;
    let practice = practice(&BASH, "");
    let mut terminal = open(&practice);
    let long = format!("true {}", "a ".repeat(5000).trim_end());
    run(&mut terminal, &long, 0);
    terminal.send_bytes(b"true '\x16\x1b]0;x'\r");
    terminal.expect("mine 0> ");
    terminal.send("exit\r");
    terminal.wait();
    let commands = practice.told("command");
    assert_eq!(commands[0]["line"], long[..4096]);
    assert_eq!(commands[0]["whole"], json!({"bytes": long.len(), "sha256": Digest::of(long.as_bytes()).to_string()}));
    let line = commands[1]["line"].as_str().unwrap();
    assert!(line.starts_with("true ") && line.ends_with("\u{1b}]0;x'"), "{line:?}");
    assert_eq!(practice.home.glass(&["audit", "verify"]).exits(0).stderr, "");
}

#[test]
fn whatever_is_written_to_the_descriptor_nothing_of_the_shells_own_is_lost() {
    let practice = practice(&BASH, "");
    let mut terminal = open(&practice);
    let forge = "printf \"folder $1 2 /\\0line $1 2 forged\\0end $1 2 0\\0\" >&$GLASS_REPORT";
    practice.home.write("forge", forge);
    run(&mut terminal, "bash forge $$", 0);
    run(&mut terminal, "true this is number two", 0);
    run(&mut terminal, "head -c 300000 /dev/urandom >&$GLASS_REPORT; printf '\\0' >&$GLASS_REPORT", 0);
    run(&mut terminal, "false last", 1);
    terminal.send("exit\r");
    terminal.wait();
    let all: Vec<_> = logged(&practice).into_iter().map(|(line, _)| line).collect();
    for line in ["forged", "true this is number two", "false last", "exit"] {
        assert_eq!(all.iter().filter(|it| *it == line).count(), 1, "{line}: {all:?}");
    }
    let losses = losses(&practice);
    assert!(losses.iter().any(|(what, _)| what == "reports of commands not understood"), "{losses:?}");
    practice.home.glass(&["audit", "verify"]).exits(0);
}

#[test]
fn a_paste_of_thousands_of_lines_is_logged_whole() {
    const LINES: usize = 5000;
    for shell in SHELLS {
        let practice = practice(shell, "");
        let lines: String = (0..LINES).map(|number| format!("true {number}\n")).collect();
        practice.home.write("lines", &lines);
        let mut terminal = open(&practice);
        let begun = std::time::Instant::now();
        let mut typed = lines.replace('\n', "\r");
        typed.push_str("echo re''ady\r");
        terminal.paste(typed.as_bytes(), "ready");
        println!("{}: {} lines in {:?}", shell.name, LINES, begun.elapsed());
        terminal.send("exit\r");
        terminal.wait();
        let logged: Vec<_> = logged(&practice).into_iter().map(|(line, _)| line).collect();
        assert_eq!(logged.len(), LINES + 2, "{}", shell.name);
        assert!(logged.iter().zip(lines.lines()).all(|(logged, typed)| logged == typed), "{}", shell.name);
        assert_eq!(losses(&practice), [], "{}", shell.name);
    }
}

#[test]
fn a_recording_is_marked_where_each_line_begins() {
    let practice = Practice::new().with("SHELL", tool("bash").display()).with("NO_COLOR", "1");
    practice.home.write(BASH.rc, BASH.own);
    let mut terminal = open(&practice);
    run(&mut terminal, "echo a; false", 1);
    terminal.send("exit\r");
    terminal.wait();
    let session = practice.entries().into_iter().find(|entry| entry["ev"] == "session.start").unwrap();
    let file = format!("recordings/{}.cast", session["session"].as_str().unwrap());
    let recording = std::fs::read_to_string(practice.ledger().with_file_name(file)).unwrap();
    assert!(recording.lines().any(|line| line.ends_with(",\"m\",\"echo a; false\"]")), "{recording}");
}
