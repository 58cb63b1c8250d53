//! Which program asks a session for something, as far as the system tells.
//!
//! For the ledger, not for the decision: that is made by the user id, which the kernel vouches for.

use std::fs;
use std::path::PathBuf;
use std::process;

use super::Peer;
use crate::world::keeping::Asker;

/// How far up a process's ancestors are followed.
const MOST_ANCESTORS: usize = 64;

/// Who is at the other end. When that is glass, it asks for the program that started it: the AWS CLI, an SDK.
pub(super) fn asker(peer: Peer) -> Asker {
    let inside = ancestors(peer.pid).any(|pid| pid == process::id());
    let itself = fs::read_link("/proc/self/exe").ok();
    // That of a glass cannot be read: it is not dumpable.
    let found = program(peer.pid).filter(|found| Some(found) != itself.as_ref());
    let (pid, program) = match found {
        Some(found) => (peer.pid, Some(found)),
        None => ancestors(peer.pid).nth(1).map_or((peer.pid, None), |pid| (pid, program(pid))),
    };
    let exe = program.map_or(String::new(), |path| path.to_string_lossy().into_owned());
    Asker { pid, exe, uid: peer.uid, inside }
}

fn program(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/exe")).ok()
}

/// A process, its parent, and so on.
fn ancestors(pid: u32) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(pid).filter(|pid| *pid > 0), |pid| parent(*pid)).take(MOST_ANCESTORS)
}

fn parent(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    line.trim().parse().ok().filter(|pid| *pid > 0)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_of_this_one_is_inside_and_its_program_is_told() {
        let mut child = process::Command::new("/bin/sleep").arg("60").spawn().unwrap();
        let pid = child.id();
        let told = asker(Peer { uid: 7, pid });
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(told.inside && told.exe.ends_with("sleep"), "{told:?}");
        assert_eq!((told.pid, told.uid), (pid, 7));
    }

    #[test]
    fn who_started_this_one_is_not_inside() {
        let told = asker(Peer { uid: 7, pid: std::os::unix::process::parent_id() });
        assert!(!told.inside);
    }

    #[test]
    fn a_glass_asks_for_the_program_that_started_it() {
        let told = asker(Peer { uid: 7, pid: process::id() });
        assert_eq!(told.pid, std::os::unix::process::parent_id());
    }
}
