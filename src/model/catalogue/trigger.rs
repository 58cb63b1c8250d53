//! Triggers: what counts as an emergency, and how an incident is told from a typing error.

use regex_lite::Regex;

use super::file::Files;
use super::mistake::quoted;
use super::reader::{Entry, Value};
use crate::model::name::{Incident, PersonName, ProfileName, TriggerName};

/// The longest pattern for incidents, in bytes; compiling time and size follow from it.
const LONGEST_PATTERN: usize = 256;

/// The most that a compiled pattern may take, in bytes.
const LARGEST_PATTERN: usize = 64 * 1024;

/// What may stand for a value in an argument of `confirm`.
const PLACEHOLDERS: [&str; 3] = ["{incident}", "{person}", "{profile}"];

/// One kind of emergency.
#[derive(Clone, Debug)]
pub struct Trigger {
    /// Its name.
    pub name: TriggerName,
    /// What it is, for people.
    pub summary: String,
    /// The form of its incident references, as the catalogue has it.
    pub pattern: String,
    /// The program that must confirm an incident.
    pub confirm: Option<Confirm>,
    incident: Regex,
}

impl Trigger {
    /// Whether the whole reference has this trigger's form.
    pub fn matches(&self, incident: &Incident) -> bool {
        self.incident.is_match(incident.as_str())
    }
}

/// A program that must exit with 0 before a trigger counts. It is run without a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirm(Vec<String>);

impl Confirm {
    /// The program and its arguments, placeholders as they are written; a relative program has been resolved.
    pub fn template(&self) -> &[String] {
        &self.0
    }

    /// The program and its arguments with the placeholders filled in.
    pub fn argv(&self, incident: &Incident, person: &PersonName, profile: &ProfileName) -> Vec<String> {
        // None of the three can hold a brace, so that no value is taken for a placeholder.
        let values = [incident.as_str(), person.as_str(), profile.as_str()];
        let fill = |word: &String| {
            PLACEHOLDERS.iter().zip(values).fold(word.clone(), |text, (place, value)| text.replace(place, value))
        };
        let (program, arguments) = self.0.split_at(1);
        program.iter().cloned().chain(arguments.iter().map(fill)).collect()
    }
}

/// Reads `[triggers.<name>]`.
pub(super) fn read(entry: Entry<'_>, files: &mut Files<'_>) -> Option<Trigger> {
    let name = entry.name(TriggerName::parse);
    let mut section = entry.value.section(format!("triggers.{}", entry.key))?;
    let summary = section.required("summary").and_then(Value::line);
    let incident = section.required("incident").and_then(pattern);
    let confirm = section.optional("confirm").map_or(Some(None), |value| confirm(value, files).map(Some));
    section.close();
    let (pattern, incident) = incident?;
    Some(Trigger { name: name?, summary: summary?, pattern, confirm: confirm?, incident })
}

fn pattern(value: Value<'_>) -> Option<(String, Regex)> {
    let text = value.text()?;
    if text.is_empty() || text.len() > LONGEST_PATTERN {
        return value.wrong(format!("a pattern has 1 to {LONGEST_PATTERN} bytes, this one {}", text.len()));
    }
    // Compiled by itself first: `a)(b` must not become valid by what is put around it.
    let compiled = regex_lite::RegexBuilder::new(text)
        .size_limit(LARGEST_PATTERN)
        .build()
        .and_then(|_| regex_lite::RegexBuilder::new(&format!("^(?:{text})$")).size_limit(LARGEST_PATTERN).build());
    match compiled {
        Ok(regex) => Some((text.to_owned(), regex)),
        Err(error) => value.wrong(format!("{} is not a regular expression: {error}", quoted(text))),
    }
}

fn confirm(value: Value<'_>, files: &mut Files<'_>) -> Option<Confirm> {
    let mut argv = value.list(|item| {
        let text = item.text()?;
        match unknown_placeholder(text) {
            Some(unknown) => item.wrong_because(
                format!("{} is not a placeholder", quoted(unknown)),
                format!("allowed: {}", PLACEHOLDERS.join(", ")),
            ),
            None if text.contains('\0') => item.wrong("an argument cannot hold a NUL"),
            None => Some(text.to_owned()),
        }
    })?;
    let Some(program) = value.items()?.first().copied().filter(|_| !argv[0].is_empty()) else {
        return value.wrong("`confirm` must begin with a program: absolute, or relative to the catalogue's folder");
    };
    argv[0] = files.program(program)?.display().to_string();
    Some(Confirm(argv))
}

/// The first `{word}` that is none of the placeholders.
fn unknown_placeholder(text: &str) -> Option<&str> {
    text.match_indices('{').find_map(|(start, _)| {
        let end = start + text[start..].find('}')? + 1;
        let inside = &text[start + 1..end - 1];
        let is_word = !inside.is_empty() && inside.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        (is_word && !PLACEHOLDERS.contains(&&text[start..end])).then(|| &text[start..end])
    })
}
