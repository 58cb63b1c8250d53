//! The judgement: who may break which glass, for which emergency, for how long.

mod no_sign_off;
mod rule;
mod signed;
mod stranger;

use std::time::Duration;

use super::catalogue::{AnchorDemand, Catalogue, MfaDemand, Person, Profile, Step, TraceDemand, Trigger};
use super::event::{Granted, SessionKind};
use super::name::{Digest, Id, Incident, LevelName, PersonArn, PersonName, Reason, Region, nearest};
use super::request::Request;
use super::session::Order;
use super::sign_off::sheet::Sheet;
use super::time::{LONGEST_SESSION, Timestamp};

pub use no_sign_off::{LEAST_OVERRIDE_REASON, NoSignOff};
pub use rule::{BadSource, Rule};
pub use signed::{Brought, Overriding, SignOff, judge_reason};
pub use stranger::Stranger;

/// Who stands before which profile, and where: what is known before anything is asked.
#[derive(Clone, Copy)]
pub struct Standing<'a> {
    /// The rules.
    pub catalogue: &'a Catalogue,
    /// The profile that is asked for.
    pub profile: &'a Profile,
    /// Who the identity file says is asking.
    pub person: &'a PersonName,
    /// What the session is for.
    pub kind: SessionKind,
    /// The live session this is asked from within, if any.
    pub inside: Option<&'a Id>,
    /// The step of the runbook that is to be run, as typed.
    pub step: Option<&'a str>,
    /// What there is of a sign-off.
    pub sign_off: SignOff<'a>,
    /// Whether approvals are to be overridden.
    pub overriding: Option<Overriding<'a>>,
}

/// What is judged.
pub struct Case<'a> {
    /// Who asks for which profile.
    pub standing: Standing<'a>,
    /// What is asked for.
    pub request: &'a Request,
    /// The id the session will have; that of an override has its request's.
    pub session: Id,
    /// Asks the trigger's own program whether the incident is real; not called when another rule says no.
    pub confirm: &'a dyn Fn(&Trigger, &Incident) -> Result<(), String>,
}

/// The outcome of a judgement.
#[must_use]
#[derive(Debug)]
pub enum Verdict {
    /// Go on.
    Allow(Box<Grant>),
    /// Stop: every rule that said no.
    Refuse(Vec<Rule>),
}

/// Judges a request; the only maker of a [`Grant`].
pub fn judge(case: Case<'_>) -> Verdict {
    let Case { standing, request, .. } = case;
    let Standing { catalogue, profile, person, .. } = standing;
    let mut no = foregone(standing);
    no.extend(signed::unfinished(standing).map(Rule::SignOff));
    let person = catalogue.person(person.as_str()).and_then(|person| Some((person, person.arn.as_ref()?)));
    let words = Words::judge(standing, request, &mut no);
    no.extend(signed::differences(standing, request, words.duration).into_iter().map(Rule::SignOff));
    let step = standing.step.and_then(|name| profile.steps.get(name)).cloned();
    let (Some((person, arn)), Some(trigger), Some(incident), Some(reason), true) =
        (person, words.trigger, words.incident, words.reason, no.is_empty())
    else {
        return Verdict::Refuse(no);
    };
    if let Err(why) = (case.confirm)(trigger, &incident) {
        return Verdict::Refuse(vec![Rule::NotConfirmed(why)]);
    }
    let sheet = standing.sign_off.sheet();
    // So that who reviews an override signs which session it is of.
    let overridden = sheet.filter(|_| standing.overriding.is_some());
    let session = overridden.map_or(case.session, |sheet| sheet.asked().id.clone());
    let order = Order {
        role: profile.role.clone(),
        duration: words.duration,
        policy: profile.session_policy().map(str::to_owned),
        policy_arns: profile.policy_arns.clone(),
        external_id: profile.external_id.clone(),
        source_identity: profile.source_identity.then(|| person.name.to_string()),
        tags: profile.tags(&incident, &trigger.name, &session),
        serial: None,
    };
    let granted = Granted {
        profile: profile.name.clone(),
        role: profile.role.clone(),
        region: words.region,
        duration: words.duration.as_secs(),
        trigger: trigger.name.clone(),
        incident,
        reason,
        request: sheet.map(|sheet| sheet.asked().id.clone()),
        step: step.as_ref().map(|step| step.name().clone()),
        overridden: standing.overriding.is_some(),
        catalogue: catalogue.digest(),
        profile_sha256: catalogue.parts(profile, trigger, person).digest(),
        policy_sha256: profile.session_policy().map(|policy| Digest::of(policy.as_bytes())),
    };
    Verdict::Allow(Box::new(Grant {
        person: person.name.clone(),
        arn: arn.clone(),
        session,
        level: profile.level.name.clone(),
        mfa: profile.level.mfa,
        anchor: profile.level.anchor,
        order,
        granted,
        step,
        holds: profile.hold,
        approvals: standing.sign_off.approvals(),
        reviewed_first: signed::reviewed_first(standing, person),
        sheet: sheet.cloned(),
    }))
}

