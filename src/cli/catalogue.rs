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
    let names = catalogue.broken().iter().map(|profile| profile.name.as_str());
    let failure = Failure::new(Exit::Usage, mistakes_in(names));
    Err(mistakes.into_iter().fold(failure, |failure, mistake| failure.because(mistake.to_string())))
}

/// Warns of the profiles that have mistakes, when another one is used; `used` has its own told elsewhere.
pub fn warn_of_broken(catalogue: &Catalogue, used: Option<&str>) {
    let names = catalogue.broken().iter().map(|profile| profile.name.as_str());
    let mut others = names.filter(|name| Some(*name) != used).peekable();
    if others.peek().is_some() {
        out::say(&format!("glass: warning: {}, see `glass catalogue check`", mistakes_in(others)));
    }
}

fn mistakes_in<'a>(profiles: impl Iterator<Item = &'a str>) -> String {
    format!("mistakes in {}", profiles.map(escaped).collect::<Vec<_>>().join(", "))
}
