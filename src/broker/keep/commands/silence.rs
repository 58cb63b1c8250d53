//! When a session's own shell should have reported and did not.

use std::mem;
use std::time::Duration;

use crate::model::report::{Heard, Told};
use crate::model::time::BootTime;

/// How many programs in a row make a silence. An editor or a search that is opened by a key is no command.
const MANY: u64 = 3;

/// What is not in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// Whatever is done in a shell that reports nothing.
    Never,
    /// Whatever is done since nobody can report any more.
    Closed,
    /// Whatever is done in a program that the shell has become.
    Replaced,
    /// So many programs.
    Programs(u64),
}

impl Silence {
    /// How long it may last: a shell reads its user's files before it reports, and one that ends may be gone last.
    fn patience(self) -> Duration {
        match self {
            Silence::Never => Duration::from_secs(30),
            Silence::Replaced => Duration::from_secs(5),
            Silence::Closed => Duration::from_secs(1),
            Silence::Programs(_) => Duration::ZERO,
        }
    }

    /// What is missing for it, and how often.
    pub(super) fn loss(self) -> (&'static str, u64) {
        match self {
            Silence::Never => ("commands of a shell that reports none", 1),
            Silence::Closed => ("commands of a shell that cannot report any more", 1),
            Silence::Replaced => ("commands of a program in place of the shell", 1),
            Silence::Programs(count) => ("programs that the shell did not report", count),
        }
    }
}

/// What is known of the shell's silence.
pub(super) struct Attention {
    began: BootTime,
    has_spoken: bool,
    /// Whether the shell waits for its next line.
    waits: bool,
    /// Programs that were seen while it waited, and may be of a key.
    programs: u64,
    /// Programs that were not reported.
    missed: u64,
    /// What has come to be, and when.
    since: Option<(Silence, BootTime)>,
    has_told: bool,
}

impl Attention {
    pub(super) fn new(began: BootTime) -> Self {
        let (waits, has_spoken, has_told) = (false, false, false);
        Attention { began, has_spoken, waits, programs: 0, missed: 0, since: None, has_told }
    }

    /// Takes note of what was heard, and what was not.
    pub(super) fn hear(&mut self, heard: &Heard, now: BootTime) {
        for report in heard.reports.iter().filter(|report| report.shell == heard.own) {
            match report.told {
                Told::Shell => {
                    self.has_spoken = true;
                    self.since = None;
                    self.has_told = false;
                }
                Told::Prompt => self.waits = true,
                // What makes the prompt may start programs too.
                Told::End(_)
                | Told::Folder(_)
                | Told::Line(_)
                | Told::History(..)
                | Told::NoHistory
                | Told::Part(_) => self.waits = false,
            }
            self.programs = 0;
        }
        self.waits |= heard.edits;
        if self.waits {
            self.programs += heard.programs;
        }
        if self.programs >= MANY {
            self.missed += mem::take(&mut self.programs);
        }
        let silence = if heard.closed { Some(Silence::Closed) } else { heard.replaced.then_some(Silence::Replaced) };
        if let Some(silence) = silence
            && self.since.is_none_or(|(other, _)| other != silence)
        {
            self.since = Some((silence, now));
        }
    }

    /// A silence that was not told before.
    pub(super) fn silence(&mut self, now: BootTime) -> Option<Silence> {
        if self.missed > 0 {
            return Some(Silence::Programs(mem::take(&mut self.missed)));
        }
        let silence = match self.since {
            Some((silence, since)) if now.since(since) >= silence.patience() => silence,
            None if !self.has_spoken && now.since(self.began) >= Silence::Never.patience() => Silence::Never,
            Some(_) | None => return None,
        };
        (!mem::replace(&mut self.has_told, true)).then_some(silence)
    }

