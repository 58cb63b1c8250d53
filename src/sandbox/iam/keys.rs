//! Long-lived access keys: `CreateAccessKey`, `ListAccessKeys`, `DeleteAccessKey`.

use super::{no_entity, whole};
use crate::sandbox::Call;
use crate::sandbox::fault::{Code, Fault};
use crate::sandbox::state::{Holder, Key};
use crate::sandbox::xml::Xml;

/// A user may have two, so that one can be exchanged for the other.
const MOST: usize = 2;

pub fn list(call: &mut Call) -> Result<Xml, Fault> {
    let name = call.user_name()?;
    if !call.account()?.users.contains_key(&name) {
        return Err(no_entity("user", &name));
    }
    let members = owned(call, &name).into_iter().map(|(id, key)| show(&name, id, key));
    Ok(whole("AccessKeyMetadata", members))
}

pub fn create(call: &mut Call) -> Result<Xml, Fault> {
    let name = call.user_name()?;
    let account = call.administered("iam:CreateAccessKey", &format!("user/{name}"))?;
    if !account.users.contains_key(&name) {
        return Err(no_entity("user", &name));
    }
    if owned(call, &name).len() >= MOST {
        return Err(Fault::new(Code::LimitExceeded, format!("Cannot exceed quota for AccessKeysPerUser: {MOST}")));
    }
    let id = call.state.add_user_key(&call.caller.account, &name, call.now)?;
    let key = call.state.key(&id, None)?;
    let shown = show(&name, &id, key).text("SecretAccessKey", key.secret.expose());
    Ok(Xml::default().element("AccessKey", &shown))
}

pub fn delete(call: &mut Call) -> Result<(), Fault> {
    let name = call.user_name()?;
    let id = call.parameters.required("AccessKeyId", "accessKeyId")?.to_owned();
    call.administered("iam:DeleteAccessKey", &format!("user/{name}"))?;
    if !owned(call, &name).iter().any(|(known, _)| **known == id) {
        let message = format!("The Access Key with id {id} cannot be found.");
        return Err(Fault::new(Code::NoSuchEntity, message));
    }
    call.state.keys.remove(&id);
    Ok(())
}

fn owned<'a>(call: &'a Call, name: &str) -> Vec<(&'a String, &'a Key)> {
    let is_owner = |key: &Key| {
        key.account == call.caller.account
            && key.temporary.is_none()
            && matches!(&key.holder, Holder::User(user) if user == name)
    };
    call.state.keys.iter().filter(|(_, key)| is_owner(key)).collect()
}

fn show(name: &str, id: &str, key: &Key) -> Xml {
    Xml::default()
        .text("UserName", name)
        .text("AccessKeyId", id)
        .text("Status", "Active")
        .text("CreateDate", &key.created.to_seconds_text())
}
