//! The one screen before a signature: who wants what, why, for how long, and what is unusual about it.
//!
//! Keeps the promise that all that others wrote is shown escaped, and that nothing is claimed that nobody has checked.

use std::time::Duration;

use crate::broker::approve::{Case, Handed};
use crate::cli::out::Style;
use crate::cli::show::{durations, network, statements, step};
use crate::cli::table::{Labelled, Table};
use crate::model::catalogue::{Catalogue, NamedFile, Profile};
use crate::model::name::PersonName;
use crate::model::sign_off::count::Tally;
use crate::model::sign_off::seen::Going;
use crate::model::sign_off::sheet::Asked;
use crate::model::time::show_duration;

/// Writes the screen.
pub fn of(catalogue: &Catalogue, case: &Case, handed: &Handed, table: Table) -> String {
    let asked = case.tally().sheet().asked();
    // One that has no profile here is void, and is not shown.
    let Some(profile) = catalogue.profile(asked.profile.as_str()) else { return String::new() };
    let mut text = table.title(&format!("{} asks for {}", asked.person, asked.profile), &profile.summary);
    // What matters most stands last: on a small screen the rest has scrolled away when the question is asked.
    text += &table.rows(&request(case));
    text += &table.rows(&role(asked, profile));
    text += &table.rows(&allowed(asked, profile));
    text += &table.rows(&answers(case.tally()));
    text += &table.rows(&reasons(catalogue, profile, asked));
    for unusual in unusual(profile, case) {
        text += &table.row(Style::Warn, "UNUSUAL", &[unusual]);
    }
    text + &table.rows(&requester(catalogue, asked, handed))
}

pub fn one(label: &'static str, line: String) -> Labelled {
    (label, vec![line])
}

/// Which request it is, of which ledger.
fn request(case: &Case) -> Vec<Labelled> {
    let (sheet, asked) = (case.tally().sheet(), case.tally().sheet().asked());
    let (age, left) = (rounded(case.now.since(asked.made)), rounded(asked.expires.since(case.now)));
    let told = format!("{}, made {age} ago after {} entries", asked.id, asked.ledger.size);
    vec![
        ("request", vec![told, format!("sha256 {}", sheet.digest())]),
        one("of the ledger", asked.origin.to_string()),
        one("stands until", format!("{}, {left} left", asked.expires)),
    ]
}

/// What they would become.
fn role(asked: &Asked, profile: &Profile) -> Vec<Labelled> {
    vec![
        one("role", asked.role.to_string()),
        one("account, level", format!("{}, {}", asked.role.account(), profile.level.name)),
    ]
}

/// What for, and for how long.
fn reasons(catalogue: &Catalogue, profile: &Profile, asked: &Asked) -> Vec<Labelled> {
    let summary = catalogue.trigger(asked.trigger.as_str()).map_or("", |trigger| trigger.summary.as_str());
    let length = show_duration(Duration::from_secs(asked.duration));
    vec![
        one("trigger", format!("{}: {summary}", asked.trigger)),
        one("incident", asked.incident.to_string()),
        one("reason", asked.reason.to_string()),
        one("for how long", format!("{length} (usual {})", durations(profile))),
    ]
}

/// Who asks, and how that is known, which it hardly is.
fn requester(catalogue: &Catalogue, asked: &Asked, handed: &Handed) -> Vec<Labelled> {
    let arn = catalogue.person(asked.person.as_str()).and_then(|person| person.arn.as_ref());
    let must_say = match arn {
        Some(arn) => format!("{arn}, when it is used"),
        None => "whose `arn` the catalogue does not have: it is of no use to anybody".to_owned(),
    };
    let unvouched =
        "before that nothing vouches for the name: ring, and have the incident and the hash's first characters said";
    vec![
        ("came by", came_by(catalogue, handed)),
        ("asked by", vec![reached(catalogue, &asked.person)]),
        ("AWS must say", vec![must_say, unvouched.to_owned()]),
    ]
}

fn came_by(catalogue: &Catalogue, handed: &Handed) -> Vec<String> {
    match (handed, catalogue.store()) {
        (Handed::Papers(_), _) => vec!["a paste or a file; whoever sent it can have written it".to_owned()],
        (Handed::Id(_), None) => vec!["your own folder, which has it from before".to_owned()],
        (Handed::Id(_), Some(store)) => vec![
            format!("{}, or your own folder", store.place),
            "whoever may write there can have put it there".to_owned(),
        ],
    }
}

