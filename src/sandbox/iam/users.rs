//! Users: `GetUser`, `CreateUser`, `DeleteUser`.

use super::{conflict, exists, no_entity};
use crate::sandbox::Call;
use crate::sandbox::fault::Fault;
use crate::sandbox::state::{Holder, Rights, User, random_id};
use crate::sandbox::xml::Xml;

pub fn get(call: &mut Call) -> Result<Xml, Fault> {
    let name = call.user_name()?;
    let user = call.account()?.users.get(&name).ok_or_else(|| no_entity("user", &name))?;
    Ok(show(user, &call.caller.account, &name))
}

pub fn create(call: &mut Call) -> Result<Xml, Fault> {
    let name = call.name("UserName", "userName")?;
    let user = User { path: call.path()?, id: random_id("AIDA")?, created: call.now, rights: Rights::Read };
    let shown = show(&user, &call.caller.account, &name);
    let account = call.administered("iam:CreateUser", &format!("user{}{name}", user.path))?;
    if account.users.keys().any(|known| known.eq_ignore_ascii_case(&name)) {
        return Err(exists("User", &name));
    }
    account.users.insert(name, user);
    Ok(shown)
}

pub fn delete(call: &mut Call) -> Result<(), Fault> {
    let name = call.name("UserName", "userName")?;
    let id = call.caller.account.clone();
    let is_owner = |holder: &Holder| matches!(holder, Holder::User(user) if *user == name);
    let has_keys =
        call.state.keys.values().any(|key| key.account == id && key.temporary.is_none() && is_owner(&key.holder));
    let account = call.administered("iam:DeleteUser", &format!("user/{name}"))?;
    if !account.users.contains_key(&name) {
        return Err(no_entity("user", &name));
    }
    if has_keys {
        return Err(conflict("delete access keys"));
    }
    if account.devices.values().any(|device| device.owner.as_ref().is_some_and(|(owner, _)| *owner == name)) {
        return Err(conflict("delete MFA device"));
    }
    account.users.remove(&name);
    Ok(())
}

fn show(user: &User, account: &str, name: &str) -> Xml {
    let user = Xml::default()
        .text("Path", &user.path)
        .text("UserName", name)
        .text("UserId", &user.id)
        .text("Arn", &user.arn(account, name))
        .text("CreateDate", &user.created.to_seconds_text());
    Xml::default().element("User", &user)
}
