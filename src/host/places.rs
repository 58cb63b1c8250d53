//! Where glass's files lie, following the XDG base directory specification.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::files::{self, FileError};
use crate::model::identity::Identity;
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
    runtime: Option<PathBuf>,
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
        Some(Places { home, config, state, runtime: absolute(variables::XDG_RUNTIME_DIR) })
    }

    /// The folders in a home, whatever the environment says.
    #[cfg(test)]
    pub(crate) fn of(home: &Path) -> Places {
        let state = home.join("state");
        Places { home: home.to_owned(), config: home.join("config"), state, runtime: None }
    }

    /// The home folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// `~/.local/state/glass`: ledger, memory of used codes, marks of live sessions.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The folder of sockets and the like that is gone with the login, if there is one.
    pub fn runtime(&self) -> Option<&Path> {
        self.runtime.as_deref()
    }

    /// The ledger's folder.
    pub fn ledger(&self) -> PathBuf {
        self.state.join("ledger")
    }

    /// The recordings' folder.
    pub fn recordings(&self) -> PathBuf {
        self.state.join("recordings")
    }

    /// The catalogue's file; `named` is the one of the command line.
    ///
    /// # Errors
    /// When none is given and none exists.
    pub fn catalogue(&self, named: Option<&Path>) -> Result<PathBuf, FileError> {
        files::find_catalogue(named, variable(variables::CATALOGUE).map(PathBuf::from).as_deref(), &self.config)
    }

    /// The name by which catalogues are told apart: the file's path without links. None when it cannot be found.
    pub fn catalogue_name(&self, named: Option<&Path>) -> Option<String> {
        let path = self.catalogue(named).ok()?.canonicalize().ok()?;
        Some(path.to_string_lossy().into_owned())
    }

    /// The identity file.
    ///
    /// # Errors
    /// When none is given and none exists.
    pub fn identity(&self) -> Result<PathBuf, FileError> {
        files::find_identity(variable(variables::IDENTITY).map(PathBuf::from).as_deref(), &self.config)
    }

    /// The key to sign with that an identity file names: absolute, below `~`, or relative to that file.
    pub fn signing_key(&self, identity: &Identity) -> Option<PathBuf> {
        let named = Path::new(identity.signing_key.as_deref()?);
        let folder = self.new_identity().parent().map(Path::to_owned).unwrap_or_default();
        Some(named.strip_prefix("~").map_or_else(|_| folder.join(named), |below| self.home.join(below)))
    }

    /// Where an identity file is written.
    pub fn new_identity(&self) -> PathBuf {
        variable(variables::IDENTITY).map_or_else(|| self.config.join("glass/identity.toml"), PathBuf::from)
    }

    /// `~/.aws/config`, or what stands for it.
    pub fn aws_config(&self) -> PathBuf {
        self.aws_file(variables::AWS_CONFIG_FILE, ".aws/config")
    }

    /// `~/.aws/credentials`, or what stands for it.
    pub fn aws_credentials(&self) -> PathBuf {
        self.aws_file(variables::AWS_SHARED_CREDENTIALS_FILE, ".aws/credentials")
    }

    /// The AWS CLI takes `~` for the home folder in these variables too.
    fn aws_file(&self, name: &str, usual: &str) -> PathBuf {
        let Some(given) = variable(name).map(PathBuf::from) else { return self.home.join(usual) };
        given.strip_prefix("~").map_or(given.clone(), |rest| self.home.join(rest))
    }
}

/// Where this program lies.
///
/// # Errors
/// When the system does not tell.
pub fn program() -> std::io::Result<PathBuf> {
    std::env::current_exe()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signing_key_is_where_the_identity_file_says() {
        let places = Places::of(Path::new("/home/alice"));
        let named = |key: &str| {
            let text = format!("version = 1\nperson = \"alice\"\nsigning_key = \"{key}\"\n");
            places.signing_key(&Identity::load(Path::new("identity.toml"), text.as_bytes()).unwrap()).unwrap()
        };
        assert_eq!(named("~/.ssh/id_ed25519"), Path::new("/home/alice/.ssh/id_ed25519"));
        assert_eq!(named("/keys/mine"), Path::new("/keys/mine"));
        assert_eq!(named("mine.pub"), Path::new("/home/alice/config/glass/mine.pub"));
    }
}
