//! glass: break-glass access to AWS.
//!
//! Read it downwards: [`cli`] takes words, [`broker`] tells the story of breaking
//! glass, [`model`] holds the facts and rules, [`world`] is all that glass asks of
//! its surroundings and [`host`] is the real one.

pub mod broker;
pub mod cli;
pub mod host;
pub mod model;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod world;
