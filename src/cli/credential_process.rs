//! `glass credential-process`: answers the AWS CLI and SDKs with a session's credentials.
//!
//! stdout belongs to the SDK and stderr to its error message, so `/dev/tty` is where questions are
//! asked and everything else is said.

use serde_json::json;

use super::args;
use super::assume::wish;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::out;
use crate::broker::{self, Setting};
use crate::host::terminal::HookTerminal;
use crate::model::event::SessionKind;
use crate::model::secret::Secret;
use crate::world::{Session, World};

/// Runs the command.
pub fn run(args: &args::CredentialProcess, context: &Context) -> Result<Exit, Failure> {
    let catalogue = context.catalogue()?;
    let identity = context.identity()?;
    let world = World { terminal: &HookTerminal, ..context.world() };
    let setting = Setting { catalogue: &catalogue, identity: &identity, kind: SessionKind::Hook, inside: None };
    let session = broker::break_glass(world, setting, &wish(&args.elevation, None))?;
    broker::give_to_hook(world, session, |session| out::print(answer(session).expose()))?;
    Ok(Exit::Done)
}

/// One JSON object as the SDKs read it; `Version` is a number, `Expiration` has no fraction.
fn answer(session: &Session) -> Secret {
    let credentials = session.credentials();
    let document = json!({
        "Version": 1,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key.expose(),
        "SessionToken": credentials.session_token.expose(),
        "Expiration": session.expires().to_seconds_text(),
    });
    Secret::new(format!("{document}\n"))
}
