//! `glass configure` against the AWS CLI that reads what it writes.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::support::{Home, Outcome, Sandbox, python};

const MINE: &str = "# mine\n[default]\nregion = us-east-1\n\n[profile other]\ns3 =\n  max_queue_size = 7\n";

/// The AWS CLI in a home.
fn aws(home: &Home, args: &[&str]) -> Outcome {
    Outcome::of(home.command(python("aws")).args(args), "")
}

/// The profiles that boto3 finds in a home, one a line.
fn profiles(home: &Home) -> String {
    let print = "import boto3; print('\\n'.join(sorted(boto3.Session().available_profiles)))";
    Outcome::of(home.command(python("python")).args(["-c", print]), "").exits(0).stdout
}

/// A home in the practice AWS whose AWS CLI has files of its own.
fn practice() -> (Home, Sandbox) {
    let mut home = Home::new();
    let sandbox = Sandbox::start(&mut home);
    home.set("AWS_CONFIG_FILE", home.path(".aws/config").display());
    home.set("AWS_SHARED_CREDENTIALS_FILE", home.path(".aws/credentials").display());
    home.unset("AWS_PROFILE");
    (home, sandbox)
}

#[test]
fn the_aws_cli_reads_what_is_written_and_nothing_else_is_touched() {
    let (home, sandbox) = practice();
    home.write(".aws/real-config", MINE);
    symlink("real-config", home.path(".aws/config")).unwrap();
    fs::set_permissions(home.path(".aws/real-config"), fs::Permissions::from_mode(0o640)).unwrap();

    home.glass(&["configure"]).exits(0);
    let written = home.read(".aws/config");
    assert!(written.starts_with(MINE), "{written}");
    let profiles = profiles(&home);
    let profiles: Vec<_> = profiles.lines().collect();
    for name in ["default", "other", "glass-prod-db-emergency", "glass-staging-db-read"] {
        assert!(profiles.contains(&name), "{profiles:?}");
    }
    let setting = |key| {
        let profile = ["--profile", "glass-prod-db-emergency"];
        aws(&home, &[&["configure", "get", key][..], &profile].concat()).exits(0).stdout.trim().to_owned()
    };
    assert_eq!(setting("region"), "eu-west-1");
    assert_eq!(setting("endpoint_url"), sandbox.endpoint);
    let words = format!(" --catalogue {} credential-process prod-db-emergency", sandbox.catalogue);
    assert_eq!(setting("credential_process"), format!("{}{words}", env!("CARGO_BIN_EXE_glass")));

    home.glass(&["configure"]).exits(0);
    assert_eq!(home.read(".aws/config"), written, "twice is once");
    assert!(fs::symlink_metadata(home.path(".aws/config")).unwrap().is_symlink());
    assert_eq!(fs::metadata(home.path(".aws/real-config")).unwrap().permissions().mode() & 0o777, 0o640);
    home.glass(&["configure", "--remove"]).exits(0);
    assert_eq!(home.read(".aws/config"), MINE);
    assert_eq!(fs::read_dir(home.path(".aws")).unwrap().count(), 2, "no copy is left behind");
}

#[test]
fn single_profiles_come_and_go() {
    let (home, _sandbox) = practice();
    home.glass(&["configure", "prod-db-read", "--prefix", "bg."]).exits(0);
    home.glass(&["configure", "staging-db-read", "--prefix", "bg."]).exits(0);
    assert_eq!(profiles(&home), "bg.prod-db-read\nbg.staging-db-read\n");
    let none = home.glass(&["configure", "prod-db-read", "--remove"]).exits(1);
    assert!(none.stderr.contains("glass-prod-db-read") && none.stderr.contains("--prefix"), "{}", none.stderr);
    home.glass(&["configure", "prod-db-read", "--prefix", "bg.", "--remove"]).exits(0);
    assert_eq!(profiles(&home), "bg.staging-db-read\n");
    home.glass(&["configure"]).exits(0);
    assert!(!home.read(".aws/config").contains("bg."), "the block is what the catalogue says");
}

