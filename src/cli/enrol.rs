//! `glass enrol`: puts the daily identity in place, or takes it out.
//!
//! Asks everything first, so that whoever gives up half-way leaves nothing behind. Secrets are
//! asked on the terminal or moved out of a file of the AWS CLI's; there is no other way in.

use super::args;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::out;
use super::yes::is_yes;
use crate::broker::enrol::{self, EnrolError, Enrolled, Enrolment, Origin};
use crate::host::rewrite::Rewrite;
use crate::model::aws_cli::Kind;
use crate::model::aws_cli::plain_key::{self, Found};
use crate::model::catalogue::Catalogue;
use crate::model::daily_key::DailyKey;
use crate::model::identity::{CodeSource, Identity, Source, Store};
use crate::model::name::PersonName;
use crate::model::text::escaped;
use crate::model::totp::Seed;
use crate::world::World;
use crate::world::machine::AskError;

/// Runs the command.
pub fn run(args: &args::Enrol, context: &Context) -> Result<Exit, Failure> {
    if args.remove {
        return remove(args, context);
    }
    let world = context.world();
    let catalogue = context.catalogue()?;
    let file = Rewrite::open(&context.places().new_identity())?;
    refuse_missing(args, world, &catalogue, &file)?;
    let name = match &args.person {
        Some(name) => name.clone(),
        None => ask_person(world, &catalogue)?,
    };
    let candidate = enrol::candidate(&catalogue, &name)?;
    let path = escaped(&file.path().display().to_string());
    let replaces = format!("{path} is there already. Replace it? [y/N]: ");
    if file.exists() && !args.yes && !is_yes(&world.terminal.ask(&replaces)?) {
        return Err(Failure::new(Exit::Refused, format!("{path} stays as it is")));
    }
    let (origin, plain) = origin(args, context)?;
    let seed = ask_seed(args, world)?;
    let mut enrolled = enrol::enrol(world, &catalogue, candidate, Enrolment { origin, mfa: args.mfa.clone(), seed })?;
    keep_what_is_not_asked(&mut enrolled.identity, &file);
    if let Err(error) = file.replace(&enrolled.identity.format()) {
        enrolled.take_back(world);
        return Err(error.into());
    }
    tell(&enrolled, &path);
    if let Some((profile, key)) = plain {
        offer_removal(args, context, &profile, &key)?;
    }
    Ok(Exit::Done)
}

/// Without a terminal everything must be given; all that is not is named at once.
fn refuse_missing(
    args: &args::Enrol,
    world: World<'_>,
    catalogue: &Catalogue,
    file: &Rewrite,
) -> Result<(), EnrolError> {
    if world.terminal.is_there() {
        return Ok(());
    }
    let needed = [
        ("--person", args.person.is_none() && only_person(catalogue).is_none()),
        ("--profile or --from-profile", args.profile.is_none() && args.from_profile.is_none()),
        ("the seed for --totp", args.totp),
        ("--yes (to replace the identity file)", file.exists() && !args.yes),
    ];
    let missing: Vec<_> = needed.into_iter().filter(|(_, needed)| *needed).map(|(what, _)| what).collect();
    if missing.is_empty() { Ok(()) } else { Err(EnrolError::Missing(missing)) }
}

/// The one whom a catalogue for one would mean.
fn only_person(catalogue: &Catalogue) -> Option<&PersonName> {
    let mut people = catalogue.people().filter(|person| person.arn.is_some());
    let first = people.next()?;
    people.next().is_none().then_some(&first.name)
}

fn ask_person(world: World<'_>, catalogue: &Catalogue) -> Result<String, Failure> {
    if let Some(only) = only_person(catalogue) {
        return Ok(only.to_string());
    }
    let people = catalogue.people().filter(|person| person.arn.is_some());
    let names: Vec<_> = people.map(|person| person.name.as_str()).collect();
    let answer = world.terminal.ask(&format!("Person ({}): ", names.join(", ")))?;
    Ok(answer.trim().to_owned())
}

