//! What one shell of a session is known to do, by its reports.
//!
//! Others can write reports in its name. Keeps the promise that they can add to what the shell says, and cannot
//! take anything away: what was not heard before is never passed over.

use std::collections::VecDeque;
use std::mem;

use crate::model::name::Digest;
use crate::model::report::{Report, Text, Told};
use crate::model::time::{BootTime, Timestamp};

/// How many lines are remembered, to know them again when they are reported twice.
const REMEMBERED: usize = 8;

/// A shell of the session.
#[derive(Default)]
pub(super) struct Shell {
    number: u64,
    running: Option<Line>,
    /// The last lines of its history, with their numbers there.
    recent: VecDeque<(u64, Digest)>,
    last: Vec<u8>,
}

/// A command line.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// As it was typed, if that is known.
    pub typed: Option<Text>,
    /// Its simple commands, each once.
    pub parts: Vec<Text>,
    /// Where it was run.
    pub folder: Text,
    /// When it began.
    pub start: Timestamp,
    began: BootTime,
    /// Whether a line of its number has ended before.
    is_again: bool,
    /// Its seconds and exit code, if its end is known.
    pub ended: Option<(u64, u8)>,
}

/// What a report comes to.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// A line that has begun.
    pub began: Option<Text>,
    /// Lines about which there will be nothing more to know.
    pub over: Vec<Line>,
    /// How many lines were not reported.
    pub unreported: u64,
}

impl Shell {
    /// Takes note of a report, by both clocks.
    pub(super) fn hear(&mut self, report: Report, start: Timestamp, began: BootTime) -> Known {
        let Report { number, told, .. } = report;
        let blank = Line::new(start, began);
        let mut known = self.turn_to(number, &told, &blank);
        let running = self.running.as_mut().filter(|_| number == self.number);
        match (told, running) {
            (Told::Folder(folder), Some(line)) => line.folder = folder,
            (Told::Part(part), Some(line)) if line.parts.contains(&part) => {}
            (Told::Part(part), Some(line)) => line.parts.push(part),
            // A subshell in the background reports its command when the shell itself has gone on.
            (Told::Part(part), None) if contains(&self.last, &part.kept) => {}
            (Told::Part(part), None) => known.over.push(Line { parts: vec![part], ..blank }),
            (Told::Line(text), Some(line)) if line.typed.is_none() => known.began = self.typed(text),
            (Told::Line(text), Some(_) | None) => known.over.push(Line { typed: Some(text), ..blank }),
            (Told::History(entry, text), _) => self.listed(number, entry, text, blank, &mut known),
            (Told::End(code), Some(line)) => {
                line.ended = Some((began.since(line.began).as_secs(), code));
                known.over.extend(self.running.take());
            }
            (Told::Shell | Told::NoHistory | Told::Prompt, _) | (Told::Folder(_) | Told::End(_), None) => {}
        }
        known
    }

    /// Turns to the line of this number, if it is another one.
    fn turn_to(&mut self, number: u64, told: &Told, blank: &Line) -> Known {
        let mut known = Known::default();
        if number > self.number {
            known.over.extend(self.running.take());
            // A line whose beginning was missed is missing altogether.
            let ends = matches!(told, Told::End(_) | Told::Prompt);
            known.unreported = number - self.number - u64::from(!ends);
            self.number = number;
            self.running = (!ends).then(|| blank.clone());
        } else if number == self.number && number > 0 && self.running.is_none() && matches!(told, Told::Folder(_)) {
            // Another line of this number, if it is not one that ended before its subshell had begun.
            self.running = Some(Line { is_again: true, ..blank.clone() });
        }
        known
    }

    /// Takes note of what is last in the history: the line, if it was not there before.
    fn listed(&mut self, number: u64, entry: u64, text: Text, blank: Line, known: &mut Known) {
        let entry = (entry, Digest::of(&text.kept));
        match self.running.as_mut().filter(|line| number == self.number && line.typed.is_none()) {
            Some(line) if self.recent.contains(&entry) && line.adds_nothing_to(&self.last) => self.running = None,
            Some(line) if self.recent.back() == Some(&entry) => known.began = line.parts.first().cloned(),
            Some(_) => known.began = self.typed(text),
            None if number == 0 || self.recent.contains(&entry) => {}
            None => known.over.push(Line { typed: Some(text), ..blank }),
        }
        if self.recent.back() != Some(&entry) {
            self.recent.push_back(entry);
        }
        if self.recent.len() > REMEMBERED {
            self.recent.pop_front();
        }
    }

    /// Takes note of the line that runs.
    fn typed(&mut self, text: Text) -> Option<Text> {
        self.last.clone_from(&text.kept);
        if let Some(line) = &mut self.running {
            line.typed = Some(text.clone());
        }
        Some(text)
    }

