//! The practice AWS: a strict little STS and IAM on loopback, inside glass. It is not AWS.
//!
//! Keeps the promise that the whole of glass can be seen working in a minute, without
//! an account: signatures, clocks, MFA codes, trust policies and session ends are
//! checked as AWS checks them, and refusals have AWS's own words. There are no
//! switches that make it err on purpose. Two things are simpler than in AWS:
//! users' own policies are not modelled (everybody may ask for a role, administrators
//! may change their account), and a change binds at once.
//!
//! A request goes `http` → `sigv4` → `sts` or `iam`, which ask `trust` and change
//! `state`; the answer goes back through `xml`.

mod condition;
pub mod control;
mod fault;
pub mod folder;
mod http;
mod iam;
mod policy;
pub mod practice;
mod query;
mod sigv4;
mod state;
mod sts;
#[cfg(test)]
mod tests;
mod totp;
mod trust;
mod xml;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

pub use fault::{Code, Fault};
pub use http::{Running, StartError};

use self::condition::Context;
use self::query::Parameters;
use self::sigv4::{Claim, Request};
use self::state::{Caller, Holder, State};
use crate::model::secret::Secret;
use crate::model::time::Timestamp;

/// What the practice AWS takes for the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The time of the machine.
#[allow(clippy::disallowed_methods, reason = "the practice AWS has a clock of its own, as AWS has")]
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    })
}

/// A practice AWS.
pub struct Sandbox {
    state: Mutex<State>,
    trail: Mutex<VecDeque<Seen>>,
    clock: Clock,
}

/// What AWS itself saw of a call, as CloudTrail would keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When.
    pub at: Timestamp,
    /// Who called.
    pub caller: String,
    /// What was called.
    pub operation: String,
    /// `RoleSessionName`, where a session of a role was asked for.
    pub session_name: Option<String>,
    /// Why it was refused, if it was.
    pub refused: Option<Code>,
}

impl Seen {
    /// Whether it gave a session of a role.
    pub fn opened_a_session(&self) -> bool {
        self.operation == "AssumeRole" && self.refused.is_none()
    }

    /// Whether the session that this one gave made that other call.
    pub fn is_caller_of(&self, other: &Seen) -> bool {
        let session = self.session_name.as_deref().filter(|_| self.opened_a_session());
        other.refused.is_none() && session.is_some_and(|name| other.caller.ends_with(&format!("/{name}")))
    }
}

/// So many calls are remembered, the latest.
const LONGEST_TRAIL: usize = 1000;

/// A user's long-lived access key.
pub struct AccessKey {
    /// `AKIA…`.
    pub id: String,
    /// The secret access key.
    pub secret: Secret,
}

impl Sandbox {
    /// Makes the practice world of [`practice`], with new keys and seeds.
    ///
    /// # Errors
    /// When the machine has no random bytes.
    pub fn new(clock: Clock) -> Result<Arc<Self>, Fault> {
        let state = Mutex::new(practice::world(clock())?);
        Ok(Arc::new(Sandbox { state, trail: Mutex::default(), clock }))
    }

    /// Starts to serve on an address of loopback, in a thread of its own; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address is not loopback's, or is taken.
    pub fn start(self: &Arc<Self>, address: SocketAddr) -> Result<Running, StartError> {
        http::start(Arc::clone(self), address)
    }

    /// The code that an MFA device shows now, as its owner would read it off a phone.
    pub fn code(&self, serial: &str) -> Option<String> {
        let state = self.lock();
        let device = state.accounts.values().find_map(|account| account.devices.get(serial))?;
        Some(device.device.code((self.clock)()))
    }

    /// The oldest access key of a user, as its owner would have kept it.
    pub fn access_key(&self, account: &str, user: &str) -> Option<AccessKey> {
        let state = self.lock();
        let (id, key) = state
            .keys
            .iter()
            .filter(|(_, key)| key.account == account && key.temporary.is_none())
            .filter(|(_, key)| matches!(&key.holder, Holder::User(name) if name == user))
            .min_by_key(|(_, key)| key.created)?;
        Some(AccessKey { id: id.clone(), secret: key.secret.duplicate() })
    }

