//! Who is told of what is in the ledger, by the built program, over real connections.

mod keyring;
mod note;
mod program;
mod required;
mod topic;

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::real::proxies::with_tls;
use crate::support::world::{CATALOGUE, IDENTITY};
use crate::support::{
    DEADLINE, HOOK_SECRET, Home, Kind, Outcome, Practice, Receiver, SoftKey, ends_within, nobody, until,
};

/// A person who is refused, which they are told of. `--catalogue` names one without hooks: nothing is told by itself.
const REFUSED: [&str; 10] = [
    "--catalogue",
    "plain.toml",
    "assume",
    "prod-db-emergency",
    "--trigger",
    "outage",
    "--incident",
    "INC-1",
    "--reason",
    "short",
];

/// A home whose catalogue has these hooks, which are new.
fn home(hooks: &str) -> Home {
    let home = Home::new();
    change(&home, hooks);
    home.write("plain.toml", CATALOGUE);
    home.write(".config/glass/identity.toml", IDENTITY);
    home.write(".local/state/glass/hooks/pager.secret", HOOK_SECRET);
    home.glass(&["hooks", "send"]).exits(0);
    home
}

fn change(home: &Home, hooks: &str) {
    home.write(".config/glass/profiles.toml", &format!("{CATALOGUE}{hooks}"));
}

/// A hook `pager` on refusals.
fn pager(call: &str) -> String {
    format!("[[hooks]]\nname = \"pager\"\non = [\"elevate.refused\"]\n{call}\n")
}

fn webhook(address: &str) -> String {
    pager(&format!("webhook = \"{address}\""))
}

fn refuse(home: &Home) {
    home.glass(&REFUSED).exits(3);
}

fn send(home: &Home) -> Outcome {
    home.glass(&["hooks", "send"])
}

fn ledger(home: &Home) -> PathBuf {
    home.path(".local/state/glass/ledger")
}

