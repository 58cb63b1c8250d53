//! What an `AssumeRole` asks for: each part checked by itself, and what the caller's session adds.

use std::collections::BTreeMap;

use super::duration;
use crate::model::name::RoleArn;
use crate::sandbox::fault::{Code, Fault};
use crate::sandbox::policy;
use crate::sandbox::query::{Parameters, Shape, check, constraint, is_word};
use crate::sandbox::state::{Caller, Holder};

/// Policies of a session may have this many characters together.
const LONGEST_POLICIES: usize = 2048;

const NAME: Shape = Shape {
    shortest: 2,
    longest: 64,
    pattern: "[\\w+=,.@-]*",
    allows: |character| is_word(character) || "+=,.@-".contains(character),
};
const EXTERNAL_ID: Shape = Shape {
    shortest: 2,
    longest: 1224,
    pattern: "[\\w+=,.@:\\/-]*",
    allows: |character| is_word(character) || "+=,.@:/-".contains(character),
};
const ROLE_ARN: Shape = Shape {
    shortest: 20,
    longest: 2048,
    pattern: "[\\u0009\\u000A\\u000D\\u0020-\\u007E]+",
    allows: is_policy_character,
};
const POLICY: Shape = Shape {
    shortest: 1,
    longest: LONGEST_POLICIES,
    pattern: "[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+",
    allows: is_policy_character,
};
const TAG_KEY: Shape =
    Shape { shortest: 1, longest: 128, pattern: "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+", allows: is_tag_character };
const TAG_VALUE: Shape =
    Shape { shortest: 0, longest: 256, pattern: "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*", allows: is_tag_character };

/// What an `AssumeRole` asks for, each part checked by itself.
pub struct Wish {
    /// `RoleArn`.
    pub role: RoleArn,
    /// `RoleSessionName`.
    pub session_name: String,
    /// `DurationSeconds`.
    pub duration: Option<u32>,
    /// `ExternalId`.
    pub external_id: Option<String>,
    /// `SourceIdentity`.
    pub source_identity: Option<String>,
    /// `Tags`.
    pub tags: BTreeMap<String, String>,
    /// `TransitiveTagKeys`.
    pub transitive: Vec<String>,
    policy: Option<String>,
    policy_arns: Vec<String>,
}

impl Wish {
    /// Reads what a call asks for.
    ///
    /// # Errors
    /// With AWS's code and text for the first part that is wrong.
    pub fn read(parameters: &Parameters) -> Result<Self, Fault> {
        let role = parameters.required("RoleArn", "roleArn")?;
        check(role, "roleArn", &ROLE_ARN)?;
        let role = RoleArn::parse(role).map_err(|_| Fault::new(Code::ValidationError, format!("{role} is invalid")))?;
        let session_name = parameters.required("RoleSessionName", "roleSessionName")?;
        check(session_name, "roleSessionName", &NAME)?;
        let duration = match parameters.one("DurationSeconds") {
            Some(_) => Some(duration(parameters, 900..=43_200, 3600)?),
            None => None,
        };
        let optional = |name: &str, member: &str, shape: &Shape| match parameters.one(name) {
            Some(value) => check(value, member, shape).map(|()| Some(value.to_owned())),
            None => Ok(None),
        };
        let external_id = optional("ExternalId", "externalId", &EXTERNAL_ID)?;
        let source_identity = optional("SourceIdentity", "sourceIdentity", &NAME)?;
        let policy = optional("Policy", "policy", &POLICY)?;
        if let Some(policy) = &policy {
            policy::check(policy).map_err(|error| Fault::new(Code::MalformedPolicyDocument, error.to_string()))?;
        }
        Ok(Wish {
            role,
            session_name: session_name.to_owned(),
            duration,
            external_id,
            source_identity,
            tags: read_tags(parameters)?,
            transitive: read_transitive(parameters)?,
            policy,
            policy_arns: read_policy_arns(parameters)?,
        })
    }

