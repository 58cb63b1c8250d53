//! What the practice AWS knows: accounts, users, keys, devices, roles, sessions.
//!
//! All of it is in memory and gone when the sandbox ends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::fault::{Code, Fault};
use super::totp::Device;
use super::trust::Trust;
use crate::model::secret::Secret;
use crate::model::time::Timestamp;

/// How long an expired session is remembered, so that it is refused as expired and not as unknown.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// Everything that the practice AWS knows.
#[derive(Default)]
pub struct State {
    /// The accounts by their twelve digits.
    pub accounts: BTreeMap<String, Account>,
    /// The access keys, long-lived and temporary, by their ids.
    pub keys: BTreeMap<String, Key>,
}

/// An account.
#[derive(Default)]
pub struct Account {
    /// Users by name.
    pub users: BTreeMap<String, User>,
    /// Roles by name, which is one of its kind whatever the path.
    pub roles: BTreeMap<String, Role>,
    /// Virtual MFA devices by serial number.
    pub devices: BTreeMap<String, VirtualDevice>,
}

/// A user.
pub struct User {
    /// The path, `/` or `/…/`.
    pub path: String,
    /// `AIDA…`.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// What it may do in IAM.
    pub rights: Rights,
}

/// What a user may do in IAM; the practice AWS does not model users' policies beyond this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Reads its own account.
    Read,
    /// Changes its own account.
    Administer,
}

/// A virtual MFA device.
pub struct VirtualDevice {
    /// The device itself.
    pub device: Device,
    /// Whose it is and since when; nobody's until it is enabled.
    pub owner: Option<(String, Timestamp)>,
}

/// A role.
pub struct Role {
    /// The path, `/` or `/…/`.
    pub path: String,
    /// `AROA…`.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// What it is for.
    pub description: Option<String>,
    /// Who may assume it.
    pub trust: Trust,
    /// `MaxSessionDuration`, in seconds.
    pub max_session: u32,
    /// Its inline policies by name.
    pub policies: BTreeMap<String, String>,
}

/// An access key.
pub struct Key {
    /// The secret access key.
    pub secret: Secret,
    /// The account.
    pub account: String,
    /// Whose it is.
    pub holder: Holder,
    /// When it was made.
    pub created: Timestamp,
    /// Of a temporary key: its token and its end.
    pub temporary: Option<Temporary>,
}

/// What makes a key a temporary one.
pub struct Temporary {
    /// The session token.
    pub token: Secret,
    /// When it stops working.
    pub expires: Timestamp,
    /// When an MFA code was given for it.
    pub mfa: Option<Timestamp>,
}

/// Whose a key is.
#[derive(Clone)]
pub enum Holder {
    /// A user's, by name.
    User(String),
    /// A role session's.
    Session(Arc<Session>),
}

/// A session of a role.
pub struct Session {
    /// The role's name.
    pub role: String,
    /// The role's ARN.
    pub role_arn: String,
    /// The role's id.
    pub role_id: String,
    /// `RoleSessionName`.
    pub name: String,
    /// Who is behind it, for good.
    pub source_identity: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Keys of those tags that go on into the next role.
    pub transitive: Vec<String>,
}

/// Who calls, once the signature was verified.
pub struct Caller {
    /// The account.
    pub account: String,
    /// The ARN, as `GetCallerIdentity` answers it.
    pub arn: String,
    /// The unique id, for a role session with `:` and its name.
    pub user_id: String,
    /// User or session.
    pub holder: Holder,
    /// When temporary credentials were issued; `None` for a long-lived key.
    pub issued: Option<Timestamp>,
    /// When an MFA code was given for these credentials.
    pub mfa: Option<Timestamp>,
}

impl State {
    /// The key that a request claims to be signed with.
    ///
    /// # Errors
    /// When there is no such key, or the session token is not its.
    pub fn key(&self, id: &str, token: Option<&str>) -> Result<&Key, Fault> {
        let key = self.keys.get(id).ok_or_else(unknown_key)?;
        let fits = match (&key.temporary, token) {
            (None, None) => true,
            (Some(temporary), Some(token)) => temporary.token.expose() == token,
            (None, Some(_)) | (Some(_), None) => false,
        };
        if fits { Ok(key) } else { Err(unknown_key()) }
    }

