//! A segment as an archive has it, held against what the ledger says that it came to at its end.
//!
//! Keeps the promise that a segment which is not here any more is found only if its entries are those that the ledger
//! goes on from: the hash of its last line commits to each of them.

use super::receipt::Receipts;
use crate::model::chain::LONGEST_LINE;
use crate::model::chain::entry::Entry;
use crate::model::chain::state::State;
use crate::model::chain::verify::Verifier;
use crate::model::name::Digest;
use crate::model::tree::{Growing, Stretch, leaf};

/// The entries of a segment, as far as they were read.
#[derive(Debug)]
pub struct Passage {
    first: u64,
    /// What the first line says that the line before it has as its hash.
    prev: Option<Digest>,
    /// Nothing as long as that is not known.
    verifier: Option<Verifier>,
    leaves: Stretch,
    receipts: Receipts,
    /// A line that has not ended yet.
    begun: Vec<u8>,
    wrong: Option<String>,
}

impl Passage {
    /// Begins with the entry of this number.
    pub fn from(first: u64) -> Self {
        let verifier = (first == 0).then(Verifier::new);
        let (leaves, receipts) = (Stretch::from(first), Receipts::default());
        Passage { first, prev: None, verifier, leaves, receipts, begun: Vec::new(), wrong: None }
    }

    /// Takes the next bytes.
    pub fn take(&mut self, mut piece: &[u8]) {
        while let Some(lf) = memchr::memchr(b'\n', piece).filter(|_| self.wrong.is_none()) {
            let (line, rest) = piece.split_at(lf + 1);
            if self.begun.is_empty() {
                self.line(line);
            } else {
                self.begun.extend_from_slice(line);
                let line = std::mem::take(&mut self.begun);
                self.line(&line);
            }
            piece = rest;
        }
        if self.wrong.is_none() {
            self.begun.extend_from_slice(piece);
            if self.begun.len() > LONGEST_LINE {
                self.wrong = Some(format!("a line is longer than {LONGEST_LINE} bytes"));
            }
        }
    }

    fn line(&mut self, line: &[u8]) {
        if self.verifier.is_none() {
            // What it follows is held against the ledger where that is known.
            self.prev = Entry::parse(line).ok().and_then(|entry| Digest::parse(entry.prev));
            self.verifier = self.prev.map(|prev| Verifier::after(self.first, prev));
        }
        let accepted = self.verifier.as_mut().map(|verifier| verifier.accept(line));
        match accepted {
            Some(Ok(entry)) => {
                self.receipts.take(&entry);
                self.leaves.push(leaf(line));
            }
            Some(Err(error)) => self.wrong = Some(error.to_string()),
            None => self.wrong = Some("the first line is no entry".to_owned()),
        }
    }

    /// Holds it against what the ledger came to at its end, and before it if that is known.
    ///
    /// # Errors
    /// With what it is that is not so.
    pub fn held_to(&self, end: &State, before: Option<&State>) -> Result<(), String> {
        if let Some(wrong) = &self.wrong {
            return Err(format!("its entries do not chain: {wrong}"));
        }
        let found = self.verifier.as_ref().map(|verifier| (verifier.next(), verifier.last()));
        if found != Some((end.size(), Some(end.hash))) || !self.begun.is_empty() {
            let last = end.size().saturating_sub(1);
            return Err(format!("it does not end with entry {last} of this ledger"));
        }
        if before.is_some_and(|before| Some(before.hash) != self.prev) {
            return Err(format!(
                "its first entry does not follow entry {} of this ledger",
                self.first.saturating_sub(1)
            ));
        }
        let nothing = Growing::new();
        let tree = if self.first == 0 { Some(&nothing) } else { before.map(|before| &before.tree) };
        match tree.map(|tree| self.leaves.after(tree.clone())) {
            Some(tree) if tree != end.tree => Err("its entries have another tree than the ledger says".to_owned()),
            Some(_) | None => Ok(()),
        }
    }

    /// What its entries say was sent.
    pub fn receipts(&self) -> &Receipts {
        &self.receipts
    }

