//! The tree kept coarsely: one hash for every 256 leaves, and the leaves themselves only where they are needed.
//!
//! The roots of 256 leaves each are what the tiles of C2SP's tlog-tiles hold at their level 1. They are a
//! hundredth of the ledger's size at most, and enough to make every root and every proof anew.

use std::collections::BTreeMap;

use super::{Growing, node};
use crate::model::name::Digest;

/// How many leaves are one block.
pub const LEAVES: u64 = 256;

/// The height of a block's root above its leaves.
pub const HEIGHT: u32 = LEAVES.trailing_zeros();

/// A tree of whole blocks, of which some are open.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    /// The roots of the whole blocks.
    roots: Vec<Digest>,
    /// The leaves of some blocks, by the block's number.
    open: BTreeMap<u64, Vec<Digest>>,
}

impl Blocks {
    /// A tree of blocks, none of which is open.
    pub fn new(roots: Vec<Digest>) -> Self {
        Blocks { roots, open: BTreeMap::new() }
    }

    /// Opens a block: gives its leaves, or those of the last one that is not whole yet.
    pub fn open(&mut self, block: u64, leaves: Vec<Digest>) {
        self.open.insert(block, leaves);
    }

    /// The tree's root at a size whose last block is whole or open.
    pub fn root(&self, size: u64) -> Option<Digest> {
        if size == 0 { Some(super::empty()) } else { self.part(0, size) }
    }

    /// The path that shows the leaf at `index` in the tree of this size; the blocks of both are open or whole.
    ///
    /// RFC 9162, section 2.1.3.1.
    pub fn inclusion(&self, index: u64, size: u64) -> Option<Vec<Digest>> {
        if index >= size {
            return None;
        }
        let (mut from, mut to, mut path) = (0, size, Vec::new());
        while to - from > 1 {
            let middle = from + half(to - from);
            if index < middle {
                path.push(self.part(middle, to)?);
                to = middle;
            } else {
                path.push(self.part(from, middle)?);
                from = middle;
            }
        }
        path.reverse();
        Some(path)
    }

    /// The path that shows that the tree of `older` leaves is the beginning of that of `newer`.
    ///
    /// RFC 9162, section 2.1.4.1.
    pub fn consistency(&self, older: u64, newer: u64) -> Option<Vec<Digest>> {
        if older == 0 || older >= newer {
            return (older <= newer).then(Vec::new);
        }
        let (mut from, mut to, mut path) = (0, newer, Vec::new());
        while older < to {
            let middle = from + half(to - from);
            if older <= middle {
                path.push(self.part(middle, to)?);
                to = middle;
            } else {
                path.push(self.part(from, middle)?);
                from = middle;
            }
        }
        if from > 0 {
            path.push(self.part(from, to)?);
        }
        path.reverse();
        Some(path)
    }

    /// The root over a part of the tree that RFC 6962's division comes to.
    fn part(&self, from: u64, to: u64) -> Option<Digest> {
        let block = from / LEAVES;
        let within = usize::try_from(from % LEAVES).ok()?;
        let whole = (to - from == LEAVES && within == 0).then_some(block);
        if let Some(root) = whole.and_then(|block| self.roots.get(usize::try_from(block).ok()?)) {
            return Some(*root);
        }
        if to - from <= LEAVES {
            let leaves = self.open.get(&block)?.get(within..)?.get(..usize::try_from(to - from).ok()?)?;
            let mut tree = Growing::new();
            leaves.iter().for_each(|leaf| tree.push(*leaf));
            return Some(tree.root());
        }
        let middle = from + half(to - from);
        Some(node(&self.part(from, middle)?, &self.part(middle, to)?))
    }
}

