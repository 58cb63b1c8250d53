//! `glass runbook`: what to do, in the words of those who wrote the profile, at the moment of need.
//!
//! Keeps the promise that nothing in the file steers the terminal it is shown on.

use serde_json::{Value as Json, json};

use super::args;
use super::catalogue::warn_of_broken;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::out;
use super::show::steps;
use crate::broker;
use crate::host::pager;
use crate::model::catalogue::{NamedFile, Profile};
use crate::model::name::StepName;
use crate::model::text::escaped_lines;

/// How many lines of it a session begins with.
const FIRST_LINES: usize = 6;

/// The most characters of such a line.
const LONGEST_LINE: usize = 200;

/// Runs the command.
pub fn run(args: &args::Runbook, context: &Context) -> Result<Exit, Failure> {
    let catalogue = context.catalogue()?;
    let profile = broker::find(&catalogue, &args.profile)?;
    warn_of_broken(&catalogue, Some(&args.profile));
    let Some(runbook) = &profile.runbook else {
        return Err(Failure::new(Exit::Failed, format!("the profile {} has no runbook", profile.name))
            .hint("have the catalogue's owners name one: `runbook` of the profile"));
    };
    if args.json {
        out::print_json(&document(profile, runbook))?;
        return Ok(Exit::Done);
    }
    let text = shown(runbook);
    if !pager::show(&text) {
        out::print(&text)?;
    }
    Ok(Exit::Done)
}

/// The runbook for programs, as it is, and the steps as `glass show` has them.
fn document(profile: &Profile, runbook: &NamedFile) -> Json {
    let text = String::from_utf8_lossy(&runbook.bytes);
    let (path, sha256) = (&runbook.path, runbook.digest);
    json!({ "profile": profile.name, "path": path, "sha256": sha256, "text": text, "steps": steps(profile) })
}

/// Says how the runbook of a session begins, which steps there are, and how to see and run them.
pub fn announce(profile: &Profile) {
    if let Some(runbook) = &profile.runbook {
        begin(runbook);
        out::say(&format!("glass: the whole runbook: glass runbook {}", profile.name));
    }
    if !profile.steps.is_empty() {
        let names: Vec<&str> = profile.steps.keys().map(StepName::as_str).collect();
        out::say(&format!("glass: its steps, each run by glass step NAME: {}", names.join(", ")));
    }
}

fn begin(runbook: &NamedFile) {
    for line in shown(runbook).lines().take(FIRST_LINES) {
        let more = if line.chars().nth(LONGEST_LINE).is_some() { "…" } else { "" };
        out::say(&format!("  {}{more}", line.chars().take(LONGEST_LINE).collect::<String>()));
    }
}

/// The text as it may be shown; it ends with a line feed.
fn shown(runbook: &NamedFile) -> String {
    let text = escaped_lines(&String::from_utf8_lossy(&runbook.bytes));
    if text.ends_with('\n') { text } else { text + "\n" }
}
