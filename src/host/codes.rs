//! The memory of used MFA codes: one small file a device, under a lock while a code is on its way.

use std::fs::{DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::private;
use crate::model::mfa::UsedCodes;
use crate::model::name::{Digest, MfaSerial};
use crate::world::machine::{Codes, CodesError, Hold};

/// How long another process may hold a device: a whole call to AWS and some.
const LONGEST_HOLD: Duration = Duration::from_secs(30);

/// The largest memory that is believed; a real one has a few hundred bytes.
const LARGEST: u64 = 64 * 1024;

/// The file's length is a multiple of this, filled up with spaces.
const BLOCK: usize = 4096;

/// The memory in a folder of its own below the state folder.
pub struct HostCodes {
    folder: PathBuf,
}

impl HostCodes {
    /// The memory below the given state folder; nothing is made before a code is sent.
    pub fn new(state: &std::path::Path) -> Self {
        HostCodes { folder: state.join("mfa") }
    }
}

impl Codes for HostCodes {
    fn hold(&self, serial: &MfaSerial) -> Result<Box<dyn Hold>, CodesError> {
        let name = Digest::of(serial.as_str().as_bytes()).to_string();
        let path = self.folder.join(&name[..16]);
        let failed = |doing| {
            let path = path.clone();
            move |source: io::Error| CodesError { doing, path, source }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(failed("make the folder of"))?;
        let mut file = private::to_lock(&path).map_err(failed("open"))?;
        lock(&file).map_err(failed("lock"))?;
        let mut text = String::new();
        Read::by_ref(&mut file).take(LARGEST).read_to_string(&mut text).map_err(failed("read"))?;
        // An unreadable memory is no reason to forget: fail closed, and say which file to remove.
        let used = if text.is_empty() {
            UsedCodes::default()
        } else {
            serde_json::from_str(&text).map_err(io::Error::from).map_err(failed("understand"))?
        };
        Ok(Box::new(HeldDevice { file, path, used }))
    }
}

fn lock(file: &File) -> io::Result<()> {
    let ends_by = Instant::now() + LONGEST_HOLD;
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < ends_by => thread::sleep(Duration::from_millis(20)),
            Err(error) => return Err(error.into()),
        }
    }
}

struct HeldDevice {
    file: File,
    path: PathBuf,
    used: UsedCodes,
}

impl Hold for HeldDevice {
    fn used(&self) -> &UsedCodes {
        &self.used
    }

    fn remember(&mut self, used: UsedCodes) -> Result<(), CodesError> {
        let mut text = serde_json::to_vec(&used).expect("a list of texts and numbers is always JSON");
        // Whole blocks, written at once over the old ones: a kill leaves the one or the other.
        text.resize(text.len().next_multiple_of(BLOCK), b' ');
        let written = self.file.write_all_at(&text, 0).and_then(|()| self.file.sync_data());
        self.used = used;
        written.map_err(|source| CodesError { doing: "write", path: self.path.clone(), source })
    }
}
