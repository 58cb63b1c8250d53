//! What the loader accepts and refuses, and in which words.

use super::*;
use crate::model::name::{Id, Incident};

const BASE: &str = include_str!("../../../tests/vectors/catalogue/base.toml");
const MISTAKES: &str = include_str!("../../../tests/vectors/catalogue/mistakes.txt");

/// The files beside the catalogue of the vectors.
fn beside(path: &Path) -> Result<Vec<u8>, String> {
    let allow = |resource: &str| {
        format!(
            r#"{{ "Version": "2012-10-17", "Statement": [{{ "Effect": "Allow", "Action": "*", "Resource": "{resource}" }}] }}"#
        )
    };
    let content = match path.to_str() {
        Some("./runbook.md") => "# Do this".to_owned(),
        Some("./empty.json") => r#"{ "Version": "2012-10-17", "Statement": [] }"#.to_owned(),
        Some("./principal.json") => r#"{ "Statement": { "Effect": "Allow", "Principal": "*" } }"#.to_owned(),
        Some("./allow.json") => allow("*"),
        // 2,048 characters without white space, and one more.
        Some("./fits.json") => allow(&"x".repeat(1964)),
        Some("./large.json") => allow(&"x".repeat(1965)),
        Some("./foreign.json") => allow("€"),
        Some(_) | None => return Err("no such file".to_owned()),
    };
    Ok(content.into_bytes())
}

/// The programs beside it; what is above its folder is too large to be kept.
fn check(path: &Path) -> Result<Option<Vec<u8>>, String> {
    match path.to_str() {
        Some("./check") => Ok(Some(b"#!/bin/sh\n".to_vec())),
        Some("/bin/large") => Ok(None),
        Some(_) | None => Err("no such program".to_owned()),
    }
}

fn load(text: &str) -> Result<Catalogue, DocumentError> {
    Catalogue::load(Path::new("profiles.toml"), text.as_bytes(), Beside { read: &beside, check: &check })
}

/// All mistakes, of profiles or not, without their excerpts.
fn mistakes(text: &str) -> Vec<String> {
    let short = |mistake: &Mistake| {
        let hint = mistake.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{}:{}: {}{hint}", mistake.line, mistake.column, mistake.message)
    };
    match load(text) {
        Ok(catalogue) => catalogue.mistakes().map(short).collect(),
        Err(error) => error.mistakes().iter().map(short).collect(),
    }
}

/// Applies the `-` and `+` lines of a vector to the base; what is left are its `>` lines.
fn edited(vector: &str) -> (String, Vec<String>) {
    let (mut text, mut old, mut new, mut expected) = (BASE.to_owned(), String::new(), String::new(), Vec::new());
    let mut apply = |old: &mut String, new: &mut String| {
        assert!(old.is_empty() || text.contains(old.as_str()), "not in the base: {old}");
        text = text.replacen(&std::mem::take(old), &std::mem::take(new), 1);
    };
    for line in vector.lines() {
        match line.split_at_checked(2) {
            Some(("- ", line)) => {
                if !new.is_empty() {
                    apply(&mut old, &mut new);
                }
                old = format!("{old}{line}\n");
            }
            Some(("+ ", line)) => new = format!("{new}{line}\n"),
            Some(("> ", line)) => expected.push(line.to_owned()),
            Some(_) | None => panic!("neither -, + nor >: {line}"),
        }
    }
    apply(&mut old, &mut new);
    (text, expected)
}

fn incident(text: &str) -> Incident {
    Incident::parse(text).expect("an incident")
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let vectors = MISTAKES.split("\n\n").map(str::trim).filter(|vector| !vector.starts_with('#'));
    for vector in vectors {
        let (text, expected) = edited(vector);
        assert_eq!(mistakes(&text), expected, "{vector}");
        assert!(!expected.is_empty(), "{vector}");
    }
}

#[test]
fn the_base_of_the_vectors_has_no_mistake() {
    assert_eq!(mistakes(BASE), [""; 0]);
}

#[test]
fn a_mistake_in_one_profile_stops_that_profile_only() {
    let text = BASE.replace("\"Orders\"", "7").replace("[profiles.prod-db-emergency]", "[profiles.prod-db-urgent]");
    let catalogue = load(&text).expect("the rest is good");
    assert!(catalogue.profile("prod-net-emergency").is_some());
    assert!(catalogue.profile("prod-db-urgent").is_none());
    let [broken] = catalogue.broken() else { panic!("one is broken: {:?}", catalogue.broken()) };
    assert_eq!((broken.name.as_str(), broken.mistakes.len()), ("prod-db-urgent", 2));
}

