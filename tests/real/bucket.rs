//! A bucket as an archive: moto's S3, with versions, locks and conditional puts, and the AWS CLI as whoever else
//! may put something there.

use std::fs;
use std::path::Path;
use std::process::Command;

use glass::host::archive::HostArchives;
use glass::host::aws::HostAws;
use glass::model::daily_key::DailyKey;
use glass::model::destination::Destination;
use glass::model::identity::{Source, Store};
use glass::model::name::{PersonName, Region};
use glass::model::secret::Secret;
use glass::world::archive::{Archive, ArchiveError, Archives, Content, Sender};
use glass::world::aws::{AwsError, Place, Why};
use glass::world::machine::{Vault, VaultError};
use serde_json::{Value, json};

use super::set_up;
use crate::ledger::interrupted::{Scene, nothing_is_amiss, told_or_killed};
use crate::support::{Home, Moto, Outcome, commands_below, python, tool};

/// A keyring that has a key for everybody.
struct Keyring;

impl Vault for Keyring {
    fn read(&self, _: Store, _: &str) -> Result<Secret, VaultError> {
        let secret_access_key = Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into());
        Ok(DailyKey { access_key_id: "AKIAIOSFODNN7EXAMPLE".into(), secret_access_key }.format())
    }

    fn write(&self, store: Store, _: &str, _: &Secret) -> Result<(), VaultError> {
        Err(VaultError::Unavailable { store, message: "it is only read".into() })
    }

    fn remove(&self, store: Store, _: &str) -> Result<(), VaultError> {
        Err(VaultError::Unavailable { store, message: "it is only read".into() })
    }

    fn stores(&self) -> Vec<Store> {
        Vec::new()
    }
}

/// An S3 with a bucket that has locks and one that has not even versions.
struct S3 {
    home: Home,
    endpoint: String,
    _moto: Moto,
}

impl S3 {
    fn new() -> S3 {
        let mut home = Home::new();
        // So that few versions already make many pages.
        home.set("MOTO_S3_DEFAULT_MAX_KEYS", 5);
        let moto = Moto::start(&home);
        let s3 = S3 { home, endpoint: moto.endpoint.clone(), _moto: moto };
        let there = ["--create-bucket-configuration", "LocationConstraint=eu-west-1"];
        s3.aws(&[&["create-bucket", "--bucket", "locked", "--object-lock-enabled-for-bucket"], &there[..]].concat());
        s3.aws(&[&["create-bucket", "--bucket", "plain"], &there[..]].concat());
        s3
    }

    /// Calls S3 by the AWS CLI.
    fn call(&self, args: &[&str]) -> Outcome {
        let mut command = self.home.command(python("aws"));
        command.env("AWS_ACCESS_KEY_ID", "anybody").env("AWS_SECRET_ACCESS_KEY", "anything");
        command.args(["--region", "eu-west-1", "--endpoint-url", &self.endpoint, "s3api"]).args(args);
        Outcome::of(&mut command, "")
    }

    fn aws(&self, args: &[&str]) -> Outcome {
        self.call(args).exits(0)
    }

    fn archive(&self, bucket: &str, retain_days: Option<u32>) -> Box<dyn Archive> {
        let person = PersonName::parse("alice").unwrap();
        let region = Region::parse("eu-west-1").unwrap();
        let place = Place { region, endpoint: Some(self.endpoint.clone()), ca_bundle: None };
        let source = Source::Keyring(Store::Keyutils);
        let sender = Sender { person: &person, source: Some(&source), place: &place, retain_days };
        let destination = Destination::parse(&format!("s3://{bucket}/glass"), "".as_ref()).unwrap();
        HostArchives { aws: HostAws { vault: &Keyring } }.open(&destination, &sender).unwrap()
    }
}

/// The home of somebody whose catalogue sends the ledger to this bucket, with something in the ledger.
fn shipping_to(s3: &S3, bucket: &str) {
    let key = r#"{"Version": 1, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "wJalrXUtnFEMI"}"#;
    let key = s3.home.write("key.json", key);
    s3.home.write(".aws/config", &format!("[profile daily]\ncredential_process = cat {}\n", key.display()));
    set_up(&s3.home, &s3.endpoint, None, "daily");
    let ledger = format!("\n[ledger]\nship = [\"s3://{bucket}/glass\"]\nregion = \"eu-west-1\"\nretain_days = 30\n");
    let catalogue = s3.home.read(".config/glass/profiles.toml") + &ledger;
    s3.home.write(".config/glass/profiles.toml", &catalogue);
    // Nothing is sent by itself so soon after an attempt.
    s3.home.write(".local/state/glass/ledger/tried", "");
    s3.home.glass(&["audit", "checkpoint"]).exits(0);
}

