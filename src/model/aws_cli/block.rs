//! The marked block in `~/.aws/config` by which the AWS CLI and the SDKs call glass.

use std::collections::BTreeMap;
use std::fmt;

use super::{Kind, What, find_profile, lines, profile_of};
use crate::model::name::{ProfileName, Region};
use crate::model::text::escaped;

const BEGIN: &str = "# >>> glass configure >>>";
const NOTE: &str = "# `glass configure` writes what is between these marks, and loses what is changed by hand.";
const END: &str = "# <<< glass configure <<<";

/// A text of `~/.aws/config` in its parts.
#[derive(Debug)]
pub struct Config<'t> {
    before: &'t str,
    has_block: bool,
    /// What is below each header of the block.
    entries: BTreeMap<String, String>,
    after: &'t str,
}

/// What is the same for all entries.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The absolute path of glass.
    pub glass: String,
    /// The absolute path of the catalogue, unless it is where glass looks by itself.
    pub catalogue: Option<String>,
    /// The catalogue's endpoint.
    pub endpoint: Option<String>,
    /// The absolute path of the catalogue's certificates.
    pub ca_bundle: Option<String>,
    /// What comes before a profile's name.
    pub prefix: String,
}

impl<'t> Config<'t> {
    /// Finds the block, or the place for one at the end.
    ///
    /// # Errors
    /// When the marks are not a pair.
    pub fn parse(text: &'t str) -> Result<Self, BlockError> {
        let mut marks = Vec::new();
        let mut at = 0;
        for (index, line) in text.split_inclusive('\n').enumerate() {
            if [BEGIN, END].contains(&line.trim()) {
                marks.push((line.trim(), at, at + line.len(), index + 1));
            }
            at += line.len();
        }
        match marks.as_slice() {
            [] => Ok(Config { before: text, has_block: false, entries: BTreeMap::new(), after: "" }),
            [(BEGIN, begin, inner, _), (END, end, after, _)] => {
                let entries = entries(&text[*inner..*end]);
                Ok(Config { before: &text[..*begin], has_block: true, entries, after: &text[*after..] })
            }
            [(_, _, _, line), ..] => Err(BlockError::Marks(*line)),
        }
    }

    /// Leaves only these entries, by the names of their AWS CLI profiles.
    pub fn retain(&mut self, stays: impl Fn(&str) -> bool) {
        self.entries.retain(|header, _| profile_of(Kind::Config, header).is_some_and(&stays));
    }

    /// Adds the entry of a profile, over an older one of its name.
    ///
    /// # Errors
    /// When a profile of this name stands outside the block, or a path cannot be written.
    pub fn add(&mut self, profile: &ProfileName, region: &Region, caller: &Caller) -> Result<(), BlockError> {
        let name = format!("{}{profile}", caller.prefix);
        let is_valid = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if !caller.prefix.chars().all(is_valid) || caller.prefix.len() > 64 {
            return Err(BlockError::Prefix(caller.prefix.clone()));
        }
        if [self.before, self.after].iter().any(|text| find_profile(Kind::Config, text, &name).is_some()) {
            return Err(BlockError::Taken(name));
        }
        let mut body = format!("credential_process = {}\nregion = {region}\n", caller.command(profile)?);
        for (key, value) in [("endpoint_url", &caller.endpoint), ("ca_bundle", &caller.ca_bundle)] {
            if let Some(value) = value {
                body.push_str(&[key, " = ", line(value)?, "\n"].concat());
            }
        }
        self.entries.insert(format!("profile {name}"), body);
        Ok(())
    }

    /// The names of the AWS CLI profiles in the block.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().filter_map(|header| profile_of(Kind::Config, header))
    }

    /// The block alone; nothing when it has no entry.
    pub fn block(&self) -> String {
        if self.entries.is_empty() {
            return String::new();
        }
        let entries: String = self.entries.iter().map(|(header, body)| format!("[{header}]\n{body}")).collect();
        format!("{BEGIN}\n{NOTE}\n{entries}{END}\n")
    }

    /// The whole text: a new block comes last, after a blank line, which goes with it again.
    pub fn text(&self) -> String {
        let block = self.block();
        let space = match (self.has_block, block.is_empty()) {
            (false, false) if self.before.is_empty() => "",
            (false, false) if self.before.ends_with('\n') => "\n",
            (false, false) => "\n\n",
            (true, false) | (false, true) => "",
            (true, true) => {
                let before = self.before.strip_suffix('\n').filter(|text| text.ends_with('\n'));
                return [before.unwrap_or(self.before), self.after].concat();
            }
        };
        [self.before, space, &block, self.after].concat()
    }
}

fn entries(text: &str) -> BTreeMap<String, String> {
    let mut entries: BTreeMap<String, String> = BTreeMap::new();
    for line in lines(text) {
        let Some(header) = line.header else { continue };
        let body = entries.entry(header.to_owned()).or_default();
        if line.what != What::Header {
            body.push_str(line.text);
        }
    }
    entries
}

impl Caller {
    fn command(&self, profile: &ProfileName) -> Result<String, BlockError> {
        let mut words = vec![self.glass.as_str()];
        if let Some(catalogue) = &self.catalogue {
            words.extend(["--catalogue", catalogue]);
        }
        words.extend(["credential-process", profile.as_str()]);
        let words: Vec<_> = words.into_iter().map(quoted).collect();
        line(&words.join(" ")).map(str::to_owned)
    }
}

/// A word as `sh` and Python's `shlex` read it back: both kinds of client are about.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+=,-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A value that every client reads back whole: some take ` #` and ` ;` for the beginning of a comment.
fn line(value: &str) -> Result<&str, BlockError> {
    let cut = [" #", " ;", "\t#", "\t;"].iter().any(|mark| value.contains(mark));
    if cut || value.chars().any(char::is_control) { Err(BlockError::Unwritable(value.to_owned())) } else { Ok(value) }
}

