//! Live sessions and those who ask them something: `status`, `end`, and the AWS hook that is served.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use serde_json::Value;

use crate::support::{DEADLINE, Outcome, Practice, WORDS, ends_within, tool, until};

const GLASS: &str = env!("CARGO_BIN_EXE_glass");

/// A session of the built program with a command, killed when this is dropped.
struct Session {
    glass: Child,
    id: String,
}

impl Session {
    /// Opens a session of a profile that runs a command, and waits until it is alive.
    fn open(practice: &Practice, profile: &str, command: &[&str]) -> Session {
        let before = ids(practice);
        let words = [&["assume", profile], &WORDS[..], &["--"], command].concat();
        let mut glass = practice.home.command(GLASS);
        glass.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut session = Session { glass: glass.spawn().unwrap(), id: String::new() };
        session.id = until("a session is alive", || ids(practice).into_iter().find(|id| !before.contains(id)));
        // It answers when its start is in the ledger.
        assert!(status(practice).iter().any(|told| told["session"] == *session.id));
        session
    }

    /// Waits for its end; the answer is its exit code and what it said.
    #[track_caller]
    fn ends(&mut self) -> (i32, String) {
        assert!(ends_within(&self.glass, DEADLINE), "it lives on");
        let mut said = String::new();
        self.glass.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.glass.wait().unwrap().code().unwrap(), said)
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.glass)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = kill_process(self.pid(), Signal::TERM);
        let _ = self.glass.wait();
    }
}

fn status(practice: &Practice) -> Vec<Value> {
    practice.home.glass(&["status", "--json"]).exits(0).json().as_array().unwrap().clone()
}

/// The ids of the sessions that have told themselves to be alive, by their marks.
fn ids(practice: &Practice) -> Vec<String> {
    let run = practice.ledger().parent().unwrap().join("run");
    let names = fs::read_dir(run).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.filter_map(|name| Some(name.to_str()?.strip_suffix(".live")?.to_owned())).collect()
}

fn sockets(practice: &Practice) -> PathBuf {
    Path::new(&practice.home.variable("XDG_RUNTIME_DIR")).join("glass")
}

fn hook(practice: &Practice, more: &[&str]) -> Outcome {
    practice.home.glass(&[&["credential-process", "prod-db-emergency"], more].concat())
}

