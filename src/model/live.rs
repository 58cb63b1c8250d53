//! Live sessions: what is told of one, and the two lines that are exchanged with whoever keeps it.
//!
//! The protocol of section 4 of `docs/formats.md`: one line asks, one line answers. What is not exactly a
//! line of it is refused, and no line is long.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::SessionKind;
use super::name::{Id, Incident, PersonName, ProfileName, Reason, RoleArn, TriggerName};
use super::policy::Grant;
use super::request::Wish;
use super::secret::Secret;
use super::session::Credentials;
use super::time::Timestamp;

/// The version of the protocol.
const VERSION: u8 = 1;

/// The most bytes of a line that asks, with its LF.
pub const LONGEST_ASK: usize = 256;

/// The most bytes of a line that answers, with its LF. A session token has 4 KiB at the most.
pub const LONGEST_ANSWER: usize = 16 * 1024;

/// What everybody who may ask is told of a live session. Nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Live {
    /// Its id.
    pub session: Id,
    /// The profile.
    pub profile: ProfileName,
    /// Whose it is.
    pub person: PersonName,
    /// The role.
    pub role: RoleArn,
    /// The catalogue's file by which it was judged.
    pub catalogue: String,
    /// Which kind of emergency.
    pub trigger: TriggerName,
    /// The reference to the incident.
    pub incident: Incident,
    /// Why.
    pub reason: Reason,
    /// How long it was asked for, in seconds.
    pub duration: u64,
    /// What it was opened for.
    pub kind: SessionKind,
    /// Whether the AWS hook may be served from it.
    pub serves: bool,
    /// The process that keeps it.
    pub pid: u32,
    /// When it began.
    pub began: Timestamp,
    /// Until when its credentials work in AWS.
    pub expires: Timestamp,
}

/// How a session is kept: what its grant does not say.
pub struct Kept {
    /// The catalogue's file.
    pub catalogue: String,
    /// What it was opened for.
    pub kind: SessionKind,
    /// The process that keeps it.
    pub pid: u32,
    /// When it began.
    pub began: Timestamp,
    /// Until when its credentials work in AWS.
    pub expires: Timestamp,
}

impl Live {
    /// What is told of the session of a grant.
    pub fn of(grant: &Grant, kept: Kept) -> Live {
        let granted = grant.granted();
        Live {
            session: grant.session().clone(),
            profile: granted.profile.clone(),
            person: grant.person().clone(),
            role: granted.role.clone(),
            catalogue: kept.catalogue,
            trigger: granted.trigger.clone(),
            incident: granted.incident.clone(),
            reason: granted.reason.clone(),
            duration: granted.duration,
            kind: kept.kind,
            serves: grant.serves(),
            pid: kept.pid,
            began: kept.began,
            expires: kept.expires,
        }
    }

    /// Whether the AWS hook is served from it when it wishes for this. What a wish leaves out may be
    /// anything; what it names must be the session's, or it is a wish for another session.
    pub fn fulfils(&self, person: &PersonName, catalogue: &str, wish: &Wish) -> bool {
        let is = |wished: &Option<String>, own: &str| wished.as_deref().is_none_or(|wished| wished == own);
        self.serves
            && self.person == *person
            && self.catalogue == catalogue
            && self.profile.as_str() == wish.profile
            && is(&wish.trigger, self.trigger.as_str())
            && is(&wish.incident, self.incident.as_str())
            && is(&wish.reason, self.reason.as_str())
            && wish.duration.is_none_or(|wished| wished.as_secs() == self.duration)
    }

    /// How much of it is left by the wall clock.
    pub fn remaining(&self, now: Timestamp) -> Duration {
        self.expires.since(now)
    }
}

/// What is asked of whoever keeps a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ask {
    /// What the session is.
    Status,
    /// Its credentials, for the AWS hook.
    Credentials,
    /// That it be ended.
    End,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AskLine {
    v: u8,
    ask: Ask,
}

impl Ask {
    /// The line, with its LF.
    pub fn to_line(self) -> String {
        let line = serde_json::to_string(&AskLine { v: VERSION, ask: self });
        line.expect("it has only a number and a word") + "\n"
    }

    /// Reads a line without its LF.
    ///
    /// # Errors
    /// When it is not exactly such a line.
    pub fn parse(line: &[u8]) -> Result<Ask, NotALine> {
        let line: AskLine = serde_json::from_slice(line).map_err(|_| NotALine)?;
        if line.v == VERSION { Ok(line.ask) } else { Err(NotALine) }
    }
}

/// What whoever keeps a session answers.
#[derive(Debug)]
pub enum Answer {
    /// What it is, and how many seconds are left until its deadline.
    Status(Box<Live>, u64),
    /// What the AWS hook prints.
    Credentials(Handed),
    /// It is being ended; a copy of its credentials works until then.
    Ending(Timestamp),
    /// No, and why.
    No(String),
}

