//! The system keyring: the only place where a long-lived secret is kept.
//!
//! Keeps the promise that no such key lies in a plain file, and that a store is never swapped for
//! another: each call names the one it wants, and fails if that one does not answer. A desktop's
//! keyring may ask its owner for a password; where nobody answers, glass does not wait for ever.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use keyring::Error;
use zeroize::Zeroizing;

#[cfg(target_os = "linux")]
use super::keyutils;
use super::secret_service;
use crate::model::identity::Store;
use crate::model::secret::Secret;
use crate::world::machine::{Vault, VaultError};

/// The service under which a desktop's keyring shows the entries.
const SERVICE: &str = "glass";

/// How long a desktop's keyring may take until it is there.
const CONNECT: Duration = Duration::from_secs(5);

/// How long one call may take: its owner may have to type a password.
const ANSWER: Duration = Duration::from_secs(60);

/// How long a desktop's keyring may take to say whether it is locked.
const UNASKED: Duration = Duration::from_secs(2);

/// The keyrings of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Keychain;

impl Vault for Keychain {
    fn read(&self, store: Store, entry: &str) -> Result<Secret, VaultError> {
        let bytes = match place(store)? {
            #[cfg(target_os = "linux")]
            Place::Kernel => keyutils::read(entry),
            Place::Desktop => on_desktop(store, entry, |entry| entry.get_secret().map(Zeroizing::new)),
        }?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Secret::new(text.to_owned())),
            Err(_) => Err(VaultError::Failed { store, message: format!("the entry {entry} is not text") }),
        }
    }

    fn write(&self, store: Store, entry: &str, secret: &Secret) -> Result<(), VaultError> {
        match place(store)? {
            #[cfg(target_os = "linux")]
            Place::Kernel => keyutils::write(entry, secret.expose().as_bytes()),
            Place::Desktop => {
                let secret = secret.duplicate();
                on_desktop(store, entry, move |entry| entry.set_secret(secret.expose().as_bytes()))
            }
        }
    }

    fn remove(&self, store: Store, entry: &str) -> Result<(), VaultError> {
        let removed = match place(store)? {
            #[cfg(target_os = "linux")]
            Place::Kernel => keyutils::remove(entry),
            Place::Desktop => on_desktop(store, entry, keyring::Entry::delete_credential),
        };
        match removed {
            Err(VaultError::Missing { .. }) => Ok(()),
            other => other,
        }
    }

    fn stores(&self) -> Vec<Store> {
        Store::ALL.into_iter().filter(|store| self.works(*store)).collect()
    }
}

impl Keychain {
    /// Whether a store gives what it keeps without asking its owner. The kernel asks nobody, a Linux desktop's says so
    /// beforehand, and a Mac's does not.
    pub fn is_open(self, store: Store) -> bool {
        match store {
            Store::SecretService => within(UNASKED, secret_service::is_open).unwrap_or(false),
            Store::Macos => false,
            Store::Keyutils => cfg!(target_os = "linux"),
        }
    }

    /// Whether a harmless text comes back from the store.
    fn works(self, store: Store) -> bool {
        let entry = format!("probe/{}", std::process::id());
        let text = Secret::new("glass was here".to_owned());
        let back = self.write(store, &entry, &text).and_then(|()| self.read(store, &entry));
        back.is_ok_and(|back| back.expose() == text.expose() && self.remove(store, &entry).is_ok())
    }
}

/// Who keeps a store.
enum Place {
    /// The `keyring` crate's one store of the system.
    Desktop,
    /// The kernel.
    #[cfg(target_os = "linux")]
    Kernel,
}

fn place(store: Store) -> Result<Place, VaultError> {
    let place = match store {
        Store::SecretService => cfg!(not(target_os = "macos")).then_some(Place::Desktop),
        Store::Macos => cfg!(target_os = "macos").then_some(Place::Desktop),
        #[cfg(target_os = "linux")]
        Store::Keyutils => Some(Place::Kernel),
        #[cfg(not(target_os = "linux"))]
        Store::Keyutils => None,
    };
    place.ok_or_else(|| VaultError::Unavailable { store, message: "it belongs to another operating system".to_owned() })
}

fn on_desktop<T: Send + 'static>(
    store: Store,
    entry: &str,
    call: impl FnOnce(&keyring::Entry) -> Result<T, Error> + Send + 'static,
) -> Result<T, VaultError> {
    within(CONNECT, || keyring::Entry::store_status().as_ref().copied().map_err(say))
        .and_then(|connected| connected)
        .map_err(|message| VaultError::Unavailable { store, message })?;
    let name = entry.to_owned();
    match within(ANSWER, move || call(&keyring::Entry::new(SERVICE, &name)?)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(Error::NoEntry)) => Err(VaultError::Missing { store, entry: entry.to_owned() }),
        Ok(Err(error)) => Err(VaultError::Failed { store, message: say(&error) }),
        Err(message) => Err(VaultError::Failed { store, message }),
    }
}

/// Runs a call that may hang in a thread of its own, which is left behind if it does.
fn within<T: Send + 'static>(limit: Duration, call: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let (give, take) = mpsc::sync_channel(1);
    // The receiver may be gone by then, and nobody misses the answer.
    let started = thread::Builder::new().name("keyring".to_owned()).spawn(move || drop(give.send(call())));
    started.map_err(|error| error.to_string())?;
    take.recv_timeout(limit).map_err(|error| match error {
        mpsc::RecvTimeoutError::Timeout => format!("it gave no answer within {} s", limit.as_secs()),
        mpsc::RecvTimeoutError::Disconnected => "its client broke off".to_owned(),
    })
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the crate's errors may grow")]
fn say(error: &Error) -> String {
    match error {
        Error::NoStorageAccess(why) => format!("it is locked, or has no default collection ({why})"),
        Error::PlatformFailure(why) => why.to_string(),
        Error::Ambiguous(entries) => format!("it has {} entries of that name", entries.len()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_hangs_is_given_up() {
        let (_keep, never) = mpsc::channel::<()>();
        let gone = within(Duration::from_millis(10), move || never.recv()).expect_err("it never answers");
        assert_eq!(gone, "it gave no answer within 0 s");
    }

    #[test]
    fn a_store_of_another_system_is_not_swapped_for_one_of_this() {
        let foreign = if cfg!(target_os = "macos") { Store::Keyutils } else { Store::Macos };
        let error = Keychain.read(foreign, "probe/never").expect_err("there is no such store");
        assert!(matches!(error, VaultError::Unavailable { store, .. } if store == foreign), "{error}");
    }
}
