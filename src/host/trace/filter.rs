//! What keeps a traced process from starting one that is not: a filter of its system calls (seccomp(2)).
//!
//! Of all that can be asked of the kernel `CLONE_UNTRACED` alone makes a process without its parent's tracer. A
//! `clone` with it is refused; `clone3`, whose flags no filter can see, is as if it were not built, and everybody then takes
//! `clone`. All else passes, for a tenth of a microsecond, since the kernel remembers what always does.
#![allow(unsafe_code, reason = "prctl and seccomp are unsafe in Rust")]

use std::io;

use nix::libc::{self, c_ulong, sock_filter, sock_fprog};

/// The numbers of `AUDIT_ARCH_…` (linux/audit.h) and of `clone` for each kind of program that this machine runs.
#[cfg(target_arch = "x86_64")]
const KINDS: [(u32, u32); 2] = [(0xc000_003e, 56), (0x4000_0003, 120)];
#[cfg(target_arch = "aarch64")]
const KINDS: [(u32, u32); 2] = [(0xc000_00b7, 220), (0x4000_0028, 120)];
/// Of other processors glass does not know them, and traces nothing there.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const KINDS: [(u32, u32); 0] = [];

/// The number of `clone3`, the same for all of them.
const CLONE3: u32 = 435;

/// What is added to the numbers of programs for x86-64 with short pointers.
const SHORT_POINTERS: u32 = 0x4000_0000;

/// Where in `struct seccomp_data` number, architecture and first argument are (linux/seccomp.h).
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const FIRST_ARGUMENT: u32 = 16;

/// Codes of instructions (linux/bpf_common.h): load, and, return, jump.
const LOAD: u16 = 0x20;
const AND: u16 = 0x54;
const RETURN: u16 = 0x06;
const IF_EQUAL: u16 = 0x15;
const IF_ANY: u16 = 0x45;

const PASS: sock_filter = plain(RETURN, libc::SECCOMP_RET_ALLOW);
const REFUSE: sock_filter = plain(RETURN, libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned());
const NOT_BUILT: sock_filter = plain(RETURN, libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned());

/// How many instructions a kind of program takes.
const BLOCK: usize = 10;

const FILTER: [sock_filter; 1 + BLOCK * KINDS.len() + 1] = {
    let mut filter = [NOT_BUILT; 1 + BLOCK * KINDS.len() + 1];
    filter[0] = plain(LOAD, ARCHITECTURE);
    let mut kind = 0;
    while kind < KINDS.len() {
        let block = block(KINDS[kind]);
        let mut at = 0;
        while at < BLOCK {
            filter[1 + BLOCK * kind + at] = block[at];
            at += 1;
        }
        kind += 1;
    }
    filter
};

/// What is done with a call of a program of this kind; another kind's goes on behind the block.
const fn block((architecture, clone): (u32, u32)) -> [sock_filter; BLOCK] {
    [
        jump(IF_EQUAL, architecture, 0, 9),
        plain(LOAD, NUMBER),
        plain(AND, !SHORT_POINTERS),
        jump(IF_EQUAL, CLONE3, 5, 0),
        jump(IF_EQUAL, clone, 0, 3),
        plain(LOAD, FIRST_ARGUMENT),
        jump(IF_ANY, libc::CLONE_UNTRACED.cast_unsigned(), 0, 1),
        REFUSE,
        PASS,
        NOT_BUILT,
    ]
}

const fn plain(code: u16, k: u32) -> sock_filter {
    jump(code, k, 0, 0)
}

/// An instruction that goes on so many places further.
const fn jump(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

/// Sets the filter for this process and all that descends from it. Takes no memory.
///
/// # Errors
/// When the kernel does not take it, or glass does not know this processor.
pub fn set() -> io::Result<()> {
    if KINDS.is_empty() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let mut filter = FILTER;
    let length = u16::try_from(filter.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = sock_fprog { len: length, filter: filter.as_mut_ptr() };
    let flags: c_ulong = libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    let on: c_ulong = 1;
    // SAFETY: prctl takes numbers, and seccomp reads the program, which is alive until it returns.
    let done = unsafe {
        if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, on, 0, 0, 0) != 0 {
            return Err(io::Error::last_os_error());
        }
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
