//! moto as AWS, the AWS CLI as the user of a session, and a clock that is off.

use super::{BREAK_GLASS, set_up};
use crate::support::{Home, Moto, Outcome, Sandbox, python, tool};

/// A home whose daily identity is the user `alice` of a moto, by a profile with a `credential_process`.
fn with_moto() -> (Home, Moto) {
    let home = Home::new();
    let moto = Moto::start(&home);
    let mut iam = home.command(python("aws"));
    iam.env("AWS_ACCESS_KEY_ID", "anybody").env("AWS_SECRET_ACCESS_KEY", "anything").args(["--region", "eu-west-1"]);
    iam.args(["--endpoint-url", &moto.endpoint, "iam"]);
    let aws = |args: &[&str]| {
        let mut command = home.command(iam.get_program());
        command.args(iam.get_args()).args(args);
        command.envs(iam.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Outcome::of(&mut command, "").exits(0)
    };
    aws(&["create-user", "--user-name", "alice"]);
    let key = aws(&["create-access-key", "--user-name", "alice"]).json()["AccessKey"].clone();
    let answer = serde_json::json!({
        "Version": 1, "AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"],
    });
    let path = home.write("key.json", &answer.to_string());
    home.write(
        ".aws/config",
        &format!(
            "[profile daily]\ncredential_process = cat {}\nendpoint_url = http://192.0.2.1\n\
             [profile chain]\nrole_arn = arn:aws:iam::123456789012:role/daily\nsource_profile = daily\n",
            path.display()
        ),
    );
    set_up(&home, &moto.endpoint, None, "daily");
    (home, moto)
}

/// Everything in a caller's environment that could lead a call elsewhere.
fn make_hostile(home: &mut Home) {
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_IAM"] {
        home.set(name, "http://192.0.2.1");
    }
    home.set("AWS_PROFILE", "no-such-profile").set("AWS_DEFAULT_PROFILE", "no-such-profile");
    home.set("AWS_ACCESS_KEY_ID", "AKIAEVILEVILEVILEVIL").set("AWS_SECRET_ACCESS_KEY", "evil");
    home.set("AWS_SESSION_TOKEN", "evil").set("AWS_ROLE_ARN", "arn:aws:iam::666666666666:role/evil");
    home.set("AWS_WEB_IDENTITY_TOKEN_FILE", "/evil").set("AWS_REGION", "us-evil-1");
    home.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1").set("LOG_SENSITIVE_BODIES", "true");
}

#[test]
fn whoami_is_what_aws_says_whatever_the_environment_says() {
    let (mut home, _moto) = with_moto();
    make_hostile(&mut home);
    let outcome = home.glass(&["whoami", "--json"]).exits(0);
    assert_eq!(outcome.json()["account"], "123456789012");
    assert_eq!(outcome.json()["arn"], "arn:aws:iam::123456789012:user/alice");
    assert_eq!(outcome.json().as_object().unwrap().len(), 3);
    assert_eq!(outcome.stderr, "");
    let text = home.glass(&["whoami"]).exits(0).stdout;
    assert!(text.contains("source   profile daily (credential_process)"), "{text}");
}

