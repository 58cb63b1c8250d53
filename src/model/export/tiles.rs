//! The ledger's tree as tiles: C2SP's [tlog-tiles](https://c2sp.org/tlog-tiles), which any tool for such logs reads.
//!
//! A tile is 256 hashes of one level of the tree, or as many as there are at its end; beside those of the leaves there
//! are bundles of the entries themselves. Only the tiles that are not full yet are in memory.

use std::fmt;

use crate::model::name::Digest;
use crate::model::tree::{Growing, leaf};

/// How many hashes, or entries, a full tile has.
const WIDTH: usize = 256;

/// A file of the layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Its path below the log's folder.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Why there are no tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotFromTheFirst {
    /// The number of the first entry that there is.
    pub first: u64,
}

impl fmt::Display for NotFromTheFirst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the entries before {} are not here, and tiles are those of all entries", self.first)
    }
}

impl std::error::Error for NotFromTheFirst {}

/// The tiles of a log that grows.
#[derive(Debug, Default)]
pub struct Tiles {
    tree: Growing,
    /// By level, from the leaves up: how many tiles are full, and the hashes of the next.
    levels: Vec<(u64, Vec<Digest>)>,
    /// The bundle that is not full yet.
    bundle: Vec<u8>,
}

impl Tiles {
    /// Takes the next line; returns the tiles that it fills.
    ///
    /// # Errors
    /// When it is another entry than the one that is next.
    pub fn push(&mut self, seq: u64, line: &[u8]) -> Result<Vec<Tile>, NotFromTheFirst> {
        if seq != self.tree.size() {
            return Err(NotFromTheFirst { first: seq });
        }
        let length = u16::try_from(line.len()).expect("the longest line has 65,535 bytes");
        self.bundle.extend(length.to_be_bytes());
        self.bundle.extend(line);
        let leaf = leaf(line);
        self.tree.push(leaf);
        let mut full = Vec::new();
        if self.tree.size().is_multiple_of(WIDTH as u64) {
            full.push(Tile { path: path("entries", seq / 256, None), bytes: std::mem::take(&mut self.bundle) });
        }
        self.add(leaf, &mut full);
        Ok(full)
    }

    /// Adds a hash to the leaves' level and, when that fills a tile, the tile's to the level above.
    fn add(&mut self, leaf: Digest, full: &mut Vec<Tile>) {
        let mut hash = leaf;
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.push((0, Vec::new()));
            }
            let (count, hashes) = &mut self.levels[level];
            hashes.push(hash);
            if hashes.len() < WIDTH {
                return;
            }
            full.push(Tile { path: path(&level.to_string(), *count, None), bytes: bytes(hashes) });
            *count += 1;
            let mut tree = Growing::new();
            hashes.drain(..).for_each(|hash| tree.push(hash));
            hash = tree.root();
        }
    }

    /// How many entries were taken.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The root of the tree over them.
    pub fn root(&self) -> Digest {
        self.tree.root()
    }

    /// The tiles at the end that are not full.
    pub fn partial(self) -> Vec<Tile> {
        let mut tiles = Vec::new();
        for (level, (count, hashes)) in self.levels.iter().enumerate().filter(|(_, (_, hashes))| !hashes.is_empty()) {
            let width = Some(hashes.len());
            if level == 0 {
                tiles.push(Tile { path: path("entries", *count, width), bytes: self.bundle.clone() });
            }
            tiles.push(Tile { path: path(&level.to_string(), *count, width), bytes: bytes(hashes) });
        }
        tiles
    }
}

fn bytes(hashes: &[Digest]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.bytes()).collect()
}

/// The path of a tile: its number in groups of three digits, all but the last with an `x`.
fn path(kind: &str, number: u64, width: Option<usize>) -> String {
    let mut digits = format!("{:03}", number % 1000);
    let mut rest = number / 1000;
    while rest > 0 {
        digits = format!("x{:03}/{digits}", rest % 1000);
        rest /= 1000;
    }
    let partial = width.map(|width| format!(".p/{width}")).unwrap_or_default();
    format!("tile/{kind}/{digits}{partial}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        assert_eq!(path("0", 1_234_067, None), "tile/0/x001/x234/067");
        assert_eq!(path("entries", 0, Some(4)), "tile/entries/000.p/4");
        assert_eq!([path("1", 999, None), path("1", 1000, None)], ["tile/1/999", "tile/1/x001/000"]);
    }

    #[test]
    fn a_full_tile_is_its_hashes_and_their_root_goes_up() {
        let (mut tiles, mut made) = (Tiles::default(), Vec::new());
        let line = |seq: u64| format!("{seq}\n").into_bytes();
        for seq in 0..70_000 {
            made.extend(tiles.push(seq, &line(seq)).expect("from the first"));
        }
        let names: Vec<_> =
            made.iter().filter(|tile| !tile.path.starts_with("tile/0/")).map(|tile| &*tile.path).collect();
        assert_eq!(names.iter().filter(|path| path.starts_with("tile/entries/")).count(), 273);
        assert!(names.contains(&"tile/1/000") && !names.iter().any(|path| path.starts_with("tile/2")));
        let root = tiles.root();
        let partial = tiles.partial();
        let widths: Vec<_> = partial.iter().map(|tile| &*tile.path).collect();
        assert_eq!(widths, ["tile/entries/273.p/112", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
        // Level 2 and what is right of it below, each a perfect part, come to the root.
        let of = |index: usize| {
            let tile: &Tile = &partial[index];
            tile.bytes.chunks(32).map(|hash| Digest::from_bytes(hash.try_into().expect("32"))).collect::<Vec<_>>()
        };
        let mut tree = Growing::new();
        of(3).into_iter().for_each(|hash| tree.push_perfect(16, hash));
        of(2).into_iter().for_each(|hash| tree.push_perfect(8, hash));
        of(1).into_iter().for_each(|hash| tree.push(hash));
        assert_eq!((tree.size(), tree.root()), (70_000, root));
        assert_eq!(&partial[0].bytes[..8], b"\x00\x0669888\n");
    }

    #[test]
    fn a_log_without_its_beginning_has_no_tiles() {
        let error = Tiles::default().push(7, b"x\n").expect_err("entries are missing");
        assert_eq!(error, NotFromTheFirst { first: 7 });
        assert!(Tiles::default().partial().is_empty());
    }
}
