//! Profiles: one role each, who may take it, when, for how long, and how narrowed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::approval::{self, ApprovalRule};
use super::file::{Files, NamedFile};
use super::level::{self, Level};
use super::mistake::quoted;
use super::network::{self, Network};
use super::overriding::{self, OverrideRule};
use super::person::{self, Audience, Person};
use super::reader::{Section, Value};
use super::session_policy;
use super::step::{self, Step};
use super::tags::{self, SessionTags};
use super::trace::{self, TraceDemand};
use crate::model::name::{Environment, Id, Incident, ProfileName, Region, RoleArn, StepName, TriggerName};
use crate::model::time::show_duration;

/// The most managed policies that STS takes for a session.
const MOST_ARNS: usize = 10;

/// One emergency role and everything it takes to get it. Only the loader makes one.
#[derive(Debug)]
pub struct Profile {
    /// environment-purpose-level.
    pub name: ProfileName,
    /// What it is for.
    pub summary: String,
    /// The level of its name.
    pub level: Level,
    /// The role that is assumed.
    pub role: RoleArn,
    /// The region in which it works.
    pub region: Region,
    /// Other regions that may be asked for.
    pub regions: Vec<Region>,
    /// Who may use it (`for`).
    pub audience: Audience,
    /// What counts as an emergency for it; not empty.
    pub triggers: Vec<TriggerName>,
    /// What one gets without asking.
    pub duration: Duration,
    /// The most that one can ask for.
    pub max_duration: Duration,
    /// Whose sign-off it needs.
    pub approval: Option<ApprovalRule>,
    /// Who may go on without it (`override`).
    pub override_rule: Option<OverrideRule>,
    /// Whether its sessions are to be recorded.
    pub recording: bool,
    /// And what is typed in them too.
    pub record_input: bool,
    /// Whether the API calls of its sessions are to be logged.
    pub api_log: bool,
    /// Which programs of its sessions are to be traced.
    pub trace: TraceDemand,
    /// Whether the person is set as the session's source identity.
    pub source_identity: bool,
    /// The external id that the role demands.
    pub external_id: Option<String>,
    /// The session policy's file.
    pub policy: Option<Arc<NamedFile>>,
    /// Managed policies that narrow the session.
    pub policy_arns: Vec<String>,
    /// Where the session may be used from.
    pub network: Option<Network>,
    /// Whether a live session serves the AWS hook; otherwise each call of the hook asks.
    pub hold: bool,
    /// The session's own tags; when present, even empty, glass adds its own.
    pub session_tags: Option<SessionTags>,
    /// What to do, shown at the moment of need.
    pub runbook: Option<Arc<NamedFile>>,
    /// The pre-approved commands, by name.
    pub steps: BTreeMap<StepName, Step>,
    /// Whether nothing but the steps may be run; then there is at least one.
    pub only_steps: bool,
    session_policy: Option<String>,
}

impl Profile {
    /// The inline session policy that is sent to STS: at most 2,048 characters, without white space.
    pub fn session_policy(&self) -> Option<&str> {
        self.session_policy.as_deref()
    }

    /// How many approvals it needs: what it says or what its level does, whichever is more.
    pub fn approvals(&self) -> u32 {
        self.approval.as_ref().map_or(0, |rule| rule.count).max(self.level.approvals)
    }

    /// Whether a region may be asked for.
    pub fn admits_region(&self, region: &Region) -> bool {
        self.region == *region || self.regions.contains(region)
    }

    /// The session tags that are sent to STS.
    pub fn tags(&self, incident: &Incident, trigger: &TriggerName, session: &Id) -> Vec<(String, String)> {
        self.session_tags.as_ref().map_or(Vec::new(), |tags| tags.of_session(incident, trigger, session))
    }
}

/// What a profile is checked against: everything else in the catalogue.
///
/// A name whose own section has mistakes is still known here, so that a mistake is told once.
pub(super) struct Ground {
    pub(super) environments: Option<Vec<Environment>>,
    pub(super) levels: BTreeMap<String, Option<Level>>,
    pub(super) triggers: BTreeSet<String>,
    pub(super) people: BTreeMap<String, Option<Person>>,
    /// The names of all people and groups.
    pub(super) names: BTreeSet<String>,
}