/// A key that lies in a plain file: the AWS CLI profile, and the key's id.
type Plain = (String, String);

/// Where the daily credentials come from; a long-lived key is read or asked here.
fn origin(args: &args::Enrol, context: &Context) -> Result<(Origin, Option<Plain>), Failure> {
    let world = context.world();
    match (&args.profile, &args.from_profile) {
        (Some(profile), _) => Ok((Origin::Profile(profile.clone()), None)),
        (None, Some(profile)) => {
            let key = plain_key_of(profile, context)?;
            let plain = (profile.clone(), key.access_key_id.clone());
            Ok((Origin::Key(key, choose_store(args, world)?), Some(plain)))
        }
        (None, None) => {
            let store = choose_store(args, world)?;
            Ok((Origin::Key(ask_key(world)?, store), None))
        }
    }
}

fn choose_store(args: &args::Enrol, world: World<'_>) -> Result<Store, Failure> {
    let store = enrol::choose_store(world.vault, args.store)?;
    world.terminal.say(match store {
        Store::SecretService => "the keyring is the desktop's (secret-service)",
        Store::Macos => "the keyring is the login keychain (macos)",
        Store::Keyutils => {
            "the keyring is the kernel's (keyutils): gone at reboot, and three days after logout unless used"
        }
    });
    Ok(store)
}

fn ask_key(world: World<'_>) -> Result<DailyKey, Failure> {
    loop {
        let access_key_id = world.terminal.ask("Access key id: ")?.trim().to_owned();
        let secret_access_key = world.terminal.ask_secret("Secret access key: ")?;
        let key = DailyKey { access_key_id, secret_access_key };
        if key.is_plausible() {
            return Ok(key);
        }
        world.terminal.say("that is no access key: its id is of A-Z and 0-9, its secret has 40 characters");
    }
}

fn ask_seed(args: &args::Enrol, world: World<'_>) -> Result<Option<(Seed, Store)>, Failure> {
    if !args.totp {
        return Ok(None);
    }
    let store = enrol::choose_store(world.vault, args.store)?;
    world
        .terminal
        .say("with the seed in the keyring the second factor lies beside the first: who can read one can read both;");
    world.terminal.say("every elevation's entry in the ledger will say so");
    loop {
        let typed = world.terminal.ask_secret("Seed of the MFA device (base32 or otpauth://): ")?;
        match Seed::parse(&typed) {
            Ok(seed) => return Ok(Some((seed, store))),
            Err(error) => world.terminal.say(&error.to_string()),
        }
    }
}

/// What enrolment did not ask stays as the old file had it, if it was this person's.
fn keep_what_is_not_asked(identity: &mut Identity, file: &Rewrite) {
    let Ok(before) = Identity::load(file.path(), file.text().as_bytes()) else { return };
    if before.person != identity.person {
        return;
    }
    identity.signing_key = before.signing_key;
    if let (CodeSource::Ask, CodeSource::Command(_)) = (&identity.code, &before.code) {
        identity.code = before.code;
    }
}

fn tell(enrolled: &Enrolled, path: &str) {
    let identity = &enrolled.identity;
    out::say(&format!(
        "AWS says that this is {}, as the catalogue has {}",
        escaped(&enrolled.caller.arn),
        identity.person
    ));
    for serial in &identity.mfa {
        out::say(&format!("MFA device: {serial}"));
    }
    out::say(&format!("{path} is written"));
}

const PLAIN: [Kind; 2] = [Kind::Credentials, Kind::Config];

fn open_plain(kind: Kind, context: &Context) -> Result<Rewrite, Failure> {
    let path = match kind {
        Kind::Config => context.places().aws_config(),
        Kind::Credentials => context.places().aws_credentials(),
    };
    Ok(Rewrite::open(&path)?)
}

