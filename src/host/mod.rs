//! The real world: one outside thing a file.
#![allow(clippy::disallowed_methods, reason = "this is where the outside is touched")]

mod alarm;
pub mod archive;
pub mod aws;
pub mod chance;
pub mod child;
pub mod clock;
pub mod codes;
mod datagrams;
pub mod descent;
mod ending;
pub mod files;
mod foreground;
mod front;
pub mod harden;
pub mod holder;
pub mod keychain;
mod keys;
#[cfg(target_os = "linux")]
mod keyutils;
pub mod ledger;
pub mod live;
pub mod memory;
pub mod pager;
mod pipes;
pub mod places;
pub mod private;
pub mod programs;
mod pty;
pub mod recorded;
mod recordings;
mod reports;
pub mod rewrite;
mod secret_service;
pub mod signals;
pub mod socket;
pub mod source;
pub mod start_file;
pub mod terminal;
pub mod trace;
pub mod trail;
pub mod turn;
pub mod viewer;
pub mod watch;
pub mod watcher;
pub mod world;
