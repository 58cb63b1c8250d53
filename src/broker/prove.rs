//! From a grant to a session: who is calling, the code, the intent, AssumeRole, the result.
//!
//! Keeps the promises that a code is never sent twice and that every AssumeRole that is sent
//! has an intent of its own.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use super::{About, BreakError, CodeError, Setting, give_up, refuse, sign_off};
use crate::model::event::Mfa;
use crate::model::identity::{CodeSource, Store};
use crate::model::mfa::{Outcome, Wait, read_code};
use crate::model::name::MfaSerial;
use crate::model::policy::{Grant, Recognised, Rule};
use crate::model::secret::Secret;
use crate::model::sign_off::count::latest;
use crate::model::text::escaped;
use crate::model::time::Timestamp;
use crate::model::totp::Seed;
use crate::world::aws::{AwsError, Caller, Daily, Why};
use crate::world::ledger::LedgerError;
use crate::world::machine::AskError;
use crate::world::{Conditions, Declined, Session, World, write_down};

/// How often a mistyped code may be typed again, the first time included.
const ATTEMPTS: usize = 3;

/// How long a program that prints the code may take.
const CODE_TIME: Duration = Duration::from_secs(30);

/// Elevates: proves who is calling, gets a code, and asks STS.
pub fn elevate(
    world: World<'_>,
    setting: Setting<'_>,
    conditions: Conditions<'_>,
    daily: Box<dyn Daily>,
    grant: Grant,
) -> Result<Session, BreakError> {
    if daily.is_temporary() {
        if !grant.admits_source_mfa() {
            return Err(refused(world, &grant, Rule::SourceWithoutCode(grant.level().clone())));
        }
        return elevate_by_source(world, setting, conditions, daily.as_ref(), grant);
    }
    let serial = match device(world, setting, daily.as_ref(), &grant) {
        Ok(serial) => serial,
        Err(error) => return Err(give_up(world, &grant, "NoDevice", error)),
    };
    let codes = CodeMaker { world, setting, serial, conditions };
    elevate_by_code(world, &Arc::from(daily), grant, &codes)
}

/// The source's own second factor is enough at this level: no code is sent.
fn elevate_by_source(
    world: World<'_>,
    setting: Setting<'_>,
    conditions: Conditions<'_>,
    daily: &dyn Daily,
    grant: Grant,
) -> Result<Session, BreakError> {
    world.ledger.verify().map_err(BreakError::Ledger)?;
    let caller = daily.caller();
    let (grant, caller) = recognised(world, setting, grant, caller)?;
    if !(daily.is_login() || caller.recognised.arn().contains(":assumed-role/")) {
        return Err(refused(world, &grant, Rule::SourceUnproven));
    }
    let mfa = Mfa { serial: None, how: "source", source: daily.how().to_owned() };
    let warrant = write_down(world, grant, &caller.recognised, mfa, conditions)?;
    match daily.assume(warrant, None) {
        Ok(issued) => issued.write_down(world.ledger).map_err(BreakError::Ledger),
        Err(declined) => Err(settled(world, *declined)?.1),
    }
}

