//! The identity file: who sits at this machine, and where their daily credentials come from.
//!
//! Text in, checked values out, with the mistakes of the catalogue's reader. It says who
//! somebody claims to be; AWS says whether that is so.

use std::fmt;
use std::path::Path;

use super::catalogue::document::{Document, DocumentError};
use super::catalogue::mistake::quoted;
use super::catalogue::reader::{Section, Value};
use super::name::{MfaSerial, PersonName};
use super::text::is_hostile;

/// Who I am, and how I prove it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The person of the catalogue.
    pub person: PersonName,
    /// Where the daily credentials come from; needed by commands that call AWS.
    pub source: Option<Source>,
    /// The MFA devices; when there are several the person is asked which.
    pub mfa: Vec<MfaSerial>,
    /// Where the MFA code comes from.
    pub code: CodeSource,
    /// The key to sign approvals with, as it is written: absolute, relative to this file, or below `~`.
    pub signing_key: Option<String>,
}

/// Where the daily credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A profile of the AWS CLI.
    Profile(String),
    /// A long-lived access key in a keyring.
    Keyring(Store),
}

/// A keyring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// The Secret Service of a Linux desktop.
    SecretService,
    /// The Keychain of macOS.
    Macos,
    /// The Linux kernel's own.
    Keyutils,
}

/// Where the MFA code comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeSource {
    /// The person is asked on the terminal.
    Ask,
    /// A program prints it: its absolute path and its arguments.
    Command(Vec<String>),
    /// It is computed from a seed in a keyring.
    Keyring(Store),
}

impl Store {
    /// All there are, the best first.
    pub const ALL: [Store; 3] = [Store::SecretService, Store::Macos, Store::Keyutils];

