//! `glass credential-process`: answers the AWS CLI and SDKs with a session's credentials.
//!
//! stdout belongs to the SDK and stderr to its error message, so `/dev/tty` is where questions are
//! asked and everything else is said.

use std::path::Path;
use std::time::Duration;

use super::args;
use super::assume::wish;
use super::context::{self, Context};
use super::exit::Exit;
use super::failure::Failure;
use super::out;
use crate::broker::sign_off::Offered;
use crate::broker::{self, BreakError, Setting};
use crate::host::live;
use crate::host::places::Places;
use crate::host::socket;
use crate::host::terminal::HookTerminal;
use crate::model::catalogue::Catalogue;
use crate::model::event::SessionKind;
use crate::model::identity::Identity;
use crate::model::live::{Answer, Ask, Handed};
use crate::model::secret::Secret;
use crate::world::{Session, World};

/// How long a session has to answer: longer than an entry may wait for the ledger's lock.
const PATIENCE: Duration = Duration::from_secs(8);

/// Serves the call from a live session, if there is one: no question, no AWS, nothing read but what tells the
/// sessions apart. Otherwise the call is to be run.
pub fn serve(args: &args::CredentialProcess, catalogue: Option<&Path>) -> Option<Result<Exit, Failure>> {
    let places = Places::find()?;
    let person = context::identity(&places).ok()?.person;
    let catalogue = places.catalogue_name(catalogue)?;
    let wish = wish(&args.elevation, None);
    let marks = live::marks(places.state()).into_iter();
    let mut fulfilling = marks.filter(|marked| marked.live.fulfils(&person, &catalogue, &wish));
    let handed = fulfilling.find_map(|marked| match socket::ask(&marked.socket, Ask::Credentials, PATIENCE) {
        Ok(Answer::Credentials(handed)) => Some(handed),
        // Who cannot serve leaves it to the next, or to a question.
        Ok(Answer::Status(..) | Answer::Ending(_) | Answer::No(_)) | Err(_) => None,
    })?;
    Some(print(&handed).map(|()| Exit::Done))
}

/// Runs the command.
pub fn run(args: &args::CredentialProcess, context: &Context) -> Result<Exit, Failure> {
    let catalogue = context.catalogue()?;
    let identity = context.identity()?;
    let world = World { terminal: &HookTerminal, ..context.world() };
    let session = break_glass(world, args, &catalogue, &identity)?;
    broker::give_to_hook(world, session, |handed| print(&handed))?;
    Ok(Exit::Done)
}

/// Breaks the glass for the hook.
pub fn break_glass(
    world: World<'_>,
    args: &args::CredentialProcess,
    catalogue: &Catalogue,
    identity: &Identity,
) -> Result<Session, BreakError> {
    let offered = Offered { request: args.request.clone(), ..Offered::default() };
    let bundle = broker::sign_off::find_request(world, catalogue, identity, &offered)?;
    let wish = wish(&args.elevation, None).or_asked(bundle.as_ref());
    let kind = SessionKind::Hook;
    let setting = Setting { catalogue, identity, kind, inside: None, bundle: bundle.as_ref() };
    broker::break_glass(world, setting, &wish)
}

fn print(handed: &Handed) -> Result<(), Failure> {
    let line = Secret::new(format!("{}\n", handed.to_document().expose()));
    out::print(line.expose())
}
