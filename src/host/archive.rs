//! Archives for real: folders, and buckets of S3.

mod bucket;
mod folder;
pub mod kept;
pub mod unpacked;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::host::aws::HostAws;
use crate::host::keychain::Keychain;
use crate::model::destination::Destination;
use crate::world::archive::{Archive, ArchiveError, Archives, Sender};
use bucket::BucketArchive;
pub(super) use folder::FolderArchive;

/// Opens archives.
pub struct HostArchives<'v> {
    /// How AWS is reached, for buckets.
    pub aws: HostAws<'v>,
}

/// By this user's keyring.
pub static ARCHIVES: HostArchives<'static> = HostArchives { aws: HostAws { vault: &Keychain } };

impl Archives for HostArchives<'_> {
    fn open(&self, destination: &Destination, sender: &Sender<'_>) -> Result<Box<dyn Archive>, ArchiveError> {
        match destination {
            Destination::Folder(path) => Ok(Box::new(FolderArchive::open(path)?)),
            Destination::Bucket { bucket, prefix } => {
                Ok(Box::new(BucketArchive::open(&self.aws, sender, bucket, prefix.as_ref())?))
            }
        }
    }
}

/// Whether two paths lead to the same folder, which is there.
pub fn is_same_folder(one: &Path, other: &Path) -> bool {
    let found = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    found(one).is_some_and(|one| found(other) == Some(one))
}
