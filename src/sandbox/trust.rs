//! Trust policies: who may assume a role, and under what conditions.
//!
//! A Deny that matches beats every Allow. What the practice AWS does not know how to
//! judge never opens a door: an Allow with it does not match, a Deny with it does.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>

use std::fmt;

use serde_json::{Map, Value};

use super::condition::{Context, Outcome, judge};

/// A trust policy, read and checked for its form.
#[derive(Clone, Debug)]
pub struct Trust {
    text: String,
    statements: Vec<Statement>,
}

#[derive(Clone, Debug)]
struct Statement {
    effect: Effect,
    principals: Vec<String>,
    actions: Vec<String>,
    conditions: Map<String, Value>,
    /// Elements that stand in AWS's grammar and are not judged here, such as `NotPrincipal`.
    unknown: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

/// A text that is no trust policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustError {
    /// Not JSON.
    Json,
    /// JSON, and not a policy.
    Syntax,
    /// A trust policy without anybody to trust.
    Principal,
    /// A trust policy names no resource: the role is the resource.
    Resource,
    /// Only actions of STS can be trusted with a role.
    Action,
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrustError::Json => "This policy contains invalid Json",
            TrustError::Syntax => "Syntax errors in policy.",
            TrustError::Principal => "Policy document must contain a Principal element.",
            TrustError::Resource => "Has prohibited field Resource",
            TrustError::Action => "AssumeRole policy may only specify STS AssumeRole actions.",
        })
    }
}

impl std::error::Error for TrustError {}

impl Trust {
    /// Reads a trust policy.
    ///
    /// # Errors
    /// When AWS would not store it as one.
    pub fn parse(text: &str) -> Result<Self, TrustError> {
        let document: Value = serde_json::from_str(text).map_err(|_| TrustError::Json)?;
        let statements = match document.get("Statement") {
            Some(Value::Array(statements)) if !statements.is_empty() => statements.iter().collect(),
            Some(single @ Value::Object(_)) => vec![single],
            Some(_) | None => return Err(TrustError::Syntax),
        };
        let statements = statements.into_iter().map(Statement::parse).collect::<Result<_, _>>()?;
        Ok(Trust { text: text.to_owned(), statements })
    }

    /// The policy as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a caller may do an action on the role, given by all the names the caller goes by.
    pub fn allows(&self, action: &str, names: &[String], context: &Context) -> bool {
        let judged = |effect| {
            self.statements
                .iter()
                .filter(move |statement| statement.effect == effect)
                .map(|statement| statement.judge(action, names, context))
        };
        judged(Effect::Deny).all(|outcome| outcome == Outcome::Differs)
            && judged(Effect::Allow).any(|outcome| outcome == Outcome::Matches)
    }
}

impl Statement {
    fn parse(value: &Value) -> Result<Self, TrustError> {
        let statement = value.as_object().ok_or(TrustError::Syntax)?;
        let effect = match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            Some(_) | None => return Err(TrustError::Syntax),
        };
        if statement.contains_key("Resource") || statement.contains_key("NotResource") {
            return Err(TrustError::Resource);
        }
        let known = ["Sid", "Effect", "Principal", "Action", "Condition"];
        let others = ["NotPrincipal", "NotAction"];
        if statement.keys().any(|key| !known.contains(&key.as_str()) && !others.contains(&key.as_str())) {
            return Err(TrustError::Syntax);
        }
        let unknown = others.iter().any(|key| statement.contains_key(*key));
        let principals = match statement.get("Principal") {
            Some(principal) => principals(principal).ok_or(TrustError::Principal)?,
            None if statement.contains_key("NotPrincipal") => Vec::new(),
            None => return Err(TrustError::Principal),
        };
        let actions = match statement.get("Action") {
            Some(action) => texts(action).ok_or(TrustError::Syntax)?,
            None if statement.contains_key("NotAction") => Vec::new(),
            None => return Err(TrustError::Syntax),
        };
        if !actions.iter().all(|action| *action == "*" || action.to_ascii_lowercase().starts_with("sts:")) {
            return Err(TrustError::Action);
        }
        let conditions = match statement.get("Condition") {
            Some(Value::Object(conditions)) if conditions.values().all(Value::is_object) => conditions.clone(),
            Some(_) => return Err(TrustError::Syntax),
            None => Map::new(),
        };
        Ok(Statement { effect, principals, actions, conditions, unknown })
    }

    fn judge(&self, action: &str, names: &[String], context: &Context) -> Outcome {
        if self.unknown {
            return Outcome::Unknown;
        }
        let acts = self
            .actions
            .iter()
            .any(|pattern| super::condition::like(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase()));
        let named = self.principals.iter().any(|principal| principal == "*" || names.contains(principal));
        if acts && named { judge(&self.conditions, context) } else { Outcome::Differs }
    }
}

