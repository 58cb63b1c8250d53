//! The words of `glass approve` and `glass deny`.

use clap::Args as Group;

/// `glass approve`.
#[derive(Debug, Group)]
#[command(after_help = "\
Shows on one screen who wants what, asks, signs with your SSH key, and prints the answer as a block to send back.
Nothing of AWS is needed: an identity file that says who you are, the catalogue, and one of your keys that it has.
A file may also be an answer that was signed by hand with `ssh-keygen -Y sign`: it is checked and handed on.

Examples:
  glass approve 0123abcd
  glass approve -           and paste what you were sent")]
pub struct Approve {
    /// The request: its id, a file with it, or - to paste it
    #[arg(value_name = "ID|FILE|-")]
    pub request: String,

    /// A remark that is signed with it, on one line
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,

    /// Do not ask; needed where there is no terminal
    #[arg(short, long)]
    pub yes: bool,
}

/// `glass deny`.
#[derive(Debug, Group)]
#[command(after_help = "One no of somebody who is asked ends a request; no later yes takes it back.")]
pub struct Deny {
    /// The request: its id, a file with it, or - to paste it
    #[arg(value_name = "ID|FILE|-")]
    pub request: String,

    /// Why, on one line; it is signed, and shown to who asked
    #[arg(long, value_name = "TEXT")]
    pub reason: String,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}
