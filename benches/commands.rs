//! How fast and how large the built program is, against programs that do the same or nothing, in one run.
//! `cargo bench --bench commands` after `tests/run` has made the Python environment; see docs/performance.md.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement takes time, starts programs, says what it found and may fail loudly"
)]

#[allow(dead_code, unused_imports, reason = "a measurement needs a part of what the tests stand on")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{Home, Moto, python};

const GLASS: &str = env!("CARGO_BIN_EXE_glass");

fn main() {
    let home = Home::new();
    let moto = Moto::start(&home);
    let config =
        format!("[profile daily]\nregion = eu-west-1\ncredential_process = cat {}\n", home.path("key.json").display());
    home.write(".aws/config", &config);
    home.write("key.json", &key(&home, &moto));
    home.write(".config/glass/profiles.toml", &catalogue(&moto.endpoint, 1));
    home.write(
        ".config/glass/identity.toml",
        "version = 1\nperson = \"alice\"\nsource = { profile = \"daily\" }\ncode = { command = [\"/bin/echo\", \"123456\"] }\n",
    );
    let many = home.write("many.toml", &catalogue(&moto.endpoint, 500));

    size();
    start(&home);
    list(&home, &many);
    whoami(&home, &moto);
    assume(&home, &moto);
    memory(&home);
}

/// Makes a user in moto; returns their key as a `credential_process` prints it.
fn key(home: &Home, moto: &Moto) -> String {
    home.write("key.json", r#"{"Version":1,"AccessKeyId":"anybody","SecretAccessKey":"anything"}"#);
    let aws = python("aws").display().to_string();
    let iam = |words: &[&str]| {
        run(home, &aws, &[&["--profile", "daily", "--endpoint-url", &moto.endpoint, "iam"], words].concat())
    };
    iam(&["create-user", "--user-name", "alice"]);
    let made: serde_json::Value = serde_json::from_str(&iam(&["create-access-key", "--user-name", "alice"])).unwrap();
    let (id, secret) = (&made["AccessKey"]["AccessKeyId"], &made["AccessKey"]["SecretAccessKey"]);
    serde_json::json!({ "Version": 1, "AccessKeyId": id, "SecretAccessKey": secret }).to_string()
}

/// A catalogue of so many profiles.
fn catalogue(endpoint: &str, profiles: usize) -> String {
    let mut text = format!(
        r#"version = 1
organisation = "acme"
[aws]
endpoint = "{endpoint}"
[naming]
environments = ["prod"]
[levels.emergency]
max_duration = "1h"
recording = false
[triggers.db-outage]
summary = "The orders database is down"
incident = "INC-[0-9]{{1,8}}"
[people.alice]
arn = "arn:aws:iam::123456789012:user/alice"
mfa = "arn:aws:iam::123456789012:mfa/alice"
groups = ["oncall"]
"#
    );
    for number in 0..profiles {
        writeln!(
            text,
            r#"[profiles.prod-db{number}-emergency]
summary = "Write access to the orders database"
role = "arn:aws:iam::123456789012:role/glass/prod-db{number}-emergency"
region = "eu-west-1"
for = ["oncall"]
triggers = ["db-outage"]
duration = "15m"
max_duration = "30m""#
        )
        .unwrap();
    }
    text
}

fn size() {
    let megabytes = fs::metadata(GLASS).unwrap().len() as f64 / 1e6;
    println!("program                       {megabytes:>8.1} MB   (at most 16)");
}

fn start(home: &Home) {
    let (glass, nothing) =
        in_turn(200, || drop(run(home, GLASS, &["--version"])), || drop(run(home, "/bin/true", &[])));
    println!("glass --version               {:>8.2} ms", millis(glass));
    println!("/bin/true                     {:>8.2} ms", millis(nothing));
    println!("ratio                         {:>8.2}      (at most 3)", ratio(glass, nothing));
}

fn list(home: &Home, many: &Path) {
    let catalogue = many.to_str().unwrap();
    let taken =
        median((0..20).map(|_| timed(|| drop(run(home, GLASS, &["--catalogue", catalogue, "list"])))).collect());
    println!("glass list, 500 profiles      {:>8.2} ms   (at most 20)", millis(taken));
}

fn whoami(home: &Home, moto: &Moto) {
    let aws = python("aws").display().to_string();
    let words = ["--profile", "daily", "--endpoint-url", &moto.endpoint, "sts", "get-caller-identity"];
    let (glass, cli) = in_turn(10, || drop(run(home, GLASS, &["whoami"])), || drop(run(home, &aws, &words)));
    println!("glass whoami                  {:>8.2} ms", millis(glass));
    println!("aws sts get-caller-identity   {:>8.2} ms", millis(cli));
    println!("ratio                         {:>8.3}      (at most 0.05)", ratio(glass, cli));
}

fn assume(home: &Home, moto: &Moto) {
    let words = elevation(&["/bin/true"]);
    let (glass, bare) = in_turn(
        20,
        || {
            // Else the second would wait for the next code.
            let _ = fs::remove_dir_all(home.path(".local/state/glass/mfa"));
            run(home, GLASS, &words);
        },
        || {
            post(&moto.endpoint, "Action=GetCallerIdentity&Version=2011-06-15");
            post(
                &moto.endpoint,
                "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/x&RoleSessionName=alice",
            );
        },
    );
    println!("glass assume P -- true        {:>8.2} ms", millis(glass));
    println!("two bare round trips          {:>8.2} ms", millis(bare));
    println!("difference                    {:>8.2} ms   (at most 50)", millis(glass.saturating_sub(bare)));
}

/// The program's peak while its child runs, as the child sees it.
fn memory(home: &Home) {
    let _ = fs::remove_dir_all(home.path(".local/state/glass/mfa"));
    let status = run(home, GLASS, &elevation(&["/bin/sh", "-c", "cat /proc/$PPID/status"]));
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes: f64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    println!("peak memory of assume         {:>8.1} MB   (at most 30)", kilobytes * 1024.0 / 1e6);
}

fn elevation<'a>(command: &[&'a str]) -> Vec<&'a str> {
    let words = ["assume", "prod-db0-emergency", "--incident", "INC-1", "--reason", "a measurement of speed", "--"];
    [&words[..], command].concat()
}

/// Runs a program to its end, with nothing of the caller's environment; returns its standard output.
fn run(home: &Home, program: &str, args: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(args).env_clear().env("HOME", home.path("")).env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// One HTTP round trip on a connection of its own, without a signature.
fn post(endpoint: &str, body: &str) {
    let address = endpoint.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    let head = "POST / HTTP/1.1\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\n";
    // moto learns from the credential scope which service is meant.
    let scope = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260131/eu-west-1/sts/aws4_request, SignedHeaders=host, Signature=0";
    let length = body.len();
    let request = format!("{head}host: {address}\r\nauthorization: {scope}\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// The medians of two works that are done in turn, so that a busy machine slows both.
fn in_turn(times: usize, mut one: impl FnMut(), mut other: impl FnMut()) -> (Duration, Duration) {
    one();
    other();
    let taken: (Vec<_>, Vec<_>) = (0..times).map(|_| (timed(&mut one), timed(&mut other))).unzip();
    (median(taken.0), median(taken.1))
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}
