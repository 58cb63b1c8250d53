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
    /// The perfect parts of what is before, by the leaves that they are of.
    before: BTreeMap<(u64, u64), Digest>,
    /// The number of the first of the whole blocks, and the roots of these.
    first: u64,
    roots: Vec<Digest>,
    /// The leaves of some blocks up to the block's end, by the first of them.
    open: BTreeMap<u64, Vec<Digest>>,
}

impl Blocks {
    /// A tree of blocks, none of which is open.
    pub fn new(roots: Vec<Digest>) -> Self {
        Blocks { roots, ..Blocks::default() }
    }

    /// The same where the leaves before are gone, and only the tree over them is known; the first of the blocks is that
    /// with the next leaf.
    pub fn after(before: &Growing, roots: Vec<Digest>) -> Self {
        let (mut parts, mut from, mut left) = (BTreeMap::new(), 0, before.size());
        for part in before.parts() {
            let length = 1 << left.ilog2();
            parts.insert((from, from + length), *part);
            (from, left) = (from + length, left - length);
        }
        Blocks { before: parts, first: before.size() / LEAVES, roots, open: BTreeMap::new() }
    }

    /// Opens a block from one of its leaves on: gives this and those that follow in the block, as many as there are.
    pub fn open(&mut self, from: u64, leaves: Vec<Digest>) {
        self.open.insert(from, leaves);
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
        if let Some(root) = self.before.get(&(from, to)).or_else(|| self.whole(from, to)) {
            return Some(*root);
        }
        if let Some(leaves) = self.leaves(from, to) {
            let mut tree = Growing::new();
            leaves.iter().for_each(|leaf| tree.push(*leaf));
            return Some(tree.root());
        }
        if to - from == 1 {
            return None;
        }
        let middle = from + half(to - from);
        Some(node(&self.part(from, middle)?, &self.part(middle, to)?))
    }

    /// The root of a part that is a whole block.
    fn whole(&self, from: u64, to: u64) -> Option<&Digest> {
        let block = (to - from == LEAVES && from.is_multiple_of(LEAVES)).then_some(from / LEAVES)?;
        self.roots.get(usize::try_from(block.checked_sub(self.first)?).ok()?)
    }

    /// The leaves of a part that is within an open block.
    fn leaves(&self, from: u64, to: u64) -> Option<&[Digest]> {
        let (first, leaves) = self.open.range(..=from).next_back()?;
        let [from, to] = [from - first, to - first].map(|place| usize::try_from(place).unwrap_or(usize::MAX));
        leaves.get(from..to)
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
            blocks.open(from as u64, leaves[from.min(leaves.len())..leaves.len().min(from + whole)].to_vec());
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
    fn what_follows_leaves_that_are_gone_is_proved_as_if_they_were_there() {
        let leaves = leaves(1500);
        let number = |number: u64| usize::try_from(number).expect("small");
        for gone in [1, 6, 255, 256, 300, 511, 777, 1024, 1499] {
            let mut before = Growing::new();
            leaves[..number(gone)].iter().for_each(|leaf| before.push(*leaf));
            // The block in which the leaves begin is whole by what is known of its beginning.
            let first = number(gone / LEAVES) * 256;
            let roots: Vec<Digest> = leaves[first..].chunks_exact(256).map(root).collect();
            let mut blocks = Blocks::after(&before, roots);
            for from in [gone].into_iter().chain((gone / LEAVES + 1..6).map(|block| block * LEAVES)) {
                let to = 1500.min((from / LEAVES + 1) * LEAVES);
                blocks.open(from, leaves[number(from)..number(to)].to_vec());
            }
            for size in [gone, gone + 1, (gone + 90).min(1500), 1500] {
                let whole = root(&leaves[..number(size)]);
                assert_eq!(blocks.root(size), Some(whole), "{size} after {gone}");
                for older in (gone..size).step_by(83) {
                    let path = blocks.consistency(older, size).expect("all after it is open");
                    let before = root(&leaves[..number(older)]);
                    assert!(is_consistent((older, before), (size, whole), &path), "{older} {size} after {gone}");
                    let path = blocks.inclusion(older, size).expect("all after it is open");
                    assert_eq!(root_of_inclusion(older, size, leaves[number(older)], &path), Some(whole));
                }
                assert_eq!(blocks.inclusion(gone - 1, size).is_some(), is_perfect_alone(gone), "{gone}");
            }
        }
    }

    /// Whether the last of so many leaves is a perfect part by itself, and so its hash known.
    fn is_perfect_alone(size: u64) -> bool {
        size % 2 == 1
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
