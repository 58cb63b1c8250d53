//! What the `keyring` crate does not tell of a Linux desktop's keyring: whether it is locked.
//!
//! The crate unlocks whatever it reads, and so asks for a password; at the end of a session nobody may be there.

/// Whether the default collection is there and unlocked. Nothing is started or asked for it.
#[cfg(target_os = "linux")]
pub(super) fn is_open() -> bool {
    let locked = || {
        let bus = zbus::blocking::Connection::session()?;
        let names = zbus::blocking::fdo::DBusProxy::new(&bus)?;
        if !names.name_has_owner(SERVICE.try_into()?)? {
            return Ok(true);
        }
        let collection = zbus::blocking::proxy::Builder::<zbus::blocking::Proxy<'_>>::new(&bus)
            .destination(SERVICE)?
            .path("/org/freedesktop/secrets/aliases/default")?
            .interface("org.freedesktop.Secret.Collection")?
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()?;
        collection.get_property::<bool>("Locked")
    };
    locked().is_ok_and(|locked: bool| !locked)
}

#[cfg(target_os = "linux")]
const SERVICE: &str = "org.freedesktop.secrets";

/// Elsewhere nobody can tell.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_open() -> bool {
    false
}
