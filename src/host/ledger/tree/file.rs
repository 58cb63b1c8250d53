//! The form of the file `tree`: one line of JSON, and 40 bytes for each block.

use std::io::{self, BufRead, BufReader, Read};

use serde::{Deserialize, Serialize};

use crate::host::ledger::before::Before;
use crate::host::ledger::folder::{Folder, Use};
use crate::model::chain::entry::Entry;
use crate::model::name::Digest;
use crate::world::ledger::LedgerError;

/// The file that keeps it.
const FILE: &str = "tree";

/// What one block takes in the file: its root, and where in its segment it begins.
const RECORD: usize = 40;

/// The largest first line of the file; a real one has fewer than a thousand bytes.
const LONGEST_HEAD: u64 = 1 << 16;

/// 256 lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) root: Digest,
    pub(super) begins: u64,
}

/// A place between two lines, and what the lines before it say.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct End {
    /// The number of the first entry of the segment.
    pub(super) segment: u64,
    /// Where in it.
    pub(super) bytes: u64,
    /// The hash of the line that ends here, in hex.
    pub(super) last: String,
    /// Whose ledger it is.
    pub(super) origin: String,
    /// The key that was made known last.
    pub(super) key: Option<String>,
    /// The last checkpoint's note.
    pub(super) note: Option<String>,
}

/// The first line of the file.
#[derive(Serialize, Deserialize)]
struct Head {
    v: u8,
    blocks: usize,
    /// SHA-256 of what follows this line.
    sha256: String,
    /// What is not here any more: its state, where it was shipped to, and the entry that says so.
    before: Option<Before>,
    #[serde(flatten)]
    end: End,
}

/// What the file has.
pub(super) struct Content {
    pub(super) before: Option<Before>,
    pub(super) blocks: Vec<Block>,
    pub(super) end: End,
}

/// What the file says is not here any more; a hint, which saves who appends from reading everything.
pub(in crate::host::ledger) fn before(folder: &Folder) -> Option<Before> {
    let mut file = BufReader::new(folder.open_if_there(FILE, Use::Read).ok()??);
    read_head(&mut file).ok()??.before
}

/// Reads the file; nothing where it is missing or damaged.
pub(super) fn read(folder: &Folder) -> Option<Content> {
    let mut file = BufReader::new(folder.open_if_there(FILE, Use::Read).ok()??);
    let Head { v, blocks, sha256, before, end } = read_head(&mut file).ok()??;
    let mut records = Vec::new();
    file.read_to_end(&mut records).ok()?;
    let whole =
        v == 1 && blocks.checked_mul(RECORD) == Some(records.len()) && sha256 == Digest::of(&records).to_string();
    let blocks = records.chunks_exact(RECORD).filter_map(Block::parse).collect();
    whole.then_some(Content { before, blocks, end })
}

fn read_head(file: &mut impl BufRead) -> io::Result<Option<Head>> {
    let mut head = Vec::new();
    file.by_ref().take(LONGEST_HEAD).read_until(b'\n', &mut head)?;
    Ok(serde_json::from_slice(&head).ok())
}

/// Writes the file.
///
/// # Errors
/// When it cannot be written. Nothing depends on it.
pub(super) fn write(folder: &Folder, before: Option<&Before>, blocks: &[Block], end: &End) -> Result<(), LedgerError> {
    let records: Vec<u8> = blocks.iter().flat_map(|block| block.to_bytes()).collect();
    let sha256 = Digest::of(&records).to_string();
    let head = Head { v: 1, blocks: blocks.len(), sha256, before: before.cloned(), end: end.clone() };
    let mut content = serde_json::to_vec(&head).expect("every field is text or a number");
    content.push(b'\n');
    content.extend(records);
    folder.replace(FILE, &content)
}

impl End {
    /// Remembers what an entry says of the ledger.
    pub(super) fn follow(&mut self, line: &[u8]) {
        let Ok(entry) = Entry::parse(line) else { return };
        let said = |name: &str| {
            let details: serde_json::Value = serde_json::from_str(entry.d).ok()?;
            details[name].as_str().map(str::to_owned)
        };
        match entry.ev {
            "ledger.open" => self.origin = said("origin").unwrap_or_default(),
            "ledger.key" => self.key = said("vkey"),
            "ledger.checkpoint" => self.note = said("note"),
            _ => {}
        }
    }
}

impl Block {
    fn parse(record: &[u8]) -> Option<Self> {
        let (root, begins) = record.split_first_chunk::<32>()?;
        Some(Block { root: Digest::from_bytes(*root), begins: u64::from_be_bytes(begins.try_into().ok()?) })
    }

    fn to_bytes(self) -> [u8; RECORD] {
        let mut bytes = [0; RECORD];
        bytes[..32].copy_from_slice(self.root.bytes());
        bytes[32..].copy_from_slice(&self.begins.to_be_bytes());
        bytes
    }
}
