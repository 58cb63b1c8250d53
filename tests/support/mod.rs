//! What the tests stand on: a made-up home, real terminals, real servers, and
//! the built program in the midst of them. Whoever waits does so for something
//! that happens, and nothing outlives its test.

mod agent;
mod camera;
mod guide;
mod home;
mod keys;
mod outcome;
mod practice;
mod proxy;
mod pty;
mod receiver;
mod screen;
mod servers;
mod tools;
mod waiting;
mod witness;
pub mod world;

pub use agent::{agent_that, honest};
pub use camera::seen_by_a_camera;
pub use guide::commands_below;
pub use home::Home;
pub use keys::{Kind, SoftKey};
pub use outcome::{Outcome, ends_within};
pub use practice::{Practice, WORDS};
pub use proxy::{Fate, Proxy, nobody};
pub use pty::Pty;
pub use receiver::{HOOK_SECRET, Receiver};
pub use screen::Screen;
pub use servers::{Agent, Moto, Sandbox};
pub use tools::{python, tool};
pub use waiting::until;
pub use witness::Witness;

use std::time::Duration;

/// How long anything in a test may take before it counts as hung.
pub const DEADLINE: Duration = Duration::from_secs(60);
