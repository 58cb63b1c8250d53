//! The words of `glass hooks`.

use clap::{Args as Group, Subcommand};

use super::set_up::stores;
use crate::model::identity::Store;
use crate::model::name::HookName;

/// `glass hooks`.
#[derive(Debug, Group)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "The hooks are [[hooks]] in the catalogue: see docs/catalogue.md. What one of them was not told it is told by \
                  later runs of glass."
)]
pub struct Hooks {
    /// What to do with them, instead of listing them.
    #[command(subcommand)]
    pub action: Option<HooksAction>,

    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

impl Hooks {
    /// Whether it only has another process do it.
    pub fn is_go_between(&self) -> bool {
        matches!(self.action, Some(HooksAction::Send(HooksSend { apart: true, .. })))
    }
}

/// What can be done with hooks.
#[derive(Debug, Subcommand)]
pub enum HooksAction {
    /// Tell a hook of this very run, and show what it answers
    Test(HooksTest),
    /// Keep the secret with which a webhook is signed; it is asked on the terminal
    Secret(HooksSecret),
    /// Tell the hooks now what they were not told
    Send(HooksSend),
}

/// `glass hooks test`.
#[derive(Debug, Group)]
pub struct HooksTest {
    /// The hook, see `glass hooks`
    #[arg(value_name = "NAME", value_parser = HookName::parse)]
    pub hook: HookName,
}

/// `glass hooks secret`.
#[derive(Debug, Group)]
#[command(
    after_help = "Without --store it is kept in the desktop's keyring if that is open, and else in a file with mode 0600."
)]
pub struct HooksSecret {
    /// The hook, see `glass hooks`
    #[arg(value_name = "NAME", value_parser = HookName::parse)]
    pub hook: HookName,

    /// The keyring that keeps it
    #[arg(long, value_name = "STORE", value_parser = stores())]
    pub store: Option<Store>,
}

/// `glass hooks send`.
#[derive(Debug, Group)]
pub struct HooksSend {
    /// For nobody: with no terminal
    #[arg(long, hide = true)]
    pub background: bool,

    /// Have a process that does not descend from this one's caller do it
    #[arg(long, hide = true, conflicts_with = "background")]
    pub apart: bool,
}
