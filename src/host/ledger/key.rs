//! The key that signs a ledger's checkpoints: made at first use, kept, and never swapped in silence.
//!
//! It says which ledger signed. It does not stop who can run programs as its owner: they can use it as glass does.
//! Each ledger has its own, in the folder `keys` beside the ledger, so that no copy of the ledger holds it.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::host::keychain::Keychain;
use crate::host::private;
use crate::model::chain::origin::Origin;
use crate::model::identity::Store;
use crate::model::name::Digest;
use crate::model::note::key::SigningKey;
use crate::model::secret::Secret;
use crate::world::ledger::KeyFault;
use crate::world::machine::{Vault, VaultError};

/// Where a key lies that no keyring keeps.
const IN_FILE: &str = "file";

/// The largest file that is read; a real one has a few hundred bytes.
const LARGEST: u64 = 64 * 1024;

/// Whether a keyring may ask its owner for a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// Somebody wants the key and is there.
    Allowed,
    /// Nobody is to be asked.
    Never,
}

/// A key that can sign.
pub(super) struct Ready {
    pub(super) key: SigningKey,
    /// Where it is kept.
    pub(super) store: &'static str,
}

/// The file of a key: one JSON line.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Kept {
    #[zeroize(skip)]
    vkey: String,
    #[zeroize(skip)]
    store: String,
    /// The key, unless a keyring has it.
    secret: Option<String>,
}

/// Gets the key of a ledger, and makes it where there is none or where it is lost.
///
/// # Errors
/// When it is there and cannot be used now.
pub(super) fn ready(ledger: &Path, origin: &str, asking: Asking) -> Result<Ready, KeyFault> {
    let folder = ledger.with_file_name("keys");
    // An origin that is none has a name for its file all the same.
    let id = Origin::parse(origin).map_or_else(|| Digest::of(origin.as_bytes()).to_string(), |o| o.id().to_owned());
    let path = folder.join(id);
    if let Some(ready) = existing(&path, origin, asking)? {
        return Ok(ready);
    }
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed("make the folder of", &path))?;
    let lock = private::to_lock(&folder.join("lock")).map_err(failed("lock", &path))?;
    lock.lock().map_err(failed("lock", &path))?;
    // Another process may have made it meanwhile.
    existing(&path, origin, asking)?.map_or_else(|| make(&path, origin), Ok)
}

/// The key, unless there is none or the keyring has lost it.
fn existing(path: &Path, origin: &str, asking: Asking) -> Result<Option<Ready>, KeyFault> {
    let Some(kept) = Kept::read(path)? else { return Ok(None) };
    let damaged = || KeyFault::Damaged(path.to_owned());
    let (store, secret) = match (kept.store.as_str(), &kept.secret) {
        (IN_FILE, Some(secret)) => (IN_FILE, Secret::new(secret.clone())),
        (name, None) => {
            let store = Store::ALL.into_iter().find(|store| store.name() == name).ok_or_else(damaged)?;
            if asking == Asking::Never && !Keychain.is_open(store) {
                return Err(KeyFault::Closed(store));
            }
            match Keychain.read(store, &entry(origin)) {
                Ok(secret) => (store.name(), secret),
                Err(VaultError::Missing { .. }) => return Ok(None),
                Err(error) => return Err(KeyFault::Vault(error)),
            }
        }
        (_, Some(_)) => return Err(damaged()),
    };
    let key = SigningKey::parse(&secret).ok().filter(|key| key.verifier().to_string() == kept.vkey);
    let key = key.filter(|key| key.verifier().name() == origin).ok_or_else(damaged)?;
    Ok(Some(Ready { key, store }))
}

/// Makes a key: in the desktop's keyring if that is open, else in the file.
fn make(path: &Path, origin: &str) -> Result<Ready, KeyFault> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(|error| failed("make", path)(io::Error::other(error.to_string())))?;
    let key = SigningKey::of_seed(origin, seed).map_err(|_| KeyFault::Damaged(path.to_owned()))?;
    let secret = key.to_secret();
    let desktop = is_kept_by(Store::SecretService, &entry(origin), &secret);
    let store = if desktop { Store::SecretService.name() } else { IN_FILE };
    let secret = (!desktop).then(|| secret.expose().to_owned());
    Kept { vkey: key.verifier().to_string(), store: store.to_owned(), secret }.write(path)?;
    Ok(Ready { key, store })
}

/// Whether a keyring keeps a key, and gives it back, without asking anybody.
fn is_kept_by(store: Store, entry: &str, secret: &Secret) -> bool {
    Keychain.is_open(store)
        && Keychain.write(store, entry, secret).is_ok()
        && Keychain.read(store, entry).is_ok_and(|back| back.expose() == secret.expose())
}

/// The keyring's entry of a ledger's key.
fn entry(origin: &str) -> String {
    format!("ledger-key/{origin}")
}

impl Kept {
    fn read(path: &Path) -> Result<Option<Self>, KeyFault> {
        let Some(text) = private::read(path, LARGEST).map_err(failed("read", path))? else { return Ok(None) };
        serde_json::from_slice(&text).map(Some).map_err(|_| KeyFault::Damaged(path.to_owned()))
    }

    fn write(&self, path: &Path) -> Result<(), KeyFault> {
        let text = serde_json::to_vec(self).map(Zeroizing::new).map_err(io::Error::from);
        let written = text.and_then(|mut text| {
            text.push(b'\n');
            private::replace(path, &text)
        });
        written.map_err(failed("write", path))
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeyFault {
    let path: PathBuf = path.to_owned();
    move |source| KeyFault::File { doing, path, source }
}