/// Has the first refusal, and all that is before it, say another date.
fn date_back(home: &Home, date: &str) {
    let mut lines = lines(home);
    let last = lines.iter().position(|line| line.contains(r#""ev":"elevate.refused""#)).unwrap();
    for line in &mut lines[..=last] {
        let at = line.find(r#""ts":""#).unwrap() + 6;
        line.replace_range(at..at + date.len(), date);
    }
    fs::write(ledger(home).join("log-0000000000000000.jsonl"), lines.concat()).unwrap();
}

/// All lines of the ledger.
fn lines(home: &Home) -> Vec<String> {
    let text = fs::read_to_string(ledger(home).join("log-0000000000000000.jsonl")).unwrap();
    text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(str::to_owned).collect()
}

fn lines_of(home: &Home, event: &str) -> Vec<String> {
    let of = format!(r#""ev":"{event}""#);
    lines(home).into_iter().filter(|line| line.contains(&of)).collect()
}

/// What the entries of one event say.
fn told(home: &Home, event: &str) -> Vec<Value> {
    lines_of(home, event).iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["d"].clone()).collect()
}

/// What is told of hooks that fail.
fn warned(home: &Home) -> String {
    home.glass(&["status"]).exits(0).stderr
}

#[test]
fn an_entry_is_posted_as_it_is_stored_once_and_signed() {
    let receiver = Receiver::start(&Home::new());
    let home = home(&webhook(&format!("{}/taken?token=of-the-address", receiver.address)));
    refuse(&home);
    send(&home).exits(0);
    let request = receiver.next();
    assert_eq!(
        (&request["event"], &request["path"]),
        (&json!("elevate.refused"), &json!("/taken?token=of-the-address"))
    );
    assert_eq!([request["line"].as_str().unwrap()], lines_of(&home, "elevate.refused").as_slice());
    send(&home).exits(0);
    refuse(&home);
    send(&home).exits(0);
    let next = receiver.next();
    assert_ne!(next["id"], request["id"]);
    assert_eq!(Some(next["line"].as_str().unwrap()), lines_of(&home, "elevate.refused").last().map(String::as_str));
    assert!(receiver.is_idle());
    assert_eq!((warned(&home).as_str(), told(&home, "hook.failed").len()), ("glass: no session is alive\n", 0));
    // Neither the secret nor what may be one is anywhere but where it was put.
    let shown = home.glass(&["hooks"]).exits(0).stdout;
    assert!(shown.contains(&receiver.address) && !shown.contains("of-the-address"), "{shown}");
    for entry in fs::read_dir(ledger(&home)).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let text = fs::read(&entry).unwrap();
        let found = |secret: &str| text.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found(HOOK_SECRET) && !found("of-the-address"), "{}", entry.display());
    }
}

/// A hook that is new is told of nothing that was before it.
#[test]
fn a_hook_begins_with_the_run_that_finds_it() {
    let receiver = Receiver::start(&Home::new());
    let home = home("");
    refuse(&home);
    change(&home, &webhook(&format!("{}/taken", receiver.address)));
    let refused = ["assume", "prod-db-emergency", "--trigger", "outage", "--incident", "INC-2", "--reason", "short"];
    home.glass(&refused).exits(3);
    assert_eq!([receiver.next()["line"].as_str().unwrap()], lines_of(&home, "elevate.refused")[1..]);
    assert!(receiver.is_idle());
}

/// A session's beginning is told while it lasts, and nothing of it waits for that.
#[test]
fn who_is_elevated_is_told_at_once_by_a_process_that_is_not_of_the_session() {
    let receiver = Receiver::start(&Home::new());
    let practice = hooked(&receiver, "[\"elevate.intent\", \"elevate.ok\", \"session.end\"]", "/taken", "");
    let mut glass = practice.home.command(env!("CARGO_BIN_EXE_glass"));
    let child = glass.args(practice.words(&["--", "sh", "-c", "read line; exit 7"]));
    let mut child = child.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (intent, ok) = (receiver.next(), receiver.next());
    assert_eq!((&intent["event"], &ok["event"]), (&json!("elevate.intent"), &json!("elevate.ok")));
    assert!(child.try_wait().unwrap().is_none(), "it is told while the session lives");
    drop(child.stdin.take());
    assert!(ends_within(&child, DEADLINE));
    assert_eq!(child.wait().unwrap().code(), Some(7));
    assert_eq!(receiver.next()["event"], "session.end");
    let end = &practice.told("session.end")[0];
    assert_eq!((&end["cause"], &end["code"]), (&json!("exit"), &json!(7)), "nothing was left behind");
}

/// What a receiver does not take is tried again while the session lives, and by nobody after that.
#[test]
fn a_hook_that_was_down_when_a_session_began_is_told_while_it_lives() {
    let receiver = Receiver::start(&Home::new());
    let practice = hooked(&receiver, "[\"elevate.ok\"]", "/503x3", "");
    let mut glass = practice.home.command(env!("CARGO_BIN_EXE_glass"));
    let child = glass.args(practice.words(&["--", "sh", "-c", "read line; exit 7"]));
    let mut child = child.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let tries = [receiver.next(), receiver.next(), receiver.next()];
    assert!(tries.iter().all(|request| request["id"] == tries[0]["id"]));
    let untold = practice.ledger().join("untold");
    until("it is to be told later", || untold.exists().then_some(()));
    assert!(receiver.is_idle());
    // Its time has come.
    File::options().write(true).open(&untold).unwrap().set_modified(SystemTime::now()).unwrap();
    assert_eq!(receiver.next()["id"], tries[0]["id"]);
    until("it hears again", || practice.told("hook.recovered").pop());
    assert!(child.try_wait().unwrap().is_none(), "the session lives");
    drop(child.stdin.take());
    assert!(ends_within(&child, DEADLINE));
    assert_eq!(child.wait().unwrap().code(), Some(7));
    assert_eq!(practice.told("hook.failed").len(), 1);
}

/// Who stays to try again goes with the session.
#[test]
fn nobody_stays_to_tell_a_hook_when_no_session_lives() {
    let receiver = Receiver::start(&Home::new());
    let practice = hooked(&receiver, "[\"elevate.ok\"]", "/503", "");
    let mut glass = practice.home.command(env!("CARGO_BIN_EXE_glass"));
    let child = glass.args(practice.words(&["--", "sh", "-c", "read line; exit 7"]));
    let mut child = child.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    for _ in 0..3 {
        receiver.next();
    }
    drop(child.stdin.take());
    assert!(ends_within(&child, DEADLINE));
    child.wait().unwrap();
    let of = |event: &str| {
        let found = practice.entries().into_iter().filter(|entry| entry["ev"] == event);
        let mut pids: Vec<u64> = found.map(|entry| entry["pid"].as_u64().unwrap()).collect();
        pids.sort_unstable();
        pids
    };
    until("every glass has ended", || (of("run.start") == of("run.end")).then_some(()));
}

/// An override is never quiet.
#[test]
fn who_goes_on_without_approvals_is_told_of_while_they_do() {
    let receiver = Receiver::start(&Home::new());
    let practice = hooked(&receiver, "[\"request.made\", \"override.used\"]", "/taken", "");
    let rule = "approval = { count = 1, from = [\"bob\"] }\n\
                override = { for = [\"alice\"], max_duration = \"15m\" }\nrunbook = \"prod-db.md\"";
    let practice = practice.edited("profiles.toml", "runbook = \"prod-db.md\"", rule);
    let bob = format!("[people.bob]\nkeys = [\"{}\"]", SoftKey::new(Kind::Ed25519).line());
    let practice = practice.edited("profiles.toml", "[people.bob]", &bob);
    let mut words = vec!["assume", "prod-db-emergency", "--override", "--incident", "INC-4711"];
    words.extend(["--reason", "nobody of security answers and orders are being lost", "--", "sh", "-c", "read line"]);
    let mut terminal = practice.home.terminal(env!("CARGO_BIN_EXE_glass"), &words);
    terminal.expect("Type the profile's name to go on without approvals: ");
    terminal.send("prod-db-emergency\r");
    assert_eq!([receiver.next()["event"].clone(), receiver.next()["event"].clone()], ["request.made", "override.used"]);
    terminal.send("\r");
    assert_eq!(terminal.wait().0, 0);
}

/// The practice with a hook `pager`.
fn hooked(receiver: &Receiver, on: &str, path: &str, more: &str) -> Practice {
    let hook = format!("[[hooks]]\nname = \"pager\"\non = {on}\nwebhook = \"{}{path}\"\n{more}\n", receiver.address);
    let practice = Practice::new().unrecorded().edited("profiles.toml", "[naming]", &format!("{hook}\n[naming]"));
    let folder = PathBuf::from(practice.file("state/glass/hooks"));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("pager.secret"), HOOK_SECRET).unwrap();
    fs::set_permissions(folder.join("pager.secret"), Permissions::from_mode(0o600)).unwrap();
    practice
}

