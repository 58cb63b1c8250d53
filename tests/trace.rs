//! Sessions whose programs are traced: what the ledger has of them, and that nothing else of them changes.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::supervised::{HOSTILE, RUNNER, Supervised, are_gone, child_of, kill, lives};
use crate::support::{DEADLINE, Outcome, Practice, Pty, ends_within, python, tool, until};

/// A practice whose sessions are traced.
fn traced() -> Practice {
    let profile = "[profiles.prod-db-emergency]\n";
    Practice::new().edited("profiles.toml", profile, &format!("{profile}trace = \"exec\"\n"))
}

/// What the ledger has of the programs of the practice's sessions, in their order.
fn programs(practice: &Practice) -> Vec<Value> {
    practice.told("command").into_iter().filter(|told| told["source"] == "kernel").collect()
}

/// Their words, in the order of the alphabet: who of a pipeline comes first is nobody's choice.
fn words(practice: &Practice) -> Vec<Vec<String>> {
    let mut words: Vec<Vec<String>> =
        programs(practice).iter().map(|told| serde_json::from_value(told["argv"].clone()).unwrap()).collect();
    words.sort();
    words
}

/// Runs a script of `sh` in a session; nothing of it may be missing in the ledger.
#[track_caller]
fn run(practice: &Practice, script: &str) -> Outcome {
    let outcome = practice.assume(&["--", "/bin/sh", "-c", script]);
    assert!(practice.told("loss").is_empty(), "{:?}", practice.told("loss"));
    outcome
}

/// Runs a script of Python in a session.
#[track_caller]
fn run_python(practice: &Practice, script: &str) -> Outcome {
    let python = tool("python3");
    practice.assume(&["--", python.to_str().unwrap(), "-c", script])
}

#[test]
fn every_program_is_in_the_ledger_whatever_started_it() {
    let practice = traced();
    let script = "/bin/echo a | /bin/cat; (/bin/echo b); /bin/echo c & wait; \
        setsid sh -c '/bin/echo d >d & exit'; while [ ! -s d ]; do :; done; \
        /no/such/program; cd /usr; exec /bin/echo e";
    let outcome = run(&practice, script).exits(0);
    for letter in ["a", "b", "c", "e"] {
        assert!(outcome.stdout.contains(letter), "{}", outcome.stdout);
    }
    let expected: Vec<Vec<&str>> = vec![
        vec!["/bin/cat"],
        vec!["/bin/echo", "a"],
        vec!["/bin/echo", "b"],
        vec!["/bin/echo", "c"],
        vec!["/bin/echo", "d"],
        vec!["/bin/echo", "e"],
        vec!["/bin/sh", "-c", script],
        vec!["setsid", "sh", "-c", "/bin/echo d >d & exit"],
        vec!["sh", "-c", "/bin/echo d >d & exit"],
    ];
    assert_eq!(words(&practice), expected);
    let told = programs(&practice);
    let (first, last) = (&told[0], told.last().unwrap());
    let start = practice.told("session.start")[0].clone();
    assert_eq!((&first["pid"], &last["pid"]), (&start["pid"], &start["pid"]));
    assert_eq!((&last["path"], &last["cwd"]), (&"/usr/bin/echo".into(), &"/usr".into()));
    assert_eq!((&last["seconds"], &last["code"], &last["whole"]), (&Value::Null, &Value::Null, &Value::Null));
    let cat = told.iter().find(|told| told["path"] == "/usr/bin/cat").unwrap();
    assert_eq!(cat["parent"], start["pid"]);
    let ends = practice.told("command.end");
    let end = serde_json::json!({ "source": "kernel", "pid": cat["pid"], "seconds": 0, "code": 0 });
    assert!(ends.contains(&end), "{ends:?}");
    assert_eq!(ends.last().unwrap()["pid"], start["pid"]);
}

