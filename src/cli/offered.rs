//! What a command line hands over for a sign-off: the id of a request, and files with answers to it.

use std::path::{Path, PathBuf};

use super::exit::Exit;
use super::failure::Failure;
use crate::broker::sign_off::Offered;
use crate::host::files::{self, FileError};
use crate::model::name::Id;
use crate::model::sign_off::gather::{GatherError, Gathered, gather};

/// Reads what is handed over; `-` is the standard input.
pub fn offered(request: Option<&Id>, files: &[PathBuf]) -> Result<Offered, Failure> {
    let mut papers = Gathered::default();
    for file in files {
        papers.join(gathered(file)?).map_err(|error| useless(file, &error))?;
    }
    Ok(Offered { request: request.cloned(), papers })
}

fn gathered(file: &Path) -> Result<Gathered, Failure> {
    let is_stdin = file.as_os_str() == "-";
    let read = if is_stdin { files::read_stdin() } else { files::read_anybodys(file) };
    let bytes = read.map_err(|error: FileError| {
        Failure::new(Exit::Usage, "what was handed over cannot be read")
            .caused_by(&error)
            .hint("--approval takes a file, or - for what is pasted")
    })?;
    gather(&bytes).map_err(|error| useless(file, &error))
}

fn useless(file: &Path, error: &GatherError) -> Failure {
    Failure::new(Exit::Usage, format!("{} cannot be used", file.display()))
        .because(error.to_string())
        .hint("give all of what the approver sent, from the first BEGIN line to the last END line")
}
