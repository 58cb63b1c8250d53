//! The rules of the judgement: what each says when it says no.
//!
//! Keeps the promise that a refusal names every rule that refused, in words that a person can act on.

use std::fmt;
use std::time::Duration;

use super::{NoSignOff, Stranger};
use crate::model::catalogue::Profile;
use crate::model::name::{Id, LevelName, PersonName};
use crate::model::text::escaped;
use crate::model::time::show_duration;

/// A rule that said no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The catalogue does not know the person.
    UnknownPerson(PersonName),
    /// The person has no ARN, by which AWS could recognise them.
    NoArn(PersonName),
    /// The profile is not for the person.
    NotForPerson {
        /// Who asked.
        person: PersonName,
        /// The groups and people it is for.
        audience: Vec<String>,
    },
    /// No trigger of the profile has this name.
    Trigger {
        /// The name, as typed.
        asked: String,
        /// The profile's triggers.
        known: Vec<String>,
    },
    /// The incident reference is not of the trigger's form.
    Incident {
        /// The reference, as typed.
        asked: String,
        /// The form.
        pattern: String,
    },
    /// The trigger's own program did not confirm the incident.
    NotConfirmed(String),
    /// The reason breaks the rule for reasons.
    Reason(String),
    /// The duration is over the profile's maximum.
    DurationOverMaximum {
        /// What was asked for.
        asked: Duration,
        /// The most there is.
        most: Duration,
    },
    /// The duration is less than STS gives.
    DurationUnderMinimum(Duration),
    /// The region is not one of the profile's.
    Region {
        /// The region, as typed.
        asked: String,
        /// The profile's regions.
        known: Vec<String>,
    },
    /// The profile has no such step.
    Step {
        /// The step, as typed.
        asked: String,
        /// The profile's steps.
        known: Vec<String>,
    },
    /// The profile allows nothing but its steps, and none was asked for.
    OnlySteps {
        /// The profile's steps.
        known: Vec<String>,
    },
    /// The sign-off is not what the profile takes.
    SignOff(NoSignOff),
    /// This is a shell of a live session already.
    Nested(Id),
    /// The AWS hook cannot record, and the profile's sessions are to be recorded.
    HookWithoutRecording,
    /// The AWS hook starts nothing that could be traced, and the profile's sessions are to be traced.
    HookWithoutTrace,
    /// The profile's sessions are to be traced, which cannot be done here.
    NotTraced(String),
    /// The source cannot send a code, and the level demands one.
    SourceWithoutCode(LevelName),
    /// The daily credentials are temporary, and nothing says that a second factor was given for them.
    SourceUnproven,
    /// The source is none that glass takes.
    Source(BadSource),
    /// AWS says that somebody else is calling.
    Stranger(Stranger),
}

/// An AWS CLI profile that is no source of daily credentials, though it could give some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadSource {
    /// It holds a long-lived key in plain text.
    PlainKey(String),
    /// It has an `mfa_serial`, for which nobody would be asked.
    WithMfa(String),
}

impl fmt::Display for BadSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadSource::PlainKey(profile) => {
                write!(f, "the AWS CLI profile `{}` holds a long-lived key in a plain file", escaped(profile))
            }
            BadSource::WithMfa(profile) => {
                let profile = escaped(profile);
                write!(f, "the AWS CLI profile `{profile}` has an mfa_serial, for which nobody would be asked")
            }
        }
    }
}

/// The names of a profile's steps.
pub(super) fn names_of_steps(profile: &Profile) -> Vec<String> {
    profile.steps.keys().map(ToString::to_string).collect()
}

impl Rule {
    /// That the profile has no step of this name.
    pub fn step(asked: &str, profile: &Profile) -> Rule {
        Rule::Step { asked: asked.to_owned(), known: names_of_steps(profile) }
    }

    /// The rule's word in the ledger.
    pub fn name(&self) -> &'static str {
        match self {
            Rule::UnknownPerson(_) | Rule::NoArn(_) => "person",
            Rule::NotForPerson { .. } => "for",
            Rule::Trigger { .. } => "trigger",
            Rule::Incident { .. } => "incident",
            Rule::NotConfirmed(_) => "confirm",
            Rule::Reason(_) => "reason",
            Rule::DurationOverMaximum { .. } | Rule::DurationUnderMinimum(_) => "duration",
            Rule::Region { .. } => "region",
            Rule::Step { .. } => "step",
            Rule::OnlySteps { .. } => "only_steps",
            Rule::SignOff(no) => no.name(),
            Rule::Nested(_) => "nested",
            Rule::HookWithoutRecording => "recording",
            Rule::HookWithoutTrace | Rule::NotTraced(_) => "trace",
            Rule::SourceWithoutCode(_) | Rule::SourceUnproven => "mfa",
            Rule::Source(_) => "source",
            Rule::Stranger(_) => "caller",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::UnknownPerson(person) => write!(f, "the catalogue has no person `{person}`"),
            Rule::NoArn(person) => write!(f, "the catalogue has no `arn` for {person}, so AWS cannot vouch for them"),
            Rule::NotForPerson { person, audience } => write!(f, "it is for {}, not for {person}", audience.join(", ")),
            Rule::Trigger { asked, known } => {
                write!(f, "`{}` is none of its triggers: {}", escaped(asked), known.join(", "))
            }
            Rule::Incident { asked, pattern } => {
                write!(f, "the incident `{}` is not of the form {}", escaped(asked), escaped(pattern))
            }
            Rule::NotConfirmed(why) => write!(f, "the incident is not confirmed: {}", escaped(why)),
            Rule::Reason(why) => f.write_str(why),
            Rule::DurationOverMaximum { asked, most } => {
                write!(f, "{} is over its maximum of {}", show_duration(*asked), show_duration(*most))
            }
            Rule::DurationUnderMinimum(asked) => {
                write!(f, "{} is under the 15m that STS gives at least", show_duration(*asked))
            }
            Rule::Region { asked, known } => {
                write!(f, "`{}` is none of its regions: {}", escaped(asked), known.join(", "))
            }
            Rule::Step { asked, known } if known.is_empty() => {
                write!(f, "it has no steps, so none is called `{}`", escaped(asked))
            }
            Rule::Step { asked, known } => {
                write!(f, "`{}` is none of its steps: {}", escaped(asked), known.join(", "))
            }
            Rule::OnlySteps { known } => write!(f, "it allows nothing but its steps: {}", known.join(", ")),
            Rule::SignOff(no) => fmt::Display::fmt(no, f),
            Rule::Nested(session) => write!(f, "this shell belongs to the live session {session}"),
            Rule::HookWithoutRecording => {
                f.write_str("its sessions are to be recorded, which the AWS hook cannot do, so the hook opens none")
            }
            Rule::HookWithoutTrace => f.write_str(
                "the programs of its sessions are to be traced, which the AWS hook cannot do, so the hook opens none",
            ),
            Rule::NotTraced(why) => {
                write!(f, "the programs of its sessions are to be traced, which cannot be done here: {why}")
            }
            Rule::SourceWithoutCode(level) => {
                write!(
                    f,
                    "the daily credentials are temporary, STS takes no MFA code from those, and the level `{level}` demands one"
                )
            }
            Rule::SourceUnproven => f.write_str(
                "the daily credentials are temporary and neither a role session nor from `aws login`, so no second factor \
                 stands behind them",
            ),
            Rule::Source(source) => fmt::Display::fmt(source, f),
            Rule::Stranger(stranger) => fmt::Display::fmt(stranger, f),
        }
    }
}