pub fn reached(catalogue: &Catalogue, person: &PersonName) -> String {
    match catalogue.person(person.as_str()).and_then(|person| person.contact.as_deref()) {
        Some(contact) => format!("{person}, {contact}"),
        None => format!("{person}; the catalogue has no `contact`"),
    }
}

/// What the session may do.
pub fn allowed(asked: &Asked, profile: &Profile) -> Vec<Labelled> {
    let named = asked.step.as_ref().and_then(|name| profile.steps.get(name.as_str()));
    let may = match profile.session_policy() {
        Some(sent) => statements(sent),
        None if profile.policy_arns.is_empty() => vec!["all that the role may do".to_owned()],
        None => Vec::new(),
    };
    vec![
        ("step", named.map(step).into_iter().collect()),
        ("it may", may),
        ("narrowed by", profile.policy_arns.clone()),
        ("network", profile.network.as_ref().map(network).into_iter().collect()),
        ("runbook", profile.runbook.as_deref().map(runbook).unwrap_or_default()),
    ]
}

fn runbook(file: &NamedFile) -> Vec<String> {
    let text = String::from_utf8_lossy(&file.bytes);
    let title = text.lines().map(|line| line.trim_start_matches('#').trim()).find(|line| !line.is_empty());
    let title: String = title.unwrap_or("it has no title").chars().take(100).collect();
    vec![format!("{title} ({})", file.named), format!("sha256 {}", file.digest)]
}

/// How many answers that do not count are shown: whoever may write into the store makes no long screen of them.
const MOST_OTHERS: usize = 5;

/// What has been said to it so far.
fn answers(tally: &Tally) -> Vec<Labelled> {
    let may: Vec<&str> = tally.may_sign().iter().map(PersonName::as_str).collect();
    let may = if may.is_empty() { String::new() } else { format!("; {} may still sign", may.join(", ")) };
    let mut signed = vec![format!("{} of {}{may}", tally.counted().len(), tally.needed())];
    signed.extend(tally.counted().iter().map(|one| format!("{} at {} with {}", one.person, one.at, one.key)));
    let others = tally.others().iter().map(|other| format!("{}'s: {}", other.person, other.why));
    let mut others: Vec<String> = others.take(MOST_OTHERS).collect();
    let more = tally.others().len() - others.len();
    others.extend((more > 0).then(|| format!("and {more} more")));
    vec![("signed", signed), ("does not count", others)]
}

/// What an approver would not expect.
fn unusual(profile: &Profile, case: &Case) -> Vec<String> {
    let asked = case.tally().sheet().asked();
    let mut found = Vec::new();
    match case.going() {
        Ok(Going::On) => {}
        Ok(Going::Earlier(size)) => {
            let fewer = "says that it was made earlier, when its ledger had fewer entries than the";
            found.push(format!("it {fewer} {size} that you saw before; nothing shows that"));
        }
        Ok(Going::Unknown(size)) => {
            found.push(format!("nothing shows that its ledger goes on from the {size} entries that you saw before"));
        }
        Err(contradiction) => found.push(contradiction.to_string()),
    }
    match (case.known.person, &case.known.ledger) {
        (false, _) => found.push(format!("it is the first request of {} that is signed here", asked.person)),
        (true, None) => found.push(format!(
            "you have not seen this ledger of {} before: another machine, or one that was begun anew",
            asked.person
        )),
        (true, Some(_)) => {}
    }
    if let Some(other) = &case.known.other {
        found.push(format!("you have seen the same ledger as {other}'s: one of the two says what is not so"));
    }
    if Duration::from_secs(asked.duration) > profile.duration {
        found.push(format!("it is for longer than the usual {}", show_duration(profile.duration)));
    }
    if asked.step.is_none() && !profile.steps.is_empty() {
        let only = if profile.only_steps { ", though nothing but its steps is allowed" } else { "" };
        found.push(format!("the runbook has steps, and it is for none of them{only}"));
    }
    if case.tally().missing() == 0 {
        found.push("it has all the approvals that it needs".to_owned());
    }
    // Whoever may write into the store makes no long screen of it.
    if let [session, more @ ..] = case.said_used.as_slice() {
        let more = if more.is_empty() { String::new() } else { format!(" (or {} others)", more.len()) };
        found.push(format!(
            "somebody says that session {session}{more} has used it; its requester's ledger alone can tell"
        ));
    }
    found
}

/// A length in whole minutes, or in seconds if it is shorter than two.
pub fn rounded(length: Duration) -> String {
    let seconds = length.as_secs();
    show_duration(Duration::from_secs(if seconds < 120 { seconds } else { seconds - seconds % 60 }))
}