#[test]
fn the_ledger_goes_to_a_bucket_and_is_held_against_it() {
    let s3 = S3::new();
    shipping_to(&s3, "locked");
    let told = s3.home.glass(&["audit", "ship", "--json"]).exits(0).json();
    let sent = told[0]["sent"].as_array().unwrap().clone();
    let note = sent.iter().find_map(|name| name.as_str().filter(|name| name.contains("checkpoint"))).unwrap();
    let key = format!("glass/{note}");
    let at = ["--bucket", "locked", "--key", key.as_str()];
    let kept = s3.aws(&[&["head-object"], &at[..]].concat()).json();
    assert_eq!(kept["ObjectLockMode"], "COMPLIANCE");
    let anchors = s3.home.glass(&["audit", "show", "--event", "ledger.anchor"]).exits(0).stdout;
    assert!(anchors.contains(kept["VersionId"].as_str().unwrap()), "{anchors}");
    // What is laid on top changes nothing, and neither does a marker that hides it.
    let other = s3.home.write("other", "something else");
    s3.aws(&[&["put-object", "--body", other.to_str().unwrap()], &at[..]].concat());
    s3.aws(&[&["delete-object"], &at[..]].concat());
    let told = s3.home.glass(&["audit", "ship", "--json"]).exits(0).json();
    assert_eq!((&told[0]["failed"], &told[0]["contradicts"]), (&Value::Null, &false.into()), "{told}");
    s3.home.glass(&["audit", "verify"]).exits(0);
}

/// T3: the ledger is put back to what it was, goes on from there, and is signed again by its own key. Whoever has the
/// credentials too can lay something on top of what the bucket has, and not take it away.
#[test]
fn a_ledger_that_was_cut_and_signed_again_is_told_by_the_bucket() {
    let s3 = S3::new();
    shipping_to(&s3, "locked");
    let (ledger, before) = (s3.home.path(".local/state/glass/ledger"), s3.home.path("before"));
    let copy = |from: &Path, to: &Path| {
        assert!(Command::new(tool("cp")).arg("-a").args([from, to]).status().unwrap().success());
    };
    copy(&ledger, &before);
    for _ in 0..3 {
        s3.home.glass(&["audit", "checkpoint"]).exits(0);
    }
    let sent = s3.home.glass(&["audit", "ship", "--json"]).exits(0).json()[0]["sent"][0].as_str().unwrap().to_owned();
    fs::remove_dir_all(&ledger).unwrap();
    copy(&before, &ledger);
    let contradicted = |why: &str| {
        s3.home.glass(&["audit", "checkpoint"]).exits(0);
        let told = s3.home.glass(&["audit", "ship"]).exits(4).stderr;
        assert!(told.contains("contradicts this ledger") && told.contains(why), "{told}");
    };
    contradicted("its end was cut off");
    s3.aws(&["delete-object", "--bucket", "locked", "--key", &format!("glass/{sent}")]);
    for _ in 0..4 {
        contradicted("");
    }
    contradicted("this ledger was rewritten");
    s3.home.glass(&["audit", "verify"]).exits(0);
}

/// The attacker has every file and key of the machine, and may put and delete in the bucket as glass may, and more.
#[test]
fn a_ledger_that_was_written_anew_is_found_by_a_bucket_whatever_is_laid_on_top() {
    let s3 = S3::new();
    let home = &s3.home;
    shipping_to(&s3, "locked");
    let copied = Outcome::of(home.command(tool("cp")).arg("-a").arg(home.path(".local")).arg(home.path("before")), "");
    copied.exits(0);
    home.glass(&["list"]);
    let lost = home.glass(&["audit", "checkpoint", "--json"]).exits(0).json();
    home.glass(&["audit", "ship"]).exits(0);
    let verify = |code| {
        let words = ["audit", "verify", "--json", "--against", "s3://locked/glass", "--anchored", "--max-age", "1h"];
        home.glass(&words).exits(code).json()
    };
    let good = verify(0);
    assert_eq!((&good["anchored"]["kind"], &good["anchored"]["size"]), (&"s3".into(), &lost["size"]), "{good}");

    fs::remove_dir_all(home.path(".local")).unwrap();
    fs::rename(home.path("before"), home.path(".local")).unwrap();
    home.glass(&["whoami"]);
    home.glass(&["list"]);
    let anew = home.glass(&["audit", "checkpoint", "--json"]).exits(0).json();
    let note = home.write("anew.note", anew["note"].as_str().unwrap());
    let (origin, size) = (lost["origin"].as_str().unwrap(), lost["size"].as_u64().unwrap());
    let key = format!("glass/{origin}/checkpoint/{size:016}");
    let at = ["--bucket", "locked", "--key", key.as_str()];
    s3.aws(&[&["put-object", "--body", note.to_str().unwrap()], &at[..]].concat());
    s3.aws(&[&["delete-object"], &at[..]].concat());
    home.glass(&["audit", "verify"]).exits(0);
    let found = verify(4);
    assert_eq!(found["completeness"]["state"], "rewritten", "{found}");
    let held = found["completeness"]["held"].as_array().unwrap();
    assert!(held.iter().any(|held| held["answer"] == "rewritten" && held["size"] == lost["size"]), "{found}");
}