#[test]
fn print_shows_the_block_and_writes_nothing() {
    let (home, _sandbox) = practice();
    let block = home.glass(&["configure", "prod-db-read", "--print"]).exits(0).stdout;
    assert!(block.contains("\n[profile glass-prod-db-read]\ncredential_process = /"), "{block}");
    assert!(!home.path(".aws/config").exists());
    home.glass(&["configure", "prod-db-read"]).exits(0);
    assert_eq!(home.read(".aws/config"), block);
    assert_eq!(fs::metadata(home.path(".aws/config")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_is_not_from_glass_is_not_overwritten() {
    let (home, _sandbox) = practice();
    let theirs = "[profile \"glass-prod-db-read\"]\nregion = x\n";
    home.write(".aws/config", theirs);
    let taken = home.glass(&["configure", "prod-db-read"]).exits(1);
    assert!(taken.stderr.contains("glass-prod-db-read") && taken.stderr.contains("--prefix"), "{}", taken.stderr);
    assert_eq!(home.read(".aws/config"), theirs);

    home.write(".aws/config", "");
    home.write(".aws/credentials", "[glass-prod-db-read]\naws_access_key_id = x\n");
    let hidden = home.glass(&["configure", "prod-db-read"]).exits(1);
    assert!(hidden.stderr.contains("credentials") && hidden.stderr.contains("line 1"), "{}", hidden.stderr);
    assert_eq!(home.read(".aws/config"), "");

    home.write(".aws/config", "[default]\n# >>> glass configure >>>\n");
    let broken = home.glass(&["configure", "prod-db-emergency"]).exits(1);
    assert!(broken.stderr.contains("line 2"), "{}", broken.stderr);
}

#[test]
fn a_profile_that_is_not_there_is_an_error_that_knows_better() {
    let (home, _sandbox) = practice();
    let unknown = home.glass(&["configure", "prod-db-raed"]).exits(2);
    assert!(unknown.stderr.contains("prod-db-read"), "{}", unknown.stderr);
    let prefix = home.glass(&["configure", "prod-db-read", "--prefix", "a b"]).exits(2);
    assert!(prefix.stderr.contains("prefix"), "{}", prefix.stderr);
    assert!(!home.path(".aws/config").exists());
}

#[test]
fn the_aws_cli_gets_a_session_through_a_path_with_a_space_and_a_quote() {
    let (mut home, sandbox) = practice();
    let beside = |name: &str| Path::new(&sandbox.catalogue).with_file_name(name);
    for name in ["orders-db.json", "prod-db.md", "profiles.toml"] {
        home.write(&format!("it's mine/{name}"), &fs::read_to_string(beside(name)).unwrap());
    }
    home.write(".aws/config", &fs::read_to_string(beside("aws-config")).unwrap());
    let catalogue = home.path("it's mine/profiles.toml");
    home.glass(&["--catalogue", catalogue.to_str().unwrap(), "configure", "prod-db-read"]).exits(0);
    home.set("GLASS_CATALOGUE", "/nowhere");
    home.set("GLASS_IDENTITY", beside("unattended.toml").display());

    let call = ["--profile", "glass-prod-db-read", "sts", "get-caller-identity"];
    let mut pty = home.terminal(python("aws"), &call);
    pty.expect("Incident: ");
    pty.send("INC-4711\r");
    pty.expect("Reason: ");
    pty.send("the orders database lost its writer\r");
    let (code, shown) = pty.wait();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("arn:aws:sts::444455556666:assumed-role/prod-db-read/alice-"), "{shown}");

    assert_eq!(aws(&home, &call).code, 0, "it is held for the next call");
    home.glass(&["end"]).exits(0);
    let nobody = aws(&home, &call);
    assert_ne!(nobody.code, 0);
    assert!(nobody.stderr.contains("there is no terminal to ask on"), "{}", nobody.stderr);
}
