//! The folder of a practice: catalogue, identity, AWS profiles, and room for a ledger.
//!
//! Keeps the promise that a practice touches nothing of the user's own: every path that
//! glass and the AWS CLI would look at is turned into this folder, which is the user's
//! alone (0700) and is removed with the sandbox.

#![allow(clippy::disallowed_methods, reason = "the practice looks after its own files")]

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::practice::{self, FILES, PROFILES};
use super::state;
use crate::world::variables;

const PREFIX: &str = "glass-sandbox-";

/// A practice's folder.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes a folder for a sandbox at this endpoint; `program` is the glass that the AWS profiles call.
    ///
    /// # Errors
    /// When there is no place for it, or its path cannot stand in an AWS profile.
    pub fn create(endpoint: &str, program: &Path) -> io::Result<Self> {
        let random = state::random::<5>().map_err(io::Error::other)?;
        let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let folder = Folder(place().join(format!("{PREFIX}{name}")));
        let text = folder.0.to_str().filter(|text| !text.contains(['"', '\\', '$', '`', '\n', '\'']));
        let text =
            text.ok_or_else(|| io::Error::other(format!("{} holds characters of a shell", folder.0.display())))?;
        make(&folder.0)?;
        for inside in ["state", "config", "run"] {
            make(&folder.0.join(inside))?;
        }
        std::os::unix::fs::symlink(program, folder.0.join("glass"))?;
        folder.write("profiles.toml", &practice::catalogue(endpoint))?;
        for (name, content) in FILES {
            folder.write(name, content)?;
        }
        let code = format!("code = {{ command = [\"{text}/glass\", \"sandbox\", \"code\"] }}\n");
        folder.write("unattended.toml", &format!("{}{code}", practice::IDENTITY))?;
        folder.write("aws-config", &aws_config(text, endpoint))?;
        Ok(folder)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What glass and the AWS CLI need in their environment to be in the practice.
    pub fn environment(&self, endpoint: &str) -> Vec<(&'static str, String)> {
        let path = |name: &str| self.0.join(name).display().to_string();
        vec![
            (variables::SANDBOX, self.0.display().to_string()),
            (variables::CATALOGUE, path("profiles.toml")),
            (variables::IDENTITY, path("identity.toml")),
            (variables::XDG_CONFIG_HOME, path("config")),
            (variables::XDG_STATE_HOME, path("state")),
            (variables::XDG_RUNTIME_DIR, path("run")),
            ("AWS_CONFIG_FILE", path("aws-config")),
            ("AWS_SHARED_CREDENTIALS_FILE", path("aws-credentials")),
            ("AWS_PROFILE", "practice-daily".to_owned()),
            ("AWS_REGION", "eu-west-1".to_owned()),
            ("AWS_DEFAULT_REGION", "eu-west-1".to_owned()),
            ("AWS_ENDPOINT_URL", endpoint.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    /// `PATH` with this folder's `glass` before all others.
    pub fn search_path(&self) -> String {
        let path = std::env::var(variables::PATH).unwrap_or_else(|_| "/usr/bin:/bin".to_owned());
        format!("{}:{path}", self.0.display())
    }

    fn write(&self, name: &str, content: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.0.join(name))?;
        file.write_all(content.as_bytes())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is the user's alone, and made of practice.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The folder of the practice that this process belongs to, or else the newest that is alive.
pub fn find() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(variables::SANDBOX) {
        return Some(PathBuf::from(folder));
    }
    let mine = |folder: &fs::Metadata| folder.is_dir() && folder.uid() == rustix::process::getuid().as_raw();
    let mut folders: Vec<_> = fs::read_dir(place())
        .ok()?
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        .filter_map(|entry| Some((entry.metadata().ok().filter(mine)?.modified().ok()?, entry.path())))
        .collect();
    folders.sort();
    let alive = |folder: &PathBuf| std::os::unix::net::UnixStream::connect(socket(folder)).is_ok();
    folders.into_iter().rev().map(|(_, folder)| folder).find(alive)
}

/// The program that runs now, which the practice calls again.
///
/// # Errors
/// When the system does not tell.
pub fn this_program() -> io::Result<PathBuf> {
    std::env::current_exe()
}

/// The socket of the sandbox that a folder belongs to.
pub fn socket(folder: &Path) -> PathBuf {
    folder.join("control.sock")
}

/// Where folders of practices are: never relative, since commands in the practice may go elsewhere.
fn place() -> PathBuf {
    let run = std::env::var_os(variables::XDG_RUNTIME_DIR).map(PathBuf::from);
    place_among(run, std::env::temp_dir())
}

fn place_among(run: Option<PathBuf>, temporary: PathBuf) -> PathBuf {
    let place = run.filter(|path| path.is_absolute() && path.is_dir()).unwrap_or(temporary);
    std::path::absolute(&place).unwrap_or(place)
}

fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// The profiles of everybody in the practice; each fetches its key from the sandbox.
fn aws_config(folder: &str, endpoint: &str) -> String {
    let mut config = "# Profiles of the practice; its AWS is not AWS.\n".to_owned();
    for (profile, account, user) in PROFILES {
        config.push_str(&format!(
            "\n[profile {profile}]\nregion = eu-west-1\nendpoint_url = {endpoint}\n\
             credential_process = \"{folder}/glass\" sandbox credentials \"{folder}\" {account} {user}\n"
        ));
    }
    config
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_practice_is_never_in_a_relative_place() {
        assert_eq!(place_among(Some("/".into()), "/tmp".into()), Path::new("/"));
        assert_eq!(place_among(Some(".".into()), "/tmp".into()), Path::new("/tmp"));
        assert!(place_among(None, ".".into()).is_absolute());
    }

    #[test]
    fn the_folder_is_its_owners_alone_and_gone_afterwards() {
        let folder = Folder::create("http://127.0.0.1:1", Path::new("/usr/bin/glass")).expect("a folder");
        let path = folder.path().to_owned();
        let mode = |path: &Path| fs::symlink_metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        for entry in fs::read_dir(&path).expect("a folder").flatten() {
            let kind = entry.file_type().expect("a type");
            if !kind.is_symlink() {
                assert_eq!(mode(&entry.path()), if kind.is_dir() { 0o700 } else { 0o600 }, "{:?}", entry.path());
            }
        }
        let config = fs::read_to_string(path.join("aws-config")).expect("profiles");
        assert!(!config.contains("aws_secret_access_key") && config.contains("[profile practice-daily]"), "{config}");
        for (name, value) in folder.environment("http://127.0.0.1:1") {
            assert!(value.starts_with(path.to_str().expect("text")) || !name.starts_with("XDG_"), "{name}={value}");
        }
        drop(folder);
        assert!(!path.exists());
    }
}
