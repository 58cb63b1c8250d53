//! Systems whose kernel does not tell which programs are started: a trace is refused there.

use std::io;
use std::process::Command;

use rustix::process::{Pid, WaitOptions, WaitStatus};

use super::Stop;

pub fn check() -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "programs can be traced on Linux alone"))
}

pub fn ask(_: &mut Command) {}

pub fn options() -> WaitOptions {
    WaitOptions::empty()
}

pub fn take(_: Pid) -> io::Result<()> {
    check()
}

pub fn let_go_on(_: Pid) {}

pub fn pass(_: Pid, _: Stop) {}

pub fn stop_of(_: WaitStatus) -> Stop {
    Stop::Group
}
