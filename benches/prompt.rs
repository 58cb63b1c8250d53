//! What the snippets of `glass init` cost at each prompt of a shell.
//! `cargo bench --bench prompt`; see docs/performance.md.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement takes time, starts programs, says what it found and may fail loudly"
)]

use std::process::{Command, Stdio};
use std::time::Instant;

const GLASS: &str = env!("CARGO_BIN_EXE_glass");

/// How many prompts are counted.
const PROMPTS: u32 = 5_000;

/// Shells, and what makes them show so many prompts. bash makes its own anew each time, as the terminal would have it.
const SHELLS: [(&str, &str); 3] = [
    (
        "bash",
        r#"eval "$($0 init bash)"; hook() { "${PROMPT_COMMAND[@]:-:}"; : "${PS1@P}"; }; for ((i = 0; i < N; i++)); do hook; done"#,
    ),
    (
        "zsh",
        r#"eval "$($0 init zsh)"; hook() { $precmd_functions; : "${(%)PROMPT}" }; for ((i = 0; i < N; i++)); do hook; done"#,
    ),
    (
        "fish",
        "function fish_prompt; echo -n '> '; end; $GLASS init fish | source; for i in (seq $N); fish_prompt >/dev/null; end; true",
    ),
];

fn main() {
    for (shell, script) in SHELLS {
        let outside = run(shell, script, "");
        let inside = run(shell, script, "prod-db-emergency");
        println!("{shell:<5} a prompt, session shown   {:>8.4} ms more   (bash: at most 0.2)", inside - outside);
    }
}

/// Milliseconds that each prompt takes; a session is shown if a profile is set.
fn run(shell: &str, script: &str, profile: &str) -> f64 {
    let mut command = Command::new(shell);
    command.args(["-i", "-c", script, GLASS]).env_clear();
    command.env("HOME", "/nonexistent").env("PATH", "/usr/bin:/bin").env("TERM", "xterm").env("LANG", "C.UTF-8");
    command.env("GLASS", GLASS).env("N", PROMPTS.to_string()).env("PS1", r"\u@\h:\w\$ ");
    command.env("GLASS_LEVEL", "emergency").env("GLASS_PROFILE", profile).env("GLASS_EXPIRATION_EPOCH", "99999999999");
    let begun = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "{shell}: {status}");
    begun.elapsed().as_secs_f64() * 1e3 / f64::from(PROMPTS)
}
