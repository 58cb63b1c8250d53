//! What a ledger says of itself when it is begun.

use super::machine::Machine;
use crate::host::chance::HostChance;
use crate::model::chain::genesis;
use crate::model::chain::origin::Origin;
use crate::model::event::{Event, Previous};
use crate::model::name::{Digest, Organisation, PersonName};
use crate::world::machine::Chance;

/// What is known of a ledger that may have to be begun.
pub(super) struct Beginning<'b> {
    pub(super) organisation: Option<&'b Organisation>,
    /// Who has it begun, if that is known.
    pub(super) who: Option<&'b PersonName>,
    pub(super) previous: Option<Previous>,
}

/// What has to be written down before anything else, and what stands before the first entry of all.
#[derive(Default)]
pub(super) struct Notes<'b> {
    pub(super) genesis: Option<Digest>,
    pub(super) who: Option<&'b PersonName>,
    pub(super) events: Vec<Event>,
}

impl<'b> Notes<'b> {
    /// Those of a ledger that is begun.
    pub(super) fn beginning(machine: &Machine, beginning: Beginning<'b>) -> Self {
        let Beginning { organisation, who, previous } = beginning;
        let organisation = organisation.map(Organisation::as_str);
        let origin = Origin::new(organisation, &machine.host, &machine.owner.user, &HostChance.id()).to_string();
        let genesis = Some(genesis(&origin));
        let (machine, version) = (machine.owner.machine, env!("CARGO_PKG_VERSION").to_owned());
        Notes { genesis, who, events: vec![Event::LedgerOpen { origin, machine, version, previous }] }
    }
}
