//! The one screen before a review is signed: who went on without approvals, why, and what is known of what was done.
//!
//! Keeps the promise that all that others wrote is shown escaped, and that nothing is claimed that nobody has checked.

use std::time::Duration;

use crate::broker::approve::Case;
use crate::cli::approve::screen::{allowed, one, reached, rounded};
use crate::cli::out::Style;
use crate::cli::table::{Labelled, Table};
use crate::model::catalogue::Catalogue;
use crate::model::sign_off::deeds::Deeds;
use crate::model::time::show_duration;

/// What is known of who overrode, which is little.
const UNVOUCHED: &str = "nothing vouches for what stands here: your signature closes the review only where the ledger has just this \
     request; ring, and have the hash's first characters said";

/// What is known of the session without its ledger.
const UNKNOWN: &str =
    "not known here: it is in the ledger of who overrode; have a copy sent, and give it with --ledger";

/// Writes the screen.
pub fn of(catalogue: &Catalogue, case: &Case, deeds: Option<&Deeds>, table: Table) -> String {
    let asked = case.tally().sheet().asked();
    let profile = catalogue.profile(asked.profile.as_str());
    let title = format!("{} went on without the approvals of {}", asked.person, asked.profile);
    let summary = profile.map_or("the catalogue does not have it any more", |profile| profile.summary.as_str());
    let mut text = table.title(&title, summary);
    text += &table.rows(&overrode(catalogue, case, deeds));
    text += &profile.map(|profile| table.rows(&allowed(asked, profile))).unwrap_or_default();
    let changed = case.tally().void().iter().map(ToString::to_string);
    let not_over = (case.may_go_on() && deeds.is_none()).then(|| {
        let length = show_duration(Duration::from_secs(asked.duration));
        format!("its {length} may not be over: what is signed long before the session ends closes no review")
    });
    for why in changed.chain(not_over).chain(case.contradiction().map(|why| why.to_string())) {
        text += &table.row(Style::Warn, "UNUSUAL", &[why]);
    }
    text
}

/// Who did it, and what for.
fn overrode(catalogue: &Catalogue, case: &Case, deeds: Option<&Deeds>) -> Vec<Labelled> {
    let (sheet, asked) = (case.tally().sheet(), case.tally().sheet().asked());
    let summary = catalogue.trigger(asked.trigger.as_str()).map_or("", |trigger| trigger.summary.as_str());
    let level = catalogue.profile(asked.profile.as_str()).map_or("", |profile| profile.level.name.as_str());
    vec![
        ("used by", vec![reached(catalogue, &asked.person), UNVOUCHED.to_owned()]),
        one("on", asked.origin.to_string()),
        (
            "session",
            vec![
                format!("{}, asked for at {}, {} ago", asked.id, asked.made, rounded(case.now.since(asked.made))),
                format!("sha256 {}", sheet.digest()),
            ],
        ),
        one("role", asked.role.to_string()),
        one("account, level", format!("{}, {level}", asked.role.account())),
        one("trigger", format!("{}: {summary}", asked.trigger)),
        one("incident", asked.incident.to_string()),
        one("reason", asked.reason.to_string()),
        one("asked for", show_duration(Duration::from_secs(asked.duration))),
        one("lasted", deeds.map_or_else(|| UNKNOWN.to_owned(), ToString::to_string)),
    ]
}
