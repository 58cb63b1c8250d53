//! AWS says no. Each no is told apart, with what to do about it, and is in the ledger.

use crate::support::Practice;

/// The trust policy of the practice's emergency roles, with one piece in place of another.
fn trust_with(from: &str, to: &str) -> String {
    let trust = include_str!("../../src/sandbox/practice/trust-emergency.json");
    assert_eq!(trust.matches(from).count(), 1, "`{from}` is to be once in the trust policy");
    trust.replace(from, to)
}

/// A practice whose role has this trust policy.
fn trusting(trust: &str) -> Practice {
    let practice = Practice::new();
    let change = ["iam", "update-assume-role-policy", "--role-name", "prod-db-emergency", "--policy-document", trust];
    practice.aws("practice-production", &change).exits(0);
    practice
}

/// Elevates in vain; AWS refused, and the hint says this.
#[track_caller]
fn refused(practice: &Practice, hint: &str) {
    let outcome = practice.assume(&["--", "/bin/echo", "elevated"]).exits(1);
    assert_eq!(outcome.stdout, "");
    assert!(outcome.stderr.contains("AccessDenied"), "{}", outcome.stderr);
    let hints = outcome.stderr.lines().filter(|line| line.starts_with("hint: ")).collect::<String>();
    assert!(hints.contains(hint), "{}", outcome.stderr);
    let fails = practice.told("elevate.fail");
    assert_eq!(fails[0]["sent"], "refused", "{fails:?}");
    assert_eq!(fails[0]["code"], "AccessDenied", "{fails:?}");
    assert!(practice.told("elevate.ok").is_empty());
}

#[test]
fn the_role_does_not_trust_the_caller() {
    let trust = trust_with(
        "\"Condition\": {",
        "\"Condition\": {\n \"StringLike\": { \"aws:PrincipalArn\": \"arn:aws:iam::*:user/nobody\" },",
    );
    refused(&trusting(&trust), "the role's trust policy must allow sts:AssumeRole");
}

#[test]
fn the_role_takes_no_source_identity() {
    let trust = trust_with("[\"sts:SetSourceIdentity\", \"sts:TagSession\"]", "\"sts:TagSession\"");
    refused(&trusting(&trust), "sts:SetSourceIdentity");
}

#[test]
fn the_role_takes_no_tags() {
    let trust = trust_with("[\"sts:SetSourceIdentity\", \"sts:TagSession\"]", "\"sts:SetSourceIdentity\"");
    refused(&trusting(&trust), "sts:TagSession");
}

#[test]
fn the_serial_is_somebody_elses() {
    let practice = Practice::new().edited("profiles.toml", ":mfa/alice", ":mfa/bob");
    refused(&practice, "the MFA serial must be a device of the user who calls");
}

#[test]
fn the_caller_is_somebody_else() {
    let practice = Practice::new().edited("unattended.toml", "practice-daily", "practice-bob");
    let outcome = practice.assume(&["--", "/bin/echo", "elevated"]).exits(3);
    assert!(outcome.stderr.contains("arn:aws:iam::111122223333:user/bob"), "{}", outcome.stderr);
    assert_eq!(practice.told("elevate.refused").len(), 1);
    assert!(practice.told("elevate.intent").is_empty(), "refused before AssumeRole");
}

#[test]
fn a_wrong_code_from_a_program_is_sent_once() {
    let practice = Practice::new();
    let program = practice.home.write("code", "000000");
    let command = format!("[\"/bin/cat\", \"{}\"]", program.display());
    let glass = format!("[\"{}\", \"sandbox\", \"code\"]", practice.file("glass"));
    let practice = practice.edited("unattended.toml", &glass, &command);
    refused(&practice, "next code");
    assert_eq!(practice.told("elevate.intent").len(), 1);
}

#[test]
fn the_role_is_not_there() {
    let practice = Practice::new();
    practice.aws("practice-production", &["iam", "delete-role", "--role-name", "prod-db-emergency"]).exits(0);
    refused(&practice, "the role's trust policy must allow sts:AssumeRole");
}
