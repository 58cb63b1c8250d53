//! What a failed call means: whether it was sent, what AWS said, and what glass makes of it.
//!
//! Keeps the promise that the SDK's own error text, which may hold parts of a request, is not shown.

use std::error::Error;
use std::time::Duration;

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::host::wire::{NotConnected, told};
use crate::model::mfa::says_wrong_code;
use crate::model::session::AnswerError;
use crate::world::aws::{AwsError, CALL_TIMEOUT, Why};

/// Sorts a failed call. `clock_ahead` is in seconds, by the answer's own `Date`.
pub fn failure<E>(error: &SdkError<E, HttpResponse>, clock_ahead: i64) -> AwsError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(answer) if !answer.raw().status().is_success() => {
            refused(answer.err(), answer.raw(), clock_ahead)
        }
        SdkError::ServiceError(answer) => unreadable(answer.raw()),
        SdkError::ResponseError(answer) => unreadable(answer.raw()),
        SdkError::DispatchFailure(failure) => {
            let source = failure.as_connector_error().and_then(Error::source);
            match source.and_then(|source| source.downcast_ref::<NotConnected>()) {
                Some(not_connected) => AwsError::NotSent(told(not_connected)),
                None => AwsError::MaybeSent(source.map_or_else(|| "the connection broke".to_owned(), told)),
            }
        }
        SdkError::TimeoutError(_) => out_of_time(CALL_TIMEOUT),
        SdkError::ConstructionFailure(_) => AwsError::NotSent("the request could not be made".to_owned()),
        _ => AwsError::MaybeSent("the call failed".to_owned()),
    }
}

/// An answer that cannot be read, or not to its end.
fn unreadable(answer: &HttpResponse) -> AwsError {
    match answer.body().bytes() {
        Some(_) => AwsError::NotBelieved {
            error: AnswerError::Malformed("XML"),
            request_id: answer.request_id().map(str::to_owned),
        },
        None => AwsError::MaybeSent("its answer broke off, or is too long".to_owned()),
    }
}

/// The call took longer than it may.
pub fn out_of_time(limit: Duration) -> AwsError {
    AwsError::MaybeSent(format!("none came within {} s", limit.as_secs()))
}

fn refused<E: ProvideErrorMetadata>(error: &E, answer: &HttpResponse, clock_ahead: i64) -> AwsError {
    let status = answer.status().as_u16();
    let message = error.message().unwrap_or_default();
    AwsError::Refused {
        code: error.code().map_or_else(|| format!("HTTP {status}"), str::to_owned),
        message: match answer.headers().get("x-amz-bucket-region") {
            Some(region) if is_elsewhere(error.code().unwrap_or_default()) => {
                format!("{message} (the bucket is in {region})")
            }
            _ => message.to_owned(),
        },
        request_id: error.meta().request_id().or_else(|| answer.request_id()).map(str::to_owned),
        why: why(error.code().unwrap_or_default(), message, status, clock_ahead),
    }
}

/// Whether a bucket was asked for in a region that it is not in.
fn is_elsewhere(code: &str) -> bool {
    ["AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect"].contains(&code)
}

