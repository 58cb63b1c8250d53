//! Hooks that are topics of SNS: moto's, and a queue that reads what is published there.

use serde_json::{Value, json};

use crate::support::{Home, Moto, Outcome, python};

use super::{change, home, lines_of, pager, refuse, send};

const KEYS: &str = r#"{"Version": 1, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "wJalrXUtnFEMI"}"#;

/// Calls AWS by its CLI.
fn aws(home: &Home, moto: &Moto, args: &[&str]) -> Value {
    let mut command = home.command(python("aws"));
    command.env("AWS_ACCESS_KEY_ID", "anybody").env("AWS_SECRET_ACCESS_KEY", "anything");
    command.args(["--region", "eu-west-1", "--output", "json", "--endpoint-url", &moto.endpoint]).args(args);
    let outcome = Outcome::of(&mut command, "").exits(0);
    if outcome.stdout.trim().is_empty() { Value::Null } else { outcome.json() }
}

#[test]
fn an_entry_is_published_as_it_is_stored() {
    let home = home("");
    let moto = Moto::start(&home);
    let topic = aws(&home, &moto, &["sns", "create-topic", "--name", "alarm"])["TopicArn"].as_str().unwrap().to_owned();
    let queue =
        aws(&home, &moto, &["sqs", "create-queue", "--queue-name", "q"])["QueueUrl"].as_str().unwrap().to_owned();
    let account = topic.split(':').nth(4).unwrap();
    let arn = format!("arn:aws:sqs:eu-west-1:{account}:q");
    aws(
        &home,
        &moto,
        &["sns", "subscribe", "--topic-arn", &topic, "--protocol", "sqs", "--notification-endpoint", &arn],
    );
    let key = home.write("key.json", KEYS);
    home.write(".aws/config", &format!("[profile archive]\ncredential_process = cat {}\n", key.display()));
    let hook = |profile: &str| {
        let aws = format!("[aws]\nendpoint = \"{}\"\n", moto.endpoint);
        format!("{}{aws}", pager(&format!("sns = \"{topic}\"\nprofile = \"{profile}\"")))
    };
    change(&home, &hook("nobody"));
    send(&home).exits(0);
    refuse(&home);
    let sent = send(&home).exits(1);
    assert!(sent.stderr.contains("caused by: there is no AWS CLI profile `nobody`"), "{}", sent.stderr);
    change(&home, &hook("archive"));
    send(&home).exits(0);
    let received = aws(&home, &moto, &["sqs", "receive-message", "--queue-url", &queue, "--wait-time-seconds", "10"]);
    let message: Value = serde_json::from_str(received["Messages"][0]["Body"].as_str().unwrap()).unwrap();
    assert_eq!([message["Message"].as_str().unwrap()], lines_of(&home, "elevate.refused").as_slice());
    assert_eq!(message["MessageAttributes"]["event"]["Value"], "elevate.refused");
    assert_eq!(message["MessageAttributes"]["id"]["Value"].as_str().map(str::len), Some(64));
    // A topic that is gone.
    aws(&home, &moto, &["sns", "delete-topic", "--topic-arn", &topic]);
    refuse(&home);
    let sent = send(&home).exits(1);
    assert!(sent.stderr.contains("pager was not told of everything\ncaused by: "), "{}", sent.stderr);
    assert_eq!(home.glass(&["hooks", "--json"]).exits(0).json()[0]["failing"]["tries"], json!(1));
}
