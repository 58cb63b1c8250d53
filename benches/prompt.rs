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

/// Shells, and what makes them run so many command lines: what is done before each, and at each prompt. bash makes
/// its prompt anew each time, as the terminal would have it, and its trap is not to be called for this script.
const SHELLS: [(&str, &str); 3] = [
    (
        "bash",
        r#"eval "$($0 init bash)"; set -o history;
        line() { history -s "aws s3 ls --recursive s3://orders/$i"; if [[ ${__glass_number-} ]]; then __glass_read=1 __glass_seen=-; __glass_begin ''; fi; }
        hook() { local each; for each in "${PROMPT_COMMAND[@]:-:}"; do eval "$each"; done; : "${PS1@P}"; }
        for ((i = 0; i < N; i++)); do line; hook; if [[ ${__glass_number-} ]]; then __glass_rest; fi; done"#,
    ),
    (
        "zsh",
        r#"eval "$($0 init zsh)"; words='aws s3 ls --recursive s3://orders';
        line() { local each; for each in $preexec_functions; do $each "$words" "$words" "$words"; done }
        hook() { local each; for each in $precmd_functions; do $each; done; : "${(%)PROMPT}" }
        for ((i = 0; i < N; i++)); do line; hook; done"#,
    ),
    (
        "fish",
        "function fish_prompt; echo -n '> '; end; $GLASS init fish | source
        for i in (seq $N); emit fish_preexec 'aws s3 ls --recursive s3://orders'; emit fish_prompt; fish_prompt >/dev/null; end; true",
    ),
];

/// Gives a shell the pipe on which it reports.
const REPORTING: &str = r#"exec 64> >(cat >/dev/null); GLASS_REPORT=64 exec "$@""#;

fn main() {
    for (shell, script) in SHELLS {
        let outside = run(shell, script, "", "exec \"$@\"");
        let shown = run(shell, script, "prod-db-emergency", "exec \"$@\"");
        let logged = run(shell, script, "prod-db-emergency", REPORTING);
        println!(
            "{shell:<5} a prompt, session shown   {:>8.4} ms more, and a line logged {:>8.4} ms   (bash: at most 0.2)",
            shown - outside,
            logged - outside
        );
    }
}

/// Milliseconds that each line and its prompt take; a session is shown if a profile is set.
fn run(shell: &str, script: &str, profile: &str, start: &str) -> f64 {
    let mut command = Command::new("bash");
    command.args(["-c", start, "bash", shell, "-i", "-c", script, GLASS]).env_clear();
    command.env("HOME", "/nonexistent").env("PATH", "/usr/bin:/bin").env("TERM", "xterm").env("LANG", "C.UTF-8");
    command.env("GLASS", GLASS).env("N", PROMPTS.to_string()).env("PS1", r"\u@\h:\w\$ ");
    command.env("GLASS_LEVEL", "emergency").env("GLASS_PROFILE", profile).env("GLASS_EXPIRATION_EPOCH", "99999999999");
    let begun = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "{shell}: {status}");
    begun.elapsed().as_secs_f64() * 1e3 / f64::from(PROMPTS)
}
