//! The real world as one value.

use std::path::{Path, PathBuf};

use super::archive::ARCHIVES;
use super::aws::HostAws;
use super::chance::HostChance;
use super::child::HostChildren;
use super::clock::HostClock;
use super::codes::HostCodes;
use super::desk::HostDesks;
use super::hooks::{HostHooks, Untold};
use super::keychain::Keychain;
use super::ledger::HostLedger;
use super::places::{Places, variable};
use super::programs::HostPrograms;
use super::recordings::HostRecordings;
use super::ship::HostAnchors;
use super::signing_key::HostKeys;
use super::source::Source;
use super::terminal::HostTerminal;
use super::watcher::Watcher;
use crate::model::name::Organisation;
use crate::world::World;
use crate::world::ledger::{LedgerError, Record};
use crate::world::variables;

/// Everything outside, for real.
pub struct HostWorld {
    ledger: HostLedger,
    aws: HostAws<'static>,
    codes: HostCodes,
    children: HostChildren,
    recordings: HostRecordings,
    keys: HostKeys<'static>,
    desks: HostDesks,
    anchors: HostAnchors,
    hooks: HostHooks,
}

impl HostWorld {
    /// The world of one user. `organisation` is asked when the ledger has to be made; `watcher` watches the children;
    /// `catalogue` is the file that was named by flag.
    ///
    /// # Errors
    /// When the ledger's folder cannot be used.
    pub fn new(
        places: &Places,
        organisation: &dyn Fn() -> Option<Organisation>,
        watcher: Option<Watcher>,
        catalogue: Option<&Path>,
    ) -> Result<Self, LedgerError> {
        let folder = places.ledger();
        let organisation = if folder.join("head.json").exists() { None } else { organisation() };
        let anchors = HostAnchors::of(folder.clone(), &ARCHIVES);
        let untold = Untold::of(&folder);
        let note = Box::new(move |records: &[Record]| untold.note_among(records));
        let ledger = HostLedger::new(folder, organisation)?.observed_by(note);
        let hooks = HostHooks::of(&ledger, places.state(), catalogue);
        let children = watcher.map(HostChildren::watched_by).unwrap_or_default();
        let (aws, codes) = (HostAws { vault: &Keychain }, HostCodes::new(places.state()));
        let agent = variable(variables::SSH_AUTH_SOCK).map(PathBuf::from);
        let (recordings, keys) = (HostRecordings::new(places.recordings()), HostKeys::new(agent, &HostTerminal));
        let desks = HostDesks::new(places.state());
        Ok(HostWorld { ledger, aws, codes, children, recordings, keys, desks, anchors, hooks })
    }

    /// Has the supervisor of the next child listen to something.
    pub fn listen_to(&self, source: Box<dyn Source + Send>) {
        self.children.listen_to(source);
    }

    /// Who is told of what happens.
    pub fn hooks(&self) -> &HostHooks {
        &self.hooks
    }

    /// The world as the broker knows it.
    pub fn world(&self) -> World<'_> {
        World {
            clock: &HostClock,
            chance: &HostChance,
            ledger: &self.ledger,
            aws: &self.aws,
            vault: &Keychain,
            codes: &self.codes,
            terminal: &HostTerminal,
            programs: &HostPrograms,
            children: &self.children,
            recordings: &self.recordings,
            keys: &self.keys,
            anchors: &self.anchors,
            desks: &self.desks,
            hooks: &self.hooks,
        }
    }
}
