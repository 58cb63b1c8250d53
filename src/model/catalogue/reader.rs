//! Walks a TOML document and notes every mistake on the way.
//!
//! A [`Section`] knows which of its keys were asked for, so that [`Section::close`]
//! finds the unknown ones; a [`Value`] knows its place. Reading goes on after a
//! mistake: `None` means that one was noted.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{Mistake, Source, quoted};
use crate::model::name::nearest;
use crate::model::text::{escaped, is_hostile};
use crate::model::time::parse_duration;

/// The most mistakes that are kept of one file or one profile; this bounds the time that a hopeless one takes.
pub const MOST_MISTAKES: usize = 100;

/// Among so many names the one that was meant is sought.
const MOST_CANDIDATES: usize = 500;

/// What was found wrong so far, in the order in which it was found.
#[derive(Default)]
pub struct Flaws(RefCell<Vec<Flaw>>);

struct Flaw {
    span: Range<usize>,
    message: String,
    hint: Option<String>,
}

impl Flaws {
    /// Notes what is wrong with a range of bytes of the text.
    pub fn note(&self, span: Range<usize>, message: String, hint: Option<String>) {
        let mut flaws = self.0.borrow_mut();
        if flaws.len() < MOST_MISTAKES {
            flaws.push(Flaw { span, message, hint });
        }
    }

    /// Whether nothing was found wrong.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Makes mistakes of what was noted, in the order of the text.
    pub fn into_mistakes(self, source: &Source<'_>) -> Vec<Mistake> {
        let mut flaws = self.0.into_inner();
        flaws.sort_by_key(|flaw| flaw.span.start);
        flaws.into_iter().map(|flaw| source.mistake(&flaw.span, flaw.message, flaw.hint)).collect()
    }
}

/// A value with its place.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    name: &'a str,
    item: &'a Spanned<DeValue<'a>>,
    flaws: &'a Flaws,
}

impl<'a> Value<'a> {
    /// Notes that the value is wrong.
    pub fn wrong<T>(self, message: impl Into<String>) -> Option<T> {
        self.flaws.note(self.item.span(), message.into(), None);
        None
    }

    /// Notes something about the value elsewhere: it can be used.
    pub fn note_in(self, flaws: &Flaws, message: String) {
        flaws.note(self.item.span(), message, None);
    }

    /// Notes that the value is wrong, and what to do about it.
    pub fn wrong_because<T>(self, message: impl Into<String>, hint: impl Into<String>) -> Option<T> {
        self.flaws.note(self.item.span(), message.into(), Some(hint.into()));
        None
    }

    fn not_a<T>(self, wanted: &str) -> Option<T> {
        let found = match self.item.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.wrong(format!("{} must be {wanted}, not {found}", quoted(self.name)))
    }

    /// The text that the value is.
    pub fn text(self) -> Option<&'a str> {
        match self.item.get_ref().as_str() {
            Some(text) => Some(text),
            None => self.not_a("a text"),
        }
    }

    /// The value of a text, made by a parser that says in its error what is wrong.
    pub fn parsed<T, E: Display>(self, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        match parse(self.text()?) {
            Ok(value) => Some(value),
            Err(error) => self.wrong(error.to_string()),
        }
    }

    /// A text for people: one line of 1 to 200 characters, none of which steers a terminal.
    pub fn line(self) -> Option<String> {
        let text = self.text()?;
        if text.trim().is_empty() || text.chars().count() > 200 || text.chars().any(is_hostile) {
            return self.wrong(format!(
                "{} must be one line of 1 to 200 characters, no control characters",
                quoted(self.name)
            ));
        }
        Some(text.to_owned())
    }

    /// A length of time.
    pub fn duration(self) -> Option<Duration> {
        self.parsed(parse_duration)
    }

    /// A truth.
    pub fn boolean(self) -> Option<bool> {
        match self.item.get_ref().as_bool() {
            Some(truth) => Some(truth),
            None => self.not_a("true or false"),
        }
    }

    /// A whole number within a range.
    pub fn number(self, least: u32, most: u32) -> Option<u32> {
        let wanted = format!("a whole number from {least} to {most}");
        let Some(integer) = self.item.get_ref().as_integer() else { return self.not_a(&wanted) };
        match u32::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) if (least..=most).contains(&number) => Some(number),
            Ok(_) | Err(_) => self.wrong(format!("{} must be {wanted}", quoted(self.name))),
        }
    }

    /// Notes that a name is none of those that exist, and which was perhaps meant.
    pub fn unknown<'k, T>(self, kind: &str, name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<T> {
        let message = format!("there is no {kind} {}", quoted(name));
        match nearest(name, known.into_iter().take(MOST_CANDIDATES)) {
            Some(near) => self.wrong_because(message, format!("did you mean {}?", quoted(near))),
            None => self.wrong(message),
        }
    }

    /// The version of the file's format, of which there is one so far.
    pub fn version(self) -> Option<u32> {
        match self.item.get_ref().as_integer() {
            Some(integer) if integer.as_str() == "1" => Some(1),
            Some(_) | None => self.wrong("`version` must be 1, the only one that this glass reads"),
        }
    }

    /// One of a few words.
    pub fn one_of<T: Copy>(self, words: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let allowed: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        self.wrong_because(
            format!("{} is nothing that {} can be", quoted(text), quoted(self.name)),
            format!("allowed: {}", allowed.join(", ")),
        )
    }

    /// The values of a list; empty when it is no list.
    pub fn items(self) -> Option<Vec<Value<'a>>> {
        let Some(array) = self.item.get_ref().as_array() else { return self.not_a("a list") };
        Some(array.iter().map(|item| Value { item, ..self }).collect())
    }

    /// A list of which every item is read in the same way.
    pub fn list<T>(self, read: impl FnMut(Value<'a>) -> Option<T>) -> Option<Vec<T>> {
        // Every item is read before the first failure counts, so that all mistakes are noted.
        let read: Vec<Option<T>> = self.items()?.into_iter().map(read).collect();
        read.into_iter().collect()
    }

    /// A list of texts.
    pub fn texts(self) -> Option<Vec<String>> {
        self.list(|item| item.text().map(str::to_owned))
    }

    /// The table that the value is; `name` is how messages call it, e.g. `levels.emergency`.
    pub fn section(self, name: String) -> Option<Section<'a>> {
        match self.item.get_ref().as_table() {
            Some(table) => Some(Section::new(name, self.item.span(), table, self.flaws)),
            None => self.not_a("a table"),
        }
    }

    /// A text within the table that the value is, if both are; notes nothing.
    pub fn text_of(self, key: &str) -> Option<&'a str> {
        self.item.get_ref().as_table()?.get(key)?.get_ref().as_str()
    }
}

