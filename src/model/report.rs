//! What the shells of a session report of themselves: the bytes of their hooks made into [`Report`]s.
//!
//! Whatever runs in the session can write such bytes. Keeps the promise that whatever they are, they are taken
//! in bounded time and memory, and that what is not a report is counted. Section 5 of `docs/formats.md`.

use std::mem;

/// How much of a report is kept. What is beyond is counted only.
const MOST_KEPT: usize = 256 * 1024;

/// How long the words before the text may be.
const LONGEST_HEAD: usize = 40;

/// One report of a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The shell's process id, by its own word.
    pub shell: u32,
    /// The number of its command line, from 1; 0 before the first.
    pub number: u64,
    /// What it says.
    pub told: Told,
}

/// What a report says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It reports from now on.
    Shell,
    /// The folder in which the line is run.
    Folder(Text),
    /// The line as it was typed.
    Line(Text),
    /// The last line of bash's history, and its number there.
    History(u64, Text),
    /// Nothing: bash has no history.
    NoHistory,
    /// One of the line's simple commands, as bash shows them.
    Part(Text),
    /// The line has ended with this code.
    End(u8),
    /// It waits for the next line.
    Prompt,
}

/// A text from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Its bytes, up to a limit.
    pub kept: Vec<u8>,
    /// How many bytes it has.
    pub length: u64,
}

/// What was heard of a session's shells in one turn.
#[derive(Debug, Default)]
pub struct Heard {
    /// The process id of the session's own shell.
    pub own: u32,
    /// What they reported, in its order.
    pub reports: Vec<Report>,
    /// How many reports were none.
    pub malformed: u64,
    /// How many programs came into the terminal's foreground in place of the session's own shell while that
    /// reported nothing.
    pub programs: u64,
    /// Whether the session's own shell edits a line, and reported nothing.
    pub edits: bool,
    /// Whether nobody can report any more, for no process has what it takes.
    pub closed: bool,
    /// Whether the session's own shell has become another program since it reported first.
    pub replaced: bool,
}

/// Bytes on their way to become reports.
#[derive(Default)]
pub struct Reader {
    kept: Vec<u8>,
    beyond: u64,
}

impl Reader {
    /// Takes bytes; gives the reports that they complete, and how many that were none.
    pub fn take(&mut self, bytes: &[u8]) -> (Vec<Report>, u64) {
        let (mut reports, mut malformed) = (Vec::new(), 0);
        let mut pieces = bytes.split(|byte| *byte == 0);
        if let Some(last) = pieces.next_back() {
            for piece in pieces {
                self.keep(piece);
                match self.complete() {
                    Some(report) => reports.push(report),
                    None => malformed += 1,
                }
            }
            self.keep(last);
        }
        (reports, malformed)
    }

    fn keep(&mut self, piece: &[u8]) {
        let room = MOST_KEPT.saturating_sub(self.kept.len()).min(piece.len());
        self.kept.extend_from_slice(&piece[..room]);
        self.beyond += (piece.len() - room) as u64;
    }

    fn complete(&mut self) -> Option<Report> {
        let (record, beyond) = (mem::take(&mut self.kept), mem::take(&mut self.beyond));
        let mut words = record.splitn(4, |byte| *byte == b' ');
        let (word, shell, number) = (words.next()?, number(words.next()?)?, number(words.next()?)?);
        let text = words.next()?;
        let head = record.len() - text.len();
        if head > LONGEST_HEAD {
            return None;
        }
        let text = Text { kept: text.to_vec(), length: text.len() as u64 + beyond };
        let told = match word {
            b"shell" => Told::Shell,
            b"folder" => Told::Folder(text),
            b"line" => Told::Line(text),
            b"history" if text.kept.is_empty() => Told::NoHistory,
            b"history" => listed(&text)?,
            b"part" => Told::Part(text),
            b"end" => Told::End(u8::try_from(self::number(&text.kept)?).ok()?),
            b"prompt" => Told::Prompt,
            _ => return None,
        };
        Some(Report { shell: u32::try_from(shell).ok()?, number, told })
    }
}

