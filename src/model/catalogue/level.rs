//! Levels: the least guardrails that a profile of a level must have.

use std::time::Duration;

use super::ledger::Shipping;
use super::reader::{Entry, Value};
use crate::model::name::LevelName;
use crate::model::time::{LONGEST_SESSION, SHORTEST_SESSION, show_duration};

/// The least guardrails that a profile must have, by the last word of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// The last word of the names of its profiles.
    pub name: LevelName,
    /// The ceiling of its profiles' ceilings, 15 minutes to 1 hour.
    pub max_duration: Duration,
    /// At least so many approvals.
    pub approvals: u32,
    /// Whether sessions must be recorded.
    pub recording: bool,
    /// Whether the API calls of sessions must be logged.
    pub api_log: bool,
    /// What counts as a second factor.
    pub mfa: MfaDemand,
    /// What an override that nobody has reviewed yet does to the next one.
    pub open_reviews: OpenReviews,
    /// When the ledger's anchors are sent.
    pub anchor: AnchorDemand,
}

/// What counts as a second factor at a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MfaDemand {
    /// A code for every elevation.
    Fresh,
    /// A source that is itself a role session (Identity Center, `aws login`) is enough.
    Source,
}

impl MfaDemand {
    /// The word that the catalogue has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            MfaDemand::Fresh => "fresh",
            MfaDemand::Source => "source",
        }
    }
}

/// What a person's override that nobody has reviewed yet does to their next one at a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenReviews {
    /// They are reminded of it.
    Remind,
    /// There is none until the review is closed.
    Refuse,
}

impl OpenReviews {
    /// The word that the catalogue has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            OpenReviews::Remind => "remind",
            OpenReviews::Refuse => "refuse",
        }
    }
}

/// When what is in the ledger must be outside of this machine too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnchorDemand {
    /// After the session.
    Later,
    /// Before it: without a receipt for its intent there is none.
    Required,
}

impl AnchorDemand {
    /// The word that the catalogue has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            AnchorDemand::Later => "later",
            AnchorDemand::Required => "required",
        }
    }
}

/// Reads `[levels.<name>]`; `shipping` is where the ledger is sent, if that is known.
pub(super) fn read(entry: Entry<'_>, shipping: Option<&Shipping>) -> Option<Level> {
    let name = entry.name(LevelName::parse);
    let mut section = entry.value.section(format!("levels.{}", entry.key))?;
    let max_duration = section.required("max_duration").and_then(ceiling);
    let approvals = section.optional("approvals").map_or(Some(0), |value| value.number(0, 20));
    let recording = section.optional("recording").map_or(Some(true), Value::boolean);
    let words = [("fresh", MfaDemand::Fresh), ("source", MfaDemand::Source)];
    let mfa = section.optional("mfa").map_or(Some(MfaDemand::Fresh), |value| value.one_of(&words));
    let api_log = section.optional("api_log").map_or(recording, Value::boolean);
    let words = [OpenReviews::Remind, OpenReviews::Refuse].map(|reviews| (reviews.as_str(), reviews));
    let open_reviews = section.optional("open_reviews").map_or(Some(OpenReviews::Remind), |value| value.one_of(&words));
    let anchor = section.optional("anchor").map_or(Some(AnchorDemand::Later), |value| anchor(value, shipping));
    section.close();
    Some(Level {
        name: name?,
        max_duration: max_duration?,
        approvals: approvals?,
        recording: recording?,
        api_log: api_log?,
        mfa: mfa?,
        open_reviews: open_reviews?,
        anchor: anchor?,
    })
}

/// Reads when anchors are sent; one that is required needs a place to send it to.
fn anchor(value: Value<'_>, shipping: Option<&Shipping>) -> Option<AnchorDemand> {
    let demand =
        value.one_of(&[AnchorDemand::Later, AnchorDemand::Required].map(|demand| (demand.as_str(), demand)))?;
    if demand == AnchorDemand::Required && shipping.is_some_and(|shipping| shipping.ship.is_empty()) {
        return value.wrong_because("there is no place for an anchor", "name one with `ship` in [ledger]");
    }
    Some(demand)
}

/// Reads a length of time that STS can give and that glass allows.
pub(super) fn ceiling(value: Value<'_>) -> Option<Duration> {
    let length = value.duration()?;
    if !(SHORTEST_SESSION..=LONGEST_SESSION).contains(&length) {
        return value.wrong(format!("{} is not between 15m, the least that STS gives, and 1h", show_duration(length)));
    }
    Some(length)
}