/// Why a block cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockError {
    /// The marks are not one pair; the line of the first.
    Marks(usize),
    /// A profile of this name is there already, and not from glass.
    Taken(String),
    /// A prefix that no profile's name may begin with.
    Prefix(String),
    /// A value that the clients would cut short.
    Unwritable(String),
}

impl fmt::Display for BlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlockError::Marks(line) => write!(f, "the marks `{BEGIN}` and `{END}` are not one pair (line {line})"),
            BlockError::Taken(name) => write!(f, "the AWS CLI has a profile `{name}` that is not from glass"),
            BlockError::Prefix(prefix) => {
                write!(f, "`{}` cannot be a prefix: at most 64 letters, digits, `_`, `.` and `-`", escaped(prefix))
            }
            BlockError::Unwritable(value) => {
                write!(f, "`{}` cannot be written into the AWS CLI's configuration", escaped(value))
            }
        }
    }
}

impl std::error::Error for BlockError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller() -> Caller {
        Caller {
            glass: "/usr/bin/glass".into(),
            catalogue: None,
            endpoint: None,
            ca_bundle: None,
            prefix: "glass-".into(),
        }
    }

    fn with(text: &str, profile: &str, caller: &Caller) -> Result<String, BlockError> {
        let mut config = Config::parse(text)?;
        let (profile, region) =
            (ProfileName::parse(profile).expect("valid"), Region::parse("eu-west-1").expect("valid"));
        config.add(&profile, &region, caller)?;
        Ok(config.text())
    }

    fn without(text: &str, stays: impl Fn(&str) -> bool) -> String {
        let mut config = Config::parse(text).expect("valid");
        config.retain(stays);
        config.text()
    }

    #[test]
    fn a_block_comes_last_and_goes_without_a_trace() {
        for text in ["", "[default]\nregion=us-east-1\n", "# only\n\n", "\r\n[default]\r\n", "\n"] {
            let once = with(text, "prod-db-emergency", &caller()).expect("valid");
            assert!(once.starts_with(text), "{once}");
            assert_eq!(with(&once, "prod-db-emergency", &caller()).expect("valid"), once, "twice is once");
            assert_eq!(without(&once, |_| false), text);
        }
        assert_eq!(without("[default]", |_| false), "[default]");
    }

    #[test]
    fn whatever_is_in_the_file_is_there_again_afterwards() {
        let pieces = ["", "\n", "\r\n", "a = 1\n", "  b\n", "[default]\n", "[profile x]\n", "# c\n"];
        for number in 0..pieces.len().pow(4) {
            let piece = |place| pieces[number / pieces.len().pow(place) % pieces.len()];
            let text: String = (0..4).map(piece).collect();
            let once = with(&text, "prod-db-emergency", &caller()).expect("valid");
            assert_eq!(without(&once, |_| false), text);
        }
    }

    #[test]
    fn what_is_around_the_block_stays_where_it_is() {
        let block = with("", "prod-db-emergency", &caller()).expect("valid");
        let text = format!("[default]\n\n{block}# after\n[profile x]\n");
        let more = with(&text, "dev-db-read", &caller()).expect("valid");
        assert!(
            more.starts_with("[default]\n\n# >>> glass") && more.ends_with("<<<\n# after\n[profile x]\n"),
            "{more}"
        );
        assert_eq!(Config::parse(&more).expect("valid").names().count(), 2);
        assert_eq!(without(&more, |name| name == "glass-prod-db-emergency"), text);
        assert_eq!(without(&more, |_| false), "[default]\n# after\n[profile x]\n");
    }

    #[test]
    fn an_entry_says_all_that_a_client_needs() {
        let caller = Caller {
            glass: "/opt/it's here/glass".into(),
            catalogue: Some("/etc/glass/b.toml".into()),
            endpoint: Some("http://127.0.0.1:4566".into()),
            ca_bundle: Some("/etc/ca.pem".into()),
            prefix: "bg.".into(),
        };
        let text = with("", "prod-db-emergency", &caller).expect("valid");
        let entry = "[profile bg.prod-db-emergency]\n\
            credential_process = '/opt/it'\\''s here/glass' --catalogue /etc/glass/b.toml credential-process prod-db-emergency\n\
            region = eu-west-1\nendpoint_url = http://127.0.0.1:4566\nca_bundle = /etc/ca.pem\n";
        assert!(text.contains(entry), "{text}");
    }

    #[test]
    fn what_cannot_be_written_says_why() {
        let taken = "[profile 'glass-prod-db-emergency']\nregion = x\n";
        assert_eq!(
            with(taken, "prod-db-emergency", &caller()),
            Err(BlockError::Taken("glass-prod-db-emergency".into()))
        );
        for text in [BEGIN.to_owned(), format!("a\n{END}\n{BEGIN}\n"), format!("{BEGIN}\n{END}\n{BEGIN}\n{END}\n")] {
            assert!(matches!(with(&text, "prod-db-emergency", &caller()), Err(BlockError::Marks(_))), "{text}");
        }
        let strange = |glass: &str, prefix: &str| {
            let caller = Caller { glass: glass.into(), prefix: prefix.into(), ..caller() };
            with("", "prod-db-emergency", &caller).expect_err("it cannot be written")
        };
        assert!(matches!(strange("/opt/a #b/glass", "p"), BlockError::Unwritable(_)));
        assert!(matches!(strange("/opt/a\nb/glass", "p"), BlockError::Unwritable(_)));
        assert!(matches!(strange("/glass", "]\n["), BlockError::Prefix(_)));
    }
}
