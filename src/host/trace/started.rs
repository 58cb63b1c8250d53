//! What a process has become, read while it is stopped at its program's first instruction (proc(5)).

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;

use rustix::process::Pid;

use crate::host::descent;
use crate::model::program::{Arguments, Started};

/// How much of the arguments is read at a time.
const PIECE: usize = 64 * 1024;

/// What a process that is stopped after an exec has become; none if it was killed meanwhile.
pub fn started(process: Pid) -> Option<Started> {
    let pid = process.as_raw_nonzero().get();
    let parent = descent::parent_of(process)?;
    let arguments = arguments(pid).ok()?;
    let link = |name: &str| fs::read_link(format!("/proc/{pid}/{name}")).ok();
    let bytes = |name| link(name).map(|path| path.into_os_string().into_vec());
    let (path, cwd) = (bytes("exe"), bytes("cwd"));
    // A process that is being killed has neither any more.
    let gone = path.is_none() && arguments.is_empty();
    (!gone).then_some(Started { pid: pid.unsigned_abs(), parent: parent.unsigned_abs(), path, cwd, arguments })
}

fn arguments(pid: i32) -> io::Result<Arguments> {
    let mut file = File::open(format!("/proc/{pid}/cmdline"))?;
    let (mut arguments, mut piece) = (Arguments::default(), vec![0; PIECE]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(arguments),
            count => arguments.add(&piece[..count]),
        }
    }
}