/// Reads `[profiles.<name>]`, whose name was found to be `name`; `sharing` is another profile with the same role.
pub(super) fn read(
    value: Value<'_>,
    name: ProfileName,
    ground: &Ground,
    sharing: Option<&str>,
    files: &mut Files<'_>,
) -> Option<Profile> {
    let mut section = value.section(format!("profiles.{name}"))?;
    let level = ground.levels.get(name.level()).cloned().flatten();
    let floor = level.as_ref();
    let summary = section.required("summary").and_then(Value::line);
    let audience = section.required("for").and_then(|value| person::audience(value, &ground.names));
    let triggers = section.required("triggers").and_then(|value| triggers(value, &ground.triggers));
    let durations = durations(&mut section, floor);
    let approval = approval::read(&mut section, floor, ground);
    let rest = overriding::Rest { audience: audience.as_ref(), durations, approval: approval.as_ref() };
    let override_rule = overriding::read(&mut section, &rest, ground);
    let recording = guardrail(&mut section, "recording", floor, |level| level.recording);
    let record_input = record_input(&mut section, recording);
    let api_log = guardrail(&mut section, "api_log", floor, |level| level.api_log);
    let trace = trace::read(&mut section);
    let source_identity = section.optional("source_identity").map_or(Some(true), Value::boolean);
    let hold = section.optional("hold").map_or(Some(true), Value::boolean);
    let place = place(&mut section, sharing);
    let scope = scope(&mut section, place.as_ref().map(|place| &place.role), files);
    let external_id = section.optional("external_id").map_or(Some(None), |value| external_id(value).map(Some));
    let session_tags =
        section.optional("session_tags").map_or(Some(None), |value| tags::read(value, section.name()).map(Some));
    let steps = steps(&mut section);
    let only_steps = only_steps(&mut section, scope.as_ref(), steps.as_ref());
    let runbook = section.optional("runbook").map_or(Some(None), |value| files.read(value).map(Some));
    section.not_built(&["database"]);
    section.close();
    let (duration, max_duration) = durations?;
    let (place, scope) = (place?, scope?);
    Some(Profile {
        name,
        summary: summary?,
        level: level?,
        role: place.role,
        region: place.region,
        regions: place.regions,
        audience: audience?,
        triggers: triggers?,
        duration,
        max_duration,
        approval: approval?,
        override_rule: override_rule?,
        recording: recording?,
        record_input: record_input?,
        api_log: api_log?,
        trace: trace?,
        source_identity: source_identity?,
        hold: hold?,
        external_id: external_id?,
        policy: scope.policy,
        policy_arns: scope.policy_arns,
        network: scope.network,
        session_tags: session_tags?,
        runbook: runbook?,
        steps: steps?,
        only_steps: only_steps?,
        session_policy: scope.session_policy,
    })
}

fn steps(section: &mut Section<'_>) -> Option<BTreeMap<StepName, Step>> {
    let Some(value) = section.optional("steps") else { return Some(BTreeMap::new()) };
    step::read(value, format!("{}.steps", section.name()))
}

/// Whether nothing but the steps may be run. What AWS lets the session do must then be narrowed, since AWS is
/// the wall and glass is not.
fn only_steps(
    section: &mut Section<'_>,
    scope: Option<&Scope>,
    steps: Option<&BTreeMap<StepName, Step>>,
) -> Option<bool> {
    let Some(value) = section.optional("only_steps") else { return Some(false) };
    let only = value.boolean()?;
    let is_wide = only && scope.is_some_and(|scope| scope.policy.is_none());
    if is_wide {
        value.wrong::<()>("`only_steps` needs a `policy`: the session must be able to do no more than its steps");
    }
    if only && steps.is_some_and(BTreeMap::is_empty) {
        return value.wrong("`only_steps` without `steps` allows nothing");
    }
    (!is_wide).then_some(only)
}

fn triggers(value: Value<'_>, known: &BTreeSet<String>) -> Option<Vec<TriggerName>> {
    let triggers = value.list(|item| {
        let trigger = item.parsed(TriggerName::parse)?;
        if known.contains(trigger.as_str()) {
            return Some(trigger);
        }
        item.unknown("trigger", trigger.as_str(), known.iter().map(String::as_str))
    })?;
    if triggers.is_empty() {
        return value.wrong("`triggers` is empty: without a trigger nothing is an emergency");
    }
    Some(triggers)
}

/// Reads `duration` ≤ `max_duration` ≤ the level's.
fn durations(section: &mut Section<'_>, floor: Option<&Level>) -> Option<(Duration, Duration)> {
    let usual = section.required("duration");
    let most = section.required("max_duration");
    let duration = usual.and_then(level::ceiling);
    let max_duration = most.and_then(level::ceiling);
    if let (Some(most), Some(length), Some(level)) = (most, max_duration, floor)
        && length > level.max_duration
    {
        let (length, ceiling) = (show_duration(length), show_duration(level.max_duration));
        return most.wrong(format!("`max_duration` {length} is more than the {ceiling} of level `{}`", level.name));
    }
    let (duration, max_duration) = (duration?, max_duration?);
    if duration > max_duration {
        let (duration, max_duration) = (show_duration(duration), show_duration(max_duration));
        return usual?.wrong(format!("`duration` {duration} is more than `max_duration` {max_duration}"));
    }
    Some((duration, max_duration))
}