#[test]
fn a_bucket_that_takes_nothing_says_what_to_do() {
    let s3 = S3::new();
    shipping_to(&s3, "nobodys");
    let told = s3.home.glass(&["audit", "ship"]).exits(1).stderr;
    assert!(told.contains("AWS says no (NoSuchBucket)") && told.contains("hint: check the bucket's name"), "{told}");
    shipping_to(&s3, "plain");
    let told = s3.home.glass(&["audit", "ship"]).exits(1).stderr;
    assert!(told.contains("the bucket plain has no Object Lock") && told.contains("hint: docs/aws-setup.md"), "{told}");
}

fn oldest(archive: &dyn Archive, name: &str) -> Option<String> {
    let mut content = Vec::new();
    archive.oldest(name, &mut content).unwrap().map(|_| String::from_utf8(content).unwrap())
}

#[test]
fn what_is_put_first_stays_and_is_read() {
    let s3 = S3::new();
    let archive = s3.archive("locked", Some(30));
    assert_eq!(oldest(&*archive, "note/1"), None);
    let receipt = archive.put("note/1", Content::Bytes(b"first")).unwrap();
    assert_eq!(receipt.name, "glass/note/1");
    let version = receipt.version.unwrap();
    let at = ["--bucket", "locked", "--key", "glass/note/1"];
    let kept = s3.aws(&[&["head-object", "--version-id", &version], &at[..]].concat()).json();
    assert_eq!(kept["ObjectLockMode"], "COMPLIANCE");
    let until = receipt.retained_until.unwrap().to_seconds_text();
    assert!(kept["ObjectLockRetainUntilDate"].as_str().unwrap().starts_with(&until[..19]), "{kept}");

    assert!(matches!(archive.put("note/1", Content::Bytes(b"second")), Err(ArchiveError::Taken)));
    let other = s3.home.write("other", "other");
    let body = ["--body", other.to_str().unwrap()];
    for _ in 0..7 {
        s3.aws(&[&["put-object"], &at[..], &body].concat());
    }
    s3.aws(&[&["delete-object"], &at[..]].concat());
    assert_eq!(oldest(&*archive, "note/1").as_deref(), Some("first"));
    assert_eq!(archive.names("note").unwrap(), ["note/1"]);
    // A delete marker lies on top, so S3 takes the key for free; what is there first is there all the same.
    archive.put("note/1", Content::Bytes(b"third")).unwrap();
    assert_eq!(oldest(&*archive, "note/1").as_deref(), Some("first"));
    let outcome = s3.call(&[&["delete-object", "--version-id", &version], &at[..]].concat());
    assert!(outcome.stderr.contains("AccessDenied"), "{}", outcome.stderr);
}

#[test]
fn all_names_are_listed_whatever_the_pages() {
    let s3 = S3::new();
    let archive = s3.archive("locked", None);
    let mut names: Vec<String> = (0..12).map(|number| format!("note/{number}")).collect();
    for name in &names {
        archive.put(name, Content::Bytes(name.as_bytes())).unwrap();
    }
    archive.put("notes", Content::Bytes(b"beside it")).unwrap();
    s3.aws(&["delete-object", "--bucket", "locked", "--key", "glass/note/3"]);
    s3.aws(&["put-object", "--bucket", "locked", "--key", "glass/note/<&> ä+%41"]);
    names.sort();
    assert_eq!(archive.names("note").unwrap(), names);
    for name in &names {
        assert_eq!(oldest(&*archive, name).as_ref(), Some(name));
    }
    assert_eq!(archive.names("nothing").unwrap(), [""; 0]);
}

