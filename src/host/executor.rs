//! Where async code runs: on the thread that waits for it.

use std::future::Future;
use std::io;

use tokio::runtime::{Builder, Runtime};

/// One runtime for one thread.
pub struct Executor(Option<Runtime>);

impl Executor {
    pub fn new() -> io::Result<Self> {
        Builder::new_current_thread().enable_all().build().map(|runtime| Executor(Some(runtime)))
    }

    pub fn run<F: Future>(&self, work: F) -> F::Output {
        self.0.as_ref().expect("it is taken only on drop").block_on(work)
    }
}

impl Drop for Executor {
    /// Does not wait for what still runs, such as a DNS look-up that nobody answers.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
