//! The AWS CLI and boto3, as users of a session's environment and of `credential_process`.

use std::fs;

use crate::support::{Outcome, Practice, python};

/// What boto3 knows of itself and of its credentials, as JSON.
const BOTO3: &str = "\
import boto3, json, sys
session = boto3.Session(profile_name=sys.argv[1] if len(sys.argv) > 1 else None)
credentials = session.get_credentials()
identity = session.client('sts').get_caller_identity()
print(json.dumps({'arn': identity['Arn'], 'method': credentials.method, 'region': session.region_name}))
";

/// `arn:aws:sts::…:assumed-role/…/alice-<session>-<32 hex of the intent>`.
#[track_caller]
fn is_the_session(practice: &Practice, arn: &str) {
    let name = arn
        .strip_prefix("arn:aws:sts::444455556666:assumed-role/prod-db-emergency/")
        .unwrap_or_else(|| panic!("{arn}"));
    let ok = practice.told("elevate.ok");
    assert_eq!(ok[0]["session_name"], name);
    assert!(name.starts_with("alice-") && name.len() == "alice-".len() + 8 + 1 + 32, "{name}");
}

#[test]
fn the_aws_cli_works_in_the_session() {
    let practice = Practice::new().with("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    let aws = python("aws");
    let outcome = practice.assume(&["--", aws.to_str().unwrap(), "sts", "get-caller-identity"]).exits(0);
    is_the_session(&practice, outcome.json()["Arn"].as_str().unwrap());
}

#[test]
fn whoami_in_the_session_tells_whose_session_it_is() {
    let practice = Practice::new();
    let outcome = practice.assume(&["--", env!("CARGO_BIN_EXE_glass"), "whoami", "--json"]).exits(0);
    is_the_session(&practice, outcome.json()["arn"].as_str().unwrap());
}

/// Credentials that lie about in the environment are not believed because somebody set `GLASS_SESSION`.
#[test]
fn whoami_outside_a_live_session_asks_by_the_daily_identity() {
    let practice = Practice::new()
        .with("GLASS_SESSION", "00000000")
        .with("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE")
        .with("AWS_SECRET_ACCESS_KEY", "secret")
        .with("AWS_SESSION_TOKEN", "token");
    let outcome = practice.home.glass(&["whoami", "--json"]).exits(0);
    assert_eq!(outcome.json()["arn"], "arn:aws:iam::111122223333:user/alice");
}

#[test]
fn boto3_works_in_the_session() {
    let practice = Practice::new();
    let python = python("python");
    let outcome = practice.assume(&["--", python.to_str().unwrap(), "-c", BOTO3]).exits(0).json();
    is_the_session(&practice, outcome["arn"].as_str().unwrap());
    assert_eq!(outcome["method"], "env");
    assert_eq!(outcome["region"], "eu-west-1");
}

#[test]
fn the_aws_cli_asks_for_the_code_through_credential_process() {
    let practice = configured(Practice::new().asking().unrecorded());
    let code = practice.code();
    let mut terminal =
        practice.home.terminal(python("aws"), &["--profile", "glass-prod-db-emergency", "sts", "get-caller-identity"]);
    answer(&mut terminal, &code);
    terminal.expect("\"Arn\": \"");
    let arn = terminal.expect("\"");
    is_the_session(&practice, &arn);
    assert_eq!(terminal.wait().0, 0);
}

#[test]
fn boto3_asks_for_the_code_through_credential_process() {
    let practice = configured(Practice::new().asking().unrecorded());
    let code = practice.code();
    let mut terminal = practice.home.terminal(python("python"), &["-c", BOTO3, "glass-prod-db-emergency"]);
    answer(&mut terminal, &code);
    terminal.expect("{\"arn\": \"");
    let arn = terminal.expect("\"");
    is_the_session(&practice, &arn);
    terminal.expect("custom-process");
    assert_eq!(terminal.wait().0, 0);
}

#[test]
fn the_aws_cli_shows_in_one_line_why_there_are_no_credentials() {
    let practice = configured(Practice::new().asking().unrecorded());
    let outcome = practice.aws("glass-prod-db-emergency", &["sts", "get-caller-identity"]);
    assert_ne!(outcome.code, 0);
    assert!(outcome.stderr.contains("glass: "), "{}", outcome.stderr);
    assert_eq!(outcome.stderr.trim().lines().count(), 1, "{}", outcome.stderr);
}

/// The SDKs keep its stderr to themselves.
#[test]
fn what_the_hook_has_to_say_is_said_on_the_terminal() {
    let practice = Practice::new().asking().unrecorded();
    let line = "\"$0\" credential-process prod-db-emergency --incident INC-4711 \
                --reason 'orders database lost its writer' >answer 2>trouble";
    let mut terminal = practice.home.terminal("/bin/sh", &["-c", line, env!("CARGO_BIN_EXE_glass")]);
    terminal.expect("mfa/alice: ");
    terminal.send("12345\r");
    terminal.expect("an MFA code is 6 digits");
    terminal.expect("mfa/alice: ");
    terminal.send(&format!("{}\r", practice.code()));
    assert_eq!(terminal.wait().0, 0);
    assert_eq!(practice.home.read("trouble"), "");
    assert!(practice.home.read("answer").starts_with("{\"Version\":1,"));
}

#[test]
fn the_hook_prints_what_the_sdks_read_and_nothing_else() {
    let practice = Practice::new().unrecorded();
    let args = [
        "credential-process",
        "prod-db-emergency",
        "--incident",
        "INC-4711",
        "--reason",
        "orders database lost its writer",
    ];
    let outcome = practice.home.glass(&args).exits(0);
    assert_eq!(outcome.stderr, "");
    let answer = outcome.json();
    let keys: Vec<_> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"]);
    assert_eq!(answer["Version"], 1);
    let expiration = answer["Expiration"].as_str().unwrap();
    assert!(expiration.len() == "2026-01-01T00:00:00Z".len() && expiration.ends_with('Z'), "{expiration}");
}

#[test]
fn nothing_of_the_callers_aws_variables_steers_glass_or_reaches_the_child() {
    let mut practice = Practice::new();
    let daily = practice.sandbox.env.iter().any(|(name, _)| name == "AWS_PROFILE");
    assert!(daily, "the practice itself sets a profile");
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "AKIAHOSTILE"),
        ("AWS_SECRET_ACCESS_KEY", "hostile"),
        ("AWS_SESSION_TOKEN", "hostile"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1"),
        ("AWS_ROLE_ARN", "arn:aws:iam::999999999999:role/hostile"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/hostile"),
        ("AWS_SSO_HOSTILE", "hostile"),
        ("AWSUME_PROFILE", "hostile"),
        ("AWS_CSM_ENABLED", "hostile"),
        ("AWS_PAGER", "kept"),
    ] {
        practice = practice.with(name, value);
    }
    let outcome = practice.assume(&["--", "/usr/bin/env"]).exits(0);
    assert!(!outcome.stdout.to_lowercase().contains("hostile"), "{}", outcome.stdout);
    assert!(!outcome.stdout.contains("127.0.0.1:1\n"), "{}", outcome.stdout);
    let has = |line: &str| outcome.stdout.lines().any(|other| other == line);
    assert!(has("AWS_PAGER=kept"));
    assert!(has(&format!("AWS_ENDPOINT_URL={}", practice.sandbox.endpoint)));
    assert!(has("AWS_VAULT=glass:prod-db-emergency"));
    assert!(!outcome.stdout.contains("AWS_PROFILE="), "{}", outcome.stdout);
}

/// Puts glass into the AWS CLI's configuration, as a user would. For 30 minutes: botocore takes
/// what ends within 15 for stale from the beginning, and calls the program again.
fn configured(practice: Practice) -> Practice {
    let profile = format!(
        "\n[profile glass-prod-db-emergency]\nregion = eu-west-1\nendpoint_url = {}\n\
         credential_process = {} credential-process prod-db-emergency --duration 30m\n",
        practice.sandbox.endpoint,
        env!("CARGO_BIN_EXE_glass")
    );
    let config = practice.file("aws-config");
    fs::write(&config, fs::read_to_string(&config).unwrap() + &profile).unwrap();
    practice
}

/// Answers what a `credential-process` on this terminal asks.
fn answer(terminal: &mut crate::support::Pty, code: &str) {
    let answers = [("Incident: ", "INC-4711"), ("Reason: ", "orders database lost its writer"), ("mfa/alice: ", code)];
    for (question, text) in answers {
        terminal.expect(question);
        terminal.send(&format!("{text}\r"));
    }
}

#[test]
fn many_threads_of_boto3_get_along_with_one_session() {
    let practice = Practice::new();
    let script = "\
import boto3, concurrent.futures as f
def arn(_): return boto3.Session().client('sts').get_caller_identity()['Arn']
print(len(set(f.ThreadPoolExecutor(8).map(arn, range(8)))))";
    let python = python("python");
    let outcome: Outcome = practice.assume(&["--", python.to_str().unwrap(), "-c", script]).exits(0);
    assert_eq!(outcome.stdout, "1\n");
}