fn elevate_by_code(
    world: World<'_>,
    daily: &Arc<dyn Daily>,
    grant: Grant,
    codes: &CodeMaker<'_>,
) -> Result<Session, BreakError> {
    // AWS is asked who is calling, and the ledger is verified, while the person types.
    let caller = ask_who_is_calling(daily);
    let (code, ledger) = thread::scope(|scope| {
        let ledger = scope.spawn(|| world.ledger.verify());
        (codes.first(), ledger.join())
    });
    let unverified = |_| Err(LedgerError::Untrusted { reason: "verifying it broke off".to_owned() });
    ledger.unwrap_or_else(unverified).map_err(BreakError::Ledger)?;
    let mut code = code.map_err(|error| give_up(world, &grant, "NoCode", error))?;
    let unanswered = |_| Err(AwsError::MaybeSent("asking it broke off".into()));
    let caller = caller.recv().unwrap_or_else(unanswered);
    let (mut grant, caller) = recognised(world, codes.setting, grant, caller)?;
    if caller.clock_ahead != 0 && codes.are_computed() {
        // The first was made by the local clock, before AWS told the time.
        code = codes.next(caller.clock_ahead).map_err(|error| give_up(world, &grant, "NoCode", error))?;
    }
    let mut attempts_left = ATTEMPTS;
    loop {
        attempts_left -= 1;
        let mfa = Mfa { serial: Some(codes.serial.clone()), how: codes.how(), source: daily.how().to_owned() };
        let sending = codes.send(&caller, code, grant, mfa, daily.as_ref())?;
        match sending {
            Sending::Done(session) => return Ok(*session),
            Sending::WrongCode(back, _) if attempts_left > 0 && codes.can_be_asked() => {
                world.terminal.say("glass: that code is wrong, or was used before");
                grant = *back;
            }
            Sending::WrongCode(_, error) => return Err(error),
        }
        code = codes.next(caller.clock_ahead).map_err(|error| give_up(world, &grant, "NoCode", error))?;
    }
}

/// Asks AWS in a thread of its own, which is left behind when somebody gives up typing: nobody waits for
/// an answer then that is not needed any more.
fn ask_who_is_calling(daily: &Arc<dyn Daily>) -> Receiver<Result<Caller, AwsError>> {
    let (tell, answer) = mpsc::sync_channel(1);
    let daily = Arc::clone(daily);
    thread::spawn(move || {
        let caller = daily.caller();
        drop(daily);
        // Nobody may be listening any more.
        let _ = tell.send(caller);
    });
    answer
}

/// A caller of whom AWS and the catalogue say the same, and the offset of the local clock.
struct Known {
    recognised: Recognised,
    clock_ahead: i64,
}

fn recognised(
    world: World<'_>,
    setting: Setting<'_>,
    grant: Grant,
    caller: Result<Caller, AwsError>,
) -> Result<(Grant, Known), BreakError> {
    let caller = match caller {
        Ok(caller) => caller,
        Err(error) => {
            let error = BreakError::Aws { doing: "ask AWS who is calling".to_owned(), error };
            return Err(give_up(world, &grant, "NoCaller", error));
        }
    };
    tracing::info!(arn = %escaped(&caller.arn), clock_ahead = caller.clock_ahead, "AWS knows the caller");
    if caller.clock_ahead.unsigned_abs() > 60 {
        let way = if caller.clock_ahead < 0 { "behind" } else { "ahead of" };
        let seconds = caller.clock_ahead.unsigned_abs();
        world.terminal.say(&format!("glass: this machine's clock is {seconds} s {way} AWS's; going on by AWS's"));
    }
    let recognised = recognise(world, setting, &grant, &caller.arn, caller.clock_ahead)?;
    Ok((grant, Known { recognised, clock_ahead: caller.clock_ahead }))
}

/// Recognises who calls, for a request that nobody has used or refused and that still stands by now.
fn recognise(
    world: World<'_>,
    setting: Setting<'_>,
    grant: &Grant,
    arn: &str,
    clock_ahead: i64,
) -> Result<Recognised, BreakError> {
    let ledger = sign_off::still_stands(world, setting, grant)?;
    let now = latest(world.clock.now(), ledger, Some(now_at_aws(world, clock_ahead)));
    grant.recognise(arn, now).map_err(|rule| refused(world, grant, rule))
}

/// AWS's time; `clock_ahead` is how many seconds the local clock is ahead of it.
fn now_at_aws(world: World<'_>, clock_ahead: i64) -> Timestamp {
    let ahead = clock_ahead.saturating_mul(1_000_000);
    Timestamp::from_micros(world.clock.now().micros().saturating_sub(ahead))
}

fn refused(world: World<'_>, grant: &Grant, rule: Rule) -> BreakError {
    refuse(world, About::grant(grant), vec![rule])
}

/// Writes a declined call down; the error tells the person.
fn settled(world: World<'_>, declined: Declined) -> Result<(Grant, BreakError), BreakError> {
    let (grant, error) = declined.write_down(world.ledger).map_err(BreakError::Ledger)?;
    let doing = format!("assume {}", grant.granted().profile);
    Ok((grant, BreakError::Aws { doing, error }))
}

