//! The one place that tells a person what went wrong: fact, causes, hint, exit code.

mod approve;
mod aws;
mod hooks;
mod ledger;
mod shipping;
mod sign_off;
mod signing;

use std::borrow::Cow;
use std::error::Error;
use std::fmt::Write;

use super::exit::Exit;
use super::out::{Paint, Style};
use crate::broker::enrol::EnrolError;
use crate::broker::{BreakError, HandoverError};
use crate::host::rewrite::RewriteError;
use crate::model::aws_cli::block::BlockError;
use crate::model::catalogue::DocumentError;
use crate::model::policy::{BadSource, Rule};
use crate::model::text::escaped;
use crate::world::aws::SourceError;
use crate::world::machine::{AskError, ChildError, VaultError};
use crate::world::recording::RecordingError;

pub use aws::{hint_for_archive, hint_for_aws};

/// What went wrong, for a person.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    pub(super) fact: String,
    causes: Vec<String>,
    hint: Option<String>,
}

impl Failure {
    /// A failure with its fact in one clause.
    pub fn new(exit: Exit, fact: impl Into<String>) -> Failure {
        Failure { exit, fact: fact.into(), causes: Vec::new(), hint: None }
    }

    /// A failure whose fact and causes are an error's.
    pub fn of(exit: Exit, error: &dyn Error) -> Failure {
        let failure = Failure::new(exit, error.to_string());
        match error.source() {
            Some(source) => failure.caused_by(source),
            None => failure,
        }
    }

    /// A wrong command line, from what clap says of it: the fact, then tips, then the usage.
    pub fn of_usage(said: &str) -> Failure {
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut paragraphs = said.split("\n\n").map(one_line);
        let fact = paragraphs.next().unwrap_or_default();
        let fact = fact.strip_prefix("error: ").unwrap_or(&fact);
        let hints: Vec<String> = paragraphs
            .filter_map(|text| match text.strip_prefix("tip: ") {
                Some(tip) => Some(tip.to_owned()),
                None => text.starts_with("Usage: ").then_some(text),
            })
            .chain(["`--help` tells more".to_owned()])
            .collect();
        Failure::new(Exit::Usage, fact).hint(hints.join("; "))
    }

    /// Adds a cause and its own causes.
    #[must_use]
    pub fn caused_by(mut self, error: &dyn Error) -> Failure {
        let mut cause = Some(error);
        while let Some(error) = cause {
            self.causes.push(escaped(&error.to_string()));
            cause = error.source();
        }
        self
    }

    /// Adds a cause in words.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Failure {
        self.causes.push(cause.into());
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what to do next, if there is anything.
    #[must_use]
    pub fn hint_if_any(self, hint: Option<impl Into<String>>) -> Failure {
        Failure { hint: hint.map(Into::into).or(self.hint), ..self }
    }

    /// The same in one line, for a reader that shows no more: an SDK.
    #[must_use]
    pub fn in_one_line(self) -> Failure {
        let said = std::iter::once(self.fact).chain(self.causes).collect::<Vec<_>>().join(": ");
        let hint = self.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        let fact = format!("{said}{hint}").split_whitespace().collect::<Vec<_>>().join(" ");
        Failure { exit: self.exit, fact, causes: Vec::new(), hint: None }
    }

    /// How glass ends.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The text on stderr.
    pub fn show(&self, paint: Paint) -> String {
        let mut text = format!("{} {}\n", paint.paint(Style::Bad, "glass:"), escaped(self.fact.trim_end()));
        for cause in &self.causes {
            writeln!(text, "caused by: {cause}").expect("writing to a String cannot fail");
        }
        if let Some(hint) = &self.hint {
            let hint = escaped(hint);
            writeln!(text, "{} {hint}", paint.paint(Style::Warn, "hint:")).expect("writing to a String cannot fail");
        }
        text
    }
}

