//! Steps of a runbook: word for word, in an environment of glass's own, and for some profiles nothing else.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use glass::model::name::Digest;
use serde_json::json;

use crate::support::{Practice, WORDS, python};

const GLASS: &str = env!("CARGO_BIN_EXE_glass");

/// A practice whose `prod-db-emergency` has these lines too.
fn practice(more: &str) -> Practice {
    Practice::new().edited(
        "profiles.toml",
        "policy = \"orders-db.json\"",
        &format!("policy = \"orders-db.json\"\n{more}"),
    )
}

/// Puts a program there that must not be run.
fn trap(practice: &Practice, path: &str) {
    let path = practice.home.write(path, "#!/bin/sh\necho escaped\n");
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_step_has_a_fixed_environment_and_nothing_of_the_callers() {
    let practice = practice("steps = { look = [\"/usr/bin/env\", \"-0\"] }\nonly_steps = true")
        .with("LD_LIBRARY_PATH", "/tmp")
        .with("AWS_PAGER", "sh")
        .with("AWS_CLI_AUTO_PROMPT", "on")
        .with("AWS_DATA_PATH", "/tmp/models")
        .with("PYTHONPATH", "/tmp/python");
    let outcome = practice.assume(&["--step", "look"]).exits(0);
    let variables: Vec<(&str, &str)> =
        outcome.stdout.trim_end_matches('\0').split('\0').map(|variable| variable.split_once('=').unwrap()).collect();
    let mut names: Vec<&str> = variables.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    let expected = [
        "AWS_ACCESS_KEY_ID",
        "AWS_CREDENTIAL_EXPIRATION",
        "AWS_CSM_CLIENT_ID",
        "AWS_CSM_ENABLED",
        "AWS_CSM_HOST",
        "AWS_CSM_PORT",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_PAGER",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_VAULT",
        "GLASS_EXPIRATION",
        "GLASS_EXPIRATION_EPOCH",
        "GLASS_INCIDENT",
        "GLASS_LEVEL",
        "GLASS_PERSON",
        "GLASS_PROFILE",
        "GLASS_SESSION",
        "HOME",
        "LANG",
        "PATH",
        "TERM",
    ];
    assert_eq!(names, expected);
    for fixed in [("AWS_PAGER", ""), ("HOME", "/nonexistent"), ("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")] {
        assert!(variables.contains(&fixed), "{fixed:?}");
    }
}

#[test]
fn no_alias_no_pager_and_no_path_makes_another_command_of_a_step() {
    let aws = python("aws");
    let step =
        format!("steps = {{ who = [\"{}\", \"sts\", \"get-caller-identity\"] }}\nonly_steps = true", aws.display());
    let trapped = |practice: Practice| {
        trap(&practice, "bin/aws");
        trap(&practice, "bin/python3");
        practice.home.write(".aws/cli/alias", "[toplevel]\nsts = !echo escaped\n");
        let path = format!("{}:/usr/bin:/bin", practice.home.path("bin").display());
        practice.with("PATH", path).with("AWS_PAGER", "/bin/sh -c 'echo escaped'")
    };
    let command = ["--", aws.to_str().unwrap(), "sts", "get-caller-identity"];
    let free = trapped(Practice::new()).assume(&command).exits(0);
    assert!(free.stdout.contains("escaped"), "the trap does not work: {free:?}");
    let outcome = trapped(practice(&step)).assume(&["--step", "who"]).exits(0);
    assert!(outcome.stdout.contains(":assumed-role/prod-db-emergency/alice-"), "{outcome:?}");
    assert!(!outcome.stdout.contains("escaped") && !outcome.stderr.contains("escaped"), "{outcome:?}");
}

#[test]
fn a_profile_of_steps_alone_has_no_shell_no_command_and_no_hook() {
    let practice = practice("steps = { look = [\"/usr/bin/env\"] }\nonly_steps = true").unrecorded();
    let hook = [&["credential-process", "prod-db-emergency"], WORDS.as_slice()].concat();
    let said = "it allows nothing but its steps: look";
    for outcome in [practice.assume(&[]), practice.assume(&["--", "/usr/bin/env"]), practice.home.glass(&hook)] {
        let outcome = outcome.exits(3);
        assert!(outcome.stdout.is_empty() && outcome.stderr.contains(said), "{outcome:?}");
    }
    let unknown = practice.assume(&["--step", "loook"]).exits(3);
    assert!(unknown.stderr.contains("`loook` is none of its steps: look"), "{}", unknown.stderr);
    practice.assume(&["--step", "look", "--", "/usr/bin/env"]).exits(2);
    let refused = practice.told("elevate.refused");
    assert_eq!(
        refused.iter().map(|d| &d["rules"]).collect::<Vec<_>>(),
        [&json!(["only_steps"]), &json!(["only_steps"]), &json!(["only_steps"]), &json!(["step"])]
    );
    assert!(practice.told("elevate.intent").is_empty());
}

#[test]
fn a_step_is_in_the_ledger_with_its_words_and_their_digest() {
    let practice = practice("steps = { fail = [\"/bin/sh\", \"-c\", \"exit 7\"] }");
    practice.assume(&["--step", "fail"]).exits(7);
    assert_eq!(practice.told("elevate.intent")[0]["step"], "fail");
    let start = &practice.told("session.start")[0];
    assert_eq!((&start["kind"], &start["argv"]), (&json!("command"), &json!(["/bin/sh", "-c", "exit 7"])));
    let ran = &practice.told("command")[0];
    assert_eq!((&ran["source"], &ran["step"], &ran["code"]), (&json!("step"), &json!("fail"), &json!(7)));
    assert_eq!((&ran["path"], &ran["argv"]), (&json!("/bin/sh"), &start["argv"]));
    assert_eq!(ran["sha256"], Digest::of(br#"["/bin/sh","-c","exit 7"]"#).to_string());
    assert_eq!(ran["cwd"], practice.home.path("").to_str().unwrap().trim_end_matches('/'));
    let events: Vec<_> = practice.entries().iter().map(|entry| entry["ev"].clone()).collect();
    assert!(
        events.ends_with(
            &["recording.end", "command", "session.end", "ledger.key", "ledger.checkpoint", "run.end"]
                .map(|name| json!(name))
        ),
        "{events:?}"
    );
}

#[test]
fn within_a_session_a_step_is_run_with_its_credentials_and_outside_it_is_refused() {
    let aws = python("aws");
    let steps = format!("steps = {{ who = [\"{}\", \"sts\", \"get-caller-identity\"] }}", aws.display());
    let practice = practice(&steps).with("PYTHONPATH", "/tmp/python");
    let outside = practice.home.glass(&["step", "who"]).exits(3);
    assert!(outside.stderr.contains("this is no shell of a live session"), "{}", outside.stderr);
    let script = "\"$0\" step whoo; echo $?; \"$0\" step who";
    let outcome = practice.assume(&["--", "/bin/sh", "-c", script, GLASS]).exits(0);
    assert!(outcome.stdout.starts_with("3\n"), "{outcome:?}");
    assert!(outcome.stderr.contains("`whoo` is none of its steps: who"), "{outcome:?}");
    assert!(outcome.stdout.contains(":assumed-role/prod-db-emergency/alice-"), "{outcome:?}");
    let entries = practice.entries();
    let of = |event: &str| entries.iter().find(|entry| entry["ev"] == event).unwrap();
    assert_eq!(of("command")["session"], of("session.start")["session"]);
    assert_eq!((&of("command")["d"]["step"], &of("command")["d"]["code"]), (&json!("who"), &json!(0)));
}

/// What was approved is the text of the moment at which the session was opened, for the profile of that session.
#[test]
fn a_step_that_was_edited_into_the_catalogue_later_is_refused() {
    let practice = practice("steps = { look = [\"/bin/echo\", \"looked\"] }");
    let script = "export GLASS_PROFILE=prod-db-read; \"$0\" step look; sed -i s/looked/moved/ \"$GLASS_CATALOGUE\"; \"$0\" step look";
    let outcome = practice.assume(&["--", "/bin/sh", "-c", script, GLASS]).exits(3);
    assert_eq!(outcome.stdout, "looked\n");
    assert!(outcome.stderr.contains("the catalogue has changed since this session was opened"), "{}", outcome.stderr);
}