    /// Adds what goes on from the caller's own session: its source identity, and the tags that are transitive.
    ///
    /// # Errors
    /// When the wish would exchange either of them.
    pub fn inherit(mut self, caller: &Caller) -> Result<Self, Fault> {
        let conflict = |message: String| Err(Fault::new(Code::InvalidParameterValue, message));
        if let Some(key) = self.transitive.iter().find(|key| !self.tags.contains_key(*key)) {
            return conflict(format!(
                "The specified transitive tag key '{key}' must be included in the requested tags."
            ));
        }
        let Holder::Session(session) = &caller.holder else { return Ok(self) };
        if let Some(own) = &session.source_identity {
            if self.source_identity.as_ref().is_some_and(|asked| asked != own) {
                return Err(Fault::unauthorized(&caller.arn, "sts:SetSourceIdentity", self.role.as_str()));
            }
            self.source_identity = Some(own.clone());
        }
        for key in &session.transitive {
            if self.tags.keys().any(|asked| asked.eq_ignore_ascii_case(key)) {
                return conflict(format!(
                    "The tag key '{key}' conflicts with a transitive tag key from the calling session."
                ));
            }
            self.tags.extend(session.tags.get(key).map(|value| (key.clone(), value.clone())));
            self.transitive.push(key.clone());
        }
        Ok(self)
    }

    /// How much of the room for policies and tags is taken, in percent.
    ///
    /// AWS packs them in a way of its own; here it is their length out of 4,096 bytes.
    ///
    /// # Errors
    /// When it is more than there is.
    pub fn packed_size(&self) -> Result<Option<usize>, Fault> {
        let policies = self.policy.iter().chain(&self.policy_arns).map(|text| text.chars().count()).sum::<usize>();
        let tagged: usize = self.tags.iter().map(|(key, value)| key.len() + value.len()).sum();
        let percent = ((policies + tagged) * 100).div_ceil(4096);
        if policies > LONGEST_POLICIES || percent > 100 {
            let percent = percent.max((policies * 100).div_ceil(LONGEST_POLICIES));
            let message = format!("Packed policy consumes {percent}% of allotted space, please use smaller policy.");
            return Err(Fault::new(Code::PackedPolicyTooLarge, message));
        }
        Ok((percent > 0).then_some(percent))
    }
}

fn read_tags(parameters: &Parameters) -> Result<BTreeMap<String, String>, Fault> {
    let (keys, values) = (parameters.list("Tags", "Key"), parameters.list("Tags", "Value"));
    at_most(keys.len(), 50, "tags")?;
    let mut tags: BTreeMap<String, String> = BTreeMap::new();
    for (place, (key, value)) in keys.into_iter().zip(values).enumerate() {
        let member = |part: &str| format!("tags.{}.member.{part}", place + 1);
        let key = key.ok_or_else(|| constraint("null", &member("key"), "Member must not be null"))?;
        let value = value.ok_or_else(|| constraint("null", &member("value"), "Member must not be null"))?;
        check(key, &member("key"), &TAG_KEY)?;
        check(value, &member("value"), &TAG_VALUE)?;
        if key.to_ascii_lowercase().starts_with("aws:") {
            let message = "Tag keys with prefix 'aws:' are reserved for internal use.";
            return Err(Fault::new(Code::InvalidParameterValue, message));
        }
        if tags.keys().any(|known| known.eq_ignore_ascii_case(key)) {
            let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(Fault::new(Code::InvalidParameterValue, message));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    Ok(tags)
}

fn read_transitive(parameters: &Parameters) -> Result<Vec<String>, Fault> {
    let keys = parameters.list("TransitiveTagKeys", "");
    at_most(keys.len(), 50, "transitiveTagKeys")?;
    Ok(keys.into_iter().flatten().map(str::to_owned).collect())
}

fn read_policy_arns(parameters: &Parameters) -> Result<Vec<String>, Fault> {
    let arns: Vec<String> = parameters.list("PolicyArns", "arn").into_iter().flatten().map(str::to_owned).collect();
    at_most(arns.len(), 10, "policyArns")?;
    match arns.iter().find(|arn| !(arn.starts_with("arn:aws:iam::") && arn.contains(":policy/"))) {
        Some(arn) => Err(Fault::new(Code::ValidationError, format!("{arn} is invalid"))),
        None => Ok(arns),
    }
}

fn at_most(count: usize, most: usize, member: &str) -> Result<(), Fault> {
    if count > most {
        let rule = format!("Member must have length less than or equal to {most}");
        return Err(constraint(&format!("[{count} members]"), member, &rule));
    }
    Ok(())
}

fn is_policy_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{ff}')
}

fn is_tag_character(character: char) -> bool {
    character.is_alphanumeric() || character == ' ' || "_.:/=+-@".contains(character)
}
