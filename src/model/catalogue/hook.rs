//! `[[hooks]]`: who is told of what happens, and how.
//!
//! Keeps the promise that what is told goes nowhere in the clear, and that no secret is in the catalogue.

use std::path::Path;

use super::mistake::quoted;
use super::reader::{Section, Value};
use crate::model::identity::Source;
use crate::model::name::{HookName, TopicArn};
use crate::model::web_address::WebAddress;

/// One that is told.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Its name, which no other has.
    pub name: HookName,
    /// The events that it is told of.
    pub on: Vec<&'static str>,
    /// How it is told.
    pub call: HookCall,
    /// Whether nobody gets a session before it was told of the intent.
    pub required: bool,
}

/// How one is told.
#[derive(Clone, Debug)]
pub enum HookCall {
    /// The entry is posted.
    Webhook(WebAddress),
    /// A program reads the entry, without a shell: its path and its arguments.
    Program(Vec<String>),
    /// The entry is published.
    Topic {
        /// Where.
        topic: TopicArn,
        /// The AWS CLI profile that publishes; none for the source of the daily identity.
        source: Option<Source>,
    },
}

/// The event that a required hook is told of before anything is sent to AWS.
pub const INTENT: &str = "elevate.intent";

/// The events that there can be hooks on: what people do, and what came of it. Each of them is on the disk for good
/// before anybody is told of it, and none of them comes of a hook.
const EVENTS: [&str; 11] = [
    "request.made",
    "request.signed",
    "request.denied",
    "request.used",
    INTENT,
    "elevate.ok",
    "elevate.fail",
    "elevate.refused",
    "override.used",
    "review.closed",
    "session.end",
];

/// The most hooks that there can be.
const MOST: usize = 16;

impl Hook {
    /// Whether it is told of an event.
    pub fn is_on(&self, event: &str) -> bool {
        self.on.contains(&event)
    }
}

impl HookCall {
    /// What kind of call it is.
    pub fn kind(&self) -> &'static str {
        match self {
            HookCall::Webhook(_) => "webhook",
            HookCall::Program(_) => "program",
            HookCall::Topic { .. } => "sns",
        }
    }
}

/// Whether there can be hooks on an event.
pub fn can_be_told(event: &str) -> bool {
    EVENTS.contains(&event)
}

/// Reads `[[hooks]]`; a relative program is beside the catalogue.
pub(super) fn read(value: Value<'_>, folder: &Path) -> Option<Vec<Hook>> {
    let items = value.items()?;
    if items.len() > MOST {
        return value.wrong(format!("there are more than {MOST} hooks"));
    }
    let mut names = Vec::new();
    let read: Vec<_> = items.into_iter().map(|item| hook(item, folder, &mut names)).collect();
    read.into_iter().collect()
}

fn hook(value: Value<'_>, folder: &Path, names: &mut Vec<HookName>) -> Option<Hook> {
    let mut section = value.section("hooks".to_owned())?;
    let name = section.required("name").and_then(|value| {
        let name = value.parsed(HookName::parse)?;
        if names.contains(&name) {
            return value.wrong(format!("there are two hooks {}", quoted(name.as_str())));
        }
        names.push(name.clone());
        Some(name)
    });
    let on = section.required("on").and_then(events);
    let call = call(&mut section, folder);
    let written = section.optional("required");
    let required = written.map_or(Some(false), Value::boolean);
    section.close();
    let (on, required) = (on?, required?);
    if required && !on.contains(&INTENT) {
        return written?.wrong(format!("`required` is for hooks on \"{INTENT}\", for which a session can wait"));
    }
    Some(Hook { name: name?, on, call: call?, required })
}

fn events(value: Value<'_>) -> Option<Vec<&'static str>> {
    let words = EVENTS.map(|event| (event, event));
    let on = value.list(|item| item.one_of(&words))?;
    if on.is_empty() {
        return value.wrong("`on` must name at least one event");
    }
    let twice = on.iter().enumerate().find(|(place, event)| on[..*place].contains(event));
    match twice {
        Some((_, event)) => value.wrong(format!("{} is named twice", quoted(event))),
        None => Some(on),
    }
}

fn call(section: &mut Section<'_>, folder: &Path) -> Option<HookCall> {
    let [webhook, program, topic] = ["webhook", "program", "sns"].map(|key| section.optional(key));
    let profile = section.optional("profile");
    let source = profile.map_or(Some(None), |value| value.line().map(Source::Profile).map(Some));
    let call = match (webhook, program, topic) {
        (Some(value), None, None) => value.parsed(address).map(HookCall::Webhook),
        (None, Some(value), None) => argv(value, folder).map(HookCall::Program),
        (None, None, Some(value)) => Some(HookCall::Topic { topic: value.parsed(TopicArn::parse)?, source: source? }),
        _ => section.wrong(format!("exactly one of `webhook`, `program` and `sns` is needed {}", section.place())),
    };
    match (profile, topic) {
        (Some(profile), None) => profile.wrong("`profile` is for `sns`: nobody signs in for the others"),
        (Some(_) | None, Some(_)) | (None, None) => call,
    }
}

fn address(text: &str) -> Result<WebAddress, String> {
    WebAddress::parse(text).map_err(|why| format!("{} is no address of a webhook: {why}", quoted(text)))
}

fn argv(value: Value<'_>, folder: &Path) -> Option<Vec<String>> {
    let mut argv = value.list(|item| {
        let text = item.text()?;
        if text.contains('\0') { item.wrong("an argument cannot hold a NUL") } else { Some(text.to_owned()) }
    })?;
    match argv.first_mut() {
        Some(program) if !program.is_empty() => *program = folder.join(&*program).display().to_string(),
        Some(_) | None => {
            return value.wrong("`program` must begin with a program: absolute, or relative to the catalogue's folder");
        }
    }
    Some(argv)
}