/// The AWS principals of a statement: `"*"`, `{"AWS": …}`; those of other kinds match nobody here.
fn principals(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) if text == "*" => Some(vec![text.clone()]),
        Value::Object(kinds) if !kinds.is_empty() => {
            if !kinds.keys().all(|kind| matches!(kind.as_str(), "AWS" | "Service" | "Federated" | "CanonicalUser")) {
                return None;
            }
            match kinds.get("AWS") {
                Some(aws) => texts(aws).map(|names| names.into_iter().map(spell_out).collect()),
                None => Some(Vec::new()),
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// An account may be named by its number alone.
fn spell_out(principal: String) -> String {
    let is_account = principal.len() == 12 && principal.bytes().all(|byte| byte.is_ascii_digit());
    if is_account { format!("arn:aws:iam::{principal}:root") } else { principal }
}

/// One text or several.
pub fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(values) => values.iter().map(|value| value.as_str().map(str::to_owned)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "arn:aws:iam::111122223333:user/alice";

    fn policy(statements: &str) -> String {
        format!("{{\"Version\":\"2012-10-17\",\"Statement\":{statements}}}")
    }

    fn allows(statements: &str, action: &str) -> bool {
        let names = [ALICE.to_owned(), "arn:aws:iam::111122223333:root".to_owned()];
        let mut context = Context::default();
        context.insert("aws:MultiFactorAuthPresent", "true");
        Trust::parse(&policy(statements)).expect("a trust policy").allows(action, &names, &context)
    }

    #[test]
    fn an_account_a_user_or_everybody_can_be_trusted() {
        for principal in [
            "\"*\"",
            "{\"AWS\":\"*\"}",
            "{\"AWS\":\"111122223333\"}",
            "{\"AWS\":[\"arn:aws:iam::999999999999:root\",\"arn:aws:iam::111122223333:root\"]}",
            "{\"AWS\":\"arn:aws:iam::111122223333:user/alice\"}",
        ] {
            let statement = format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"}}"#);
            assert!(allows(&statement, "sts:AssumeRole"), "{principal}");
            assert!(!allows(&statement, "sts:TagSession"), "{principal}");
        }
        for principal in [
            "{\"AWS\":\"999999999999\"}",
            "{\"AWS\":\"arn:aws:iam::111122223333:user/*\"}",
            "{\"Service\":\"ec2.amazonaws.com\"}",
        ] {
            let statement = format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"sts:*"}}"#);
            assert!(!allows(&statement, "sts:AssumeRole"), "{principal}");
        }
    }

    #[test]
    fn a_deny_wins_and_so_does_what_cannot_be_judged() {
        let allow = r#"{"Effect":"Allow","Principal":"*","Action":["sts:AssumeRole","sts:Tag*"]}"#;
        let with = |other: &str| allows(&format!("[{allow},{other}]"), "sts:AssumeRole");
        assert!(allows(allow, "sts:TagSession"));
        assert!(with(r#"{"Effect":"Deny","Principal":"*","Action":"sts:TagSession"}"#));
        assert!(!with(r#"{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}"#));
        let deny = |condition: &str| {
            with(&format!(r#"{{"Effect":"Deny","Principal":"*","Action":"*","Condition":{condition}}}"#))
        };
        assert!(deny(r#"{"Bool":{"aws:MultiFactorAuthPresent":"false"}}"#));
        assert!(!deny(r#"{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#));
        assert!(!with(r#"{"Effect":"Deny","NotPrincipal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}"#));
        let unknown = r#"{"Effect":"Allow","Principal":"*","NotAction":"sts:TagSession"}"#;
        assert!(!allows(unknown, "sts:AssumeRole"));
    }

    #[test]
    fn what_aws_would_not_store_is_refused() {
        for (text, error) in [
            ("{", TrustError::Json),
            ("[]", TrustError::Syntax),
            (&policy("[]"), TrustError::Syntax),
            (&policy(r#"{"Effect":"Perhaps","Principal":"*","Action":"sts:AssumeRole"}"#), TrustError::Syntax),
            (&policy(r#"{"Effect":"Allow","Action":"sts:AssumeRole"}"#), TrustError::Principal),
            (&policy(r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}"#), TrustError::Action),
            (&policy(r#"{"Effect":"Allow","Principal":"*","Action":"sts:*","Resource":"*"}"#), TrustError::Resource),
            (&policy(r#"{"Effect":"Allow","Principal":"*","Action":"sts:*","Condition":[]}"#), TrustError::Syntax),
        ] {
            assert_eq!(Trust::parse(text).map(drop), Err(error), "{text}");
        }
    }
}
