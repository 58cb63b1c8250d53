//! `glass replay`: what happened in a session, as it was seen.
//!
//! Keeps the promise that a recording, whatever is in it, does no more to the terminal than show its picture.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, IsTerminal, Seek, Write};
use std::time::Duration;

use super::args;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::out;
use crate::host::files::FileError;
use crate::host::live;
use crate::host::recorded::Recorded;
use crate::host::viewer::{self, Viewer};
use crate::host::watch::Pause;
use crate::model::recording::plain::Plain;
use crate::model::recording::read::{Moment, ReadError, Reader, Size, What};
use crate::model::recording::span::{Span, SpanError};

/// How many recordings are named when another was asked for.
const LATEST: usize = 5;

/// Runs the command.
pub fn run(args: &args::Replay, context: &Context) -> Result<Exit, Failure> {
    let recordings = Recorded::of_own(&context.places().recordings());
    if !args.text && !io::stdout().is_terminal() {
        let file = recordings.path(&args.session);
        return Err(Failure::new(Exit::Usage, "a recording is shown on a terminal, and stdout is none")
            .hint(format!("--text prints it as plain text; the recording itself is {}", file.display())));
    }
    let file = match recordings.open(&args.session) {
        Ok(Some(file)) => file,
        Ok(None) => return Err(absent(args, &recordings)),
        Err(error) => return Err(unopened(&error)),
    };
    let span = find(args, &file)?;
    let mut reader = begin(&file)?;
    if args.text {
        print(&mut reader, span)?;
    } else if show(&mut reader, span, args)? == Pause::Ended {
        return Ok(Exit::Done);
    }
    if let Some(said) = unfinished(args, context, reader.cut()) {
        out::say(&said);
    }
    Ok(Exit::Done)
}

type Recording<'f> = Reader<BufReader<&'f File>>;

fn begin(mut file: &File) -> Result<Recording<'_>, Failure> {
    file.rewind().map_err(|error| unread(&ReadError::File(error)))?;
    Reader::begin(BufReader::with_capacity(1 << 16, file)).map_err(|error| unread(&error))
}

/// Finds the part that is wanted. It is read for that alone: what is not there is told before anything is shown.
fn find(args: &args::Replay, file: &File) -> Result<Span, Failure> {
    if args.from.is_none() && args.until.is_none() {
        return Ok(Span { first: 0, end: u64::MAX });
    }
    Span::find(&mut begin(file)?, args.from.as_ref(), args.until.as_ref()).map_err(|error| match error {
        SpanError::Read(error) => unread(&error),
        SpanError::Ended(_) | SpanError::NoMarker { .. } | SpanError::NoLabel(_) | SpanError::Backwards => {
            Failure::of(Exit::Usage, &error)
        }
    })
}

/// Prints what stood on the screen.
fn print(reader: &mut Recording<'_>, span: Span) -> Result<(), Failure> {
    let mut stdout = BufWriter::new(io::stdout().lock());
    let mut plain = Plain::new(reader.size().columns);
    let mut number = 0;
    while let Some(moment) = next(reader, &mut number, span)? {
        match moment.what {
            What::Output(output) if number > span.first => plain.write(&output),
            What::Resized(columns) => plain.resize(columns),
            What::Output(_) | What::Marker(_) | What::Other => {}
        }
        if let Err(error) = stdout.write_all(plain.take().as_bytes()) {
            return out::written(Err(error));
        }
    }
    out::written(stdout.write_all(plain.finish().as_bytes()).and_then(|()| stdout.flush()))
}

/// Shows it on the terminal, each thing at its time.
fn show(reader: &mut Recording<'_>, span: Span, args: &args::Replay) -> Result<Pause, Failure> {
    out::say(&format!("glass: replay of {}: space stops and goes on, Ctrl-C ends", args.session));
    if let Some(said) = too_small(reader.size()) {
        out::say(&said);
    }
    let failed = |error: io::Error| Failure::new(Exit::Failed, "the terminal cannot be used").caused_by(&error);
    let mut viewer = Viewer::begin().map_err(failed)?;
    let (mut number, mut began, mut pause) = (0, None, Pause::Over);
    while let Some(moment) = next(reader, &mut number, span)? {
        let since = if number > span.first { moment.at - *began.get_or_insert(moment.at) } else { Duration::ZERO };
        pause = viewer.wait_until(since.div_f64(args.speed));
        if pause == Pause::Ended {
            break;
        }
        if let What::Output(output) = moment.what {
            viewer.show(&output).map_err(failed)?;
        }
    }
    drop(viewer);
    out::say(&format!("\nglass: end of the replay of {}", args.session));
    Ok(pause)
}

/// Reads what comes next, up to the end of the part that is wanted, and counts it.
fn next(reader: &mut Recording<'_>, number: &mut u64, span: Span) -> Result<Option<Moment>, Failure> {
    if *number >= span.end {
        return Ok(None);
    }
    *number += 1;
    reader.read().map_err(|error| unread(&error))
}

fn too_small(recorded: Size) -> Option<String> {
    let Size { columns, rows } = recorded;
    let (width, height) = viewer::size().filter(|(width, height)| *width < columns || *height < rows)?;
    Some(format!(
        "glass: it was recorded on {columns}x{rows} and this terminal is {width}x{height}: it will look otherwise"
    ))
}

/// What is to be said of a recording that may go on after what was read, where `cut` bytes follow.
fn unfinished(args: &args::Replay, context: &Context, cut: usize) -> Option<String> {
    if live::is_alive(context.places().state(), &args.session) {
        return Some("glass: the session is live: this is what is recorded of it so far".to_owned());
    }
    let said = format!("glass: the recording was cut short: {cut} bytes after its last whole line are left out");
    (cut > 0).then_some(said)
}

fn absent(args: &args::Replay, recordings: &Recorded) -> Failure {
    let failure = Failure::new(Exit::Failed, format!("there is no recording of session {}", args.session));
    match recordings.list() {
        Ok(found) if found.is_empty() => failure.hint("there are none on this machine"),
        Ok(found) => {
            let latest = found.iter().take(LATEST).map(|(session, written)| format!("{session} ({written})"));
            failure.hint(format!("the latest are {}", latest.collect::<Vec<_>>().join(", ")))
        }
        Err(error) => failure.caused_by(&error),
    }
}

fn unopened(error: &FileError) -> Failure {
    let failure = Failure::new(Exit::Failed, "the recording cannot be used").caused_by(error);
    failure.hint("`glass audit verify` tells what the ledger has of it")
}

fn unread(error: &ReadError) -> Failure {
    let failure = Failure::of(Exit::Failed, error);
    match error {
        ReadError::Version(_) => failure.hint("asciinema plays it, if it is one of asciinema's"),
        ReadError::NoHeader | ReadError::TooLong(_) | ReadError::Malformed { .. } => {
            failure.hint("`glass audit verify` tells whether this is what was recorded")
        }
        ReadError::File(_) => failure,
    }
}