#[test]
fn every_way_to_start_a_program_is_seen() {
    let practice = traced();
    let script = practice.home.write("script", "#!/bin/sh -e\n/bin/echo within\n");
    let text = format!(
        "
import os, subprocess, sys, threading
os.chmod('{0}', 0o700)
sys.stdout.flush()
subprocess.run(['/bin/echo', 'vfork'])
os.waitpid(os.posix_spawn('/bin/echo', ['echo', 'spawn'], {{}}), 0)
subprocess.run(['{0}', 'word'])
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    os.dup2(write, 1)
    if os.fork() == 0: os.execv('/bin/echo', ['echo', 'daemon'])
    os._exit(0)
os.wait()
os.read(read, 1)
for program in ('/no/such', '/etc/passwd'):
    try: os.execv(program, ['failed'])
    except OSError: pass
thread = threading.Thread(target=lambda: os.execv('/bin/sh', ['sh', '-c', 'exit 9']))
thread.start()
thread.join()
",
        script.display()
    );
    run_python(&practice, &text).exits(9);
    let told = words(&practice);
    let script = script.to_str().unwrap();
    for expected in [
        &["/bin/echo", "vfork"] as &[&str],
        &["echo", "spawn"],
        &["/bin/sh", "-e", script, "word"],
        &["/bin/echo", "within"],
        &["echo", "daemon"],
        &["sh", "-c", "exit 9"],
    ] {
        assert_eq!(told.iter().filter(|words| *words == expected).count(), 1, "{expected:?} in {told:?}");
    }
    assert_eq!(told.len(), 7, "{told:?}");
    let ended: Vec<Value> = practice.told("command.end").iter().map(|end| end["code"].clone()).collect();
    assert_eq!(ended, [0, 0, 0, 0, 0, 9]);
    // The thread that started the last has become the process.
    let last = programs(&practice).into_iter().find(|told| told["argv"][2] == "exit 9").unwrap();
    assert_eq!(last["pid"], practice.told("session.start")[0]["pid"]);
}

/// The kernel has a way to start a process that its parent's tracer does not get, and three doors to it.
#[test]
fn no_process_starts_another_outside_of_the_trace() {
    let practice = traced();
    let script = "
import ctypes, mmap, os, platform, struct
UNTRACED, NORMAL = 0x00800000, 17
libc = ctypes.CDLL(None, use_errno=True)
word = ctypes.c_long
def clone(): return libc.syscall(word(56 if platform.machine() == 'x86_64' else 220), word(UNTRACED | NORMAL), 0, 0, 0, 0)
def clone3():
    asked = (ctypes.c_uint64 * 8)(UNTRACED, 0, 0, 0, NORMAL, 0, 0, 0)
    return libc.syscall(word(435), ctypes.byref(asked), word(64))
def as_32_bit_program():
    code = bytes.fromhex('53b8') + struct.pack('<I', 120) + bytes.fromhex('bb') + struct.pack('<I', UNTRACED | NORMAL)
    code += bytes.fromhex('31c931d231f631ffcd805bc3')
    memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(code)
    return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()
ways = [clone, clone3] + ([as_32_bit_program] if platform.machine() == 'x86_64' else [])
for way in ways:
    pid = way()
    if pid == 0: os._exit(0)
    assert pid < 0, way
print(open('/proc/self/status').read())
";
    let outcome = run_python(&practice, script).exits(0);
    // So that a filter may be set by anybody, no program gains rights that its starter has not.
    assert!(outcome.stdout.contains("NoNewPrivs:\t1"), "{}", outcome.stdout);
}

#[test]
fn a_thousand_programs_in_a_row_are_all_in_the_ledger() {
    let practice = traced();
    run(&practice, "for i in $(seq 1000); do /bin/true $i; done").exits(0);
    let told: Vec<Value> = programs(&practice).into_iter().filter(|told| told["path"] == "/usr/bin/true").collect();
    let numbers: Vec<String> = told.iter().map(|told| told["argv"][1].as_str().unwrap().to_owned()).collect();
    assert_eq!(numbers, (1..=1000).map(|number| number.to_string()).collect::<Vec<_>>());
    practice.home.glass(&["audit", "verify"]).exits(0);
}

#[test]
fn long_words_are_cut_with_their_hash_and_what_is_no_text_is_shown() {
    let practice = traced();
    let script = "
import os, subprocess
subprocess.run([b'/bin/true', b'x' * 120000, b'y' * 120000, b''])
subprocess.run([b'/bin/true', b'caf\\xe9', b'\\x1b[2J', b''])
";
    run_python(&practice, script).exits(0);
    let told: Vec<Value> = programs(&practice).into_iter().filter(|told| told["path"] == "/usr/bin/true").collect();
    let all = [b"/bin/true\0".as_slice(), &b"x".repeat(120_000), b"\0", &b"y".repeat(120_000), b"\0\0"].concat();
    let hash: String = Sha256::digest(&all).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(told[0]["whole"], serde_json::json!({ "words": 4, "bytes": all.len(), "sha256": hash }));
    assert!(told[0]["argv"][1].as_str().unwrap().ends_with("xx…"));
    assert_eq!(told[1]["argv"], serde_json::json!(["/bin/true", "caf\\xe9", "\u{1b}[2J", ""]));
    assert_eq!(told[1]["whole"], Value::Null);
}

