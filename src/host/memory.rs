//! The memory of this process, in which credentials lie while a session lives.
//!
//! Keeps the promise that they lie nowhere else in it: whatever memory is given back is wiped, so that no buffer
//! of a library keeps a copy, and what is needed is not written to swap or into a core dump.
#![allow(unsafe_code, reason = "an allocator, and locks on pages of memory, are unsafe in Rust")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::ptr;

use crate::model::session::Credentials;

/// An allocator that wipes what is given back to it.
struct Wiping<A>(A);

#[global_allocator]
static MEMORY: Wiping<System> = Wiping(System);

// SAFETY: every call goes on to the other allocator as it came; a block is written to while it is still the
// caller's, and not beyond its length. A block that grows is another one, by the default of the trait.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Wiping<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe {
            ptr::write_bytes(block, 0, layout.size());
            // Else the compiler may leave out what nobody reads any more.
            black_box(block);
            self.0.dealloc(block, layout);
        }
    }
}

/// Keeps the pages with a session's credentials out of swap and core dumps, as far as the system allows.
pub fn keep(credentials: &Credentials) {
    let Credentials { access_key_id, secret_access_key, session_token } = credentials;
    for text in [access_key_id.as_str(), secret_access_key.expose(), session_token.expose()] {
        keep_pages(text.as_bytes());
    }
}

fn keep_pages(bytes: &[u8]) {
    let page = rustix::param::page_size();
    let from = bytes.as_ptr().addr() & !(page - 1);
    let length = (bytes.as_ptr().addr() + bytes.len()).next_multiple_of(page) - from;
    let pages = bytes.as_ptr().with_addr(from).cast_mut().cast();
    // What the system does not allow (RLIMIT_MEMLOCK) is no reason to have no session.
    // SAFETY: the pages are mapped, since the bytes lie in them; neither call changes what is in them.
    unsafe {
        let _ = rustix::mm::mlock(pages, length);
        #[cfg(target_os = "linux")]
        let _ = rustix::mm::madvise(pages, length, rustix::mm::Advice::LinuxDontDump);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::UnsafeCell;

    use super::*;

    /// An allocator of one block, which can be looked at after it was given back.
    struct Kept(UnsafeCell<[u8; 64]>);

    // SAFETY: there is one block, and one test that asks for it once.
    unsafe impl GlobalAlloc for Kept {
        unsafe fn alloc(&self, _: Layout) -> *mut u8 {
            self.0.get().cast()
        }

        unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
    }

    #[test]
    fn what_is_given_back_is_wiped_and_nothing_beyond_it() {
        let memory = Wiping(Kept(UnsafeCell::new([0xa5; 64])));
        let layout = Layout::array::<u8>(48).expect("a size that is possible");
        // SAFETY: the block is given back as it was asked for.
        unsafe { memory.dealloc(memory.alloc(layout), layout) };
        let block = memory.0.0.into_inner();
        assert_eq!(block[..48], [0; 48]);
        assert_eq!(block[48..], [0xa5; 16]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn kept_pages_are_left_out_of_core_dumps() {
        let bytes = vec![7_u8; 100];
        keep_pages(&bytes);
        let at = bytes.as_ptr().addr();
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut inside = false;
        let flags = maps.lines().find_map(|line| {
            if let Some((from, rest)) = line.split_once('-')
                && let (Ok(from), Some(to)) = (usize::from_str_radix(from, 16), rest.split(' ').next())
            {
                inside = (from..usize::from_str_radix(to, 16).unwrap()).contains(&at);
            }
            line.strip_prefix("VmFlags:").filter(|_| inside)
        });
        assert!(flags.unwrap().split_whitespace().any(|flag| flag == "dd"), "{flags:?}");
    }
}
