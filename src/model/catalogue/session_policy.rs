//! The session policy that is sent to STS: a profile's `policy` and its `network`, as one text.

use serde_json::{Value as Json, json};

use super::network::Network;

/// The most characters that STS takes for the inline policy and all ARNs together.
const MOST_CHARACTERS: usize = 2048;

/// Reads a policy file: a JSON object with statements that allow or deny.
///
/// # Errors
/// What is wrong with it, in one clause.
pub(super) fn parse(bytes: &[u8]) -> Result<Json, String> {
    let policy: Json = serde_json::from_slice(bytes).map_err(|error| format!("it is not JSON: {error}"))?;
    let statements: Vec<&Json> = match policy.get("Statement") {
        Some(Json::Array(statements)) if !statements.is_empty() => statements.iter().collect(),
        Some(statement @ Json::Object(_)) => vec![statement],
        Some(_) | None => return Err("it has no `Statement`".to_owned()),
    };
    for statement in statements {
        if !matches!(statement.get("Effect").and_then(Json::as_str), Some("Allow" | "Deny")) {
            return Err("it has a statement whose `Effect` is neither `Allow` nor `Deny`".to_owned());
        }
        if statement.get("Principal").or(statement.get("NotPrincipal")).is_some() {
            return Err("it names a principal, which a session policy cannot".to_owned());
        }
    }
    Ok(policy)
}

/// The inline session policy, without white space; `None` when there is nothing to narrow.
///
/// Inline and managed session policies are united before they are intersected with the
/// role's, so a lone Deny grants nothing: the `Allow *` is added only when no other session
/// policy says what is allowed.
///
/// # Errors
/// When STS would not take it, in one clause.
pub(super) fn compose(
    policy: Option<Json>,
    network: Option<&Network>,
    arns: &[String],
) -> Result<Option<String>, String> {
    let narrowed = policy.is_some();
    let mut policy = policy.unwrap_or_else(|| json!({ "Version": "2012-10-17", "Statement": [] }));
    if let Some(network) = network {
        let mut statements = match policy["Statement"].take() {
            Json::Array(statements) => statements,
            statement => vec![statement],
        };
        if !narrowed && arns.is_empty() {
            statements.push(json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }));
        }
        statements.push(network.deny_outside());
        policy["Statement"] = Json::Array(statements);
    }
    let inline = (narrowed || network.is_some()).then(|| policy.to_string());
    let text = inline.as_deref().unwrap_or_default();
    if let Some(foreign) = text.chars().find(|c| !matches!(c, '\u{20}'..='\u{ff}')) {
        return Err(format!("STS takes no character like U+{:04X} in a session policy", u32::from(foreign)));
    }
    let size = text.chars().count() + arns.iter().map(|arn| arn.chars().count()).sum::<usize>();
    if size > MOST_CHARACTERS {
        return Err(format!(
            "the session policy has {size} characters (without white space, with what `network` adds, with all ARNs), STS takes {MOST_CHARACTERS}"
        ));
    }
    Ok(inline)
}