    /// The line that runs, if it is all over.
    pub(super) fn leave(&mut self) -> Option<Line> {
        mem::take(&mut self.running)
    }
}

impl Line {
    fn new(start: Timestamp, began: BootTime) -> Self {
        Line { typed: None, parts: Vec::new(), folder: Text::default(), start, began, is_again: false, ended: None }
    }

    /// Whether it is a part of a line that was reported before.
    fn adds_nothing_to(&self, text: &[u8]) -> bool {
        self.is_again && self.parts.iter().all(|part| contains(text, &part.kept))
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn text(text: &str) -> Text {
        Text { kept: text.into(), length: text.len() as u64 }
    }

    fn folder() -> Told {
        Told::Folder(text("/"))
    }

    fn part(part: &str) -> Told {
        Told::Part(text(part))
    }

    fn history(entry: u64, line: &str) -> Told {
        Told::History(entry, text(line))
    }

    /// What is known of the lines of reports, each a second after the one before, and how many are missing.
    fn heard(reports: Vec<(u64, Told)>) -> (Vec<String>, u64) {
        let (mut shell, mut lines, mut missing) = (Shell::default(), Vec::new(), 0);
        for (at, (number, told)) in reports.into_iter().enumerate() {
            let report = Report { shell: 7, number, told };
            let known = shell.hear(report, Timestamp::from_seconds(0), BootTime(at as u64 * SECOND));
            lines.extend(known.over.iter().map(shown));
            missing += known.unreported;
        }
        lines.extend(shell.leave().iter().map(shown));
        (lines, missing)
    }

    fn shown(line: &Line) -> String {
        let all = |texts: &[Text]| {
            texts.iter().map(|text| String::from_utf8(text.kept.clone()).unwrap()).collect::<Vec<_>>().join(";")
        };
        let what = line.typed.as_ref().map_or_else(|| all(&line.parts), |typed| all(std::slice::from_ref(typed)));
        let mark = if line.typed.is_some() { "" } else { "~" };
        line.ended.map_or(format!("{mark}{what}"), |(seconds, code)| format!("{mark}{what} {code} {seconds}s"))
    }

    #[test]
    fn a_line_is_what_is_new_in_the_history_or_else_its_commands() {
        let reports = vec![
            (0, history(5, "before")),
            (1, folder()),
            (1, part("a")),
            (1, history(6, "a | b")),
            (1, Told::End(1)),
            (2, folder()),
            (2, part("c")),
            (2, history(6, "a | b")),
            (2, part("d")),
            (2, part("c")),
            (2, Told::End(0)),
            (2, Told::Prompt),
            (2, Told::End(0)),
        ];
        assert_eq!(heard(reports), (vec!["a | b 1 3s".to_owned(), "~c;d 0 5s".to_owned()], 0));
    }

    #[test]
    fn a_subshell_that_reports_the_line_again_makes_no_other() {
        let line = || [folder(), part("a"), history(1, "(a) &")];
        let twice = line().into_iter().chain(line()).map(|told| (1, told)).collect();
        assert_eq!(heard(twice), (vec!["(a) &".to_owned()], 0));
        let late = line().into_iter().chain([Told::End(0)]).chain(line()).map(|told| (1, told)).collect();
        assert_eq!(heard(late), (vec!["(a) & 0 3s".to_owned()], 0));
    }

    #[test]
    fn what_others_report_in_its_name_hides_nothing() {
        let forged = [(1, folder()), (1, Told::Line(text("forged"))), (1, Told::End(0))];
        let own = [(1, folder()), (1, part("rm")), (1, history(9, "rm x")), (1, Told::End(1))];
        let both = forged.into_iter().chain(own).collect();
        assert_eq!(heard(both), (vec!["forged 0 2s".to_owned(), "rm x 1 3s".to_owned()], 0));
        let ahead = vec![(9, Told::Line(text("forged"))), (1, folder()), (1, history(9, "rm x")), (1, Told::End(1))];
        assert_eq!(heard(ahead), (vec!["rm x".to_owned(), "forged".to_owned()], 8));
        let within = vec![(1, Told::Line(text("forged"))), (1, Told::Line(text("rm x")))];
        assert_eq!(heard(within), (vec!["rm x".to_owned(), "forged".to_owned()], 0));
    }

    #[test]
    fn what_has_no_end_or_no_beginning_is_known_to() {
        let reports =
            vec![(1, Told::Line(text("a"))), (2, Told::Line(text("b"))), (4, Told::End(0)), (4, Told::Prompt)];
        assert_eq!(heard(reports), (vec!["a".to_owned(), "b".to_owned()], 2));
    }
}
