//! The nights on which it does not go well, each with its reason on the screen.

use std::time::Duration;

use glass::model::name::PersonName;
use glass::model::sign_off::approval::{Answer, Approval, NAMESPACE, Statement};
use glass::model::sign_off::block::{self, Kind as Block};
use glass::model::sign_off::sheet::Sheet;
use glass::model::time::Timestamp;

use super::{Channel, Team, sheet_in};
use crate::support::{Kind, SoftKey};

#[test]
fn a_no_ends_the_wait_and_the_screen_tells_whose_and_why() {
    let mut team = Team::new(Channel::Folder, 3, 80);
    let request = team.asks();
    team.approves(1, Channel::Folder, &request);
    team.alice.sees("glass: carol has signed");
    let bob = &mut team.approvers[0];
    bob.types(&format!("glass deny {} --reason 'ring me first'", request.id));
    bob.sees("Deny prod-db-emergency for alice? [y/N]: ");
    bob.types("y");
    bob.unlocks();
    bob.is_back(0);
    team.alice.sees("bob said no: ring me first");
    team.alice.sees("alice$ ");
    team.is_shown(&team.alice, "denied");
    team.alice.types("");
    team.alice.is_back(3);
}

/// A block in which Carol says yes to a request at some time, signed with a key that may be hers.
fn signed(key: &SoftKey, sheet: &Sheet, at: Timestamp, remark: &str) -> String {
    let person = PersonName::parse("carol").unwrap();
    let (answer, remark) = (Answer::Approve, remark.to_owned());
    let statement = Statement { answer, person, at, request: sheet.digest(), remark };
    let signature = key.approve(NAMESPACE, statement.to_text().unwrap().as_bytes());
    let approval = Approval::new(&statement, &signature).unwrap();
    block::write(Block::Approval, approval.stored().as_bytes())
}

#[test]
fn forged_replayed_early_late_and_doubled_approvals_do_not_count_and_the_screen_tells_why() {
    let mut team = Team::new(Channel::Paste, 3, 80);
    let mut carol = SoftKey::new(Kind::SkEd25519);
    let real = team.approvers[1].home.read(".ssh/key.pub");
    let catalogue = team.catalogue().replace(real.trim(), &carol.line());
    team.agree_on(&catalogue);
    let first = team.asks();
    team.alice.terminal.send("\x03");
    team.alice.is_back(130);
    let sheet = sheet_in(&first.block);
    // Another request, for which the first one's approval is a replay.
    team.alice.types("glass assume prod-db-emergency --duration 20m");
    let second = team.says_why();
    let other = sheet_in(&second.block);
    assert_ne!(other.asked().id, sheet.asked().id);
    let made = other.asked().made;
    let hour = Duration::from_secs(3600);
    let stranger = SoftKey::new(Kind::Ed25519);
    carol.flags = 0;
    let untouched = signed(&carol, &other, made, "");
    carol.flags = 1;
    let before = Timestamp::from_seconds(made.seconds() - 3600);
    let cases = [
        (signed(&carol, &sheet, sheet.asked().made, ""), "it is of another request"),
        (signed(&stranger, &other, made, ""), "is not, or not any more, in the catalogue"),
        (untouched, "the security key was not touched"),
        (signed(&carol, &other, before, ""), "it was signed before the request was made, at "),
        (signed(&carol, &other, made.plus(hour), ""), "in the future: a clock is wrong"),
    ];
    for (block, why) in &cases {
        team.alice.pastes(block);
        team.alice.sees("-----END GLASS APPROVAL-----");
        let told = team.alice.sees(why);
        assert!(told.contains("glass: carol's does not count: "), "{told}");
    }
    let genuine = signed(&carol, &other, made, "");
    team.alice.pastes(&genuine);
    team.alice.sees("glass: carol has signed");
    team.alice.sees("1 more: ring bob");
    team.alice.pastes(&signed(&carol, &other, made, "and once more"));
    team.alice.sees("glass: carol's does not count: one person counts once");
    let bobs = team.approves(0, Channel::Paste, &second);
    team.alice.pastes(&bobs);
    team.goes_on();
    team.leaves();
    // What was used is used, whoever pastes it again.
    team.alice.types("glass assume prod-db-emergency --approval -");
    team.alice.sees("Paste the block");
    team.alice.sees("\n");
    team.alice.pastes(&(second.block + &genuine + &bobs));
    team.alice.sees(&format!("the request {} was used by the session ", second.id));
    team.alice.is_back(3);
}

#[test]
fn who_gives_up_goes_on_from_where_it_was() {
    let mut team = Team::new(Channel::Folder, 3, 80);
    let request = team.asks();
    team.approves(0, Channel::Folder, &request);
    team.alice.sees("glass: bob has signed");
    team.alice.sees("1 more: ring carol");
    team.alice.terminal.send("\x03");
    team.alice.sees(&format!("glass assume prod-db-emergency --request {}", request.id));
    team.alice.is_back(130);
    team.alice.types(&format!("glass assume prod-db-emergency --request {}", request.id));
    team.alice.sees("glass: bob has signed");
    team.alice.sees("1 more: ring carol");
    team.approves(1, Channel::Folder, &request);
    team.alice.sees("glass: carol has signed");
    team.goes_on();
}

#[test]
fn a_request_that_expires_while_it_is_waited_for_ends_the_wait_and_nobody_signs_it_any_more() {
    let mut team = Team::new(Channel::Folder, 2, 80);
    team.agree_on(&team.catalogue().replace("from = [\"leads\"]", "from = [\"leads\"], within = \"3s\""));
    team.alice.types("glass assume prod-db-emergency");
    team.answers();
    team.alice.sees("prod-db-emergency is refused");
    team.alice.sees("caused by: the request ");
    let id = team.alice.sees(" expired at ");
    team.alice.is_back(3);
    let bob = &mut team.approvers[0];
    bob.types(&format!("glass approve {id}"));
    bob.sees("its time is over");
    bob.is_back(3);
}

#[test]
fn an_approver_whose_catalogue_differs_is_told_in_which_part() {
    let mut team = Team::new(Channel::Folder, 2, 80);
    let request = team.asks();
    let bob = &mut team.approvers[0];
    let policy = bob.home.read(".config/glass/orders-db.json");
    bob.home.write(".config/glass/orders-db.json", &policy.replace("rds:Describe*", "rds:*"));
    bob.types(&format!("glass approve {}", request.id));
    bob.sees("does not fit your catalogue, and is not signed");
    bob.sees("policy changed");
    bob.is_back(3);
    bob.home.write(".config/glass/orders-db.json", &policy);
    team.approves(0, Channel::Folder, &request);
    team.goes_on();
}
