//! The kernel's persistent keyring of the user: for hosts without a desktop.
//!
//! What lies in it is never on a disk: it is gone at reboot, and three days (`persistent_keyring_expiry`)
//! after its last use. It outlives the login, which is why no other keyring of the kernel is used instead.
//! Each use links it to this process alone (`persistent-keyring(7)`).

use linux_keyutils::{Key, KeyError, KeyRing, KeyRingIdentifier};
use zeroize::Zeroizing;

use crate::model::identity::Store;
use crate::world::machine::VaultError;

const STORE: Store = Store::Keyutils;

/// Reads a key's payload.
pub(super) fn read(entry: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let key = find(entry)?.ok_or_else(|| missing(entry))?;
    key.read_to_vec().map(Zeroizing::new).map_err(failed)
}

/// Adds a key, or gives the one that is there another payload.
pub(super) fn write(entry: &str, secret: &[u8]) -> Result<(), VaultError> {
    keyring()?.add_key(&description(entry), secret).map(|_| ()).map_err(failed)
}

/// Takes a key out, for everyone at once.
pub(super) fn remove(entry: &str) -> Result<(), VaultError> {
    match find(entry)? {
        Some(key) => key.invalidate().map_err(failed),
        None => Err(missing(entry)),
    }
}

fn description(entry: &str) -> String {
    format!("glass:{entry}")
}

fn keyring() -> Result<KeyRing, VaultError> {
    KeyRing::get_persistent(KeyRingIdentifier::Process)
        .map_err(|error| VaultError::Unavailable { store: STORE, message: say(error) })
}

fn find(entry: &str) -> Result<Option<Key>, VaultError> {
    match keyring()?.search(&description(entry)) {
        Ok(key) => Ok(Some(key)),
        Err(KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

fn missing(entry: &str) -> VaultError {
    VaultError::Missing { store: STORE, entry: entry.to_owned() }
}

fn failed(error: KeyError) -> VaultError {
    VaultError::Failed { store: STORE, message: say(error) }
}

/// ENOSYS, for which the crate has no name; the same number on all of Linux but Alpha, MIPS, PA-RISC and SPARC.
const NO_SYSCALL: i32 = 38;

#[allow(clippy::wildcard_enum_match_arm, reason = "the others are the kernel's own business")]
fn say(error: KeyError) -> String {
    match error {
        KeyError::PermissionDenied | KeyError::AccessDenied => {
            "the kernel forbids it, as it does in most containers".to_owned()
        }
        KeyError::OperationNotSupported | KeyError::Unknown(NO_SYSCALL) => {
            "this kernel keeps no keys for users".to_owned()
        }
        KeyError::QuotaExceeded => "the user's quota of keys is used up (/proc/key-users)".to_owned(),
        KeyError::Unknown(errno) => std::io::Error::from_raw_os_error(errno).to_string(),
        other => format!("the kernel says {other}"),
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Needs a kernel that keeps keys; where it forbids that (some containers) this fails and says so.
    #[test]
    fn the_kernel_keeps_a_key_beyond_its_writer_until_it_is_removed() {
        let entry = format!("test/{}", std::process::id());
        let in_another_thread = |call: fn(&str) -> Result<(), VaultError>| {
            let entry = entry.clone();
            thread::spawn(move || call(&entry)).join().expect("the call does not panic")
        };
        in_another_thread(|entry| write(entry, b"first")).expect("the kernel keeps keys");
        in_another_thread(|entry| write(entry, b"second")).expect("the kernel keeps keys");
        assert_eq!(read(&entry).expect("it is there").as_slice(), b"second");
        in_another_thread(remove).expect("it is there");
        assert!(matches!(read(&entry), Err(VaultError::Missing { .. })));
        assert!(matches!(remove(&entry), Err(VaultError::Missing { .. })));
    }
}
