//! Steps of a runbook: exactly what the catalogue approves beforehand, in an environment of glass's own.

use std::time::Duration;

use super::handover::{Environment, HandoverError};
use crate::model::catalogue::Step;
use crate::model::event::{CommandSource, Event, RanStep};
use crate::model::name::{Id, PersonName};
use crate::model::time::{BootTime, Timestamp};
use crate::world::World;
use crate::world::keeping::Unkept;
use crate::world::ledger::Record;
use crate::world::machine::Ended;

/// The live session in which a step is run.
pub struct Inside {
    /// The session.
    pub session: Id,
    /// Whose it is.
    pub person: Option<PersonName>,
    /// What the step has in its environment.
    pub environment: Environment,
}

/// Runs a step within a live session, to its end. What it starts descends from the session: the deadline, and
/// whatever it leaves behind, are the business of the session's supervisor, so nobody else watches it.
///
/// # Errors
/// When it cannot be started, or the ledger does not take it.
pub fn run_step(world: World<'_>, inside: Inside, step: &Step) -> Result<Ended, HandoverError> {
    let start = Start::now(world);
    let command = inside.environment.of_step().command(step.argv().iter().map(Into::into).collect());
    let child = world.children.start(&command).map_err(HandoverError::Child)?;
    drop(command);
    let ended = child.wait(BootTime(u64::MAX), &mut Unkept);
    let event = start.ran(world, step, ended);
    let record = Record { who: inside.person, session: Some(inside.session), event };
    world.ledger.append(&record).map_err(HandoverError::Ledger)?;
    Ok(ended)
}

/// When a step was started, by both clocks.
pub(super) struct Start {
    wall: Timestamp,
    boot: BootTime,
}

impl Start {
    pub(super) fn now(world: World<'_>) -> Start {
        Start { wall: world.clock.now(), boot: world.clock.boot() }
    }

    /// How long it is ago.
    pub(super) fn lasted(&self, world: World<'_>) -> Duration {
        world.clock.boot().since(self.boot)
    }

    /// What the ledger says of a step that was run from then on.
    pub(super) fn ran(&self, world: World<'_>, step: &Step, ended: Ended) -> Event {
        Event::Command(Box::new(RanStep {
            source: CommandSource::Step,
            step: step.name().clone(),
            sha256: step.digest(),
            path: step.program().to_owned(),
            argv: step.argv().to_vec(),
            cwd: world.children.folder(),
            start: self.wall,
            seconds: self.lasted(world).as_secs(),
            code: ended.code,
        }))
    }
}
