//! Sign-off: the request as it is signed, the approvals, how both travel, and what counts.
//!
//! Keeps the promise that an approval counts for one request, one profile text and one span of time, wherever the
//! bytes have been in between: nothing is believed but signatures. Rules: section 2 of `docs/formats.md`.

pub mod approval;
pub mod block;
pub mod count;
pub mod deeds;
pub mod gather;
pub mod growth;
pub mod history;
pub mod objection;
mod packed;
pub mod papers;
pub mod reviews;
pub mod seen;
pub mod sheet;
pub mod using;

#[cfg(test)]
pub(crate) mod tests;
