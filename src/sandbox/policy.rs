//! Identity and session policies: their form is checked, as AWS does before it stores them.
//!
//! What they allow is not judged: the practice AWS has nothing that they could open.

use std::fmt;

use serde_json::{Map, Value};

/// A text that is no policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyError {
    /// Not JSON.
    Json,
    /// JSON, and not a policy.
    Syntax,
    /// An identity's policy names no principal: the identity is the principal.
    Principal,
    /// A statement without actions.
    Actions,
    /// A statement without resources.
    Resources,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PolicyError::Json => "This policy contains invalid Json",
            PolicyError::Syntax => "Syntax errors in policy.",
            PolicyError::Principal => "Policy document should not specify a principal.",
            PolicyError::Actions => "Policy statement must contain actions.",
            PolicyError::Resources => "Policy statement must contain resources.",
        })
    }
}

impl std::error::Error for PolicyError {}

/// Checks the form of an identity or session policy.
///
/// # Errors
/// When AWS would not take it.
pub fn check(text: &str) -> Result<(), PolicyError> {
    let document: Value = serde_json::from_str(text).map_err(|_| PolicyError::Json)?;
    match document.get("Statement") {
        Some(Value::Array(statements)) if !statements.is_empty() => {
            statements.iter().try_for_each(|statement| check_statement(statement.as_object()))
        }
        Some(single) => check_statement(single.as_object()),
        None => Err(PolicyError::Syntax),
    }
}

fn check_statement(statement: Option<&Map<String, Value>>) -> Result<(), PolicyError> {
    let statement = statement.ok_or(PolicyError::Syntax)?;
    let known = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
    let named = |keys: [&str; 2]| keys.iter().filter_map(|key| statement.get(*key)).collect::<Vec<_>>();
    if !matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
        return Err(PolicyError::Syntax);
    }
    if !named(["Principal", "NotPrincipal"]).is_empty() {
        return Err(PolicyError::Principal);
    }
    if statement.keys().any(|key| !known.contains(&key.as_str())) {
        return Err(PolicyError::Syntax);
    }
    for (keys, missing) in
        [(["Action", "NotAction"], PolicyError::Actions), (["Resource", "NotResource"], PolicyError::Resources)]
    {
        match named(keys).as_slice() {
            [] => return Err(missing),
            [value] if super::trust::texts(value).is_some() => {}
            _ => return Err(PolicyError::Syntax),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_says_what_may_be_done_with_what() {
        let statement = |statement: &str| check(&format!("{{\"Statement\":[{statement}]}}"));
        assert_eq!(statement(r#"{"Effect":"Deny","NotAction":["s3:*"],"Resource":"*"}"#), Ok(()));
        assert_eq!(check(r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#), Ok(()));
        assert_eq!(check("Allow *"), Err(PolicyError::Json));
        assert_eq!(check("{}"), Err(PolicyError::Syntax));
        assert_eq!(statement(r#"{"Action":"*","Resource":"*"}"#), Err(PolicyError::Syntax));
        assert_eq!(statement(r#"{"Effect":"Allow","Resource":"*"}"#), Err(PolicyError::Actions));
        assert_eq!(statement(r#"{"Effect":"Allow","Action":"*"}"#), Err(PolicyError::Resources));
        assert_eq!(
            statement(r#"{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}"#),
            Err(PolicyError::Principal)
        );
    }
}
