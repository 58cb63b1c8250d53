//! What somebody asks for, in their own words, before it is judged.

use std::time::Duration;

use super::name::StepName;
use super::sign_off::papers::Bundle;
use super::sign_off::sheet::Asked;

/// A wish to break one glass; what is missing will be asked.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// The profile.
    pub profile: String,
    /// Which kind of emergency it is.
    pub trigger: Option<String>,
    /// The reference to the incident.
    pub incident: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// For how long, if not the profile's usual time.
    pub duration: Option<Duration>,
    /// In which region, if not the profile's.
    pub region: Option<String>,
    /// The step of the runbook that is to be run, and nothing else.
    pub step: Option<String>,
}

/// A wish with nothing missing, still in the person's words.
#[derive(Clone, Debug)]
pub struct Request {
    /// The profile.
    pub profile: String,
    /// Which kind of emergency it is.
    pub trigger: String,
    /// The reference to the incident.
    pub incident: String,
    /// Why.
    pub reason: String,
    /// For how long, if not the profile's usual time.
    pub duration: Option<Duration>,
    /// In which region, if not the profile's.
    pub region: Option<String>,
}

impl Wish {
    /// Whether a request says all that this does, and is for the same profile and step.
    pub fn is_met_by(&self, asked: &Asked) -> bool {
        let meets = |wished: &Option<String>, said: &str| wished.as_ref().is_none_or(|wished| wished.trim() == said);
        self.profile == asked.profile.as_str()
            && meets(&self.trigger, asked.trigger.as_str())
            && meets(&self.incident, asked.incident.as_str())
            && meets(&self.reason, asked.reason.as_str())
            && self.duration.is_none_or(|duration| duration.as_secs() == asked.duration)
            && self.step.as_deref() == asked.step.as_ref().map(StepName::as_str)
    }

    /// Takes from a request, if there is one, what this leaves open.
    #[must_use]
    pub fn or_asked(self, bundle: Option<&Bundle>) -> Wish {
        match bundle {
            Some(bundle) => self.or(bundle.sheet.asked()),
            None => self,
        }
    }

    /// Takes from a request what this leaves open. What is given and differs is left for the judgement to refuse.
    #[must_use]
    pub fn or(self, asked: &Asked) -> Wish {
        Wish {
            profile: self.profile,
            trigger: self.trigger.or_else(|| Some(asked.trigger.to_string())),
            incident: self.incident.or_else(|| Some(asked.incident.to_string())),
            reason: self.reason.or_else(|| Some(asked.reason.to_string())),
            duration: self.duration.or(Some(Duration::from_secs(asked.duration))),
            region: self.region,
            step: self.step.or_else(|| asked.step.as_ref().map(ToString::to_string)),
        }
    }
}

impl Request {
    /// What a signed request asks for.
    pub fn of(asked: &Asked) -> Request {
        Request {
            profile: asked.profile.to_string(),
            trigger: asked.trigger.to_string(),
            incident: asked.incident.to_string(),
            reason: asked.reason.to_string(),
            duration: Some(Duration::from_secs(asked.duration)),
            region: None,
        }
    }
}