/// The device whose codes are sent: the identity file's, else the catalogue's, else what AWS lists.
fn device(world: World<'_>, setting: Setting<'_>, daily: &dyn Daily, grant: &Grant) -> Result<MfaSerial, BreakError> {
    let in_catalogue = || setting.catalogue.person(grant.person().as_str()).and_then(|person| person.mfa.clone());
    let mut known = setting.identity.mfa.clone();
    if known.is_empty() {
        known.extend(in_catalogue());
    }
    if known.is_empty() {
        let error = |error| BreakError::Aws { doing: "list the MFA devices".to_owned(), error };
        known = daily.mfa_devices().map_err(error)?;
    }
    match known.as_slice() {
        [] => Err(BreakError::NoDevice),
        [only] => Ok(only.clone()),
        [_, ..] => choose(world, &known),
    }
}

fn choose(world: World<'_>, devices: &[MfaSerial]) -> Result<MfaSerial, BreakError> {
    if !world.terminal.is_there() {
        return Err(BreakError::Ask(AskError::NoTerminal));
    }
    for (number, device) in devices.iter().enumerate() {
        world.terminal.say(&format!("  {} {device}", number + 1));
    }
    loop {
        let answer = world.terminal.ask(&format!("MFA device (1 to {}): ", devices.len())).map_err(BreakError::Ask)?;
        let chosen = answer.trim().parse::<usize>().ok().and_then(|number| devices.get(number.checked_sub(1)?));
        if let Some(device) = chosen {
            return Ok(device.clone());
        }
    }
}

/// Gets codes of one device, and sends each at most once.
struct CodeMaker<'a> {
    world: World<'a>,
    setting: Setting<'a>,
    serial: MfaSerial,
    conditions: Conditions<'a>,
}

enum Sending {
    Done(Box<Session>),
    WrongCode(Box<Grant>, BreakError),
}

