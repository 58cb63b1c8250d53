//! Programs that the tests call and did not build. One that is missing fails
//! the test with the line that says how to get it; nothing is skipped.

use std::path::{Path, PathBuf};

/// The full path of a program of the system, e.g. `strace`.
pub fn tool(name: &str) -> PathBuf {
    ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"]
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| {
            panic!("`{name}` is not installed: run tests/run, which installs or names its Debian package")
        })
}

/// The full path of a program of the tests' own Python environment: `aws`, `python`, `moto_server`.
pub fn python(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python/bin").join(name);
    assert!(path.is_file(), "{} is missing: run tests/run, which makes the Python environment", path.display());
    path
}
