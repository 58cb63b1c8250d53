//! `glass completions`: what a shell needs to complete the words of glass.

use clap::CommandFactory;

use super::args::{self, Args};
use super::exit::Exit;
use super::failure::Failure;
use super::out;

/// Prints the completions of a shell.
pub fn run(args: &args::Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut <Args>::command(), "glass", &mut script);
    out::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
