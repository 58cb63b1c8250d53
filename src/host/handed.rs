//! What a person hands over to be read: a file, or a paste on the standard input. It may be anybody's.
//!
//! Keeps the promise that what is pasted with it is not taken for anything else: for the answer to the next question, or
//! for a command.

use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use rustix::io::retry_on_intr;

use super::files::{self, FileError, LARGEST};
use super::terminal;

/// Reads a file, or for `-` the standard input to its end, 1 MiB at most. What is typed or pasted on a terminal ends with
/// what was pasted together with the line after which it is complete, or with Ctrl-D.
///
/// # Errors
/// When it is no file, is larger, or cannot be read.
pub fn read(path: &Path, is_complete: &dyn Fn(&[u8]) -> bool) -> Result<Vec<u8>, FileError> {
    if path.as_os_str() != "-" {
        return files::read_anybodys(path);
    }
    let bytes = read_stdin(is_complete);
    let bytes = bytes.map_err(|source| FileError::Unreadable { path: PathBuf::from(path), source })?;
    let size = bytes.len() as u64;
    if size > LARGEST { Err(FileError::TooLarge { path: PathBuf::from(path), size }) } else { Ok(bytes) }
}

fn read_stdin(is_complete: &dyn Fn(&[u8]) -> bool) -> io::Result<Vec<u8>> {
    let stdin = io::stdin();
    let mut text = Vec::new();
    if !stdin.is_terminal() {
        stdin.lock().take(LARGEST + 1).read_to_end(&mut text)?;
        return Ok(text);
    }
    let mut is_whole = false;
    while text.len() as u64 <= LARGEST && !(is_whole && terminal::is_quiet(&stdin)) {
        let mut bytes = [0; 4096];
        match retry_on_intr(|| rustix::io::read(&stdin, &mut bytes))? {
            0 => break,
            count => text.extend_from_slice(&bytes[..count]),
        }
        is_whole = is_whole || is_complete(&text);
    }
    terminal::forget_unread(&stdin);
    Ok(text)
}