#[test]
fn what_is_not_taken_waits_in_its_order_and_the_ledger_tells_once() {
    let receiver = Receiver::start(&Home::new());
    let home = home(&webhook(&format!("{}/503x3", receiver.address)));
    refuse(&home);
    refuse(&home);
    for _ in 0..3 {
        let sent = send(&home).exits(1);
        assert!(
            sent.stderr.contains("pager was not told of everything\ncaused by: it answered 503\n"),
            "{}",
            sent.stderr
        );
    }
    let first = receiver.next();
    assert_eq!([&first["id"], &first["id"]], [&receiver.next()["id"], &receiver.next()["id"]], "the same entry, again");
    assert!(receiver.is_idle(), "what comes after it waits");
    let warning = warned(&home);
    assert!(warning.contains("glass: warning: the hook pager fails since 20"), "{warning}");
    assert!(
        warning.contains(": it answered 503 (3 failures in a row, 0 entries that it will not be told of)\n"),
        "{warning}"
    );
    let shown = home.glass(&["hooks", "--json"]).exits(0).json();
    assert_eq!((&shown[0]["failing"]["tries"], &shown[0]["failing"]["why"]), (&json!(3), &json!("it answered 503")));
    send(&home).exits(0);
    let refused = lines_of(&home, "elevate.refused");
    assert_eq!(
        [receiver.next(), receiver.next()].map(|request| request["line"].as_str().unwrap().to_owned()),
        *refused
    );
    let seq = |line: &str| serde_json::from_str::<Value>(line).unwrap()["seq"].clone();
    let failed = json!({ "hook": "pager", "kind": "webhook", "seq": seq(&refused[0]), "why": "it answered 503" });
    let well = json!({ "hook": "pager", "kind": "webhook", "seq": seq(&refused[0]), "tries": 3, "passed_over": 0 });
    assert_eq!((told(&home, "hook.failed"), told(&home, "hook.recovered")), (vec![failed], vec![well]));
    assert_eq!(warned(&home), "glass: no session is alive\n");
    home.glass(&["audit", "verify"]).exits(0);
}

/// A receiver that will never take an entry does not keep the next ones from being told.
#[test]
fn what_will_never_be_taken_is_passed_over_and_told() {
    let receiver = Receiver::start(&Home::new());
    let home = home(&webhook(&format!("{}/422x1", receiver.address)));
    refuse(&home);
    refuse(&home);
    let sent = send(&home).exits(0);
    assert_eq!(sent.stderr, "");
    assert_ne!(receiver.next()["id"], receiver.next()["id"]);
    assert_eq!(told(&home, "hook.failed")[0]["why"], "it answered 422");
    assert_eq!(told(&home, "hook.recovered")[0]["passed_over"], 1);
    refuse(&home);
    change(&home, &webhook(&format!("{}/400", receiver.address)));
    let sent = send(&home).exits(0);
    let told = told(&home, "hook.failed");
    assert_eq!(told.len(), 2, "{told:?} {:?}", sent.stderr);
    assert!(sent.stderr.contains("it answered 400 (1 failures in a row, 1 entries"), "{}", sent.stderr);
}

