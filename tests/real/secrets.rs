//! Where somebody would look for credentials that were left behind: nowhere are any.

use std::fs;
use std::path::Path;

use crate::support::Practice;

/// The files below a folder that hold one of these texts.
pub fn holding(folder: &Path, secrets: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                let bytes = fs::read(entry.path()).unwrap();
                let text = String::from_utf8_lossy(&bytes);
                found.extend(
                    secrets.iter().filter(|secret| text.contains(*secret)).map(|_| entry.path().display().to_string()),
                );
            }
        }
    }
    found
}

/// The values that must not be seen, from what `env` printed in the session.
pub fn secrets_of(env: &str) -> Vec<String> {
    let value = |name: &str| {
        let line = env.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("no {name} in {env}")).to_owned()
    };
    vec![value("AWS_SECRET_ACCESS_KEY"), value("AWS_SESSION_TOKEN")]
}

#[test]
fn no_file_and_no_log_holds_a_secret_after_a_session() {
    let practice =
        Practice::new().with("GLASS_LOG", "debug").with("RUST_LOG", "trace").with("LOG_SENSITIVE_BODIES", "true");
    let mut words = vec!["-vv"];
    words.extend(practice.words(&["--", "/usr/bin/env"]));
    let code = practice.code();
    let outcome = practice.home.glass(&words).exits(0);
    let mut secrets = secrets_of(&outcome.stdout);
    assert_eq!(holding(&practice.home.path(""), &secrets), [""; 0]);
    assert!(!outcome.stderr.is_empty(), "-vv says something");
    secrets.push(code);
    for secret in &secrets {
        assert!(!outcome.stderr.contains(secret), "{}", outcome.stderr);
    }
}

#[test]
fn glass_shows_no_secret_of_its_session_in_proc() {
    let practice = Practice::new();
    // The child's parent is glass: what its files in /proc tell, and the child's own environment.
    let script = "env; echo ---; tr '\\0' '\\n' </proc/$PPID/cmdline; tr '\\0' '\\n' </proc/$PPID/environ; \
                  grep -E 'CoreDump' /proc/$PPID/status; ulimit -c";
    let outcome = practice.assume(&["--", "/bin/sh", "-c", script]);
    let (env, proc) = outcome.stdout.split_once("---\n").unwrap();
    assert!(proc.contains("prod-db-emergency") || outcome.stderr.contains("Permission denied"), "{outcome:?}");
    for secret in secrets_of(env) {
        assert!(!proc.contains(&secret), "{proc}");
    }
}

#[test]
fn a_secret_word_of_a_command_stays_out_of_the_ledger() {
    let practice = Practice::new();
    practice.assume(&["--redact", "2", "--", "/bin/echo", "hunter2"]).exits(0);
    practice.assume(&["--redact", "9"]).exits(2);
    assert_eq!(holding(&practice.ledger(), &["hunter2".to_owned()]), [""; 0]);
    assert_eq!(practice.told("session.start")[0]["argv"][1], "***");
}

#[test]
fn a_core_dump_is_not_written() {
    let practice = Practice::new();
    let outcome = practice.assume(&["--", "/bin/sh", "-c", "grep 'Max core file size' /proc/$PPID/limits"]).exits(0);
    assert_eq!(outcome.stdout.split_whitespace().nth(4), Some("0"), "{}", outcome.stdout);
}