/// A line as bash's `history` lists it: spaces, a number, a star if it was edited, two spaces, the line, a line feed.
fn listed(text: &Text) -> Option<Told> {
    let line = text.kept.trim_ascii_start();
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let entry = number(&line[..digits])?;
    let line = &line[digits..];
    let line = line.strip_prefix(b"* ").or(line.strip_prefix(b"  "))?;
    let beyond = text.length - text.kept.len() as u64;
    let line = if beyond == 0 { line.strip_suffix(b"\n")? } else { line };
    Some(Told::History(entry, Text { kept: line.to_vec(), length: line.len() as u64 + beyond }))
}

fn number(digits: &[u8]) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| all_digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &[u8]) -> Text {
        Text { kept: text.to_vec(), length: text.len() as u64 }
    }

    fn read(bytes: &[u8]) -> (Vec<Told>, u64) {
        let (reports, malformed) = Reader::default().take(bytes);
        (reports.into_iter().map(|report| report.told).collect(), malformed)
    }

    #[test]
    fn reports_are_read_however_they_are_cut() {
        let bytes = b"shell 7 0 bash\0folder 7 1 /a\tb\nc\0history 7 1    12* ls\n -l\n\0end 7 1 130\0prompt 7 1 \0";
        let whole = Reader::default().take(bytes);
        assert_eq!(whole.1, 0);
        let told: Vec<_> = whole.0.iter().map(|report| report.told.clone()).collect();
        let folder = Told::Folder(text(b"/a\tb\nc"));
        let history = Told::History(12, text(b"ls\n -l"));
        assert_eq!(told, [Told::Shell, folder, history, Told::End(130), Told::Prompt]);
        assert_eq!((whole.0[1].shell, whole.0[1].number), (7, 1));
        let mut reader = Reader::default();
        let pieces: Vec<_> = bytes.chunks(1).flat_map(|byte| reader.take(byte).0).collect();
        assert_eq!(pieces, whole.0);
        assert!(reader.kept.is_empty());
    }

    #[test]
    fn a_text_may_be_anything_but_has_no_zero_byte() {
        assert_eq!(read(b"line 1 1  \xff\x1b[2J \0"), (vec![Told::Line(text(b" \xff\x1b[2J "))], 0));
        assert_eq!(read(b"line 1 1 \0"), (vec![Told::Line(text(b""))], 0));
        assert_eq!(read(b"history 1 0 \0"), (vec![Told::NoHistory], 0));
        assert_eq!(read(b"history 1 2     1    x\n\0"), (vec![Told::History(1, text(b"  x"))], 0));
    }

    #[test]
    fn what_is_no_report_is_counted_and_what_follows_is_read() {
        let malformed = [
            &b""[..],
            b"line",
            b"line 1 1",
            b"line x 1 a",
            b"line -1 1 a",
            b"line 1 +1 a",
            b"line 4294967296 1 a",
            b"line 1 99999999999999999999 a",
            b"Line 1 1 a",
            b"end 1 1 256",
            b"end 1 1 x",
            b"history 1 1 x",
            b"history 1 1   5 x\n",
            b"history 1 1   5  x",
            b"line 0000000000000000000000000000000000000000001 1 a",
            b"\xff\xff\xff",
        ];
        for bytes in malformed {
            let all = [bytes, b"\0prompt 1 1 \0"].concat();
            assert_eq!(read(&all), (vec![Told::Prompt], 1), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_flood_without_an_end_takes_no_more_room_than_a_report() {
        let mut reader = Reader::default();
        reader.take(b"line 1 1 ");
        for _ in 0..1000 {
            assert_eq!(reader.take(&[b'a'; 4096]), (vec![], 0));
        }
        assert!(reader.kept.capacity() <= 2 * MOST_KEPT);
        let (reports, malformed) = reader.take(b"\0");
        let Told::Line(line) = &reports[0].told else { panic!("{reports:?}") };
        assert_eq!((line.length, line.kept.len(), malformed), (4_096_000, MOST_KEPT - 9, 0));
        assert!(reader.kept.is_empty());
    }
}
