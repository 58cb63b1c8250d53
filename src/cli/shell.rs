//! The shell that `assume` opens: it shows the session in its prompt.
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
use crate::world::variables;

/// What shows a session in the prompt of bash.
pub const BASH: &str = include_str!("shell/glass.bash");
/// What shows a session in the prompt of zsh.
pub const ZSH: &str = include_str!("shell/glass.zsh");
/// What shows a session in the prompt of fish.
pub const FISH: &str = include_str!("shell/glass.fish");

/// Has a shell show its session. What is returned is to be kept as long as the shell lives.
///
/// Where that is not possible the shell is opened as it is: an emergency does not wait for a prompt.
pub fn show_session(work: &mut Work, environment: &mut Environment, state: &Path, session: &Id) -> Option<StartFile> {
    if work.kind != SessionKind::Shell {
        return None;
    }
    let shell = Path::new(work.argv.first()?).file_name()?.to_str()?.to_owned();
    let write = |name, text: &str| StartFile::write(state, session, name, text);
    let written = match shell.as_str() {
        "bash" => write("bashrc", &format!("{}{BASH}", include_str!("shell/bashrc"))).inspect(|file| {
            work.argv.extend(["--rcfile".into(), file.path().into()]);
        }),
        "zsh" => write(".zshenv", &zshenv(variable(variables::ZDOTDIR).as_deref())).and_then(|file| {
            let folder = file.path().parent().and_then(Path::to_str).ok_or(io::ErrorKind::InvalidFilename)?;
            environment.set(variables::ZDOTDIR, folder.to_owned());
            Ok(file)
        }),
        "fish" => {
            work.argv.extend(["--init-command".into(), FISH.into()]);
            return None;
        }
        _ => return None,
    };
    written
        .inspect_err(|error| out::say(&format!("glass: warning: the prompt will not show the session: {error}")))
        .ok()
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
