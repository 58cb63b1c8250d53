//! The practice STS: `AssumeRole`, `GetCallerIdentity`, `GetSessionToken`.
//!
//! Every limit of the real one is kept: lengths, characters, durations, chaining,
//! MFA, and what the role's trust policy demands.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_Operations.html>

mod assume_role;
mod wish;

use std::time::Duration;

use super::Call;
use super::fault::{Code, Fault};
use super::query::{Parameters, Shape, check, constraint, is_word};
use super::state::{Caller, Holder, Key, Lifetime, State};
use super::xml::Xml;
use crate::model::time::Timestamp;

/// The version of the API, as callers name it.
pub const VERSION: &str = "2011-06-15";

/// The namespace of its answers.
pub const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

const SERIAL_NUMBER: Shape = Shape {
    shortest: 9,
    longest: 256,
    pattern: "[\\w+=/:,.@-]*",
    allows: |character| is_word(character) || "+=/:,.@-".contains(character),
};
const TOKEN_CODE: Shape =
    Shape { shortest: 6, longest: 6, pattern: "[\\d]*", allows: |character| character.is_ascii_digit() };

/// Does an operation of STS; `None` if STS has none of that name here.
pub fn answer(operation: &str, call: &mut Call) -> Option<Result<Option<Xml>, Fault>> {
    Some(match operation {
        "AssumeRole" => assume_role::answer(call).map(Some),
        "GetCallerIdentity" => Ok(Some(caller_identity(call.caller))),
        "GetSessionToken" => session_token(call).map(Some),
        _ => return None,
    })
}

fn caller_identity(caller: &Caller) -> Xml {
    Xml::default().text("Arn", &caller.arn).text("UserId", &caller.user_id).text("Account", &caller.account)
}

fn session_token(call: &mut Call) -> Result<Xml, Fault> {
    let length = duration(call.parameters, 900..=129_600, 43_200)?;
    let user = match (&call.caller.holder, call.caller.issued) {
        (Holder::User(user), None) => user.clone(),
        (Holder::User(_) | Holder::Session(_), _) => {
            return Err(Fault::new(Code::AccessDenied, "Cannot call GetSessionToken with session credentials"));
        }
    };
    let mfa = check_code(call)?;
    let lifetime = Lifetime { now: call.now, length: Duration::from_secs(length.into()), mfa };
    let id = call.state.add_temporary_key(&call.caller.account, Holder::User(user), lifetime)?;
    Ok(Xml::default().element("Credentials", &credentials(call.state, &id)))
}

/// Checks the MFA code of a call; answers when it was given, or nothing if there was none.
fn check_code(call: &mut Call) -> Result<Option<Timestamp>, Fault> {
    let denied = |message: &str| Err(Fault::new(Code::AccessDenied, message));
    let (serial, code) = match (call.parameters.one("SerialNumber"), call.parameters.one("TokenCode")) {
        (None, None) => return Ok(None),
        (Some(serial), Some(code)) => (serial, code),
        (Some(_), None) | (None, Some(_)) => {
            return denied(
                "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.",
            );
        }
    };
    check(serial, "serialNumber", &SERIAL_NUMBER)?;
    check(code, "tokenCode", &TOKEN_CODE)?;
    let device = match &call.caller.holder {
        Holder::User(user) => call
            .state
            .accounts
            .get_mut(&call.caller.account)
            .and_then(|account| account.devices.get_mut(serial))
            .filter(|device| device.owner.as_ref().is_some_and(|(owner, _)| owner == user)),
        Holder::Session(_) => None,
    };
    let Some(device) = device else {
        return denied(
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is \
             valid and associated with this user.",
        );
    };
    if device.device.accept(code, call.now) {
        Ok(Some(call.now))
    } else {
        denied("MultiFactorAuthentication failed with invalid MFA one time pass code. ")
    }
}

fn duration(parameters: &Parameters, bounds: std::ops::RangeInclusive<u32>, default: u32) -> Result<u32, Fault> {
    let Some(text) = parameters.one("DurationSeconds") else { return Ok(default) };
    let refused = |rule: &str| constraint(text, "durationSeconds", rule);
    let seconds: u32 = text
        .parse()
        .map_err(|_| Fault::new(Code::ValidationError, format!("'{text}' is not a valid value for DurationSeconds")))?;
    if seconds < *bounds.start() {
        Err(refused(&format!("Member must have value greater than or equal to {}", bounds.start())))
    } else if seconds > *bounds.end() {
        Err(refused(&format!("Member must have value less than or equal to {}", bounds.end())))
    } else {
        Ok(seconds)
    }
}

fn credentials(state: &State, id: &str) -> Xml {
    let Some(Key { secret, temporary: Some(temporary), .. }) = state.keys.get(id) else { return Xml::default() };
    Xml::default()
        .text("AccessKeyId", id)
        .text("SecretAccessKey", secret.expose())
        .text("SessionToken", temporary.token.expose())
        .text("Expiration", &temporary.expires.to_seconds_text())
}