/// The largest power of two that is less than a number above 1.
fn half(length: u64) -> u64 {
    1 << (length - 1).ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tree::known::{LEAVES as KNOWN, ROOTS, leaves, root};
    use crate::model::tree::leaf;
    use crate::model::tree::proof::{is_consistent, root_of_inclusion};

    fn blocks(leaves: &[Digest], open: impl IntoIterator<Item = u64>) -> Blocks {
        let whole = usize::try_from(LEAVES).expect("small");
        let mut blocks = Blocks::new(leaves.chunks_exact(whole).map(root).collect());
        for block in open {
            let from = usize::try_from(block).expect("small") * whole;
            blocks.open(block, leaves[from.min(leaves.len())..leaves.len().min(from + whole)].to_vec());
        }
        blocks
    }

    #[test]
    fn every_proof_of_the_known_tree_holds_and_shows_the_known_root() {
        let leaves: Vec<Digest> = KNOWN.iter().map(|line| leaf(line)).collect();
        let known = |size: u64| Digest::parse(ROOTS[usize::try_from(size).expect("small")]).expect("a hash");
        let blocks = blocks(&leaves, [0]);
        for newer in 0..=8 {
            assert_eq!(blocks.root(newer), Some(known(newer)));
            for index in 0..newer {
                let path = blocks.inclusion(index, newer).expect("all is open");
                let leaf = leaves[usize::try_from(index).expect("small")];
                assert_eq!(root_of_inclusion(index, newer, leaf, &path), Some(known(newer)));
            }
            for older in 0..=newer {
                let path = blocks.consistency(older, newer).expect("all is open");
                assert!(is_consistent((older, known(older)), (newer, known(newer)), &path), "{older} {newer}");
            }
        }
    }

    #[test]
    fn the_example_of_rfc_9162_has_its_paths() {
        // Section 2.1.5: seven leaves a to f and j, over them g to l.
        let all = leaves(7);
        let [a, b, c, d, e, f, j] = all[..] else { panic!("seven") };
        let (g, h, i) = (node(&a, &b), node(&c, &d), node(&e, &f));
        let (k, l) = (node(&g, &h), node(&i, &j));
        let blocks = blocks(&all, [0]);
        assert_eq!(blocks.inclusion(0, 7), Some(vec![b, h, l]));
        assert_eq!(blocks.inclusion(3, 7), Some(vec![c, g, l]));
        assert_eq!(blocks.inclusion(4, 7), Some(vec![f, j, k]));
        assert_eq!(blocks.inclusion(6, 7), Some(vec![i, k]));
        assert_eq!(blocks.consistency(3, 7), Some(vec![c, d, g, l]));
        assert_eq!(blocks.consistency(4, 7), Some(vec![l]));
        assert_eq!(blocks.consistency(6, 7), Some(vec![i, j, k]));
    }

    #[test]
    fn proofs_across_blocks_need_the_blocks_at_their_places_only() {
        let leaves = leaves(1500);
        for (at, size) in [(0, 1500), (255, 256), (256, 257), (700, 1024), (1499, 1500), (1280, 1281), (5, 513)] {
            let blocks = blocks(&leaves, [at / LEAVES, size / LEAVES]);
            let whole = root(&leaves[..usize::try_from(size).expect("small")]);
            assert_eq!(blocks.root(size), Some(whole), "{size}");
            let path = blocks.inclusion(at, size).expect("what it needs is open");
            let leaf = leaves[usize::try_from(at).expect("small")];
            assert_eq!(root_of_inclusion(at, size, leaf, &path), Some(whole), "{at} {size}");
            let before = root(&leaves[..usize::try_from(at).expect("small")]);
            let path = blocks.consistency(at, size).expect("what it needs is open");
            assert!(is_consistent((at, before), (size, whole), &path), "{at} {size}");
        }
    }

    #[test]
    fn what_is_not_there_makes_no_proof() {
        let leaves = leaves(600);
        let blocks = blocks(&leaves, []);
        assert_eq!(blocks.root(512), Some(root(&leaves[..512])));
        assert_eq!(blocks.root(600), None);
        assert_eq!(blocks.inclusion(3, 512), None);
        assert_eq!(blocks.inclusion(512, 512), None);
        assert_eq!(blocks.consistency(300, 512), None);
        assert_eq!(blocks.consistency(513, 512), None);
    }
}
