//! What to do about what AWS answered, or did not.

use crate::world::archive::ArchiveError;
use crate::world::aws::{AwsError, Why};

/// What to do about an answer of AWS.
pub fn hint_for_aws(error: &AwsError) -> Option<String> {
    let hint = match error {
        AwsError::Refused { why, .. } => match why {
            Why::WrongCode => "wait for the next code; if it stays wrong, the device or the clock that makes it is off",
            Why::ForeignSerial => {
                "the MFA serial must be a device of the user who calls, arn:aws:iam::<account>:mfa/<device> \
                 (`:mfa/`, not `:user/`); mend `mfa` in the identity file or the catalogue"
            }
            Why::NotTrusted => {
                "the role's trust policy must allow sts:AssumeRole to this caller under these conditions (MFA, external \
                 id, source identity), and so must the caller's own policy"
            }
            Why::NoSourceIdentity => {
                "allow sts:SetSourceIdentity in the role's trust policy, or set `source_identity = false` for the profile"
            }
            Why::NoTags => "allow sts:TagSession in the role's trust policy, or take `session_tags` out of the profile",
            Why::DurationOverRole => {
                "raise the role's maximum session duration, or ask for less with --duration (1h is the most when the \
                 daily identity is a role itself)"
            }
            Why::Policy => "mend the profile's session policy: `glass show PROFILE` prints it as it is sent",
            Why::BucketDenied => {
                "the sender needs s3:PutObject, s3:PutObjectRetention, s3:ListBucketVersions and s3:GetObjectVersion there, \
                 and the bucket's policy must not deny them: docs/aws-setup.md has both policies"
            }
            Why::NoBucket => "check the bucket's name in the catalogue; docs/aws-setup.md tells how to make one",
            Why::OtherRegion => "name the bucket's own region in the catalogue",
            Why::ExpiredSource => "the daily credentials have expired: sign in again",
            Why::BadSource => "the daily credentials are not valid any more: enrol a new key with `glass enrol`",
            Why::Clock(seconds) => {
                return Some(format!(
                    "this machine's clock is {} s {} AWS's: set it right (`timedatectl`)",
                    seconds.unsigned_abs(),
                    if *seconds < 0 { "behind" } else { "ahead of" }
                ));
            }
            Why::Busy => "AWS is throttling or unwell: try again in a minute",
            Why::Other => return None,
        },
        AwsError::NotSent(_) => {
            "nothing was sent and the code is still good: check the network, HTTPS_PROXY and the catalogue's `endpoint`"
        }
        AwsError::MaybeSent(_) => {
            "the code may be used up: try again with the next one; `glass audit show` tells the state"
        }
        AwsError::NotBelieved { .. } => {
            "something between here and AWS answers in its place: check `endpoint` and proxies"
        }
    };
    Some(hint.to_owned())
}

/// What to do about an archive that does not keep or give what it should.
pub fn hint_for_archive(error: &ArchiveError) -> Option<String> {
    match error {
        ArchiveError::Aws { error: AwsError::MaybeSent(_), .. } => {
            Some("what it lacks is sent by the next call; what it has by now is compared".to_owned())
        }
        ArchiveError::Aws { error: AwsError::NotSent(_), .. } => {
            Some("check the network, HTTPS_PROXY and the catalogue's `endpoint`".to_owned())
        }
        ArchiveError::Aws { error, .. } => hint_for_aws(error),
        ArchiveError::NoSource => Some("name a `source` in the identity file, or run `glass enrol`".to_owned()),
        ArchiveError::Unfit(_) => Some("docs/aws-setup.md tells how an archive has to be".to_owned()),
        ArchiveError::Taken | ArchiveError::Source(_) | ArchiveError::Unreachable { .. } => None,
    }
}
