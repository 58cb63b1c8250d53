//! Keeps the log of a session's command lines, as its shells report them: declared by the session, not proved.
//!
//! Keeps the promises that nobody fills the ledger by reporting a lot, that what is missing is counted, and that
//! the person is told, once, when their shell does not report.

mod shell;
mod silence;

use std::collections::BTreeMap;
use std::mem;
use std::rc::Rc;

use self::shell::{Known, Line, Shell};
use self::silence::{Attention, Silence};
use crate::model::event::{CommandLine, CommandSource, Event, WholeText};
use crate::model::mask::Mask;
use crate::model::name::Digest;
use crate::model::report::{Heard, Report, Text, Told};
use crate::model::time::{BootTime, Timestamp};
use crate::world::keeping::Commands;

/// How much of a line or a folder is shown, in bytes.
const LONGEST: usize = 4096;

/// How many shells are known at a time.
const MOST_SHELLS: usize = 256;

/// How many lines can be written down at once, and how many more each second: a paste, and a flood.
const MOST_LINES: u64 = 20_000;
const MORE_LINES: u64 = 100;

/// What the person is told when nothing is heard.
const UNHEARD: &str = "glass: this shell does not report its commands: they are not in the ledger";

/// What is known of a session's command lines.
pub(super) struct CommandLog {
    mask: Rc<Mask>,
    commands: Commands,
    shells: BTreeMap<u32, Shell>,
    attention: Attention,
    losses: Losses,
    /// How many lines can be written down, and when that was last made more.
    room: (u64, BootTime),
    has_told: bool,
}

/// What is done about reports.
#[derive(Default)]
pub(super) struct Noted {
    /// What is to be written down.
    pub(super) events: Vec<Event>,
    /// Lines that have begun.
    pub(super) began: Vec<String>,
    /// What the person is to be told.
    pub(super) tell: Option<&'static str>,
}

/// What was not written down, since that was last told.
#[derive(Default)]
struct Losses {
    malformed: u64,
    unreported: u64,
    too_many: u64,
}

impl CommandLog {
    pub(super) fn new(mask: Rc<Mask>, commands: Commands, now: BootTime) -> Self {
        let (shells, attention, losses) = (BTreeMap::new(), Attention::new(now), Losses::default());
        CommandLog { mask, commands, shells, attention, losses, room: (MOST_LINES, now), has_told: false }
    }

    /// Takes what was heard.
    pub(super) fn heard(&mut self, heard: Heard, now: Timestamp, boot: BootTime) -> Noted {
        self.attention.hear(&heard, boot);
        self.losses.malformed += heard.malformed;
        let mut noted = Noted::default();
        for report in heard.reports {
            let shell = report.shell;
            let Some(known) = self.known(report, now, boot) else {
                self.losses.malformed += 1;
                continue;
            };
            self.losses.unreported += known.unreported;
            noted.began.extend(known.began.map(|text| self.shown(&text).0));
            noted.events.extend(known.over.into_iter().filter_map(|line| self.written(shell, line)));
        }
        noted
    }

    /// What a report comes to; none if it is of a shell that did not say before that it reports.
    fn known(&mut self, report: Report, now: Timestamp, boot: BootTime) -> Option<Known> {
        if report.told == Told::Shell && (self.shells.len() < MOST_SHELLS || self.shells.contains_key(&report.shell)) {
            // The shell may have become another one, by `exec`.
            let before = self.shells.insert(report.shell, Shell::default());
            let over = before.and_then(|mut shell| shell.leave()).into_iter().collect();
            return Some(Known { over, ..Known::default() });
        }
        Some(self.shells.get_mut(&report.shell)?.hear(report, now, boot))
    }

    /// What is to be done once a second.
    pub(super) fn ticked(&mut self, now: BootTime) -> Noted {
        let seconds = now.since(self.room.1).as_secs();
        if seconds == 0 {
            return Noted::default();
        }
        self.room = ((self.room.0 + seconds * MORE_LINES).min(MOST_LINES), now);
        let silence = match self.commands {
            Commands::None => None,
            Commands::Reported => self.attention.silence(now),
            Commands::Unreported => (!mem::replace(&mut self.has_told, true)).then_some(Silence::Never),
        };
        let tell = silence.filter(|_| !mem::replace(&mut self.has_told, true)).map(|_| UNHEARD);
        Noted { events: self.lost(silence), began: Vec::new(), tell }
    }

    /// What is to be written down in the end.
    pub(super) fn left(&mut self) -> Vec<Event> {
        let running = self.shells.iter_mut().filter_map(|(shell, state)| Some((*shell, state.leave()?)));
        let running: Vec<_> = running.collect();
        let mut events: Vec<Event> =
            running.into_iter().filter_map(|(shell, line)| self.written(shell, line)).collect();
        let silence = match self.commands {
            Commands::Reported => self.attention.left(),
            Commands::Unreported if !self.has_told => Some(Silence::Never),
            Commands::None | Commands::Unreported => None,
        };
        events.extend(self.lost(silence));
        events
    }

    fn lost(&mut self, silence: Option<Silence>) -> Vec<Event> {
        let Losses { malformed, unreported, too_many } = mem::take(&mut self.losses);
        let losses = [
            ("reports of commands not understood", malformed),
            ("commands not reported", unreported),
            ("commands over the limit", too_many),
        ];
        let losses = losses.into_iter().filter(|(_, count)| *count > 0).chain(silence.map(Silence::loss));
        losses.map(|(what, count)| Event::Loss { what, count }).collect()
    }

