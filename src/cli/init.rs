//! `glass init`: what shows a session in the prompt of a shell.

use super::args;
use super::exit::Exit;
use super::failure::Failure;
use super::out;
use super::shell;

/// Prints the snippet, for the user's own start-up file.
pub fn run(args: &args::Init) -> Result<Exit, Failure> {
    out::print(match args.shell {
        args::Snippet::Bash => shell::BASH,
        args::Snippet::Zsh => shell::ZSH,
        args::Snippet::Fish => shell::FISH,
        args::Snippet::Starship => include_str!("shell/starship.toml"),
    })?;
    Ok(Exit::Done)
}
