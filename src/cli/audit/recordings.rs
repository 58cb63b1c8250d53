//! The recordings of the sessions that a ledger tells of, held against its hashes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::host::live;
use crate::host::recorded::Recorded;
use crate::model::chain::entry::Entry;
use crate::model::name::Id;
use crate::model::recording::proof::{FirstBad, Proof, State};
use crate::model::text::escaped;

/// How all recordings fare, by session.
pub struct Proofs {
    files: Files,
    /// Where the marks of live sessions are, when the ledger is this user's own.
    state: Option<PathBuf>,
    proofs: BTreeMap<String, Proof>,
    /// How many bytes of each recording the ledger does not have yet.
    more: BTreeMap<String, u64>,
    /// The sessions that could not be recorded to their end.
    failed: BTreeSet<String>,
}

impl Proofs {
    /// None as yet.
    pub fn of(recordings: Recorded, state: Option<&Path>) -> Proofs {
        let state = state.map(Path::to_owned);
        let files = Files { recordings, open: None };
        Proofs { files, state, proofs: BTreeMap::new(), more: BTreeMap::new(), failed: BTreeSet::new() }
    }

    /// Whether entries of an event are for this.
    pub fn takes(event: &str) -> bool {
        ["recording.chunk", "recording.end", "loss"].contains(&event)
    }

    /// Takes an entry of the ledger.
    pub fn take(&mut self, entry: &Entry<'_>) {
        let session = entry.session.to_owned();
        match entry.ev {
            "recording.chunk" => {
                let recording = self.files.open(&session);
                self.proofs.entry(session).or_default().chunk(entry.d, recording);
            }
            "recording.end" => self.proofs.entry(session).or_default().end(entry.d),
            "loss" if is_of_the_recording(entry.d) => {
                self.failed.insert(session);
            }
            _ => {}
        }
    }

    /// Looks at what the ledger says nothing of: the end of each recording, and recordings as a whole.
    ///
    /// # Errors
    /// When the recordings cannot be listed.
    pub fn conclude(mut self) -> Result<Proofs, Failure> {
        let listed = self
            .files
            .recordings
            .list()
            .map_err(|error| Failure::new(Exit::Failed, "the recordings cannot be listed").caused_by(&error))?;
        for (session, _) in listed {
            let session = session.to_string();
            let length = self.files.length(&session);
            let proof = self.proofs.entry(session.clone()).or_default();
            proof.length(length);
            self.more.insert(session, length.saturating_sub(proof.bytes()));
        }
        Ok(self)
    }

    /// Whether one is not what the ledger has.
    pub fn differ(&self) -> bool {
        self.proofs.values().any(|proof| proof.state() == State::Differs)
    }

    /// The list for `--json`.
    pub fn as_json(&self) -> Vec<Value> {
        let told = |(session, proof): (&String, &Proof)| {
            json!({
                "session": session,
                "state": proof.state(),
                "bytes": proof.bytes(),
                "more": self.more.get(session).unwrap_or(&0),
                "first_bad": proof.first_bad(),
            })
        };
        self.proofs.iter().map(told).collect()
    }

    /// The lines for people; none where there is nothing to tell.
    pub fn described(&self) -> String {
        let of = |state| self.proofs.iter().filter(move |(_, proof)| proof.state() == state);
        let names = |state| of(state).map(|(session, _)| session.as_str()).collect::<Vec<_>>();
        let states = [State::Verified, State::Unfinished, State::Cut, State::Differs, State::Missing, State::Unknown];
        let counts = states.map(|state| (of(state).count(), word(state)));
        let counts: Vec<String> =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        if counts.is_empty() {
            return String::new();
        }
        let mut text = format!("recordings  {}\n", counts.join(", "));
        for state in [State::Differs, State::Cut] {
            for (session, bad) in of(state).filter_map(|(session, proof)| Some((session, proof.first_bad()?))) {
                writeln!(text, "{:<11} {}: {}", word(state), escaped(session), bad_place(bad)).expect(WRITES);
            }
        }
        for (session, _) in of(State::Unfinished) {
            let more = self.more.get(session).unwrap_or(&0);
            writeln!(text, "unfinished  {session}: {}, {more} bytes more than the ledger has", self.why(session))
                .expect(WRITES);
        }
        let (begun, unknown): (Vec<_>, Vec<_>) = names(State::Unknown).into_iter().partition(|id| self.is_live(id));
        for (sessions, state, meaning) in [
            (names(State::Missing), State::Missing, "not there"),
            (begun, State::Unknown, "the session is live, and the ledger has nothing of it yet"),
            (unknown, State::Unknown, "the ledger has nothing of it"),
        ] {
            if !sessions.is_empty() {
                writeln!(text, "{:<11} {}: {meaning}", word(state), escaped(&sessions.join(" "))).expect(WRITES);
            }
        }
        text
    }

    /// Why a recording has no end.
    fn why(&self, session: &str) -> &'static str {
        match &self.state {
            _ if self.failed.contains(session) => "it could not be recorded to its end",
            Some(_) if self.is_live(session) => "the session is live",
            Some(_) => "the session was lost",
            None => "it was not ended",
        }
    }

    fn is_live(&self, session: &str) -> bool {
        let alive = |state: &PathBuf| Id::parse(session).is_ok_and(|id| live::is_alive(state, &id));
        self.state.as_ref().is_some_and(alive)
    }
}

/// Whether a `loss` is what a session says of its recording when that fails.
fn is_of_the_recording(d: &str) -> bool {
    serde_json::from_str::<Value>(d).is_ok_and(|d| d["what"] == "recording")
}

/// The recordings' files.
struct Files {
    recordings: Recorded,
    /// The one that was looked at last: its chunks mostly follow each other.
    open: Option<(String, File)>,
}

impl Files {
    fn open(&mut self, session: &str) -> Result<Option<&File>, String> {
        if self.open.as_ref().is_none_or(|(open, _)| open != session) {
            let id = Id::parse(session).map_err(|error| error.to_string())?;
            let found = self.recordings.open(&id).map_err(|error| error.to_string())?;
            self.open = found.map(|file| (session.to_owned(), file));
        }
        Ok(self.open.as_ref().filter(|(open, _)| open == session).map(|(_, file)| file))
    }

    /// How long a recording is; one that cannot be looked at has no length, and was told of before.
    fn length(&mut self, session: &str) -> u64 {
        let recording = self.open(session).ok().flatten();
        recording.and_then(|file| file.metadata().ok()).map_or(0, |found| found.len())
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Verified => "verified",
        State::Unfinished => "unfinished",
        State::Cut => "cut",
        State::Differs => "differs",
        State::Missing => "missing",
        State::Unknown => "unknown",
    }
}

fn bad_place(bad: &FirstBad) -> String {
    let FirstBad { chunk, from, bytes, reason } = bad;
    let last = from.saturating_add(*bytes).saturating_sub(1);
    let chunk = chunk.map_or(String::new(), |chunk| format!("chunk {chunk}, "));
    format!("{chunk}bytes {from} to {last}: {}", escaped(reason))
}

const WRITES: &str = "writing to a String cannot fail";
