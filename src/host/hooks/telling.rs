//! The process that tells hooks while nobody waits for it.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use crate::host::ship::background;

/// Starts it; `catalogue` is the one that was named by flag.
///
/// # Errors
/// When it cannot be started.
pub fn start(catalogue: Option<&Path>) -> io::Result<()> {
    background::start(words(catalogue, "--background"))
}

/// Starts it by a process between, which ends at once: what comes next would have to end with a child of this process.
pub(super) fn start_apart(catalogue: Option<&Path>) -> io::Result<()> {
    background::start_and_wait(words(catalogue, "--apart"))
}

fn words<'w>(catalogue: Option<&'w Path>, how: &'w str) -> impl Iterator<Item = &'w OsStr> {
    let named = catalogue.map(|file| [OsStr::new("--catalogue"), file.as_os_str()]);
    named.into_iter().flatten().chain(["hooks", "send", how].map(OsStr::new))
}
