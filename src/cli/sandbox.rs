//! `glass sandbox`: the practice AWS, and a night of practice on it.
//!
//! Keeps the promise of minutes to value: no account, no configuration, and nothing of
//! the user's own is touched. A practice is in no ledger but its own.

mod guide;
mod phone;
mod practice;
mod serve;

use std::io;
use std::path::Path;

use super::args::{self, SandboxAction};
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::out::{self, Paint};
use crate::sandbox::practice::ALICES_DEVICE;
use crate::sandbox::{control, folder};
use practice::{Identity, Practice};

/// Runs the command.
pub fn run(args: &args::Sandbox, context: &Context) -> Result<Exit, Failure> {
    match &args.action {
        Some(SandboxAction::Serve) => serve::run(&Practice::start()?),
        Some(SandboxAction::Code) => {
            let folder = folder::find().ok_or_else(not_running)?;
            print_answer(control::ask_code(&folder::socket(&folder), ALICES_DEVICE))
        }
        Some(SandboxAction::Credentials { folder, account, user }) => credentials(folder, account, user),
        None if args.command.is_empty() => guide::walk(&Practice::start()?, Paint::for_stderr(context.color())),
        None => Practice::start()?.run(&args.command, Identity::Asked).map(|ended| Exit::Child(ended.code)),
    }
}

fn credentials(folder: &Path, account: &str, user: &str) -> Result<Exit, Failure> {
    print_answer(control::ask_credentials(&folder::socket(folder), account, user))
}

fn print_answer(answer: io::Result<String>) -> Result<Exit, Failure> {
    let answer = answer.map_err(|error| not_running().caused_by(&error))?;
    out::print(&format!("{answer}\n")).map(|()| Exit::Done)
}

fn not_running() -> Failure {
    Failure::new(Exit::Failed, "no practice AWS is running").hint("start one with `glass sandbox`")
}