fn plain_key_of(profile: &str, context: &Context) -> Result<DailyKey, Failure> {
    for kind in PLAIN {
        let file = open_plain(kind, context)?;
        let path = file.path().display();
        let shown = escaped(profile);
        match plain_key::find(kind, file.text(), profile) {
            Found::Key(key) => return Ok(key),
            Found::Nothing => {}
            Found::Temporary => {
                let fact =
                    format!("the profile `{shown}` in {path} has temporary credentials, which end by themselves");
                return Err(Failure::new(Exit::Failed, fact).hint("use a profile that gets new ones: --profile NAME"));
            }
            Found::Damaged => {
                let fact = format!("the profile `{shown}` in {path} has no whole access key");
                return Err(Failure::new(Exit::Failed, fact));
            }
        }
    }
    let fact = format!("the AWS CLI profile `{}` has no access key of its own", escaped(profile));
    Err(Failure::new(Exit::Failed, fact).hint("a profile that gets its credentials elsewhere is named with --profile"))
}

/// Takes the key out of the plain files, now that the keyring has it and AWS has answered to it.
fn offer_removal(args: &args::Enrol, context: &Context, profile: &str, key: &str) -> Result<(), Failure> {
    let terminal = context.world().terminal;
    for kind in PLAIN {
        let file = open_plain(kind, context)?;
        let path = escaped(&file.path().display().to_string());
        if matches!(plain_key::find(kind, file.text(), profile), Found::Key(found) if found.access_key_id == key) {
            let question = format!("Remove the key from {path}? [y/N]: ");
            if args.yes || terminal.is_there() && is_yes(&terminal.ask(&question)?) {
                let text = plain_key::without(kind, file.text(), profile);
                file.replace(text.expose())?;
                out::say(&format!("{path} has the key of `{}` no more", escaped(profile)));
            }
        }
        let file = open_plain(kind, context)?;
        if let Some(line) = plain_key::line_that_names(file.text(), key) {
            out::warn(&format_args!("{path} still has this key (line {line})"));
        }
    }
    Ok(())
}

fn remove(args: &args::Enrol, context: &Context) -> Result<Exit, Failure> {
    let world = context.world();
    let identity = context.identity().ok();
    let person = match (&args.person, &identity) {
        (Some(name), _) => PersonName::parse(name).map_err(|error| Failure::of(Exit::Usage, &error))?,
        (None, Some(identity)) => identity.person.clone(),
        (None, None) => return Err(EnrolError::Missing(vec!["--person"]).into()),
    };
    let stores = match (args.store, &identity) {
        (Some(store), _) => vec![store],
        (None, Some(identity)) if identity.person == person => stores_of(identity),
        (None, _) => world.vault.stores(),
    };
    let names: Vec<_> = stores.iter().map(|store| store.name()).collect();
    if names.is_empty() {
        out::say(&format!("nothing of {person} is in a keyring"));
        return Ok(Exit::Done);
    }
    let question = format!("Remove the key and the seed of {person} from the keyring {}? [y/N]: ", names.join(", "));
    let yes = args.yes
        || match world.terminal.ask(&question) {
            Ok(answer) => is_yes(&answer),
            Err(AskError::NoTerminal) => return Err(EnrolError::Missing(vec!["--yes"]).into()),
            Err(error) => return Err(error.into()),
        };
    if !yes {
        return Err(Failure::new(Exit::Refused, "the keyring stays as it is"));
    }
    enrol::remove(world.vault, &person, &stores)?;
    out::say(&format!("key and seed of {person} are gone from {}; in AWS the key is still valid", names.join(", ")));
    Ok(Exit::Done)
}

fn stores_of(identity: &Identity) -> Vec<Store> {
    let source = match identity.source {
        Some(Source::Keyring(store)) => Some(store),
        Some(Source::Profile(_)) | None => None,
    };
    let code = match identity.code {
        CodeSource::Keyring(store) => Some(store),
        CodeSource::Ask | CodeSource::Command(_) => None,
    };
    let mut stores: Vec<_> = source.into_iter().chain(code).collect();
    stores.dedup();
    stores
}
