//! `glass show`: what a profile is for, everything it demands, and what this person may do with it.

use serde_json::{Map, Value as Json, json};

use super::args;
use super::catalogue::warn_of_broken;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::list::Row;
use super::out::{self, Paint, Style};
use super::table::{Labelled, Table};
use crate::broker;
use crate::model::catalogue::{
    AnchorDemand, Catalogue, Hook, MfaDemand, Network, OpenReviews, OverrideRule, Profile, SessionTags, Step,
    TraceDemand, Trigger,
};
use crate::model::name::{PersonName, Region};
use crate::model::policy;
use crate::model::text::escaped;
use crate::model::time::show_duration;

/// Runs the command.
pub fn run(args: &args::Show, context: &Context) -> Result<Exit, Failure> {
    let catalogue = context.catalogue()?;
    let profile = broker::find(&catalogue, &args.profile)?;
    warn_of_broken(&catalogue, Some(&args.profile));
    let person = context.person();
    if args.json {
        out::print_json(&document(&catalogue, profile, person.as_ref()))?;
    } else {
        let rows = rows(&catalogue, profile, person.as_ref());
        out::print(&text(profile, &rows, Paint::for_stdout(context.color())))?;
    }
    Ok(Exit::Done)
}

fn text(profile: &Profile, rows: &[Labelled], paint: Paint) -> String {
    let name = paint.paint(Style::Strong, profile.name.as_str());
    format!("{name}: {}\n{}", escaped(&profile.summary), Table::wide(paint).rows(rows))
}

fn rows(catalogue: &Catalogue, profile: &Profile, person: Option<&PersonName>) -> Vec<Labelled> {
    let triggers = profile.triggers.iter().filter_map(|name| catalogue.trigger(name.as_str()));
    let one = |label, line: Option<String>| (label, line.into_iter().collect());
    vec![
        ("for", audience(catalogue, profile, person)),
        ("triggers", triggers.flat_map(trigger).collect()),
        one("duration", Some(durations(profile))),
        one("approvals", Some(approvals(profile))),
        one("override", profile.override_rule.as_ref().map(|rule| overridden(profile, rule))),
        one("mfa", Some(mfa(profile))),
        one("role", Some(profile.role.to_string())),
        one("region", Some(regions(profile))),
        one("network", profile.network.as_ref().map(network)),
        ("session policy", session_policy(profile)),
        ("managed policies", profile.policy_arns.clone()),
        one("session tags", profile.session_tags.as_ref().map(tags)),
        one("source identity", Some(if profile.source_identity { "the person's name" } else { "none" }.to_owned())),
        one("external id", profile.external_id.clone()),
        one("recording", Some(recording(profile).to_owned())),
        one("API log", Some(api_log(profile).to_owned())),
        one("AWS hook", Some(hook(profile).to_owned())),
        one("anchor", anchored(profile)),
        ("hooks", catalogue.hooks().iter().map(told).collect()),
        one("trace", traced(profile)),
        one("runbook", profile.runbook.as_ref().map(|file| file.path.display().to_string())),
        (if profile.only_steps { "only these steps" } else { "steps" }, profile.steps.values().map(step).collect()),
    ]
}

fn audience(catalogue: &Catalogue, profile: &Profile, person: Option<&PersonName>) -> Vec<String> {
    let names = profile.audience.names().join(", ");
    let own = match person {
        None => vec!["whether for you: there is no identity file that says who you are".to_owned()],
        Some(person) => match policy::objections(catalogue, profile, person).as_slice() {
            [] => vec![format!("{person} may ask for it")],
            rules => rules.iter().map(|rule| format!("{person} may not: {rule}")).collect(),
        },
    };
    [names].into_iter().chain(own).collect()
}

fn trigger(trigger: &Trigger) -> Vec<String> {
    let confirmed = trigger.confirm.as_ref().map(|confirm| format!(", confirmed by {}", confirm.template().join(" ")));
    vec![
        format!("{}: {}", trigger.name, trigger.summary),
        format!("  incident {}{}", trigger.pattern, confirmed.unwrap_or_default()),
    ]
}

pub(super) fn durations(profile: &Profile) -> String {
    format!("{}, {} at most", show_duration(profile.duration), show_duration(profile.max_duration))
}

fn approvals(profile: &Profile) -> String {
    match &profile.approval {
        None => "none".to_owned(),
        Some(rule) => {
            format!("{} of {}, within {}", rule.count, rule.from.names().join(", "), show_duration(rule.within))
        }
    }
}

fn overridden(profile: &Profile, rule: &OverrideRule) -> String {
    let reviews = match profile.level.open_reviews {
        OpenReviews::Remind => "",
        OpenReviews::Refuse => ", and only when their last one is reviewed",
    };
    format!("by {}, for {} at most{reviews}", rule.audience.names().join(", "), show_duration(rule.max_duration))
}

fn mfa(profile: &Profile) -> String {
    match profile.level.mfa {
        MfaDemand::Fresh => "a code for every elevation".to_owned(),
        MfaDemand::Source => "a code, or a source that is a role session".to_owned(),
    }
}

fn hook(profile: &Profile) -> &'static str {
    match profile {
        Profile { only_steps: true, .. } => "none",
        Profile { hold: true, .. } => "served by a live session",
        Profile { hold: false, recording: true, .. } => "none",
        Profile { hold: false, recording: false, .. } => "asks each time",
    }
}

fn regions(profile: &Profile) -> String {
    let others: Vec<&str> = profile.regions.iter().map(Region::as_str).collect();
    if others.is_empty() { profile.region.to_string() } else { format!("{}, or {}", profile.region, others.join(", ")) }
}

