//! What CloudTrail tells of sessions that were opened by hand, under names of glass's and others.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Fate, Outcome, Practice, Proxy, tool};

const ALICE: &str = "arn:aws:iam::111122223333:user/alice";

/// An elevation, and CloudTrail's record of it.
fn night() -> (Practice, Value) {
    let practice = Practice::new();
    practice.assume(&["--", "/bin/true"]).exits(0);
    let ok = &practice.told("elevate.ok")[0];
    let mut record = record(&practice, ok["session_name"].as_str().unwrap(), ok["access_key_id"].as_str().unwrap());
    record["requestID"] = ok["request_id"].clone();
    (practice, record)
}

/// A record of a session as the last intent asks for it, with all that AWS has of such a call.
fn record(practice: &Practice, name: &str, key: &str) -> Value {
    let entry = practice.entries().into_iter().rfind(|entry| entry["ev"] == "elevate.intent").unwrap();
    let intent = &entry["d"];
    assert_eq!(intent["caller_arn"], ALICE);
    json!({
        "eventVersion": "1.08",
        "userIdentity": {"type": "IAMUser", "arn": intent["caller_arn"], "userName": "alice"},
        "eventTime": format!("{}Z", entry["ts"].as_str().unwrap().split_once('.').unwrap().0),
        "eventSource": "sts.amazonaws.com",
        "eventName": "AssumeRole",
        "awsRegion": intent["region"],
        "requestID": format!("of {key}"),
        "requestParameters": {
            "roleArn": intent["role"],
            "roleSessionName": name,
            "durationSeconds": intent["duration"],
            "sourceIdentity": "alice",
        },
        "responseElements": {"credentials": {"accessKeyId": key, "expiration": "…", "sessionToken": "…"}},
    })
}

/// The same record with something else in it, by its JSON pointer.
fn with(record: &Value, pointer: &str, value: impl Into<Value>) -> Value {
    let mut record = record.clone();
    *record.pointer_mut(pointer).unwrap() = value.into();
    record
}

/// The verdict, for people and for programs, which must agree.
#[track_caller]
fn verify(practice: &Practice, records: &[Value], code: i32) -> (String, Value) {
    practice.home.write("trail.json", &json!({ "Records": records }).to_string());
    let file = practice.home.path("trail.json");
    let words = ["audit", "verify", "--cloudtrail", file.to_str().unwrap()];
    let text = practice.home.glass(&words).exits(code).stdout;
    (text, practice.home.glass(&[&words[..], &["--json"]].concat()).exits(code).json()["cloudtrail"].clone())
}

#[test]
fn a_session_by_hand_under_a_name_of_glass_is_told_whosever_it_says_it_is() {
    let (practice, ours) = night();
    let forged = format!("zed-abcdefgh-{}", "0".repeat(32));
    let by_zed = with(&ours, "/requestParameters/roleSessionName", forged.as_str());
    let by_zed = with(&by_zed, "/responseElements/credentials/accessKeyId", "ASIAZED");
    // By whoever AWS says it was.
    let by_another = with(&by_zed, "/userIdentity/arn", "arn:aws:iam::111122223333:user/zed");
    let (text, json) = verify(&practice, &[ours.clone(), by_another.clone()], 0);
    let role = ours.pointer("/requestParameters/roleArn").unwrap();
    let last = json!({"session_name": forged, "at": ours["eventTime"]});
    assert_eq!(json["of_others"], json!([{"role": role, "sessions": 1, "last": last}]), "{text}");
    assert!(
        text.contains(&format!("\nothers      {}: 1 session, the last as {forged}", role.as_str().unwrap())),
        "{text}"
    );
    // By alice, whose every elevation this ledger has.
    let (text, json) = verify(&practice, &[ours.clone(), by_zed], 4);
    assert_eq!(json["unknown"], json!([forged]), "{text}");
    // For a role that the ledger has no session of, it is counted.
    let elsewhere = with(&by_another, "/requestParameters/roleArn", "arn:aws:iam::111122223333:role/other");
    let (text, json) = verify(&practice, &[ours, elsewhere], 0);
    assert_eq!((&json["left_out"], &json["of_others"]), (&json!(1), &json!([])), "{text}");
    assert!(text.contains("\nleft out    1 of the AssumeRole calls"), "{text}");
}

#[test]
fn sessions_by_hand_under_the_name_of_an_elevation_whose_answer_was_lost_differ() {
    let practice = Practice::new();
    let fate = |request: &str| if request.contains("Action=AssumeRole") { Fate::Lose } else { Fate::Pass };
    let proxy = Proxy::start(&practice.sandbox.endpoint, fate);
    let practice = practice.behind(&proxy);
    practice.assume(&["--", "/bin/true"]).exits(1);
    let sent = proxy.requests("Action=AssumeRole").remove(0);
    let name = sent.split("RoleSessionName=").nth(1).unwrap().split(['&', ' ', '\r']).next().unwrap();
    let lost = record(&practice, name, "ASIALOST");
    let (text, json) = verify(&practice, std::slice::from_ref(&lost), 0);
    assert_eq!((&json["orphans"], &json["differ"]), (&json!([name]), &json!([])), "{text}");
    assert!(text.contains("somebody may hold its credentials"), "{text}");
    let again = [lost.clone(), record(&practice, name, "ASIAHAND1"), record(&practice, name, "ASIAHAND2")];
    let (text, json) = verify(&practice, &again, 4);
    assert_eq!((json["orphans"].as_array().unwrap().len(), json["differ"].as_array().unwrap().len()), (1, 2), "{text}");
    let (text, _) = verify(&practice, &[with(&lost, "/requestParameters/durationSeconds", 3600)], 4);
    assert!(text.contains("s in the ledger and 3600 s in CloudTrail"), "{text}");
}

