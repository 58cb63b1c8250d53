//! The command log of real shells: what they report of themselves, what they cannot, and what is noticed of that.

use serde_json::{Value, json};

use crate::support::{Practice, Pty, tool};

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
