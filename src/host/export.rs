//! Files and folders that are written for others: whole or not at all, for their owner alone, never over what is there.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::{error, fmt};

/// Something that is being written under another name, until it is whole.
struct Unfinished {
    to: PathBuf,
    path: PathBuf,
}

/// A new file, 0600.
pub struct NewFile {
    unfinished: Unfinished,
    file: BufWriter<File>,
}

/// A new folder, 0700, of files with 0600.
pub struct NewFolder(Unfinished);

/// Why it was not written.
#[derive(Debug)]
pub enum ExportError {
    /// Something is there already.
    Taken(PathBuf),
    /// The system does not let it be written.
    File {
        /// What was being done.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExportError::Taken(path) => write!(f, "there is something at {} already", path.display()),
            ExportError::File { doing, path, .. } => write!(f, "cannot {doing} {}", path.display()),
        }
    }
}

impl error::Error for ExportError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            ExportError::Taken(_) => None,
            ExportError::File { source, .. } => Some(source),
        }
    }
}

impl NewFile {
    /// Begins a file where there must be nothing yet.
    ///
    /// # Errors
    /// When something is there, or nothing can be written there.
    pub fn begin(to: &Path) -> Result<Self, ExportError> {
        if to.symlink_metadata().is_ok() {
            return Err(ExportError::Taken(to.to_owned()));
        }
        let unfinished = Unfinished::beside(to);
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished.path);
        let file = made.map_err(failed("make", to)).map(BufWriter::new)?;
        Ok(NewFile { unfinished, file })
    }

    /// Gives the file its name, on the disk for good.
    ///
    /// # Errors
    /// When it cannot be written to its end; then there is none.
    pub fn keep(mut self) -> Result<(), ExportError> {
        self.file
            .flush()
            .and_then(|()| self.file.get_ref().sync_all())
            .map_err(failed("write", &self.unfinished.to))?;
        self.unfinished.keep()
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl NewFolder {
    /// Begins a folder where there is nothing, or an empty one.
    ///
    /// # Errors
    /// When something else is there, or nothing can be written there.
    pub fn begin(to: &Path) -> Result<Self, ExportError> {
        let is_empty = || fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_none());
        if to.symlink_metadata().is_ok_and(|found| !found.is_dir() || !is_empty()) {
            return Err(ExportError::Taken(to.to_owned()));
        }
        let unfinished = Unfinished::beside(to);
        DirBuilder::new().mode(0o700).create(&unfinished.path).map_err(failed("make", to))?;
        Ok(NewFolder(unfinished))
    }

    /// Writes a file of it, with the folders above.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        let path = self.0.path.join(name);
        let folder = path.parent().unwrap_or(&self.0.path);
        let made =
            DirBuilder::new().recursive(true).mode(0o700).create(folder).and_then(|()| {
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?.write_all(bytes)
            });
        made.map_err(failed("write", &self.0.to.join(name)))
    }

    /// Gives the folder its name. Whether all of it is on the disk after a loss of power, its checkpoint shows.
    ///
    /// # Errors
    /// When it cannot; then there is none.
    pub fn keep(self) -> Result<(), ExportError> {
        self.0.keep()
    }
}

impl Unfinished {
    fn beside(to: &Path) -> Self {
        let name = to.file_name().unwrap_or_default().to_string_lossy();
        Unfinished { to: to.to_owned(), path: to.with_file_name(format!(".{name}.glass-{}", std::process::id())) }
    }

    fn keep(self) -> Result<(), ExportError> {
        fs::rename(&self.path, &self.to).map_err(failed("make", &self.to))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // What was kept has another name now.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ExportError {
    let path = path.to_owned();
    move |source| ExportError::File { doing, path, source }
}
