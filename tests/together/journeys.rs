//! From the question for the incident to the verdict of the auditor, over each channel.

use std::fs;

use glass::model::name::Digest;
use serde_json::Value;

use super::{Channel, Person, Team};
use crate::support::{Outcome, tool};

fn journey(channel: Channel, people: usize, columns: u16) {
    let mut team = Team::new(channel, people, columns);
    let request = team.asks();
    for number in 0..people - 1 {
        let answer = team.approves(number, channel, &request);
        if channel == Channel::Paste {
            team.alice.pastes(&answer);
        }
        team.alice.sees(&format!("glass: {} has signed", team.approvers[number].name));
    }
    team.goes_on();
    team.alice.types("aws sts get-caller-identity --query Arn --output text");
    team.alice.sees("\narn:aws:sts::444455556666:assumed-role/prod-db-emergency/alice-");
    team.alice.sees("alice$ ");
    team.leaves();
    team.alice.types("glass audit verify");
    team.alice.is_back(0);
    for person in &mut team.approvers {
        person.types("glass audit verify");
        person.is_back(0);
    }
    audit(&team);
}

/// What an auditor does who has nothing but Alice's ledger, and OpenSSH.
fn audit(team: &Team) {
    let home = &team.alice.home;
    let state = team.state(&team.alice);
    fs::remove_dir_all(state.join("requests")).unwrap();
    let entries = home.glass(&["audit", "show", "--json"]).exits(0).stdout;
    let entries: Vec<Value> = entries.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let intent = &entries.iter().find(|entry| entry["ev"] == "elevate.intent").unwrap()["d"];
    let used = &entries.iter().find(|entry| entry["ev"] == "request.used").unwrap()["d"];
    let kept = |digest: &Value| {
        let text = fs::read_to_string(state.join("ledger/blobs").join(digest.as_str().unwrap())).unwrap();
        assert_eq!(digest, &Digest::of(text.as_bytes()).to_string());
        text
    };
    let request: Value = serde_json::from_str(&kept(&used["request_sha256"])).unwrap();
    assert_eq!((&request["person"], &request["incident"]), (&"alice".into(), &"INC-4711".into()));
    let approvals = intent["approvals"].as_array().unwrap();
    assert_eq!(approvals.len(), team.approvers.len());
    let catalogue = kept(&intent["catalogue"]);
    let approvals: Vec<String> = approvals.iter().map(kept).collect();
    for Person { name: person, .. } in &team.approvers {
        let mut those = approvals.iter().filter(|approval| approval.contains(&format!("\n{person}\n")));
        let (Some(approval), None) = (those.next(), those.next()) else { panic!("{approvals:?}") };
        let (said, signature) = approval.split_at(approval.find("-----BEGIN").unwrap());
        assert!(said.starts_with(&format!("glass-approval-v1\napprove\n{person}\n")), "{said}");
        assert!(said.contains(used["request_sha256"].as_str().unwrap()), "{said}");
        let row = catalogue.split(&format!("[people.{person}]")).nth(1).unwrap();
        let key = row.lines().find_map(|line| line.strip_prefix("keys = ")).unwrap().trim_matches(['[', ']', '"']);
        home.write("allowed", &format!("{person} {key}\n"));
        home.write("signature", signature);
        let words = ["-Y", "verify", "-f", "allowed", "-I", person, "-n", "glass-approval@v1", "-s", "signature"];
        Outcome::of(home.command(tool("ssh-keygen")).args(words), said).exits(0);
        Outcome::of(home.command(tool("ssh-keygen")).args(words), &said.replace(person, "mallory")).exits(255);
    }
}

#[test]
fn people_who_share_a_folder_break_the_glass_together() {
    journey(Channel::Folder, 2, 80);
    journey(Channel::Folder, 3, 60);
}

#[test]
fn people_who_share_only_a_bucket_break_the_glass_together() {
    journey(Channel::Bucket, 2, 80);
    journey(Channel::Bucket, 3, 80);
}

#[test]
fn people_who_share_only_what_they_paste_break_the_glass_together() {
    journey(Channel::Paste, 2, 80);
    // So narrow that what is copied is broken in other places than it was.
    journey(Channel::Paste, 3, 60);
}
