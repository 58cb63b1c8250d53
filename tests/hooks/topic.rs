//! Hooks that are topics of SNS: moto's, and a queue that reads what is published there.

use std::fs;

use glass::model::name::Digest;
use serde_json::{Value, json};

use crate::support::world::CATALOGUE;
use crate::support::{Home, Kind, Moto, Outcome, SoftKey, python};

use super::{change, home, ledger, lines, lines_of, pager, refuse, send};

const KEYS: &str = r#"{"Version": 1, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "wJalrXUtnFEMI"}"#;

/// Calls AWS by its CLI.
fn aws(home: &Home, moto: &Moto, args: &[&str]) -> Value {
    let mut command = home.command(python("aws"));
    command.env("AWS_ACCESS_KEY_ID", "anybody").env("AWS_SECRET_ACCESS_KEY", "anything");
    command.args(["--region", "eu-west-1", "--output", "json", "--endpoint-url", &moto.endpoint]).args(args);
    let outcome = Outcome::of(&mut command, "").exits(0);
    if outcome.stdout.trim().is_empty() { Value::Null } else { outcome.json() }
}

/// Makes a topic and a queue of this name and with these attributes, and has the queue get what is published; gives the
/// topic's ARN and the queue's address.
fn topic(home: &Home, moto: &Moto, name: &str, [of_topic, of_queue]: [&str; 2]) -> (String, String) {
    let named = |answer: Value, field: &str| answer[field].as_str().unwrap().to_owned();
    let made = aws(home, moto, &["sns", "create-topic", "--name", name, "--attributes", of_topic]);
    let topic = named(made, "TopicArn");
    let made = aws(home, moto, &["sqs", "create-queue", "--queue-name", name, "--attributes", of_queue]);
    let queue = named(made, "QueueUrl");
    let arn = topic.replacen(":sns:", ":sqs:", 1);
    let words = ["sns", "subscribe", "--topic-arn", &topic, "--protocol", "sqs", "--notification-endpoint", &arn];
    aws(home, moto, &words);
    (topic, queue)
}

/// The hook that publishes there by the credentials of an AWS CLI profile; there is one, `archive`.
fn hook(home: &Home, moto: &Moto, topic: &str, profile: &str) -> String {
    let key = home.write("key.json", KEYS);
    home.write(".aws/config", &format!("[profile archive]\ncredential_process = cat {}\n", key.display()));
    let aws = format!("[aws]\nendpoint = \"{}\"\n", moto.endpoint);
    format!("{}{aws}", pager(&format!("sns = \"{topic}\"\nprofile = \"{profile}\"")))
}

#[test]
fn an_entry_is_published_as_it_is_stored() {
    let home = home("");
    let moto = Moto::start(&home);
    let (topic, queue) = topic(&home, &moto, "alarm", ["{}", "{}"]);
    let hook = |profile: &str| hook(&home, &moto, &topic, profile);
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

/// A topic that keeps an order gets the entries of one ledger in theirs, and each once, however often it is told.
#[test]
fn a_topic_that_keeps_an_order_gets_the_entries_in_theirs_and_each_once() {
    let home = home("");
    let moto = Moto::start(&home);
    let (topic, queue) = topic(&home, &moto, "alarm.fifo", ["FifoTopic=true", "FifoQueue=true"]);
    let bob = format!("[people.bob]\ngroups = [\"security\"]\nkeys = [\"{}\"]\n", SoftKey::new(Kind::Ed25519).line());
    let asks = CATALOGUE.replacen("confirm = [\"/bin/sh\", \"{incident}\"]\n", &bob, 1);
    let asks = asks.replacen("steps =", "approval = { count = 1, from = [\"bob\"] }\nsteps =", 1);
    let on = hook(&home, &moto, &topic, "archive").replacen("[\"", "[\"request.made\", \"", 1);
    home.write("asks.toml", &asks);
    home.write(".config/glass/profiles.toml", &(asks + &on));
    send(&home).exits(0);
    let ask = || {
        let words = ["--incident", "INC-1", "--reason", "orders are being lost"];
        home.glass(&[&["--catalogue", "asks.toml", "request", "prod-db-emergency"], &words[..]].concat()).exits(0);
    };
    (0..2).for_each(|_| {
        refuse(&home);
        ask();
    });
    send(&home).exits(0);
    fs::write(ledger(&home).join("told/pager"), "garbage").unwrap();
    ask();
    send(&home).exits(0);
    let of = |line: &String| line.contains("\"ev\":\"elevate.refused\"") || line.contains("\"ev\":\"request.made\"");
    let expected: Vec<String> = lines(&home).into_iter().filter(of).collect();
    assert_eq!(expected.len(), 5);
    let words = ["--attribute-names", "All", "--max-number-of-messages", "10", "--wait-time-seconds", "10"];
    let received = aws(&home, &moto, &[&["sqs", "receive-message", "--queue-url", &queue], &words[..]].concat());
    let received = received["Messages"].as_array().unwrap();
    let text =
        |message: &Value| serde_json::from_str::<Value>(message["Body"].as_str().unwrap()).unwrap()["Message"].clone();
    assert_eq!(received.iter().map(text).collect::<Vec<_>>(), expected);
    for (message, line) in received.iter().zip(&expected) {
        let attributes = &message["Attributes"];
        assert_eq!(attributes["MessageGroupId"], "glass");
        assert_eq!(attributes["MessageDeduplicationId"], Digest::of(line.as_bytes()).to_string());
    }
}