#[test]
fn the_sessions_credentials_are_masked_in_the_words_of_programs() {
    let practice = traced();
    let script = "echo \"$AWS_SECRET_ACCESS_KEY $AWS_SESSION_TOKEN\"; \
        /bin/true \"$AWS_SECRET_ACCESS_KEY\" \"token=$AWS_SESSION_TOKEN\"";
    let outcome = run(&practice, script).exits(0);
    let text: String = practice.entries().iter().map(Value::to_string).collect();
    for secret in outcome.stdout.split_whitespace() {
        assert!(secret.len() > 20 && !text.contains(secret) && !text.contains(&secret[..16]), "{secret}");
    }
    let told = words(&practice);
    assert!(told.iter().any(|words| words.len() == 3 && words[2].starts_with("token=****")), "{told:?}");
}

#[test]
fn the_aws_cli_works_in_a_traced_session() {
    let practice = traced().with("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    let aws = python("aws");
    practice.assume(&["--", aws.to_str().unwrap(), "sts", "get-caller-identity"]).exits(0);
    assert!(words(&practice).iter().any(|words| words.ends_with(&["sts".into(), "get-caller-identity".into()])));
}

/// bash in a traced session on a terminal, at its first prompt.
fn bash(practice: Practice) -> (Practice, Pty) {
    let practice = practice.with("PS1", "inner> ");
    let mut terminal = practice.assume_on_terminal(&["--", "/bin/bash", "--norc", "--noprofile"]);
    terminal.expect("inner> ");
    (practice, terminal)
}

/// Waits until a process has the foreground of its terminal and is not stopped.
#[track_caller]
fn until_in_front(pid: &Value) {
    until(&format!("{pid} sleeps in front"), || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        (fields[0] == "S" && fields[5].parse() == Ok(pid.as_u64().unwrap())).then_some(())
    });
}

#[test]
fn jobs_stop_and_go_on_in_a_traced_shell() {
    let (practice, mut terminal) = bash(traced());
    terminal.send("sleep 1000\r");
    terminal.expect("sleep 1000\r\n");
    let sleeps = |told: &Value| told["argv"] == serde_json::json!(["sleep", "1000"]);
    let sleep = until("it is in the ledger", || programs(&practice).into_iter().find(sleeps));
    until_in_front(&sleep["pid"]);
    terminal.send("\x1a");
    terminal.expect("Stopped");
    terminal.send("kill -CONT %1; jobs -r\r");
    terminal.expect("Running");
    terminal.send("kill -STOP %1; while [ -z \"$(jobs -s)\" ]; do :; done; jobs -s; fg\r");
    terminal.expect("Stopped");
    terminal.expect("sleep 1000\r\n");
    until_in_front(&sleep["pid"]);
    terminal.send("\x03");
    terminal.expect("inner> ");
    terminal.send("echo was $?\r");
    terminal.expect("was 130");
    terminal.send("exit 3\r");
    assert_eq!(terminal.wait().0, 3);
}

#[test]
fn a_traced_session_is_suspended_and_goes_on_as_a_whole() {
    let practice = traced().with("PS1", "outer> ");
    let glass = env!("CARGO_BIN_EXE_glass");
    let mut terminal = practice.home.terminal("/bin/bash", &["--norc", "--noprofile", "-i"]);
    terminal.expect("outer> ");
    let words = practice.words(&["--", "/bin/bash", "--norc", "--noprofile"]);
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    terminal.send(&format!("{glass} {}\r", quoted.join(" ")));
    terminal.expect("(session");
    terminal.expect("outer> ");
    terminal.send("PS1='inner''> '\r");
    terminal.expect("inner> ");
    terminal.send("suspend -f\r");
    terminal.expect("Stopped");
    terminal.expect("outer> ");
    terminal.send("fg\r");
    terminal.send("echo still $GLASS_PROFILE; exit 4\r");
    terminal.expect("still prod-db-emergency");
    terminal.expect("outer> ");
    terminal.send("exit $?\r");
    assert_eq!(terminal.wait().0, 4);
}

#[test]
fn signals_of_every_kind_reach_a_traced_program() {
    let practice = traced();
    let script = "
import os, signal, threading
got = []
for number in (signal.SIGUSR1, signal.SIGTRAP, signal.SIGTSTP, signal.SIGCONT, signal.SIGRTMIN + 1, signal.SIGRTMAX):
    signal.signal(number, lambda number, _: got.append(number))
    os.kill(os.getpid(), number)
    assert got and got[-1] == number, number
os._exit(len(got))
";
    run_python(&practice, script).exits(6);
}