/// A key of a table whose keys are names that people chose, and its value.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// The key as it was written.
    pub key: &'a str,
    /// Its value.
    pub value: Value<'a>,
    span: &'a Spanned<std::borrow::Cow<'a, str>>,
}

impl<'a> Entry<'a> {
    /// Notes that the key is wrong.
    pub fn wrong<T>(self, message: impl Into<String>) -> Option<T> {
        self.value.flaws.note(self.span.span(), message.into(), None);
        None
    }

    /// Notes that the key is wrong, and what to do about it.
    pub fn wrong_because<T>(self, message: impl Into<String>, hint: impl Into<String>) -> Option<T> {
        self.value.flaws.note(self.span.span(), message.into(), Some(hint.into()));
        None
    }

    /// The same entry, whose mistakes are noted elsewhere.
    pub fn noting_in<'b>(self, flaws: &'b Flaws) -> Entry<'b>
    where
        'a: 'b,
    {
        Entry { value: Value { flaws, ..self.value }, ..self }
    }

    /// The name that the key is.
    pub fn name<T, E: Display>(self, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        match parse(self.key) {
            Ok(name) => Some(name),
            Err(error) => self.wrong(error.to_string()),
        }
    }
}

/// A table that is being read.
pub struct Section<'a> {
    name: String,
    span: Range<usize>,
    table: &'a DeTable<'a>,
    known: Vec<&'static str>,
    planned: &'static [&'static str],
    flaws: &'a Flaws,
}

impl<'a> Section<'a> {
    /// Begins the reading of a table; `name` is how messages call it, empty for the file as a whole.
    pub fn new(name: String, span: Range<usize>, table: &'a DeTable<'a>, flaws: &'a Flaws) -> Self {
        Section { name, span, table, known: Vec::new(), planned: &[], flaws }
    }

    /// How messages call the table.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Notes that something is wrong with the table as a whole.
    pub fn wrong<T>(&self, message: impl Into<String>) -> Option<T> {
        self.flaws.note(self.span.clone(), message.into(), None);
        None
    }

    /// The value of a key that may be left out.
    pub fn optional(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.known.push(key);
        self.table.get(key).map(|item| Value { name: key, item, flaws: self.flaws })
    }

    /// What the tables in one of its tables say for a key, if they say a text; notes nothing.
    pub fn texts_below(&self, within: &'static str, key: &str) -> Vec<&'a str> {
        let tables = self.table.get(within).and_then(|item| item.get_ref().as_table());
        let items = tables.into_iter().flat_map(|tables| tables.values());
        items.filter_map(|item| Value { name: within, item, flaws: self.flaws }.text_of(key)).collect()
    }

    /// The value of a key that must be there; when it is not, that is noted.
    pub fn required(&mut self, key: &'static str) -> Option<Value<'a>> {
        match self.optional(key) {
            Some(value) => Some(value),
            None => self.wrong(format!("`{key}` is missing {}", self.place())),
        }
    }

    /// Notes each of these keys that is there: the feature that it asks for is not built.
    pub fn not_built(&mut self, keys: &'static [&'static str]) {
        self.planned = keys;
        for (key, _) in self.table.iter().filter(|(key, _)| keys.contains(&key.get_ref().as_ref())) {
            let name = key.get_ref();
            let hint = format!("leave `{name}` out: glass does not ignore what it cannot do");
            self.flaws.note(key.span(), format!("`{name}` is not built in this version of glass"), Some(hint));
        }
    }

    /// Ends the reading: notes every key that nobody asked for.
    pub fn close(self) {
        let asked = |key: &str| self.known.contains(&key) || self.planned.contains(&key);
        let unknown = self.table.keys().filter(|key| !asked(key.get_ref()));
        for key in unknown.take(MOST_MISTAKES) {
            let hint = match nearest(key.get_ref(), self.known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known keys: {}", self.known.join(", ")),
            };
            self.flaws.note(key.span(), format!("unknown key {} {}", quoted(key.get_ref()), self.place()), Some(hint));
        }
    }

    /// The entries of a table whose keys are names that people chose.
    pub fn entries(self) -> Vec<Entry<'a>> {
        let value = |key: &'a str, item| Value { name: key, item, flaws: self.flaws };
        self.table
            .iter()
            .map(|(span, item)| Entry { key: span.get_ref(), value: value(span.get_ref(), item), span })
            .collect()
    }

    /// Where a key is missing or unknown, for messages.
    pub fn place(&self) -> String {
        if self.name.is_empty() { "at the top of the file".to_owned() } else { format!("in [{}]", escaped(&self.name)) }
    }
}
