//! From an order to STS to a session: what is sent, what comes back, what is believed of it.
//!
//! Keeps the promise that a session never lasts longer than was asked for.

use std::fmt;
use std::time::Duration;

use super::name::{MfaSerial, RoleArn};
use super::secret::Secret;
use super::time::{BootTime, Timestamp};

/// One AssumeRole call, in AWS's own words.
#[derive(Clone, Debug)]
pub struct Order {
    /// `RoleArn`.
    pub role: RoleArn,
    /// `DurationSeconds`.
    pub duration: Duration,
    /// `Policy`, minified JSON.
    pub policy: Option<String>,
    /// `PolicyArns`.
    pub policy_arns: Vec<String>,
    /// `ExternalId`.
    pub external_id: Option<String>,
    /// `SourceIdentity`.
    pub source_identity: Option<String>,
    /// `Tags`, none of them transitive.
    pub tags: Vec<(String, String)>,
    /// `SerialNumber`, when a code is sent.
    pub serial: Option<MfaSerial>,
}

/// A session's three values. Only its two secrets are secret.
#[derive(Debug)]
pub struct Credentials {
    /// `AccessKeyId`.
    pub access_key_id: String,
    /// `SecretAccessKey`.
    pub secret_access_key: Secret,
    /// `SessionToken`.
    pub session_token: Secret,
}

impl Credentials {
    /// Makes another value of the same credentials.
    pub fn duplicate(&self) -> Self {
        Credentials {
            access_key_id: self.access_key_id.clone(),
            secret_access_key: self.secret_access_key.duplicate(),
            session_token: self.session_token.duplicate(),
        }
    }
}

/// What STS answered to an AssumeRole, not yet believed.
#[derive(Debug)]
pub struct Answer {
    /// The credentials.
    pub credentials: Credentials,
    /// `Expiration`.
    pub expires: Timestamp,
    /// `AssumedRoleUser.AssumedRoleId`.
    pub assumed_role_id: String,
    /// `AssumedRoleUser.Arn`.
    pub assumed_role_arn: String,
    /// AWS's id of the request.
    pub request_id: String,
    /// The answer's own `Date`; STS's expiry is measured by it and not by a local clock.
    pub date: Timestamp,
    /// The boot-time clock just before the request was sent.
    pub sent_at: BootTime,
}

/// How much later than `Date` + `DurationSeconds` an expiry may lie: both are whole seconds,
/// and STS adds the duration before it writes the date.
const ROUNDING: Duration = Duration::from_secs(5);

/// Why an answer is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerError {
    /// The session would have been over before it began.
    Expired(Timestamp),
    /// The session would last longer than was asked for.
    TooLong {
        /// What was asked for.
        asked: Duration,
        /// What was given.
        given: Duration,
    },
    /// The session is of another role, or has another name.
    OtherRole(String),
    /// A value is missing or cannot be what it should be.
    Malformed(&'static str),
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AnswerError::Expired(at) => write!(f, "STS gave a session that ended at {at}, before it began"),
            AnswerError::TooLong { asked, given } => {
                write!(f, "STS gave a session of {} s where {} s were asked for", given.as_secs(), asked.as_secs())
            }
            AnswerError::OtherRole(arn) => {
                write!(f, "STS gave a session of another role or name: {}", super::text::escaped(arn))
            }
            AnswerError::Malformed(what) => write!(f, "it has no usable {what}"),
        }
    }
}

impl std::error::Error for AnswerError {}

/// Checks an answer against the order it answers; the length of the session by AWS's own clock.
///
/// # Errors
/// When it is not what was ordered.
pub fn check(order: &Order, session_name: &str, answer: &Answer) -> Result<Duration, AnswerError> {
    let credentials = &answer.credentials;
    let printable = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    if !(printable(&credentials.access_key_id) && credentials.access_key_id.len() <= 128) {
        return Err(AnswerError::Malformed("AccessKeyId"));
    }
    if !printable(credentials.secret_access_key.expose()) {
        return Err(AnswerError::Malformed("SecretAccessKey"));
    }
    if !printable(credentials.session_token.expose()) {
        return Err(AnswerError::Malformed("SessionToken"));
    }
    let role = &order.role;
    let expected =
        format!("arn:{}:sts::{}:assumed-role/{}/{session_name}", role.partition(), role.account(), role.role_name());
    if answer.assumed_role_arn != expected {
        return Err(AnswerError::OtherRole(answer.assumed_role_arn.clone()));
    }
    if !answer.assumed_role_id.ends_with(&format!(":{session_name}")) {
        return Err(AnswerError::OtherRole(answer.assumed_role_id.clone()));
    }
    if answer.expires <= answer.date {
        return Err(AnswerError::Expired(answer.expires));
    }
    let given = answer.expires.since(answer.date);
    if given > order.duration + ROUNDING {
        return Err(AnswerError::TooLong { asked: order.duration, given });
    }
    Ok(given.min(order.duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        Order {
            role: RoleArn::parse("arn:aws:iam::444455556666:role/glass/prod-db").expect("valid"),
            duration: Duration::from_secs(900),
            policy: None,
            policy_arns: Vec::new(),
            external_id: None,
            source_identity: None,
            tags: Vec::new(),
            serial: None,
        }
    }

    fn answer(lasts: i64) -> Answer {
        Answer {
            credentials: Credentials {
                access_key_id: "ASIAEXAMPLE".into(),
                secret_access_key: Secret::new("secret".into()),
                session_token: Secret::new("token".into()),
            },
            expires: Timestamp::from_seconds(1_000_000 + lasts),
            assumed_role_id: "AROAEXAMPLE:alice-x".into(),
            assumed_role_arn: "arn:aws:sts::444455556666:assumed-role/prod-db/alice-x".into(),
            request_id: "r".into(),
            date: Timestamp::from_seconds(1_000_000),
            sent_at: BootTime(0),
        }
    }

    #[test]
    fn a_session_lasts_as_long_as_was_asked_for_or_less() {
        assert_eq!(check(&order(), "alice-x", &answer(900)), Ok(Duration::from_secs(900)));
        assert_eq!(check(&order(), "alice-x", &answer(901)), Ok(Duration::from_secs(900)));
        assert_eq!(check(&order(), "alice-x", &answer(600)), Ok(Duration::from_secs(600)));
    }

    #[test]
    fn an_expiry_beyond_what_was_asked_or_in_the_past_is_refused() {
        assert!(matches!(check(&order(), "alice-x", &answer(3600)), Err(AnswerError::TooLong { .. })));
        assert!(matches!(check(&order(), "alice-x", &answer(0)), Err(AnswerError::Expired(_))));
        assert!(matches!(check(&order(), "alice-x", &answer(-900)), Err(AnswerError::Expired(_))));
    }

    #[test]
    fn a_session_of_another_role_or_name_is_refused() {
        assert!(matches!(check(&order(), "alice-y", &answer(900)), Err(AnswerError::OtherRole(_))));
        let mut other = answer(900);
        other.assumed_role_arn = "arn:aws:sts::444455556666:assumed-role/admin/alice-x".into();
        assert!(matches!(check(&order(), "alice-x", &other), Err(AnswerError::OtherRole(_))));
    }

    #[test]
    fn half_an_answer_is_refused() {
        let mut half = answer(900);
        half.credentials.session_token = Secret::new(String::new());
        assert_eq!(check(&order(), "alice-x", &half), Err(AnswerError::Malformed("SessionToken")));
    }
}
