//! The log of a session's API calls, as the AWS CLI and boto3 tell of them, and whoever says to be one of them.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::secrets::{holding, secrets_of};
use crate::support::{Fate, Practice, Proxy, python};

const GLASS: &str = env!("CARGO_BIN_EXE_glass");

/// Runs a line of `sh` in a session; `$aws` and `$python` are there.
#[track_caller]
fn session(practice: &Practice, script: &str) -> String {
    let script = format!("aws='{}'; python='{}'; {script}", python("aws").display(), python("python").display());
    practice.assume(&["--", "/bin/sh", "-c", &script]).exits(0).stdout
}

/// What the log says, without what differs from run to run: a call's time, and its request's id if it has one.
fn calls(practice: &Practice) -> Vec<Value> {
    let mut calls = practice.told("api");
    for call in &mut calls {
        assert!(call["ms"].as_u64().is_some_and(|ms| ms < 60_000), "{call}");
        let call = call.as_object_mut().unwrap();
        call.remove("ms");
        if let Some(id) = call["request_id"].as_str() {
            assert!(!id.is_empty());
            call["request_id"] = json!("an id");
        }
    }
    calls
}

fn clients(practice: &Practice) -> Value {
    practice.told("session.end")[0]["api_clients"].clone()
}

#[test]
fn what_the_aws_cli_called_is_in_the_log() {
    let practice = Practice::new();
    session(
        &practice,
        "$aws sts get-caller-identity; $aws sts assume-role --role-arn arn:aws:iam::444455556666:role/glass/prod-network-emergency --role-session-name xx; true",
    );
    let call = |service: &str, operation: &str, status: u16, error: Option<&str>| {
        json!({
            "source": "csm", "service": service, "operation": operation, "region": "eu-west-1", "status": status,
            "error": error, "request_id": "an id", "attempts": 1, "own": true,
        })
    };
    let expected = [call("STS", "GetCallerIdentity", 200, None), call("STS", "AssumeRole", 403, Some("AccessDenied"))];
    assert_eq!(calls(&practice), expected);
    assert_eq!(clients(&practice), 2);
    assert_eq!(practice.told("loss"), [Value::Null; 0]);
}

#[test]
fn calls_of_many_threads_of_boto3_are_all_in_the_log_and_each_id_once() {
    let practice = Practice::new();
    let script = "\
import boto3, concurrent.futures as f
sts = boto3.Session().client('sts')
def request(_): return sts.get_caller_identity()['ResponseMetadata']['RequestId']
print(*f.ThreadPoolExecutor(8).map(request, range(40)))";
    let told = session(&practice, &format!("$python -c \"{script}\""));
    let mut told: Vec<&str> = told.split_whitespace().collect();
    let logged = practice.told("api");
    assert_eq!(logged.iter().filter(|call| call["attempts"] == 1).count(), 40);
    let mut logged: Vec<&str> = logged.iter().filter_map(|call| call["request_id"].as_str()).collect();
    told.sort_unstable();
    logged.sort_unstable();
    assert_eq!(logged, told);
    assert_eq!(clients(&practice), 1);
}

#[test]
fn a_call_that_was_tried_again_is_one_with_its_attempts() {
    let practice = Practice::new();
    let tries = AtomicUsize::new(0);
    let proxy = Proxy::start(&practice.sandbox.endpoint, move |request| {
        let is_from_the_session = request.contains("Action=GetCallerIdentity") && request.contains("aws-cli/");
        if is_from_the_session && tries.fetch_add(1, Ordering::SeqCst) < 2 {
            let error = "<Error><Code>ServiceUnavailable</Code><Message>later</Message></Error>";
            return Fate::Answer(503, format!("<ErrorResponse>{error}<RequestId>r-503</RequestId></ErrorResponse>"));
        }
        Fate::Pass
    });
    let practice = practice.behind(&proxy);
    session(&practice, "$aws sts get-caller-identity");
    let [call] = &calls(&practice)[..] else { panic!("one call: {:?}", calls(&practice)) };
    assert_eq!((&call["status"], &call["attempts"]), (&json!(200), &json!(3)));
    assert_eq!((&call["error"], &call["request_id"]), (&Value::Null, &json!("an id")));
}

