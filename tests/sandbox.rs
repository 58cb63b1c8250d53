//! The practice AWS through the built program, with the real AWS CLI as its user.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{DEADLINE, Home, Outcome, Sandbox, ends_within, python, until};

/// A home with a practice AWS, and the AWS CLI in it.
fn practice() -> (Home, Sandbox) {
    let mut home = Home::new();
    let sandbox = Sandbox::start(&mut home);
    (home, sandbox)
}

fn aws(home: &Home, profile: &str, args: &[&str]) -> Outcome {
    Outcome::of(home.command(python("aws")).args(["--profile", profile, "--output", "json"]).args(args), "")
}

#[test]
fn serving_ends_with_its_standard_input_and_leaves_nothing() {
    let home = Home::new();
    let mut command = home.command(env!("CARGO_BIN_EXE_glass"));
    let mut child = command.args(["sandbox", "serve"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let folder = std::path::PathBuf::from(ready["env"]["GLASS_SANDBOX"].as_str().unwrap());
    assert!(folder.starts_with(home.path("run")), "{}", folder.display());
    assert!(folder.join("profiles.toml").is_file());
    home.glass(&["sandbox", "code"]).exits(0);
    drop(child.stdin.take());
    assert!(ends_within(&child, DEADLINE));
    assert!(child.wait().unwrap().success());
    assert!(!folder.exists());
    let failed = home.glass(&["sandbox", "code"]).exits(1);
    assert!(failed.stderr.contains("no practice AWS is running"), "{}", failed.stderr);
    assert!(!home.path(".local").exists(), "a practice is in no ledger but its own");
}

#[test]
fn a_command_is_run_in_the_midst_of_the_practice() {
    let mut home = Home::new();
    home.set("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").set("AWS_ENDPOINT_URL_STS", "http://192.0.2.1");
    home.set("GLASS_SESSION", "0123456z");
    let script = format!(
        "test -z \"$AWS_ACCESS_KEY_ID$GLASS_SESSION\" && test \"$(command -v glass)\" = \"$GLASS_SANDBOX/glass\" \
         && '{}' sts get-caller-identity --query Arn --output text; exit 7",
        python("aws").display()
    );
    let outcome = home.glass(&["sandbox", "--", "sh", "-c", &script]).exits(7);
    assert_eq!(outcome.stdout, "arn:aws:iam::111122223333:user/alice\n");
    home.glass(&["sandbox", "--", "no-such-program"]).exits(127);
}

#[test]
fn the_glass_is_broken_with_the_code_of_the_practice_phone() {
    let (mut home, sandbox) = practice();
    home.set("GLASS_IDENTITY", sandbox.identity.replace("identity.toml", "unattended.toml"));
    let aws = python("aws").display().to_string();
    let words = ["assume", "prod-db-emergency", "--incident", "INC-1", "--reason", "practice makes perfect", "--"];
    let ask = [aws.as_str(), "sts", "get-caller-identity", "--query", "Arn", "--output", "text"];
    let outcome = home.glass(&[&words[..], &ask[..]].concat()).exits(0);
    assert!(
        outcome.stdout.starts_with("arn:aws:sts::444455556666:assumed-role/prod-db-emergency/alice-"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn the_aws_cli_sets_up_a_person_and_a_role() {
    let (home, _sandbox) = practice();
    let people = |args: &[&str]| aws(&home, "practice-people", args).exits(0).json();
    let production = |args: &[&str]| aws(&home, "practice-production", args);
    people(&["iam", "create-user", "--user-name", "carol"]);
    let key = people(&["iam", "create-access-key", "--user-name", "carol"]);
    assert!(key["AccessKey"]["AccessKeyId"].as_str().unwrap().starts_with("AKIA"));
    let seed = home.path("seed").display().to_string();
    let device = ["iam", "create-virtual-mfa-device", "--virtual-mfa-device-name", "carol", "--outfile", &seed];
    let device = people(&[&device[..], &["--bootstrap-method", "Base32StringSeed"]].concat());
    assert_eq!(device["VirtualMFADevice"]["SerialNumber"], "arn:aws:iam::111122223333:mfa/carol");
    assert_eq!(home.read("seed").trim().len(), 32);

    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},
        "Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"night"}}}]}"#;
    let create = ["iam", "create-role", "--role-name", "night", "--assume-role-policy-document", trust];
    let role = production(&create).exits(0).json();
    assert_eq!(role["Role"]["Arn"], "arn:aws:iam::444455556666:role/night");
    let assume =
        ["sts", "assume-role", "--role-session-name", "carol", "--role-arn", "arn:aws:iam::444455556666:role/night"];
    let assumed = aws(&home, "practice-bob", &[&assume[..], &["--external-id", "night"]].concat()).exits(0).json();
    assert_eq!(assumed["AssumedRoleUser"]["Arn"], "arn:aws:sts::444455556666:assumed-role/night/carol");
    let refused = aws(&home, "practice-bob", &assume);
    assert!(refused.stderr.contains("is not authorized to perform: sts:AssumeRole on resource"), "{}", refused.stderr);
    let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    let policy = ["iam", "put-role-policy", "--role-name", "night", "--policy-name", "x", "--policy-document", deny];
    production(&policy).exits(0);
    production(&["iam", "delete-role-policy", "--role-name", "night", "--policy-name", "x"]).exits(0);
    production(&["iam", "delete-role", "--role-name", "night"]).exits(0);
    let unknown = production(&["iam", "get-account-summary"]);
    assert!(unknown.stderr.contains("(InvalidAction)"), "{}", unknown.stderr);
}

#[test]
fn without_a_terminal_the_practice_walks_by_itself() {
    let home = Home::new();
    let outcome = home.glass(&["sandbox"]).exits(0);
    assert!(outcome.stderr.contains("It is not AWS"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("Every step of the practice held."), "{}", outcome.stderr);
    assert!(outcome.stdout.contains(" elevate.ok "), "{}", outcome.stdout);
    assert!(!home.path(".local").exists() && !home.path(".config").exists() && !home.path(".aws").exists());
    assert_eq!(fs::read_dir(home.path("run")).unwrap().count(), 0);
}

#[test]
fn on_a_terminal_a_person_practises_with_the_phone_in_view() {
    let mut home = Home::new();
    home.set("SHELL", "/bin/sh").set("PS1", "elevated> ");
    let mut night = home.terminal(env!("CARGO_BIN_EXE_glass"), &["sandbox"]);
    for _ in 0..4 {
        night.expect("Enter runs it, Ctrl-C ends the practice: ");
        night.send("\r");
    }
    night.expect("glass assume prod-db-emergency");
    night.expect("Enter runs it, Ctrl-C ends the practice: ");
    night.send("\r");
    night.expect("your phone: ");
    let code = night.expect(" ]").replace(' ', "");
    night.expect("ncident");
    night.send("INC-4711\r");
    night.expect("eason");
    night.send("practice makes perfect\r");
    night.expect("ode");
    night.expect(": ");
    night.send(&format!("{code}\r"));
    night.expect("elevated> ");
    night.send("echo in $GLASS_PROFILE for $GLASS_PERSON\r");
    night.expect("in prod-db-emergency for alice");
    night.send("exit 3\r");
    for _ in 0..2 {
        night.expect("Enter runs it, Ctrl-C ends the practice: ");
        night.send("\r");
    }
    night.expect("Every step of the practice held.");
    assert_eq!(night.wait().0, 0);
}

#[test]
fn a_practice_that_is_left_leaves_nothing() {
    let home = Home::new();
    let mut night = home.terminal(env!("CARGO_BIN_EXE_glass"), &["sandbox"]);
    night.expect("Enter runs it, Ctrl-C ends the practice: ");
    night.send("\x03");
    assert_eq!(night.wait().0, 1);
    assert_eq!(fs::read_dir(home.path("run")).unwrap().count(), 0);
}

/// Between two steps, when nothing runs and nothing is asked: it waits to be heard.
#[test]
fn a_practice_that_is_told_to_end_between_two_steps_leaves_nothing() {
    let home = Home::new();
    let (heard, said) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let flags = fcntl_getfl(&said).unwrap();
    fcntl_setfl(&said, flags | OFlags::NONBLOCK).unwrap();
    let mut said = File::from(said);
    while said.write(b" ").is_ok() {}
    fcntl_setfl(&said, flags).unwrap();
    let mut command = home.command(env!("CARGO_BIN_EXE_glass"));
    command.arg("sandbox").stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
    let mut child = command.spawn().unwrap();
    drop(command);
    let folders = || fs::read_dir(home.path("run")).unwrap().flatten();
    let begins = || folders().any(|folder| folder.path().join("control.sock").exists());
    until("the practice begins", || begins().then_some(()));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let mut text = String::new();
    File::from(heard).read_to_string(&mut text).unwrap();
    assert!(ends_within(&child, DEADLINE));
    assert!(!child.wait().unwrap().success());
    assert_eq!(folders().count(), 0, "{text}");
}