impl From<DocumentError> for Failure {
    fn from(error: DocumentError) -> Failure {
        let failure = Failure::of(Exit::Usage, &error);
        error.mistakes().iter().fold(failure, |failure, mistake| failure.because(mistake.to_string()))
    }
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Failure {
        let failure = Failure::of(Exit::Failed, &error);
        match error {
            AskError::NoTerminal => failure.hint("run it in a terminal"),
            AskError::Interrupted | AskError::Closed | AskError::Failed(_) => failure,
        }
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Failure {
        let failure = Failure::of(Exit::Failed, &error);
        match error {
            VaultError::Unavailable { .. } => failure.hint(
                "unlock it or log in to the desktop; where there is none, use an AWS CLI profile as the source \
                 (`glass enrol --profile NAME`)",
            ),
            VaultError::Missing { .. } => failure.hint("put it there with `glass enrol`"),
            VaultError::Failed { .. } => failure,
        }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Failure {
        let hint = match &error {
            SourceError::Keyring(VaultError::Unavailable { .. }) => {
                "unlock the keyring, or use an AWS CLI profile as the source (`glass enrol --profile NAME`)"
            }
            SourceError::Keyring(_) | SourceError::NotAKey(_) => "put the key there with `glass enrol`",
            SourceError::Network(_) => "check what this process may do (sandboxes, limits on open files)",
            SourceError::UnknownProfile(_) => "name a profile of ~/.aws/config in the identity file's `source`",
            SourceError::Refused(source) => hint_for_bad_source(source),
            SourceError::Unresolved { .. } => {
                "sign in to it (`aws sso login --profile NAME`, `aws login`) and try again"
            }
            SourceError::CaBundle { .. } => "mend `ca_bundle` in the catalogue",
        };
        let exit = match &error {
            SourceError::Refused(_) => Exit::Refused,
            SourceError::UnknownProfile(_) => Exit::Usage,
            SourceError::Keyring(_)
            | SourceError::NotAKey(_)
            | SourceError::Network(_)
            | SourceError::Unresolved { .. }
            | SourceError::CaBundle { .. } => Exit::Failed,
        };
        Failure::of(exit, &error).hint(hint)
    }
}

fn hint_for_bad_source(source: &BadSource) -> &'static str {
    match source {
        BadSource::PlainKey(_) => "move the key into the keyring with `glass enrol --from-profile NAME`",
        BadSource::WithMfa(_) => "take mfa_serial out of it: glass asks for the code itself, once for each elevation",
    }
}

/// What to do about a rule that said no.
fn hint_for_rule(rule: &Rule, profile: &str) -> Cow<'static, str> {
    let hint = match rule {
        Rule::UnknownPerson(_) => "check `person` in the identity file, or have the catalogue's owners add you",
        Rule::NoArn(_) => "have the catalogue's owners add your `arn`",
        Rule::NotForPerson { .. } => "`glass list` shows the profiles that are for you",
        Rule::Trigger { .. } | Rule::Incident { .. } | Rule::Region { .. } => {
            "`glass show PROFILE` tells what it takes"
        }
        Rule::NotConfirmed(_) => "check the incident's number and state",
        Rule::Reason(_) => "say why in one line of 10 to 500 characters",
        Rule::Step { .. } => "`glass show PROFILE` has its steps",
        Rule::OnlySteps { .. } => "name one with --step; `glass show PROFILE` has what each of them runs",
        Rule::DurationOverMaximum { .. } => {
            "ask for less, or leave --duration away; durations are never shortened silently"
        }
        Rule::DurationUnderMinimum(_) => "ask for more, or leave --duration away; the session can be ended early",
        Rule::SignOff(no) => return sign_off::hint(no, profile),
        Rule::Nested(_) => "leave this shell first, or use another terminal",
        Rule::HookWithoutRecording => {
            "open a session with `glass assume PROFILE` and call the tool in it, or use a profile of a level with \
             recording = false"
        }
        Rule::HookWithoutTrace => "open a session with `glass assume PROFILE` and call the tool in it",
        Rule::NotTraced(_) => {
            "it takes Linux, and ptrace(2) must be allowed: by `kernel.yama.ptrace_scope` below 2, and by the container"
        }
        Rule::SourceWithoutCode(_) => {
            "use a long-lived key in the keyring as the source (`glass enrol`), or have the level set mfa = \"source\""
        }
        Rule::SourceUnproven => {
            "use a profile of Identity Center or `aws login`, or a key in the keyring (`glass enrol`)"
        }
        Rule::Source(source) => hint_for_bad_source(source),
        Rule::Stranger(_) => "check the identity file's `source`, and your `arn` in the catalogue",
    };
    hint.into()
}

