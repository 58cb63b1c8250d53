//! What an entry says of the machine: which one it is, which boot, whose process.

use std::fs;

use std::path::Path;

use rustix::process::getuid;
use rustix::system::uname;

use super::failed;
use crate::host::clock::HostClock;
use crate::model::chain::Stamp;
use crate::model::chain::origin::Owner;
use crate::model::name::Digest;
use crate::world::ledger::LedgerError;
use crate::world::machine::Clock;

/// What does not change while a process lives.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub(super) owner: Owner,
    pub(super) host: String,
    pub(super) boot: String,
}

impl Machine {
    /// Asks the system.
    pub(super) fn here() -> Result<Self, LedgerError> {
        let host = uname().nodename().to_string_lossy().into_owned();
        let machine = Digest::of(machine_id(&host).as_bytes());
        Ok(Machine { owner: Owner { user: user_name(), machine }, host, boot: boot_id()? })
    }

    /// The stamp of an entry that is written now.
    pub(super) fn stamp(&self) -> Stamp {
        Stamp {
            at: HostClock.now(),
            mono: HostClock.boot(),
            boot: self.boot.clone(),
            host: self.host.clone(),
            pid: std::process::id(),
            uid: getuid().as_raw(),
        }
    }
}

/// The id that the system was given when it was installed; `host:<name>` where it was given none.
///
/// A container without `/etc/machine-id` is thus a machine by its name, and one that is given a new name
/// takes the ledger for somebody else's: closed, not open.
fn machine_id(host: &str) -> String {
    ["/etc/machine-id", "/var/lib/dbus/machine-id"]
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .map(|id| id.trim().to_owned())
        .find(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()))
        .unwrap_or_else(|| format!("host:{host}"))
}

/// The name that `/etc/passwd` has for the real user; `uid<number>` where it has none.
fn user_name() -> String {
    let uid = getuid().as_raw().to_string();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.get(2) == Some(&uid.as_str()))
        .map_or_else(|| format!("uid{uid}"), |fields| fields[0].to_owned())
}

/// The kernel's id of this boot.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn boot_id() -> Result<String, LedgerError> {
    let file = Path::new("/proc/sys/kernel/random/boot_id");
    fs::read_to_string(file).map(|id| id.trim().to_owned()).map_err(failed("read", file))
}

/// The session id that macOS gives each boot, by its own `sysctl`: there is no safe call for it.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn boot_id() -> Result<String, LedgerError> {
    let program = Path::new("/usr/sbin/sysctl");
    let output = std::process::Command::new(program)
        .args(["-n", "kern.bootsessionuuid"])
        .output()
        .map_err(failed("run", program))?;
    let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if id.is_empty() {
        return Err(failed("ask for the boot's id of", program)(std::io::ErrorKind::InvalidData.into()));
    }
    Ok(id)
}
