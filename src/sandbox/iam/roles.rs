//! Roles, their trust policies and their inline policies.

use std::collections::BTreeMap;

use super::{conflict, exists, no_entity, whole};
use crate::sandbox::fault::{Code, Fault};
use crate::sandbox::query::constraint;
use crate::sandbox::state::{Role, random_id};
use crate::sandbox::trust::Trust;
use crate::sandbox::xml::Xml;
use crate::sandbox::{Call, policy};

pub fn get(call: &mut Call) -> Result<Xml, Fault> {
    let name = call.name("RoleName", "roleName")?;
    let role = call.account()?.roles.get(&name).ok_or_else(|| no_entity("role", &name))?;
    Ok(Xml::default().element("Role", &show(role, &call.caller.account, &name)))
}

pub fn list(call: &mut Call) -> Result<Xml, Fault> {
    let prefix = call.parameters.one("PathPrefix").unwrap_or("/");
    let members = call
        .account()?
        .roles
        .iter()
        .filter(|(_, role)| role.path.starts_with(prefix))
        .map(|(name, role)| show(role, &call.caller.account, name));
    Ok(whole("Roles", members))
}

pub fn create(call: &mut Call) -> Result<Xml, Fault> {
    let name = call.name("RoleName", "roleName")?;
    let role = Role {
        path: call.path()?,
        id: random_id("AROA")?,
        created: call.now,
        description: call.parameters.one("Description").map(str::to_owned),
        trust: trust(call.parameters.required("AssumeRolePolicyDocument", "assumeRolePolicyDocument")?)?,
        max_session: max_session(call.parameters.one("MaxSessionDuration").unwrap_or("3600"))?,
        policies: BTreeMap::new(),
    };
    let shown = Xml::default().element("Role", &show(&role, &call.caller.account, &name));
    let account = call.administered("iam:CreateRole", &format!("role{}{name}", role.path))?;
    if account.roles.keys().any(|known| known.eq_ignore_ascii_case(&name)) {
        return Err(exists("Role", &name));
    }
    account.roles.insert(name, role);
    Ok(shown)
}

pub fn delete(call: &mut Call) -> Result<(), Fault> {
    let name = call.name("RoleName", "roleName")?;
    let account = call.administered("iam:DeleteRole", &format!("role/{name}"))?;
    let role = account.roles.get(&name).ok_or_else(|| no_entity("role", &name))?;
    if !role.policies.is_empty() {
        return Err(conflict("delete policies"));
    }
    account.roles.remove(&name);
    Ok(())
}

pub fn update_trust(call: &mut Call) -> Result<(), Fault> {
    let trust = trust(call.parameters.required("PolicyDocument", "policyDocument")?)?;
    change(call, "iam:UpdateAssumeRolePolicy")?.trust = trust;
    Ok(())
}

pub fn put_policy(call: &mut Call) -> Result<(), Fault> {
    let document = call.parameters.required("PolicyDocument", "policyDocument")?.to_owned();
    policy::check(&document).map_err(|error| Fault::new(Code::MalformedPolicyDocument, error.to_string()))?;
    let policy_name = call.name("PolicyName", "policyName")?;
    change(call, "iam:PutRolePolicy")?.policies.insert(policy_name, document);
    Ok(())
}

pub fn delete_policy(call: &mut Call) -> Result<(), Fault> {
    let policy_name = call.name("PolicyName", "policyName")?;
    match change(call, "iam:DeleteRolePolicy")?.policies.remove(&policy_name) {
        Some(_) => Ok(()),
        None => {
            let message = format!("The role policy with name {policy_name} cannot be found.");
            Err(Fault::new(Code::NoSuchEntity, message))
        }
    }
}

fn change<'a>(call: &'a mut Call, action: &str) -> Result<&'a mut Role, Fault> {
    let name = call.name("RoleName", "roleName")?;
    let account = call.administered(action, &format!("role/{name}"))?;
    account.roles.get_mut(&name).ok_or_else(|| no_entity("role", &name))
}

fn trust(document: &str) -> Result<Trust, Fault> {
    Trust::parse(document).map_err(|error| Fault::new(Code::MalformedPolicyDocument, error.to_string()))
}

fn max_session(text: &str) -> Result<u32, Fault> {
    let refused = |rule| constraint(text, "maxSessionDuration", rule);
    match text.parse() {
        Ok(seconds @ 3600..=43_200) => Ok(seconds),
        Ok(0..3600) => Err(refused("Member must have value greater than or equal to 3600")),
        Ok(_) | Err(_) => Err(refused("Member must have value less than or equal to 43200")),
    }
}

fn show(role: &Role, account: &str, name: &str) -> Xml {
    let shown = Xml::default()
        .text("Path", &role.path)
        .text("RoleName", name)
        .text("RoleId", &role.id)
        .text("Arn", &role.arn(account, name))
        .text("CreateDate", &role.created.to_seconds_text())
        .text("AssumeRolePolicyDocument", &percent_encoded(role.trust.text()))
        .text("MaxSessionDuration", &role.max_session.to_string());
    match &role.description {
        Some(description) => shown.text("Description", description),
        None => shown,
    }
}

/// Policies are shown percent-encoded (RFC 3986), as IAM does.
fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
