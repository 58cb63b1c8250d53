//! Steps of a runbook: commands by name that are approved beforehand, word for word.

use std::collections::BTreeMap;

use super::mistake::quoted;
use super::reader::{Entry, Value};
use crate::model::name::{Digest, StepName};

/// The most bytes of a step's words together, so that one entry of the ledger holds them, escaped and all.
const LONGEST_STEP: usize = 4 * 1024;

/// One pre-approved command. Only the loader makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    name: StepName,
    argv: Vec<String>,
}

impl Step {
    /// Its name.
    pub fn name(&self) -> &StepName {
        &self.name
    }

    /// An absolute program and its arguments.
    pub fn argv(&self) -> &[String] {
        &self.argv
    }

    /// The program.
    pub fn program(&self) -> &str {
        &self.argv[0]
    }

    /// SHA-256 of the words as a JSON list without white space (docs/formats.md, "Events").
    pub fn digest(&self) -> Digest {
        Digest::of(serde_json::json!(self.argv).to_string().as_bytes())
    }
}

/// Reads `steps`; `name` is how messages call the table.
pub(super) fn read(value: Value<'_>, name: String) -> Option<BTreeMap<StepName, Step>> {
    // Every step is read before the first failure counts, so that all mistakes are noted.
    let read: Vec<Option<Step>> = value.section(name)?.entries().into_iter().map(step).collect();
    read.into_iter().map(|step| step.map(|step| (step.name.clone(), step))).collect()
}

fn step(entry: Entry<'_>) -> Option<Step> {
    let name = entry.name(StepName::parse);
    let argv = entry.value.list(|item| match item.text()? {
        text if text.contains('\0') => item.wrong("an argument cannot hold a NUL"),
        text => Some(text.to_owned()),
    })?;
    match argv.first() {
        Some(program) if program.starts_with('/') => {}
        Some(program) => {
            return entry.value.wrong(format!("the program {} of a step must be absolute", quoted(program)));
        }
        None => return entry.value.wrong("a step must begin with an absolute program"),
    }
    let bytes: usize = argv.iter().map(String::len).sum();
    if bytes > LONGEST_STEP {
        return entry.value.wrong(format!("a step has {LONGEST_STEP} bytes at most, this one {bytes}"));
    }
    Some(Step { name: name?, argv })
}
