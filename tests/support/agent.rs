//! An ssh agent that says what a test wants it to say.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread;

use glass::model::ssh_wire::{Reader, strings};

use super::SoftKey;

/// An agent of the test's own, which answers each request with what is made of it.
pub fn agent_that(folder: &Path, answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> PathBuf {
    let socket = folder.join("agent");
    let _ = fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut length = [0; 4];
            while stream.read_exact(&mut length).is_ok() {
                let mut request = vec![0; u32::from_be_bytes(length) as usize];
                stream.read_exact(&mut request).unwrap();
                if stream.write_all(&answer(&request)).is_err() {
                    break;
                }
            }
        }
    });
    socket
}

/// What an honest agent with one key says.
pub fn honest(key: &SoftKey, request: &[u8]) -> Vec<u8> {
    let mut rest = Reader::new(request);
    let answer = match rest.byte().unwrap() {
        11 => [&[12, 0, 0, 0, 1][..], &strings(&[key.public().blob(), b"a comment"])].concat(),
        13 => {
            assert_eq!(rest.string().unwrap(), key.public().blob());
            [&[14][..], &strings(&[&key.sign(rest.string().unwrap())])].concat()
        }
        _ => vec![5],
    };
    strings(&[&answer])
}
