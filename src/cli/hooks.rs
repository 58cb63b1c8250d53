//! `glass hooks`: who is told of what happens, and whether they hear it.

use std::time::Duration;

use serde_json::json;

use super::args;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::out::{self, Paint, Style};
use super::table::{Labelled, Table};
use crate::broker::calling;
use crate::host::hooks::{Failing, HookError, HookSecrets, Untold, telling};
use crate::host::keychain::Keychain;
use crate::host::ledger::Asking;
use crate::host::live;
use crate::host::ship::background;
use crate::model::catalogue::{Catalogue, Hook, HookCall};
use crate::model::identity::Store;
use crate::model::name::HookName;
use crate::model::text::escaped;
use crate::model::webhook::check_secret;

/// How long after a failure a process that nobody waits for tries again, before it leaves that to later runs.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// How often one that stays while a session lives looks whether it does, and whether it is time.
const LOOK: Duration = Duration::from_secs(1);

/// What came of telling, of each hook.
type Outcomes = Vec<(HookName, Result<(), HookError>)>;

/// Runs the command.
pub fn run(args: &args::Hooks, context: &Context) -> Result<Exit, Failure> {
    match &args.action {
        None => list(args, context),
        Some(args::HooksAction::Test(args)) => test(args, context),
        Some(args::HooksAction::Secret(args)) => keep_secret(args, context),
        Some(args::HooksAction::Send(args)) => send(args, context),
    }
}

fn list(args: &args::Hooks, context: &Context) -> Result<Exit, Failure> {
    let catalogue = context.catalogue()?;
    let failing = context.hooks().failing(catalogue.hooks());
    let of = |hook: &Hook| failing.iter().find(|(failing, _)| failing.name == hook.name).map(|(_, failing)| failing);
    if args.json {
        let told = catalogue.hooks().iter().map(|hook| {
            let (kind, on, required) = (hook.call.kind(), &hook.on, hook.required);
            json!({ "hook": hook.name, "kind": kind, "on": on, "required": required, "failing": of(hook) })
        });
        out::print_json(&told.collect::<Vec<_>>())?;
    } else if catalogue.hooks().is_empty() {
        out::say("glass: the catalogue has no hooks");
    } else {
        let paint = Paint::for_stdout(context.color());
        let shown = catalogue.hooks().iter().map(|hook| {
            let rows = Table::wide(paint).rows(&rows(hook, of(hook)));
            format!("{}\n{rows}", paint.paint(Style::Strong, hook.name.as_str()))
        });
        out::print(&shown.collect::<String>())?;
    }
    Ok(Exit::Done)
}

fn rows(hook: &Hook, failing: Option<&Failing>) -> Vec<Labelled> {
    let target = match &hook.call {
        HookCall::Webhook(address) => address.site().to_owned(),
        HookCall::Program(argv) => argv.join(" "),
        HookCall::Topic { topic, .. } => topic.to_string(),
    };
    let required = hook.required.then(|| "nobody gets a session before it was told of the intent".to_owned());
    let mut rows = vec![
        (hook.call.kind(), vec![target]),
        ("on", vec![hook.on.join(", ")]),
        ("required", required.into_iter().collect()),
    ];
    if let Some(failing) = failing {
        rows.push(("fails", vec![format!("since {}: {}", failing.since, failing.why), lost(failing)]));
    }
    rows
}

fn lost(failing: &Failing) -> String {
    let Failing { tries, passed_over, .. } = failing;
    format!("{tries} failures in a row, {passed_over} entries that it will not be told of")
}

/// Tells a hook of this very run: nothing that is made up, and nothing that anybody has to act on.
fn test(args: &args::HooksTest, context: &Context) -> Result<Exit, Failure> {
    let (catalogue, identity) = (context.catalogue()?, context.identity()?);
    let hook = find(&catalogue, &args.hook)?;
    let place = calling::place(&catalogue);
    let calling = calling::calling(&catalogue, &identity, &place);
    let told = context.hooks().tell_of_this_run(hook, calling);
    let told = told.map_err(|error| Failure::of_hook(format!("{} does not hear", hook.name), &error))?;
    out::print(&format!("told  {}  {}  {}\n", hook.name, escaped(&told.event), told.id()))?;
    Ok(Exit::Done)
}