#[test]
fn a_bucket_without_versions_keeps_what_needs_no_lock() {
    let s3 = S3::new();
    let archive = s3.archive("plain", None);
    let receipt = archive.put("request", Content::Bytes(b"first")).unwrap();
    assert_eq!((receipt.version, receipt.retained_until), (None, None));
    assert!(matches!(archive.put("request", Content::Bytes(b"second")), Err(ArchiveError::Taken)));
    assert_eq!(oldest(&*archive, "request").as_deref(), Some("first"));
    let error = s3.archive("plain", Some(1)).put("other", Content::Bytes(b"x")).unwrap_err();
    assert!(matches!(&error, ArchiveError::Unfit(why) if why.contains("plain has no Object Lock")), "{error}");
}

#[test]
fn a_bucket_that_is_not_there_is_told_as_such() {
    let s3 = S3::new();
    let archive = s3.archive("nobodys", Some(30));
    let errors = [
        archive.put("note", Content::Bytes(b"x")).unwrap_err(),
        archive.oldest("note", &mut Vec::new()).unwrap_err(),
        archive.names("note").unwrap_err(),
    ];
    for error in errors {
        let no_bucket = matches!(error, ArchiveError::Aws { error: AwsError::Refused { why: Why::NoBucket, .. }, .. });
        assert!(no_bucket, "{error}");
    }
}

#[test]
fn a_large_file_goes_and_comes_as_it_is() {
    let s3 = S3::new();
    let archive = s3.archive("locked", Some(1));
    let content: Vec<u8> = (0..8_000_000u32).flat_map(u32::to_le_bytes).collect();
    let path = s3.home.path("segment");
    fs::write(&path, &content).unwrap();
    archive.put("segment", Content::File(&path)).unwrap();
    let mut found = Vec::new();
    archive.oldest("segment", &mut found).unwrap().unwrap();
    assert!(found == content, "{} bytes came of {}", found.len(), content.len());
}

/// What was sent is read as it came first, and copied so by what the guide says.
#[test]
fn what_a_bucket_was_sent_is_read_there_whatever_is_laid_on_top() {
    let s3 = S3::new();
    shipping_to(&s3, "locked");
    let home = &s3.home;
    let closed = home.glass(&["audit", "rotate"]).exits(0).stdout;
    home.glass(&["audit", "ship"]).exits(0);
    let key = home.glass(&["audit", "key"]).exits(0).stdout;
    let sent = home.glass(&["audit", "show", "--json", "--event", "ledger.anchor"]).exits(0).stdout;
    let sent: Vec<Value> = sent.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let other = home.write("other", "something else");
    for anchor in &sent {
        let at = ["--bucket", "locked", "--key", anchor["d"]["receipt"]["name"].as_str().unwrap()];
        s3.aws(&[&["put-object", "--body", other.to_str().unwrap()], &at[..]].concat());
        s3.aws(&[&["delete-object"], &at[..]].concat());
    }
    assert!(sent.iter().any(|anchor| !anchor["d"]["segment"].is_null()), "{sent:?}");
    let gone = home.path(".local/state/glass/ledger").join(closed.trim());
    let text = fs::read_to_string(&gone).unwrap();
    fs::remove_file(gone).unwrap();
    let against = ["audit", "verify", "--json", "--against", "s3://locked/glass"];
    let found = home.glass(&against).exits(0).json();
    assert_eq!(
        (&found["completeness"]["altered"], &found["completeness"]["gone"]),
        (&json!([]), &json!([])),
        "{found}"
    );
    assert!(found["completeness"]["read"]["objects"].as_u64().unwrap() >= 2, "{found}");

    let origin = origin_of(home);
    let block = commands_below("A bucket is copied into a folder first:").replace("acme-evidence", "locked");
    let block = block.replace("glass/acme/laptop/alice/62rp5vxh", &origin);
    let mut shell = home.command("/bin/sh");
    let path = format!("{}:/usr/bin:/bin", python("aws").parent().unwrap().display());
    shell.env("PATH", path).env("AWS_ENDPOINT_URL", &s3.endpoint).env("AWS_REGION", "eu-west-1");
    shell.env("AWS_ACCESS_KEY_ID", "anybody").env("AWS_SECRET_ACCESS_KEY", "anything");
    Outcome::of(shell.args(["-euc", &block]), "").exits(0);
    let copied = home.path("archive/glass").join(&origin);
    Outcome::of(home.command(tool("gunzip")).arg("-r").arg(copied.join("segment")), "").exits(0);
    assert_eq!(fs::read_to_string(copied.join("segment").join(closed.trim())).unwrap(), text);
    let copy = copied.join("segment");
    home.glass(&["audit", "verify", "--ledger", copy.to_str().unwrap(), "--key", key.trim()]).exits(0);
}