/// All that a request would be refused for, whoever signs it: what is held against it before it is made, and by
/// those who are asked to sign it. The trigger's own program is not called.
///
/// # Errors
/// When any rule says no.
pub fn examine<'a>(standing: Standing<'a>, request: &Request) -> Result<Agreed<'a>, Vec<Rule>> {
    let mut no = foregone(standing);
    let words = Words::judge(standing, request, &mut no);
    let person = standing.catalogue.person(standing.person.as_str());
    match (person, words.trigger, words.incident, words.reason) {
        (Some(person), Some(trigger), Some(incident), Some(reason)) if no.is_empty() => {
            Ok(Agreed { person, trigger, incident, reason, duration: words.duration })
        }
        _ => Err(no),
    }
}

/// Whether nothing speaks against the use of a request but that too few have signed it yet: for nothing else anybody
/// waits. The trigger's own program is not called.
pub fn lacks_only_approvals(standing: Standing<'_>, request: &Request) -> bool {
    let mut no = foregone(standing);
    let words = Words::judge(standing, request, &mut no);
    no.extend(signed::differences(standing, request, words.duration).into_iter().map(Rule::SignOff));
    let is_approvals = |rule: &Rule| matches!(rule, Rule::SignOff(NoSignOff::Approvals { .. }));
    !no.is_empty() && no.iter().all(is_approvals)
}

/// What a request comes to that nothing speaks against but that nobody has signed it yet. It grants nothing.
#[derive(Debug)]
pub struct Agreed<'a> {
    /// Who asks.
    pub person: &'a Person,
    /// Which kind of emergency it is.
    pub trigger: &'a Trigger,
    /// The reference to it.
    pub incident: Incident,
    /// Why.
    pub reason: Reason,
    /// For how long.
    pub duration: Duration,
}

/// What a person has chosen, as far as it is good.
struct Words<'a> {
    trigger: Option<&'a Trigger>,
    incident: Option<Incident>,
    reason: Option<Reason>,
    duration: Duration,
    region: Region,
}

impl<'a> Words<'a> {
    fn judge(standing: Standing<'a>, request: &Request, no: &mut Vec<Rule>) -> Self {
        let Standing { catalogue, profile, .. } = standing;
        let trigger = judge_trigger(catalogue, profile, &request.trigger, no);
        let incident = judge_incident(trigger, &request.incident, no);
        let reason = judge_reason(standing, &request.reason).map_err(|rule| no.push(rule)).ok();
        Words {
            trigger,
            incident,
            reason,
            duration: judge_duration(standing, request.duration, no),
            region: judge_region(profile, request.region.as_deref(), no),
        }
    }
}

/// The rules that say no whatever is asked for.
pub fn foregone(standing: Standing<'_>) -> Vec<Rule> {
    let Standing { catalogue, profile, person, kind, inside, step, .. } = standing;
    let mut no: Vec<Rule> = inside.cloned().map(Rule::Nested).into_iter().collect();
    if kind == SessionKind::Hook && profile.recording {
        no.push(Rule::HookWithoutRecording);
    }
    if kind == SessionKind::Hook && profile.trace != TraceDemand::None {
        no.push(Rule::HookWithoutTrace);
    }
    match step {
        Some(asked) if !profile.steps.contains_key(asked) => no.push(Rule::step(asked, profile)),
        None if profile.only_steps => no.push(Rule::OnlySteps { known: rule::names_of_steps(profile) }),
        Some(_) | None => {}
    }
    no.extend(objections(catalogue, profile, person));
    no.extend(signed::foregone(standing).into_iter().map(Rule::SignOff));
    no
}

/// What the judgement has against a person's use of a profile.
pub fn objections(catalogue: &Catalogue, profile: &Profile, name: &PersonName) -> Vec<Rule> {
    let Some(person) = catalogue.person(name.as_str()) else { return vec![Rule::UnknownPerson(name.clone())] };
    let mut no = Vec::new();
    if !profile.audience.includes(person) {
        no.push(Rule::NotForPerson { person: name.clone(), audience: profile.audience.names().to_vec() });
    }
    if person.arn.is_none() {
        no.push(Rule::NoArn(name.clone()));
    }
    no
}

fn judge_trigger<'a>(
    catalogue: &'a Catalogue,
    profile: &Profile,
    asked: &str,
    no: &mut Vec<Rule>,
) -> Option<&'a Trigger> {
    let own = profile.triggers.iter().any(|trigger| trigger.as_str() == asked);
    let trigger = catalogue.trigger(asked).filter(|_| own);
    if trigger.is_none() {
        let known = profile.triggers.iter().map(ToString::to_string).collect();
        no.push(Rule::Trigger { asked: asked.to_owned(), known });
    }
    trigger
}

fn judge_incident(trigger: Option<&Trigger>, asked: &str, no: &mut Vec<Rule>) -> Option<Incident> {
    match Incident::parse(asked) {
        // Without a trigger there is no form to match, and that was said already.
        Ok(incident) if trigger.is_none_or(|trigger| trigger.matches(&incident)) => Some(incident),
        Ok(_) | Err(_) => {
            let pattern = trigger.map_or("A-Za-z0-9 _.:/=+@-", |trigger| trigger.pattern.as_str()).to_owned();
            no.push(Rule::Incident { asked: asked.chars().take(200).collect(), pattern });
            None
        }
    }
}

