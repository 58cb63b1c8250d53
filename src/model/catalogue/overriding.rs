//! `override`: who may go on without the approvals of a profile, and for how long.

use std::time::Duration;

use super::approval::ApprovalRule;
use super::level;
use super::person::{self, Audience};
use super::profile::Ground;
use super::reader::Section;
use crate::model::time::show_duration;

/// Who may override, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverrideRule {
    /// Who may (`for`), of those who may use the profile.
    pub audience: Audience,
    /// The most that one gets so; not more than the profile's.
    pub max_duration: Duration,
}

/// The rest of the profile, as far as it is good.
pub(super) struct Rest<'a> {
    /// Who may use it.
    pub audience: Option<&'a Audience>,
    /// What one gets without asking, and its ceiling.
    pub durations: Option<(Duration, Duration)>,
    /// Whose sign-off it needs; the outer `None` stands for one with mistakes.
    pub approval: Option<&'a Option<ApprovalRule>>,
}

/// Reads `override`, and checks that there is something to override and somebody who can.
pub(super) fn read(section: &mut Section<'_>, rest: &Rest<'_>, ground: &Ground) -> Option<Option<OverrideRule>> {
    let Some(value) = section.optional("override") else { return Some(None) };
    let mut rule = value.section(format!("{}.override", section.name()))?;
    let written = rule.required("for");
    let audience = written.and_then(|value| person::audience(value, &ground.names));
    let ceiling = rule.required("max_duration");
    let max_duration = ceiling.and_then(level::ceiling);
    rule.close();
    if rest.approval.is_some_and(Option::is_none) {
        return value.wrong("`override` without `approval`: there is nothing to override");
    }
    let (audience, max_duration) = (audience?, max_duration?);
    if let Some((_, most)) = rest.durations.filter(|(_, most)| *most < max_duration) {
        let (length, most) = (show_duration(max_duration), show_duration(most));
        return ceiling?.wrong(format!("`max_duration` {length} of an override is more than the profile's {most}"));
    }
    // A person with mistakes has them told already, and may be one of these.
    let all_good = ground.people.values().all(Option::is_some);
    let mut people = ground.people.values().flatten();
    let may = |person| audience.includes(person) && rest.audience.is_none_or(|profile| profile.includes(person));
    if all_good && !people.any(may) {
        return written?.wrong("nobody in `for` of `override` may use the profile");
    }
    Some(Some(OverrideRule { audience, max_duration }))
}
