//! The shell that `assume` opens: it shows the session in its prompt, and reports its command lines.
//!
//! The user's own start-up files are read as ever and are not touched: bash is given another
//! file for `~/.bashrc`, which reads that one first; zsh another folder, which it leaves at once;
//! fish a command to run after its configuration. Other shells are opened as they are.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use super::out;
use crate::broker::{Environment, Work};
use crate::host::places::variable;
use crate::host::start_file::StartFile;
use crate::model::event::SessionKind;
use crate::model::name::Id;
use crate::model::text::escaped;
use crate::world::keeping::Commands;
use crate::world::variables;

/// What shows a session in the prompt of bash, and reports what is done in it.
pub const BASH: &str = include_str!("shell/glass.bash");
/// The same for zsh.
pub const ZSH: &str = include_str!("shell/glass.zsh");
/// The same for fish.
pub const FISH: &str = include_str!("shell/glass.fish");

/// Has a shell show its session and report its command lines. What is returned is to be kept as long as the shell lives.
///
/// Where that is not possible the shell is opened as it is, and that is said: an emergency does not wait for a prompt.
pub fn show_session(work: &mut Work, environment: &mut Environment, state: &Path, session: &Id) -> Option<StartFile> {
    if work.kind != SessionKind::Shell {
        return None;
    }
    let shell = Path::new(work.argv.first()?).file_name()?.to_string_lossy().into_owned();
    let write = |name, text: &str| StartFile::write(state, session, name, text).map(Some);
    let prepared = match shell.as_str() {
        "bash" => write("bashrc", &format!("{}{BASH}", include_str!("shell/bashrc"))).inspect(|file| {
            work.argv.push("--rcfile".into());
            work.argv.extend(file.iter().map(|file| file.path().into()));
        }),
        "zsh" => write(".zshenv", &zshenv(variable(variables::ZDOTDIR).as_deref())).and_then(|file| {
            let folder = file.as_ref().and_then(|file| file.path().parent()).and_then(Path::to_str);
            environment.set(variables::ZDOTDIR, folder.ok_or(io::ErrorKind::InvalidFilename)?.to_owned());
            Ok(file)
        }),
        "fish" => {
            work.argv.extend(["--init-command".into(), FISH.into()]);
            Ok(None)
        }
        _ => Err(io::Error::other(format!("{} is neither bash nor zsh nor fish", escaped(&shell)))),
    };
    environment.watch_commands(if prepared.is_ok() { Commands::Reported } else { Commands::Unreported });
    prepared
        .inspect_err(|error| {
            out::warn(&format_args!("the session's commands are not logged, nor does the prompt show it: {error}"));
        })
        .ok()
        .flatten()
}

/// zsh's first start-up file; `folder` is the user's own `ZDOTDIR`.
fn zshenv(folder: Option<&OsStr>) -> String {
    let back = match folder {
        Some(folder) => format!("ZDOTDIR={}", quoted(&folder.to_string_lossy())),
        None => "unset ZDOTDIR".to_owned(),
    };
    format!("{back}\n__glass_start() {{\n{ZSH}}}\n{}", include_str!("shell/zshenv"))
}

/// One word of zsh, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
