//! The files that a catalogue names: policies, runbooks, certificates, programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::mistake::quoted;
use super::reader::{Flaws, Value};
use crate::model::name::Digest;

/// What came of looking at a file; an error says, in one clause, why it could not be.
type Looked<T> = Result<T, String>;

/// How the files that a catalogue names are looked at, by their resolved paths.
#[derive(Clone, Copy)]
pub struct Beside<'a> {
    /// Reads a file.
    pub read: &'a dyn Fn(&Path) -> Looked<Vec<u8>>,
    /// Checks a program that is to be run; gives its content, unless it is too large to be kept.
    pub check: &'a dyn Fn(&Path) -> Looked<Option<Vec<u8>>>,
}

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

impl NamedFile {
    fn new(named: &str, path: &Path, bytes: Vec<u8>) -> Arc<Self> {
        Arc::new(NamedFile { named: named.to_owned(), path: path.to_owned(), digest: Digest::of(&bytes), bytes })
    }
}

/// The files that were read so far: each is read once.
pub(super) struct Files<'a> {
    folder: &'a Path,
    beside: Beside<'a>,
    found: BTreeMap<PathBuf, Looked<Arc<NamedFile>>>,
    /// The programs that cannot be run here.
    unfit: Flaws,
}

impl<'a> Files<'a> {
    /// Will read files, relative ones below `folder`.
    pub(super) fn new(folder: &'a Path, beside: Beside<'a>) -> Self {
        Files { folder, beside, found: BTreeMap::new(), unfit: Flaws::default() }
    }

    /// The file that a value names.
    pub(super) fn read(&mut self, value: Value<'_>) -> Option<Arc<NamedFile>> {
        let (named, path) = self.named(value)?;
        let read = self.beside.read;
        let found = self.found.entry(path).or_insert_with_key(|path| Ok(NamedFile::new(named, path, read(path)?)));
        match found {
            Ok(file) => Some(Arc::clone(file)),
            Err(error) => value.wrong(format!("{} cannot be read: {error}", quoted(named))),
        }
    }

    /// The path of the program that a value names. One that cannot be run here stops nobody who does not need it.
    pub(super) fn program(&mut self, value: Value<'_>) -> Option<PathBuf> {
        let (named, path) = self.named(value)?;
        match (self.beside.check)(&path) {
            Ok(None) => {}
            Ok(Some(bytes)) => drop(self.found.insert(path.clone(), Ok(NamedFile::new(named, &path, bytes)))),
            Err(error) => value.note_in(&self.unfit, format!("{} cannot be run: {error}", quoted(named))),
        }
        Some(path)
    }

    fn named<'v>(&self, value: Value<'v>) -> Option<(&'v str, PathBuf)> {
        let named = value.text()?;
        if named.is_empty() || named.contains('\0') {
            return value.wrong(format!("{} is not a file's name", quoted(named)));
        }
        Some((named, self.folder.join(named)))
    }

    /// What is wrong with the programs; from here on nothing is.
    pub(super) fn take_unfit(&mut self) -> Flaws {
        std::mem::take(&mut self.unfit)
    }

    /// All files that could be read.
    pub(super) fn into_files(self) -> Vec<Arc<NamedFile>> {
        self.found.into_values().filter_map(Result::ok).collect()
    }
}