fn judge_duration(standing: Standing<'_>, asked: Option<Duration>, no: &mut Vec<Rule>) -> Duration {
    let profile = standing.profile;
    let overriding = standing.overriding.and(profile.override_rule.as_ref());
    let usual = profile.max_duration.min(profile.level.max_duration).min(LONGEST_SESSION);
    let most = overriding.map_or(usual, |rule| rule.max_duration.min(usual));
    // What one gets without asking is not more than one may ask for.
    let duration = asked.unwrap_or(profile.duration.min(most));
    if duration > most && overriding.is_some() {
        no.push(Rule::SignOff(NoSignOff::OverrideTooLong { asked: duration, most }));
    } else if duration > most {
        no.push(Rule::DurationOverMaximum { asked: duration, most });
    } else if duration < super::time::SHORTEST_SESSION {
        no.push(Rule::DurationUnderMinimum(duration));
    }
    duration
}

fn judge_region(profile: &Profile, asked: Option<&str>, no: &mut Vec<Rule>) -> Region {
    let Some(asked) = asked else { return profile.region.clone() };
    match Region::parse(asked) {
        Ok(region) if profile.admits_region(&region) => region,
        Ok(_) | Err(_) => {
            let known = std::iter::once(&profile.region).chain(&profile.regions).map(ToString::to_string).collect();
            no.push(Rule::Region { asked: asked.to_owned(), known });
            profile.region.clone()
        }
    }
}

/// The profile that was probably meant by a name that no profile has.
pub fn nearest_profile<'a>(catalogue: &'a Catalogue, asked: &str) -> Option<&'a str> {
    nearest(asked, catalogue.profiles().map(|profile| profile.name.as_str()))
}

/// The right to one elevation, made by the judgement alone.
#[must_use]
#[derive(Debug)]
pub struct Grant {
    person: PersonName,
    arn: PersonArn,
    session: Id,
    level: LevelName,
    mfa: MfaDemand,
    anchor: AnchorDemand,
    order: Order,
    granted: Granted,
    step: Option<Step>,
    holds: bool,
    approvals: Vec<Digest>,
    reviewed_first: Vec<PersonName>,
    sheet: Option<Sheet>,
}

impl Grant {
    /// Who may elevate.
    pub fn person(&self) -> &PersonName {
        &self.person
    }

    /// The session this will be.
    pub fn session(&self) -> &Id {
        &self.session
    }

    /// The level of the profile.
    pub fn level(&self) -> &LevelName {
        &self.level
    }

    /// Whether the source's own second factor is enough.
    pub fn admits_source_mfa(&self) -> bool {
        self.mfa == MfaDemand::Source
    }

    /// Whether a place outside of this machine must have the intent before anything is asked of STS.
    pub fn demands_anchor(&self) -> bool {
        self.anchor == AnchorDemand::Required
    }

    /// What may be asked of STS.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// What was allowed, as the ledger tells it.
    pub fn granted(&self) -> &Granted {
        &self.granted
    }

    /// The step that is all that may be run with it, if one was asked for.
    pub fn step(&self) -> Option<&Step> {
        self.step.as_ref()
    }

    /// Whether the session's credentials may be kept to serve the AWS hook. Those of a step are for the step alone.
    pub fn serves(&self) -> bool {
        self.holds && self.step.is_none()
    }

    /// The request that it uses, if it takes one.
    pub fn sheet(&self) -> Option<&Sheet> {
        self.sheet.as_ref()
    }

    /// The approvals that count for it.
    pub fn approvals(&self) -> &[Digest] {
        &self.approvals
    }

    /// Checks that AWS says it is this person who calls, and that the request still stands at the latest moment
    /// that is known by then; the only maker of a [`Recognised`].
    ///
    /// # Errors
    /// When it is somebody else, or the request has expired.
    pub fn recognise(&self, caller: &str, now: Timestamp) -> Result<Recognised, Rule> {
        if !self.arn.admits(caller) {
            let (person, expected) = (self.person.clone(), self.arn.clone());
            return Err(Rule::Stranger(Stranger { person, expected, found: caller.to_owned() }));
        }
        match self.sheet.as_ref().map(Sheet::asked).filter(|asked| now >= asked.expires) {
            Some(asked) => {
                let (request, at) = (asked.id.clone(), asked.expires);
                Err(Rule::SignOff(NoSignOff::Expired { request, at }))
            }
            None => Ok(Recognised { arn: caller.to_owned() }),
        }
    }
}

/// A caller of whom AWS and the catalogue say the same.
#[derive(Debug)]
pub struct Recognised {
    arn: String,
}

impl Recognised {
    /// The caller's ARN as AWS answered it.
    pub fn arn(&self) -> &str {
        &self.arn
    }
}

#[cfg(test)]
mod tests;
