//! A session in the prompt of real shells, with the user's own configuration around it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::{Home, Outcome, Practice, Pty, tool};

const GLASS: &str = env!("CARGO_BIN_EXE_glass");

/// A shell, and the words that differ from shell to shell.
struct Shell {
    name: &'static str,
    /// Where its user configures it, and how: a prompt that ends in `mine N> `, N the last command's status, and `greet`.
    rc: &'static str,
    own: &'static str,
    /// What takes the snippet in.
    load: &'static str,
    /// Says that the session ends at this second.
    end: fn(&str) -> String,
}

const SHELLS: [Shell; 3] = [
    Shell {
        name: "bash",
        rc: ".bashrc",
        own: "greet() { echo hello-$((40+2)); }\nmake_prompt() { PS1=\"mine $?> \"; }\nPROMPT_COMMAND='make_prompt; '\n",
        load: "eval \"$($GLASS init bash)\"\n",
        end: |end| format!("GLASS_EXPIRATION_EPOCH='{end}'"),
    },
    Shell {
        name: "zsh",
        rc: ".zshrc",
        own: "greet() { echo hello-$((40+2)) }\nmake_prompt() { PROMPT='mine %?> ' }\nprecmd_functions+=(make_prompt)\n",
        load: "eval \"$($GLASS init zsh)\"\n",
        end: |end| format!("GLASS_EXPIRATION_EPOCH='{end}'"),
    },
    Shell {
        name: "fish",
        rc: ".config/fish/config.fish",
        own: "function greet; echo hello-(math 40+2); end\nfunction fish_prompt; echo -n \"mine $pipestatus> \"; end\n",
        load: "$GLASS init fish | source\n",
        end: |end| format!("set GLASS_EXPIRATION_EPOCH '{end}'"),
    },
];

impl Shell {
    /// A home whose user has configured this shell, in the environment of a session that ends in so many seconds.
    fn home(&self, rc: &str, seconds: u64) -> Home {
        let mut home = Home::new();
        home.set("GLASS", GLASS).set("GLASS_PROFILE", "prod-db-emergency").set("GLASS_LEVEL", "emergency");
        home.set("GLASS_EXPIRATION_EPOCH", now() + seconds);
        self.configure(&home, rc);
        home
    }

    fn configure(&self, home: &Home, rc: &str) {
        home.write(self.rc, rc);
        // Without it fish begins to read all manual pages, which outlives it.
        home.write(".local/share/fish/generated_completions/none", "");
    }