impl CodeMaker<'_> {
    fn how(&self) -> &'static str {
        match self.setting.identity.code {
            CodeSource::Ask => "asked",
            CodeSource::Command(_) => "command",
            CodeSource::Keyring(_) => "keyring",
        }
    }

    fn can_be_asked(&self) -> bool {
        self.setting.identity.code == CodeSource::Ask
    }

    fn are_computed(&self) -> bool {
        matches!(self.setting.identity.code, CodeSource::Keyring(_))
    }

    /// The first code; when the current step is used up already, the person is spared typing in vain.
    fn first(&self) -> Result<Secret, BreakError> {
        if self.can_be_asked() && !self.world.terminal.is_there() {
            return Err(BreakError::Ask(AskError::NoTerminal));
        }
        let now = self.world.clock.now();
        let spent = self.world.codes.hold(&self.serial).map_err(BreakError::Codes)?.used().check_step(now);
        if let Err(wait) = spent {
            self.wait(wait)?;
        }
        self.next(0)
    }

    fn wait(&self, wait: Wait) -> Result<(), BreakError> {
        let what = format!("glass: {wait}; waiting for the next one");
        self.world.terminal.count_down(&what, wait.length()).map_err(BreakError::Ask)
    }

    /// The code that is shown now; `clock_ahead` is how many seconds the local clock is ahead of AWS's.
    fn next(&self, clock_ahead: i64) -> Result<Secret, BreakError> {
        match &self.setting.identity.code {
            CodeSource::Ask => self.asked(),
            CodeSource::Command(argv) => self.ask_program(argv),
            CodeSource::Keyring(store) => self.compute(*store, clock_ahead),
        }
    }

    fn asked(&self) -> Result<Secret, BreakError> {
        let question = format!("MFA code of {}: ", self.serial);
        loop {
            let typed = self.world.terminal.ask_secret(&question).map_err(BreakError::Ask)?;
            match read_code(&typed) {
                Ok(code) => return Ok(code),
                Err(error) => self.world.terminal.say(&format!("glass: {error}")),
            }
        }
    }

    fn ask_program(&self, argv: &[String]) -> Result<Secret, BreakError> {
        let ran = self.world.programs.run(argv, CODE_TIME);
        let ran = ran.map_err(|error| BreakError::Code(CodeError::Program(error)))?;
        if ran.code != 0 {
            let program = argv.first().cloned().unwrap_or_default();
            let error = CodeError::ProgramSaidNo { program, code: ran.code, stderr: ran.stderr };
            return Err(BreakError::Code(error));
        }
        read_code(&ran.stdout).map_err(|error| BreakError::Code(CodeError::NotACode(error)))
    }

    fn compute(&self, store: Store, clock_ahead: i64) -> Result<Secret, BreakError> {
        let seed =
            self.world.vault.read(store, &Seed::entry(&self.setting.identity.person)).map_err(BreakError::Vault)?;
        let seed = Seed::parse(&seed).map_err(|error| BreakError::Code(CodeError::Seed(error.to_string())))?;
        Ok(seed.code_at(now_at_aws(self.world, clock_ahead)))
    }

    /// Sends a code that has not been sent before; waits and gets another one if it has.
    fn send(
        &self,
        caller: &Known,
        mut code: Secret,
        grant: Grant,
        mfa: Mfa,
        daily: &dyn Daily,
    ) -> Result<Sending, BreakError> {
        loop {
            // Whoever types may have taken long, and nobody waits for a code that could not be used.
            let recognised = recognise(self.world, self.setting, &grant, caller.recognised.arn(), caller.clock_ahead)?;
            let no_memory = |grant: &Grant, error| give_up(self.world, grant, "NoMemory", BreakError::Codes(error));
            let mut hold = self.world.codes.hold(&self.serial).map_err(|error| no_memory(&grant, error))?;
            // By AWS's time the steps of codes are counted.
            let now = now_at_aws(self.world, caller.clock_ahead);
            let before = hold.used().clone();
            if let Err(wait) = before.check(&self.serial, &code, now) {
                drop(hold);
                code = self
                    .wait(wait)
                    .and_then(|()| self.next(caller.clock_ahead))
                    .map_err(|error| give_up(self.world, &grant, "NoCode", error))?;
                continue;
            }
            let after = |outcome| before.after(&self.serial, &code, now, outcome);
            // Until AWS has answered the code may have been taken, even if this process is killed.
            hold.remember(after(Outcome::Uncertain)).map_err(|error| no_memory(&grant, error))?;
            let warrant = match write_down(self.world, grant, &recognised, mfa, self.conditions) {
                Ok(warrant) => warrant,
                Err(error) => {
                    // It stays good; what is remembered already is stricter, so that this may fail.
                    let _ = hold.remember(after(Outcome::NotSent));
                    return Err(error.into());
                }
            };
            tracing::info!(session_name = warrant.session_name(), "sending AssumeRole");
            let answer = daily.assume(warrant, Some(&code));
            let outcome = answer.as_ref().map_or_else(|declined| outcome_of(declined.why()), |_| Outcome::Answered);
            if let Err(error) = hold.remember(after(outcome)) {
                // What is remembered already is stricter: the code may have been taken.
                self.world.terminal.warn(&error);
            }
            return match answer {
                Ok(issued) => {
                    let session = issued.write_down(self.world.ledger).map_err(BreakError::Ledger)?;
                    Ok(Sending::Done(Box::new(session)))
                }
                Err(declined) => {
                    let (grant, error) = settled(self.world, *declined)?;
                    if outcome == Outcome::WrongCode {
                        Ok(Sending::WrongCode(Box::new(grant), error))
                    } else {
                        Err(error)
                    }
                }
            };
        }
    }
}

fn outcome_of(why: &AwsError) -> Outcome {
    match why {
        AwsError::Refused { why: Why::WrongCode, .. } => Outcome::WrongCode,
        AwsError::Refused { .. } | AwsError::NotBelieved { .. } => Outcome::Answered,
        AwsError::NotSent(_) => Outcome::NotSent,
        AwsError::MaybeSent(_) => Outcome::Uncertain,
    }
}
