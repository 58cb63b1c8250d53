//! What a person hands over to be read: a file, or a paste on the standard input. It may be anybody's.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Read};
use std::path::Path;

/// Reads a file, and no more of it than one byte too many.
///
/// # Errors
/// When it cannot be read.
pub fn read_file(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    read(File::open(path)?, most)
}

/// Reads the standard input to its end, and no more of it than one byte too many. What is typed or pasted on a terminal
/// ends with the line after which it is complete, or with Ctrl-D.
///
/// # Errors
/// When it cannot be read.
pub fn read_paste(most: usize, is_complete: &dyn Fn(&[u8]) -> bool) -> io::Result<Vec<u8>> {
    let mut stdin = io::stdin().lock();
    if !stdin.is_terminal() {
        return read(stdin, most);
    }
    let mut text = Vec::new();
    while text.len() <= most && stdin.read_until(b'\n', &mut text)? > 0 && !is_complete(&text) {}
    Ok(text)
}

fn read(from: impl Read, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
