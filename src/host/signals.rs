//! Signals, as something that can be waited for.
//!
//! While nobody holds them they do what they always do. While a question is open or a child
//! runs they are held: the terminal is put back, the child is told, and only then glass ends.
//! One that was ignored when glass was started, as by nohup, stays so.

use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use nix::sys::signal::{SigSet, SigmaskHow, Signal as MaskedSignal};
use signal_hook::consts::signal::{SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGWINCH};
use signal_hook::{flag, low_level::pipe};

/// The signals that end a process unless it says otherwise.
pub const ENDING: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

struct Watch {
    /// Whether a signal that ends a process ends this one.
    default: Arc<AtomicBool>,
    /// Whether SIGTSTP stops it.
    stops: Arc<AtomicBool>,
    seen: Vec<(i32, Arc<AtomicBool>)>,
    wake: Mutex<UnixStream>,
    /// How many hold the signals now.
    holders: Mutex<usize>,
}

static WATCH: OnceLock<Watch> = OnceLock::new();

/// Signals while they are held. When the last of these is dropped they have their usual effect again.
pub struct Held {
    watch: &'static Watch,
    wake: UnixStream,
}

/// Holds the signals back.
///
/// # Errors
/// When handlers cannot be installed.
pub fn hold() -> io::Result<Held> {
    let watch = match WATCH.get() {
        Some(watch) => watch,
        None => {
            let watch = Watch::install()?;
            WATCH.get_or_init(|| watch)
        }
    };
    let wake = watch.wake.lock().unwrap_or_else(PoisonError::into_inner).try_clone()?;
    let mut holders = watch.holders.lock().unwrap_or_else(PoisonError::into_inner);
    if *holders == 0 {
        for (_, seen) in &watch.seen {
            seen.store(false, Ordering::SeqCst);
        }
        watch.default.store(false, Ordering::SeqCst);
    }
    *holders += 1;
    Ok(Held { watch, wake })
}

impl Watch {
    fn install() -> io::Result<Watch> {
        let default = Arc::new(AtomicBool::new(true));
        let stops = Arc::new(AtomicBool::new(true));
        flag::register_conditional_default(SIGTSTP, Arc::clone(&stops))?;
        let (wake, write) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let ignored = ignored();
        let mut seen = Vec::new();
        for signal in ENDING.into_iter().chain([SIGCHLD, SIGCONT, SIGTSTP, SIGUSR1, SIGWINCH]) {
            if ENDING.contains(&signal) {
                if ignored & (1 << (signal - 1)) != 0 {
                    continue;
                }
                flag::register_conditional_default(signal, Arc::clone(&default))?;
            }
            let flag = Arc::new(AtomicBool::new(false));
            flag::register(signal, Arc::clone(&flag))?;
            pipe::register(signal, write.try_clone()?)?;
            seen.push((signal, flag));
        }
        Ok(Watch { default, stops, seen, wake: Mutex::new(wake), holders: Mutex::new(0) })
    }
}

/// The signals that whoever started glass wants ignored, as bits; on other systems than Linux that is not known.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

impl Held {
    /// What becomes readable when a signal arrives.
    pub fn wake(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// Empties what [`Held::wake`] has to read. Called before the signals are looked at.
    pub fn drain(&self) {
        let mut bytes = [0u8; 64];
        while matches!((&self.wake).read(&mut bytes), Ok(count) if count > 0) {}
    }

    /// From now on SIGTSTP does not stop this process: it is told like the others.
    pub fn stay_awake(&self) {
        self.watch.stops.store(false, Ordering::SeqCst);
    }

    /// Whether a signal has arrived since this was last asked.
    pub fn take(&self, signal: i32) -> bool {
        self.watch.seen.iter().any(|(known, seen)| *known == signal && seen.swap(false, Ordering::SeqCst))
    }

    /// The signal that asks glass to end, if one has arrived.
    pub fn take_ending(&self) -> Option<i32> {
        ENDING.into_iter().find(|signal| self.take(*signal))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut holders = self.watch.holders.lock().unwrap_or_else(PoisonError::into_inner);
        *holders -= 1;
        if *holders == 0 {
            self.watch.default.store(true, Ordering::SeqCst);
            self.watch.stops.store(true, Ordering::SeqCst);
        }
    }
}

/// Does what a process in the background may do to its terminal only with SIGTTOU blocked.
pub fn with_ttou_blocked(work: impl FnOnce()) {
    let mut mask = SigSet::empty();
    mask.add(MaskedSignal::SIGTTOU);
    let before = mask.thread_swap_mask(SigmaskHow::SIG_BLOCK);
    work();
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_hold_is_held_until_both_let_go() {
        let one = hold().unwrap();
        drop(hold().unwrap());
        assert!(!one.watch.default.load(Ordering::SeqCst));
    }
}