#[test]
fn a_mistake_elsewhere_stops_everything_and_is_told_with_those_in_profiles() {
    let error = load(&BASE.replace("\"acme\"", "1").replace("\"Orders\"", "7")).expect_err("two mistakes");
    assert_eq!(error.to_string(), "2 mistakes in `profiles.toml`");
    assert_eq!(error.mistakes().iter().map(|mistake| mistake.line).collect::<Vec<_>>(), [2, 23]);
}

#[test]
fn a_mistake_is_shown_with_its_line_a_caret_and_a_hint() {
    let error = load(&BASE.replace("organisation =", "organization =")).expect_err("a slip");
    let shown = error.mistakes()[1].to_string();
    let expected = "profiles.toml:2:1: unknown key `organization` at the top of the file
  2 | organization = \"acme\"
    | ^^^^^^^^^^^^
    = hint: did you mean `organisation`?";
    assert_eq!(shown, expected);
}

#[test]
fn defaults_are_those_of_the_contract() {
    let catalogue = load(BASE).expect("good");
    let profile = catalogue.profile("prod-db-emergency").expect("it is there");
    assert_eq!(profile.level.approvals, 0);
    assert_eq!(profile.level.mfa, MfaDemand::Fresh);
    assert_eq!((profile.recording, profile.source_identity, profile.approvals()), (true, true, 0));
    assert!(profile.api_log);
    assert_eq!(profile.session_policy(), None);
    let id = Id::parse("00000000").expect("an id");
    assert_eq!(profile.tags(&incident("INC-1"), &profile.triggers[0], &id), []);
    assert!(catalogue.aws().endpoint.is_none());
}

#[test]
fn api_calls_are_logged_where_sessions_are_recorded_unless_it_says_otherwise() {
    let api_log = |level: &str, profile: &str| {
        let text = BASE.replacen("max_duration = \"1h\"", &format!("max_duration = \"1h\"\n{level}"), 1);
        let text = text.replacen("duration = \"15m\"", &format!("duration = \"15m\"\n{profile}"), 1);
        load(&text).expect("good").profile("prod-db-emergency").expect("it is there").api_log
    };
    assert!(!api_log("recording = false", ""));
    assert!(!api_log("recording = false", "recording = true"), "the level's, not the profile's");
    assert!(api_log("recording = false", "api_log = true"));
    assert!(api_log("recording = false\napi_log = true", ""));
    assert!(!api_log("api_log = false", ""));
}

#[test]
fn the_whole_incident_must_match_the_pattern() {
    let catalogue = load(&BASE.replace("INC-[0-9]+", "INC-[0-9]+|SEV1")).expect("good");
    let trigger = catalogue.trigger("down").expect("it is there");
    for (text, counts) in
        [("INC-12", true), ("SEV1", true), ("INC-12 or so", false), ("xSEV1", false), ("SEV12", false)]
    {
        assert_eq!(trigger.matches(&incident(text)), counts, "{text}");
    }
}

#[test]
fn a_confirm_program_is_never_sought_in_path_and_gets_its_placeholders() {
    let confirm = "incident = \"INC-[0-9]+\"\nconfirm = [\"check\", \"--of={person}\", \"{incident}\", \"{profile}\", \"{\\\"a\\\":1}\"]";
    let catalogue = load(&BASE.replace("incident = \"INC-[0-9]+\"", confirm)).expect("good");
    let confirm = catalogue.trigger("down").and_then(|trigger| trigger.confirm.as_ref()).expect("it has one");
    let profile = &catalogue.profile("prod-db-emergency").expect("it is there").name;
    let alice = &catalogue.person("alice").expect("she is there").name;
    let argv = confirm.argv(&incident("INC-7"), alice, profile);
    assert_eq!(argv, ["./check", "--of=alice", "INC-7", "prod-db-emergency", "{\"a\":1}"]);
}

#[test]
fn a_confirm_program_is_one_of_the_files_unless_it_is_too_large() {
    for (program, files) in [("check", vec!["./check"]), ("/bin/large", Vec::new())] {
        let confirm = format!("incident = \"INC-[0-9]+\"\nconfirm = [\"{program}\"]");
        let catalogue = load(&BASE.replace("incident = \"INC-[0-9]+\"", &confirm)).expect("good");
        let kept: Vec<_> = catalogue.files().iter().map(|file| file.path.to_str().expect("a path")).collect();
        assert_eq!(kept, files);
    }
}

