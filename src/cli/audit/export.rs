//! `glass audit export`: the ledger in forms that other programs take.

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;

use serde::Deserialize;

use super::source::Source;
use super::{Wanted, tell_of_bad};
use crate::cli::args::{AuditExport, ExportFormat};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::host::export::{ExportError, NewFile, NewFolder};
use crate::model::chain::entry::Entry;
use crate::model::chain::signed::Asked;
use crate::model::checkpoint::Checkpoint;
use crate::model::export::Form;
use crate::model::export::ocsf::Translator;
use crate::model::export::tiles::{NotFromTheFirst, Tiles};
use crate::model::note::Note;

/// Exports the ledger, or a copy of one.
pub fn export(args: &AuditExport, context: &Context) -> Result<Exit, Failure> {
    let form = match args.format {
        ExportFormat::Jsonl => Form::Lines,
        ExportFormat::Csv => Form::Table,
        ExportFormat::Ocsf => Form::Events(Translator::default()),
        ExportFormat::Tiles => return tiles(args, context),
    };
    match &args.to {
        None => {
            let mut stdout = BufWriter::new(io::stdout().lock());
            out::written(lines(args, context, form, &mut stdout)?)?;
        }
        Some(to) => {
            let mut file = NewFile::begin(to)?;
            lines(args, context, form, &mut file)?.map_err(|error| Failure::of(Exit::Failed, &error))?;
            file.keep()?;
        }
    }
    Ok(Exit::Done)
}

/// Writes the entries that are wanted, one after another; what became of the writing is apart from what was read.
fn lines(
    args: &AuditExport,
    context: &Context,
    mut form: Form,
    to: &mut impl Write,
) -> Result<io::Result<()>, Failure> {
    let wanted = Wanted::of(&args.only);
    let source = Source::of(args.ledger.as_deref(), context)?;
    if let Err(error) = to.write_all(form.header().as_bytes()) {
        return Ok(Err(error));
    }
    let reading = source.reader.read_until(|line, entry| {
        form.follow(entry);
        let written = if wanted.takes(entry) { to.write_all(&form.shown(line, entry)) } else { Ok(()) };
        // Who does not listen any more has seen enough.
        written.map_or_else(ControlFlow::Break, ControlFlow::Continue)
    });
    match source.found(reading)? {
        ControlFlow::Break(error) => Ok(Err(error)),
        ControlFlow::Continue(reading) => {
            source.is_there(&reading)?;
            let written = to.flush();
            tell_of_bad(&reading.walked.judgement, "exported");
            Ok(written)
        }
    }
}

/// Writes the tiles of the last checkpoint.
fn tiles(args: &AuditExport, context: &Context) -> Result<Exit, Failure> {
    let Some(to) = &args.to else {
        return Err(Failure::new(Exit::Usage, "tiles are many files").hint("name a new or empty folder with --to"));
    };
    if args.only.is_some() {
        return Err(Failure::new(Exit::Usage, "tiles are those of all entries")
            .hint("leave --session, --since and --event out"));
    }
    let folder = NewFolder::begin(to)?;
    let source = Source::of(args.ledger.as_deref(), context)?;
    let verified = source.reader.verify(Asked::default(), |_| false, |_, _| ());
    let verified = source.found(verified)?;
    source.is_there(&verified.reading)?;
    let Some(signed) = verified.signatures.last() else {
        let fact = "nothing of the ledger is signed, and tiles are those of a checkpoint";
        return Err(Failure::new(Exit::Failed, fact).hint("`glass audit checkpoint` signs what your own ledger holds"));
    };
    let mut making = Making { folder: &folder, tiles: Tiles::default(), size: signed.size, note: None };
    let read = source.reader.read_until(|line, entry| match making.take(line, entry) {
        Ok(()) => ControlFlow::Continue(()),
        Err(failure) => ControlFlow::Break(failure),
    });
    if let ControlFlow::Break(failure) = source.found(read)? {
        return Err(failure);
    }
    making.finish()?;
    folder.keep()?;
    tell_of_bad(&verified.reading.walked.judgement, "exported");
    out::say(&format!("glass: the first {} entries are in {}", signed.size, to.display()));
    Ok(Exit::Done)
}

/// Tiles that are being made of the first `size` entries.
struct Making<'a> {
    folder: &'a NewFolder,
    tiles: Tiles,
    size: u64,
    /// The checkpoint of this size: it is in the entry after them.
    note: Option<String>,
}

impl Making<'_> {
    fn take(&mut self, line: &[u8], entry: &Entry<'_>) -> Result<(), Failure> {
        if entry.seq == self.size {
            self.note = serde_json::from_str(entry.d).ok().map(|Signed { note }| note);
        } else if entry.seq < self.size {
            let full = self.tiles.push(entry.seq, line)?;
            full.iter().try_for_each(|tile| self.folder.put(&tile.path, &tile.bytes))?;
        }
        Ok(())
    }

    /// Writes the tiles that are not full and, last, the checkpoint, if it is of these entries.
    fn finish(self) -> Result<(), Failure> {
        let changed = || Failure::new(Exit::Evidence, "the ledger was changed while it was exported");
        let note = self.note.ok_or_else(changed)?;
        let text = Note::parse(note.as_bytes()).map_err(|_| changed())?.unverified_text();
        let checkpoint = Checkpoint::parse(text).map_err(|_| changed())?;
        if (checkpoint.size, checkpoint.root) != (self.tiles.size(), self.tiles.root()) {
            return Err(changed());
        }
        for tile in self.tiles.partial() {
            self.folder.put(&tile.path, &tile.bytes)?;
        }
        Ok(self.folder.put("checkpoint", note.as_bytes())?)
    }
}

/// The note in the details of `ledger.checkpoint`.
#[derive(Deserialize)]
struct Signed {
    note: String,
}

impl From<NotFromTheFirst> for Failure {
    fn from(error: NotFromTheFirst) -> Failure {
        Failure::of(Exit::Failed, &error)
            .hint("put the segments that were sent away beside the others, in a copy, and name that with --ledger")
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Failure {
        let hint = match &error {
            ExportError::Taken(_) => "name another place, or take away what is there",
            ExportError::File { .. } => "nothing was left of it; mend the disk's or the folder's fault and try again",
        };
        Failure::of(Exit::Failed, &error).hint(hint)
    }
}
