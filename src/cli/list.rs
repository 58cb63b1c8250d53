//! `glass list`: the profiles there are, and which of them are for this person.

use serde::Serialize;

use super::args;
use super::catalogue::warn_of_broken;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::out::{self, Paint, Style};
use super::reminder;
use crate::model::catalogue::{Catalogue, Profile};
use crate::model::name::{LevelName, PersonName, ProfileName, Region, RoleArn, StepName, TriggerName};
use crate::model::policy;
use crate::model::text::escaped;
use crate::model::time::show_duration;

/// Runs the command.
pub fn run(args: &args::List, context: &Context) -> Result<Exit, Failure> {
    let catalogue = context.catalogue()?;
    warn_of_broken(&catalogue, None);
    let person = context.person();
    let rows: Vec<Row> = catalogue.profiles().map(|profile| Row::of(&catalogue, profile, person.as_ref())).collect();
    reminder::remind(context);
    if args.json {
        out::print_json(&rows)?;
        return Ok(Exit::Done);
    }
    out::print(&table(&rows, Paint::for_stdout(context.color())))?;
    out::say(&match person {
        Some(person) => format!("* is for {person}"),
        None => "nothing is marked: there is no identity file that says who you are".to_owned(),
    });
    Ok(Exit::Done)
}

/// A profile in short, as `--json` has it.
#[derive(Serialize)]
pub struct Row<'a> {
    profile: &'a ProfileName,
    summary: &'a str,
    level: &'a LevelName,
    role: &'a RoleArn,
    region: &'a Region,
    duration: u64,
    max_duration: u64,
    approvals: u32,
    triggers: &'a [TriggerName],
    allowed: bool,
    #[serde(skip)]
    steps: String,
}

impl<'a> Row<'a> {
    /// A profile as `person` sees it.
    pub fn of(catalogue: &Catalogue, profile: &'a Profile, person: Option<&PersonName>) -> Row<'a> {
        Row {
            profile: &profile.name,
            summary: &profile.summary,
            level: &profile.level.name,
            role: &profile.role,
            region: &profile.region,
            duration: profile.duration.as_secs(),
            max_duration: profile.max_duration.as_secs(),
            approvals: profile.approvals(),
            triggers: &profile.triggers,
            allowed: person.is_some_and(|person| policy::objections(catalogue, profile, person).is_empty()),
            steps: steps(profile),
        }
    }
}

/// The steps that a profile has, as they stand behind its summary.
fn steps(profile: &Profile) -> String {
    let names: Vec<&str> = profile.steps.keys().map(StepName::as_str).collect();
    match names.join(", ") {
        names if names.is_empty() => names,
        names if profile.only_steps => format!(" (only steps: {names})"),
        names => format!(" (steps: {names})"),
    }
}

fn table(rows: &[Row<'_>], paint: Paint) -> String {
    let cells = |row: &Row<'_>| {
        let triggers: Vec<&str> = row.triggers.iter().map(TriggerName::as_str).collect();
        let most = show_duration(std::time::Duration::from_secs(row.max_duration));
        [
            row.profile.to_string(),
            most,
            row.approvals.to_string(),
            triggers.join(", "),
            escaped(row.summary) + &row.steps,
        ]
    };
    let titles = ["PROFILE", "AT MOST", "APPROVALS", "TRIGGERS", "SUMMARY"].map(str::to_owned);
    let lines: Vec<(bool, [String; 5])> = rows.iter().map(|row| (row.allowed, cells(row))).collect();
    let widest =
        |column: usize| lines.iter().map(|(_, line)| &line[column]).chain([&titles[column]]).map(String::len).max();
    let widths: [usize; 5] = std::array::from_fn(|column| if column == 4 { 0 } else { widest(column).unwrap_or(0) });
    let line = |cells: &[String; 5]| {
        let padded: Vec<String> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        padded.join("  ")
    };
    let mut text = format!("  {}\n", paint.paint(Style::Faint, &line(&titles)));
    for (allowed, cells) in &lines {
        let shown = line(cells);
        text += &if *allowed { format!("* {}\n", paint.paint(Style::Good, &shown)) } else { format!("  {shown}\n") };
    }
    text
}