#[test]
fn a_bucket_is_in_the_region_that_all_profiles_have_in_common_unless_another_is_named() {
    let (ledger, store) = ("[ledger]\nship = [\"s3://b-1/p\"]\n", "[approvals]\nstore = \"s3://b-2/p\"\n");
    let load = |more: &str| load(&format!("{BASE}\n{more}")).expect("good");
    let region = |catalogue: &Catalogue| {
        let store = catalogue.store().expect("there is one");
        [&catalogue.shipping().region, &store.region].map(|region| region.as_ref().map(Region::to_string))
    };
    let [ireland, virginia] = ["eu-west-1", "us-east-1"].map(|name| Some(name.to_owned()));
    assert_eq!(region(&load(&format!("{ledger}{store}"))), [ireland.clone(), ireland.clone()]);
    let named = load(&format!("{ledger}region = \"us-east-1\"\n{store}"));
    assert_eq!(region(&named), [virginia, ireland]);
}

#[test]
fn an_audience_names_groups_and_people() {
    let catalogue = load(BASE).expect("good");
    let by_group = &catalogue.profile("prod-db-emergency").expect("it is there").audience;
    let by_name = &catalogue.profile("prod-net-emergency").expect("it is there").audience;
    let person = |name| catalogue.person(name).expect("somebody");
    assert!(by_group.includes(person("alice")) && by_name.includes(person("alice")));
    assert!(!by_group.includes(person("carol")) && !by_name.includes(person("carol")));
}

#[test]
fn keys_are_of_a_kind_that_can_be_trusted() {
    for line in include_str!("../../../tests/vectors/catalogue/keys.txt").lines().filter(|line| !line.starts_with('#'))
    {
        let (fingerprint, key) = line.split_once(' ').expect("fingerprint, key");
        assert_eq!(SshKey::parse(key).expect(key).fingerprint().to_string(), fingerprint);
    }
}

#[test]
fn an_endpoint_is_https_or_loopback() {
    for good in [
        "https://sts.example.com",
        "https://aws.example:8443/x",
        "http://127.0.0.1:4566",
        "http://localhost",
        "http://[::1]:80",
    ] {
        assert_eq!(Endpoint::parse(good).expect(good).as_str(), good);
    }
    assert_eq!(Endpoint::parse("http://127.8.8.8:1/").expect("loopback").as_str(), "http://127.8.8.8:1");
    for bad in [
        "http://10.0.0.1",
        "http://localhost.example",
        "http://127.0.0.1:0x1",
        "https://",
        "https://a b",
        "https://[::1",
        "http://[::2]",
    ] {
        assert!(Endpoint::parse(bad).is_err(), "{bad}");
    }
}

/// The session policy of `prod-db-emergency` with these lines more.
fn session_policy_with(lines: &str) -> String {
    let text = BASE.replacen("duration = \"15m\"", &format!("duration = \"15m\"\n{lines}"), 1);
    let catalogue = load(&text).expect("good");
    assert_eq!(catalogue.broken(), []);
    catalogue.profile("prod-db-emergency").and_then(Profile::session_policy).unwrap_or_default().to_owned()
}

#[test]
fn a_session_policy_is_the_policy_and_the_network_as_one() {
    let deny = r#"{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":["203.0.113.0/24"]},"BoolIfExists":{"aws:ViaAWSService":"false"}}}"#;
    let allow = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
    let with = |statements: &[&str]| format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
    let network = "network = { source_ip = [\"203.0.113.0/24\"] }";
    let arns = "policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]";
    let policy = "policy = \"allow.json\"";
    assert_eq!(session_policy_with(policy), with(&[allow]));
    assert_eq!(session_policy_with(arns), "");
    assert_eq!(session_policy_with(network), with(&[allow, deny]));
    assert_eq!(session_policy_with(&format!("{policy}\n{network}")), with(&[allow, deny]));
    assert_eq!(session_policy_with(&format!("{arns}\n{network}")), with(&[deny]));
    let both = session_policy_with(
        "network = { source_ip = [\"2001:db8::/32\"], source_vpce = [\"vpce-0123456789abcdef0\"] }",
    );
    assert!(both.contains(r#""StringNotEquals":{"aws:SourceVpce":["vpce-0123456789abcdef0"]}"#), "{both}");
    assert_eq!(session_policy_with("policy = \"fits.json\"").len(), 2048);
}

#[test]
fn tags_are_the_profiles_own_and_three_that_tell_the_session() {
    let catalogue =
        load(&BASE.replacen("duration = \"15m\"", "duration = \"15m\"\nsession_tags = { Team = \"orders\" }", 1));
    let catalogue = catalogue.expect("good");
    let profile = catalogue.profile("prod-db-emergency").expect("it is there");
    let id = Id::parse("00000000").expect("an id");
    let tags = profile.tags(&incident("INC-1"), &profile.triggers[0], &id);
    let expected =
        [("Team", "orders"), ("glass:incident", "INC-1"), ("glass:trigger", "down"), ("glass:session", "00000000")];
    assert_eq!(tags, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
}
