//! Facts and rules: no clock, environment, file, thread or async below here.

pub mod api_call;
pub mod aws_cli;
pub mod catalogue;
pub mod chain;
pub mod checkpoint;
pub mod cloudtrail;
pub mod daily_key;
pub mod environment;
pub mod event;
pub mod identity;
pub mod live;
pub mod mask;
pub mod mfa;
pub mod name;
pub mod note;
pub mod policy;
pub mod program;
pub mod recording;
pub mod report;
pub mod request;
pub mod secret;
pub mod session;
pub mod text;
pub mod time;
pub mod totp;
pub mod tree;