    /// A silence that nobody has heard of when all is over.
    pub(super) fn left(&mut self) -> Option<Silence> {
        let missed = self.missed + self.programs;
        match (self.has_spoken, self.has_told) {
            (false, false) => Some(Silence::Never),
            (true, _) if missed > 0 => Some(Silence::Programs(missed)),
            (_, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::report::{Report, Text};

    const SECOND: u64 = 1_000_000_000;

    fn heard(told: &[Told]) -> Heard {
        let reports = told.iter().map(|told| Report { shell: 7, number: 1, told: told.clone() }).collect();
        Heard { own: 7, reports, ..Heard::default() }
    }

    fn program() -> Heard {
        Heard { own: 7, programs: 1, ..Heard::default() }
    }

    /// A shell that has reported first, and waits.
    fn ready() -> Attention {
        let mut attention = Attention::new(BootTime(0));
        attention.hear(&heard(&[Told::Shell, Told::Prompt]), BootTime(0));
        attention
    }

    fn line() -> Told {
        Told::Line(Text::default())
    }

    #[test]
    fn a_shell_that_never_reports_is_noticed_once() {
        let mut attention = Attention::new(BootTime(0));
        assert_eq!(attention.silence(BootTime(29 * SECOND)), None);
        assert_eq!(attention.silence(BootTime(30 * SECOND)), Some(Silence::Never));
        assert_eq!(attention.silence(BootTime(31 * SECOND)), None);
        assert_eq!(attention.left(), None);
        assert_eq!(Attention::new(BootTime(0)).left(), Some(Silence::Never));
        assert_eq!(ready().silence(BootTime(60 * SECOND)), None);
        assert_eq!(ready().left(), None);
    }

    #[test]
    fn programs_of_lines_that_were_reported_are_no_silence() {
        let mut attention = ready();
        for _ in 0..10 {
            attention.hear(&heard(&[line()]), BootTime(0));
            attention.hear(&program(), BootTime(0));
            attention.hear(&heard(&[Told::End(0), Told::Prompt]), BootTime(0));
            // The user's own prompt may start programs too, and so may a key.
            attention.hear(&heard(&[line(), Told::End(0)]), BootTime(0));
            attention.hear(&program(), BootTime(0));
            attention.hear(&heard(&[Told::Prompt]), BootTime(0));
            attention.hear(&program(), BootTime(0));
            attention.hear(&program(), BootTime(0));
        }
        assert_eq!(attention.silence(BootTime(SECOND)), None);
    }

    #[test]
    fn programs_that_come_and_go_without_a_report_are_counted() {
        let mut attention = ready();
        for _ in 0..3 {
            attention.hear(&program(), BootTime(0));
        }
        assert_eq!(attention.silence(BootTime(0)), Some(Silence::Programs(3)));
        assert_eq!(attention.silence(BootTime(0)), None);
        attention.hear(&program(), BootTime(0));
        assert_eq!(attention.left(), Some(Silence::Programs(1)));
        // Nor is an end of its last line reported, when it edits another.
        let mut attention = ready();
        attention.hear(&heard(&[line()]), BootTime(0));
        for _ in 0..3 {
            attention.hear(&Heard { own: 7, edits: true, ..Heard::default() }, BootTime(0));
            attention.hear(&program(), BootTime(0));
        }
        assert_eq!(attention.silence(BootTime(0)), Some(Silence::Programs(3)));
    }

    #[test]
    fn a_shell_that_became_another_program_or_cannot_report_is_noticed_when_that_lasts() {
        let closed = || Heard { own: 7, closed: true, ..Heard::default() };
        let mut attention = ready();
        attention.hear(&closed(), BootTime(0));
        assert_eq!(attention.silence(BootTime(0)), None);
        attention.hear(&closed(), BootTime(SECOND));
        assert_eq!(attention.silence(BootTime(SECOND)), Some(Silence::Closed));
        assert_eq!(attention.silence(BootTime(2 * SECOND)), None);
        let replaced = || Heard { own: 7, replaced: true, ..Heard::default() };
        let mut attention = ready();
        attention.hear(&replaced(), BootTime(0));
        assert_eq!(attention.silence(BootTime(4 * SECOND)), None);
        assert_eq!(attention.silence(BootTime(5 * SECOND)), Some(Silence::Replaced));
        let mut attention = ready();
        attention.hear(&replaced(), BootTime(0));
        attention.hear(&heard(&[Told::Shell]), BootTime(SECOND));
        assert_eq!(attention.silence(BootTime(9 * SECOND)), None);
    }
}