    /// The same, for good.
    pub fn into_receipts(self) -> Receipts {
        self.receipts
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::chain::genesis;

    const ORIGIN: &str = "glass/-/laptop/alice/0123abcd";

    /// The lines of a ledger of eleven entries.
    fn lines() -> Vec<String> {
        let mut prev = genesis(ORIGIN);
        let line = |seq: u64| {
            let (ev, d) = match seq {
                0 => ("ledger.open", format!(r#"{{"origin":"{ORIGIN}","machine":"{prev}"}}"#)),
                _ => ("run.end", r#"{"code":0,"ms":1}"#.to_owned()),
            };
            let line = format!(
                r#"{{"v":1,"seq":{seq},"prev":"{prev}","ts":"2026-01-31T02:13:00.000042Z","mono":"1","boot":"b","host":"h","pid":1,"uid":1,"who":"","ev":"{ev}","session":"","d":{d}}}"#
            ) + "\n";
            prev = Digest::of(line.as_bytes());
            line
        };
        (0..11).map(line).collect()
    }

    /// What the first so many of them come to.
    fn state(size: usize) -> State {
        let mut tree = Growing::new();
        let lines = lines();
        lines[..size].iter().for_each(|line| tree.push(leaf(line.as_bytes())));
        State {
            origin: ORIGIN.to_owned(),
            machine: Digest::of(b"m"),
            tree,
            hash: Digest::of(lines[size - 1].as_bytes()),
            key: None,
            unresolved: BTreeSet::new(),
        }
    }

    fn passage(first: usize, text: &str, piece: usize) -> Passage {
        let mut passage = Passage::from(first as u64);
        text.as_bytes().chunks(piece).for_each(|piece| passage.take(piece));
        passage
    }

    #[test]
    fn entries_that_go_on_to_what_the_ledger_came_to_are_its_own() {
        for piece in [1, 7, 300, 100_000] {
            assert_eq!(passage(0, &lines()[..5].concat(), piece).held_to(&state(5), None), Ok(()));
            let midst = passage(5, &lines()[5..9].concat(), piece);
            assert_eq!(midst.held_to(&state(9), Some(&state(5))), Ok(()));
            assert_eq!(midst.held_to(&state(9), None), Ok(()), "what is before is not known");
        }
    }

    #[test]
    fn others_are_not_and_it_is_said_why() {
        let lines = lines();
        let all = lines[5..9].concat();
        let other = |text: &str, why: &str| {
            let told = passage(5, text, 100).held_to(&state(9), Some(&state(5))).unwrap_err();
            assert!(told.contains(why), "{told}");
        };
        other("", "does not end with entry 8");
        other(&lines[5..8].concat(), "does not end with entry 8");
        other(&lines[5..10].concat(), "does not end with entry 8");
        other(&(all.clone() + "x"), "does not end with entry 8");
        other(&lines[4..9].concat(), "expected entry 5, found entry 4");
        other(&all.replacen("\"ms\":1", "\"ms\":2", 1), "do not chain: the line before has the hash");
        other(&(all.clone() + &"x".repeat(70_000)), "a line is longer than");
        other("{}\n", "the first line is no entry");
        other(&all[..all.len() - 1], "does not end with entry 8");

        let whole = passage(5, &all, 100);
        let before = State { hash: Digest::of(b"other"), ..state(5) };
        let told = whole.held_to(&state(9), Some(&before)).unwrap_err();
        assert!(told.contains("does not follow entry 4"), "{told}");
        let before = State { tree: Growing::of(5, vec![Digest::of(b"a"), Digest::of(b"b")]).unwrap(), ..state(5) };
        let told = whole.held_to(&state(9), Some(&before)).unwrap_err();
        assert!(told.contains("another tree"), "{told}");
        let end = State { hash: Digest::of(b"other"), ..state(9) };
        assert!(whole.held_to(&end, None).is_err());
        let begun = passage(0, &lines[..5].concat(), 100);
        let end = State { tree: state(9).tree, ..state(5) };
        assert!(begun.held_to(&end, None).is_err());
    }
}
