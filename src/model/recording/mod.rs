//! Recordings of sessions: asciicast v2, section 3 of `docs/formats.md`.

mod escapes;
pub mod harmless;
pub mod plain;
pub mod proof;
pub mod read;
pub mod span;
