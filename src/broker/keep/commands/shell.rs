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
#[derive(Debug)]
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
        let mut known = Known::default();
        let Report { number, told, .. } = report;
        let blank =
            || Line { typed: None, parts: vec![], folder: Text::default(), start, began, is_again: false, ended: None };
        if number > self.number {
            known.over.extend(self.running.take());
            // A line whose beginning was missed is missing altogether.
            let ends = matches!(told, Told::End(_) | Told::Prompt);
            known.unreported = number - self.number - u64::from(!ends);
            self.number = number;
            if !ends {
                self.running = Some(blank());
            }
        }
        if number == self.number && number > 0 && self.running.is_none() && matches!(told, Told::Folder(_)) {
            // It says this number again: another line, if it is not one that ended before its subshell had begun.
            self.running = Some(Line { is_again: true, ..blank() });
        }
        let running = self.running.as_mut().filter(|_| number == self.number);
        match (told, running) {
            (Told::Folder(folder), Some(line)) => line.folder = folder,
            (Told::Part(part), Some(line)) => {
                if !line.parts.contains(&part) {
                    line.parts.push(part);
                }
            }
            (Told::Line(text), Some(line)) if line.typed.is_none() => {
                known.began = Some(text.clone());
                self.last.clone_from(&text.kept);
                line.typed = Some(text);
            }
            (Told::History(entry, text), line) => {
                let entry = (entry, Digest::of(&text.kept));
                match line {
                    Some(line)
                        if line.typed.is_none() && line.adds_nothing_to(&self.last) && self.recent.contains(&entry) =>
                    {
                        self.running = None;
                    }
                    // It is not in the history if what is last there was so before.
                    Some(line) if line.typed.is_none() && self.recent.back() == Some(&entry) => {
                        known.began = line.parts.first().cloned();
                    }
                    Some(line) if line.typed.is_none() => {
                        known.began = Some(text.clone());
                        self.last.clone_from(&text.kept);
                        line.typed = Some(text);
                    }
                    Some(_) | None if number == 0 || self.recent.contains(&entry) => {}
                    Some(_) | None => known.over.push(Line { typed: Some(text), ..blank() }),
                }
                self.remember(entry);
            }
            (Told::Line(text), Some(_) | None) => known.over.push(Line { typed: Some(text), ..blank() }),
            // A subshell in the background reports its command when the shell itself has gone on.
            (Told::Part(part), None) if !contains(&self.last, &part.kept) => {
                known.over.push(Line { parts: vec![part], ..blank() });
            }
            (Told::End(code), Some(_)) => {
                let line = self.running.take();
                known
                    .over
                    .extend(line.map(|line| Line { ended: Some((began.since(line.began).as_secs(), code)), ..line }));
            }
            (Told::Shell | Told::NoHistory | Told::Prompt, _)
            | (Told::Folder(_) | Told::Part(_) | Told::End(_), None) => {}
        }
        known
    }

    /// The line that runs, if it is all over.
    pub(super) fn leave(&mut self) -> Option<Line> {
        mem::take(&mut self.running)
    }

    fn remember(&mut self, entry: (u64, Digest)) {
        if self.recent.back() != Some(&entry) {
            self.recent.push_back(entry);
        }
        if self.recent.len() > REMEMBERED {
            self.recent.pop_front();
        }
    }
}

impl Line {
    /// Whether it is a part of a line that was reported before.
    fn adds_nothing_to(&self, text: &[u8]) -> bool {
        self.is_again && self.parts.iter().all(|part| contains(text, &part.kept))
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}
