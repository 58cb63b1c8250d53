//! `tests/cases/<command>-<what>.toml`: one invocation of `glass` a file, with
//! all that it says. How to write one: `tests/cases/README.md`.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use serde::Deserialize;

use crate::support::{Home, Outcome, Sandbox};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Runs it against a practice AWS of its own.
    #[serde(default)]
    sandbox: bool,
    /// Files to lay out: path in the home, and text; a text `@NAME` stands for `tests/cases/files/NAME`.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// Changes to those files: path, text that is in it, text in its place.
    #[serde(default)]
    edits: Vec<[String; 3]>,
    /// Permissions of those files.
    #[serde(default)]
    modes: BTreeMap<String, u32>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    args: Vec<String>,
    code: i32,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    stderr: String,
}

#[test]
fn every_case_says_what_its_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let queue = Mutex::new(files.into_iter());
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(file) = queue.lock().unwrap().next() else { break };
                    let verdict = std::panic::catch_unwind(|| run(&file));
                    let wrong = match verdict {
                        Ok(Ok(())) => continue,
                        Ok(Err(wrong)) => wrong,
                        Err(_) => "it panicked, see above".to_owned(),
                    };
                    failures.lock().unwrap().push(format!("--- {}\n{wrong}", file.display()));
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} cases differ\n{}", failures.len(), failures.join("\n"));
}

fn run(file: &Path) -> Result<(), String> {
    let case: Case = toml::from_str(&fs::read_to_string(file).unwrap()).map_err(|error| error.to_string())?;
    let mut home = Home::new();
    let _sandbox = case.sandbox.then(|| Sandbox::start(&mut home));
    lay_out(&case, &home);
    let root = home.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    let filled = |text: &str| text.replace("[HOME]", &root);
    for (name, value) in &case.env {
        home.set(name, filled(value));
    }
    let mut command = home.command(env!("CARGO_BIN_EXE_glass"));
    let outcome = Outcome::of(command.args(case.args.iter().map(|arg| filled(arg))), "");
    let said = |text: &str| text.replace(&root, "[HOME]");
    let (stdout, stderr) = (said(&outcome.stdout), said(&outcome.stderr));
    if outcome.code == case.code && matches(&case.stdout, &stdout) && matches(&case.stderr, &stderr) {
        return Ok(());
    }
    Err(format!("code = {}\nstdout = '''\n{stdout}'''\nstderr = '''\n{stderr}'''", outcome.code))
}

fn lay_out(case: &Case, home: &Home) {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/files");
    for (path, text) in &case.files {
        let text = match text.strip_prefix('@') {
            Some(name) => fs::read_to_string(shared.join(name)).unwrap_or_else(|error| panic!("{name}: {error}")),
            None => text.clone(),
        };
        home.write(path, &text);
    }
    for [path, from, to] in &case.edits {
        let text = home.read(path);
        assert_eq!(text.matches(from.as_str()).count(), 1, "`{from}` is to be once in {path}");
        home.write(path, &text.replace(from.as_str(), to));
    }
    for (path, mode) in &case.modes {
        fs::set_permissions(home.path(path), Permissions::from_mode(*mode)).unwrap();
    }
}

/// Compares line by line: `[..]` in a line stands for anything, a line `...` for any number of lines.
fn matches(expected: &str, actual: &str) -> bool {
    let expected: Vec<&str> = expected.lines().collect();
    let actual: Vec<&str> = actual.lines().collect();
    lines_match(&expected, &actual)
}

fn lines_match(expected: &[&str], actual: &[&str]) -> bool {
    match expected.split_first() {
        None => actual.is_empty(),
        Some((&"...", rest)) => (0..=actual.len()).any(|skipped| lines_match(rest, &actual[skipped..])),
        Some((line, rest)) => {
            actual.first().is_some_and(|first| line_matches(line, first)) && lines_match(rest, &actual[1..])
        }
    }
}

fn line_matches(expected: &str, actual: &str) -> bool {
    let Some((head, tail)) = expected.split_once("[..]") else { return expected == actual };
    let Some(mut rest) = actual.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = tail.split("[..]").collect();
    let Some(last) = parts.pop() else { return false };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn wildcards_stand_for_what_they_say() {
    assert!(matches("a [..] c\n", "a b c\n"));
    assert!(matches("[..]b[..]\n...\nz\n", "abc\n1\n2\nz\n"));
    assert!(matches("...\n", ""));
    assert!(!matches("a [..] c\n", "a b d\n"));
    assert!(!matches("ab[..]bc\n", "abc\n"));
    assert!(!matches("a\n", "a\nb\n"));
}
