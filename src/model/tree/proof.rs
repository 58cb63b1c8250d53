//! What shows that a leaf is in a tree, and that one tree begins with another: RFC 9162, section 2.1.

use super::node;
use crate::model::name::Digest;

/// The root of the tree of this size that has the leaf at `index`, if the path can be one.
///
/// RFC 9162, section 2.1.3.2.
pub fn root_of_inclusion(index: u64, size: u64, leaf: Digest, path: &[Digest]) -> Option<Digest> {
    if index >= size {
        return None;
    }
    let (mut here, mut last, mut root) = (index, size - 1, leaf);
    for beside in path {
        if last == 0 {
            return None;
        }
        if here & 1 == 1 || here == last {
            root = node(beside, &root);
            // The last of its row has nobody beside it until it stands on the right.
            let up = here.trailing_zeros();
            here >>= up;
            last >>= up;
        } else {
            root = node(&root, beside);
        }
        here >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(root)
}

/// Whether a path shows that the tree of `older` leaves and this root is the beginning of the other.
///
/// RFC 9162, section 2.1.4.2. The tree without leaves is the beginning of every other, and nothing shows it.
pub fn is_consistent((older, older_root): (u64, Digest), (newer, newer_root): (u64, Digest), path: &[Digest]) -> bool {
    if older == newer || older == 0 {
        return older <= newer && path.is_empty() && (older == 0 || older_root == newer_root);
    }
    if older > newer {
        return false;
    }
    let whole = older.is_power_of_two().then_some(&older_root);
    let mut path = whole.into_iter().chain(path);
    let Some(first) = path.next() else { return false };
    let (mut here, mut last) = (older - 1, newer - 1);
    let up = here.trailing_ones();
    here >>= up;
    last >>= up;
    let (mut of_older, mut of_newer) = (*first, *first);
    for beside in path {
        if last == 0 {
            return false;
        }
        if here & 1 == 1 || here == last {
            of_older = node(beside, &of_older);
            of_newer = node(beside, &of_newer);
            let up = here.trailing_zeros();
            here >>= up;
            last >>= up;
        } else {
            of_newer = node(&of_newer, beside);
        }
        here >>= 1;
        last >>= 1;
    }
    last == 0 && of_older == older_root && of_newer == newer_root
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tree::empty;

    /// The words of each line of a file of vectors: verdict, two numbers, hashes.
    fn vectors(text: &str) -> impl Iterator<Item = (bool, [u64; 2], Vec<Digest>)> {
        text.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let mut words = line.split(' ');
            let holds = match words.next() {
                Some("holds") => true,
                Some("refused") => false,
                other => panic!("{other:?}"),
            };
            let mut number = || words.next().and_then(|word| word.parse().ok()).expect("a number");
            let numbers = [number(), number()];
            (holds, numbers, words.map(|word| Digest::parse(word).expect("a hash")).collect())
        })
    }

    #[test]
    fn inclusion_is_what_the_vectors_say() {
        let mut seen = [0, 0];
        for (holds, [index, size], hashes) in vectors(include_str!("../../../tests/vectors/tree/inclusion.txt")) {
            let root = root_of_inclusion(index, size, hashes[0], &hashes[2..]);
            assert_eq!(root == Some(hashes[1]), holds, "{index} of {size}: {hashes:?}");
            seen[usize::from(holds)] += 1;
        }
        assert!(seen[0] > 40 && seen[1] > 4, "{seen:?}");
    }

    #[test]
    fn consistency_is_what_the_vectors_say() {
        let mut seen = [0, 0];
        for (holds, [older, newer], hashes) in vectors(include_str!("../../../tests/vectors/tree/consistency.txt")) {
            let found = is_consistent((older, hashes[0]), (newer, hashes[1]), &hashes[2..]);
            assert_eq!(found, holds, "{older} of {newer}: {hashes:?}");
            seen[usize::from(holds)] += 1;
        }
        assert!(seen[0] > 60 && seen[1] > 4, "{seen:?}");
    }

    #[test]
    fn paths_of_any_length_and_numbers_of_any_size_are_refused_without_harm() {
        let path = vec![empty(); 70];
        for length in 0..=70 {
            for index in [0, 1, u64::MAX / 2, u64::MAX - 1] {
                let root = root_of_inclusion(index, u64::MAX, empty(), &path[..length]);
                let right = if index == u64::MAX - 1 { 63 } else { 64 };
                assert_eq!(root.is_some(), length == right, "{index} {length}");
                assert!(!is_consistent((index, empty()), (u64::MAX, empty()), &path[..length]) || index == 0);
            }
        }
    }
}
