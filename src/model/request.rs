//! What somebody asks for, in their own words, before it is judged.

use std::time::Duration;

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
