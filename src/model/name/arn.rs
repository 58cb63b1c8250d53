//! Who a person is to AWS, and what they may become: ARNs of one role, and of one caller.

use std::fmt;

use super::{NameError, Region, TopicArn};

/// The ARN of exactly one IAM role: `arn:<partition>:iam::<12 digits>:role/<path and name>`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleArn(String);

impl RoleArn {
    /// Checks that the text names one role and no pattern of roles.
    ///
    /// # Errors
    /// When it does not.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let valid = match parts.as_slice() {
            ["arn", partition, "iam", "", account, resource] => {
                matches!(*partition, "aws" | "aws-cn" | "aws-us-gov")
                    && is_account(account)
                    && resource.strip_prefix("role/").is_some_and(is_path_and_name)
            }
            _ => false,
        };
        if valid {
            Ok(RoleArn(text.to_owned()))
        } else {
            Err(NameError {
                kind: "role ARN",
                text: text.to_owned(),
                rule: "arn:aws:iam::<12 digits>:role/<path and name>, one role, no wildcard",
            })
        }
    }

    /// The checked text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition: `aws`, `aws-cn` or `aws-us-gov`.
    pub fn partition(&self) -> &str {
        self.0.split(':').nth(1).unwrap_or_default()
    }

    /// The account, 12 digits.
    pub fn account(&self) -> &str {
        self.0.split(':').nth(4).unwrap_or_default()
    }

    /// The role's name without its path, as `assumed-role` ARNs have it.
    pub fn role_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl serde::Serialize for RoleArn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for RoleArn {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        RoleArn::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl TopicArn {
    /// The topic's region.
    pub fn region(&self) -> Region {
        let region = self.as_str().split(':').nth(3).unwrap_or_default();
        Region::parse(region).expect("a topic's ARN was parsed with its region")
    }
}

/// Whether a text is `arn:<partition>:sns:<region>:<12 digits>:<name>`; the name of a topic that keeps an order ends
/// with `.fifo`.
pub(super) fn is_topic(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    match parts.as_slice() {
        ["arn", "aws" | "aws-cn" | "aws-us-gov", "sns", region, account, name] => {
            let plain = name.strip_suffix(".fifo").unwrap_or(name);
            Region::parse(region).is_ok()
                && is_account(account)
                && (1..=256).contains(&name.len())
                && !plain.is_empty()
                && plain.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
        }
        _ => false,
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_path_and_name(text: &str) -> bool {
    text.len() <= 576
        && text.split('/').all(|part| !part.is_empty())
        && text.rsplit('/').next().is_some_and(|name| name.len() <= 64)
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_+=,.@-".contains(&b))
}

/// The ARN that `sts:GetCallerIdentity` must answer for a person.
///
/// A user (`…:user/alice`) or a role session (`…:assumed-role/Role/session`). In the
/// latter, when the role is `AWSReservedSSO_<set>_*`, the `*` stands for the random
/// suffix that IAM Identity Center gives its roles, and for nothing else.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonArn(String);

impl PersonArn {
    /// Checks that the text is one user's or one role session's ARN.
    ///
    /// # Errors
    /// When it is not, or has a `*` anywhere but at the end of an Identity Center role.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let valid = match parts.as_slice() {
            ["arn", "aws" | "aws-cn" | "aws-us-gov", service, "", account, resource] if is_account(account) => {
                match (*service, resource.split_once('/')) {
                    ("iam", Some(("user", user))) => is_path_and_name(user),
                    ("sts", Some(("assumed-role", rest))) => rest.split_once('/').is_some_and(|(role, session)| {
                        let fixed = match role.strip_suffix("_*") {
                            Some(set) => set.strip_prefix("AWSReservedSSO_").unwrap_or_default(),
                            None => role,
                        };
                        !session.contains('/') && is_path_and_name(fixed) && is_path_and_name(session)
                    }),
                    _ => false,
                }
            }
            _ => false,
        };
        if valid {
            Ok(PersonArn(text.to_owned()))
        } else {
            Err(NameError {
                kind: "person's ARN",
                text: text.to_owned(),
                rule: "arn:aws:iam::<12 digits>:user/<name>, or arn:aws:sts::<12 digits>:assumed-role/<role>/<session> \
                       (`*` only as the suffix of an AWSReservedSSO_<set>_* role)",
            })
        }
    }

    /// The checked text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the caller that AWS named is this person.
    pub fn admits(&self, caller: &str) -> bool {
        let Some((before, after)) = self.0.split_once('*') else {
            return self.0 == caller;
        };
        caller
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(|suffix| !suffix.is_empty() && suffix.bytes().all(|b| b.is_ascii_alphanumeric()))
    }

    /// Whether both are of one human, as far as they say: a user of IAM Identity Center is one whatever the permission
    /// set and the account.
    pub fn is_one_with(&self, other: &PersonArn) -> bool {
        self == other || (self.center_user().is_some() && self.center_user() == other.center_user())
    }

    /// The user of IAM Identity Center whose sessions these are: they are named for the user.
    fn center_user(&self) -> Option<&str> {
        let (_, role) = self.0.split_once(":assumed-role/AWSReservedSSO_")?;
        role.split_once('/').map(|(_, user)| user)
    }
}

impl fmt::Display for PersonArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for PersonArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_of_identity_center_is_one_in_every_permission_set_and_account() {
        let arn = |text: &str| PersonArn::parse(&format!("arn:aws:{text}")).expect("valid");
        let dave = arn("sts::111122223333:assumed-role/AWSReservedSSO_Oncall_*/dave@acme.example");
        for (other, is_one) in [
            ("sts::111122223333:assumed-role/AWSReservedSSO_Oncall_0123456789abcdef/dave@acme.example", true),
            ("sts::111122223333:assumed-role/AWSReservedSSO_Admin_*/dave@acme.example", true),
            ("sts::444455556666:assumed-role/AWSReservedSSO_Oncall_*/dave@acme.example", true),
            ("sts::111122223333:assumed-role/AWSReservedSSO_Oncall_*/carol@acme.example", false),
            ("sts::111122223333:assumed-role/Oncall/dave@acme.example", false),
            ("iam::111122223333:user/dave@acme.example", false),
        ] {
            assert_eq!(dave.is_one_with(&arn(other)), is_one, "{other}");
            assert_eq!(arn(other).is_one_with(&dave), is_one, "{other}");
        }
    }

    #[test]
    fn a_role_arn_names_one_role() {
        let role = RoleArn::parse("arn:aws-cn:iam::444455556666:role/glass/prod-db").expect("valid");
        assert_eq!((role.partition(), role.account(), role.role_name()), ("aws-cn", "444455556666", "prod-db"));
        for wrong in [
            "arn:aws:iam::444455556666:role/*",
            "arn:aws:iam::444455556666:role/prod-?",
            "arn:aws:iam::44445555666:role/x",
            "arn:aws:iam::444455556666:user/x",
            "arn:aws:iam::444455556666:role/",
            "arn:aws:sts::444455556666:assumed-role/x/y",
        ] {
            assert!(RoleArn::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_topic_arn_names_one_topic_and_its_region() {
        for good in ["arn:aws:sns:eu-west-1:444455556666:alarm", "arn:aws-cn:sns:cn-north-1:444455556666:a_b-C.fifo"] {
            let topic = TopicArn::parse(good).expect(good);
            assert_eq!(Some(topic.region().as_str()), good.split(':').nth(3));
        }
        for wrong in [
            "arn:aws:sns:eu-west-1:444455556666:",
            "arn:aws:sns:eu-west-1:444455556666:.fifo",
            "arn:aws:sns:eu-west-1:444455556666:al*rm",
            "arn:aws:sns:eu-west-1:444455556666:alarm:0a1b",
            "arn:aws:sns:europe:444455556666:alarm",
            "arn:aws:sqs:eu-west-1:444455556666:alarm",
        ] {
            assert!(TopicArn::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_star_of_a_person_stands_for_the_suffix_of_an_identity_center_role_only() {
        let bob = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Security_*/bob@acme.example";
        let bob = PersonArn::parse(bob).expect("valid");
        let as_answered = |role, name| format!("arn:aws:sts::111122223333:assumed-role/{role}/{name}");
        assert!(bob.admits(&as_answered("AWSReservedSSO_Security_0123456789abcdef", "bob@acme.example")));
        assert!(!bob.admits(&as_answered("AWSReservedSSO_Security_", "bob@acme.example")));
        assert!(!bob.admits(&as_answered("AWSReservedSSO_Security_0123", "mallory@acme.example")));
        assert!(!bob.admits(&as_answered("AWSReservedSSO_Security_01/mallory/x", "bob@acme.example")));
        for wrong in [
            "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Security_*/*",
            "arn:aws:sts::111122223333:assumed-role/Admin*/bob",
            "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_*/bob",
            "arn:aws:iam::111122223333:user/*",
            "arn:aws:iam::111122223333:root",
        ] {
            assert!(PersonArn::parse(wrong).is_err(), "{wrong}");
        }
    }
}
