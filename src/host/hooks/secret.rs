//! What webhooks are signed with: in a file that nobody else can read, or in a keyring; never in the catalogue.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::HookError;
use crate::host::keychain::Keychain;
use crate::host::ledger::Asking;
use crate::host::private;
use crate::model::identity::Store;
use crate::model::name::HookName;
use crate::model::secret::Secret;
use crate::model::webhook::check_secret;
use crate::world::machine::{Vault, VaultError};

/// The largest file that is read.
const LARGEST: u64 = 1024;

/// The secrets of this user's hooks.
#[derive(Clone, Debug)]
pub struct HookSecrets {
    folder: PathBuf,
}

impl HookSecrets {
    /// Those below glass's own state.
    pub fn of(state: &Path) -> Self {
        HookSecrets { folder: state.join("hooks") }
    }

    /// The secret of a hook.
    ///
    /// # Errors
    /// When there is none, or it cannot be read or trusted.
    pub fn read(&self, hook: &HookName, asking: Asking) -> Result<Secret, HookError> {
        let (text, place) = match self.store(hook)? {
            Some(store) if asking == Asking::Never && !Keychain.is_open(store) => {
                return Err(HookError::Closed(store));
            }
            Some(store) => match Keychain.read(store, &entry(hook)) {
                Err(VaultError::Missing { .. }) => return Err(HookError::NoSecret),
                read => (read.map_err(HookError::Vault)?, store.name().to_owned()),
            },
            None => {
                let path = self.secret_file(hook);
                let text = read(&path)?.ok_or(HookError::NoSecret)?;
                (Secret::new(String::from_utf8_lossy(&text).into_owned()), path.display().to_string())
            }
        };
        check_secret(text.expose()).map_err(|why| HookError::BadSecret { place, why })
    }

    /// Keeps the secret of a hook in a keyring, or in the file; says where.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn keep(&self, hook: &HookName, secret: &Secret, store: Option<Store>) -> Result<String, HookError> {
        let (marker, file) = (self.store_file(hook), self.secret_file(hook));
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(HookError::file("make", &file))?;
        let (kept, other, place) = match store {
            Some(store) => {
                Keychain.write(store, &entry(hook), secret).map_err(HookError::Vault)?;
                write(&marker, store.name())?;
                (&marker, &file, store.name().to_owned())
            }
            None => {
                write(&file, secret.expose())?;
                (&file, &marker, file.display().to_string())
            }
        };
        tracing::debug!(kept = %kept.display(), "the secret is kept");
        private::remove(other).map_err(HookError::file("remove", other)).map(|()| place)
    }

    /// The keyring that has the secret of a hook, if it is not in the file.
    fn store(&self, hook: &HookName) -> Result<Option<Store>, HookError> {
        let path = self.store_file(hook);
        let Some(text) = read(&path)? else { return Ok(None) };
        let named = std::str::from_utf8(&text).unwrap_or_default().trim_end();
        let store = Store::ALL.into_iter().find(|store| store.name() == named);
        let unknown = || HookError::BadSecret { place: path.display().to_string(), why: "it names no keyring" };
        store.ok_or_else(unknown).map(Some)
    }

    fn secret_file(&self, hook: &HookName) -> PathBuf {
        self.folder.join(format!("{hook}.secret"))
    }

    fn store_file(&self, hook: &HookName) -> PathBuf {
        self.folder.join(format!("{hook}.keyring"))
    }
}

/// The keyring's entry of a hook's secret.
fn entry(hook: &HookName) -> String {
    format!("hook/{hook}")
}

/// Reads a file of these; nothing if there is none.
fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, HookError> {
    private::read(path, LARGEST).map_err(HookError::file("read", path))
}

fn write(path: &Path, text: &str) -> Result<(), HookError> {
    let line = Zeroizing::new(format!("{text}\n"));
    private::replace(path, line.as_bytes()).map_err(HookError::file("write", path))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_read_from_a_file_that_is_its_owners_alone() {
        let state = tempfile::tempdir().expect("a folder");
        let secrets = HookSecrets::of(state.path());
        let hook = HookName::parse("pager").expect("a name");
        assert!(matches!(secrets.read(&hook, Asking::Never), Err(HookError::NoSecret)));
        let secret = Secret::new("0123456789abcdef".to_owned());
        let place = secrets.keep(&hook, &secret, None).expect("it is kept");
        assert_eq!(secrets.read(&hook, Asking::Never).expect("it is there").expose(), secret.expose());
        assert_eq!(fs::metadata(&place).expect("it is there").permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&place, fs::Permissions::from_mode(0o640)).expect("a mode");
        assert!(matches!(secrets.read(&hook, Asking::Never), Err(HookError::File { .. })));
        fs::remove_file(&place).expect("it is there");
        std::os::unix::fs::symlink("/dev/null", &place).expect("a link");
        assert!(matches!(secrets.read(&hook, Asking::Never), Err(HookError::File { .. })));
        fs::remove_file(&place).expect("it is there");
        fs::write(secrets.store_file(&hook), "nowhere").expect("a file");
        assert!(secrets.read(&hook, Asking::Never).is_err());
    }
}