#[test]
fn a_call_that_nobody_answers_is_in_the_log_by_the_sdks_word_for_it() {
    let practice = Practice::new();
    let script = "AWS_MAX_ATTEMPTS=2 $aws --endpoint-url http://127.0.0.1:1 sts get-caller-identity; true";
    session(&practice, script);
    let [call] = &calls(&practice)[..] else { panic!("one call: {:?}", calls(&practice)) };
    assert_eq!((&call["status"], &call["attempts"]), (&Value::Null, &json!(2)));
    assert_eq!((&call["error"], &call["request_id"]), (&json!("EndpointConnectionError"), &Value::Null));
}

#[test]
fn a_call_with_another_key_is_in_the_log_as_not_the_sessions() {
    let practice = Practice::new();
    session(
        &practice,
        "unset AWS_SESSION_TOKEN; AWS_ACCESS_KEY_ID=AKIAOTHER AWS_SECRET_ACCESS_KEY=x $aws sts get-caller-identity; true",
    );
    let [call] = &calls(&practice)[..] else { panic!("one call: {:?}", calls(&practice)) };
    assert_eq!((&call["own"], &call["error"]), (&json!(false), &json!("InvalidClientTokenId")));
}

#[test]
fn the_token_in_the_datagrams_is_nowhere_on_the_disk() {
    let practice = Practice::new().with("GLASS_LOG", "debug");
    let env = session(&practice, "$aws sts get-caller-identity >/dev/null; env");
    assert_eq!(practice.told("api").len(), 1);
    assert_eq!(holding(&practice.home.path(""), &secrets_of(&env)), [""; 0]);
}

#[test]
fn what_is_not_understood_is_counted_and_what_is_forged_is_marked_as_told() {
    let practice = Practice::new();
    let script = "\
import json, os, socket
to = (os.environ['AWS_CSM_HOST'], int(os.environ['AWS_CSM_PORT']))
us = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
call = dict(Version=1, ClientId=os.environ['AWS_CSM_CLIENT_ID'], Type='ApiCall', Timestamp=1, Latency=2, AttemptCount=1)
call.update(Service=os.environ['AWS_SESSION_TOKEN'] + '!', Api='\\x1b[2J' + 'x' * 200, Region=7)
def send(**more): us.sendto(json.dumps(call | more).encode(), to)
send()
send(Region='eu-west-1', ClientId='another')
send(Region='eu-west-1', UserAgent='x' * 9000)
us.sendto(b'{', to)
send(Region='eu-west-1')";
    session(&practice, &format!("$python - <<'END'\n{script}\nEND"));
    let calls = practice.told("api");
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!((&calls[0]["source"], &calls[0]["service"]), (&json!("csm"), &json!("*".repeat(128))));
    assert_eq!(calls[0]["operation"], format!("\u{1b}[2J{}", "x".repeat(124)));
    let mut losses = practice.told("loss");
    losses.sort_by_key(|loss| loss["what"].to_string());
    let expected = [
        json!({"what": "api datagrams not of this session", "count": 1}),
        json!({"what": "api datagrams not understood", "count": 3}),
    ];
    assert_eq!(losses, expected);
}

#[test]
fn a_profile_without_the_log_has_none() {
    let practice = Practice::new().unrecorded();
    let stdout = session(&practice, "$aws sts get-caller-identity; env | grep AWS_CSM; true");
    assert!(!stdout.contains("AWS_CSM"), "{stdout}");
    assert_eq!((practice.told("api").len(), clients(&practice)), (0, Value::Null));
    let practice = practice.edited("profiles.toml", "policy = \"orders-db.json\"", "api_log = true");
    session(&practice, "$aws sts get-caller-identity");
    assert_eq!(practice.told("api").len(), 1);
    assert_eq!(practice.told("session.end")[1]["api_clients"], 1);
}

#[test]
fn calls_of_steps_are_in_the_log_however_they_are_run() {
    let step = format!("steps = {{ who = [\"{}\", \"sts\", \"get-caller-identity\"] }}", python("aws").display());
    let practice = Practice::new().edited("profiles.toml", "policy = \"orders-db.json\"", &step);
    practice.assume(&["--step", "who"]).exits(0);
    assert_eq!(practice.told("api").len(), 1);
    practice.assume(&["--", GLASS, "step", "who"]).exits(0);
    assert_eq!(practice.told("api").len(), 2);
    assert_eq!(practice.told("api")[1]["own"], true);
}
