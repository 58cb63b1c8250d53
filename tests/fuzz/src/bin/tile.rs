//! Tiles of a log: by them alone, as others read them, all entries come back and the root is the tree's; a path that
//! somebody made up shows no entry in it.
#![no_main]

use std::collections::BTreeMap;

use glass_fuzz::model::export::tiles::{Tile, Tiles};
use glass_fuzz::model::name::Digest;
use glass_fuzz::model::tree::proof::root_of_inclusion;
use glass_fuzz::model::tree::{Growing, leaf};
use libfuzzer_sys::fuzz_target;

/// The hashes of a tile.
fn hashes(bytes: &[u8]) -> Vec<Digest> {
    bytes.chunks(32).map(|hash| Digest::from_bytes(hash.try_into().expect("whole hashes"))).collect()
}

/// The entries of a bundle: each has its length before it, in two bytes.
fn entries(mut bundle: &[u8]) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    while let [high, low, rest @ ..] = bundle {
        let (entry, rest) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        entries.push(entry.to_vec());
        bundle = rest;
    }
    assert!(bundle.is_empty(), "a bundle has nothing but its entries");
    entries
}

fuzz_target!(|input: (u16, &[u8])| {
    let (count, bytes) = (u64::from(input.0 % 600), input.1);
    let mut pieces = bytes.split(|byte| *byte == b'\n').cycle();
    let lines: Vec<&[u8]> = (0..count).map(|_| pieces.next().expect("there is always one")).collect();
    let (mut tiles, mut made, mut tree) = (Tiles::default(), Vec::new(), Growing::new());
    for (seq, line) in (0..).zip(&lines) {
        made.extend(tiles.push(seq, line).expect("from the first on"));
        tree.push(leaf(line));
    }
    let (size, root) = (tiles.size(), tiles.root());
    assert_eq!((size, root), (count, tree.root()));
    made.extend(tiles.partial());
    let made: BTreeMap<String, Vec<u8>> = made.into_iter().map(|Tile { path, bytes }| (path, bytes)).collect();
    let of = |kind: &str| {
        let start = format!("tile/{kind}/");
        made.iter().filter(move |(path, _)| path.starts_with(&start)).map(|(_, bytes)| bytes)
    };
    assert_eq!(of("entries").flat_map(|bundle| entries(bundle)).collect::<Vec<_>>(), lines);
    let leaves: Vec<Digest> = of("0").flat_map(|tile| hashes(tile)).collect();
    assert_eq!(leaves, lines.iter().map(|line| leaf(line)).collect::<Vec<_>>());
    // Level 1 has a hash for each 256 leaves, and what is right of them comes to the root with these.
    let mut read = Growing::new();
    of("1").flat_map(|tile| hashes(tile)).for_each(|hash| read.push_perfect(8, hash));
    leaves[usize::try_from(read.size()).expect("few")..].iter().for_each(|hash| read.push(*hash));
    assert_eq!((read.size(), read.root()), (size, root));
    let path = hashes(&bytes[..bytes.len() / 32 * 32]);
    let none = leaf(b"no line of it ends so\n\n");
    assert!(count == 0 || root_of_inclusion(count - 1, count, none, &path) != Some(root));
});
