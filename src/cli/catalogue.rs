//! `glass catalogue`: what is wrong with a catalogue, all of it in one run.

use super::args;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::out;
use crate::model::catalogue::Catalogue;
use crate::model::text::escaped;

/// Runs the command.
pub fn run(args: &args::Catalogue, context: &Context) -> Result<Exit, Failure> {
    match &args.command {
        args::CatalogueCommand::Check(args) => check(args, context),
    }
}

fn check(args: &args::CatalogueCheck, context: &Context) -> Result<Exit, Failure> {
    let catalogue = match &args.file {
        Some(file) => context.catalogue_at(file)?,
        None => context.catalogue()?,
    };
    let mistakes: Vec<_> = catalogue.broken().iter().flat_map(|profile| &profile.mistakes).collect();
    if mistakes.is_empty() {
        let profiles = catalogue.profiles().len();
        out::print(&format!("no mistake, {profiles} profile{}\n", if profiles == 1 { "" } else { "s" }))?;
        return Ok(Exit::Done);
    }
    let failure = Failure::new(Exit::Usage, broken(&catalogue));
    Err(mistakes.into_iter().fold(failure, |failure, mistake| failure.because(mistake.to_string())))
}

/// Warns of the profiles that have mistakes, when another one is used.
pub fn warn_of_broken(catalogue: &Catalogue) {
    if !catalogue.broken().is_empty() {
        out::say(&format!("glass: warning: {}, see `glass catalogue check`", broken(catalogue)));
    }
}

fn broken(catalogue: &Catalogue) -> String {
    let names: Vec<String> = catalogue.broken().iter().map(|profile| escaped(&profile.name)).collect();
    format!("mistakes in {}", names.join(", "))
}
