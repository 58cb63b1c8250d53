//! `AssumeRole`: a session of a role, for whom its trust policy trusts.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>

use std::sync::Arc;
use std::time::Duration;

use super::wish::Wish;
use super::{check_code, credentials};
use crate::model::time::Timestamp;
use crate::sandbox::Call;
use crate::sandbox::condition::Context;
use crate::sandbox::fault::{Code, Fault};
use crate::sandbox::state::{Caller, Holder, Lifetime, Role, Session, State};
use crate::sandbox::xml::Xml;

/// A session made from another role's session lasts at most this long, in seconds.
const LONGEST_CHAINED: u32 = 3600;

/// Does `AssumeRole`.
pub fn answer(call: &mut Call) -> Result<Xml, Fault> {
    let wish = Wish::read(call.parameters)?.inherit(call.caller)?;
    let chained = matches!(call.caller.holder, Holder::Session(_));
    if chained && wish.duration.is_some_and(|asked| asked > LONGEST_CHAINED) {
        let message =
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
        return Err(Fault::new(Code::ValidationError, message));
    }
    let mfa = check_code(call)?.or(call.caller.mfa);
    let context = context(call, &wish, mfa);
    let role = trusted_role(call.state, call.caller, &wish, &context)?;
    let length = wish.duration.unwrap_or(3600);
    if length > role.max_session {
        let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(Fault::new(Code::ValidationError, message));
    }
    let packed = wish.packed_size()?;
    let session = Arc::new(Session {
        role: wish.role.role_name().to_owned(),
        role_arn: wish.role.as_str().to_owned(),
        role_id: role.id.clone(),
        name: wish.session_name,
        source_identity: wish.source_identity,
        tags: wish.tags,
        transitive: wish.transitive,
    });
    // Of the code that was given for this call nothing goes on: the next role does not take it for MFA.
    let lifetime = Lifetime { now: call.now, length: Duration::from_secs(length.into()), mfa: None };
    let holder = Holder::Session(Arc::clone(&session));
    let id = call.state.add_temporary_key(wish.role.account(), holder, lifetime)?;

    let user = Xml::default()
        .text("AssumedRoleId", &format!("{}:{}", session.role_id, session.name))
        .text("Arn", &session.arn(wish.role.account()));
    let mut answer =
        Xml::default().element("AssumedRoleUser", &user).element("Credentials", &credentials(call.state, &id));
    if let Some(percent) = packed {
        answer = answer.text("PackedPolicySize", &percent.to_string());
    }
    if let Some(source_identity) = &session.source_identity {
        answer = answer.text("SourceIdentity", source_identity);
    }
    Ok(answer)
}

/// What the trust policy may know about the call.
fn context(call: &Call, wish: &Wish, mfa: Option<Timestamp>) -> Context {
    let mut context = call.context(mfa);
    context.insert("sts:RoleSessionName", &wish.session_name);
    wish.external_id.iter().for_each(|id| context.insert("sts:ExternalId", id));
    wish.source_identity.iter().for_each(|name| context.insert("sts:SourceIdentity", name));
    wish.tags.iter().for_each(|(key, value)| context.insert(&format!("aws:RequestTag/{key}"), value));
    if !wish.tags.is_empty() {
        context.insert_all("aws:TagKeys", wish.tags.keys().cloned().collect());
    }
    if !wish.transitive.is_empty() {
        context.insert_all("sts:TransitiveTagKeys", wish.transitive.clone());
    }
    context
}

/// The role, if its trust policy lets the caller do all that the call demands.
fn trusted_role<'a>(state: &'a State, caller: &Caller, wish: &Wish, context: &Context) -> Result<&'a Role, Fault> {
    let arn = &wish.role;
    let refused = |action| Fault::unauthorized(&caller.arn, action, arn.as_str());
    let role = state
        .accounts
        .get(arn.account())
        .and_then(|account| account.roles.get(arn.role_name()))
        .filter(|role| role.arn(arn.account(), arn.role_name()) == arn.as_str())
        .ok_or_else(|| refused("sts:AssumeRole"))?;
    let mut names = vec![caller.arn.clone(), format!("arn:aws:iam::{}:root", caller.account)];
    if let Holder::Session(session) = &caller.holder {
        names.push(session.role_arn.clone());
    }
    let demands = [
        Some("sts:AssumeRole"),
        wish.source_identity.as_ref().map(|_| "sts:SetSourceIdentity"),
        (!wish.tags.is_empty()).then_some("sts:TagSession"),
    ];
    for action in demands.into_iter().flatten() {
        if !role.trust.allows(action, &names, context) {
            return Err(refused(action));
        }
    }
    Ok(role)
}
