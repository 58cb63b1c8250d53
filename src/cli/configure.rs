//! `glass configure`: profiles by which the AWS CLI and the SDKs call glass.
//!
//! Keeps the promise that nothing but the marked block of `~/.aws/config` is touched.

use std::path::Path;

use super::args;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::out;
use crate::broker;
use crate::host::places;
use crate::host::rewrite::Rewrite;
use crate::model::aws_cli::block::{Caller, Config};
use crate::model::aws_cli::{Kind, find_profile};
use crate::model::catalogue::{Catalogue, Profile};
use crate::model::text::escaped;

/// Runs the command.
pub fn run(args: &args::Configure, context: &Context) -> Result<Exit, Failure> {
    if args.remove {
        return remove(args, context);
    }
    let catalogue = context.catalogue()?;
    let profiles = chosen(&catalogue, &args.profiles)?;
    let caller = caller(&args.prefix, context, &catalogue)?;
    if args.print {
        let mut alone = Config::parse("")?;
        add(&mut alone, &profiles, &caller)?;
        out::print(&alone.block())?;
        return Ok(Exit::Done);
    }
    let file = Rewrite::open(&context.places().aws_config())?;
    let mut config = Config::parse(file.text())?;
    if args.profiles.is_empty() {
        config.retain(|_| false);
    }
    add(&mut config, &profiles, &caller)?;
    refuse_hidden(&config, context)?;
    write(&file, &config.text())?;
    let (recorded, open): (Vec<&Profile>, Vec<&Profile>) = profiles.into_iter().partition(|profile| profile.recording);
    for profile in recorded {
        out::say(&format!(
            "{} is recorded, which only `glass assume` does: the AWS CLI gets no session of it",
            profile.name
        ));
    }
    if let Some(profile) = open.first() {
        out::say(&format!("for example: aws --profile {}{} sts get-caller-identity", args.prefix, profile.name));
    }
    Ok(Exit::Done)
}

fn remove(args: &args::Configure, context: &Context) -> Result<Exit, Failure> {
    let file = Rewrite::open(&context.places().aws_config())?;
    let mut config = Config::parse(file.text())?;
    let gone: Vec<_> = args.profiles.iter().map(|profile| format!("{}{profile}", args.prefix)).collect();
    if let Some(unknown) = gone.iter().find(|name| config.names().all(|known| known != **name)) {
        let fact = format!("`glass configure` wrote no profile `{}`", escaped(unknown));
        return Err(Failure::new(Exit::Failed, fact).hint("--prefix must be the one it was written with"));
    }
    config.retain(|name| !gone.is_empty() && gone.iter().all(|gone| gone != name));
    write(&file, &config.text())?;
    Ok(Exit::Done)
}

fn add(config: &mut Config<'_>, profiles: &[&Profile], caller: &Caller) -> Result<(), Failure> {
    for profile in profiles {
        config.add(&profile.name, &profile.region, caller)?;
    }
    Ok(())
}

/// A profile of the same name in the credentials file would be used in place of glass, silently.
fn refuse_hidden(config: &Config<'_>, context: &Context) -> Result<(), Failure> {
    let credentials = Rewrite::open(&context.places().aws_credentials())?;
    let line_of = |name: &str| find_profile(Kind::Credentials, credentials.text(), name);
    match config.names().find_map(|name| line_of(name).map(|line| (name, line))) {
        None => Ok(()),
        Some((name, line)) => {
            let path = credentials.path().display();
            Err(Failure::new(Exit::Failed, format!("{path} has a profile `{name}` of its own (line {line})"))
                .hint("take it out, or choose another --prefix"))
        }
    }
}

fn write(file: &Rewrite, text: &str) -> Result<(), Failure> {
    let path = escaped(&file.path().display().to_string());
    let same = file.text() == text;
    file.replace(text)?;
    out::say(&if same { format!("{path} is as it should be") } else { format!("{path} is written") });
    Ok(())
}

/// The profiles that were named, or all that have no mistakes.
fn chosen<'c>(catalogue: &'c Catalogue, names: &[String]) -> Result<Vec<&'c Profile>, Failure> {
    if !names.is_empty() {
        return names.iter().map(|name| Ok(broker::find(catalogue, name)?)).collect();
    }
    for broken in catalogue.broken() {
        out::warn(&format_args!("`{}` has mistakes and is left out", escaped(&broken.name)));
    }
    Ok(catalogue.profiles().collect())
}

fn caller(prefix: &str, context: &Context, catalogue: &Catalogue) -> Result<Caller, Failure> {
    let glass = places::program()
        .map_err(|error| Failure::new(Exit::Failed, "the system does not tell where glass lies").caused_by(&error))?;
    let named = context.named_catalogue();
    let bundle = catalogue.aws().ca_bundle.as_ref().map(|file| file.path.as_path());
    Ok(Caller {
        glass: text(&glass)?,
        catalogue: named.as_deref().map(text).transpose()?,
        endpoint: catalogue.aws().endpoint.as_ref().map(ToString::to_string),
        ca_bundle: bundle.map(text).transpose()?,
        prefix: prefix.to_owned(),
    })
}

/// An absolute path as text, if it can be one.
fn text(path: &Path) -> Result<String, Failure> {
    let absolute = std::path::absolute(path).ok().and_then(|path| path.to_str().map(str::to_owned));
    absolute.ok_or_else(|| {
        let fact = format!("{} cannot be written into the AWS CLI's configuration", path.display());
        Failure::new(Exit::Failed, fact)
    })
}