fn origin_of(home: &Home) -> String {
    let shown = home.glass(&["audit", "show", "--json", "--event", "ledger.checkpoint", "--last", "1"]).exits(0).json();
    shown["d"]["note"].as_str().unwrap().lines().next().unwrap().to_owned()
}

/// The JSON blocks of the guide's section on buckets that keep ledgers: the bucket's policy, and the sender's.
fn policies() -> [Value; 2] {
    let page = include_str!("../../docs/aws-setup.md");
    let section = page.split("\n## ").find(|section| section.starts_with("5. A bucket that keeps")).unwrap();
    let blocks = section.split("```json\n").skip(1).map(|block| block.split_once("```").unwrap().0);
    let policies: Vec<Value> = blocks.map(|block| serde_json::from_str(block).unwrap()).collect();
    policies.try_into().unwrap()
}

/// The actions of one or all statements of a policy.
fn actions(statements: &Value) -> Vec<String> {
    let statements = statements.as_array().cloned().unwrap_or_else(|| vec![statements.clone()]);
    let of = |statement: &Value| {
        statement["Action"].as_array().cloned().unwrap_or_else(|| vec![statement["Action"].clone()])
    };
    let mut actions: Vec<_> =
        statements.iter().flat_map(of).map(|action| action.as_str().unwrap().to_owned()).collect();
    actions.sort();
    actions
}

/// moto enforces the policies of users: it knows actions and resources, and takes every condition for met.
#[test]
fn the_senders_policy_of_the_guide_is_enough_and_all_of_it_is_needed() {
    let s3 = S3::new();
    let home = &s3.home;
    let [bucket, sender] = policies();
    let there = ["--create-bucket-configuration", "LocationConstraint=eu-west-1"];
    s3.aws(&[&["create-bucket", "--bucket", "acme-evidence", "--object-lock-enabled-for-bucket"], &there[..]].concat());
    shipping_to(&s3, "acme-evidence");
    // The bucket's default says how long objects stay.
    let catalogue = home.read(".config/glass/profiles.toml").replace("retain_days = 30\n", "");
    home.write(".config/glass/profiles.toml", &catalogue);
    let iam = |args: &[&str]| {
        let mut command = home.command(python("aws"));
        command.env("AWS_ACCESS_KEY_ID", "anybody").env("AWS_SECRET_ACCESS_KEY", "anything");
        command.args(["--region", "eu-west-1", "--endpoint-url", &s3.endpoint, "iam"]).args(args);
        Outcome::of(&mut command, "").exits(0)
    };
    // Somebody who may do all this but one thing.
    let but_for = |action: &str| {
        let mut policy = sender.clone();
        let statements = policy["Statement"].as_array_mut().unwrap();
        statements
            .iter_mut()
            .for_each(|one| one["Action"] = actions(one).into_iter().filter(|one| one != action).collect());
        statements.retain(|statement| statement["Action"] != json!([]));
        let person = format!("not-{}", action.replace("s3:", ""));
        iam(&["create-user", "--user-name", &person]);
        let document = ["--policy-name", "evidence", "--policy-document", &policy.to_string()];
        iam(&[&["put-user-policy", "--user-name", &person], &document[..]].concat());
        let key = iam(&["create-access-key", "--user-name", &person]).json()["AccessKey"].clone();
        json!({ "Version": 1, "AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"] })
    };
    let as_one_who_has = |key: &Value| home.write("key.json", &key.to_string());
    let needed = actions(&sender["Statement"]);
    assert_eq!(needed, ["s3:GetObjectVersion", "s3:ListBucketVersions", "s3:PutObject"]);
    let (all, without) = (but_for("none"), needed.iter().map(|action| (action, but_for(action))).collect::<Vec<_>>());
    let mut post = home.command(python("python"));
    let line =
        "import sys, urllib.request as u; u.urlopen(u.Request(sys.argv[1], b'0', {'Content-Type': 'text/plain'}))";
    Outcome::of(post.args(["-c", line, &format!("{}/moto-api/reset-auth", s3.endpoint)]), "").exits(0);

    let verify = ["audit", "verify", "--json", "--against", "s3://acme-evidence/glass", "--anchored"];
    as_one_who_has(&all);
    home.glass(&["audit", "rotate"]).exits(0);
    home.glass(&["audit", "ship"]).exits(0);
    assert_eq!(home.glass(&verify).exits(0).json()["completeness"]["state"], "complete");
    for (action, key) in &without {
        home.glass(&["audit", "checkpoint"]).exits(0);
        as_one_who_has(key);
        let told = home.glass(&["audit", "ship"]).exits(1).stderr;
        assert!(told.contains("AccessDenied"), "{action}: {told}");
        // Who reads alone need not put.
        home.glass(&verify[..5]).exits(if *action == "s3:PutObject" { 0 } else { 1 });
    }
    as_one_who_has(&all);
    home.glass(&["audit", "ship"]).exits(0);
    assert_eq!(home.glass(&verify).exits(0).json()["completeness"]["state"], "complete");

    // A bucket of another account grants the same, and below the same prefix.
    let statement = |sid: &str| bucket["Statement"].as_array().unwrap().iter().find(|one| one["Sid"] == sid).unwrap();
    let others = statement("SendersOfAnotherAccount");
    assert_eq!((actions(others), &others["Effect"]), (needed, &json!("Allow")));
    assert!(others["Resource"].as_array().unwrap().contains(&sender["Statement"][0]["Resource"]));
    let once = statement("OnlyWhereNothingIsYet");
    assert_eq!((actions(once), &once["Effect"]), (vec!["s3:PutObject".to_owned()], &json!("Deny")));
    assert_eq!(once["Condition"], json!({ "Null": { "s3:if-none-match": "true" } }));
}

