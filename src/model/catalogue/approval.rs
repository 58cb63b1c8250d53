//! `approval`: whose sign-off a profile needs, checked to be one that can be given.

use std::time::Duration;

use super::Catalogue;
use super::level::Level;
use super::person::{self, Audience, Person};
use super::profile::Ground;
use super::reader::{Section, Value};
use crate::model::name::PersonName;

/// The longest that an approval may be waited for.
pub const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Whose sign-off a profile needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalRule {
    /// How many people must sign; at least 1.
    pub count: u32,
    /// Who may sign.
    pub from: Audience,
    /// How long a request can be signed.
    pub within: Duration,
}

impl ApprovalRule {
    /// Everybody who may sign what `requester` asks for: who is asked and has a key.
    pub fn signers<'a>(
        &'a self,
        catalogue: &'a Catalogue,
        requester: &'a PersonName,
    ) -> impl Iterator<Item = &'a Person> {
        let others = catalogue.people().filter(move |person| !person.is_one_with(requester, catalogue));
        others.filter(|person| self.from.includes(person) && !person.keys.is_empty())
    }
}

/// Reads `approval`, and checks that it can be given at all.
pub(super) fn read(section: &mut Section<'_>, floor: Option<&Level>, ground: &Ground) -> Option<Option<ApprovalRule>> {
    let demanded = floor.map_or(0, |level| level.approvals);
    let level = floor.map(|level| level.name.as_str()).unwrap_or_default();
    let Some(value) = section.optional("approval") else {
        if demanded == 0 {
            return Some(None);
        }
        return section.wrong(format!(
            "level `{level}` demands an `approval` with a `count` of at least {demanded}: there is none {}",
            section.place()
        ));
    };
    let mut rule = value.section(format!("{}.approval", section.name()))?;
    let written = rule.required("count");
    let count = written.and_then(|value| value.number(1, 20));
    let from = rule.required("from").and_then(|value| person::audience(value, &ground.names));
    let within = rule.optional("within").map_or(Some(Duration::from_secs(1800)), within);
    rule.close();
    let (count, from) = (count?, from?);
    if count < demanded {
        return written?.wrong(format!("level `{level}` demands a `count` of at least {demanded}, not {count}"));
    }
    can_be_given(written?, count, &from, ground)?;
    Some(Some(ApprovalRule { count, from, within: within? }))
}

fn can_be_given(written: Value<'_>, count: u32, from: &Audience, ground: &Ground) -> Option<()> {
    // A person with mistakes has them told already, and may be one of these.
    if ground.people.values().any(Option::is_none) {
        return Some(());
    }
    let people: Vec<&Person> = ground.people.values().flatten().filter(|person| from.includes(person)).collect();
    let signers = people.iter().filter(|person| !person.keys.is_empty()).count();
    if people.len() < count as usize {
        return written.wrong(format!("`count` is {count}, the people in `from` are {}", people.len()));
    }
    // No key belongs to two people, so that there are as many distinct keys as signers, at least.
    if signers < count as usize {
        return written.wrong(format!("`count` is {count}, the people in `from` who have a key are {signers}"));
    }
    Some(())
}

fn within(value: Value<'_>) -> Option<Duration> {
    let within = value.duration()?;
    if within.is_zero() || within > LONGEST_WAIT {
        return value.wrong("`within` must be more than 0s and at most 24h");
    }
    Some(within)
}
