//! The words of what is done once on a machine: enrol, configure, what the shell is given.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args as Group, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::model::identity::Store;
use crate::model::name::MfaSerial;

/// `glass configure`.
#[derive(Debug, Group)]
#[command(after_help = "\
The profiles stand in a marked block; nothing else of the file is touched.
Without a name the block becomes all of the catalogue, with names these are added to it.")]
pub struct Configure {
    /// The profiles, see `glass list`
    #[arg(value_name = "PROFILE")]
    pub profiles: Vec<String>,

    /// What comes before their names in the AWS CLI
    #[arg(long, value_name = "TEXT", default_value = "glass-")]
    pub prefix: String,

    /// Print the block instead of writing it
    #[arg(long, conflicts_with = "remove")]
    pub print: bool,

    /// Take these profiles out, or the whole block
    #[arg(long)]
    pub remove: bool,
}

/// `glass enrol`.
#[derive(Debug, Group)]
#[command(after_help = "\
Best is an AWS CLI profile that signs in itself (--profile): it needs no long-lived key.
Without one an access key is asked and put into the system's keyring.
Secrets are asked on the terminal only.

Examples:
  glass enrol --profile acme-daily
  glass enrol --from-profile default")]
pub struct Enrol {
    /// Who you are in the catalogue
    #[arg(long, value_name = "PERSON")]
    pub person: Option<String>,

    /// The AWS CLI profile that daily credentials come from
    #[arg(long, value_name = "NAME", conflicts_with_all = ["from_profile", "remove"])]
    pub profile: Option<String>,

    /// The AWS CLI profile whose long-lived key moves into the keyring
    #[arg(long, value_name = "NAME", conflicts_with = "remove")]
    pub from_profile: Option<String>,

    /// The keyring [default: the first that works]
    #[arg(long, value_name = "NAME", value_parser = stores())]
    pub store: Option<Store>,

    /// An MFA device, if neither the catalogue nor AWS tells it
    #[arg(long, value_name = "ARN", value_parser = MfaSerial::parse, conflicts_with = "remove")]
    pub mfa: Vec<MfaSerial>,

    /// Keep the MFA device's seed in the keyring too: no code is asked, and the second factor lies beside the first
    #[arg(long, conflicts_with = "remove")]
    pub totp: bool,

    /// Replace the identity file and remove the key from the plain file without asking
    #[arg(long)]
    pub yes: bool,

    /// Take the key and the seed out of the keyring
    #[arg(long)]
    pub remove: bool,
}

pub(super) fn stores() -> impl TypedValueParser<Value = Store> {
    let by_name = |name: String| Store::ALL.into_iter().find(|store| store.name() == name);
    PossibleValuesParser::new(Store::ALL.map(Store::name)).map(move |name| by_name(name).expect("it is one of them"))
}

/// The subcommands that need neither files nor the ledger.
#[derive(Debug, Subcommand)]
pub enum Plain {
    /// Print the completions of a shell
    Completions(Completions),
    /// Print what shows a session in the shell's prompt
    Init(Init),
    /// Print the manual page
    Man,
    /// Print the session of this environment, for tmux and other status lines; nothing outside of one
    Prompt,
}

/// `glass init`.
#[derive(Debug, Group)]
#[command(after_help = "\
Shells that `glass assume` opens have it already. For those that are started in them, e.g. by tmux:

  eval \"$(glass init bash)\"        at the end of ~/.bashrc
  eval \"$(glass init zsh)\"         at the end of ~/.zshrc
  glass init fish | source          at the end of ~/.config/fish/config.fish")]
pub struct Init {
    /// The shell, or what makes its prompt
    pub shell: Snippet,
}

/// What there is a snippet for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Snippet {
    /// bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish, 3.6 or newer.
    Fish,
    /// A part of `~/.config/starship.toml`.
    Starship,
}

/// `glass completions`.
#[derive(Debug, Group)]
pub struct Completions {
    /// The shell
    pub shell: Shell,
}
