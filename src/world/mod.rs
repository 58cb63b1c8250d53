//! All that glass asks of its surroundings, as one value, and the proofs that pass through it.
//!
//! Keeps the promise that nothing goes round the judgement or the ledger. A
//! [`Grant`] becomes a [`Warrant`] only by an `elevate.intent` that is on
//! the disk; a warrant becomes an [`Issued`] only by AWS's answer to it; and that becomes a
//! [`Session`], which alone shows its credentials, only by an `elevate.ok` that is on the disk.

pub mod anchor;
pub mod archive;
mod ask_error;
pub mod aws;
pub mod desk;
pub mod hooks;
pub mod keeping;
pub mod ledger;
pub mod machine;
pub mod recording;
pub mod seen;
pub mod signing;
pub mod variables;

use std::time::Duration;

use crate::model::event::{Event, Intent, Mfa, NamedRequest, Sent, UsedOverride};
use crate::model::name::{Digest, Id, ProfileName};
use crate::model::policy::{Grant, NoSignOff, Recognised};
use crate::model::session::{self, Answer, Credentials, Order};
use crate::model::sign_off::reviews::Reviews;
use crate::model::sign_off::sheet::Sheet;
use crate::model::sign_off::using::Using;
use crate::model::text::escaped;
use crate::model::time::{BootTime, Timestamp};

use anchor::{Anchoring, Anchors, NotAnchored};
use aws::{Aws, AwsError};
use desk::Desks;
use hooks::{Calling, Hooks, NotTold};
use ledger::{Appended, Ledger, LedgerError, Record, Unsigned};
use machine::{Chance, Children, Clock, Codes, Programs, Terminal, Vault};
use recording::Recordings;
use signing::Keys;

/// Everything outside.
#[derive(Clone, Copy)]
pub struct World<'w> {
    /// The clocks.
    pub clock: &'w dyn Clock,
    /// Randomness.
    pub chance: &'w dyn Chance,
    /// The ledger.
    pub ledger: &'w dyn Ledger,
    /// AWS.
    pub aws: &'w dyn Aws,
    /// The system keyring.
    pub vault: &'w dyn Vault,
    /// The memory of used codes.
    pub codes: &'w dyn Codes,
    /// The person.
    pub terminal: &'w dyn Terminal,
    /// Small programs.
    pub programs: &'w dyn Programs,
    /// Shells and commands.
    pub children: &'w dyn Children,
    /// Recordings of sessions.
    pub recordings: &'w dyn Recordings,
    /// The keys that people sign with.
    pub keys: &'w dyn Keys,
    /// Places outside of this machine.
    pub anchors: &'w dyn Anchors,
    /// Where requests and the answers to them lie.
    pub desks: &'w dyn Desks,
    /// Who is told of what happens.
    pub hooks: &'w dyn Hooks,
}

/// Who must have an intent, or hear of it, before anything is sent to AWS for it.
#[derive(Clone, Copy)]
pub struct Conditions<'a> {
    /// The places outside of this machine.
    pub anchoring: Anchoring<'a>,
    /// The hooks.
    pub calling: Calling<'a>,
}

/// The right to send one AssumeRole: a grant whose intent is in the ledger.
#[must_use]
#[derive(Debug)]
pub struct Warrant {
    grant: Grant,
    order: Order,
    session_name: String,
}

/// A session that AWS gave and that is not in the ledger yet. Nobody sees its credentials.
#[must_use]
#[derive(Debug)]
pub struct Issued {
    warrant: Warrant,
    answer: Answer,
    lasts: Duration,
}

/// An AssumeRole that gave no usable session, and the grant for another attempt.
#[must_use]
#[derive(Debug)]
pub struct Declined {
    grant: Grant,
    why: AwsError,
}

/// A session that is in the ledger: the only way to its credentials.
#[must_use]
#[derive(Debug)]
pub struct Session {
    grant: Grant,
    answer: Answer,
    deadline: BootTime,
}

/// An entry about a grant.
fn record(grant: &Grant, event: Event) -> Record {
    Record { who: Some(grant.person().clone()), session: Some(grant.session().clone()), event }
}

