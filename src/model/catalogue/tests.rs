//! What the loader accepts and refuses, and in which words.

use super::*;

const EXAMPLE: &str = include_str!("../../../profiles.example.toml");

/// Reads the files that the example names, from the root of the project.
#[allow(clippy::disallowed_methods, reason = "the example's own files")]
fn from_disk(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).map_err(|error| error.to_string())
}

fn load(text: &str) -> Result<Catalogue, DocumentError> {
    Catalogue::load(Path::new("profiles.example.toml"), text.as_bytes(), &from_disk)
}

#[test]
fn the_example_is_a_catalogue_without_mistakes() {
    let catalogue = load(EXAMPLE).unwrap_or_else(|error| {
        panic!("{error}\n{}", error.mistakes().iter().map(Mistake::to_string).collect::<Vec<_>>().join("\n"))
    });
    assert_eq!(catalogue.broken(), []);
    let names: Vec<&str> = catalogue.profiles().map(|profile| profile.name.as_str()).collect();
    assert_eq!(names, ["prod-account-critical", "prod-db-emergency"]);
}
