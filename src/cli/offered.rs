//! What is handed over for a sign-off: the id of a request, files and pastes with requests and answers to them.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use super::exit::Exit;
use super::failure::Failure;
use super::out;
use crate::broker::sign_off::Offered;
use crate::host::files::FileError;
use crate::host::handed;
use crate::model::name::Id;
use crate::model::sign_off::gather::{GatherError, Gathered, gather};
use crate::model::text::escaped;

/// Reads what is handed over with an elevation; `-` is a paste, which ends with an answer.
pub fn offered(request: Option<&Id>, files: &[PathBuf]) -> Result<Offered, Failure> {
    let mut papers = Gathered::default();
    for file in files {
        let gathered = handed_over(file, &|gathered| !gathered.approvals.is_empty())?;
        papers.join(gathered).map_err(|error| useless(file, &error))?;
    }
    Ok(Offered { request: request.cloned(), papers })
}

/// Reads a file that was sent to somebody, or for `-` what is pasted, which ends on a terminal when it is enough.
pub fn handed_over(file: &Path, is_enough: &dyn Fn(&Gathered) -> bool) -> Result<Gathered, Failure> {
    if is_paste(file) && io::stdin().is_terminal() {
        out::say("Paste the block, from its BEGIN to its END, and Enter (Ctrl-D ends it):");
    }
    let read = handed::read(file, &|text| gather(text).is_ok_and(|gathered| is_enough(&gathered)));
    let bytes = read.map_err(|error: FileError| {
        let failure = Failure::new(Exit::Failed, format!("{} cannot be read", name_of(file)));
        let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        failure.because(why).hint("it is a file that you were sent, or `-` for a paste")
    })?;
    gather(&bytes).map_err(|error| useless(file, &error))
}

/// What was handed over, by its name for a person.
pub fn name_of(file: &Path) -> String {
    if is_paste(file) { "what was pasted".to_owned() } else { escaped(&file.display().to_string()) }
}

fn is_paste(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn useless(file: &Path, error: &GatherError) -> Failure {
    let failure = Failure::new(Exit::Failed, format!("{} is no whole request or answer", name_of(file)));
    failure
        .caused_by(error)
        .hint("have it sent again, whole: from its BEGIN to its END; as a file if the channel bends it")
}