    fn configured(&self) -> String {
        format!("{}{}", self.own, self.load)
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// What the user's own prompt shows, with the session before it, up to where they type.
fn shown(terminal: &mut Pty, status: u8) -> String {
    terminal.expect(&format!("mine {status}> "))
}

#[test]
fn the_minutes_are_counted_down_at_every_prompt_and_end() {
    for shell in SHELLS {
        let home = shell.home(&shell.configured(), 10 * 60 - 1);
        let mut terminal = home.terminal(tool(shell.name), &["-i"]);
        let first = shown(&mut terminal, 0);
        assert!(first.contains("[prod-db-emergency 10m]") && first.contains("\x1b["), "{}: {first:?}", shell.name);
        // The clock that a shell is given by `time` may be some milliseconds behind.
        for (end, text) in [(now() + 839, "14m"), (now() + 59, "1m"), (now() - 1, "over")] {
            terminal.send(&format!("{}\r", (shell.end)(&end.to_string())));
            let prompt = shown(&mut terminal, 0);
            assert!(prompt.contains(&format!("[prod-db-emergency {text}]")), "{}: {prompt:?}", shell.name);
        }
        terminal.send("exit\r");
        terminal.wait();
    }
}

#[test]
fn outside_of_a_session_nothing_is_shown() {
    for shell in SHELLS {
        let mut home = shell.home(&shell.configured(), 600);
        home.unset("GLASS_PROFILE");
        let mut terminal = home.terminal(tool(shell.name), &["-i"]);
        let prompt = shown(&mut terminal, 0);
        assert!(!prompt.contains(['[', '(']) || !prompt.contains("10m"), "{}: {prompt:?}", shell.name);
        terminal.send("exit\r");
        terminal.wait();
    }
}

#[test]
fn an_environment_that_lies_does_nothing_in_a_prompt() {
    for shell in SHELLS {
        let mut home = shell.home(&shell.configured(), 600);
        home.set("NO_COLOR", "1");
        home.set("GLASS_PROFILE", "a$(touch $HOME/x)`touch $HOME/x`(touch $HOME/x)\\u%n%{\x1b]0;t\x07\n-b");
        home.set("GLASS_EXPIRATION_EPOCH", "a[$(touch $HOME/x)]");
        let mut terminal = home.terminal(tool(shell.name), &["-i"]);
        let prompt = shown(&mut terminal, 0);
        assert!(prompt.contains("[atouchHOMExtouchHOMExtouchHOMExun0t-b] "), "{}: {prompt:?}", shell.name);
        assert!(!home.path("x").exists(), "{}", shell.name);
        terminal.send("exit\r");
        terminal.wait();
    }
}

#[test]
fn the_user_s_own_configuration_is_intact_and_the_session_is_shown_once() {
    for shell in SHELLS {
        for rc in [shell.own.to_owned(), shell.configured(), format!("{}{}", shell.load, shell.own)] {
            let practice = Practice::new().with("SHELL", tool(shell.name).display()).with("NO_COLOR", "1");
            let configuration = practice.home.path(".config");
            let practice = practice.with("GLASS", GLASS).with("XDG_CONFIG_HOME", configuration.display());
            shell.configure(&practice.home, &rc);
            let mut terminal = practice.assume_on_terminal(&[]);
            let first = shown(&mut terminal, 0);
            assert_eq!(first.matches("[prod-db-emergency 15m] ").count(), 1, "{}: {first:?}", shell.name);
            assert!(first.ends_with("15m] "), "{}: no colour: {first:?}", shell.name);
            terminal.send("greet\r");
            terminal.expect("hello-42");
            shown(&mut terminal, 0);
            terminal.send("false\r");
            let failed = shown(&mut terminal, 1);
            assert_eq!(failed.matches("[prod-db-emergency 15m] ").count(), 1, "{}: {failed:?}", shell.name);
            terminal.send("exit 7\r");
            assert_eq!(terminal.wait().0, 7);
            assert_eq!(practice.home.read(shell.rc), rc);
            assert_eq!(practice.told("session.start")[0]["argv"].as_array().unwrap().len(), 1, "as it was asked for");
            assert_eq!(start_files(&practice), [0; 0]);
        }
    }
}

/// The modes of what lies there for the shells of sessions.
fn start_files(practice: &Practice) -> Vec<u32> {
    let folders = fs::read_dir(practice.ledger().with_file_name("run")).unwrap().map(|entry| entry.unwrap().path());
    let folders = folders.filter(|path| path.is_dir());
    folders.map(|path| fs::metadata(path).unwrap().permissions().mode() & 0o777).collect()
}

#[test]
fn what_is_written_for_a_shell_is_private_and_goes_with_it() {
    for (name, end) in [("bash", "exit\r"), ("zsh", "kill -KILL $$\r")] {
        let practice = Practice::new().with("SHELL", tool(name).display());
        practice.home.write(if name == "bash" { ".bashrc" } else { ".zshrc" }, "PS1='mine 0> '\n");
        let mut terminal = practice.assume_on_terminal(&[]);
        shown(&mut terminal, 0);
        assert_eq!(start_files(&practice), [0o700]);
        terminal.send(end);
        terminal.wait();
        assert_eq!(start_files(&practice), [0; 0]);
    }
}

#[test]
fn zsh_finds_its_own_folder_as_ever() {
    for variable in [true, false] {
        let mut practice = Practice::new().with("SHELL", tool("zsh").display());
        let folder = practice.home.path("it's my $folder");
        let folder = folder.to_str().unwrap();
        practice.home.write("it's my $folder/.zshrc", "PS1='mine %?> '\nHISTFILE=${ZDOTDIR-none}/history\n");
        if variable {
            practice = practice.with("ZDOTDIR", folder);
        } else {
            practice.home.write(".zshenv", "ZDOTDIR=\"$HOME/it's my \\$folder\"\n");
        }
        let mut terminal = practice.assume_on_terminal(&[]);
        assert!(shown(&mut terminal, 0).contains("[prod-db-emergency 15m]"));
        terminal.send("print \"<$HISTFILE>\"\r");
        terminal.expect(&format!("<{folder}/history>"));
        terminal.send("exit\r");
        terminal.wait();
    }
}

#[test]
fn a_shell_without_a_terminal_is_opened_as_it_is() {
    for shell in SHELLS {
        let practice = Practice::new().with("SHELL", tool(shell.name).display());
        shell.configure(&practice.home, shell.own);
        let mut command = practice.home.command(GLASS);
        let outcome = Outcome::of(command.args(practice.words(&[])), "echo \"$GLASS_PROFILE\"\nexit 5\n").exits(5);
        assert_eq!(outcome.stdout, "prod-db-emergency\n", "{}: {}", shell.name, outcome.stderr);
    }
}

/// How many processes and programs are started by a shell that shows so many prompts.
fn started(shell: &Shell, prompts: usize) -> usize {
    let home = shell.home(&shell.configured(), 600);
    let trace = home.path("trace");
    let name = tool(shell.name);
    // With the pipe on which it reports its command lines; strace waits for each child that it finds it has.
    let start = "exec 64> >(cat <&0 >~/reports 2>&1 &); GLASS_REPORT=64 exec \"$@\"";
    let flags = ["strace", "-f", "-qq", "-e", "trace=process", "-o", trace.to_str().unwrap(), name.to_str().unwrap()];
    let mut terminal = home.terminal(tool("bash"), &[&["-c", start, "bash"], &flags[..], &["-i"]].concat());
    shown(&mut terminal, 0);
    for _ in 1..prompts {
        terminal.send("true\r");
        assert!(shown(&mut terminal, 0).contains("[prod-db-emergency 10m]"));
    }
    terminal.send("exit\r");
    terminal.wait();
    let reports = fs::read(home.path("reports")).unwrap();
    let ends = reports.split(|byte| *byte == 0).filter(|report| report.starts_with(b"end ")).count();
    assert!(ends >= prompts, "{}: {ends} of {prompts} prompts reported", shell.name);
    let calls = fs::read_to_string(trace).unwrap();
    let starts = |line: &&str| {
        let thread = line.contains("CLONE_THREAD");
        !thread && ["fork(", "clone(", "clone3(", "execve("].iter().any(|call| line.contains(call))
    };
    calls.lines().filter(starts).count()
}

#[test]
fn no_process_is_started_for_a_prompt_or_a_report() {
    for shell in SHELLS {
        let (few, many) = (started(&shell, 2), started(&shell, 12));
        assert!(few > 1, "{}: the snippet itself came from a process", shell.name);
        assert_eq!(few, many, "{}", shell.name);
    }
}

#[test]
fn the_segment_for_other_programs_is_one_line_or_nothing() {
    let mut home = SHELLS[0].home("", 600);
    home.unset("HOME");
    assert_eq!(home.glass(&["prompt"]).exits(0).stdout, "prod-db-emergency 10m\n");
    assert_eq!(
        home.glass(&["prompt", "--color", "always"]).exits(0).stdout,
        "\x1b[1;31mprod-db-emergency 10m\x1b[0m\n"
    );
    home.set("GLASS_EXPIRATION_EPOCH", 1);
    assert_eq!(home.glass(&["prompt"]).exits(0).stdout, "prod-db-emergency over\n");
    home.unset("GLASS_PROFILE");
    assert_eq!(home.glass(&["prompt"]).exits(0).stdout, "");
    assert!(!home.path(".local/state/glass").exists(), "the ledger hears nothing");
}

#[test]
fn starship_s_part_is_toml_for_its_aws_module() {
    let text = Home::new().glass(&["init", "starship"]).exits(0).stdout;
    let table: toml::Table = text.parse().unwrap();
    let module = table["aws"].as_table().unwrap();
    assert_eq!(table.len(), 1);
    assert!(module["format"].as_str().unwrap().contains("$duration"), "{text}");
    assert!(!module.contains_key("command"), "no program at each prompt");
}
