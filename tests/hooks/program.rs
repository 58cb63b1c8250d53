//! Hooks that are programs: what they get, and what they do wrong.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::thread;

use crate::support::{Home, until};

use super::{change, home, lines_of, pager, refuse, send, told};

/// A home with a hook that runs these lines of a shell script.
pub fn scripted(script: &str) -> Home {
    let home = home(&pager("program = [\"notify\", \"a word\"]"));
    write(&home, script);
    home
}

pub fn write(home: &Home, script: &str) {
    let path = home.write(".config/glass/notify", &format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_program_reads_the_entry_and_knows_no_secret() {
    let mut home = scripted("cat > \"$HOME/read\"; env > \"$HOME/env\"; echo \"$# $1\" > \"$HOME/words\"");
    for name in ["AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "SSH_AUTH_SOCK", "LD_PRELOAD_OF_MINE"] {
        home.set(name, "a-secret-value");
    }
    refuse(&home);
    send(&home).exits(0);
    assert_eq!([home.read("read")], lines_of(&home, "elevate.refused").as_slice());
    assert_eq!(home.read("words"), "1 a word\n");
    let environment = home.read("env");
    let mut names: Vec<_> = environment.lines().filter_map(|line| line.split('=').next()).collect();
    names.sort_unstable();
    // The shell itself adds two or three.
    names.retain(|name| !["OLDPWD", "PWD", "SHLVL", "_"].contains(name));
    assert_eq!(names, ["HOME", "LANG", "PATH", "XDG_RUNTIME_DIR"]);
    assert!(!environment.contains("a-secret-value"), "{environment}");
}

/// Whatever it does it costs a failure, and the ledger is not told what it wrote.
#[test]
fn a_program_that_does_wrong_has_not_taken_it() {
    let home = scripted("exec cat > /dev/null");
    refuse(&home);
    let fails = |script: &str, why: &str| {
        write(&home, script);
        let sent = send(&home).exits(1);
        assert!(sent.stderr.contains(why), "{why}: {}", sent.stderr);
    };
    fails("echo my-token >&2; exit 3", "caused by: the program ended with 3\ncaused by: my-token\n");
    fails("kill -9 $$", "caused by: the program ended with 137\n");
    fails("exec yes", "wrote more than 64 KiB and was killed\n");
    // Whoever does not read what there is, and ends well, has taken it.
    fs::set_permissions(home.path(".config/glass/notify"), Permissions::from_mode(0o722)).unwrap();
    let sent = send(&home).exits(1);
    assert!(
        sent.stderr.contains("notify is not run: ") && sent.stderr.contains("can be written by others"),
        "{}",
        sent.stderr
    );
    fs::remove_file(home.path(".config/glass/notify")).unwrap();
    let sent = send(&home).exits(1);
    assert!(sent.stderr.contains("notify cannot be started\ncaused by: No such file"), "{}", sent.stderr);
    write(&home, "exit 0");
    send(&home).exits(0);
    let failed = told(&home, "hook.failed");
    assert_eq!((failed.len(), &failed[0]["why"]), (1, &"the program ended with 3".into()), "{failed:?}");
    assert_eq!(told(&home, "hook.recovered")[0]["tries"], 5);
}

/// T27's like: it has ten seconds, and so has all that it has started.
#[test]
fn a_program_that_hangs_is_killed_with_all_that_it_has_started() {
    let home = scripted("sleep 1000 & echo $! > \"$HOME/pid\"; wait");
    refuse(&home);
    let sent = send(&home).exits(1);
    assert!(sent.stderr.contains("did not end within 10 s and was killed"), "{}", sent.stderr);
    let status = format!("/proc/{}/status", home.read("pid").trim());
    // It was killed; the system may take a moment to see to that.
    let lives = || fs::read_to_string(&status).is_ok_and(|status| !status.contains("(zombie)"));
    until("what it started is gone", || (!lives()).then_some(()));
}

/// Killed between the telling and its note, glass tells once more, and the line is the same.
#[test]
fn an_entry_is_told_at_least_once_whatever_kills_glass() {
    let home = scripted("cat >> \"$HOME/read\"; [ -e \"$HOME/again\" ] || { touch \"$HOME/again\"; kill -9 $PPID; }");
    refuse(&home);
    assert_eq!(send(&home).code, 128 + 9);
    send(&home).exits(0);
    let line = lines_of(&home, "elevate.refused").concat();
    assert_eq!(home.read("read"), line.repeat(2));
    send(&home).exits(0);
    assert_eq!(home.read("read"), line.repeat(2));
}

/// Two processes that tell at the same time tell each entry once; one hook that fails is no matter to another.
#[test]
fn each_entry_is_told_once_by_whoever_tells() {
    let other = "[[hooks]]\nname = \"other\"\non = [\"elevate.refused\"]\nprogram = [\"/bin/false\"]\n";
    let home = home(&format!("{}{other}", pager("program = [\"notify\"]")));
    write(&home, "cat >> \"$HOME/read\"");
    (0..3).for_each(|_| refuse(&home));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| send(&home).exits(1));
        }
    });
    assert_eq!(home.read("read"), lines_of(&home, "elevate.refused").concat());
    change(&home, &pager("program = [\"notify\"]"));
    send(&home).exits(0);
    assert_eq!(told(&home, "hook.failed").len(), 1);
}