/// Writes an intent down; the only maker of a [`Warrant`].
///
/// The name of the session in AWS carries the first 32 hex digits of the intent's hash, so that
/// CloudTrail commits to everything the ledger held at that moment.
///
/// # Errors
/// When it is not certain that the intent is in the ledger, or that an anchor has it where the level demands one, or that
/// every required hook has heard of it, or its request is used up: then nothing may be sent.
pub fn write_down(
    world: World<'_>,
    grant: Grant,
    caller: &Recognised,
    mfa: Mfa,
    conditions: Conditions<'_>,
) -> Result<Warrant, NotWritten> {
    let order = Order { serial: mfa.serial.clone(), ..grant.order().clone() };
    let intent = Intent {
        granted: grant.granted().clone(),
        caller_arn: caller.arn().to_owned(),
        approvals: grant.approvals().to_vec(),
        mfa,
    };
    let event = Event::ElevateIntent(Box::new(intent));
    let intent = match grant.sheet() {
        None => world.ledger.append(&record(&grant, event))?,
        Some(sheet) => use_up(world.ledger, &grant, sheet, event)?,
    };
    if grant.demands_anchor() {
        anchor(world, &grant, conditions.anchoring)?;
    }
    if conditions.calling.hooks.iter().any(|hook| hook.required) {
        call(world, &grant, &intent, conditions.calling)?;
    }
    let session_name = session_name(&grant, &intent.hash);
    Ok(Warrant { grant, order, session_name })
}

/// Writes down the intent that spends a request, unless another session has spent it, or another override of the person
/// must be reviewed first.
fn use_up(ledger: &dyn Ledger, grant: &Grant, sheet: &Sheet, intent: Event) -> Result<Appended, NotWritten> {
    let asked = sheet.asked();
    let (override_used, using) =
        if asked.overrides { overriding(ledger, grant, sheet)? } else { (None, Using::of(asked)) };
    let place = usize::from(override_used.is_some());
    let used = Event::RequestUsed(NamedRequest::of(sheet));
    let records: Vec<Record> =
        override_used.into_iter().chain([intent, used]).map(|event| record(grant, event)).collect();
    match ledger.append_once(&records, using)? {
        Ok(appended) => Ok(appended[place]),
        Err(why) => {
            let (profile, request) = (asked.profile.to_string(), asked.id.clone());
            let refused = Event::ElevateRefused { profile, rules: vec![why.name()], request: Some(request) };
            ledger.append(&record(grant, refused))?;
            Err(NotWritten::Forbidden(asked.profile.clone(), Box::new(why)))
        }
    }
}

/// What is written down before the intent of an override, once a session however many codes it takes, and what forbids that.
fn overriding(ledger: &dyn Ledger, grant: &Grant, sheet: &Sheet) -> Result<(Option<Event>, Using), LedgerError> {
    let asked = sheet.asked();
    let names = grant.reviewed_first();
    let mut reviews = Reviews::default();
    let from = if names.is_empty() { asked.ledger.size } else { 0 };
    ledger.read_back(from, &mut |entry| reviews.read(entry))?;
    let used = UsedOverride { profile: asked.profile.clone(), reason: asked.reason.clone() };
    let is_told = reviews.knows(grant.session());
    Ok(((!is_told).then_some(Event::OverrideUsed(used)), Using::of(asked).unless_open(reviews, names)))
}

/// Has a place outside of this machine take all that the ledger holds, the intent included.
fn anchor(world: World<'_>, grant: &Grant, anchoring: Anchoring<'_>) -> Result<(), NotWritten> {
    let anchored = match world.ledger.checkpoint(Some(grant.person()), Some(grant.session())) {
        Ok(checkpoint) => world.anchors.confirm(&checkpoint, anchoring),
        Err(Unsigned::Ledger(error)) => return Err(error.into()),
        Err(error @ Unsigned::Key(_)) => Err(NotAnchored::Unsigned(error)),
    };
    let anchors = match anchored {
        Ok(anchors) => anchors,
        Err(why) => {
            fail(world, grant, "NotAnchored", &why.to_string())?;
            return Err(NotWritten::NotAnchored(why));
        }
    };
    for anchor in anchors {
        if anchor.receipt.is_of_one_that_forgot() {
            let to = escaped(&anchor.to);
            world.terminal.warn(&format_args!("{to} has lost what it had of this ledger; the ledger says so"));
        }
        world.ledger.append(&record(grant, Event::LedgerAnchor(Box::new(anchor))))?;
    }
    Ok(())
}

/// Has the required hooks hear of an intent.
fn call(world: World<'_>, grant: &Grant, intent: &Appended, calling: Calling<'_>) -> Result<(), NotWritten> {
    match world.hooks.confirm(intent, calling) {
        Ok(()) => Ok(()),
        Err(why) => {
            fail(world, grant, "NotTold", &why.to_string())?;
            Err(NotWritten::NotTold(why))
        }
    }
}

