//! A practice that runs: its AWS, its folder, and commands in the midst of them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::host::child::HostChildren;
use crate::host::live;
use crate::host::signals::{self, Held};
use crate::model::environment;
use crate::model::secret::Secret;
use crate::model::time::BootTime;
use crate::sandbox::folder::{self, Folder};
use crate::sandbox::{Running, Sandbox, system_clock};
use crate::world::keeping::Unkept;
use crate::world::machine::{Children, Command, Ended, Watched};
use crate::world::variables;

/// A practice that runs, until it is dropped; its folder goes with it.
pub struct Practice {
    /// The practice AWS.
    pub sandbox: Arc<Sandbox>,
    /// Where it serves.
    pub running: Running,
    /// Catalogue, identity, AWS profiles, ledger.
    pub folder: Folder,
    /// Whatever asks glass to end ends what runs, and then the practice, so that its folder goes.
    _signals: Held,
}

impl Practice {
    /// Makes a practice and starts its AWS.
    pub fn start() -> Result<Self, Failure> {
        let failed = |error: &dyn std::error::Error| {
            Failure::new(Exit::Failed, "the practice AWS cannot be started").caused_by(error)
        };
        let signals = signals::hold().map_err(|error| failed(&error))?;
        let sandbox = Sandbox::new(system_clock()).map_err(|error| failed(&error))?;
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let running = sandbox.start(anywhere).map_err(|error| failed(&error))?;
        let folder = folder::this_program()
            .and_then(|program| Folder::create(running.endpoint(), &program))
            .map_err(|error| failed(&error))?;
        running.open_control(&folder::socket(folder.path())).map_err(|error| failed(&error))?;
        Ok(Practice { sandbox, running, folder, _signals: signals })
    }

    /// What a command needs in its environment to be in the practice.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        self.folder.environment(self.running.endpoint())
    }

    /// Runs a command in the practice to its end. Its credentials open nothing, so nobody watches it.
    pub fn run(&self, command: &[OsString], identity: Identity) -> Result<Ended, Failure> {
        let mut set: BTreeMap<_, _> =
            self.environment().into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
        set.insert(variables::PATH, Secret::new(self.folder.search_path()));
        match identity {
            Identity::Asked => {}
            Identity::Unattended => {
                let file = self.file("unattended.toml").display().to_string();
                set.insert(variables::IDENTITY, Secret::new(file));
            }
        }
        let command = Command { argv: command.to_vec(), set, keeps, watched: Watched::default() };
        let child = HostChildren::default().start(&command)?;
        Ok(child.wait(BootTime(u64::MAX), &mut Unkept))
    }

    /// A file of the practice.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// What is held for the AWS hook does not outlive the practice.
impl Drop for Practice {
    fn drop(&mut self) {
        live::end_all(&self.file("state/glass"));
    }
}

/// How Alice gives her code.
#[derive(Clone, Copy)]
pub enum Identity {
    /// She is asked for it.
    Asked,
    /// glass reads it off the practice phone by itself.
    Unattended,
}

/// Nothing of a real session, or of the caller's AWS, reaches into the practice.
fn keeps(name: &str) -> bool {
    environment::keeps(name) && !name.starts_with("GLASS_")
}
