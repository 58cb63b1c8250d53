//! What shows that the ledger of a request goes on from what earlier requests told of it.
//!
//! Keeps the promise that an approver who has seen an earlier request finds out whether the ledger only grew. Nobody
//! signs it and nobody has to: each step holds against the root in the request, or it says nothing.

use std::fmt::{self, Write};

use base64ct::{Base64, Encoding};

use super::sheet::Extent;
use crate::model::checkpoint::{decimal, hash};
use crate::model::name::Digest;
use crate::model::tree::proof::is_consistent;

/// The largest that is read, in bytes.
pub const LARGEST: usize = 16 * 1024;

/// From how many earlier requests the ledger of a request is shown to go on.
pub const STEPS: usize = 5;

/// The first of its lines.
const HEADING: &str = "glass-proof-v1";

/// The longest path: a tree has fewer than 2^64 leaves.
const LONGEST_PATH: usize = 64;

/// A ledger at an earlier moment, and the path from its tree to a later one: RFC 9162, section 2.1.4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The earlier ledger.
    pub from: Extent,
    /// The path.
    pub path: Vec<Digest>,
}

/// The steps to the ledger of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    request: Digest,
    steps: Vec<Step>,
    stored: String,
    digest: Digest,
}

impl Growth {
    /// Writes the steps to the ledger of the request with this hash down.
    pub fn write(request: Digest, steps: &[Step]) -> Growth {
        let mut stored = format!("{HEADING}\n{request}\n");
        for Step { from, path } in steps {
            write!(stored, "{}", from.size).expect("writing to a String cannot fail");
            for hash in std::iter::once(&from.root).chain(path) {
                write!(stored, " {}", Base64::encode_string(hash.bytes())).expect("writing to a String cannot fail");
            }
            stored.push('\n');
        }
        let digest = Digest::of(stored.as_bytes());
        Growth { request, steps: steps.to_vec(), stored, digest }
    }

    /// Reads what [`Growth::write`] wrote.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(bytes: &[u8]) -> Result<Growth, GrowthError> {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= LARGEST).ok_or(GrowthError)?;
        let mut lines = text.split_terminator('\n');
        let request = (lines.next() == Some(HEADING)).then(|| lines.next().and_then(Digest::parse)).flatten();
        let steps: Option<Vec<Step>> = lines.map(step).collect();
        let growth = request.zip(steps).map(|(request, steps)| Growth::write(request, &steps));
        growth.filter(|growth| growth.stored == text).ok_or(GrowthError)
    }

    /// The hash of the request that it is of.
    pub fn request(&self) -> Digest {
        self.request
    }

    /// All of it, as it is stored.
    pub fn stored(&self) -> &str {
        &self.stored
    }

    /// The hash of what is stored.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether a ledger goes on from what was seen of it; nothing if no step that holds is of so many entries.
    pub fn goes_on(&self, seen: Extent, told: Extent) -> Option<bool> {
        let holds = |step: &&Step| {
            let Extent { size, root } = step.from;
            size == seen.size && size > 0 && is_consistent((size, root), (told.size, told.root), &step.path)
        };
        self.steps.iter().find(holds).map(|step| step.from.root == seen.root)
    }
}

fn step(line: &str) -> Option<Step> {
    let mut words = line.split(' ');
    let size = words.next().and_then(decimal)?;
    let root = words.next().and_then(hash)?;
    let path: Vec<Digest> = words.by_ref().take(LONGEST_PATH).map(hash).collect::<Option<_>>()?;
    words.next().is_none().then_some(Step { from: Extent { size, root }, path })
}

/// Some bytes are no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrowthError;

impl fmt::Display for GrowthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is no proof of how a ledger grew that this version reads")
    }
}

impl std::error::Error for GrowthError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tree::Growing;
    use crate::model::tree::blocks::Blocks;
    use crate::model::tree::leaf;

    /// Leaves of a ledger whose entries from one on are another's.
    fn leaves(count: u64, other_from: u64) -> Vec<Digest> {
        (0..count).map(|seq| leaf(format!("{seq} {}", seq >= other_from).as_bytes())).collect()
    }

    fn extent(leaves: &[Digest]) -> Extent {
        let mut tree = Growing::new();
        leaves.iter().for_each(|leaf| tree.push(*leaf));
        Extent { size: leaves.len() as u64, root: tree.root() }
    }

    fn growth(leaves: &[Digest], sizes: &[usize]) -> Growth {
        let mut blocks = Blocks::new(Vec::new());
        blocks.open(0, leaves.to_vec());
        let step = |size: &usize| Step {
            from: extent(&leaves[..*size]),
            path: blocks.consistency(*size as u64, leaves.len() as u64).expect("all leaves are there"),
        };
        Growth::write(Digest::of(b"a request"), &sizes.iter().map(step).collect::<Vec<_>>())
    }

    #[test]
    fn a_ledger_goes_on_from_what_was_seen_or_it_is_another() {
        // Sizes that are powers of two have a path of another shape.
        for (seen, size) in [(1, 2), (3, 7), (4, 7), (8, 100), (63, 64), (100, 101)] {
            let honest = leaves(size, u64::MAX);
            let told = extent(&honest);
            let shown = growth(&honest, &[1, seen]);
            let before = extent(&honest[..seen]);
            assert_eq!(shown.goes_on(before, told), Some(true), "{seen} of {size}");
            assert_eq!(shown.goes_on(Extent { size: before.size + 1, ..before }, told), None);
            // The entry before what was seen is another now, and all that follows goes on from that.
            let forked = leaves(size, seen as u64 - 1);
            let shown = growth(&forked, &[1, seen]);
            assert_eq!(shown.goes_on(before, extent(&forked)), Some(false), "{seen} of {size}");
            // A proof of another tree says nothing of this one.
            assert_eq!(shown.goes_on(before, told), None);
        }
    }

    #[test]
    fn what_is_stored_is_read_back_and_nothing_else_is() {
        let growth = growth(&leaves(100, 0), &[3, 64, 99]);
        assert_eq!(Growth::parse(growth.stored().as_bytes()), Ok(growth.clone()));
        let stored = growth.stored();
        assert!(stored.starts_with(&format!("glass-proof-v1\n{}\n3 ", Digest::of(b"a request"))), "{stored}");
        for wrong in [
            "",
            "glass-proof-v1\n",
            &stored[..stored.len() - 1],
            &stored[..stored.len() - 9],
            &stored.replace("v1", "v2"),
            &stored.replace("\n3 ", "\n03 "),
            &stored.replace("\n3 ", "\n3  "),
            &stored.replace('\n', "\r\n"),
            &format!("{stored}\n"),
            &format!("{stored}7\n"),
            &format!("{stored}7 {}\n", "x".repeat(LARGEST)),
        ] {
            assert_eq!(Growth::parse(wrong.as_bytes()), Err(GrowthError), "{wrong:.200}");
        }
        assert_eq!(Growth::parse(b"glass-proof-v1\n\xff"), Err(GrowthError));
    }
}
