//! `glass assume`: breaks the glass and runs a shell or a command with the session.

use std::ffi::OsString;

use super::args;
use super::catalogue::warn_of_broken;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::offered::offered;
use super::open;
use super::out::{self, Paint, Style};
use super::qr;
use super::run::redacted;
use super::runbook;
use super::shell;
use crate::broker::{self, Environment, Setting, Work};
use crate::host::places::variable;
use crate::host::{reviews, signals};
use crate::model::catalogue::{Profile, Step};
use crate::model::event::{Cause, SessionKind};
use crate::model::request::Wish;
use crate::model::sign_off::block::Kind;
use crate::model::sign_off::papers::Bundle;
use crate::model::sign_off::sheet::Sheet;
use crate::model::time::Timestamp;
use crate::world::machine::Ended;
use crate::world::{Session, World, variables};

/// Runs the command.
pub fn run(args: &args::Assume, context: &Context) -> Result<Exit, Failure> {
    refuse_missed(args)?;
    let catalogue = context.catalogue()?;
    warn_of_broken(&catalogue, Some(&args.elevation.profile));
    let identity = context.identity()?;
    let world = context.world();
    let inside = context.inside();
    let wanted = args.elevation.profile.as_str();
    let profile = broker::find_wanted(world, &catalogue, &identity.person, wanted, args.request.as_ref())?;
    if args.overrides {
        reviews::watch(context.places().state(), world.ledger)?;
    }
    let offered = offered(args.request.as_ref(), &args.approval)?;
    let wish = Wish { step: args.step.clone(), ..wish(&args.elevation, args.region.clone()) };
    let found = match broker::sign_off::find_request(world, &catalogue, &identity, &offered)? {
        None if profile.approvals() > 0 && !args.overrides => {
            broker::sign_off::fitting_request(world, &catalogue, &identity, &wish)?
        }
        found => found,
    };
    let wish = wish.or_asked(found.as_ref());
    refuse_other_work(args, &wish)?;
    let kind = kind(args, &wish);
    let setting =
        Setting { catalogue: &catalogue, identity: &identity, kind, inside: inside.as_ref(), bundle: found.as_ref() };
    let mut work = match step(&wish, profile) {
        Some(step) => Work::of_step(step),
        None => work(args),
    };
    if let Some(program) = work.argv.first() {
        world.children.find(program)?;
    }
    let session = if args.overrides {
        broker::override_approvals(world, setting, &wish)?
    } else {
        let bundle = if asks(args, world) { obtain(args, context, setting, &wish)? } else { found.clone() };
        let setting = Setting { bundle: bundle.as_ref(), ..setting };
        broker::break_glass(world, setting, &wish.or_asked(bundle.as_ref()))?
    };
    let opened = open::open(context, session, kind)?;
    let session = &opened.session;
    announce(session, profile, world.clock.now(), Paint::for_stderr(context.color()));
    if kind == SessionKind::Shell {
        runbook::announce(profile);
    }
    let mut environment = Environment::of(session, &catalogue);
    let start_file = shell::show_session(&mut work, &mut environment, context.places().state(), session.id());
    context.listen_to(Box::new(opened.listening));
    let ended = broker::give_to_child(world, opened.session, opened.live, environment, work)?;
    drop((start_file, opened.mark));
    Ok(exit_of(ended))
}

/// Whether others are asked to sign, and waited for.
fn asks(args: &args::Assume, world: World<'_>) -> bool {
    args.wait || (!args.no_wait && world.terminal.is_there())
}

/// Gets the elevation approved; given up, the request stays.
fn obtain(
    args: &args::Assume,
    context: &Context,
    setting: Setting<'_>,
    wish: &Wish,
) -> Result<Option<Bundle>, Failure> {
    // Also while nobody listens, a Ctrl-C leaves the request open and says so.
    let _held =
        signals::hold().map_err(|error| Failure::new(Exit::Failed, "signals cannot be held").caused_by(&error))?;
    let show = |sheet: &Sheet| {
        if args.qr {
            qr::show(Kind::Request, sheet.line().as_bytes(), context);
        }
    };
    Ok(broker::obtain(context.world(), setting, wish, &show)?)
}

/// A number of `--redact` that is no word's is a slip, and the word that was meant would be in the ledger.
fn refuse_missed(args: &args::Assume) -> Result<(), Failure> {
    let words = args.command.len();
    match args.redact.iter().find(|number| !(1..=words).contains(*number)) {
        None => Ok(()),
        Some(number) => Err(Failure::new(Exit::Usage, format!("the command has no word {number} for --redact"))
            .hint(format!("the words behind `--` are numbered 1 to {words}"))),
    }
}

/// A request for a step is none for a command.
fn refuse_other_work(args: &args::Assume, wish: &Wish) -> Result<(), Failure> {
    match &wish.step {
        Some(step) if !args.command.is_empty() => {
            Err(Failure::new(Exit::Refused, format!("the request is for the step {step}, and for no other command"))
                .hint("leave the command away, or make a request without --step"))
        }
        Some(_) | None => Ok(()),
    }
}

/// The step that is asked for; whether it may be run is the judgement's to say.
fn step<'a>(wish: &Wish, profile: &'a Profile) -> Option<&'a Step> {
    profile.steps.get(wish.step.as_deref()?)
}

/// What the flags of an elevation ask for.
pub fn wish(args: &args::Elevation, region: Option<String>) -> Wish {
    Wish {
        profile: args.profile.clone(),
        trigger: args.trigger.clone(),
        incident: args.incident.clone(),
        reason: args.reason.clone(),
        duration: args.duration,
        region,
        step: None,
    }
}

fn kind(args: &args::Assume, wish: &Wish) -> SessionKind {
    if args.command.is_empty() && wish.step.is_none() { SessionKind::Shell } else { SessionKind::Command }
}

/// A shell or a command; a step's words are the catalogue's.
fn work(args: &args::Assume) -> Work {
    if args.command.is_empty() {
        let shell = variable(variables::SHELL).unwrap_or_else(|| OsString::from("/bin/sh"));
        return Work {
            kind: SessionKind::Shell,
            logged: redacted(std::slice::from_ref(&shell), &[]),
            argv: vec![shell],
        };
    }
    Work { kind: SessionKind::Command, logged: redacted(&args.command, &args.redact), argv: args.command.clone() }
}

fn announce(session: &Session, profile: &Profile, now: Timestamp, paint: Paint) {
    let granted = session.grant().granted();
    let minutes = session.expires().since(now).as_secs().div_ceil(60);
    let what = paint.paint(Style::Bad, granted.profile.as_str());
    let recorded = if profile.recording { ", recorded" } else { "" };
    out::say(&format!(
        "glass: {what} for {minutes} min, until {} (session {}, incident {}{recorded})",
        session.expires(),
        session.id(),
        granted.incident
    ));
}

fn exit_of(ended: Ended) -> Exit {
    if ended.left_behind > 0 {
        out::say(&format!("glass: the session left {} running, which went with it", processes(ended.left_behind)));
    }
    match ended.cause {
        Cause::Deadline => {
            out::say("glass: the session's time is over, it was ended");
            Exit::Ended
        }
        Cause::End => {
            out::say("glass: the session was ended before its time");
            Exit::Ended
        }
        Cause::Exit | Cause::Signal | Cause::Lost => Exit::Child(ended.code),
    }
}

fn processes(count: usize) -> String {
    if count == 1 { "1 process".to_owned() } else { format!("{count} processes") }
}
