//! Every environment variable that glass reads or sets, by name.

/// The catalogue's file.
pub const CATALOGUE: &str = "GLASS_CATALOGUE";
/// The identity file.
pub const IDENTITY: &str = "GLASS_IDENTITY";
/// Where the diagnostic log goes: a file's path, or a level for stderr.
pub const LOG: &str = "GLASS_LOG";
/// The live session a shell is in.
pub const SESSION: &str = "GLASS_SESSION";
/// The profile of that session.
pub const PROFILE: &str = "GLASS_PROFILE";
/// Its level.
pub const LEVEL: &str = "GLASS_LEVEL";
/// When it ends, RFC 3339.
pub const EXPIRATION: &str = "GLASS_EXPIRATION";
/// When it ends, in seconds since 1970.
pub const EXPIRATION_EPOCH: &str = "GLASS_EXPIRATION_EPOCH";
/// The incident it is for.
pub const INCIDENT: &str = "GLASS_INCIDENT";
/// Who broke the glass.
pub const PERSON: &str = "GLASS_PERSON";
/// The number of the descriptor on which a session's shells report their command lines.
pub const REPORT: &str = "GLASS_REPORT";
/// The folder of the practice that a command belongs to.
pub const SANDBOX: &str = "GLASS_SANDBOX";

/// The shell that is opened.
pub const SHELL: &str = "SHELL";
/// What shows a long text.
pub const PAGER: &str = "PAGER";
/// How `less` behaves.
pub const LESS: &str = "LESS";
/// The folder of zsh's start-up files, when it is not the home folder.
pub const ZDOTDIR: &str = "ZDOTDIR";
/// Where programs are found.
pub const PATH: &str = "PATH";
/// The home folder.
pub const HOME: &str = "HOME";
/// The base of configuration files.
pub const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";
/// The base of sockets and the like, gone with the login.
pub const XDG_RUNTIME_DIR: &str = "XDG_RUNTIME_DIR";
/// The base of state files.
pub const XDG_STATE_HOME: &str = "XDG_STATE_HOME";
/// Set to anything, it means no colours.
pub const NO_COLOR: &str = "NO_COLOR";
/// Where the ssh agent listens.
pub const SSH_AUTH_SOCK: &str = "SSH_AUTH_SOCK";
/// What kind of terminal this is.
pub const TERM: &str = "TERM";

/// Where the AWS CLI's configuration is, when not in `~/.aws/config`.
pub const AWS_CONFIG_FILE: &str = "AWS_CONFIG_FILE";
/// Where the AWS CLI's credentials are, when not in `~/.aws/credentials`.
pub const AWS_SHARED_CREDENTIALS_FILE: &str = "AWS_SHARED_CREDENTIALS_FILE";