#[test]
fn a_role_of_the_profile_is_assumed_where_the_catalogue_says() {
    let (mut home, moto) = with_moto();
    make_hostile(&mut home);
    set_up(&home, &moto.endpoint, None, "chain");
    let outcome = home.glass(&["whoami"]).exits(0);
    assert!(outcome.stdout.contains("assumed-role/daily/"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("profile chain (assume-role from credential_process)"), "{}", outcome.stdout);
    assert!(outcome.stderr.contains("in the catalogue alice is arn:aws:iam::123456789012:user/alice"));
}

#[test]
fn a_session_of_moto_works_in_the_aws_cli() {
    let (mut home, _moto) = with_moto();
    make_hostile(&mut home);
    let aws = python("aws").display().to_string();
    let command = [&BREAK_GLASS[..], &["--", &aws, "sts", "get-caller-identity", "--output", "json"]].concat();
    let outcome = home.glass(&command).exits(0);
    let arn = outcome.json()["Arn"].as_str().unwrap().to_owned();
    assert!(arn.starts_with("arn:aws:sts::123456789012:assumed-role/prod-db-emergency/alice-"), "{arn}");
    let ledger = home.read(".local/state/glass/ledger/log-0000000000000000.jsonl");
    assert!(ledger.contains(arn.rsplit('/').next().unwrap()), "the session's name is not in the ledger");
    assert!(!ledger.contains("123456\""), "the code is in the ledger");
}

#[test]
fn an_endpoint_that_nobody_listens_on_is_a_failure_with_a_hint() {
    let (home, moto) = with_moto();
    drop(moto);
    let outcome = home.glass(&["whoami"]).exits(1);
    assert!(outcome.stderr.contains("AWS cannot be reached"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("hint: "), "{}", outcome.stderr);
}

/// Runs glass on a machine whose clock is off, but not its count of time.
fn glass_off_by(home: &Home, offset: &str, args: &[&str]) -> Outcome {
    let mut command = home.command(tool("faketime"));
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").args(["-f", offset, env!("CARGO_BIN_EXE_glass")]).args(args);
    Outcome::of(&mut command, "")
}

#[test]
fn a_clock_that_is_ten_minutes_off_is_told_and_made_up_for() {
    // An answer that comes a second later is told as a second more or less.
    let told =
        |stderr: &str, way: &str| (599..=601).any(|seconds| stderr.contains(&format!("{seconds} s {way} AWS's")));
    for (offset, way) in [("+600s", "ahead of"), ("-600s", "behind")] {
        let mut home = Home::new();
        let sandbox = Sandbox::start(&mut home);
        let outcome = glass_off_by(&home, offset, &["whoami", "--json"]).exits(0);
        assert_eq!(outcome.json()["arn"], "arn:aws:iam::111122223333:user/alice");
        assert!(told(&outcome.stderr, way), "{}", outcome.stderr);

        // The phone's clock is right.
        let code = home.glass(&["sandbox", "code"]).exits(0).stdout;
        let identity = std::fs::read_to_string(&sandbox.identity).unwrap();
        let code = format!("\ncode = {{ command = [\"/bin/echo\", \"{}\"] }}\n", code.trim());
        let without: String =
            identity.lines().filter(|line| !line.starts_with("code")).map(|l| format!("{l}\n")).collect();
        let identity = home.write("off.toml", &format!("{without}{code}"));
        home.set("GLASS_IDENTITY", identity.display());
        let outcome = glass_off_by(&home, offset, &[&BREAK_GLASS[..], &["--", "true"]].concat()).exits(0);
        assert!(told(&outcome.stderr, way), "{}", outcome.stderr);
    }
}

/// The first JSON block of a page of the docs below a heading.
fn json_below<'p>(page: &'p str, heading: &str) -> &'p str {
    let (_, section) = page.split_once(heading).unwrap();
    let (_, block) = section.split_once("```json\n").unwrap();
    block.split_once("```").unwrap().0
}

#[test]
fn the_trust_policy_of_the_docs_lets_in_who_has_a_code_and_nobody_else() {
    let mut home = Home::new();
    let sandbox = Sandbox::start(&mut home);
    let page = include_str!("../../docs/aws-setup.md");
    let trust = json_below(page, "### The trust policy, for IAM users");
    let aws = |profile: &str, words: &[&str]| {
        Outcome::of(home.command(python("aws")).args(["--profile", profile, "--output", "json"]).args(words), "")
    };
    let create = ["iam", "create-role", "--path", "/glass/", "--role-name", "docs", "--assume-role-policy-document"];
    let role = aws("practice-production", &[&create[..], &[trust]].concat()).exits(0).json()["Role"]["Arn"].clone();
    let role = role.as_str().unwrap();

    let bare = ["sts", "assume-role", "--role-arn", role, "--role-session-name", "alice"];
    for words in [&bare[..], &[&bare[..], &["--source-identity", "alice"]].concat()] {
        let refused = aws("practice-daily", words).exits(255);
        assert!(refused.stderr.contains("is not authorized to perform: sts:AssumeRole"), "{}", refused.stderr);
    }

    let catalogue = std::fs::read_to_string(&sandbox.catalogue).unwrap();
    let path = sandbox.catalogue.replace("profiles.toml", "docs.toml");
    std::fs::write(&path, catalogue.replace("arn:aws:iam::444455556666:role/glass/prod-db-emergency", role)).unwrap();
    home.set("GLASS_CATALOGUE", &path).set("GLASS_IDENTITY", sandbox.identity.replace("identity", "unattended"));
    let ask = ["--", &python("aws").display().to_string(), "sts", "get-caller-identity", "--query", "Arn"];
    let elevated = home.glass(&[&BREAK_GLASS[..], &ask[..]].concat()).exits(0);
    assert!(elevated.stdout.contains(":assumed-role/docs/alice-"), "{}", elevated.stdout);
}