pub(super) fn network(network: &Network) -> String {
    let mut places = network.source_ip.clone();
    places.extend(network.source_vpce.iter().cloned());
    format!("only from {}", places.join(", "))
}

fn tags(tags: &SessionTags) -> String {
    let own = tags.own().iter().map(|(key, value)| format!("{key}={value}"));
    own.chain(["glass:incident, glass:trigger, glass:session".to_owned()]).collect::<Vec<_>>().join(", ")
}

pub(super) fn step(step: &Step) -> String {
    let plain = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_graphic() && !b"\"'\\".contains(&b));
    let shown = |word: &String| if plain(word) { word.clone() } else { json!(word).to_string() };
    format!("{}: {}", step.name(), step.argv().iter().map(shown).collect::<Vec<_>>().join(" "))
}

fn api_log(profile: &Profile) -> &'static str {
    if profile.api_log { "what the AWS CLI and the SDKs tell of their calls" } else { "none" }
}

fn recording(profile: &Profile) -> &'static str {
    match (profile.recording, profile.record_input) {
        (false, _) => "none",
        (true, false) => "what is shown",
        (true, true) => "what is shown, and what is typed",
    }
}

fn anchored(profile: &Profile) -> Option<String> {
    match profile.level.anchor {
        AnchorDemand::Later => None,
        AnchorDemand::Required => Some("a place outside of this machine must have the intent first".to_owned()),
    }
}

fn told(hook: &Hook) -> String {
    let required = if hook.required { ", and nobody gets a session before that" } else { "" };
    format!("{} is told of {}{required}", hook.name, hook.on.join(", "))
}

fn traced(profile: &Profile) -> Option<String> {
    match profile.trace {
        TraceDemand::None => None,
        TraceDemand::Exec => Some("every program that is started is in the ledger; Linux only".to_owned()),
    }
}

/// What the session policy says, and the policy as it is sent.
fn session_policy(profile: &Profile) -> Vec<String> {
    let Some(sent) = profile.session_policy() else {
        let managed = !profile.policy_arns.is_empty();
        return if managed { Vec::new() } else { vec!["none: all that the role may do".to_owned()] };
    };
    let mut lines = statements(sent);
    lines.push(format!("sent as ({} characters): {sent}", sent.chars().count()));
    lines
}

/// What an inline policy says, a line for each statement.
pub(super) fn statements(sent: &str) -> Vec<String> {
    let policy: Json = serde_json::from_str(sent).expect("the loader wrote it as JSON");
    match &policy["Statement"] {
        Json::Array(statements) => statements.iter().map(statement).collect(),
        one => vec![statement(one)],
    }
}

fn statement(statement: &Json) -> String {
    let word = |key: &str| match &statement[key] {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        Json::Array(items) => {
            Some(items.iter().map(|item| item.as_str().unwrap_or("?")).collect::<Vec<_>>().join(", "))
        }
        other => Some(other.to_string()),
    };
    let part = |prefix: &str, key: &str| word(key).map(|text| format!("{prefix}{text}"));
    let parts = [
        word("Effect").map(|effect| effect.to_lowercase()),
        part("", "Action"),
        part("all but ", "NotAction"),
        part("on ", "Resource"),
        part("on all but ", "NotResource"),
        part("if ", "Condition"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// What each step of a profile runs, for programs.
pub(super) fn steps(profile: &Profile) -> Map<String, Json> {
    profile.steps.iter().map(|(name, step)| (name.to_string(), json!(step.argv()))).collect()
}

/// All of a profile for programs: the row that `glass list` has, and what it leaves out.
fn document(catalogue: &Catalogue, profile: &Profile, person: Option<&PersonName>) -> Json {
    let row = serde_json::to_value(Row::of(catalogue, profile, person)).expect("a row has only texts for keys");
    let refused = person.map(|person| policy::objections(catalogue, profile, person)).unwrap_or_default();
    let refused: Vec<String> = refused.iter().map(ToString::to_string).collect();
    let more = json!({
        "person": person,
        "refused": refused,
        "for": profile.audience.names(),
        "approval": profile.approval.as_ref().map(|rule| json!({
            "count": rule.count, "from": rule.from.names(), "within": rule.within.as_secs(),
        })),
        "override": profile.override_rule.as_ref().map(|rule| json!({
            "for": rule.audience.names(), "max_duration": rule.max_duration.as_secs(),
            "open_reviews": profile.level.open_reviews.as_str(),
        })),
        "mfa": profile.level.mfa.as_str(),
        "regions": profile.regions,
        "network": profile.network.as_ref().map(|network| json!({
            "source_ip": network.source_ip, "source_vpce": network.source_vpce,
        })),
        "session_policy": profile.session_policy(),
        "policy_arns": profile.policy_arns,
        "session_tags": profile.session_tags.as_ref().map(SessionTags::own),
        "source_identity": profile.source_identity,
        "hold": profile.hold,
        "external_id": profile.external_id,
        "recording": profile.recording,
        "record_input": profile.record_input,
        "api_log": profile.api_log,
        "anchor": profile.level.anchor.as_str(),
        "hooks": catalogue.hooks().iter().map(|hook| json!({
            "hook": hook.name, "kind": hook.call.kind(), "on": hook.on, "required": hook.required,
        })).collect::<Vec<_>>(),
        "trace": profile.trace.as_str(),
        "steps": steps(profile),
        "only_steps": profile.only_steps,
        "runbook": profile.runbook.as_ref().map(|file| json!({ "path": file.path, "sha256": file.digest })),
    });
    let fields = [row, more].into_iter().filter_map(|part| part.as_object().cloned());
    Json::Object(fields.flatten().collect())
}
