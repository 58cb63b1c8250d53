//! `glass catalogue`: what is wrong with a catalogue, all of it in one run.

use serde_json::{Value as Json, json};

use super::args;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::out;
use crate::model::catalogue::{Catalogue, DocumentError, Mistake};
use crate::model::text::escaped;

/// Runs the command.
pub fn run(args: &args::Catalogue, context: &Context) -> Result<Exit, Failure> {
    match &args.command {
        args::CatalogueCommand::Check(args) => check(args, context),
    }
}

fn check(args: &args::CatalogueCheck, context: &Context) -> Result<Exit, Failure> {
    let looked_through = context.look_through(args.file.as_deref())?;
    if args.json {
        return document(&looked_through);
    }
    let catalogue = looked_through?;
    let mistakes: Vec<_> = catalogue.mistakes().collect();
    if mistakes.is_empty() {
        let profiles = catalogue.profiles().len();
        out::print(&format!("no mistake, {profiles} profile{}\n", if profiles == 1 { "" } else { "s" }))?;
        return Ok(Exit::Done);
    }
    let names = catalogue.broken().iter().map(|profile| profile.name.as_str());
    let fact = if names.len() == 0 { "not every trigger can be confirmed here".to_owned() } else { mistakes_in(names) };
    let failure = Failure::new(Exit::Usage, fact);
    Err(mistakes.into_iter().fold(failure, |failure, mistake| failure.because(mistake.to_string())))
}

/// All mistakes for programs, and how many profiles can be used.
fn document(looked_through: &Result<Catalogue, DocumentError>) -> Result<Exit, Failure> {
    let (mistakes, profiles): (Vec<_>, _) = match looked_through {
        Ok(catalogue) => (catalogue.mistakes().collect(), catalogue.profiles().len()),
        Err(DocumentError::Mistakes { mistakes, .. }) => (mistakes.iter().collect(), 0),
        Err(error @ (DocumentError::TooLarge { .. } | DocumentError::NotText { .. })) => {
            return Err(error.clone().into());
        }
    };
    let exit = if mistakes.is_empty() { Exit::Done } else { Exit::Usage };
    let mistakes: Vec<_> = mistakes.into_iter().map(told).collect();
    out::print_json(&json!({ "mistakes": mistakes, "profiles": profiles }))?;
    Ok(exit)
}

fn told(mistake: &Mistake) -> Json {
    let Mistake { file, line, column, message, hint, .. } = mistake;
    json!({ "path": file, "line": line, "column": column, "message": message, "hint": hint })
}

/// Warns of the profiles that have mistakes, when another one is used; `used` has its own told elsewhere.
pub fn warn_of_broken(catalogue: &Catalogue, used: Option<&str>) {
    let names = catalogue.broken().iter().map(|profile| profile.name.as_str());
    let mut others = names.filter(|name| Some(*name) != used).peekable();
    if others.peek().is_some() {
        out::warn(&format_args!("{}, see `glass catalogue check`", mistakes_in(others)));
    }
}

fn mistakes_in<'a>(profiles: impl Iterator<Item = &'a str>) -> String {
    format!("mistakes in {}", profiles.map(escaped).collect::<Vec<_>>().join(", "))
}