/// The part of the bucket's policy that has no conditions, which moto does not know.
#[test]
fn the_buckets_policy_of_the_guide_keeps_markers_off_and_glass_going() {
    let s3 = S3::new();
    let [mut bucket, _] = policies();
    bucket["Statement"].as_array_mut().unwrap().retain(|statement| statement["Sid"] == "NothingIsTakenAway");
    assert_eq!(bucket["Statement"].as_array().unwrap().len(), 1);
    let policy = s3.home.write("bucket.json", &bucket.to_string().replace("acme-evidence", "locked"));
    shipping_to(&s3, "locked");
    let policy = format!("file://{}", policy.display());
    s3.aws(&["put-bucket-policy", "--bucket", "locked", "--policy", &policy]);
    let sent = s3.home.glass(&["audit", "ship", "--json"]).exits(0).json();
    let key = format!("glass/{}", sent[0]["sent"][0].as_str().unwrap());
    let refused = s3.call(&["delete-object", "--bucket", "locked", "--key", &key]);
    assert!(refused.code != 0 && refused.stderr.contains("403"), "{}", refused.stderr);
    let words = ["audit", "verify", "--json", "--against", "s3://locked/glass", "--anchored"];
    s3.home.glass(&words).exits(0);
}

/// Whatever fails on the way to a bucket is told, there is no receipt for what is not there, and the next run sends it.
#[test]
fn a_fault_at_any_call_of_the_network_on_the_way_to_a_bucket_is_told_and_made_up_for() {
    let s3 = S3::new();
    shipping_to(&s3, "locked");
    let place = |home: &Home| home.path("").file_name().unwrap().to_str().unwrap().to_owned();
    // Each has a place of its own, so that all is sent each time.
    let prepare = |home: &Home| {
        let catalogue = home.read(".config/glass/profiles.toml");
        let own = catalogue.replace("s3://locked/glass", &format!("s3://locked/{}", place(home)));
        home.write(".config/glass/profiles.toml", &own);
    };
    let check = |home: &Home, outcome: &Outcome, what: &str| {
        told_or_killed(outcome, what);
        let against = format!("s3://locked/{}", place(home));
        let verified = || home.glass(&["audit", "verify", "--json", "--against", &against]).exits(0).json();
        nothing_is_amiss(&verified(), what);
        home.glass(&["audit", "ship"]).exits(0);
        let found = verified();
        nothing_is_amiss(&found, what);
        assert_eq!(found["completeness"]["state"], "complete", "{what}: {found}");
    };
    let faults =
        ["connect:error=EIO", "sendto:error=EIO", "writev:error=EIO", "recvfrom:error=EIO", "recvfrom:retval=0"];
    let words = ["audit", "ship"];
    let scene = Scene { begin: &s3.home, prepare: &prepare, words: &words, files: &[], check: &check };
    let met = scene.met_by(&faults.map(str::to_owned));
    assert!(met >= faults.len(), "{met}");
}
