//! Archives for real: folders, and buckets of S3.

mod folder;

use crate::model::destination::Destination;
use crate::world::archive::{Archive, ArchiveError, Archives, Sender};
use folder::FolderArchive;

/// Opens archives.
pub struct HostArchives;

impl Archives for HostArchives {
    fn open(&self, destination: &Destination, _sender: &Sender<'_>) -> Result<Box<dyn Archive>, ArchiveError> {
        match destination {
            Destination::Folder(path) => Ok(Box::new(FolderArchive::open(path)?)),
            Destination::Bucket { .. } => Err(ArchiveError::Unfit("buckets are not built yet".to_owned())),
        }
    }
}