fn find<'c>(catalogue: &'c Catalogue, name: &HookName) -> Result<&'c Hook, Failure> {
    let found = catalogue.hooks().iter().find(|hook| hook.name == *name);
    found.ok_or_else(|| {
        Failure::new(Exit::Usage, format!("the catalogue has no hook {name}")).hint("`glass hooks` shows all")
    })
}

fn keep_secret(args: &args::HooksSecret, context: &Context) -> Result<Exit, Failure> {
    let catalogue = context.catalogue()?;
    let hook = find(&catalogue, &args.hook)?;
    if !matches!(hook.call, HookCall::Webhook(_)) {
        let fact = format!("{} is no webhook, and signs nothing", hook.name);
        return Err(Failure::new(Exit::Usage, fact));
    }
    let terminal = context.world().terminal;
    let secret = loop {
        let typed = terminal.ask_secret(&format!("Secret of {}: ", hook.name))?;
        match check_secret(typed.expose()) {
            Ok(secret) => break secret,
            Err(why) => terminal.say(why),
        }
    };
    let store = args.store.or_else(|| Some(Store::SecretService).filter(|store| Keychain.is_open(*store)));
    let place = HookSecrets::of(context.places().state()).keep(&hook.name, &secret, store)?;
    out::say(&format!("the secret of {} is in {}", hook.name, escaped(&place)));
    Ok(Exit::Done)
}

fn send(args: &args::HooksSend, context: &Context) -> Result<Exit, Failure> {
    if args.background {
        background::leave_terminal();
    }
    let outcomes = if args.background { persist(context)? } else { tell(context, Asking::Allowed)? };
    let mut exit = Exit::Done;
    for (name, told) in outcomes {
        if let Err(error) = told {
            let failure = Failure::of_hook(format!("{name} was not told of everything"), &error);
            exit = failure.exit();
            out::say(failure.show(Paint::for_stderr(context.color())).trim_end());
        }
    }
    if exit == Exit::Done {
        tell_of_failures(context);
    }
    Ok(exit)
}

/// Tells all hooks that there are by now.
fn tell(context: &Context, asking: Asking) -> Result<Outcomes, Failure> {
    let (catalogue, identity) = (context.catalogue()?, context.identity()?);
    let place = calling::place(&catalogue);
    let calling = calling::calling(&catalogue, &identity, &place);
    context.hooks().begin(catalogue.hooks())?;
    Ok(context.hooks().tell_all(calling, asking))
}

/// Tells until all is told: soon again, and then, while a session lives, as often as later runs would. One process stays
/// for that, however many were started.
fn persist(context: &Context) -> Result<Outcomes, Failure> {
    let fails = |outcomes: &Outcomes| outcomes.iter().any(|(_, told)| told.is_err());
    let tell = || tell(context, Asking::Never);
    let mut outcomes = tell()?;
    for pause in PAUSES {
        if fails(&outcomes) {
            context.world().clock.wait(pause);
            outcomes = tell()?;
        }
    }
    if fails(&outcomes)
        && let Some(_stays) = context.hooks().stay()?
    {
        while fails(&outcomes) && is_due_while_a_session_lives(context) {
            outcomes = tell()?;
        }
    }
    Ok(outcomes)
}

/// Waits until something is to be told, or no session lives any more.
fn is_due_while_a_session_lives(context: &Context) -> bool {
    let untold = Untold::of(&context.places().ledger());
    while live::is_any_alive(context.places().state()) {
        if untold.is_due() {
            return true;
        }
        context.world().clock.wait(LOOK);
    }
    false
}

/// Has hooks told by a process that nobody waits for; whether there is one. Not within a session, which that would have
/// to end with.
pub fn see_to(context: &Context) -> bool {
    let untold = Untold::of(&context.places().ledger());
    if !untold.is_due() || context.inside().is_some() {
        return false;
    }
    let Ok(catalogue) = context.catalogue() else { return false };
    if catalogue.hooks().is_empty() {
        untold.forget();
        return false;
    }
    let begun = context.hooks().begin(catalogue.hooks());
    begun.is_ok() && telling::start(context.named_by_flag()).is_ok()
}

/// Tells of hooks that do not hear, as far as the last attempt says.
pub fn tell_of_failures(context: &Context) {
    let Ok(catalogue) = context.catalogue() else { return };
    for (hook, failing) in context.hooks().failing(catalogue.hooks()) {
        let [since, why] = [&failing.since, &failing.why].map(|text| escaped(text));
        let lost = lost(&failing);
        out::warn(&format_args!("the hook {} fails since {since}: {why} ({lost})", hook.name));
    }
}
