//! What the ledger says of hooks: that one does not hear, and that it hears again. Nothing of how it is reached.

use serde::Serialize;

use crate::model::name::HookName;

/// The fields of `hook.failed`.
#[derive(Clone, Debug, Serialize)]
pub struct FailedHook {
    /// The hook.
    pub hook: HookName,
    /// `webhook`, `program` or `sns`.
    pub kind: &'static str,
    /// The number of the entry that it should have been told of.
    pub seq: u64,
    /// Why it was not, escaped.
    pub why: String,
}

/// The fields of `hook.recovered`.
#[derive(Clone, Debug, Serialize)]
pub struct RecoveredHook {
    /// The hook.
    pub hook: HookName,
    /// `webhook`, `program` or `sns`.
    pub kind: &'static str,
    /// The number of the entry that it was told of at last.
    pub seq: u64,
    /// How many times it failed.
    pub tries: u64,
    /// How many entries it was never told of.
    pub passed_over: u64,
}