/// Credentials with their end, as the SDKs read them.
#[derive(Debug)]
pub struct Handed {
    /// The credentials.
    pub credentials: Credentials,
    /// Until when they work.
    pub expires: Timestamp,
}

/// `credential_process` of the AWS SDKs: `Version` is a number, `Expiration` has no fraction.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Document<'a> {
    version: u8,
    #[serde(borrow)]
    access_key_id: Cow<'a, str>,
    #[serde(borrow)]
    secret_access_key: Cow<'a, str>,
    #[serde(borrow)]
    session_token: Cow<'a, str>,
    expiration: Timestamp,
}

impl Handed {
    /// The JSON object that the SDKs read, on one line without its LF.
    pub fn to_document(&self) -> Secret {
        let document = Document {
            version: 1,
            access_key_id: self.credentials.access_key_id.as_str().into(),
            secret_access_key: self.credentials.secret_access_key.expose().into(),
            session_token: self.credentials.session_token.expose().into(),
            expiration: self.expires,
        };
        Secret::new(serde_json::to_string(&document).expect("it has only texts and a number"))
    }
}

impl From<Document<'_>> for Handed {
    fn from(document: Document<'_>) -> Handed {
        Handed {
            credentials: Credentials {
                access_key_id: document.access_key_id.into_owned(),
                secret_access_key: Secret::new(document.secret_access_key.into_owned()),
                session_token: Secret::new(document.session_token.into_owned()),
            },
            expires: document.expiration,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerLine<'a> {
    v: u8,
    #[serde(borrow)]
    answer: Told<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Told<'a> {
    Status {
        live: Box<Live>,
        remaining: u64,
    },
    #[serde(borrow)]
    Credentials(Document<'a>),
    Ending {
        expires: Timestamp,
    },
    No {
        why: String,
    },
}

impl Answer {
    /// The line, with its LF.
    pub fn to_line(&self) -> Secret {
        let told = match self {
            Answer::Status(live, remaining) => {
                format!(r#"{{"status":{{"live":{},"remaining":{remaining}}}}}"#, json(live))
            }
            Answer::Credentials(handed) => format!(r#"{{"credentials":{}}}"#, handed.to_document().expose()),
            Answer::Ending(expires) => format!(r#"{{"ending":{{"expires":{}}}}}"#, json(expires)),
            Answer::No(why) => format!(r#"{{"no":{{"why":{}}}}}"#, json(why)),
        };
        let told = Secret::new(told);
        Secret::new(format!("{{\"v\":{VERSION},\"answer\":{}}}\n", told.expose()))
    }

    /// Reads a line without its LF.
    ///
    /// # Errors
    /// When it is not exactly such a line.
    pub fn parse(line: &[u8]) -> Result<Answer, NotALine> {
        let line: AnswerLine<'_> = serde_json::from_slice(line).map_err(|_| NotALine)?;
        match line.answer {
            _ if line.v != VERSION => Err(NotALine),
            Told::Status { live, remaining } => Ok(Answer::Status(live, remaining)),
            Told::Credentials(document) if document.version == 1 => Ok(Answer::Credentials(document.into())),
            Told::Credentials(_) => Err(NotALine),
            Told::Ending { expires } => Ok(Answer::Ending(expires)),
            Told::No { why } => Ok(Answer::No(why)),
        }
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("it has only texts and numbers")
}

/// Something else than a line of the protocol, or of another version of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotALine;

impl fmt::Display for NotALine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no line of version {VERSION} of the protocol of live sessions")
    }
}

impl std::error::Error for NotALine {}

#[cfg(test)]
impl Live {
    /// A session of Alice's.
    pub(crate) fn example(session: Id) -> Live {
        Live {
            session,
            profile: ProfileName::parse("prod-db-emergency").expect("valid"),
            person: PersonName::parse("alice").expect("valid"),
            role: RoleArn::parse("arn:aws:iam::444455556666:role/glass/prod-db-emergency").expect("valid"),
            catalogue: "/etc/glass/profiles.toml".to_owned(),
            trigger: TriggerName::parse("db-outage").expect("valid"),
            incident: Incident::parse("INC-4711").expect("valid"),
            reason: Reason::parse("orders database lost its writer").expect("valid"),
            duration: 900,
            kind: SessionKind::Shell,
            serves: true,
            pid: 4242,
            began: Timestamp::from_seconds(1_000_000),
            expires: Timestamp::from_seconds(1_000_900),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live() -> Live {
        Live::example(Id::from_random([7; 5]))
    }

    fn wish() -> Wish {
        Wish { profile: "prod-db-emergency".to_owned(), ..Wish::default() }
    }

    fn fulfils(wish: &Wish) -> bool {
        live().fulfils(&live().person, "/etc/glass/profiles.toml", wish)
    }

    #[test]
    fn a_wish_is_fulfilled_by_what_it_names_and_leaves_out() {
        assert!(fulfils(&wish()));
        let all = Wish {
            trigger: Some("db-outage".to_owned()),
            incident: Some("INC-4711".to_owned()),
            reason: Some("orders database lost its writer".to_owned()),
            duration: Some(Duration::from_secs(900)),
            ..wish()
        };
        assert!(fulfils(&all));
        assert!(!fulfils(&Wish { profile: "prod-db-read".to_owned(), ..all.clone() }));
        assert!(!fulfils(&Wish { trigger: Some("other".to_owned()), ..all.clone() }));
        assert!(!fulfils(&Wish { incident: Some("INC-4712".to_owned()), ..all.clone() }));
        assert!(!fulfils(&Wish { reason: Some("another reason".to_owned()), ..all.clone() }));
        assert!(!fulfils(&Wish { duration: Some(Duration::from_secs(1800)), ..all }));
    }

    #[test]
    fn nobody_elses_session_and_none_of_another_catalogue_or_that_serves_nobody_fulfils_a_wish() {
        let bob = PersonName::parse("bob").unwrap();
        assert!(!live().fulfils(&bob, "/etc/glass/profiles.toml", &wish()));
        assert!(!live().fulfils(&live().person, "/home/alice/profiles.toml", &wish()));
        assert!(!Live { serves: false, ..live() }.fulfils(&live().person, "/etc/glass/profiles.toml", &wish()));
    }

    #[test]
    fn every_ask_is_read_as_it_was_written_and_is_short() {
        for ask in [Ask::Status, Ask::Credentials, Ask::End] {
            let line = ask.to_line();
            assert!(line.len() <= LONGEST_ASK);
            assert_eq!(Ask::parse(line.trim_end().as_bytes()), Ok(ask));
        }
        assert_eq!(Ask::Credentials.to_line(), "{\"v\":1,\"ask\":\"credentials\"}\n");
    }

    #[test]
    fn what_is_not_exactly_an_ask_is_none() {
        let hostile: [&[u8]; 11] = [
            b"",
            b"{}",
            b"status",
            br#"{"v":2,"ask":"status"}"#,
            br#"{"v":1,"ask":"status","more":1}"#,
            br#"{"v":1,"ask":"sudo"}"#,
            br#"{"v":1,"v":1,"ask":"end"}"#,
            br#"{"v":1,"ask":"end"} {"v":1,"ask":"end"}"#,
            br#"{"v":"1","ask":"end"}"#,
            br#"{"v":1,"ask":{"end":{}}}"#,
            b"{\"v\":1,\"ask\":\"\xff\"}",
        ];
        for line in hostile {
            assert_eq!(Ask::parse(line), Err(NotALine), "{}", String::from_utf8_lossy(line));
        }
    }

    fn handed() -> Handed {
        Handed {
            credentials: Credentials {
                access_key_id: "ASIAEXAMPLE".to_owned(),
                secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG".to_owned()),
                session_token: Secret::new("A".repeat(4096)),
            },
            expires: Timestamp::from_seconds(1_000_900),
        }
    }

    #[test]
    fn every_answer_is_read_as_it_was_written() {
        let read = |answer: Answer| {
            let line = answer.to_line();
            assert!(line.expose().len() <= LONGEST_ANSWER && line.expose().ends_with("}\n"));
            Answer::parse(line.expose().trim_end().as_bytes()).unwrap()
        };
        let Answer::Status(told, 42) = read(Answer::Status(Box::new(live()), 42)) else { panic!("another answer") };
        assert_eq!(*told, live());
        let Answer::Credentials(told) = read(Answer::Credentials(handed())) else { panic!("another answer") };
        assert_eq!(told.to_document().expose(), handed().to_document().expose());
        let Answer::Ending(told) = read(Answer::Ending(live().expires)) else { panic!("another answer") };
        assert_eq!(told, live().expires);
        let Answer::No(told) = read(Answer::No("\"\n\\ no".to_owned())) else { panic!("another answer") };
        assert_eq!(told, "\"\n\\ no");
    }

    #[test]
    fn the_document_is_what_the_sdks_read() {
        let document = handed().to_document();
        let start = r#"{"Version":1,"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"wJalrXUtnFEMI/K7MDENG","SessionToken":"AAAA"#;
        assert!(document.expose().starts_with(start));
        assert!(document.expose().ends_with(r#"","Expiration":"1970-01-12T14:01:40Z"}"#));
    }

    #[test]
    fn an_answer_of_another_version_or_with_more_in_it_is_none() {
        let line = Answer::Credentials(handed()).to_line().expose().trim_end().to_owned();
        assert!(Answer::parse(line.replace("\"v\":1", "\"v\":2").as_bytes()).is_err());
        assert!(Answer::parse(line.replace("\"Version\":1", "\"Version\":2").as_bytes()).is_err());
        assert!(Answer::parse(line.replace("\"Version\":1", "\"Version\":1,\"AccountId\":\"1\"").as_bytes()).is_err());
        assert!(Answer::parse(b"{\"v\":1,\"answer\":{\"sudo\":{}}}").is_err());
        assert!(Answer::parse(b"").is_err());
    }
}