fn events(practice: &Practice) -> Vec<String> {
    practice.entries().iter().map(|entry| entry["ev"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn status_tells_what_is_alive_and_nothing_else() {
    let practice = Practice::new();
    assert_eq!(status(&practice), Vec::<Value>::new());
    let session = Session::open(&practice, "prod-db-emergency", &["/bin/sleep", "1000"]);
    let told = status(&practice);
    let [told] = told.as_slice() else { panic!("{told:?}") };
    let keys: Vec<_> = told.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["session", "profile", "person", "role", "expires", "remaining", "pid", "kind", "incident"]);
    assert_eq!(told["session"], *session.id);
    assert_eq!(told["profile"], "prod-db-emergency");
    assert_eq!(told["person"], "alice");
    assert_eq!(told["kind"], "command");
    assert_eq!(told["incident"], "INC-4711");
    let remaining = told["remaining"].as_u64().unwrap();
    assert!((800..=900).contains(&remaining), "{remaining}");
    let keeper = fs::read_to_string(format!("/proc/{}/comm", told["pid"])).unwrap();
    assert_eq!(keeper.trim(), "glass");
    let table = practice.home.glass(&["status"]).exits(0).stdout;
    assert!(table.contains(&session.id) && table.contains("INC-4711") && table.contains("15 min left"), "{table}");
    drop(session);
    assert_eq!(status(&practice), Vec::<Value>::new());
}

#[test]
fn the_hook_is_served_from_a_live_session_without_a_question_and_the_ledger_has_it_first() {
    let practice = Practice::new();
    let session = Session::open(&practice, "prod-db-emergency", &["/bin/sleep", "1000"]);
    // Its level demands recording: the hook opens no session of its own, and is served all the same.
    let before = practice.entries().len();
    let served = hook(&practice, &[]).exits(0);
    assert_eq!(served.stderr, "");
    let keys: Vec<_> = served.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"]);
    let ok = practice.told("elevate.ok");
    assert_eq!(served.json()["AccessKeyId"], ok.last().unwrap()["access_key_id"]);
    let entries = practice.entries();
    assert_eq!(entries.len(), before + 1);
    let entry = &entries[before];
    assert_eq!((&entry["ev"], &entry["session"]), (&"session.reissue".into(), &Value::from(session.id.as_str())));
    assert_eq!(entry["d"]["uid"], geteuid().as_raw());
    assert_eq!(entry["d"]["recorded"], false);
    let exe = entry["d"]["exe"].as_str().unwrap();
    assert_eq!(exe, std::env::current_exe().unwrap().to_str().unwrap());
    drop(session);
    let refused = hook(&practice, &WORDS).exits(3);
    assert!(refused.stderr.contains("recording"), "{}", refused.stderr);
}

#[test]
fn the_hook_is_not_served_from_a_session_that_is_not_what_it_names() {
    let practice = Practice::new();
    let _session = Session::open(&practice, "prod-db-emergency", &["/bin/sleep", "1000"]);
    hook(&practice, &["--incident", "INC-4711", "--trigger", "db-outage", "--duration", "15m"]).exits(0);
    // Not this session; and the profile's level lets the hook open none of its own.
    for other in [["--incident", "INC-4712"], ["--duration", "30m"], ["--reason", "something else it is"]] {
        assert_ne!(hook(&practice, &other).code, 0, "{other:?}");
    }
    let other = practice.file("other.toml");
    fs::copy(practice.file("profiles.toml"), &other).unwrap();
    fs::copy(practice.file("orders-db.json"), Path::new(&other).with_file_name("orders-db.json")).unwrap();
    fs::set_permissions(&other, Permissions::from_mode(0o600)).unwrap();
    assert_ne!(hook(&practice, &["--catalogue", &other]).code, 0);
    let bob = practice.home.write("bob.toml", "version = 1\nperson = \"bob\"\n");
    let practice = practice.with("GLASS_IDENTITY", bob.display());
    assert_ne!(hook(&practice, &[]).code, 0);
    assert_eq!(practice.told("session.reissue").len(), 1);
}

#[test]
fn a_profile_that_holds_nothing_serves_nobody() {
    let practice = Practice::new().edited(
        "profiles.toml",
        "policy = \"orders-db.json\"",
        "policy = \"orders-db.json\"\nhold = false",
    );
    let session = Session::open(&practice, "prod-db-emergency", &["/bin/sleep", "1000"]);
    assert_ne!(hook(&practice, &[]).code, 0);
    // Nor does whoever speaks to the socket without glass.
    let answer = say(&sockets(&practice).join(format!("{}.sock", session.id)), b"{\"v\":1,\"ask\":\"credentials\"}\n");
    assert_eq!(answer, "{\"v\":1,\"answer\":{\"no\":{\"why\":\"its profile keeps nothing\"}}}\n");
    assert_eq!(practice.told("session.reissue").len(), 0);
}

#[test]
fn a_session_that_is_ended_is_over_when_end_returns() {
    let practice = Practice::new();
    let mut session = Session::open(&practice, "prod-db-emergency", &["/bin/sh", "-c", "trap '' HUP; sleep 1000"]);
    let outcome = practice.home.glass(&["end"]).exits(0);
    assert_eq!(outcome.stdout, "");
    let until = practice.told("elevate.ok")[0]["expires"].as_str().unwrap().to_owned();
    assert!(outcome.stderr.contains(&format!("{} (prod-db-emergency) has ended", session.id)), "{}", outcome.stderr);
    assert!(outcome.stderr.contains(&format!("would work in AWS until {until}")), "{}", outcome.stderr);
    let end = &practice.told("session.end")[0];
    assert_eq!((&end["cause"], &end["code"]), (&"end".into(), &124.into()));
    let (code, said) = session.ends();
    assert_eq!(code, 124);
    assert!(said.contains("ended before its time"), "{said}");
    assert_ne!(hook(&practice, &[]).code, 0);
    assert!(fs::read_dir(sockets(&practice)).unwrap().next().is_none());
    practice.home.glass(&["audit", "verify"]).exits(0);
}

#[test]
fn a_shell_on_a_terminal_is_ended_from_another() {
    let practice = Practice::new().with("SHELL", "/bin/sh");
    let mut terminal = practice.assume_on_terminal(&[]);
    terminal.expect("# ");
    assert_eq!(status(&practice)[0]["kind"], "shell");
    practice.home.glass(&["end"]).exits(0);
    let (code, text) = terminal.wait();
    assert_eq!(code, 124, "{text}");
}

#[test]
fn a_session_is_ended_from_within() {
    let practice = Practice::new();
    let script = format!("{GLASS} end; echo left with $?; sleep 1000");
    let outcome = practice.assume(&["--", "/bin/sh", "-c", &script]).exits(124);
    assert!(outcome.stderr.contains("is ending"), "{}", outcome.stderr);
    assert_eq!(practice.told("session.end")[0]["cause"], "end");
    let runs = practice.entries().into_iter().filter(|entry| entry["ev"] == "run.end").count();
    assert_eq!(runs, 2, "that of `end` is written down too");
}

/// The second session waits for another code.
#[test]
fn of_several_sessions_those_that_are_named_are_ended() {
    let practice = Practice::new();
    practice.home.glass(&["end"]).exits(1);
    practice.home.glass(&["end", "--all"]).exits(0);
    let mut first = Session::open(&practice, "prod-db-emergency", &["/bin/sleep", "1000"]);
    let mut second = Session::open(&practice, "prod-db-read", &["/bin/sleep", "1000"]);
    let outcome = practice.home.glass(&["end"]).exits(2);
    assert!(
        outcome.stderr.contains("2 sessions are alive") && outcome.stderr.contains(&second.id),
        "{}",
        outcome.stderr
    );
    let outcome = practice.home.glass(&["end", "00000000"]).exits(1);
    assert!(outcome.stderr.contains("no session 00000000 is alive"), "{}", outcome.stderr);
    practice.home.glass(&["end", "--all", &first.id]).exits(2);
    practice.home.glass(&["end", &first.id]).exits(0);
    assert_eq!(first.ends().0, 124);
    assert_eq!(status(&practice).len(), 1);
    practice.home.glass(&["end", "--all"]).exits(0);
    assert_eq!(second.ends().0, 124);
}

#[test]
fn a_session_that_does_not_answer_is_said_so() {
    let practice = Practice::new();
    let session = Session::open(&practice, "prod-db-emergency", &["/bin/sleep", "1000"]);
    let keeper = status(&practice)[0]["pid"].as_i64().unwrap();
    let keeper = Pid::from_raw(keeper.try_into().unwrap()).unwrap();
    // The watcher would have its supervisor go on.
    kill_process(session.pid(), Signal::STOP).unwrap();
    kill_process(keeper, Signal::STOP).unwrap();
    let outcome = practice.home.glass(&["status", "--json"]).exits(0);
    assert_eq!(outcome.json()[0]["session"], *session.id);
    assert!(outcome.stderr.contains("does not answer"), "{}", outcome.stderr);
    let outcome = practice.home.glass(&["end"]).exits(1);
    assert!(outcome.stderr.contains("does not answer") && outcome.stderr.contains("kill "), "{}", outcome.stderr);
    kill_process(keeper, Signal::CONT).unwrap();
    kill_process(session.pid(), Signal::CONT).unwrap();
}

#[test]
fn a_socket_that_nobody_listens_at_is_cleared_and_one_that_is_not_glasss_is_left() {
    let practice = Practice::new();
    let folder = sockets(&practice);
    practice.home.glass(&["list"]).exits(0);
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    let stale = folder.join("00000000.sock");
    drop(UnixListener::bind(&stale).unwrap());
    let other = folder.join("other.sock");
    drop(UnixListener::bind(&other).unwrap());
    let outcome = practice.home.glass(&["status"]).exits(0);
    assert!(outcome.stderr.contains(&stale.display().to_string()), "{}", outcome.stderr);
    assert!(!stale.exists() && other.exists());
}

#[test]
fn a_folder_for_sockets_that_others_may_look_into_stops_the_session() {
    let practice = Practice::new();
    let folder = sockets(&practice);
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    let outcome = practice.assume(&["--", "/bin/true"]).exits(1);
    assert!(outcome.stderr.contains("is open to others"), "{}", outcome.stderr);
    assert_eq!(practice.told("session.end")[0]["cause"], "lost");
    fs::remove_dir(&folder).unwrap();
    std::os::unix::fs::symlink("/tmp", &folder).unwrap();
    assert!(practice.assume(&["--", "/bin/true"]).exits(1).stderr.contains("is a link"));
}

/// Says something to a socket; returns the answer.
fn say(socket: &Path, text: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(text).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Only root can become another user; to everybody else the folder is the wall, and the library's own test shows
/// that a peer of another user is sent away.
#[test]
fn another_user_is_refused_by_a_sessions_socket() {
    let practice = Practice::new();
    let session = Session::open(&practice, "prod-db-emergency", &["/bin/sleep", "1000"]);
    let socket = sockets(&practice).join(format!("{}.sock", session.id));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&socket), mode(socket.parent().unwrap())), (0o600, 0o700));
    if !geteuid().is_root() {
        return;
    }
    for path in socket.ancestors().take_while(|path| *path != Path::new("/tmp") && *path != Path::new("/")) {
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    fs::set_permissions(&socket, Permissions::from_mode(0o777)).unwrap();
    let script = "
import os, socket, sys
os.setgid(65534); os.setuid(65534)
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
try: s.sendall(b'{\"v\":1,\"ask\":\"status\"}\\n')
except BrokenPipeError: pass
try: print(s.recv(9999))
except ConnectionResetError: print(b'')
";
    let mut python = Command::new(tool("python3"));
    let outcome = Outcome::of(python.args(["-c", script, socket.to_str().unwrap()]), "").exits(0);
    assert_eq!(outcome.stdout, "b''\n");
}

/// From eight processes at once, a hundred times each.
#[test]
fn eight_hundred_calls_of_the_hook_are_all_served_and_the_ledger_verifies() {
    let practice = Practice::new();
    let session = Session::open(&practice, "prod-db-emergency", &["/bin/sleep", "1000"]);
    let script =
        format!("i=0; while [ $i -lt 100 ]; do {GLASS} credential-process prod-db-emergency || exit; i=$((i+1)); done");
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let mut shell = practice.home.command("/bin/sh");
            shell.args(["-c", &script]);
            thread::spawn(move || Outcome::of(&mut shell, "").exits(0))
        })
        .collect();
    let answers: Vec<String> = callers
        .into_iter()
        .flat_map(|caller| {
            let outcome = caller.join().unwrap();
            assert_eq!(outcome.stderr, "");
            outcome.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(answers.len(), 800);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(events(&practice).iter().filter(|event| *event == "session.reissue").count(), 800);
    assert_eq!(practice.told("elevate.intent").len(), 1);
    drop(session);
    practice.home.glass(&["audit", "verify"]).exits(0);
}

#[test]
fn the_ledger_that_takes_nothing_serves_nobody() {
    let practice = Practice::new();
    let session = Session::open(&practice, "prod-db-emergency", &["/bin/sleep", "1000"]);
    let segment = practice.ledger().join("log-0000000000000000.jsonl");
    let text = fs::read_to_string(&segment).unwrap();
    fs::write(&segment, text.replace("\"session.start\"", "\"session.stolen\"")).unwrap();
    let socket = sockets(&practice).join(format!("{}.sock", session.id));
    let answer = say(&socket, b"{\"v\":1,\"ask\":\"credentials\"}\n");
    assert!(answer.starts_with("{\"v\":1,\"answer\":{\"no\":"), "{answer}");
    hook(&practice, &[]).exits(4);
}