#[test]
fn a_session_that_was_asked_for_otherwise_than_the_intent_says_differs() {
    let (practice, ours) = night();
    verify(&practice, std::slice::from_ref(&ours), 0);
    let mut narrowed = ours.clone();
    narrowed["requestParameters"]["policy"] = json!("{\"Statement\": []}");
    for (record, what) in [
        (with(&ours, "/requestParameters/durationSeconds", 3600), "duration"),
        (with(&ours, "/userIdentity/arn", "arn:aws:iam::111122223333:user/mallory"), "caller"),
        (narrowed, "session policy"),
    ] {
        let (_, json) = verify(&practice, &[record], 4);
        let reason = json["differ"][0]["reason"].as_str().unwrap();
        assert!(reason.starts_with(&format!("the {what} is ")) && !reason.contains("; "), "{reason}");
    }
    // The role's account has the same call, without the caller of another one.
    let mut there = ours.clone();
    there["userIdentity"] = json!({"type": "AWSAccount", "accountId": "111122223333"});
    let (text, json) = verify(&practice, &[ours, there], 0);
    assert_eq!(json["agree"], 1, "{text}");
}

#[test]
fn a_session_policy_is_compared_as_it_was_sent() {
    let practice = Practice::new().edited(
        "profiles.toml",
        "[profiles.prod-db-emergency]\n",
        "[profiles.prod-db-emergency]\nnetwork = { source_ip = [\"192.0.2.0/24\"] }\n",
    );
    let proxy = Proxy::start(&practice.sandbox.endpoint, |_| Fate::Pass);
    let practice = practice.behind(&proxy);
    practice.assume(&["--", "/bin/true"]).exits(0);
    let sent = proxy.requests("Action=AssumeRole").remove(0);
    let policy = sent.split("&Policy=").nth(1).unwrap().split('&').next().unwrap();
    let ok = &practice.told("elevate.ok")[0];
    let mut record = record(&practice, ok["session_name"].as_str().unwrap(), ok["access_key_id"].as_str().unwrap());
    record["requestID"] = ok["request_id"].clone();
    record["requestParameters"]["policy"] = json!(unescaped(policy));
    let (text, json) = verify(&practice, std::slice::from_ref(&record), 0);
    assert_eq!(json["agree"], 1, "{text}");
    verify(&practice, &[with(&record, "/requestParameters/policy", "{\"Statement\":[]}")], 4);
}

/// A text without its percent signs.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(part[2..].bytes());
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_ledger_that_was_deleted_and_begun_anew_is_contradicted_by_cloudtrail() {
    let (practice, ours) = night();
    let name = ours["requestParameters"]["roleSessionName"].clone();
    fs::remove_dir_all(practice.ledger()).unwrap();
    let (text, json) = verify(&practice, std::slice::from_ref(&ours), 4);
    assert_eq!(json["unknown"], json!([name]), "{text}");
    practice.home.glass(&["list"]).exits(0);
    let (text, json) = verify(&practice, std::slice::from_ref(&ours), 4);
    assert_eq!(json["unknown"], json!([name]), "{text}");
    // An auditor's copy of it has her name in the entries of `list`.
    let copy = practice.home.path("copy");
    fs::create_dir(&copy).unwrap();
    fs::copy(practice.ledger().join(super::SEGMENT), copy.join(super::SEGMENT)).unwrap();
    let (trail, copy) = (practice.home.path("trail.json"), copy.to_str().unwrap().to_owned());
    let words = ["audit", "verify", "--json", "--ledger", &copy, "--cloudtrail", trail.to_str().unwrap()];
    assert_eq!(practice.home.glass(&words).exits(4).json()["completeness"]["state"], "cut");
}

#[test]
fn an_event_that_unpacks_to_more_than_a_mebibyte_is_refused_and_many_events_are_not() {
    let (practice, ours) = night();
    let pack = |name: &str, text: &str| {
        let file = practice.home.write(name, text);
        Outcome::of(practice.home.command(tool("gzip")).arg(&file), "").exits(0);
        practice.home.path(format!("{name}.gz")).to_str().unwrap().to_owned()
    };
    let zeros = format!("[{}0]", "0,".repeat(10_000_000));
    let huge =
        ours.to_string().replacen(r#""requestParameters":{"#, &format!(r#""requestParameters":{{"a":{zeros},"#), 1);
    assert!(huge.len() > zeros.len());
    let bomb = pack("bomb", &format!(r#"{{"Records":[{huge}]}}"#));
    assert!(fs::metadata(&bomb).unwrap().len() < 100_000);
    let outcome = practice.home.glass(&["audit", "verify", "--cloudtrail", &bomb]).exits(1);
    assert!(
        outcome.stderr.contains("caused by: an event, or what is around them, has more than 1 MiB"),
        "{}",
        outcome.stderr
    );
    let other = with(&ours, "/eventName", "GetCallerIdentity").to_string();
    let many = pack("many", &format!(r#"{{"Records":[{ours},{}]}}"#, vec![other.as_str(); 3000].join(",")));
    practice.home.glass(&["audit", "verify", "--cloudtrail", &many]).exits(0);
}