impl From<BreakError> for Failure {
    fn from(error: BreakError) -> Failure {
        match error {
            BreakError::Missing(ref missing) => {
                let hint = format!("give {} or run it in a terminal", missing.join(", "));
                Failure::of(Exit::Usage, &error).hint(hint)
            }
            BreakError::UnknownProfile { ref nearest, .. } => {
                let hint = match nearest {
                    Some(nearest) => format!("did you mean `{nearest}`? `glass list` shows all"),
                    None => "`glass list` shows all".to_owned(),
                };
                Failure::of(Exit::Usage, &error).hint(hint)
            }
            BreakError::BrokenProfile { ref mistakes, .. } => {
                let failure = Failure::of(Exit::Usage, &error);
                let failure = mistakes.iter().fold(failure, Failure::because);
                failure.hint("`glass catalogue check` shows all mistakes")
            }
            BreakError::Refused { ref rules, ref profile } => {
                let failure = Failure::of(Exit::Refused, &error);
                let failure = rules.iter().fold(failure, |failure, rule| failure.because(rule.to_string()));
                failure.hint_if_any(rules.first().map(|rule| hint_for_rule(rule, profile)))
            }
            BreakError::NoSource => Failure::of(Exit::Usage, &error)
                .hint("`glass enrol` writes it, or add `source` to the identity file by hand"),
            BreakError::NoDevice => Failure::of(Exit::Failed, &error)
                .hint("register a virtual MFA device for the user in IAM, or name it in the identity file's `mfa`"),
            BreakError::Code(_) => Failure::of(Exit::Failed, &error).hint("check `code` in the identity file"),
            BreakError::Aws { ref error, doing } => {
                let failure = Failure::new(Exit::Failed, format!("cannot {doing}")).because(error.to_string());
                failure.hint_if_any(hint_for_aws(error))
            }
            BreakError::Ask(error) => error.into(),
            BreakError::Source(error) => error.into(),
            BreakError::Vault(error) => error.into(),
            BreakError::Codes(error) => Failure::of(Exit::Failed, &error)
                .hint("without this memory a code could be sent twice: mend the file or remove it, and wait for the next code"),
            BreakError::Recording(error) => error.into(),
            BreakError::NotAnchored(error) => error.into(),
            BreakError::NotTold(error) => error.into(),
            BreakError::NeedsNoApproval(ref profile) => {
                let hint = format!("nobody has to sign it: `glass assume {profile}`");
                Failure::of(Exit::Usage, &error).hint(hint)
            }
            BreakError::Sheet(error) => Failure::of(Exit::Failed, &error),
            BreakError::LeftOpen { ref request, ref profile } => Failure::of(Exit::LeftOpen, &error)
                .hint(format!("`glass assume {profile} --request {request}` goes on with it")),
            BreakError::NoRequest(_) => Failure::of(Exit::Usage, &error)
                .hint("hand its block over with --approval FILE, or `--approval -` and paste it"),
            BreakError::SeveralRequests(_) => Failure::of(Exit::Usage, &error).hint("say which with --request"),
            BreakError::TwinRequests { .. } | BreakError::Flooded(_) => Failure::of(Exit::Refused, &error)
                .hint("somebody else writes where requests lie: make a new one, and have its answers pasted"),
            BreakError::Ledger(error) => error.into(),
        }
    }
}

