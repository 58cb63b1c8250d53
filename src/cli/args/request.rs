//! The words of asking for a sign-off.

use clap::Args as Group;

use super::Elevation;

/// `glass request`.
#[derive(Debug, Group)]
#[command(after_help = "\
What it prints on stdout is the request, to be pasted wherever an approver reads it. Whatever is missing is asked.

Examples:
  glass request prod-db-critical --incident INC-4711 --reason 'orders database lost its writer'
  glass request prod-db-critical | mail -s 'please sign' bob@acme.example")]
pub struct Request {
    /// What is asked for.
    #[command(flatten)]
    pub elevation: Elevation,

    /// The step of the profile's runbook that it is for, and nothing else
    #[arg(long, value_name = "NAME")]
    pub step: Option<String>,

    /// Print one JSON document instead of the block
    #[arg(long)]
    pub json: bool,

    /// Show it as a QR code too, for a camera
    #[arg(long)]
    pub qr: bool,
}

/// `glass requests`.
#[derive(Debug, Group)]
#[command(after_help = "Without --all: those that can still be used, and those that expired within the last day.")]
pub struct Requests {
    /// Older ones too
    #[arg(long)]
    pub all: bool,

    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}