/// What a refusal means. The texts are AWS's own: one code stands for several things.
fn why(code: &str, message: &str, status: u16, clock_ahead: i64) -> Why {
    let says = |text: &str| message.contains(text);
    match code {
        _ if says_wrong_code(code, message) => Why::WrongCode,
        "AccessDenied" | "AccessDeniedException" if says("MultiFactorAuthentication failed") => Why::ForeignSerial,
        "AccessDenied" | "AccessDeniedException" if says("sts:SetSourceIdentity") => Why::NoSourceIdentity,
        "AccessDenied" | "AccessDeniedException" if says("sts:TagSession") => Why::NoTags,
        "AccessDenied" | "AccessDeniedException" if says("sts:AssumeRole") => Why::NotTrusted,
        // Of S3 alone, which does not always say what is not allowed.
        "AccessDenied" if says("s3:") || message == "Access Denied" => Why::BucketDenied,
        "NoSuchBucket" => Why::NoBucket,
        _ if is_elsewhere(code) => Why::OtherRegion,
        "ValidationError" if says("DurationSeconds exceeds") => Why::DurationOverRole,
        "MalformedPolicyDocument" | "PackedPolicyTooLarge" => Why::Policy,
        "ExpiredToken" | "ExpiredTokenException" => Why::ExpiredSource,
        "RequestTimeTooSkewed" | "RequestExpired" => Why::Clock(clock_ahead),
        _ if says("Signature expired") || says("Signature not yet current") => Why::Clock(clock_ahead),
        "InvalidClientTokenId" | "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "UnrecognizedClientException" => {
            Why::BadSource
        }
        "Throttling" | "ThrottlingException" | "RequestLimitExceeded" | "TooManyRequestsException" => Why::Busy,
        _ if status >= 500 => Why::Busy,
        _ => Why::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn means(code: &str, message: &str, expected: Why) {
        assert_eq!(why(code, message, 403, 600), expected, "{code}: {message}");
    }

    #[test]
    fn the_three_kinds_of_mfa_trouble_are_told_apart() {
        means("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ", Why::WrongCode);
        means(
            "AccessDenied",
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is \
             valid and associated with this user.",
            Why::ForeignSerial,
        );
        means(
            "AccessDenied",
            "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: sts:AssumeRole on resource: \
             arn:aws:iam::444455556666:role/prod-db",
            Why::NotTrusted,
        );
    }

    #[test]
    fn a_permission_that_the_trust_policy_lacks_is_named() {
        let denied = |action: &str| format!("User: x is not authorized to perform: {action} on resource: y");
        means("AccessDenied", &denied("sts:SetSourceIdentity"), Why::NoSourceIdentity);
        means("AccessDenied", &denied("sts:TagSession"), Why::NoTags);
        means("AccessDenied", &denied("iam:ListMFADevices"), Why::Other);
    }

    #[test]
    fn a_duration_that_the_role_does_not_allow_is_seen() {
        for text in [
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        ] {
            means("ValidationError", text, Why::DurationOverRole);
        }
    }

    #[test]
    fn a_wrong_clock_is_no_wrong_key() {
        let late =
            "Signature expired: 20260131T021300Z is now earlier than 20260131T021800Z (20260131T022300Z - 5 min.)";
        let early = "Signature not yet current: 20260131T023300Z is still later than 20260131T022800Z";
        means("SignatureDoesNotMatch", late, Why::Clock(600));
        means("SignatureDoesNotMatch", early, Why::Clock(600));
        means("RequestTimeTooSkewed", "", Why::Clock(600));
        means("SignatureDoesNotMatch", "The request signature we calculated does not match", Why::BadSource);
        means("InvalidClientTokenId", "The security token included in the request is invalid.", Why::BadSource);
        means("ExpiredToken", "The security token included in the request is expired", Why::ExpiredSource);
    }

    #[test]
    fn what_keeps_a_sender_from_a_bucket_is_told_apart() {
        let denied = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: s3:PutObject on resource: \
            \"arn:aws:s3:::acme-ledger/glass/checkpoint/7\" because no identity-based policy allows the s3:PutObject action";
        means("AccessDenied", denied, Why::BucketDenied);
        means("AccessDenied", "Access Denied", Why::BucketDenied);
        means("NoSuchBucket", "The specified bucket does not exist", Why::NoBucket);
        means("PermanentRedirect", "", Why::OtherRegion);
        means(
            "AuthorizationHeaderMalformed",
            "the region 'us-east-1' is wrong; expecting 'eu-west-1'",
            Why::OtherRegion,
        );
        means("InvalidAccessKeyId", "", Why::BadSource);
    }

    #[test]
    fn an_aws_that_is_unwell_is_no_refusal_of_ours() {
        means("Throttling", "Rate exceeded", Why::Busy);
        assert_eq!(why("", "", 503, 0), Why::Busy);
        assert_eq!(why("InternalFailure", "", 500, 0), Why::Busy);
        means("PackedPolicyTooLarge", "", Why::Policy);
        means("MalformedPolicyDocument", "", Why::Policy);
    }
}
