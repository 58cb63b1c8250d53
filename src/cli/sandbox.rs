//! `glass sandbox`: the practice AWS, and commands that are run in a practice.
//!
//! Keeps the promise of minutes to value: no account, no configuration, and nothing of
//! the user's own is touched. A practice is in no ledger but its own.

mod practice;
mod serve;

use std::io;
use std::path::Path;

use super::args::{self, SandboxAction};
use super::exit::Exit;
use super::failure::Failure;
use super::out;
use crate::sandbox::practice::ALICES_DEVICE;
use crate::sandbox::{control, folder};
use practice::Practice;

/// Runs the command.
pub fn run(args: &args::Sandbox) -> Result<Exit, Failure> {
    match &args.action {
        Some(SandboxAction::Serve) => serve::run(&Practice::start()?),
        Some(SandboxAction::Code) => {
            let folder = folder::find().ok_or_else(not_running)?;
            print_answer(control::ask_code(&folder::socket(&folder), ALICES_DEVICE))
        }
        Some(SandboxAction::Credentials { folder, account, user }) => credentials(folder, account, user),
        None => Practice::start()?.run(&args.command),
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
