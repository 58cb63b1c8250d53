//! What the judgement makes of a sign-off: a request with its approvals, or an override.
//!
//! Keeps the promise that approvals count for what was signed and for nothing else, and that an override is for
//! those whom the profile names.

use std::time::Duration;

use super::{Grant, LEAST_OVERRIDE_REASON, NoSignOff, Rule, Standing};
use crate::model::catalogue::{OpenReviews, Person, Profile};
use crate::model::chain::origin::Origin;
use crate::model::name::{Digest, Id, PersonName, Reason, StepName};
use crate::model::request::Request;
use crate::model::sign_off::count::Tally;
use crate::model::sign_off::objection::Difference;
use crate::model::sign_off::sheet::Sheet;
use crate::model::time::show_duration;

/// What there is of a sign-off.
#[derive(Clone, Copy)]
pub enum SignOff<'a> {
    /// Nothing, and nothing is being done about it.
    Nothing,
    /// A request is about to be made. Nothing is granted yet.
    Awaited,
    /// A request, its approvals counted.
    Brought(Brought<'a>),
}

/// A request that is to be used, here.
#[derive(Clone, Copy)]
pub struct Brought<'a> {
    /// The request with its approvals.
    pub tally: &'a Tally,
    /// The ledger that the session will be in.
    pub origin: &'a Origin,
    /// Whether that ledger says that it made the request.
    pub is_made_here: bool,
}

/// Somebody goes on without approvals.
#[derive(Clone, Copy)]
pub struct Overriding<'a> {
    /// The sessions of their earlier overrides that nobody has reviewed yet.
    pub open_reviews: &'a [Id],
    /// What they typed when they were asked to confirm it; nothing if nobody could be asked.
    pub typed: Option<&'a str>,
}

impl<'a> SignOff<'a> {
    fn brought(self) -> Option<Brought<'a>> {
        match self {
            SignOff::Brought(brought) => Some(brought),
            SignOff::Nothing | SignOff::Awaited => None,
        }
    }

    /// The request.
    pub fn sheet(self) -> Option<&'a Sheet> {
        self.brought().map(|brought| brought.tally.sheet())
    }

    /// The hashes of the approvals that count.
    pub(super) fn approvals(self) -> Vec<Digest> {
        let counted = self.brought().into_iter().flat_map(|brought| brought.tally.counted());
        counted.map(|signed| signed.digest).collect()
    }
}

/// What says no whatever is asked for.
pub(super) fn foregone(standing: Standing<'_>) -> Vec<NoSignOff> {
    let mut no = overridden(standing);
    match standing.sign_off {
        SignOff::Nothing if standing.profile.approvals() > 0 => no.push(no_approvals(standing.profile)),
        SignOff::Nothing => {}
        SignOff::Awaited if standing.overriding.is_some() => {}
        SignOff::Awaited => no.extend(too_few(standing)),
        SignOff::Brought(brought) => no.extend(brought.judged(standing)),
    }
    no
}

/// A request that is still to be made grants nothing, and neither does an override that is not confirmed.
pub(super) fn unfinished(standing: Standing<'_>) -> Option<NoSignOff> {
    match (standing.sign_off, standing.overriding) {
        (SignOff::Awaited, _) => Some(no_approvals(standing.profile)),
        (SignOff::Nothing | SignOff::Brought(_), Some(Overriding { typed, .. })) => {
            let is_confirmed = typed.is_some_and(|typed| typed.trim() == standing.profile.name.as_str());
            (!is_confirmed).then(|| NoSignOff::OverrideNotConfirmed(typed.map(str::to_owned)))
        }
        (SignOff::Nothing | SignOff::Brought(_), None) => None,
    }
}

fn no_approvals(profile: &Profile) -> NoSignOff {
    NoSignOff::Approvals { request: None, needed: profile.approvals(), counted: Vec::new(), others: Vec::new() }
}

fn too_few(standing: Standing<'_>) -> Option<NoSignOff> {
    let rule = standing.profile.approval.as_ref()?;
    let (needed, others) = (standing.profile.approvals(), rule.signers(standing.catalogue, standing.person).count());
    (others < needed as usize).then_some(NoSignOff::TooFewSigners { needed, others })
}

/// Judges a reason; that of an override has to say more.
///
/// # Errors
/// When it does not do.
pub fn judge_reason(standing: Standing<'_>, asked: &str) -> Result<Reason, Rule> {
    let reason = Reason::parse(asked).map_err(|error| Rule::Reason(error.to_string()))?;
    let found = asked.chars().count();
    if standing.overriding.is_some() && found < LEAST_OVERRIDE_REASON {
        return Err(Rule::SignOff(NoSignOff::OverrideReason { found }));
    }
    Ok(reason)
}

