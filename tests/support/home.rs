//! A made-up home: the only files and the only environment that a program under test sees.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{Outcome, Pty, tool};

/// A home folder of its own, gone with the test.
pub struct Home {
    folder: TempDir,
    env: BTreeMap<String, String>,
}

impl Home {
    /// Makes an empty home; nothing of the caller's environment gets in.
    pub fn new() -> Home {
        // Names of sockets have 107 characters at the most, and screens lines: not wherever TMPDIR leads.
        let folder = tempfile::Builder::new().prefix("glass-").tempdir_in("/tmp").unwrap();
        let mut home = Home { folder, env: BTreeMap::new() };
        home.make_folder("run");
        home.set("HOME", home.path("").to_str().unwrap().trim_end_matches('/').to_owned());
        home.set("XDG_RUNTIME_DIR", home.path("run").display());
        home.set("PATH", "/usr/bin:/bin");
        home.set("LANG", "C.UTF-8");
        home.set("TERM", "xterm");
        home
    }

    /// The full path of something in this home.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Sets an environment variable for all that is started from now on.
    pub fn set(&mut self, name: &str, value: impl std::fmt::Display) -> &mut Home {
        self.env.insert(name.to_owned(), value.to_string());
        self
    }

    /// Takes an environment variable away again.
    pub fn unset(&mut self, name: &str) {
        self.env.remove(name);
    }

    /// An environment variable that was set.
    pub fn variable(&self, name: &str) -> String {
        self.env[name].clone()
    }

    /// Writes a file that only its owner may read, with the folders above it.
    pub fn write(&self, relative: &str, text: &str) -> PathBuf {
        let path = self.path(relative);
        if let Some(folder) = Path::new(relative).parent() {
            self.make_folder(folder);
        }
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// Reads a file of this home.
    #[track_caller]
    pub fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
    }

    /// A command in this home, with its environment alone and without a terminal.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.session(&[], program.as_ref())
    }

    /// Runs `glass` with these arguments and nothing on its standard input.
    pub fn glass(&self, args: &[&str]) -> Outcome {
        Outcome::of(self.command(env!("CARGO_BIN_EXE_glass")).args(args), "")
    }

    /// Starts a program on a terminal of its own, 24 lines of 80 columns.
    pub fn terminal(&self, program: impl AsRef<OsStr>, args: &[&str]) -> Pty {
        Pty::spawn(self.session(&["--ctty"], program.as_ref()).args(args))
    }

    /// `env` takes away that the tests may have been started with Ctrl-C ignored, as every shell
    /// starts what is in its background, and `setsid` the terminal that they may have been started on.
    fn session(&self, flags: &[&str], program: &OsStr) -> Command {
        let mut command = Command::new(tool("env"));
        command.arg("--default-signal").arg(tool("setsid")).args(flags).arg(program);
        command.env_clear().envs(&self.env).current_dir(self.path(""));
        command
    }

    /// Makes a folder and those above it, each for its owner alone.
    fn make_folder(&self, relative: impl AsRef<Path>) {
        let mut path = self.path("");
        for part in relative.as_ref() {
            path.push(part);
            if !path.exists() {
                fs::create_dir(&path).unwrap();
                fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
            }
        }
    }
}