    /// The calls that were made, oldest first; those whose signature was wrong are nobody's and not among them.
    pub fn trail(&self) -> Vec<Seen> {
        self.trail.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one request.
    fn answer(&self, request: &Request) -> Answer {
        let now = (self.clock)();
        let request_id = request_id();
        let claim = Claim::read(request);
        let api = match &claim {
            Ok(claim) if claim.service == "iam" => Api::Iam,
            Ok(_) | Err(_) => Api::Sts,
        };
        let done = claim.and_then(|claim| self.call(api, request, &claim, now));
        let (status, body) = match done {
            Ok((operation, result)) => (200, xml::success(api.namespace(), &operation, result, &request_id)),
            Err(fault) => (fault.code.status(), xml::refusal(api.namespace(), &fault, &request_id)),
        };
        Answer { status, body, request_id, now }
    }

    fn call(
        &self,
        api: Api,
        request: &Request,
        claim: &Claim,
        now: Timestamp,
    ) -> Result<(String, Option<xml::Xml>), Fault> {
        let mut state = self.lock();
        let key = state.key(&claim.access_key, claim.token.as_deref())?;
        claim.verify(request, key.secret.expose(), now)?;
        let caller = state.caller(key, now)?;
        let body = std::str::from_utf8(&request.body)
            .map_err(|_| Fault::new(Code::ValidationError, "The request is not a form in UTF-8."))?;
        let parameters = Parameters::parse(&format!("{}&{body}", request.query))?;
        let operation = parameters.one("Action").unwrap_or_default();
        let version = parameters.one("Version").unwrap_or("NO_VERSION_SPECIFIED");
        let call = &mut Call { state: &mut state, caller: &caller, parameters: &parameters, now };
        let done = match api {
            Api::Sts if version == sts::VERSION => sts::answer(operation, call),
            Api::Iam if version == iam::VERSION => iam::answer(operation, call),
            Api::Sts | Api::Iam => None,
        };
        let unknown =
            || Fault::new(Code::InvalidAction, format!("Could not find operation {operation} for version {version}"));
        let done = done.unwrap_or_else(|| Err(unknown()));
        self.remember(Seen {
            at: now,
            caller: caller.arn,
            operation: operation.to_owned(),
            session_name: parameters.one("RoleSessionName").map(str::to_owned),
            refused: done.as_ref().err().map(|fault| fault.code),
        });
        done.map(|result| (operation.to_owned(), result))
    }

    fn remember(&self, seen: Seen) {
        let mut trail = self.trail.lock().unwrap_or_else(PoisonError::into_inner);
        if trail.len() >= LONGEST_TRAIL {
            trail.pop_front();
        }
        trail.push_back(seen);
    }
}

/// The two services, told apart by the scope of the signature.
#[derive(Clone, Copy)]
enum Api {
    Sts,
    Iam,
}

impl Api {
    fn namespace(self) -> &'static str {
        match self {
            Api::Sts => sts::NAMESPACE,
            Api::Iam => iam::NAMESPACE,
        }
    }
}

/// What goes back to the caller.
struct Answer {
    status: u16,
    body: String,
    request_id: String,
    now: Timestamp,
}

/// An authenticated call, and all it may look at.
struct Call<'a> {
    state: &'a mut State,
    caller: &'a Caller,
    parameters: &'a Parameters,
    now: Timestamp,
}

impl Call<'_> {
    /// What policies may know about the caller, and about the MFA code given for this call or before it.
    fn context(&self, mfa: Option<Timestamp>) -> Context {
        let mut context = Context::default();
        context.insert("aws:CurrentTime", self.now.to_seconds_text());
        context.insert("aws:EpochTime", self.now.seconds().to_string());
        context.insert("aws:SecureTransport", "false");
        context.insert("aws:userid", &self.caller.user_id);
        context.insert("aws:PrincipalAccount", &self.caller.account);
        match &self.caller.holder {
            Holder::User(name) => {
                context.insert("aws:username", name);
                context.insert("aws:PrincipalType", "User");
                context.insert("aws:PrincipalArn", &self.caller.arn);
            }
            Holder::Session(session) => {
                context.insert("aws:PrincipalType", "AssumedRole");
                context.insert("aws:PrincipalArn", &session.role_arn);
                session.source_identity.iter().for_each(|name| context.insert("aws:SourceIdentity", name));
                session.tags.iter().for_each(|(key, value)| context.insert(&format!("aws:PrincipalTag/{key}"), value));
            }
        }
        if let Some(issued) = self.caller.issued {
            context.insert("aws:TokenIssueTime", issued.to_seconds_text());
        }
        // Long-lived keys have no such key at all, which `BoolIfExists` lets pass and `Bool` does not.
        if mfa.is_some() || self.caller.issued.is_some() {
            context.insert("aws:MultiFactorAuthPresent", mfa.is_some().to_string());
        }
        if let Some(given) = mfa {
            context.insert("aws:MultiFactorAuthAge", self.now.since(given).as_secs().to_string());
        }
        context
    }
}

/// An id in the form of a UUID; all zeros if the machine has no random bytes.
fn request_id() -> String {
    let hex: String = state::random::<16>().unwrap_or_default().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}
