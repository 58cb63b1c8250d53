//! Where somebody would look for credentials that were left behind: nowhere are any.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::Stdio;

use rustix::process::geteuid;

use crate::support::{Practice, WORDS, until};

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
fn a_glass_within_a_session_keeps_none_of_its_values_in_any_word() {
    let practice = Practice::new();
    let glass = env!("CARGO_BIN_EXE_glass");
    let script = format!(
        "env; {glass} show $AWS_SECRET_ACCESS_KEY; {glass} list --$AWS_SESSION_TOKEN; \
         {glass} assume $AWS_SECRET_ACCESS_KEY --reason $AWS_SESSION_TOKEN -- $AWS_SESSION_TOKEN; \
         {glass} credential-process prod-db-read --incident $AWS_SECRET_ACCESS_KEY --reason $AWS_SESSION_TOKEN; true"
    );
    let outcome = practice.assume(&["--", "/bin/sh", "-c", &script]).exits(0);
    let secrets = secrets_of(&outcome.stdout);
    assert_eq!(holding(&practice.home.path(""), &secrets), [""; 0]);
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

/// How often a text is in the memory of a process; none when this user may not look.
fn in_memory(pid: &str, secret: &str) -> Option<usize> {
    let mut memory = File::open(format!("/proc/{pid}/mem")).ok()?;
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let mut count = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let [from, to] = [from, to].map(|address| u64::from_str_radix(address, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        memory.seek(SeekFrom::Start(from)).unwrap();
        // Some of the kernel's own pages cannot be read.
        if memory.read_exact(&mut bytes).is_ok() {
            count += bytes.windows(secret.len()).filter(|window| *window == secret.as_bytes()).count();
        }
    }
    Some(count)
}

/// The session's own copy, and those by which it is known in API calls, commands and recordings, to be masked there.
const ITS_OWN: usize = 4;

/// Who may look into the memory of a glass that is not dumpable is root; nobody else gets that far.
#[track_caller]
fn is_in_memory_at_most(pid: &str, secrets: &[String], most: usize) {
    for secret in secrets {
        match in_memory(pid, secret) {
            Some(count) => assert!(count <= most, "{count} times"),
            None => assert!(!geteuid().is_root(), "root cannot look"),
        }
    }
}

#[test]
fn glass_has_the_secrets_of_a_session_in_its_memory_only_where_it_needs_them() {
    let practice = Practice::new();
    let script = "env >env.new; mv env.new env; sleep 1000";
    let mut glass = practice.home.command(env!("CARGO_BIN_EXE_glass"));
    glass.args(practice.words(&["--", "/bin/sh", "-c", script])).stdin(Stdio::null()).stderr(Stdio::null());
    let mut glass = glass.stdout(Stdio::null()).spawn().unwrap();
    until("the session begins", || practice.home.path("env").exists().then_some(()));
    let secrets = secrets_of(&practice.home.read("env"));
    practice.home.glass(&["credential-process", "prod-db-emergency"]).exits(0);
    let session = practice.home.glass(&["status", "--json"]).exits(0).json()[0].clone();
    is_in_memory_at_most(&glass.id().to_string(), &secrets, 0);
    is_in_memory_at_most(&session["pid"].to_string(), &secrets, ITS_OWN);
    practice.home.glass(&["end"]).exits(0);
    glass.wait().unwrap();
}

#[test]
fn a_holder_has_the_secrets_of_its_session_in_its_memory_only_where_it_needs_them() {
    let practice = Practice::new();
    let words = [&["credential-process", "prod-db-read"], &WORDS[..]].concat();
    let answer = practice.home.glass(&words).exits(0).json();
    let secrets = ["SecretAccessKey", "SessionToken"].map(|name| answer[name].as_str().unwrap().to_owned());
    let session = practice.home.glass(&["status", "--json"]).exits(0).json()[0].clone();
    is_in_memory_at_most(&session["pid"].to_string(), &secrets, ITS_OWN);
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