/// Reads what a profile can demand of its sessions, and must where its level does.
fn record_input(section: &mut Section<'_>, recording: Option<bool>) -> Option<bool> {
    let Some(value) = section.optional("record_input") else { return Some(false) };
    let input = value.boolean()?;
    if input && recording == Some(false) {
        return value.wrong("`record_input` without `recording` records nothing");
    }
    Some(input)
}

fn guardrail(
    section: &mut Section<'_>,
    key: &'static str,
    floor: Option<&Level>,
    demanded: fn(&Level) -> bool,
) -> Option<bool> {
    let Some(value) = section.optional(key) else { return Some(floor.is_none_or(demanded)) };
    let wanted = value.boolean()?;
    match floor.filter(|level| demanded(level)) {
        Some(level) if !wanted => value.wrong(format!("level `{}` demands `{key} = true`", level.name)),
        Some(_) | None => Some(wanted),
    }
}

/// Where a profile's role and work are.
struct Place {
    role: RoleArn,
    region: Region,
    regions: Vec<Region>,
}

fn place(section: &mut Section<'_>, sharing: Option<&str>) -> Option<Place> {
    let role = section.required("role").and_then(|value| match sharing {
        Some(other) => {
            value.wrong(format!("profile {} has the same role: a role belongs to one profile", quoted(other)))
        }
        None => value.parsed(RoleArn::parse),
    });
    let within_partition = |value: Value<'_>| {
        let region = value.parsed(Region::parse)?;
        match &role {
            Some(role) if role.partition() != region.partition() => value.wrong(format!(
                "region {region} is in partition `{}`, the role in `{}`",
                region.partition(),
                role.partition()
            )),
            Some(_) | None => Some(region),
        }
    };
    let region = section.required("region").and_then(within_partition);
    let regions = section.optional("regions").map_or(Some(Vec::new()), |value| value.list(within_partition));
    Some(Place { region: region?, regions: regions?, role: role? })
}

/// How a session is narrowed further than its role.
struct Scope {
    policy: Option<Arc<NamedFile>>,
    policy_arns: Vec<String>,
    network: Option<Network>,
    session_policy: Option<String>,
}

fn scope(section: &mut Section<'_>, role: Option<&RoleArn>, files: &mut Files<'_>) -> Option<Scope> {
    let written = section.optional("policy");
    let policy = written.map_or(Some(None), |value| {
        let file = files.read(value)?;
        match session_policy::parse(&file.bytes) {
            Ok(policy) => Some(Some((file, policy))),
            Err(error) => value.wrong(format!("{} is not a session policy: {error}", quoted(&file.named))),
        }
    });
    let arns = section.optional("policy_arns");
    let policy_arns = arns.map_or(Some(Vec::new()), |value| managed_policies(value, role));
    let pin = section.optional("network");
    let network = pin.map_or(Some(None), |value| network::read(value, format!("{}.network", section.name())).map(Some));
    let (policy, policy_arns, network) = (policy?, policy_arns?, network?);
    let (file, policy) = policy.unzip();
    match session_policy::compose(policy, network.as_ref(), &policy_arns) {
        Ok(session_policy) => Some(Scope { policy: file, policy_arns, network, session_policy }),
        Err(error) => written.or(pin).or(arns)?.wrong(error),
    }
}

fn managed_policies(value: Value<'_>, role: Option<&RoleArn>) -> Option<Vec<String>> {
    let arns = value.list(|item| {
        let text = item.text()?;
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let valid = match parts.as_slice() {
            ["arn", partition, "iam", "", account, resource] => {
                let name = resource.strip_prefix("policy/").unwrap_or_default();
                let of_role = |role: &RoleArn| {
                    role.partition() == *partition && (role.account() == *account || *account == "aws")
                };
                !name.is_empty()
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_+=,.@-".contains(&b))
                    && role.is_none_or(of_role)
            }
            _ => false,
        };
        if valid {
            return Some(text.to_owned());
        }
        item.wrong(format!("{} is not the ARN of a managed policy of AWS or of the role's account", quoted(text)))
    })?;
    if arns.len() > MOST_ARNS {
        return value.wrong(format!("`policy_arns` has {} ARNs, STS takes {MOST_ARNS}", arns.len()));
    }
    Some(arns)
}

fn external_id(value: Value<'_>) -> Option<String> {
    let text = value.text()?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b);
    if !(2..=1224).contains(&text.len()) || !text.bytes().all(allowed) {
        return value
            .wrong(format!("{} is not an external id: 2 to 1224 of A-Z, a-z, 0-9 and _+=,.@:/-", quoted(text)));
    }
    Some(text.to_owned())
}