    /// A line as it is written down, as long as there is room for it.
    fn written(&mut self, shell: u32, line: Line) -> Option<Event> {
        let Some(room) = self.room.0.checked_sub(1) else {
            self.losses.too_many += 1;
            return None;
        };
        self.room.0 = room;
        let typed = line.typed.is_some();
        let (shown, whole) = self.shown(&line.typed.unwrap_or_else(|| joined(&line.parts)));
        let ended = line.ended;
        Some(Event::CommandLine(Box::new(CommandLine {
            source: CommandSource::Shell,
            line: shown,
            cwd: self.shown(&line.folder).0,
            start: line.start,
            seconds: ended.map(|(seconds, _)| seconds),
            code: ended.map(|(_, code)| code),
            shell,
            typed,
            whole,
        })))
    }

    /// A text without the session's own values, cut, and what it was.
    fn shown(&self, text: &Text) -> (String, Option<WholeText>) {
        let masked = self.mask.bytes(&text.kept);
        let lossy = String::from_utf8_lossy(&masked);
        let shown = &lossy[..lossy.floor_char_boundary(LONGEST)];
        if shown.as_bytes() == masked && text.length == masked.len() as u64 {
            return (shown.to_owned(), None);
        }
        let sha256 = (text.length == masked.len() as u64).then(|| Digest::of(&masked));
        (shown.to_owned(), Some(WholeText { bytes: text.length, sha256 }))
    }
}

/// The commands of a line, one a line.
fn joined(parts: &[Text]) -> Text {
    let kept = parts.iter().map(|part| part.kept.as_slice()).collect::<Vec<_>>().join(&b'\n');
    let beyond: u64 = parts.iter().map(|part| part.length - part.kept.len() as u64).sum();
    Text { length: kept.len() as u64 + beyond, kept }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::secret::Secret;
    use crate::model::session::Credentials;

    const SECOND: u64 = 1_000_000_000;

    fn log(commands: Commands) -> CommandLog {
        let secret = |text: &str| Secret::new(text.into());
        let (secret_access_key, session_token) =
            (secret("wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY"), secret("IQoJb3JpZ2luX2Vj"));
        let credentials = Credentials { access_key_id: "ASIAEXAMPLEEXAMPLE".into(), secret_access_key, session_token };
        CommandLog::new(Rc::new(Mask::of(&credentials)), commands, BootTime(0))
    }

    fn heard(log: &mut CommandLog, told: Vec<(u64, Told)>) -> Vec<Event> {
        let reports = told.into_iter().map(|(number, told)| Report { shell: 7, number, told }).collect();
        log.heard(Heard { own: 7, reports, ..Heard::default() }, Timestamp::from_seconds(0), BootTime(0)).events
    }

    fn line(bytes: &[u8]) -> Told {
        Told::Line(Text { kept: bytes.to_vec(), length: bytes.len() as u64 })
    }

    /// The losses that are told.
    fn losses(events: &[Event]) -> Vec<(&'static str, u64)> {
        let losses = events.iter().filter_map(|event| match event {
            Event::Loss { what, count } => Some((*what, *count)),
            _ => None,
        });
        losses.collect()
    }

    #[test]
    fn what_is_no_text_or_secret_or_long_is_shown_as_far_as_it_may_be() {
        let mut log = log(Commands::Reported);
        let secret = b"echo wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY";
        let long = "\u{e9}".repeat(4096).into_bytes();
        let told = [&b"a\xffb"[..], secret, &long].into_iter().zip(1..).map(|(bytes, number)| (number, line(bytes)));
        let mut events = heard(&mut log, [(0, Told::Shell)].into_iter().chain(told).collect());
        events.extend(log.left());
        let shown: Vec<_> = events
            .iter()
            .map(|event| match event {
                Event::CommandLine(line) => (line.line.as_str(), line.whole.clone()),
                other => panic!("{other:?}"),
            })
            .collect();
        let whole = |bytes: &[u8]| Some(WholeText { bytes: bytes.len() as u64, sha256: Some(Digest::of(bytes)) });
        assert_eq!(shown[0], ("a\u{fffd}b", whole(b"a\xffb")));
        assert_eq!(shown[1], ("echo *******************************", None));
        assert_eq!(shown[2], ("\u{e9}".repeat(2048).as_str(), whole(&long)));
    }

    #[test]
    fn a_flood_of_lines_is_counted_and_not_written_down() {
        let mut log = log(Commands::Reported);
        let flood = |from: u64| (from..from + 30_000).map(|number| (number, line(b"x"))).collect();
        heard(&mut log, vec![(0, Told::Shell)]);
        assert_eq!(heard(&mut log, flood(1)).len(), 20_000);
        assert_eq!(losses(&log.ticked(BootTime(SECOND)).events), [("commands over the limit", 9_999)]);
        assert_eq!(heard(&mut log, flood(30_001)).len(), 100);
    }

    #[test]
    fn a_shell_that_did_not_say_that_it_reports_is_not_heard() {
        let mut log = log(Commands::Reported);
        assert!(heard(&mut log, vec![(1, line(b"x"))]).is_empty());
        assert_eq!(losses(&log.ticked(BootTime(SECOND)).events), [("reports of commands not understood", 1)]);
    }

    #[test]
    fn a_shell_that_cannot_report_is_told_once() {
        let mut log = log(Commands::Unreported);
        assert_eq!(losses(&log.ticked(BootTime(SECOND)).events), [("commands of a shell that reports none", 1)]);
        assert!(log.ticked(BootTime(2 * SECOND)).events.is_empty() && log.left().is_empty());
        assert_eq!(losses(&self::log(Commands::Unreported).left()), [("commands of a shell that reports none", 1)]);
        assert!(self::log(Commands::None).left().is_empty());
    }
}
