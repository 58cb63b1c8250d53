//! Facts and rules: no clock, environment, file, thread or async below here.

pub mod name;
pub mod secret;
pub mod text;
pub mod time;
