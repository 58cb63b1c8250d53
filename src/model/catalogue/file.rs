//! The files that a catalogue names: policies, runbooks, certificates.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::mistake::quoted;
use super::reader::Value;
use crate::model::name::Digest;

/// Reads a file whose path has been resolved; says in its error, in one clause, why it could not.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> Result<Vec<u8>, String>;

/// A file that the catalogue names, with its content at the time of loading.
#[derive(Debug)]
pub struct NamedFile {
    /// The name as the catalogue has it.
    pub named: String,
    /// Where it was found.
    pub path: PathBuf,
    /// Its content.
    pub bytes: Vec<u8>,
    /// The content's hash.
    pub digest: Digest,
}

/// The files that were read so far: each is read once.
pub(super) struct Files<'a> {
    folder: &'a Path,
    read: ReadFile<'a>,
    found: BTreeMap<PathBuf, Result<Arc<NamedFile>, String>>,
}

impl<'a> Files<'a> {
    /// Will read files, relative ones below `folder`.
    pub(super) fn new(folder: &'a Path, read: ReadFile<'a>) -> Self {
        Files { folder, read, found: BTreeMap::new() }
    }

    /// The file that a value names.
    pub(super) fn read(&mut self, value: Value<'_>) -> Option<Arc<NamedFile>> {
        let named = value.text()?;
        if named.is_empty() || named.contains('\0') {
            return value.wrong(format!("{} is not a file's name", quoted(named)));
        }
        let path = self.folder.join(named);
        let read = self.read;
        let found = self.found.entry(path).or_insert_with_key(|path| {
            let bytes = read(path)?;
            Ok(Arc::new(NamedFile { named: named.to_owned(), path: path.clone(), digest: Digest::of(&bytes), bytes }))
        });
        match found {
            Ok(file) => Some(Arc::clone(file)),
            Err(error) => value.wrong(format!("{} cannot be read: {error}", quoted(named))),
        }
    }

    /// All files that could be read.
    pub(super) fn into_files(self) -> Vec<Arc<NamedFile>> {
        self.found.into_values().filter_map(Result::ok).collect()
    }
}
