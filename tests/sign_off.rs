//! Sign-off with the built program: who asks and who approves have homes and keys of their own.

use glass::model::name::{Id, PersonName};
use glass::model::sign_off::approval::{Answer, Approval, NAMESPACE, Statement};
use glass::model::sign_off::sheet::{Asked, Sheet};
use glass::model::time::Timestamp;

use crate::support::{Practice, SoftKey};

mod agent;
mod asked;
mod bucket;
mod folder;
mod grown;
mod overriding;
mod reviewed;
mod traps;
mod used;

/// A practice whose profile needs an approval of carol.
pub fn practice_with(carol: &SoftKey) -> Practice {
    let people = format!(
        "[people.carol]\ngroups = [\"security\"]\ncontact = \"+44 20 7946 0000\"\nkeys = [\"{}\"]\n\n[people.bob]",
        carol.line()
    );
    let rule = "approval = { count = 1, from = [\"carol\"] }\nrunbook = \"prod-db.md\"";
    let practice = Practice::new().edited("profiles.toml", "[people.bob]", &people);
    practice.edited("profiles.toml", "runbook = \"prod-db.md\"", rule)
}

/// What carol says to a request, right after it was made.
fn carol_says(carol: &SoftKey, sheet: &Sheet, answer: Answer, remark: &str) -> Approval {
    let person = PersonName::parse("carol").unwrap();
    let statement =
        Statement { answer, person, at: sheet.asked().made, request: sheet.digest(), remark: remark.to_owned() };
    let text = statement.to_text().unwrap();
    Approval::new(&statement, &carol.approve(NAMESPACE, text.as_bytes())).unwrap()
}

/// Requests as good as this one, one an hour, of which the latest expired three days ago.
fn old_ones(sheet: &Sheet, count: usize) -> Vec<Sheet> {
    let old = |number: u32| {
        let [one, two, three, four] = number.to_be_bytes();
        let id = Id::from_random([0xff, one, two, three, four]);
        let made = Timestamp::from_seconds(sheet.asked().made.seconds() - 3 * 86_400 - 3600 * i64::from(number));
        let expires = Timestamp::from_seconds(made.seconds() + 1800);
        Sheet::write(&Asked { id, made, expires, ..sheet.asked().clone() }).unwrap()
    };
    (0..).take(count).map(old).collect()
}