/// A hook that was dead for weeks is not told of what nobody wants to hear any more.
#[test]
fn what_is_older_than_three_days_is_passed_over() {
    let receiver = Receiver::start(&Home::new());
    let home = home(&webhook(&format!("{}/taken", receiver.address)));
    refuse(&home);
    refuse(&home);
    date_back(&home, "2020-01-01");
    send(&home).exits(0);
    assert_eq!([receiver.next()["line"].as_str().unwrap()], lines_of(&home, "elevate.refused")[1..]);
    assert!(receiver.is_idle());
    assert_eq!(told(&home, "hook.failed")[0]["why"], "it was not told of it within three days");
    assert_eq!(told(&home, "hook.recovered")[0]["passed_over"], 1);
}

#[test]
fn a_receiver_that_is_none_costs_a_failure_and_no_more() {
    let receiver = Receiver::start(&Home::new());
    let home = home(&webhook(&nobody()));
    refuse(&home);
    let fails = |why: &str| {
        let sent = send(&home).exits(1);
        assert!(sent.stderr.contains(why), "{why}: {}", sent.stderr);
    };
    fails("caused by: there is no connection: tcp connect error: Connection refused");
    change(&home, &webhook(&format!("{}/redirect", receiver.address)));
    fails("caused by: it answered 307\n");
    change(&home, &webhook(&format!("{}/endless", receiver.address)));
    fails("caused by: the answer is longer than 65536 bytes\n");
    assert_eq!([receiver.next()["path"].clone(), receiver.next()["path"].clone()], ["/redirect", "/endless"]);
    let secret = home.path(".local/state/glass/hooks/pager.secret");
    fs::set_permissions(&secret, Permissions::from_mode(0o644)).unwrap();
    fails("hooks/pager.secret\ncaused by: others may read or write it (mode 644): chmod 600\n");
    fs::remove_file(&secret).unwrap();
    fails("caused by: there is no secret to sign with\nhint: `glass hooks secret NAME` keeps");
    assert!(receiver.is_idle());
    assert_eq!(told(&home, "hook.failed").len(), 1);
}

/// The catalogue's own certificates are trusted, and no others.
#[test]
fn a_receiver_behind_tls_is_who_its_certificate_says() {
    let (tls, _moto, certificate) = with_tls();
    let key = tls.path("key.pem").display().to_string();
    let receiver = Receiver::start_with(&tls, &[&certificate, &key]);
    let hook = webhook(&format!("{}/taken", receiver.address));
    let home = home(&hook);
    refuse(&home);
    let sent = send(&home).exits(1);
    assert!(sent.stderr.contains("invalid peer certificate"), "{}", sent.stderr);
    change(&home, &format!("{hook}[aws]\nca_bundle = \"{certificate}\"\n"));
    send(&home).exits(0);
    assert_eq!(receiver.next()["event"], "elevate.refused");
}

#[test]
fn the_secret_is_asked_and_a_test_is_the_run_itself() {
    let receiver = Receiver::start(&Home::new());
    let home = home(&webhook(&format!("{}/taken", receiver.address)));
    let secret = home.path(".local/state/glass/hooks/pager.secret");
    fs::remove_file(&secret).unwrap();
    let glass = env!("CARGO_BIN_EXE_glass");
    let failed = home.glass(&["hooks", "test", "pager"]).exits(1);
    assert!(
        failed.stderr.starts_with("glass: pager does not hear\ncaused by: there is no secret"),
        "{}",
        failed.stderr
    );
    let mut terminal = home.terminal(glass, &["hooks", "secret", "pager"]);
    terminal.expect("Secret of pager: ");
    terminal.send("too short\r");
    terminal.expect("16 to 256 visible ASCII characters");
    terminal.expect("Secret of pager: ");
    terminal.send(&format!("{HOOK_SECRET}\r"));
    let (code, text) = terminal.wait();
    assert!(code == 0 && text.contains("the secret of pager is in ") && !text.contains(HOOK_SECRET), "{text}");
    assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
    let shown = home.glass(&["hooks", "test", "pager"]).exits(0);
    let request = receiver.next();
    assert_eq!(shown.stdout, format!("told  pager  run.start  {}\n", request["id"].as_str().unwrap()));
    let entry: Value = serde_json::from_str(request["line"].as_str().unwrap()).unwrap();
    assert_eq!(entry["d"], json!({ "command": "hooks", "args": ["hooks", "test", "pager"] }));
    let unknown = home.glass(&["hooks", "test", "nobody"]).exits(2);
    assert!(unknown.stderr.contains("the catalogue has no hook nobody"), "{}", unknown.stderr);
}

/// The example that the page has is one that works.
#[test]
fn the_receiver_of_the_page_takes_what_is_genuine() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/hooks/receiver.py");
    let source = fs::read_to_string(source).unwrap();
    let page = include_str!("../docs/hooks.md");
    let begin = source.find("def is_genuine").unwrap();
    let function = &source[begin..begin + source[begin..].find("\n\n\n").unwrap()];
    assert!(page.contains(function), "docs/hooks.md shows another function than {function}");
}