    const WORDS: [(&'static str, Store); 3] =
        [("secret-service", Store::SecretService), ("macos", Store::Macos), ("keyutils", Store::Keyutils)];

    /// The store's name in the identity file.
    pub fn name(self) -> &'static str {
        match self {
            Store::SecretService => "secret-service",
            Store::Macos => "macos",
            Store::Keyutils => "keyutils",
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The largest identity file that is read, in bytes.
const LARGEST_IDENTITY: usize = 64 * 1024;

impl Identity {
    /// Reads an identity file; `path` is its own, for messages.
    ///
    /// # Errors
    /// All its mistakes.
    pub fn load(path: &Path, bytes: &[u8]) -> Result<Identity, DocumentError> {
        Document::parse(path, bytes, LARGEST_IDENTITY)?.read(|section, _| walk(section))
    }

    /// The text that [`Identity::load`] reads back as this.
    pub fn format(&self) -> String {
        let text = |text: &str| toml::Value::from(text).to_string();
        let list = |items: &[String]| toml::Value::from(items.to_vec()).to_string();
        let mut lines = vec!["version = 1".to_owned(), format!("person = {}", text(self.person.as_str()))];
        lines.extend(self.source.as_ref().map(|source| match source {
            Source::Profile(name) => format!("source = {{ profile = {} }}", text(name)),
            Source::Keyring(store) => format!("source = {{ keyring = {} }}", text(store.name())),
        }));
        if !self.mfa.is_empty() {
            let serials: Vec<_> = self.mfa.iter().map(ToString::to_string).collect();
            lines.push(format!("mfa = {}", list(&serials)));
        }
        lines.push(match &self.code {
            CodeSource::Ask => "code = { ask = true }".to_owned(),
            CodeSource::Command(argv) => format!("code = {{ command = {} }}", list(argv)),
            CodeSource::Keyring(store) => format!("code = {{ keyring = {} }}", text(store.name())),
        });
        lines.extend(self.signing_key.as_ref().map(|path| format!("signing_key = {}", text(path))));
        lines.join("\n") + "\n"
    }
}

fn walk(mut top: Section<'_>) -> Option<Identity> {
    top.required("version").and_then(Value::version)?;
    let person = top.required("person").and_then(|value| value.parsed(PersonName::parse));
    let source = top.optional("source").map_or(Some(None), |value| source(value).map(Some));
    let mfa = top.optional("mfa").map_or(Some(Vec::new()), |value| value.list(|item| item.parsed(MfaSerial::parse)));
    let code = top.optional("code").map_or(Some(CodeSource::Ask), code);
    let signing_key = top.optional("signing_key").map_or(Some(None), |value| value.line().map(Some));
    top.close();
    Some(Identity { person: person?, source: source?, mfa: mfa?, code: code?, signing_key: signing_key? })
}

fn source(value: Value<'_>) -> Option<Source> {
    let mut section = value.section("source".to_owned())?;
    let profile = section.optional("profile");
    let keyring = section.optional("keyring");
    section.close();
    match (profile, keyring) {
        (Some(profile), None) => profile_name(profile).map(Source::Profile),
        (None, Some(keyring)) => keyring.one_of(&Store::WORDS).map(Source::Keyring),
        (None, None) | (Some(_), Some(_)) => value.wrong("`source` must have one of `profile` and `keyring`"),
    }
}

fn profile_name(value: Value<'_>) -> Option<String> {
    let name = value.text()?;
    if name.is_empty() || name.len() > 128 || name.chars().any(is_hostile) || name.contains([']', '[']) {
        return value.wrong(format!("{} is not the name of an AWS CLI profile", quoted(name)));
    }
    Some(name.to_owned())
}

fn code(value: Value<'_>) -> Option<CodeSource> {
    let mut section = value.section("code".to_owned())?;
    let (ask, command, keyring) = (section.optional("ask"), section.optional("command"), section.optional("keyring"));
    section.close();
    match (ask, command, keyring) {
        (Some(ask), None, None) => match ask.boolean()? {
            true => Some(CodeSource::Ask),
            false => ask.wrong_because("`ask = false` says nothing", "name a `command` or a `keyring` instead"),
        },
        (None, Some(command), None) => program(command),
        (None, None, Some(keyring)) => keyring.one_of(&Store::WORDS).map(CodeSource::Keyring),
        (_, _, _) => value.wrong("`code` must have one of `ask`, `command` and `keyring`"),
    }
}

fn program(value: Value<'_>) -> Option<CodeSource> {
    let words = value.texts()?;
    if words.iter().any(|word| word.contains('\0')) {
        return value.wrong("an argument cannot hold a NUL");
    }
    if !words.first().is_some_and(|program| program.starts_with('/')) {
        return value.wrong("`command` must begin with the absolute path of a program");
    }
    Some(CodeSource::Command(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Identity, Vec<String>> {
        Identity::load(Path::new("identity.toml"), text.as_bytes()).map_err(|error| {
            let short = |m: &crate::model::catalogue::Mistake| format!("{}:{}: {}", m.line, m.column, m.message);
            error.mistakes().iter().map(short).collect()
        })
    }

    #[test]
    fn somebody_who_only_approves_needs_a_name_and_nothing_else() {
        let identity = load("version = 1\nperson = \"alice\"\n").expect("good");
        assert_eq!((identity.person.as_str(), identity.source, identity.code), ("alice", None, CodeSource::Ask));
        assert_eq!((identity.mfa, identity.signing_key), (vec![], None));
    }

    #[test]
    fn sources_and_codes_are_one_of_their_kinds() {
        let with = |line: &str| load(&format!("version = 1\nperson = \"alice\"\n{line}\n")).expect(line);
        assert_eq!(with("source = { profile = \"acme-daily\" }").source, Some(Source::Profile("acme-daily".into())));
        assert_eq!(with("source = { keyring = \"keyutils\" }").source, Some(Source::Keyring(Store::Keyutils)));
        assert_eq!(with("code = { ask = true }").code, CodeSource::Ask);
        assert_eq!(with("code = { keyring = \"macos\" }").code, CodeSource::Keyring(Store::Macos));
        let command = ["/usr/bin/ykman".to_owned(), "oath".to_owned()];
        assert_eq!(
            with("code = { command = [\"/usr/bin/ykman\", \"oath\"] }").code,
            CodeSource::Command(command.into())
        );
        let mfa = with("mfa = [\"arn:aws:iam::111122223333:mfa/alice\", \"GAHT12345678\"]").mfa;
        assert_eq!(
            mfa.iter().map(MfaSerial::as_str).collect::<Vec<_>>(),
            ["arn:aws:iam::111122223333:mfa/alice", "GAHT12345678"]
        );
        assert_eq!(with("signing_key = \"~/.ssh/id_ed25519\"").signing_key.as_deref(), Some("~/.ssh/id_ed25519"));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let whole = |source, code, signing_key: Option<&str>| Identity {
            person: PersonName::parse("alice").expect("valid"),
            source,
            mfa: vec![MfaSerial::parse("arn:aws:iam::111122223333:mfa/alice").expect("valid")],
            code,
            signing_key: signing_key.map(str::to_owned),
        };
        for identity in [
            whole(None, CodeSource::Ask, None),
            whole(Some(Source::Keyring(Store::SecretService)), CodeSource::Keyring(Store::Keyutils), Some("~/k")),
            whole(
                Some(Source::Profile("my \"daily\" \\ one".into())),
                CodeSource::Command(vec!["/bin/code".into(), "it's \"so\"".into()]),
                Some("C:\\k 'x'"),
            ),
        ] {
            assert_eq!(load(&identity.format()), Ok(identity.clone()), "{}", identity.format());
        }
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let vectors = [
            ("source = {}", "`source` must have one of `profile` and `keyring`"),
            ("source = { profile = \"a\", keyring = \"macos\" }", "`source` must have one of `profile` and `keyring`"),
            ("source = \"acme\"", "`source` must be a table, not a text"),
            ("source = { keyring = \"wallet\" }", "`wallet` is nothing that `keyring` can be"),
            ("source = { profile = \"a]\" }", "`a]` is not the name of an AWS CLI profile"),
            ("code = { ask = true, keyring = \"macos\" }", "`code` must have one of `ask`, `command` and `keyring`"),
            ("code = { ask = false }", "`ask = false` says nothing"),
            ("code = { command = [\"ykman\"] }", "`command` must begin with the absolute path of a program"),
            ("code = { command = [] }", "`command` must begin with the absolute path of a program"),
            ("mfa = \"arn:aws:iam::111122223333:mfa/alice\"", "`mfa` must be a list, not a text"),
            ("mfa = [\"x\"]", "`x` is no MFA serial: 9 to 256 of A-Z, a-z, 0-9 and _+=/:,.@-"),
            ("signing_key = \"\"", "`signing_key` must be one line of 1 to 200 characters, no control characters"),
            ("persn = \"bob\"", "unknown key `persn` at the top of the file"),
        ];
        for (line, message) in vectors {
            let found = load(&format!("version = 1\nperson = \"alice\"\n{line}\n")).expect_err(line);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with("3:") && found[0].ends_with(message), "{found:?}");
        }
        assert_eq!(load("version = 1\n"), Err(vec!["1:1: `person` is missing at the top of the file".to_owned()]));
        assert_eq!(load("version = 1\nperson = \n").map_err(|mistakes| mistakes.len()), Err(1));
        let large = vec![b'#'; LARGEST_IDENTITY + 1];
        assert!(Identity::load(Path::new("identity.toml"), &large).is_err());
    }
}
