//! Why the practice AWS says no: AWS's own codes, statuses and texts.
//!
//! Whoever learns the refusals here meets the same ones in AWS.

use std::fmt;

/// A refusal as AWS would give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The code, and with it the HTTP status.
    pub code: Code,
    /// The text that goes with it.
    pub message: String,
}

impl Fault {
    /// Makes a refusal.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Fault { code, message: message.into() }
    }

    /// Makes the refusal of a caller who may not do this.
    pub fn unauthorized(caller: &str, action: &str, resource: &str) -> Self {
        let message = format!("User: {caller} is not authorized to perform: {action} on resource: {resource}");
        Fault::new(Code::AccessDenied, message)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for Fault {}

/// Defines the codes: variant, HTTP status.
macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $status:literal,)*) => {
        /// A code of STS or IAM, spelled as AWS spells it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $($(#[$doc])* $code,)*
        }

        impl Code {
            /// The code as it stands in the answer.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Code::$code => stringify!($code),)*
                }
            }

            /// The HTTP status that goes with it.
            pub fn status(self) -> u16 {
                match self {
                    $(Code::$code => $status,)*
                }
            }
        }
    };
}

codes! {
    /// The caller may not, the code is wrong, or the role's trust policy says no.
    AccessDenied = 403,
    /// Something must be taken off it first.
    DeleteConflict = 409,
    /// There is one of that name.
    EntityAlreadyExists = 409,
    /// The session's time is over.
    ExpiredToken = 403,
    /// The `Authorization` header lacks a part.
    IncompleteSignature = 400,
    /// No such operation in that version of the API.
    InvalidAction = 400,
    /// The two codes that enable a device are not codes of it.
    InvalidAuthenticationCode = 403,
    /// The practice AWS itself failed.
    InternalFailure = 500,
    /// No such access key, or not with that session token.
    InvalidClientTokenId = 403,
    /// Well formed, and still not what the operation takes.
    InvalidInput = 400,
    /// Parameters that contradict each other or the session of the caller.
    InvalidParameterValue = 400,
    /// So many are not allowed.
    LimitExceeded = 409,
    /// The policy is not JSON, or not a policy.
    MalformedPolicyDocument = 400,
    /// The request is not signed.
    MissingAuthenticationToken = 403,
    /// No such user, role, key, device or policy.
    NoSuchEntity = 404,
    /// Policies and tags of a session are too much together.
    PackedPolicyTooLarge = 400,
    /// The body is longer than the practice AWS reads.
    RequestEntityTooLarge = 413,
    /// The body did not arrive in time.
    RequestTimeout = 408,
    /// Wrong key, wrong scope, changed on the way, or signed at another time.
    SignatureDoesNotMatch = 403,
    /// A parameter is missing, too long, or not of its form.
    ValidationError = 400,
}