#[test]
fn all_that_is_traced_is_dead_within_ten_seconds_of_the_deadline() {
    let mut supervised = Supervised::traced(Duration::from_secs(2), HOSTILE);
    let pids = supervised.told(5);
    let begun = Instant::now();
    assert_eq!(supervised.ends(), 124);
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
    assert!(!pids.iter().any(|pid| lives(*pid)), "{pids:?}");
}

#[test]
fn a_traced_process_that_forks_for_ever_is_caught() {
    let mut supervised = Supervised::traced(Duration::from_millis(500), RUNNER);
    supervised.told(2);
    let begun = Instant::now();
    assert_eq!(supervised.ends(), 124);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(supervised.left(), 0);
}

#[test]
fn a_storm_of_signals_does_not_hold_up_the_deadline() {
    let script = "
signal.signal(signal.SIGUSR1, lambda *_: None)
for _ in range(4): os.fork()
tell()
while True: os.kill(os.getpid(), signal.SIGUSR1)
";
    let mut supervised = Supervised::traced(Duration::from_secs(2), script);
    let pids = supervised.told(16);
    let begun = Instant::now();
    assert_eq!(supervised.ends(), 124);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    are_gone(&pids);
}

#[test]
fn when_the_supervisor_is_killed_so_is_all_that_it_traces() {
    let mut supervised = Supervised::traced(DEADLINE, HOSTILE);
    let pids = supervised.told(5);
    // The watcher can do nothing about it.
    let watcher = i32::try_from(supervised.watcher.id()).unwrap();
    let supervisor = child_of(supervised.watcher.id());
    let watcher = rustix::process::Pid::from_raw(watcher).unwrap();
    rustix::process::kill_process(watcher, rustix::process::Signal::STOP).unwrap();
    kill(supervisor);
    are_gone(&pids);
    rustix::process::kill_process(watcher, rustix::process::Signal::CONT).unwrap();
    assert_eq!(supervised.ends(), 137);
}

#[test]
fn what_ran_before_glass_was_killed_is_in_the_ledger() {
    let practice = traced();
    let mut command = practice.home.command(env!("CARGO_BIN_EXE_glass"));
    command.args(practice.words(&["--", "/bin/sh", "-c", "/bin/true before; kill -KILL $PPID; /bin/true after"]));
    let mut watcher = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    assert!(ends_within(&watcher, DEADLINE));
    assert_eq!(watcher.wait().unwrap().code(), Some(124));
    let told = words(&practice);
    assert!(told.contains(&vec!["/bin/true".into(), "before".into()]), "{told:?}");
    assert!(!told.contains(&vec!["/bin/true".into(), "after".into()]), "{told:?}");
    assert_eq!(practice.told("session.end")[0]["cause"], "lost");
}

#[test]
fn a_program_does_not_run_when_the_ledger_does_not_take_it() {
    let practice = traced();
    let lock = practice.ledger().join("lock");
    let ran = practice.home.path("ran");
    let script = format!("exec 9<{}; flock 9; touch {}; sleep 1000", lock.display(), ran.display());
    practice.assume(&["--", "/bin/sh", "-c", &script]).exits(4);
    assert!(!fs::exists(&ran).unwrap());
}

#[test]
fn where_ptrace_is_forbidden_the_profile_is_refused_before_a_code_is_asked_for() {
    let practice = traced();
    // A process has one tracer, and under this one glass's child has it already.
    let mut command = practice.home.command(tool("strace"));
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=none", env!("CARGO_BIN_EXE_glass")]);
    let outcome = Outcome::of(command.args(practice.words(&["--", "/bin/true"])), "").exits(3);
    assert!(outcome.stderr.contains("are to be traced"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("hint: it takes Linux"), "{}", outcome.stderr);
    assert_eq!(practice.told("elevate.refused")[0]["rules"], serde_json::json!(["trace"]));
    assert!(practice.told("elevate.intent").is_empty());
}

#[test]
fn the_hook_opens_no_session_that_is_to_be_traced() {
    let practice = traced().unrecorded();
    let words =
        ["credential-process", "prod-db-emergency", "--incident", "INC-4711", "--reason", "nobody sees this one"];
    let outcome = practice.home.glass(&words).exits(3);
    assert!(outcome.stderr.contains("the hook opens none"), "{}", outcome.stderr);
}
