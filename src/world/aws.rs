//! What glass asks of AWS, and the ways it can say no.

use std::path::PathBuf;
use std::time::Duration;
use std::{error, fmt, io};

use super::{Declined, Issued, Warrant};
use crate::model::identity::{Source, Store};
use crate::model::name::{MfaSerial, PersonName, Region};
use crate::model::policy::BadSource;
use crate::model::secret::Secret;
use crate::model::session::{AnswerError, Credentials};
use crate::model::text::escaped;

/// Where AWS is reached: the catalogue's word, never the environment's.
#[derive(Clone, Debug)]
pub struct Place {
    /// The region whose endpoints are used.
    pub region: Region,
    /// One endpoint for all calls, instead of AWS's own.
    pub endpoint: Option<String>,
    /// A PEM file that replaces the system's trust anchors.
    pub ca_bundle: Option<PathBuf>,
}

/// Turns the source of an identity file into a daily identity.
pub trait Aws: Sync {
    /// Resolves the credentials of a person's source, once; every call of the result uses these.
    ///
    /// # Errors
    /// When the source is refused, or gives nothing.
    fn sign_in(&self, person: &PersonName, source: &Source, place: &Place) -> Result<Box<dyn Daily>, SourceError>;

    /// Takes the credentials of a session that is open already; `how` is what [`Daily::how`] says of them.
    ///
    /// # Errors
    /// When AWS cannot be reached as the catalogue says.
    fn take(&self, credentials: Credentials, how: String, place: &Place) -> Result<Box<dyn Daily>, SourceError>;
}

/// A daily identity whose credentials have been resolved.
pub trait Daily: Send + Sync {
    /// How the source was authenticated, for the ledger: `profile acme-daily (sso)`, `keyring keyutils`.
    fn how(&self) -> &str;

    /// Whether the credentials are a role session's or another temporary kind: STS takes no code from those.
    fn is_temporary(&self) -> bool;

    /// Whether the source is `aws login`, where AWS itself asked for the second factor.
    fn is_login(&self) -> bool;

    /// `sts:GetCallerIdentity`.
    ///
    /// # Errors
    /// When AWS did not answer with an identity.
    fn caller(&self) -> Result<Caller, AwsError>;

    /// `iam:ListMFADevices` of the calling user.
    ///
    /// # Errors
    /// When AWS did not answer with a list.
    fn mfa_devices(&self) -> Result<Vec<MfaSerial>, AwsError>;

    /// `sts:AssumeRole`, once: a call that carries a code is never sent again.
    ///
    /// # Errors
    /// With the grant, so that another attempt can be written down, when there is no usable session.
    fn assume(&self, warrant: Warrant, code: Option<&Secret>) -> Result<Issued, Box<Declined>>;
}

/// Who AWS says is calling.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account, 12 digits.
    pub account: String,
    /// The ARN.
    pub arn: String,
    /// The unique id.
    pub user_id: String,
    /// How many seconds this machine's clock is ahead of AWS's; negative when it is behind.
    pub clock_ahead: i64,
}

/// Why a source gives no daily identity.
#[derive(Debug)]
pub enum SourceError {
    /// The AWS CLI profile does not exist.
    UnknownProfile(String),
    /// The AWS CLI profile is none that glass takes.
    Refused(BadSource),
    /// The keyring has no key, or cannot be reached.
    Keyring(super::machine::VaultError),
    /// The keyring has something else where the key should be.
    NotAKey(Store),
    /// The credentials could not be resolved.
    Unresolved {
        /// The AWS CLI profile.
        profile: String,
        /// What the provider said.
        message: String,
    },
    /// A certificate bundle that cannot be used.
    CaBundle {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The system gives no means of reaching a network.
    Network(io::Error),
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceError::UnknownProfile(profile) => write!(f, "there is no AWS CLI profile `{}`", escaped(profile)),
            SourceError::Refused(source) => fmt::Display::fmt(source, f),
            SourceError::Keyring(_) => f.write_str("the keyring gives no access key"),
            SourceError::NotAKey(store) => write!(f, "what the keyring `{store}` holds is no access key"),
            SourceError::Unresolved { profile, message } => {
                write!(f, "the AWS CLI profile `{}` gives no credentials: {}", escaped(profile), escaped(message))
            }
            SourceError::CaBundle { path, message } => {
                write!(f, "the certificate bundle {} cannot be used: {}", path.display(), escaped(message))
            }
            SourceError::Network(_) => f.write_str("the system gives no access to a network"),
        }
    }
}

impl error::Error for SourceError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            SourceError::Keyring(source) => Some(source),
            SourceError::Network(source) => Some(source),
            SourceError::UnknownProfile(_)
            | SourceError::Refused(_)
            | SourceError::NotAKey(_)
            | SourceError::Unresolved { .. }
            | SourceError::CaBundle { .. } => None,
        }
    }
}

/// Why a call to AWS gave nothing usable.
#[derive(Clone, Debug)]
pub enum AwsError {
    /// AWS answered no.
    Refused {
        /// AWS's error code.
        code: String,
        /// AWS's message.
        message: String,
        /// AWS's id of the request.
        request_id: Option<String>,
        /// What glass makes of it.
        why: Why,
    },
    /// No connection: nothing was sent.
    NotSent(String),
    /// The connection broke or the time ran out after something may have been sent.
    MaybeSent(String),
    /// AWS answered yes, and the answer is not believed.
    NotBelieved {
        /// What is wrong with it.
        error: AnswerError,
        /// AWS's id of the request.
        request_id: Option<String>,
    },
}

/// The refusals that have a way out of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The MFA code is wrong, or was used before.
    WrongCode,
    /// The MFA device is not the calling user's.
    ForeignSerial,
    /// The role's trust policy or the caller's own policy does not allow `sts:AssumeRole`; also: MFA is demanded.
    NotTrusted,
    /// `sts:SetSourceIdentity` is not allowed.
    NoSourceIdentity,
    /// `sts:TagSession` is not allowed.
    NoTags,
    /// `DurationSeconds` is over the role's own maximum.
    DurationOverRole,
    /// The session policy is malformed or too large once packed.
    Policy,
    /// The caller may not do this with the bucket.
    BucketDenied,
    /// There is no such bucket.
    NoBucket,
    /// The bucket is in another region than the one that was asked.
    OtherRegion,
    /// The daily credentials have expired.
    ExpiredSource,
    /// The daily credentials are not known to AWS, or their secret is wrong.
    BadSource,
    /// This machine's clock is this many seconds ahead (negative: behind) of AWS's.
    Clock(i64),
    /// Throttled, or AWS is unwell, also after the retries that are allowed.
    Busy,
    /// Anything else.
    Other,
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AwsError::Refused { code, message, .. } => {
                write!(f, "AWS says no ({}): {}", escaped(code), escaped(message.trim()))
            }
            AwsError::NotSent(message) => write!(f, "AWS cannot be reached: {}", escaped(message)),
            AwsError::MaybeSent(message) => write!(f, "AWS gave no answer: {}", escaped(message)),
            AwsError::NotBelieved { error, .. } => write!(f, "AWS's answer is refused: {error}"),
        }
    }
}

impl error::Error for AwsError {}

/// How long to wait for a connection to AWS.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a whole call to AWS may take, retries included.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(15);