    /// The caller that a key stands for.
    ///
    /// # Errors
    /// When its time is over, or its user is gone.
    pub fn caller(&self, key: &Key, now: Timestamp) -> Result<Caller, Fault> {
        if key.temporary.as_ref().is_some_and(|temporary| now >= temporary.expires) {
            return Err(Fault::new(Code::ExpiredToken, "The security token included in the request is expired"));
        }
        let account = &key.account;
        let (arn, user_id) = match &key.holder {
            Holder::User(name) => {
                let user =
                    self.accounts.get(account).and_then(|account| account.users.get(name)).ok_or_else(unknown_key)?;
                (user.arn(account, name), user.id.clone())
            }
            Holder::Session(session) => (session.arn(account), format!("{}:{}", session.role_id, session.name)),
        };
        Ok(Caller {
            account: account.clone(),
            arn,
            user_id,
            holder: key.holder.clone(),
            issued: key.temporary.is_some().then_some(key.created),
            mfa: key.temporary.as_ref().and_then(|temporary| temporary.mfa),
        })
    }

    /// Makes a long-lived access key for a user and answers its id.
    ///
    /// # Errors
    /// When the machine has no random bytes.
    pub fn add_user_key(&mut self, account: &str, user: &str, now: Timestamp) -> Result<String, Fault> {
        let holder = Holder::User(user.to_owned());
        self.add_key(
            "AKIA",
            Key { secret: random_secret()?, account: account.to_owned(), holder, created: now, temporary: None },
        )
    }

    /// Makes temporary credentials and answers the id of their key.
    ///
    /// # Errors
    /// When the machine has no random bytes.
    pub fn add_temporary_key(&mut self, account: &str, holder: Holder, lifetime: Lifetime) -> Result<String, Fault> {
        let Lifetime { now, length, mfa } = lifetime;
        self.keys.retain(|_, key| key.temporary.as_ref().is_none_or(|old| now.since(old.expires) < REMEMBERED));
        let token = Secret::new(aws_smithy_types::base64::encode(random::<192>()?));
        let temporary = Some(Temporary { token, expires: now.plus(length), mfa });
        self.add_key(
            "ASIA",
            Key { secret: random_secret()?, account: account.to_owned(), holder, created: now, temporary },
        )
    }

    fn add_key(&mut self, prefix: &str, key: Key) -> Result<String, Fault> {
        let id = random_id(prefix)?;
        self.keys.insert(id.clone(), key);
        Ok(id)
    }
}

/// How long temporary credentials last, and what they were given for.
#[derive(Clone, Copy)]
pub struct Lifetime {
    /// When they are issued.
    pub now: Timestamp,
    /// How long they last.
    pub length: Duration,
    /// When the MFA code was given, if there was one.
    pub mfa: Option<Timestamp>,
}

impl User {
    /// The user's ARN.
    pub fn arn(&self, account: &str, name: &str) -> String {
        format!("arn:aws:iam::{account}:user{}{name}", self.path)
    }
}

impl Role {
    /// The role's ARN.
    pub fn arn(&self, account: &str, name: &str) -> String {
        format!("arn:aws:iam::{account}:role{}{name}", self.path)
    }
}

impl Session {
    /// The ARN of the session, which has no path.
    pub fn arn(&self, account: &str) -> String {
        format!("arn:aws:sts::{account}:assumed-role/{}/{}", self.role, self.name)
    }
}

/// A unique id: a prefix that tells the kind, and 16 characters of base32.
///
/// # Errors
/// When the machine has no random bytes.
pub fn random_id(prefix: &str) -> Result<String, Fault> {
    const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let characters = random::<16>()?.map(|byte| char::from(BASE32[usize::from(byte & 31)]));
    Ok(prefix.chars().chain(characters).collect())
}

/// Random bytes from the system.
///
/// # Errors
/// When it has none.
pub fn random<const N: usize>() -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => Err(Fault::new(Code::InternalFailure, error.to_string())),
    }
}

fn random_secret() -> Result<Secret, Fault> {
    Ok(Secret::new(aws_smithy_types::base64::encode(random::<30>()?)))
}

fn unknown_key() -> Fault {
    Fault::new(Code::InvalidClientTokenId, "The security token included in the request is invalid.")
}
