//! The practice IAM: what glass asks of it, and what the AWS CLI needs to set it up.
//!
//! Everybody in an account may read it; only its administrators may change it.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Operations.html>

mod devices;
mod keys;
mod roles;
mod users;

use super::Call;
use super::fault::{Code, Fault};
use super::query::{Shape, check, is_word};
use super::state::{Account, Holder, Rights};
use super::xml::Xml;

/// The version of the API, as callers name it.
pub const VERSION: &str = "2010-05-08";

/// The namespace of its answers.
pub const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

const NAME: Shape = Shape {
    shortest: 1,
    longest: 64,
    pattern: "[\\w+=,.@-]+",
    allows: |character| is_word(character) || "+=,.@-".contains(character),
};

/// Does an operation of IAM; `None` if IAM has none of that name here.
pub fn answer(operation: &str, call: &mut Call) -> Option<Result<Option<Xml>, Fault>> {
    Some(match operation {
        "GetUser" => users::get(call).map(Some),
        "ListMFADevices" => devices::list(call).map(Some),
        "GetRole" => roles::get(call).map(Some),
        "ListRoles" => roles::list(call).map(Some),
        "ListAccessKeys" => keys::list(call).map(Some),
        "CreateUser" => users::create(call).map(Some),
        "DeleteUser" => users::delete(call).map(|()| None),
        "CreateAccessKey" => keys::create(call).map(Some),
        "DeleteAccessKey" => keys::delete(call).map(|()| None),
        "CreateVirtualMFADevice" => devices::create(call).map(Some),
        "EnableMFADevice" => devices::enable(call).map(|()| None),
        "DeactivateMFADevice" => devices::deactivate(call).map(|()| None),
        "DeleteVirtualMFADevice" => devices::delete(call).map(|()| None),
        "CreateRole" => roles::create(call).map(Some),
        "DeleteRole" => roles::delete(call).map(|()| None),
        "UpdateAssumeRolePolicy" => roles::update_trust(call).map(|()| None),
        "PutRolePolicy" => roles::put_policy(call).map(|()| None),
        "DeleteRolePolicy" => roles::delete_policy(call).map(|()| None),
        _ => return None,
    })
}

impl Call<'_> {
    /// The caller's account, to read.
    fn account(&self) -> Result<&Account, Fault> {
        self.state.accounts.get(&self.caller.account).ok_or_else(|| no_entity("account", &self.caller.account))
    }

    /// The caller's account, to change, if the caller administers it.
    fn administered(&mut self, action: &str, resource: &str) -> Result<&mut Account, Fault> {
        let rights = match &self.caller.holder {
            Holder::User(name) => self.account()?.users.get(name).map(|user| user.rights),
            Holder::Session(_) => None,
        };
        let (caller, id) = (&self.caller.arn, &self.caller.account);
        match (rights, self.state.accounts.get_mut(id)) {
            (Some(Rights::Administer), Some(account)) => Ok(account),
            (Some(Rights::Read | Rights::Administer) | None, _) => {
                let resource = format!("arn:aws:iam::{id}:{resource}");
                let mut fault = Fault::unauthorized(caller, action, &resource);
                fault.message.push_str(&format!(" because no identity-based policy allows the {action} action"));
                Err(fault)
            }
        }
    }

    /// The user that a call is about: the one it names, or the one who calls.
    fn user_name(&self) -> Result<String, Fault> {
        match (self.parameters.one("UserName"), &self.caller.holder) {
            (Some(name), _) => check(name, "userName", &NAME).map(|()| name.to_owned()),
            (None, Holder::User(name)) => Ok(name.clone()),
            (None, Holder::Session(_)) => {
                Err(Fault::new(Code::ValidationError, "Must specify userName when calling with non-User credentials"))
            }
        }
    }

    /// A name that a call has to give.
    fn name(&self, parameter: &str, member: &str) -> Result<String, Fault> {
        let name = self.parameters.required(parameter, member)?;
        check(name, member, &NAME).map(|()| name.to_owned())
    }

    /// The path that a call gives: `/` or `/…/`.
    fn path(&self) -> Result<String, Fault> {
        let path = self.parameters.one("Path").unwrap_or("/");
        let valid = path.len() <= 512
            && path.starts_with('/')
            && path.ends_with('/')
            && path.bytes().all(|byte| byte.is_ascii_graphic());
        if valid {
            Ok(path.to_owned())
        } else {
            let message = "The specified value for path is invalid. It must begin and end with / and contain only \
                           alphanumeric characters and/or / characters.";
            Err(Fault::new(Code::ValidationError, message))
        }
    }
}

fn no_entity(kind: &str, name: &str) -> Fault {
    Fault::new(Code::NoSuchEntity, format!("The {kind} with name {name} cannot be found."))
}

fn exists(kind: &str, name: &str) -> Fault {
    Fault::new(Code::EntityAlreadyExists, format!("{kind} with name {name} already exists."))
}

fn conflict(first: &str) -> Fault {
    Fault::new(Code::DeleteConflict, format!("Cannot delete entity, must {first} first."))
}

/// A list that is whole: the practice AWS never truncates.
fn whole(name: &str, members: impl Iterator<Item = Xml>) -> Xml {
    Xml::default().list(name, members).text("IsTruncated", "false")
}
