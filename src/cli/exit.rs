//! The exit codes of glass.

use std::process::ExitCode;

/// How glass ends; the numbers are in the guide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// AWS said no, or the network or a file failed.
    Failed,
    /// Wrong usage, or a mistake in the catalogue or the identity file.
    Usage,
    /// glass said no.
    Refused,
    /// The ledger cannot be written, or does not verify.
    Evidence,
    /// The ledger is not anchored as was asked.
    NotAnchored,
    /// glass ended the session.
    Ended,
    /// The person gave up waiting for approvals; the request stays open.
    LeftOpen,
    /// The command cannot be run.
    CannotRun,
    /// The command is not found.
    NotFound,
    /// The command's own.
    Child(u8),
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::Evidence => 4,
            Exit::NotAnchored => 5,
            Exit::Ended => 124,
            Exit::CannotRun => 126,
            Exit::NotFound => 127,
            Exit::LeftOpen => 130,
            Exit::Child(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        exit.code().into()
    }
}

#[cfg(test)]
mod tests {
    use std::iter::successors;

    use super::*;

    #[test]
    fn the_guide_has_every_code() {
        let guide = include_str!("../../docs/guide.md");
        let section = guide.split("\n## Exit codes\n").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
        let told: Vec<&str> = rows.skip(2).flat_map(|cell| cell.split(", ")).collect();
        let own = successors(Some(Exit::Done), |exit| match exit {
            Exit::Done => Some(Exit::Failed),
            Exit::Failed => Some(Exit::Usage),
            Exit::Usage => Some(Exit::Refused),
            Exit::Refused => Some(Exit::Evidence),
            Exit::Evidence => Some(Exit::NotAnchored),
            Exit::NotAnchored => Some(Exit::Ended),
            Exit::Ended => Some(Exit::CannotRun),
            Exit::CannotRun => Some(Exit::NotFound),
            Exit::NotFound => Some(Exit::LeftOpen),
            Exit::LeftOpen | Exit::Child(_) => None,
        });
        let mut expected: Vec<String> = own.map(|exit| exit.code().to_string()).collect();
        expected.extend(["128+n", "other"].map(str::to_owned));
        assert_eq!(told, expected);
    }
}