/// What is held against somebody's overriding, if they do.
fn overridden(standing: Standing<'_>) -> Vec<NoSignOff> {
    let Some(Overriding { open_reviews, .. }) = standing.overriding else { return Vec::new() };
    let Some(rule) = &standing.profile.override_rule else { return vec![NoSignOff::NoOverride] };
    let mut no = Vec::new();
    let person = standing.catalogue.person(standing.person.as_str());
    if !person.is_some_and(|person| rule.audience.includes(person)) {
        let audience = rule.audience.names().to_vec();
        no.push(NoSignOff::OverrideNotForPerson { person: standing.person.clone(), audience });
    }
    match standing.profile.level.open_reviews {
        OpenReviews::Refuse if !open_reviews.is_empty() => no.push(NoSignOff::OpenReviews(open_reviews.to_vec())),
        OpenReviews::Refuse | OpenReviews::Remind => {}
    }
    no
}

/// Under which names no other override may be open when this one is used.
pub(super) fn reviewed_first(standing: Standing<'_>, person: &Person) -> Vec<PersonName> {
    match (standing.overriding, standing.profile.level.open_reviews) {
        (Some(_), OpenReviews::Refuse) => person.names(standing.catalogue),
        (Some(_), OpenReviews::Remind) | (None, _) => Vec::new(),
    }
}

impl Grant {
    /// Whose other overrides must be reviewed before this one is used: every name of the person; none where it is no
    /// override, or the level only reminds.
    pub fn reviewed_first(&self) -> &[PersonName] {
        &self.reviewed_first
    }
}

impl Brought<'_> {
    /// What ends a request for good, also after it was approved.
    pub fn ended(self) -> Vec<NoSignOff> {
        let Brought { tally, origin, is_made_here } = self;
        let asked = tally.sheet().asked();
        let request = || asked.id.clone();
        let stranger = !is_made_here && asked.origin == *origin;
        let stranger = stranger.then(|| NoSignOff::NotMadeHere { request: request() });
        let used = tally.used().map(|session| NoSignOff::Used { request: request(), session: session.clone() });
        let denied = tally.denied();
        let denied = denied.map(|no| NoSignOff::Denied { by: no.by.person.clone(), remark: no.remark.clone() });
        [stranger, used, denied].into_iter().flatten().collect()
    }

    /// All that is wrong with the request itself.
    fn judged(self, standing: Standing<'_>) -> Vec<NoSignOff> {
        let Brought { tally, origin, .. } = self;
        let asked = tally.sheet().asked();
        let mut no = Vec::new();
        let request = || asked.id.clone();
        if asked.person != *standing.person {
            no.push(NoSignOff::OtherPerson { request: request(), person: asked.person.clone() });
        }
        if asked.origin != *origin {
            no.push(NoSignOff::OtherLedger { request: request(), origin: asked.origin.clone() });
        }
        no.extend(self.ended());
        if tally.is_expired() {
            no.push(NoSignOff::Expired { request: request(), at: asked.expires });
        }
        let mut void = tally.void().to_vec();
        void.extend((tally.catalogue() != standing.catalogue.digest()).then_some(Difference::Catalogue));
        if !void.is_empty() {
            no.push(NoSignOff::Void { request: request(), why: void });
        }
        if tally.missing() > 0 {
            let counted = tally.counted().iter().map(|signed| signed.person.clone()).collect();
            let (needed, others) = (tally.needed(), tally.others().to_vec());
            no.push(NoSignOff::Approvals { request: Some(request()), needed, counted, others });
        }
        no
    }
}

/// Where what is asked for is not what was signed.
pub(super) fn differences(standing: Standing<'_>, request: &Request, duration: Duration) -> Vec<NoSignOff> {
    let Some(sheet) = standing.sign_off.sheet() else { return Vec::new() };
    let said = sheet.asked();
    let step = |step: Option<&str>| step.unwrap_or("no step").to_owned();
    let overrides = |overrides| if overrides { "an override" } else { "approvals" }.to_owned();
    let compared = [
        ("the profile", standing.profile.name.to_string(), said.profile.to_string()),
        ("--trigger", request.trigger.clone(), said.trigger.to_string()),
        ("--incident", request.incident.clone(), said.incident.to_string()),
        ("--reason", request.reason.clone(), said.reason.to_string()),
        ("--duration", show_duration(duration), show_duration(Duration::from_secs(said.duration))),
        ("--step", step(standing.step), step(said.step.as_ref().map(StepName::as_str))),
        ("--override", overrides(standing.overriding.is_some()), overrides(said.overrides)),
    ];
    let differing = compared.into_iter().filter(|(_, asked, signed)| asked != signed);
    differing
        .map(|(what, asked, signed)| NoSignOff::Differs { request: said.id.clone(), what, asked, signed })
        .collect()
}
