//! The tests of the built program and of the house it lives in, linked once.
#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests start programs, touch files and may fail loudly"
)]

mod approve;
mod aws_files;
mod support;

mod cases;
mod catalogue;
mod completions;
mod configure;
mod docs;
mod enrol;
mod hold;
mod hooks;
mod jobs;
mod journeys;
mod keyring;
mod layers;
mod ledger;
mod live;
mod real;
mod requests;
mod sandbox;
mod sign_off;
mod supervised;
mod together;
mod trace;