impl From<EnrolError> for Failure {
    fn from(error: EnrolError) -> Failure {
        match error {
            EnrolError::Missing(_) => {
                Failure::of(Exit::Usage, &error).hint("run it in a terminal, or give what is missing")
            }
            EnrolError::UnknownPerson(_) | EnrolError::NoArn(_) => Failure::of(Exit::Usage, &error)
                .hint("the names are those of the catalogue's [people]; its owners add you and your `arn`"),
            EnrolError::NoStore => Failure::of(Exit::Failed, &error)
                .hint("use an AWS CLI profile as the source, which needs none: `glass enrol --profile NAME`"),
            EnrolError::NotKept(_) => {
                Failure::of(Exit::Failed, &error).hint("choose another with --store, or use --profile NAME")
            }
            EnrolError::UselessSeed => Failure::of(Exit::Refused, &error).hint("leave --totp away"),
            EnrolError::Stranger { .. } => {
                Failure::of(Exit::Refused, &error).hint("use your own daily identity; check --person and --profile")
            }
            EnrolError::Ask(error) => error.into(),
            EnrolError::Vault(error) => error.into(),
            EnrolError::Source(error) => error.into(),
            EnrolError::Aws { ref error, doing } => {
                let failure = Failure::new(Exit::Failed, format!("cannot {doing}")).because(error.to_string());
                failure.hint_if_any(hint_for_aws(error))
            }
        }
    }
}

impl From<RewriteError> for Failure {
    fn from(error: RewriteError) -> Failure {
        let failure = Failure::of(Exit::Failed, &error);
        match error {
            RewriteError::Changed(_) => failure.hint("try again"),
            RewriteError::File { .. } => failure.hint("look at its folder's rights and the disk's room"),
            RewriteError::NotText(_) => failure.hint("look whether the right file is named"),
        }
    }
}

impl From<BlockError> for Failure {
    fn from(error: BlockError) -> Failure {
        match error {
            BlockError::Prefix(_) => Failure::of(Exit::Usage, &error),
            BlockError::Marks(_) => Failure::of(Exit::Failed, &error).hint("put the marks right, or remove both"),
            BlockError::Taken(_) => Failure::of(Exit::Failed, &error).hint("rename it, or choose another --prefix"),
            BlockError::Unwritable(_) => Failure::of(Exit::Failed, &error).hint("move it to a plainer path"),
        }
    }
}

impl From<ChildError> for Failure {
    fn from(error: ChildError) -> Failure {
        let (exit, hint) = match error {
            ChildError::NotFound(_) => (Exit::NotFound, "check its name and PATH"),
            ChildError::CannotRun(..) => (Exit::CannotRun, "check that it is a program, and that you may run it"),
            ChildError::CannotTrace(_) => (Exit::Failed, "see whether something forbids ptrace(2) here"),
        };
        Failure::of(exit, &error).hint(hint)
    }
}

impl From<RecordingError> for Failure {
    fn from(error: RecordingError) -> Failure {
        Failure::of(Exit::Evidence, &error)
            .hint("the profile must be recorded, and without its recording there is no session: make room, or mend the folder")
    }
}

impl From<HandoverError> for Failure {
    fn from(error: HandoverError) -> Failure {
        match error {
            HandoverError::Child(error) => error.into(),
            HandoverError::Ledger(error) => error.into(),
            HandoverError::Recording(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::ColorChoice;

    #[test]
    fn escape_sequences_in_a_fact_or_a_hint_do_nothing() {
        let error = ChildError::NotFound("\x1b[2Jls".into());
        let failure = Failure::from(error).hint("look at /tmp/\u{202e}x");
        let shown = failure.show(Paint::for_stderr(ColorChoice::Never));
        assert_eq!(shown, "glass: \\u{1b}[2Jls is not found\nhint: look at /tmp/\\u{202e}x\n");
    }
}