/// Writes down that nothing comes of an intent, and nothing was sent for it.
fn fail(world: World<'_>, grant: &Grant, code: &str, message: &str) -> Result<(), LedgerError> {
    let message = message.chars().take(1024).collect();
    let event = Event::ElevateFail { sent: Sent::No, code: code.to_owned(), message, request_id: None };
    world.ledger.append(&record(grant, event)).map(drop)
}

/// Why there is no warrant.
#[derive(Debug)]
pub enum NotWritten {
    /// The ledger does not take the intent, or what comes of it.
    Ledger(LedgerError),
    /// Nothing outside of this machine has it. The ledger says so.
    NotAnchored(NotAnchored),
    /// A required hook has not heard of it. The ledger says so.
    NotTold(NotTold),
    /// Another session has used the profile's request meanwhile, or another override must be reviewed first. The ledger
    /// says so.
    Forbidden(ProfileName, Box<NoSignOff>),
}

impl From<LedgerError> for NotWritten {
    fn from(error: LedgerError) -> Self {
        NotWritten::Ledger(error)
    }
}

fn session_name(grant: &Grant, intent: &Digest) -> String {
    format!("{}-{}-{:.32}", grant.person(), grant.session(), intent.to_string())
}

impl Warrant {
    /// What is to be sent.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// `RoleSessionName`.
    pub fn session_name(&self) -> &str {
        &self.session_name
    }

    /// Takes AWS's answer, if it is what was ordered.
    ///
    /// # Errors
    /// When it is not; the credentials in it are wiped.
    pub fn answered(self, answer: Answer) -> Result<Issued, Box<Declined>> {
        match session::check(&self.order, &self.session_name, &answer) {
            Ok(lasts) => Ok(Issued { warrant: self, answer, lasts }),
            Err(error) => Err(self.declined(AwsError::NotBelieved { error, request_id: Some(answer.request_id) })),
        }
    }

    /// Gives the grant back after a call that gave no session.
    pub fn declined(self, why: AwsError) -> Box<Declined> {
        Box::new(Declined { grant: self.grant, why })
    }
}

impl Declined {
    /// Why there is no session.
    pub fn why(&self) -> &AwsError {
        &self.why
    }

    /// Writes the failure down, and only then gives the grant back for another attempt.
    ///
    /// # Errors
    /// When it is not certain that the failure is in the ledger.
    pub fn write_down(self, ledger: &dyn Ledger) -> Result<(Grant, AwsError), LedgerError> {
        ledger.append(&record(&self.grant, failure(&self.why)))?;
        Ok((self.grant, self.why))
    }
}

fn failure(why: &AwsError) -> Event {
    let (sent, code, request_id) = match why {
        AwsError::Refused { code, request_id, .. } => (Sent::Refused, code.as_str(), request_id.clone()),
        AwsError::NotSent(_) => (Sent::No, "NotSent", None),
        AwsError::MaybeSent(_) => (Sent::Maybe, "NoAnswer", None),
        AwsError::NotBelieved { request_id, .. } => (Sent::Maybe, "NotBelieved", request_id.clone()),
    };
    let shortened = |text: &str, most: usize| text.chars().take(most).collect();
    Event::ElevateFail { sent, code: shortened(code, 128), message: shortened(&why.to_string(), 1024), request_id }
}

impl Issued {
    /// Writes the result down; the only maker of a [`Session`].
    ///
    /// # Errors
    /// When it is not certain that the result is in the ledger: the credentials are wiped.
    pub fn write_down(self, ledger: &dyn Ledger) -> Result<Session, LedgerError> {
        let Issued { warrant: Warrant { grant, session_name, .. }, answer, lasts } = self;
        ledger.append(&record(
            &grant,
            Event::ElevateOk {
                access_key_id: answer.credentials.access_key_id.clone(),
                assumed_role_id: answer.assumed_role_id.clone(),
                expires: answer.expires,
                request_id: answer.request_id.clone(),
                session_name,
            },
        ))?;
        let deadline = answer.sent_at.plus(lasts);
        Ok(Session { grant, answer, deadline })
    }
}

impl Session {
    /// The session's id.
    pub fn id(&self) -> &Id {
        self.grant.session()
    }

    /// What was granted.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// The credentials.
    pub fn credentials(&self) -> &Credentials {
        &self.answer.credentials
    }

    /// When AWS lets it end, by AWS's clock.
    pub fn expires(&self) -> Timestamp {
        self.answer.expires
    }

    /// When glass ends it.
    pub fn deadline(&self) -> BootTime {
        self.deadline
    }
}
