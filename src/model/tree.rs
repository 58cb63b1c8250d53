//! The Merkle tree over the ledger's lines, as RFC 6962 has it.
//!
//! Keeps the promise that 32 bytes which were sent away hold the whole history: the root commits to every
//! line, shows that a later tree begins with an earlier one, and lets one entry be shown without the others.

pub mod blocks;
pub mod proof;

use sha2::{Digest as _, Sha256};

use super::name::Digest;

/// The hash of a leaf: a line with its LF.
pub fn leaf(line: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::new().chain_update([0]).chain_update(line).finalize().into())
}

/// The hash of what stands above two others.
pub fn node(left: &Digest, right: &Digest) -> Digest {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left.bytes());
    bytes[33..].copy_from_slice(right.bytes());
    Digest::of(&bytes)
}

/// The root of the tree without leaves.
pub fn empty() -> Digest {
    Digest::of(b"")
}

/// A tree that grows at its end: of all that it holds only the roots of its perfect parts are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Growing {
    size: u64,
    /// The perfect parts, the largest and oldest first: one for each bit of `size` that is set.
    parts: Vec<Digest>,
}

impl Growing {
    /// The tree without leaves.
    pub fn new() -> Self {
        Growing::default()
    }

    /// The tree of this size with these perfect parts, the largest and oldest first, if there are as many as there must be.
    pub fn of(size: u64, parts: Vec<Digest>) -> Option<Self> {
        (parts.len() == size.count_ones() as usize).then_some(Growing { size, parts })
    }

    /// The roots of its perfect parts, the largest and oldest first.
    pub fn parts(&self) -> &[Digest] {
        &self.parts
    }

    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf, given its hash.
    pub fn push(&mut self, leaf: Digest) {
        self.push_perfect(0, leaf);
    }

    /// Adds the root of 2^`height` leaves; the size must be a multiple of that.
    pub fn push_perfect(&mut self, height: u32, root: Digest) {
        debug_assert!(self.size.trailing_zeros() >= height, "what is added must be aligned");
        self.size += 1 << height;
        let mut grown = root;
        for _ in height..self.size.trailing_zeros() {
            let Some(left) = self.parts.pop() else { break };
            grown = node(&left, &grown);
        }
        self.parts.push(grown);
    }

    /// The tree of its leaves up to the last multiple of 2^`height`, and that of those after it.
    pub fn divided(&self, height: u32) -> (Growing, Growing) {
        let after = self.size % (1 << height);
        let (whole, rest) = self.parts.split_at(self.parts.len() - after.count_ones() as usize);
        let of = |size, parts: &[Digest]| Growing { size, parts: parts.to_vec() };
        (of(self.size - after, whole), of(after, rest))
    }

    /// The root.
    pub fn root(&self) -> Digest {
        let mut parts = self.parts.iter().rev().copied();
        match parts.next() {
            Some(last) => parts.fold(last, |right, left| node(&left, &right)),
            None => empty(),
        }
    }
}

/// Leaves in the midst of a tree, of which only the roots of their perfect parts are kept.
#[derive(Clone, Debug)]
pub struct Stretch {
    end: u64,
    /// Each with its height, in the order of their leaves.
    parts: Vec<(u32, Digest)>,
}

impl Stretch {
    /// Begins with the leaf of this number.
    pub fn from(first: u64) -> Self {
        Stretch { end: first, parts: Vec::new() }
    }

    /// Adds a leaf, given its hash.
    pub fn push(&mut self, leaf: Digest) {
        self.end += 1;
        let (mut height, mut grown) = (0, leaf);
        while height < self.end.trailing_zeros()
            && let Some((_, left)) = self.parts.pop_if(|(of, _)| *of == height)
        {
            (height, grown) = (height + 1, node(&left, &grown));
        }
        self.parts.push((height, grown));
    }

    /// The tree with these leaves after those that it has; it must be of all leaves before the first of these.
    pub fn after(&self, mut tree: Growing) -> Growing {
        self.parts.iter().for_each(|(height, root)| tree.push_perfect(*height, *root));
        tree
    }
}

/// The leaves of RFC 6962's own tests, which others use too, and the roots of the trees of the first 0 to 8.
#[cfg(test)]
pub(crate) mod known {
    use super::*;

    pub(crate) const LEAVES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];

    pub(crate) const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    /// Some leaf hashes, each of its number.
    pub(crate) fn leaves(count: u64) -> Vec<Digest> {
        (0..count).map(|number| leaf(format!("{number}\n").as_bytes())).collect()
    }

    /// The root by the definition of RFC 6962, section 2.1.
    pub(crate) fn root(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => empty(),
            [leaf] => *leaf,
            more => {
                let (left, right) = more.split_at(more.len().next_power_of_two() / 2);
                node(&root(left), &root(right))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::known::{LEAVES, ROOTS, leaves, root};
    use super::*;

    #[test]
    fn the_known_leaves_have_the_known_roots() {
        let mut tree = Growing::new();
        for (size, known) in ROOTS.iter().enumerate() {
            assert_eq!(tree.root().to_string(), *known, "{size}");
            assert_eq!(tree.size(), size as u64);
            if let Some(line) = LEAVES.get(size) {
                tree.push(leaf(line));
            }
        }
    }

    #[test]
    fn a_tree_that_grows_has_the_root_of_the_definition_at_every_size() {
        let leaves = leaves(600);
        let mut tree = Growing::new();
        for (size, leaf) in leaves.iter().enumerate() {
            if size < 40 || size % 64 < 2 {
                assert_eq!(tree.root(), root(&leaves[..size]), "{size}");
            }
            tree.push(*leaf);
        }
    }

    #[test]
    fn a_perfect_part_counts_as_its_leaves() {
        let leaves = leaves(700);
        for (height, of) in [(3, 8), (8, 256)] {
            let mut tree = Growing::new();
            for part in leaves.chunks_exact(of) {
                tree.push_perfect(height, root(part));
            }
            leaves.chunks_exact(of).remainder().iter().for_each(|leaf| tree.push(*leaf));
            assert_eq!((tree.size(), tree.root()), (700, root(&leaves)));
        }
    }

    #[test]
    fn leaves_in_the_midst_grow_the_tree_before_them() {
        let leaves = leaves(70);
        let grown = |some: &[Digest]| {
            let mut tree = Growing::new();
            some.iter().for_each(|leaf| tree.push(*leaf));
            tree
        };
        for (begin, end) in (0..70).flat_map(|begin| (begin..=70).map(move |end| (begin, end))) {
            let mut stretch = Stretch::from(begin as u64);
            leaves[begin..end].iter().for_each(|leaf| stretch.push(*leaf));
            assert!(stretch.parts.len() <= 12, "{begin} to {end}: {}", stretch.parts.len());
            assert_eq!(stretch.after(grown(&leaves[..begin])), grown(&leaves[..end]), "{begin} to {end}");
        }
    }
}
