//! The words of `glass approve`, `glass deny` and `glass review`.

use std::path::PathBuf;

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

    /// Show the answer as a QR code too, for a camera
    #[arg(long)]
    pub qr: bool,
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

    /// Show the answer as a QR code too, for a camera
    #[arg(long)]
    pub qr: bool,
}

/// `glass review`.
#[derive(Debug, Group)]
#[command(after_help = "\
Without a session it lists the overrides that nobody has reviewed yet: those of this machine, and those of others that
lie in the catalogue's store. With one it shows on one screen what was done without approvals, asks, and closes the
review with your signature; it takes one of those who may approve the profile, and not the person who overrode.
A file or paste may be the block of an override, to be reviewed, or a statement that somebody has signed, to be taken in.

Examples:
  glass review
  glass review 4fgk2m9q --reason 'the failover was right, the runbook lacks it'
  glass review -            and paste what you were sent")]
pub struct Review {
    /// The session of an override, a file, or - to paste
    #[arg(value_name = "SESSION|FILE|-")]
    pub session: Option<String>,

    /// What you found; it is signed with it, on one line
    #[arg(long, value_name = "TEXT", requires = "session")]
    pub reason: Option<String>,

    /// A copy of the ledger of who overrode, which tells what was done
    #[arg(long, value_name = "DIR", requires = "session")]
    pub ledger: Option<PathBuf>,

    /// Do not ask; needed where there is no terminal
    #[arg(short, long, requires = "session")]
    pub yes: bool,

    /// Print one JSON document; the list only
    #[arg(long, conflicts_with = "session")]
    pub json: bool,
}
