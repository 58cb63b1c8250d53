//! Where glass's files lie, following the XDG base directory specification.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::files::{self, FileError};
use crate::world::variables;

/// A variable of glass's own environment; an empty one is not set.
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The folders of one user.
#[derive(Clone, Debug)]
pub struct Places {
    home: PathBuf,
    config: PathBuf,
    state: PathBuf,
}

impl Places {
    /// Finds the folders by `HOME`, `XDG_CONFIG_HOME` and `XDG_STATE_HOME`; relative ones are not believed.
    ///
    /// Nothing when there is no home folder.
    pub fn find() -> Option<Places> {
        let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = absolute(variables::HOME).or_else(|| std::env::home_dir().filter(|path| path.is_absolute()))?;
        let config = absolute(variables::XDG_CONFIG_HOME).unwrap_or_else(|| home.join(".config"));
        let state = absolute(variables::XDG_STATE_HOME).unwrap_or_else(|| home.join(".local/state")).join("glass");
        Some(Places { home, config, state })
    }

    /// The home folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// `~/.local/state/glass`: ledger, memory of used codes, marks of live sessions.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The ledger's folder.
    pub fn ledger(&self) -> PathBuf {
        self.state.join("ledger")
    }

    /// The catalogue's file; `named` is the one of the command line.
    ///
    /// # Errors
    /// When none is given and none exists.
    pub fn catalogue(&self, named: Option<&Path>) -> Result<PathBuf, FileError> {
        let given = variable(variables::CATALOGUE).map(PathBuf::from);
        files::find_catalogue(named, given.as_deref(), &self.config)
    }

    /// The identity file.
    ///
    /// # Errors
    /// When none is given and none exists.
    pub fn identity(&self) -> Result<PathBuf, FileError> {
        files::find_identity(variable(variables::IDENTITY).map(PathBuf::from).as_deref(), &self.config)
    }
}
