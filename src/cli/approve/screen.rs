//! The one screen before a signature: who wants what, why, for how long, and what is unusual about it.
//!
//! Keeps the promise that all that others wrote is shown escaped, and that nothing is claimed that nobody has checked.

use std::time::Duration;

use crate::broker::approve::Case;
use crate::cli::out::{Paint, Style};
use crate::cli::show::{Labelled, durations, network, statements, step, table};
use crate::model::catalogue::{Catalogue, NamedFile, Profile};
use crate::model::name::PersonName;
use crate::model::sign_off::count::Tally;
use crate::model::sign_off::seen::Going;
use crate::model::sign_off::sheet::Asked;
use crate::model::text::escaped;
use crate::model::time::show_duration;

/// Writes the screen.
pub fn of(catalogue: &Catalogue, case: &Case, paint: Paint) -> String {
    let asked = case.tally().sheet().asked();
    // One that has no profile here is void, and is not shown.
    let Some(profile) = catalogue.profile(asked.profile.as_str()) else { return String::new() };
    let title = format!("{} asks for {}", asked.person, asked.profile);
    let mut text = format!("{}: {}\n", paint.paint(Style::Strong, &title), escaped(&profile.summary));
    // What matters most stands last: on a small screen the rest has scrolled away when the question is asked.
    text += &table(&request(case), paint);
    text += &table(&role(asked, profile), paint);
    text += &table(&allowed(asked, profile), paint);
    text += &table(&answers(case.tally()), paint);
    text += &table(&reasons(catalogue, profile, asked), paint);
    for unusual in unusual(profile, case) {
        text += &format!("  {}  {}\n", paint.paint(Style::Warn, "UNUSUAL         "), escaped(&unusual));
    }
    let asked_by = std::iter::once(reached(catalogue, &asked.person)).chain(UNVOUCHED.map(str::to_owned));
    text + &table(&[("asked by", asked_by.collect())], paint)
}

pub fn one(label: &'static str, line: String) -> Labelled {
    (label, vec![line])
}

/// Which request it is, of which ledger.
fn request(case: &Case) -> Vec<Labelled> {
    let (sheet, asked) = (case.tally().sheet(), case.tally().sheet().asked());
    let (age, left) = (rounded(case.now.since(asked.made)), rounded(asked.expires.since(case.now)));
    let told = format!("{}, made {age} ago, until {} ({left} left)", asked.id, asked.expires);
    vec![
        ("request", vec![told, format!("sha256 {}", sheet.digest())]),
        one("on", format!("{}, whose ledger has {} entries", asked.origin, asked.ledger.size)),
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

/// What is known of who asks, which is little.
const UNVOUCHED: [&str; 2] = [
    "nothing vouches for that name before AWS is asked: ring, and",
    "have the incident and the hash's first characters said",
];

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
    vec![title, format!("{}, sha256 {}", file.named, file.digest)]
}

/// How many answers that do not count are shown: whoever may write into the store makes no long screen of them.
const MOST_OTHERS: usize = 5;

/// What has been said to it so far.
fn answers(tally: &Tally) -> Vec<Labelled> {
    let mut signed = vec![format!("{} of {}", tally.counted().len(), tally.needed())];
    signed.extend(tally.counted().iter().map(|one| format!("{} at {} with {}", one.person, one.at, one.key)));
    let others = tally.others().iter().map(|other| format!("{}'s: {}", other.person, other.why));
    let mut others: Vec<String> = others.take(MOST_OTHERS).collect();
    let more = tally.others().len() - others.len();
    others.extend((more > 0).then(|| format!("and {more} more")));
    let may: Vec<&str> = tally.may_sign().iter().map(PersonName::as_str).collect();
    vec![("signed", signed), ("does not count", others), one("may still sign", may.join(", "))]
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
    if case.is_first {
        found.push(format!("it is the first request of {} that is signed here", asked.person));
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
